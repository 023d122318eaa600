"""An encoder for a generator that is trained already: what it learns from, what it carries, and what it finds."""

import json
import shutil
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playing import in_round
from small import tiny_recipe
from torch import Tensor

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data import open_source
from saddle.games.encoder import Encoder
from saddle.nets.f_anogan import FAnoGAN
from saddle.runs import registry, scoring
from saddle.runs.recipe import Recipe, ask
from saddle.runs.session import train
from saddle.tasks import Synthesis
from saddle.training.checkpoint import Checkpoints

ROUNDS = 2
PLAN = {
    "plan.rounds": ROUNDS,
    "plan.batch": 4,
    "plan.scores": 0,
    "plan.pictures": 1,
    "plan.precision": "fp32",
    "plan.samples": 20,
}
SMALL = {**PLAN, "plan.save_every": 1, "game.network.width": 4}
OF_MANY_KINDS = ("cgan", "infogan", "gan-cls", "cogan", "progan", "lapgan", "bigan")


def begin(run: Path, source: Path) -> None:
    saddle.train("encoder", run=run, settings=SMALL, device="cpu", quiet=True, start=source)


def tensors(folder: Path, round_: int = ROUNDS, group: str = "game") -> dict[str, Tensor]:
    return Checkpoints(folder / "checkpoints").load(round_).tensors[group]


def of_game(name: str) -> tuple[Encoder, Synthesis]:
    """A small encoder for a game on its own data, and that game's part of it."""
    recipe = tiny_recipe(name)
    options = Encoder.Options(network=FAnoGAN(width=4)).beside(name, recipe.options)
    game = Encoder(open_source(recipe.data).spec, options)
    return game, game.sampler


@pytest.fixture(scope="module", autouse=True)
def unscored():
    """Trainings end at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "defaults", lambda *_, **__: [])
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Runs of two games, and an encoder beside each."""
    home = tmp_path_factory.mktemp("home")
    for name, edits in (("dcgan", {"game.network.width": 8}), ("stylegan2", {"game.network.channel_max": 16})):
        train(tiny_recipe(name, rounds=1, samples=20).change(edits), home / name, quiet=True)
        begin(home / f"of-{name}", home / name)
    return home


@pytest.fixture
def pictures(tmp_path_factory) -> Path:
    tmp_path = tmp_path_factory.mktemp("pictures")
    for i in range(2):
        Image.effect_noise((32, 32), 99 + i).save(tmp_path / f"{i}.png")
    return tmp_path


def test_it_learns_that_images_and_latents_come_back():
    game, sampler = of_game("dcgan")
    game.train()
    x, latents = torch.rand(3, *game.data.shape), torch.rand(3, game.own_numbers)
    game.noise = lambda n, label=None: latents
    (move,) = game.round(repeat({"image": x}))
    codes, again = game.encoder(torch.cat((x, sampler.generator(latents)))).chunk(2)
    assert move.players == ("encoder",)
    torch.testing.assert_close(move.losses["image"], (sampler.generator(codes) - x).square().mean())
    torch.testing.assert_close(move.losses["latent"], (again - latents).square().mean())
    without = Encoder(game.data, Encoder.Options(network=FAnoGAN(width=4), latent_weight=0.0)).train()
    (move,) = without.round(repeat({"image": x}))
    assert [*move.losses] == ["image"]


@pytest.mark.parametrize("name", OF_MANY_KINDS)
def test_it_finds_latents_of_every_kind_of_game_that_draws_samples(name):
    game, sampler = of_game(name)
    n, label = 2, game.draw_label(2)
    batch = {game.image: torch.rand(n, *game.data.shape)} | ({} if label is None else {game.needs[1]: label})
    game.train()
    (move,) = game.round(repeat(batch))
    sum(move.losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in game.encoder.parameters())
    assert all(p.grad is None for p in sampler.parameters())
    game.eval()
    codes = game.encode(batch[game.image])
    assert codes.shape == game.noise(n, label).shape
    assert game.reconstruct(batch[game.image], label).shape == (n, *game.data.shape)
    assert game.encodes_with_label == (label is not None)


def test_a_run_carries_the_averaged_generator_and_nothing_of_it_changes(home):
    source, run = tensors(home / "dcgan", 1), tensors(home / "of-dcgan")
    averages = {name.removeprefix("copies."): x for name, x in tensors(home / "dcgan", 1, "averages").items()}
    assert {name: x for name, x in run.items() if name.startswith("sampler.")}.keys() == {
        f"sampler.{name}" for name in source
    }
    assert all(torch.equal(run[f"sampler.{name}"], x) for name, x in (source | averages).items())
    assert any(not torch.equal(source[name], x) for name, x in averages.items()), "averages are no copies"
    first = tensors(home / "of-dcgan", 1)
    assert any(not torch.equal(x, first[name]) for name, x in run.items() if name.startswith("encoder."))


def test_its_recipe_says_of_which_game_and_of_which_data(home):
    source, run = Recipe.read(home / "stylegan2"), Recipe.read(home / "of-stylegan2")
    assert (run.data, run.options.of) == (source.data, "stylegan2")
    assert json.loads(run.options.settings)["z_dim"] == source.options.z_dim
    assert saddle.load(home / "of-stylegan2", device="cpu").game.sampler.options == source.options
    again, _ = ask("encoder", {}, None, home / "new", home / "of-stylegan2")
    assert again.options == run.options


def test_it_goes_on_without_the_other_run_and_ends_in_the_same_bits(home, tmp_path):
    def cut() -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        in_round(ROUNDS, cut, patch)
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path / "run", shutil.copytree(home / "dcgan", tmp_path / "source"))
    shutil.rmtree(tmp_path / "source")
    saddle.train(run=tmp_path / "run", device="cpu", quiet=True)
    for group in ("game", "averages"):
        ours, theirs = (tensors(folder, group=group) for folder in (tmp_path / "run", home / "of-dcgan"))
        assert all(torch.equal(x, theirs[name]) for name, x in ours.items())
    saddle.load(tmp_path / "run", device="cpu").sample(2)


@pytest.mark.parametrize("name", ["dcgan", "stylegan2"])
def test_what_it_finds_opens_with_both_runs(home, pictures, tmp_path, capsys, name):
    run, out = home / f"of-{name}", tmp_path / "found.npy"
    label = ["--label", "7"] if name == "stylegan2" else []
    words = ["invert", str(run), str(pictures), "--by", "encoder", "--out", str(out), "--device", "cpu", *label]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["images"]
    assert all(0 < row["psnr"] < 60 for row in told)
    latents = torch.from_numpy(np.load(out))
    opened, other = (saddle.load(folder, device="cpu") for folder in (run, home / name))
    assert latents.shape == (2, *opened.game.form)
    shown = [each.decode(latents, *label[1:]).int() for each in (opened, other)]
    assert (shown[0] - shown[1]).abs().max() <= (1 if name == "dcgan" else 255)  # where noise is drawn anew
    for command in ("sample", "interpolate"):
        there = ["--latents", str(out), "--out", str(tmp_path / f"{command}.png")]
        assert main([command, str(home / name), *there, "--device", "cpu", *label]) == 0


def test_its_codes_are_encoded_and_made_again(home, pictures, tmp_path):
    run = str(home / "of-dcgan")
    assert main(["encode", run, str(pictures), "--out", str(tmp_path / "c.npy"), "--device", "cpu"]) == 0
    assert np.load(tmp_path / "c.npy").shape == (2, 100)
    assert main(["reconstruct", run, str(pictures), "--out", str(tmp_path / "again"), "--device", "cpu"]) == 0
    assert len([*(tmp_path / "again").iterdir()]) == 2


def test_what_cannot_be_is_refused_in_words(home, pictures, tmp_path, capsys):
    device = ["--device", "cpu"]
    for words, said in (
        (["train", "encoder", "--run", str(tmp_path / "x")], "encoder learns beside a run that is trained already"),
        (["invert", str(home / "dcgan"), str(pictures), "--by", "encoder"], "saddle train encoder --from"),
        (["invert", str(home / "of-dcgan"), str(pictures), "--by", "encoder", "--steps", "3"], "no 'steps' to choose"),
        (["invert", str(home / "of-stylegan2"), str(pictures), "--by", "encoder"], "give a label or a text: 0, 1"),
        (["reconstruct", str(home / "of-stylegan2"), str(pictures)], "give a label or a text: 0, 1"),
    ):
        assert main([*words, *device]) == 2
        assert said in capsys.readouterr().err
    begun = ["train", "encoder", "--from", str(home / "dcgan"), "--run", str(tmp_path / "x"), *device]
    assert main([*begun, "--game.settings", "{z_dim: 7}"]) == 2
    assert "not the dcgan that the encoder is for: generator" in capsys.readouterr().err
    for of, said in (("cyclegan", "draws no images of latents"), ("nothing", "no game 'nothing'")):
        with pytest.raises(UsageError, match=said):
            Encoder(open_source(tiny_recipe("dcgan").data).spec, Encoder.Options(of=of))
    for name, said in (("energy", "no gradient reaches a latent"), ("singan", "these data have one image")):
        with pytest.raises(UsageError, match=said):
            of_game(name)[0].check_batch(4)


SEEING = ("acgan", "began", "biggan", "energy", "gan-cls", "improved-gan", "infogan", "mgan", "progan", "sgan")
BLIND = ("bigan", "cgan", "cogan", "vae")


@pytest.mark.parametrize("name", SEEING)
def test_a_discriminators_features_are_those_of_each_image_by_itself(name):
    recipe = tiny_recipe(name)
    data = open_source(recipe.data).spec
    game = registry.load(name)(data, recipe.options).eval()
    x = torch.rand(3, *data.shape)
    seen = game.pooled(x)
    assert seen.ndim == 2
    torch.testing.assert_close(game.pooled(x[1:2]), seen[1:2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", BLIND)
def test_where_no_discriminator_looks_at_images_alone_this_is_said(name):
    recipe = tiny_recipe(name)
    game = registry.load(name)(open_source(recipe.data).spec, recipe.options)
    with pytest.raises(UsageError, match="no discriminator that looks at images alone"):
        game.pooled(torch.zeros(1, *game.data.shape))


def test_the_command_writes_the_means_of_the_last_maps(home, pictures, tmp_path, capsys):
    out = tmp_path / "f.npy"
    words = ["encode", str(home / "dcgan"), str(pictures), "--device", "cpu", "--features", "discriminator"]
    assert main([*words, "--out", str(out)]) == 0
    run = saddle.load(home / "dcgan", device="cpu")
    one = torch.rand(2, *run.spec.shape)
    maps = run.game.discriminator(one).features
    torch.testing.assert_close(run.pooled(one), maps.mean((2, 3)).detach())
    assert np.load(out).shape == (2, maps.shape[1])
    assert main([*words, "--label", "7"]) == 2
    assert "leave out --label" in capsys.readouterr().err


def test_what_features_say_of_classes_is_measured_and_told_apart_from_codes(home):
    of = {"codes": "the discriminator's features, the mean of each map"}
    score = saddle.load(home / "dcgan", device="cpu").evaluate(["probe_accuracy"])["probe_accuracy"]
    assert score.value > 0.5
    assert score.fingerprint.items() >= of.items()
    own = saddle.load(home / "of-dcgan", device="cpu").evaluate(["probe_accuracy"])["probe_accuracy"]
    assert "codes" not in own.fingerprint
