"""An imported network computes what a second implementation of its own code does, from the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_networks import BigGAN, Resnet, TableNorm, Unet, UnetBlock
from foreign_stylegan2 import StyleGAN2
from importing import NEAR, apart, cyclegan, imported, pretrained, saved
from torch import nn

from saddle.base.errors import SaddleError, UsageError
from saddle.export import space_app
from saddle.foreign import adopt
from saddle.layers.dropout import Dropout
from saddle.layers.tables import weighed


@torch.no_grad()
@pytest.mark.parametrize("channels", [(3, 3), (1, 3)])
def test_a_cyclegan_translates_as_its_own_code_did(channels: tuple[int, int], tmp_path: Path):
    network = cyclegan(2, *channels)
    run = imported(network, "cyclegan", tmp_path, size=32)
    x = torch.rand(2, channels[0], 16, 24) * 2 - 1
    assert apart(run.game.translate({"a": x}, "b"), network(x)) <= NEAR  # type: ignore[attr-defined]
    assert run.game.ways == (("a", "b"),)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="translates from a to b"):
        run.game.translate({"b": x}, "a")  # type: ignore[attr-defined]


@torch.no_grad()
def test_both_directions_of_a_cyclegan_become_one_run(tmp_path: Path):
    there, back = cyclegan(2), Resnet(3, 3, 4, 2).eval()
    file = saved(back, tmp_path / "back.pth")
    run = imported(there, "cyclegan", tmp_path, back=file)
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    for network, start, to in ((there, "a", "b"), (back, "b", "a")):
        assert apart(run.game.translate({start: x}, to), network(x)) <= NEAR  # type: ignore[attr-defined]
    assert run.spec.shape == (3, 256, 256)
    with pytest.raises(SaddleError, match="not the other direction"):
        adopt(tmp_path / "file.pth", "cyclegan", tmp_path / "no", back=saved(cyclegan(3), tmp_path / "three.pth"))


@torch.no_grad()
@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d], ids=["batch", "instance"])
@pytest.mark.parametrize("net", ["unet", "resnet"])
def test_a_pix2pix_translates_as_its_own_code_did(net: str, norm: Any, tmp_path: Path):
    """In training mode, as test.py leaves it: batch norm of the one image. Without dropout, which no file holds."""
    torch.manual_seed(1)
    network = Unet(1, 3, 5, 2, norm) if net == "unet" else Resnet(1, 3, 4, 2, norm)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    how = {"dropout": False} if net == "unet" else {"size": 32}
    run = imported(network.train(), "pix2pix", tmp_path, **how)
    x = torch.rand(2, 1, 64, 32) * 2 - 1
    theirs = torch.cat([network(image) for image in x.split(1)])
    assert apart(run.game.translate({"a": x}, "b"), theirs) <= NEAR  # type: ignore[attr-defined]
    assert run.spec.shape == (1, 32, 32)


@torch.no_grad()
@pytest.mark.parametrize("halvings", [5, 6, 8])
def test_dropout_of_a_pix2pix_stands_where_it_stood(halvings: int, tmp_path: Path):
    """After the norms of the same steps up, of which the innermost is 0; the authors' block has it last."""
    network = Unet(3, 3, halvings, 2, dropout=True)
    blocks = [module for module in network.modules() if isinstance(module, UnetBlock)]
    theirs = [len(blocks) - 1 - i for i, block in enumerate(blocks) if isinstance(block.model[-1], nn.Dropout)]
    ours: Any = imported(network, "pix2pix", tmp_path).game
    steps = [i for i, step in enumerate(ours.generator.up) if any(isinstance(m, Dropout) for m in step)]
    assert steps == sorted(theirs)
    assert ours.varies
    resnet = imported(Resnet(3, 3, 4, 2, nn.BatchNorm2d, True), "pix2pix", fresh(tmp_path / "resnet"), size=32)
    assert len([m for m in resnet.game.modules() if isinstance(m, Dropout)]) == 2


def fresh(folder: Path) -> Path:
    folder.mkdir()
    return folder


@torch.no_grad()
@pytest.mark.parametrize("sizes", [(16, 8, 9, 5, 7, 8), (16, 8, 6, 0, 7, 0)], ids=["shared", "tables"])
def test_a_biggan_draws_as_its_own_code_did(sizes: tuple[int, ...], tmp_path: Path):
    torch.manual_seed(0)
    network = BigGAN(*sizes).eval()
    run = imported(network, "biggan", tmp_path)
    z, label = torch.randn(5, sizes[2]), torch.arange(5)
    assert apart(run.game.decode(z, label), network(z, label)) <= NEAR  # type: ignore[attr-defined]
    assert run.sample(3, label="6").shape == (3, 3, 16, 16)


@torch.no_grad()
@pytest.mark.parametrize("as_published", [False, True])
def test_a_pretrained_biggan_draws_as_its_own_code_did(
    as_published: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """At every kind of truncation; by default with the interpolation that was meant."""
    monkeypatch.setattr(TableNorm, "right", not as_published)
    network = pretrained()
    run = imported(network, "biggan-deep", tmp_path, as_published=as_published)
    z, label = torch.randn(5, 6), torch.arange(5)
    for truncation in (1.0, 0.505, 0.14, 0.4, 0.03):
        made = run.game.standing_generator(truncation)(z, label)  # type: ignore[attr-defined]
        assert apart(made, network(z, label, truncation)) <= NEAR, truncation
    assert apart(run.game.decode(z, label), network(z, label, 1.0)) <= NEAR  # type: ignore[attr-defined]


def test_two_sets_of_statistics_are_mixed_by_nearness_and_as_published_the_other_way_round():
    """Closed values for 51 sets: 0.505 lies a quarter of a step behind set 25; five sets are missed as published."""
    assert weighed(0.505, 51) == pytest.approx({25: 0.75, 26: 0.25})
    assert weighed(0.505, 51, swapped=True) == pytest.approx({25: 0.25, 26: 0.75})
    assert weighed(1.0, 51) == weighed(1.0, 51, swapped=True) == {50: 1.0}
    assert [weighed(i / 50, 51) for i in range(51)] == [{i: 1.0} for i in range(51)]
    meant, used = {}, {}
    for i in range(51):
        mix = weighed(i / 50, 51, swapped=True)
        meant[i], used[i] = i, sum(row * weight for row, weight in mix.items())
    assert {i: round(used[i]) for i in meant if abs(used[i] - i) > 0.5} == {7: 8, 14: 15, 28: 29, 29: 28, 47: 46}
    assert weighed(0.25, 51) == pytest.approx(weighed(0.25, 51, swapped=True))


@torch.no_grad()
def test_truncation_of_a_pretrained_biggan_scales_normal_numbers_within_two(tmp_path: Path):
    """The deviation of a normal number within ±2 is 0.8796; half of it at truncation 0.5."""
    game: Any = imported(pretrained(), "biggan-deep", tmp_path).game
    uniform = torch.rand(200_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for truncation in (1.0, 0.5):
        z = game.scaled(uniform, truncation)
        assert z.abs().max() <= 2 * truncation
        assert float(z.std()) == pytest.approx(0.8796 * truncation, rel=0.01)
    assert game.noise(1000).abs().max() <= 2
    (part,) = game.latent_parts()
    drawn = space_app.latents(20_000, 0, [part])
    assert abs(drawn).max() <= part["within"] == 2
    assert drawn.std() == pytest.approx(0.8796, rel=0.01)
    with pytest.raises(UsageError, match="at most 1"):
        game.sample(1, torch.tensor([0]), 1.5)


@torch.no_grad()
@pytest.mark.parametrize("how", [{}, {"c": 5, "clamp": 1.5, "side": 32}, {"channels": 1, "base": 999}], ids=str)
def test_a_stylegan2_draws_as_its_own_code_did(how: dict[str, Any], tmp_path: Path):
    torch.manual_seed(0)
    network = StyleGAN2(**how).eval()
    run = imported(network, "stylegan2", tmp_path)
    z, label = torch.randn(5, 6), torch.arange(5) if "c" in how else None
    made = network(z, label)
    assert apart(run.game.decode(z, label), made) <= NEAR  # type: ignore[attr-defined]
    styles = run.game.generator.styles(z, label, 0.6)  # type: ignore[attr-defined]
    assert apart(run.game.generator.synthesis(styles), network(z, label, 0.6)) <= NEAR  # type: ignore[attr-defined]
    if "clamp" in how:
        assert made.abs().max() > 1.5  # images add up from levels that are clamped each


def test_a_clamp_that_binds_changes_the_image(tmp_path: Path):
    torch.manual_seed(0)
    network = StyleGAN2(clamp=1.5).eval()
    z = torch.randn(2, 6)
    clamped = network(z)
    for module in network.modules():
        module.conv_clamp = None  # type: ignore[assignment]
    assert apart(clamped, network(z)) > 0.1
