"""One real round of every game with its paper's networks, at its paper's resolution. Minutes each: `make full`."""

import pytest
import torch
from playing import play
from seeding import seed_all
from small import GAMES
from torch import Tensor
from torch.nn.functional import avg_pool2d

from saddle.runs import registry
from saddle.spec import DataSpec, Field
from saddle.spec.text import condition_of, to_bytes

SIZES = {  # shape of a sample, and classes where the paper has them
    "aae": ((1, 28, 28), 0),
    "acgan": ((3, 32, 32), 10),
    "anogan": ((1, 64, 64), 0),
    "began": ((3, 128, 128), 0),
    "bicogan": ((1, 28, 28), 10),
    "bigan": ((1, 28, 28), 0),
    "biggan": ((3, 128, 128), 1000),
    "biggan-deep": ((3, 128, 128), 1000),
    "cgan": ((1, 28, 28), 10),
    "cogan": ((1, 28, 28), 0),
    "cvae": ((1, 28, 28), 10),
    "cyclegan": ((3, 256, 256), 0),
    "dcgan": ((3, 64, 64), 0),
    "disentangle": ((3, 256, 256), 2),
    "dragan": ((3, 32, 32), 0),
    "dtn": ((3, 32, 32), 10),
    "ebgan": ((3, 64, 64), 0),
    "encoder": ((3, 64, 64), 0),
    "energy": ((3, 32, 32), 0),
    "esrgan": ((3, 128, 128), 0),
    "f-anogan": ((1, 64, 64), 0),
    "fgan": ((1, 28, 28), 0),
    "gan": ((1, 28, 28), 0),
    "gan-cls": ((3, 64, 64), 0),
    "ganilla": ((3, 256, 256), 0),
    "gln": ((1, 128, 128), 0),
    "improved-gan": ((3, 32, 32), 0),
    "infogan": ((1, 28, 28), 0),
    "lapgan": ((3, 32, 32), 0),
    "lsgan": ((3, 112, 112), 0),
    "mgan": ((3, 32, 32), 0),
    "nicegan": ((3, 256, 256), 0),
    "pan": ((3, 256, 256), 0),
    "pix2pix": ((3, 256, 256), 0),
    "pix2pixhd": ((3, 512, 1024), 0),
    "progan": ((3, 1024, 1024), 0),
    "projection": ((3, 128, 128), 1000),
    "r3gan": ((3, 256, 256), 0),
    "ragan": ((3, 64, 64), 0),
    "sagan": ((3, 128, 128), 1000),
    "simgan": ((1, 35, 55), 0),
    "singan": ((3, 188, 250), 0),
    "sgan": ((3, 32, 32), 10),
    "sngan": ((3, 32, 32), 0),
    "spade": ((3, 256, 256), 0),
    "srgan": ((3, 96, 96), 0),
    "st-cgan": ((3, 256, 256), 0),
    "stackgan": ((3, 256, 256), 0),
    "stackgan-v2": ((3, 256, 256), 0),
    "stargan": ((3, 128, 128), 5),
    "stylegan2": ((3, 1024, 1024), 0),
    "tpgan": ((3, 128, 128), 340),
    "unit": ((3, 256, 256), 0),
    "unit-adaptation": ((3, 32, 32), 10),
    "vae": ((1, 28, 28), 0),
    "vaegan": ((3, 64, 64), 0),
    "wgan": ((3, 64, 64), 0),
    "wgan-gp": ((3, 32, 32), 0),
}


def damaged(name: str, data: DataSpec, batch: dict[str, Tensor]) -> tuple[DataSpec, dict[str, Tensor]]:
    """The same images, and what a game that restores them is given."""
    image = batch["image"]
    if name in ("esrgan", "gln", "srgan"):
        batch = {"image": image, "damaged": avg_pool2d(image, 4)}
        return DataSpec({key: Field("image", tuple(x.shape[1:])) for key, x in batch.items()}), batch
    fields = {key: Field("image", data.shape) for key in ("damaged", "image")} | {"landmarks": Field("points", (10,))}
    batch |= {"damaged": image.flip(0), "landmarks": torch.rand(len(image), 10, device=image.device) * 2 - 1}
    return DataSpec(fields | {"label": data.fields["label"]}), batch


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", GAMES)
def test_the_papers_networks_play_a_round_at_the_papers_resolution(name):
    torch.set_num_threads(2)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shape, classes = SIZES[name]
    n = 1 if name == "singan" else 2
    data = DataSpec.of(shape, ("image", "label"), tuple(map(str, range(classes))), single=name == "singan")
    batch = {"image": torch.rand(n, *shape, device=device) * 2 - 1}
    batch |= {"label": torch.arange(n, device=device)} if classes else {}
    if name in ("cogan", "cyclegan", "dtn", "ganilla", "nicegan", "pan", "pix2pix", "pix2pixhd", "simgan", "unit"):
        data, batch = DataSpec.of(shape, ("a", "b")), {"a": batch["image"], "b": batch["image"].flip(0)}
    if name == "spade":
        names, colours = tuple(map(str, range(36))), tuple((k, k, k) for k in range(36))
        data = DataSpec({"a": Field("map", shape[1:], names, colours), "b": Field("image", shape)})
        batch = {"a": torch.randint(36, (n, *shape[1:]), device=device), "b": batch["image"]}
    if name == "dtn":
        data = DataSpec({**data.fields, "label_a": Field("class", (), tuple(map(str, range(classes))))})
        batch["label_a"] = torch.arange(n, device=device)
    if name == "st-cgan":
        fields = {key: Field("image", shape) for key in "ab"} | {"mask": Field("mask", (1, *shape[1:]))}
        data, batch = DataSpec(fields), {"a": batch["image"], "b": batch["image"].flip(0)}
        batch["mask"] = (batch["a"][:, :1] > 0).float()
    if name in ("esrgan", "gln", "srgan", "tpgan"):
        data, batch = damaged(name, data, batch)
    if name == "unit-adaptation":
        fields = {key: Field("image", shape) for key in "ab"} | {"label_a": Field("class", (), tuple("0123456789"))}
        data = DataSpec(fields, domains=(("a", "label_a"), ("b",)))
        batch = {"a": batch["image"], "b": batch["image"].flip(0), "label_a": batch["label"]}
    if name in ("gan-cls", "stackgan", "stackgan-v2"):
        texts = ["a small red bird", "a bird with white wings"]
        data = DataSpec.of(shape, ("image", "caption"), condition=condition_of(texts))
        batch |= {"caption": to_bytes(texts, condition_of(texts)).to(device)}
    seed_all(0, "weights")
    game = registry.load(name)(data).to(device).train()
    game.progress = 0.99  # a network that grows is grown
    moves = play(game, batch)
    assert moves
    assert all(torch.isfinite(loss) for move in moves for loss in move.losses.values())
