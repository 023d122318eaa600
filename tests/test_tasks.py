"""A new task's game is one file: it trains, draws, resumes, is scored, opened and used, and nothing else changes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import saddle
from saddle import games
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.data import sources
from saddle.runs import registry
from saddle.tasks import Detection, Restoration, Translation

TOYS = Path(__file__).with_name("toys")
DATA = {"toy-restoration": "toy-damaged", "toy-detection": "toy-defects", "toy-domains": "toy-three"}
SETTINGS: dict[str, Any] = {
    "plan.batch": 8,
    "plan.precision": "fp32",
    "plan.pictures": 2,
    "plan.scores": 2,
    "plan.samples": 64,
}
ROUNDS = 6


@pytest.fixture(autouse=True, scope="module")
def _toys():
    """The toys' folders lie beside the house's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(games, "__path__", [*games.__path__, str(TOYS / "games")])
        patch.setattr(sources, "__path__", [*sources.__path__, str(TOYS / "sources")])
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, _toys: None) -> dict[str, Path]:
    """A finished run of every toy."""
    folder = tmp_path_factory.mktemp("toys")
    return {name: trained(name, folder / name) for name in DATA}


def trained(name: str, folder: Path, rounds: int = ROUNDS) -> Path:
    saddle.train(name, DATA[name], folder, rounds=rounds, settings=SETTINGS, device="cpu", quiet=True)
    return folder


@pytest.mark.parametrize("name", DATA)
def test_a_toy_is_listed_and_described(name: str, capsys: pytest.CaptureFixture):
    assert main(["describe", name, "--data", DATA[name]]) == 0
    assert name.split("-")[1] in capsys.readouterr().out.lower()
    assert name in saddle.registry.names()


@pytest.mark.parametrize(("name", "columns"), [("toy-restoration", 3), ("toy-detection", 2), ("toy-domains", 9)])
def test_a_toy_draws_its_columns(name: str, columns: int, runs: dict[str, Path]):
    pictures = sorted(RunFolder(runs[name]).pictures.glob("round-*.png"))
    assert len(pictures) == 3
    with Image.open(pictures[-1]) as picture:
        assert abs(picture.width / columns - 66) < 4
        assert picture.height > 8 * 60


@pytest.mark.parametrize("name", DATA)
def test_a_resumed_toy_is_the_same_run(name: str, runs: dict[str, Path], tmp_path: Path):
    half = tmp_path / "half"
    shutil.copytree(runs[name], half)
    checkpoints = sorted((half / "checkpoints").iterdir())
    shutil.rmtree(checkpoints[-1])
    saddle.train(run=half, device="cpu", quiet=True)
    own, again = (saddle.load(path, "last", "cpu").state.tensors for path in (runs[name], half))
    for group, tensors in own.items():
        assert all(torch.equal(tensor, again[group][key]) for key, tensor in tensors.items())


@pytest.mark.parametrize(("name", "score"), [("toy-restoration", "psnr"), ("toy-detection", "auroc")])
def test_a_toy_is_scored_on_the_way_and_at_the_end_by_what_its_task_names(name: str, score: str, runs: dict[str, Path]):
    folder = RunFolder(runs[name])
    assert score in {entry["name"] for entry in folder.scores()}
    assert all(score in event["scores"] for event in folder.events("score"))
    assert saddle.load(runs[name], device="cpu").info()["best"] is not None
    again = saddle.load(runs[name], device="cpu").evaluate([score])[score]
    assert again.value == pytest.approx(next(e["value"] for e in folder.scores() if e["name"] == score))


def test_a_translation_between_three_domains_is_scored_when_asked(runs: dict[str, Path]):
    assert saddle.load(runs["toy-domains"], device="cpu").evaluate(["swd"], 20)["swd"].value > 0


def test_a_restoration_is_used_by_command_and_from_python(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture
):
    run, folder = saddle.load(runs["toy-restoration"], device="cpu"), runs["toy-restoration"]
    assert run.restore(torch.zeros(3, 1, 8, 8)).shape == (3, 1, 16, 16)
    assert run.restore(torch.zeros(1, 1, 8, 8), strength=0.0).unique().tolist() == [128]
    Image.new("L", (8, 8)).save(tmp_path / "old.png")
    assert main(["restore", str(folder), str(tmp_path / "old.png"), "--out", str(tmp_path / "new.png")]) == 0
    assert Image.open(tmp_path / "new.png").size == (16, 16)
    with pytest.raises(UsageError, match="has no 'sharpness' to choose; there are strength"):
        run.restore(torch.zeros(1, 1, 8, 8), sharpness=1)
    assert "restoration (saddle restore)" in run.info()["kind"]
    assert type(run.game).choices() == ("strength",)
    assert run.as_(Restoration) is run.game


def test_a_detection_is_used_by_command_and_from_python(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture
):
    run, folder = saddle.load(runs["toy-detection"], device="cpu"), runs["toy-detection"]
    found = run.detect(torch.zeros(3, 1, 8, 8))
    assert (found.score.shape, found.map.shape) == ((3,), (3, 1, 8, 8))
    (tmp_path / "parts").mkdir()
    for shade in (0, 255):
        Image.new("L", (8, 8), shade).save(tmp_path / "parts" / f"{shade}.png")
    capsys.readouterr()
    words = ["detect", str(folder), str(tmp_path / "parts"), "--maps", "--out", str(tmp_path / "out"), "--json"]
    assert main(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert [Path(row["file"]).name for row in said["images"]] == ["0.png", "255.png"]
    assert said["images"][0]["score"] != said["images"][1]["score"]
    assert sorted(path.name for path in (tmp_path / "out" / "map").iterdir()) == ["0.npy", "255.npy"]
    assert run.as_(Detection) is run.game


def test_three_domains_are_translated_by_command_and_from_python(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture
):
    run, folder = saddle.load(runs["toy-domains"], device="cpu"), runs["toy-domains"]
    assert run.translate(torch.zeros(2, 1, 16, 16)).shape == (2, 3, 16, 16)  # from a to c
    assert run.translate(torch.zeros(2, 3, 16, 16), to="b", start="c").shape == (2, 1, 16, 16)
    Image.new("RGB", (16, 16), "red").save(tmp_path / "red.png")
    words = ["translate", str(folder), str(tmp_path / "red.png"), "--from", "c", "--to", "a"]
    assert main([*words, "--out", str(tmp_path / "grey.png")]) == 0
    assert Image.open(tmp_path / "grey.png").size == (16, 16)
    with pytest.raises(UsageError, match=r"no domain 'd'.*; there are a, b, c"):
        run.translate(torch.zeros(1, 1, 16, 16), to="d")
    with pytest.raises(UsageError, match="nothing to translate"):
        run.translate(torch.zeros(1, 1, 16, 16), to="a", start="a")
    assert run.as_(Translation) is run.game


def test_a_game_for_something_else_says_what_it_is_for(runs: dict[str, Path], capsys: pytest.CaptureFixture):
    assert main(["sample", str(runs["toy-detection"])]) == 2
    assert (
        "toy-detection is not for sampling; it is for detection (saddle detect, saddle calibrate)"
        in capsys.readouterr().err
    )


def test_what_can_be_chosen_is_what_this_game_can_follow():
    assert registry.load("dcgan").choices() == ()
    assert registry.load("biggan").choices() == ("truncation",)
    assert registry.load("singan").choices() == ("size", "scale")
