"""Games on points and signals of one's own: they train, and samples come back in the data's own units."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import shipped

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main
from saddle.nets.network import Network
from saddle.runs import registry
from saddle.runs.recipe import Recipe
from saddle.runs.session import train
from saddle.runs.trace import trace
from saddle.spec import Condition, DataSpec, Field

RANDOM = np.random.default_rng(0)
SHAPES = {"points": (5,), "signal": (2, 8)}
TINY = {"plan.rounds": 2, "plan.batch": 8, "plan.pictures": 1, "plan.scores": 0, "game.network": "MLP"}
ARRAYS = {
    "points": RANDOM.normal(size=(60, 2)) * [1, 50] + [0, 1000],
    "signal": RANDOM.normal(size=(60, 1, 16)) * 20 + 300,
}


def spec(kind: str, **rest: object) -> DataSpec:
    return DataSpec.of(SHAPES[kind], **rest)  # type: ignore[arg-type]


def of_kind(kind: str) -> list[str]:
    return [name for name in registry.names() if kind in registry.load(name).takes]


def options(name: str, kind: str):
    """The game's settings with a small network that takes this kind, if it has a choice of them."""
    own = Recipe.default(name).options
    if not hasattr(own, "network"):
        return own
    small: dict[str, object] = {"network": "MLP", "network.width": 8, "network.depth": 1}
    small |= {key: "none" for key in ("penalties", "views", "auxiliaries") if getattr(own, key, None)}
    if getattr(own, "conditional", False):
        small["conditional"] = False
    if own.network.gives_energies:
        small = {"network": "DenseAutoencoder", "network.width": 8, "network.code": 4}
    return Recipe.default(name).change({f"game.{key}": value for key, value in small.items()}).options


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", of_kind("points"))
def test_a_game_that_takes_points_and_signals_plays_on_both(name, kind):
    assert kind in registry.load(name).takes
    data = spec(kind, keys=("image", "label"), classes=("a", "b", "c"))
    game = registry.load(name)(data, options(name, kind))
    moves, _ = trace(game)
    assert moves
    assert game.sample(3).shape == (3, *SHAPES[kind])


@pytest.mark.parametrize("name", ["gan", "wgan-gp", "dcgan", "lsgan", "sngan", "energy", "mgan"])
def test_the_best_known_games_take_all_samples(name):
    assert registry.load(name).takes == ("image", "points", "signal")


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", [name for name, each in shipped(Network).items() if "points" in each.takes])
def test_a_network_that_says_it_takes_points_and_signals_draws_and_judges_them(name, kind):
    network = shipped(Network)[name]
    built = network(network=shipped(Network)["MLP"](width=8)) if name == "Concatenation" else network()
    condition = Condition("class", ("a", "b")) if built.takes_labels else None
    data = spec(kind, condition=condition)
    given = (torch.tensor([0, 1, 0]),) if condition else ()
    samples = built.generator(4, data)(torch.randn(3, 4), *given)
    assert samples.shape == (3, *SHAPES[kind])
    assert built.discriminator(data)(samples, *given).logits.shape == (3,)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", [name for name, each in shipped(Network).items() if each.takes == ("image",)])
def test_a_network_for_images_says_which_ones_take_what_was_given(name, kind):
    network = shipped(Network)[name]()
    builders = [lambda: network.discriminator(spec(kind)), lambda: network.generator(16, spec(kind))]
    for build in builders[: 1 if name == "WINN" else 2]:  # which has no generator
        with pytest.raises(UsageError, match=r"this data has .*; choose --game.network MLP, or another .*Maxout"):
            build()


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", [name for name in registry.names() if "points" not in registry.load(name).takes])
def test_a_game_for_images_says_so(name, kind):
    game = registry.load(name)
    fields = {key: Field(kind, SHAPES[kind]) for key in game.needs if key not in ("label", "caption")}
    fields |= {"label": Condition("class", ("a", "b")).field}
    fields |= {"caption": Condition("text", ("a",), 8).field} if "caption" in game.needs else {}
    with pytest.raises(UsageError, match=f"needs images; this data has {'points' if kind == 'points' else 'signals'}"):
        game(DataSpec(fields), Recipe.default(name).options)


@pytest.fixture(scope="module", params=["points", "signal"])
def run(request, tmp_path_factory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    np.save(folder / "x.npy", ARRAYS[request.param])
    recipe = Recipe.default("gan", f"array:{folder / 'x.npy'}").change(TINY | {"game.network.width": 8})
    train(recipe, folder / "run", quiet=True, device="cpu")
    return request.param, folder / "run"


def test_samples_are_floats_in_the_datas_own_units(run):
    kind, folder = run
    opened = saddle.load(folder, device="cpu")
    made, array = opened.sample(32), ARRAYS[kind]
    assert made.dtype == torch.float64
    assert made.shape[1:] == array.shape[1:]
    middle = array.mean((0, 2) if kind == "signal" else 0)
    reach = array.std((0, 2) if kind == "signal" else 0)
    off = (made.numpy().mean((0, 2) if kind == "signal" else 0) - middle) / reach
    assert (np.abs(off) < 3).all()  # an untrained network draws around 0, which is the data's mean
    raw = opened.game.sample(4)
    assert not torch.allclose(raw.double(), opened.spec.main.restored(raw))


def test_samples_are_written_in_every_form_there_is(run, tmp_path, capsys):
    kind, folder = run
    for suffix in ("npy", "png"):
        main(["sample", str(folder), "-n", "9", "--out", str(tmp_path / f"x.{suffix}")])
    assert np.load(tmp_path / "x.npy").shape == (9, *ARRAYS[kind].shape[1:])
    with Image.open(tmp_path / "x.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(2**24)}
    assert len(colours) > 20
    if kind == "points":
        main(["sample", str(folder), "-n", "9", "--out", str(tmp_path / "x.csv")])
        rows = [[float(cell) for cell in row] for row in csv.reader((tmp_path / "x.csv").open())]
        assert np.allclose(rows, np.load(tmp_path / "x.npy"), rtol=1e-5)
    else:
        assert main(["sample", str(folder), "--out", str(tmp_path / "x.csv")]) == 2
        assert "should end in .png, .npy for signals" in capsys.readouterr().err


def test_pictures_while_it_trains_are_in_the_datas_own_units(run, monkeypatch):
    """The columns, and the points that the landscape is asked for."""
    from saddle.runs.session import Training
    from saddle.show import pictures

    kind, folder = run
    seen = {}
    training = Training(Recipe.read(folder), folder.with_name("again"), torch.device("cpu"), quiet=True)
    monkeypatch.setattr(pictures, "sheet", lambda columns, landscape, title: seen.update(columns, ask=landscape))
    monkeypatch.setattr(pictures, "save", lambda image, path: training.folder.path / "x.png")
    training.trainer.rounds = 2
    training.draw()
    first = training.source.heldout.columns["image"][[0]]
    assert np.allclose(seen["data"][:1], first, rtol=1e-5)
    if kind == "points":
        asked, game = torch.tensor(first).float(), training.trainer.game
        assert torch.allclose(seen["ask"](asked), game.landscape(training.source.spec.main.normalised(asked)))


def test_precision_and_recall_measure_points_and_signals(run):
    scores = saddle.load(run[1], device="cpu").evaluate(["precision", "recall"], n=32, extractor="pixels")
    assert set(scores) == {"precision", "recall"}
    assert all(0 <= score.value <= 1 for score in scores.values())


def test_scores_that_want_more_held_out_rows_than_there_are_are_left_out_and_the_run_ends(tmp_path):
    np.save(tmp_path / "x.npy", RANDOM.normal(size=(40, 2)))  # of which four are held out
    run = saddle.train("gan", f"array:{tmp_path / 'x.npy'}", tmp_path / "run", settings=TINY, device="cpu", quiet=True)
    assert [score["name"] for score in run.info()["scores"]] == ["swd"]
    assert run.info()["status"] == "finished"


def test_a_large_offset_costs_no_digit_of_what_is_sampled(tmp_path):
    np.save(tmp_path / "x.npy", 1.7e9 + RANDOM.normal(size=(60, 1)))
    run = saddle.train("gan", f"array:{tmp_path / 'x.npy'}", tmp_path / "run", settings=TINY, device="cpu", quiet=True)
    samples = run.sample(50)
    assert samples.dtype == torch.float64
    assert len(samples.unique()) == 50
    assert (samples - 1.7e9).abs().max() < 100
