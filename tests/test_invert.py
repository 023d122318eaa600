"""From images to latents: of every game that draws samples, and what one does with the latents then."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from small import GAMES, tiny_recipe
from torch import Tensor

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.data import open_source
from saddle.layers.search import Descent
from saddle.runs import registry
from saddle.runs.session import train
from saddle.tasks import Synthesis
from saddle.tasks.searching import search
from saddle.use.inverting import inverted, squared

SEARCHES_ITSELF = "energy"
SLOW = "singan"  # its latents are planes of noise for a whole photograph


def of_every_kind() -> list[str]:
    """One game for every way to draw noise and to make samples of it."""
    kinds = {name: registry.load(name) for name in GAMES if name not in (SEARCHES_ITSELF, SLOW)}
    drawing = {name: (kind.noise, kind.decode) for name, kind in kinds.items() if issubclass(kind, Synthesis)}
    return sorted({ways: name for name, ways in drawing.items()}.values())


def small_game(name: str) -> Synthesis:
    recipe = tiny_recipe(name)
    torch.manual_seed(0)
    game = registry.load(name)(open_source(recipe.data).spec, recipe.options).eval()
    assert isinstance(game, Synthesis)
    return game


@pytest.mark.parametrize("name", of_every_kind())
def test_a_search_comes_nearer_in_every_game_that_draws_samples(name):
    game = small_game(name)
    label = game.draw_label(2)
    label = None if label is None else label[:1].expand_as(label)
    x = game.decode(game.noise(2, label), label).detach()
    before = {key: value.clone() for key, value in game.state_dict().items()}
    first, last = (
        search(game, x, squared, Descent(steps=steps, lr=0.02, betas=(0.9, 0.999)), label=label) for steps in (1, 6)
    )
    assert last.distance.sum() < first.distance.sum()
    assert all(torch.equal(value, before[key]) for key, value in game.state_dict().items())
    shown = game.decode(last.z, label)
    torch.testing.assert_close(squared(shown, x), last.distance, rtol=1e-3, atol=1e-6)


def test_a_game_whose_samples_are_searched_for_themselves_is_refused():
    game = small_game(SEARCHES_ITSELF)
    with pytest.raises(UsageError, match="no gradient reaches a latent; choose a run with a generator"):
        search(game, game.sample(1), squared, Descent(steps=1))


def test_a_game_that_is_asked_wants_to_know_what_an_image_shows():
    game = small_game("cgan")
    with pytest.raises(UsageError, match="give a label or a text: 0, 1, 2"):
        inverted(game, torch.zeros(1, *game.data.shape))


def test_styles_are_searched_for_where_there_are_some():
    game = small_game("stylegan2")
    z, label = game.noise(3), torch.full((3,), 7)
    w = game.searched(z, label)
    assert w.shape == (3, 1, game.options.network.w_dim)
    torch.testing.assert_close(game.decode(w), game.decode(z, label))
    found, made, decibels = inverted(game, game.decode(z, label).detach(), label, steps=3, restarts=1)
    assert found.shape == w.shape
    torch.testing.assert_close(game.decode(found), made)
    assert decibels.shape == (3,)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "dcgan"
    train(tiny_recipe("dcgan", rounds=1), folder, quiet=True)
    return folder


@pytest.fixture
def pictures(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    noise = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(noise.integers(0, 255, (32, 32), np.uint8)).save(place / f"{i}.png")
    return place


QUICK = ("--steps", "4", "--restarts", "2", "--device", "cpu")


def test_the_command_tells_how_near_it_came_and_its_latents_open_elsewhere(folder, pictures, tmp_path, capsys):
    out, again = tmp_path / "found.npy", tmp_path / "again"
    words = ["invert", str(folder), str(pictures), "--out", str(out), "--images", str(again), *QUICK]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["image"] for row in told["images"]] == ["0.png", "1.png", "2.png"]
    assert all(0 < row["psnr"] < 60 for row in told["images"])
    latents = np.load(out)
    assert (latents.dtype, latents.shape) == (np.float32, (3, 100))

    drawn = tmp_path / "drawn"
    assert main(["sample", str(folder), "--latents", str(out), "--each", str(drawn)]) == 0
    for mine, theirs in zip(sorted(drawn.iterdir()), sorted(again.iterdir()), strict=True):
        assert np.abs(np.asarray(Image.open(mine)).astype(int) - np.asarray(Image.open(theirs))).max() <= 1
    walk = tmp_path / "walk.npy"
    assert main(["interpolate", str(folder), "--latents", str(out), "--steps", "3", "--out", str(walk)]) == 0
    steps = np.load(walk).astype(int)
    assert len(steps) == 2 * 3
    shown = saddle.load(folder, device="cpu").decode(torch.from_numpy(latents)).numpy().astype(int)
    assert np.abs(steps[[0, 2, 3, 5]] - shown[[0, 1, 1, 2]]).max() <= 1


def test_the_same_seed_finds_the_same_latents_whatever_else_is_searched_for(folder, pictures, tmp_path, capsys):
    run = saddle.load(folder, device="cpu")
    images = torch.rand(3, *run.spec.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    first, again, alone = (run.invert(x, steps=4, restarts=2) for x in (images, images, images[1:2]))
    assert torch.equal(first.latents, again.latents)
    torch.testing.assert_close(alone.latents[0], first.latents[1], atol=2e-3, rtol=0)
    assert not torch.equal(run.invert(images, steps=4, restarts=2, seed=1).latents, first.latents)


def test_a_table_of_latents_opens_too(folder, pictures, tmp_path):
    out = tmp_path / "found.csv"
    assert main(["invert", str(folder), *(str(pictures / f"{i}.png") for i in (0, 1)), "--out", str(out), *QUICK]) == 0
    heading, *lines = out.read_text().splitlines()
    assert (heading.partition(",")[0], len(lines)) == ("image", 2)
    assert main(["sample", str(folder), "--latents", str(out), "--out", str(tmp_path / "x.png")]) == 0


def saved(path, array) -> str:
    np.save(path, array)
    return str(path)


def test_latents_that_are_none_are_refused(folder, tmp_path, capsys):
    for name, array, words in (
        ("wide", np.zeros((2, 7), np.float32), "takes [N, 100]"),
        ("whole", np.zeros((2, 100), np.int64), "holds no latents"),
        ("none", np.zeros((0, 100), np.float32), "these 0 latents"),
        ("nan", np.full((1, 100), np.nan, np.float32), "not finite"),
    ):
        assert main(["sample", str(folder), "--latents", saved(tmp_path / f"{name}.npy", array)]) == 2
        assert words in capsys.readouterr().err
    one = saved(tmp_path / "one.npy", np.zeros((1, 100), np.float32))
    assert main(["interpolate", str(folder), "--latents", one]) == 2
    assert "give two or more" in capsys.readouterr().err
    (tmp_path / "text.npy").write_text("no array")
    assert main(["sample", str(folder), "--latents", str(tmp_path / "text.npy")]) == 2
    assert "holds no latents" in capsys.readouterr().err
    assert main(["sample", str(folder), "--latents", one, "-n", "3"]) == 2
    assert "--label alone" in capsys.readouterr().err


def test_a_wrong_way_or_setting_is_refused(folder):
    run = saddle.load(folder, device="cpu")
    x: Tensor = torch.zeros(1, *run.spec.shape)
    with pytest.raises(UsageError, match="no way 'hand'"):
        run.invert(x, by="hand")
    with pytest.raises(UsageError, match="no 'step' to choose; there are steps"):
        run.invert(x, step=3)
    with pytest.raises(UsageError, match="cannot be asked for a label"):
        run.invert(x, label="3", steps=1)


def test_any_run_that_draws_samples_detects_by_search(folder, pictures, capsys):
    assert main(["detect", str(folder), str(pictures)]) == 2
    assert "dcgan is not for detection" in capsys.readouterr().err
    assert main(["detect", str(folder), str(pictures), "--by", "search", *QUICK, "--json"]) == 0
    scores = [row["score"] for row in json.loads(capsys.readouterr().out)["images"]]
    assert len(scores) == 3
    assert min(scores) > 0
