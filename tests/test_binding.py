"""A run's recipe, checkpoints and data belong together: they may move, and none of them may become another."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from playing import in_round
from safetensors.torch import load_file, save_file

import saddle
from saddle.base.errors import SaddleError, UsageError
from saddle.base.folder import MAY_CHANGE, RunFolder
from saddle.cli import main
from saddle.runs.recipe import Recipe
from saddle.runs.run import Run
from saddle.training import checkpoint
from saddle.training.plan import LENGTH

SETTINGS = {
    "game.network": "MLP",
    "game.network.width": 8,
    "game.discriminator_steps": 1,
    "plan.batch": 4,
    "plan.save_every": 1,
}
SETTINGS |= {"plan.log_every": 1, "plan.pictures": 1, "plan.scores": 0, "plan.precision": "fp32", "plan.samples": 64}


def points(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(60, 2)).astype(np.float32)


def train(folder: Path, data: str, **settings) -> Run:
    settings = SETTINGS | {"plan.rounds": 6} | settings
    return saddle.train("wgan-gp", data, folder, settings=settings, device="cpu", quiet=True)


def stopped(folder: Path, data: str, monkeypatch) -> None:
    """A run that was cut off after three of six rounds."""

    def cut() -> None:
        raise KeyboardInterrupt

    in_round(4, cut, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(folder, data)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with data and a run that has finished."""
    home = tmp_path_factory.mktemp("home")
    np.save(home / "points.npy", points())
    train(home / "run", f"array:{home / 'points.npy'}")
    return home


@pytest.fixture
def mine(home: Path, tmp_path: Path) -> Path:
    """A copy of the run, to spoil."""
    return Path(shutil.copytree(home / "run", tmp_path / "run"))


def edit(folder: Path, before: str, after: str) -> None:
    file = folder / "recipe.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def resign(folder: Path) -> None:
    """Make the manifest of a checkpoint vouch for what lies beside it."""
    files = {
        path.name: {"sha256": checkpoint.sha256(path), "bytes": path.stat().st_size}
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }
    (folder / "manifest.json").write_text(json.dumps({"format": checkpoint.FORMAT, "files": files}))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("seed: 0", "seed: 3", "plan.seed is 3, there 0"),
        ("batch: 4", "batch: 8", "plan.batch is 8, there 4"),
        ("width: 8", "width: 16", "game.network.width is 16, there 8"),
        ("heldout: 0.1", "heldout: 0.2", "data.heldout is 0.2, there 0.1"),
    ],
)
@pytest.mark.parametrize("command", ["train", "sample", "info"])
def test_a_recipe_that_was_changed_by_hand_is_refused_by_name(mine, capsys, command, before, after, said):
    edit(mine, before, after)
    assert main({"train": ["train", "--run", str(mine)]}.get(command, [command, str(mine)])) == 2
    said_of_it = capsys.readouterr().err
    assert "no longer the recipe that its checkpoints were made with" in said_of_it
    assert said in said_of_it


def test_the_report_of_a_recipe_that_was_changed_by_hand_says_so_and_a_length_is_no_change(mine):
    def page():
        assert main(["report", str(mine)]) == 0
        return (mine / "report.html").read_text()

    edit(mine, "rounds: 6", "rounds: 8")
    assert "no longer the recipe" not in page()
    edit(mine, "seed: 0", "seed: 3")
    assert "no longer the recipe that the checkpoints were made with" in page()
    assert "They differ in: plan.seed is 3, there 0</p>" in page()


def test_a_length_that_is_too_short_is_said_of_who_gave_it(mine, capsys):
    assert main(["train", "--run", str(mine), "--plan.rounds", "2"]) == 2
    assert "saddle: plan.rounds 2: this run is planned" in capsys.readouterr().err
    edit(mine, "rounds: 6", "rounds: 2")
    assert main(["train", "--run", str(mine)]) == 2
    said = capsys.readouterr().err
    assert f"{mine}/recipe.yaml has plan.rounds 2: this run is planned for 6 rounds" in said
    assert "Name at least 6 rounds there, or choose another --run" in said


def test_what_may_change_on_the_way_of_a_run_is_what_no_recipe_is_another_by():
    """The list that the report goes by is that of `Recipe.adapted`."""
    assert {f"plan.{name}" for name in LENGTH} == {name for name in MAY_CHANGE if name.startswith("plan.")}


def test_a_run_from_before_recipes_were_bound_opens_as_it_did(mine):
    facts = mine / "checkpoints" / "round-0000006" / "facts.json"
    facts.write_text(json.dumps({k: v for k, v in json.loads(facts.read_text()).items() if k != "recipe"}))
    resign(facts.parent)
    edit(mine, "seed: 0", "seed: 3")
    assert saddle.load(mine, device="cpu").sample(2).shape == (2, 2)


def test_data_that_have_moved_are_taken_where_they_are_named_and_a_resumed_run_ends_in_the_same_bits(
    home, tmp_path, monkeypatch
):
    (tmp_path / "here").mkdir()
    np.save(tmp_path / "here" / "points.npy", points())
    stopped(tmp_path / "run", f"array:{tmp_path}/here/points.npy", monkeypatch)
    (tmp_path / "here").rename(tmp_path / "there")
    with pytest.raises(SaddleError, match=r"no file .*here/points\.npy; if the data have moved, name .* with --data"):
        train(tmp_path / "run", f"array:{tmp_path}/here/points.npy")
    moved = f"array:{tmp_path}/there/points.npy"
    train(tmp_path / "run", moved)
    files = {path.name for path in (home / "run/checkpoints/round-0000006").glob("*.safetensors")}
    for name in files:
        before, now = (load_file(run / "checkpoints/round-0000006" / name) for run in (home / "run", tmp_path / "run"))
        assert all(torch.equal(before[key], now[key]) for key in before | now)
    assert Recipe.read(tmp_path / "run").data.source == moved
    (change,) = RunFolder(tmp_path / "run").events("change")
    assert change["settings"] == {"data.source": [f"array:{tmp_path}/here/points.npy", moved]}


def test_every_command_takes_the_new_place_of_the_data_and_refuses_other_ones(home, mine, tmp_path, capsys):
    np.save(tmp_path / "same.npy", points())
    np.save(tmp_path / "other.npy", points(1))
    edit(mine, str(home / "points.npy"), str(home / "gone.npy"))
    events = mine / "events.jsonl"
    events.write_text(events.read_text().replace(str(home / "points.npy"), str(home / "gone.npy")))
    ask = ["evaluate", str(mine), "--metrics", "swd", "-n", "16", "--json"]
    assert main(ask) == 1
    assert "name their new place with --data" in capsys.readouterr().err
    assert main([*ask, "--data", f"array:{tmp_path}/same.npy"]) == 0
    assert main([*ask, "--data", f"array:{tmp_path}/other.npy"]) == 2
    assert "is not the data that this run began with" in capsys.readouterr().err
    assert main([*ask, "--data.heldout", "0.5"]) == 2
    assert "a run's settings stay: data.heldout is 0.5, there 0.1" in capsys.readouterr().err


def test_a_run_whose_data_were_named_from_another_folder_finds_them(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    np.save(tmp_path / "one" / "points.npy", points())
    monkeypatch.chdir(tmp_path / "one")
    train(tmp_path / "run", "array:points.npy")
    monkeypatch.chdir(tmp_path / "two")
    assert saddle.load(tmp_path / "run", device="cpu").evaluate(["swd"], n=16)
    assert train(tmp_path / "run", "array:points.npy").round == 6
    assert Recipe.read(tmp_path / "run").data.source == "array:points.npy"


@pytest.mark.parametrize("spoil", ["not finite", "other networks"])
@pytest.mark.parametrize("command", ["sample", "info", "train"])
def test_use_falls_back_to_the_good_checkpoint_as_training_does(mine, capsys, command, spoil):
    last = mine / "checkpoints" / "round-0000006"
    tensors = load_file(last / "game.safetensors")
    name = next(iter(tensors))
    spoilt = {"not finite": tensors | {name: tensors[name] * torch.nan}, "other networks": {name: tensors[name]}}[spoil]
    save_file(spoilt, last / "game.safetensors")
    resign(last)
    words = {"train": ["train", "--run", str(mine)], "info": ["info", str(mine), "--json"]}
    assert main(words.get(command, [command, str(mine), "-n", "2"])) == 0
    told = capsys.readouterr()
    assert "refused the checkpoint of round 6: " in told.err + told.out
    if command == "info":
        assert json.loads(told.out)["round"] == 5


def test_a_report_that_fails_never_turns_a_finished_run_into_a_failure(tmp_path, monkeypatch, capsys):
    def fails(folder: Path) -> Path:
        raise ValueError("no paper left")

    monkeypatch.setattr(saddle.report, "write", fails)
    words = ["train", "wgan-gp", "--data", "ring", "--run", str(tmp_path / "run"), "--plan.rounds=2", "--device=cpu"]
    assert main([*words, *(f"--{name}={value}" for name, value in SETTINGS.items())]) == 0
    assert "the report could not be written (no paper left)" in capsys.readouterr().out
    assert RunFolder(tmp_path / "run").status == "finished"


def test_a_command_that_changes_nothing_but_the_place_cannot_change_a_setting(home):
    with pytest.raises(UsageError, match="holds a run of another recipe"):
        train(home / "run", f"array:{home / 'points.npy'}", **{"plan.seed": 1})


def test_a_new_place_that_is_not_there_is_refused_and_not_written_down(home, mine, capsys):
    for words in (["train", "--run", str(mine)], ["evaluate", str(mine), "--metrics", "swd", "-n", "16"]):
        assert main([*words, "--data", "array:nowhere.npy"]) in (1, 2)
        assert "there is no file nowhere.npy" in capsys.readouterr().err
    assert Recipe.read(mine).data.source == f"array:{home / 'points.npy'}"


def test_a_length_that_was_changed_by_hand_is_in_the_log(home, mine):
    file = mine / "recipe.yaml"
    file.write_text(file.read_text().replace("rounds: 6", "rounds: 7"))
    train(mine, f"array:{home / 'points.npy'}", **{"plan.rounds": 7})
    (change,) = RunFolder(mine).events("change")
    assert change["settings"] == {"plan.rounds": [6, 7]}
