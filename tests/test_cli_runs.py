"""Train and use runs through the command line and through Python: tiny ones, in this process."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from html_page import Page
from PIL import Image
from small import tiny

import saddle
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.metrics import reading
from saddle.penalties import R1
from saddle.runs.recipe import Recipe
from saddle.show.scores import measured_with
from saddle.training.checkpoint import Checkpoints

IMAGES = ["--data.size", "16", "--game.network.width", "4", "--plan.samples", "none"]


def train(folder: Path, game: str, *argv: str) -> Path:
    assert main(["train", game, *tiny(*argv), "--run", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("images") / "run", "dcgan", *IMAGES)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("points") / "run", "wgan-gp", "--data", "ring", "--game.network.width", "8")


@pytest.fixture(scope="module")
def translation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    smallest = ["--data.size", "16", "--game.width", "2", "--game.blocks", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "STEPS", 2)  # of who reads the translated digits for the scores
        return train(tmp_path_factory.mktemp("translation") / "run", "cyclegan", *smallest)


def files(capsys: pytest.CaptureFixture[str], *argv: str) -> list[Path]:
    assert main([*argv, "--json"]) == 0
    return [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]


def test_train_begins_with_the_recipe_and_ends_with_a_report(images: Path):
    recipe = Recipe.read(images)
    assert (recipe.game, recipe.plan.rounds, recipe.plan.minutes, recipe.data.size) == ("dcgan", 2, None, 16)
    assert (images / "report.html").exists()
    assert Checkpoints(images / "checkpoints").rounds()[-1] == 2


def test_the_same_command_and_the_folder_alone_go_on(images: Path, capsys: pytest.CaptureFixture[str]):
    for argv in (["dcgan", *tiny(*IMAGES)], []):
        assert main(["train", *argv, "--run", str(images)]) == 0
        assert "all is played: round 2 of 2" in capsys.readouterr().out


def test_the_same_seed_draws_the_same_samples(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def drawn(seed: int) -> np.ndarray:
        out = tmp_path / "samples.npy"
        assert files(capsys, "sample", str(images), "-n", "5", "--seed", str(seed), "--out", str(out)) == [out]
        return np.load(out, allow_pickle=False)

    assert drawn(1).shape == (5, 1, 16, 16)
    assert drawn(1).dtype == np.uint8
    assert (drawn(1) == drawn(1)).all()
    assert (drawn(1) != drawn(2)).any()


def test_a_grid_lies_in_the_runs_folder_unless_asked_otherwise(images: Path, capsys: pytest.CaptureFixture[str]):
    assert files(capsys, "sample", str(images), "--seed", "3") == [images / "sample-seed-3.png"]
    Image.open(images / "sample-seed-3.png").verify()


def test_each_image_has_its_own_file_pixel_for_pixel(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    written = files(capsys, "sample", str(images), "-n", "3", "--each", str(tmp_path / "each"))
    assert [path.name for path in written] == ["00000.png", "00001.png", "00002.png"]
    assert Image.open(written[2]).size == (16, 16)
    pixels = saddle.load(images).sample(3)[2, 0].numpy()
    assert (np.asarray(Image.open(written[2]).convert("L")) == pixels).all()


def test_each_never_writes_into_a_folder_that_holds_something(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["sample", str(images), "--each", str(tmp_path)]) == 2
    assert "is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("suffix", [".png", ".npy", ".csv"])
def test_points_are_written_as_asked(points: Path, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (out,) = files(capsys, "sample", str(points), "-n", "6", "--out", str(tmp_path / f"points{suffix}"))
    read = {".png": Image.open, ".npy": np.load, ".csv": lambda path: np.loadtxt(path, delimiter=",")}[suffix](out)
    assert read.size == (480, 480) if suffix == ".png" else read.shape == (6, 2)


def test_a_walk_begins_and_ends_at_different_samples(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    walks = ["interpolate", str(images), "--rows", "2", "--steps", "3", "--out"]
    (out,) = files(capsys, *walks, str(tmp_path / "walk.npy"))
    walk = np.load(out)
    assert walk.shape == (6, 1, 16, 16)
    assert (walk[0] != walk[2]).any()
    (line,) = files(capsys, *walks, str(tmp_path / "line.npy"), "--linear")
    assert (np.load(line)[[0, 2]] == walk[[0, 2]]).all()
    assert (np.load(line)[1] != walk[1]).any()


def test_translation_names_every_file_that_cannot_be_read(
    translation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.eps").write_bytes(b"%!PS")
    assert main(["translate", str(translation), str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "a.png: empty file" in said
    assert "b.eps: EPS files are not opened" in said


def test_a_game_of_another_kind_says_what_it_is_for(
    images: Path, translation: Path, capsys: pytest.CaptureFixture[str]
):
    for command, run in (["sample", translation], ["interpolate", translation], ["translate", images]):
        argv = [command, str(run)] + (["nowhere.png"] if command == "translate" else [])
        assert main(argv) == 2
        told = "saddle translate" if command != "translate" else "saddle sample"
        assert f"({told})" in capsys.readouterr().err


def test_evaluate_gives_scores_with_their_fingerprint(images: Path, capsys: pytest.CaptureFixture[str]):
    argv = ["evaluate", str(images), "--metrics", "fid, kid", "-n", "100"]
    assert main([*argv, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.keys() == {"fid", "kid"}
    assert told["fid"]["fingerprint"]
    assert main(argv) == 0
    assert f"{told['fid']['value']:.4g}" in capsys.readouterr().out


def test_evaluate_info_and_the_report_say_of_a_score_what_it_was_measured_with(
    images: Path, capsys: pytest.CaptureFixture[str]
):
    """The extractor, the samples, the references, and what the metric takes for good: in one sentence."""
    kept = {score["name"]: score for score in json.loads((images / "scores.json").read_text("utf-8"))}
    basis = {name: measured_with(score) for name, score in kept.items()}
    assert basis["precision"].startswith(
        "extractor digits, 2,000 samples, 497 held-out references; one image again and again"
    )
    assert main(["evaluate", str(images), "--metrics", ",".join(basis)]) == 0
    scored = capsys.readouterr().out.splitlines()
    assert main(["info", str(images)]) == 0
    told = capsys.readouterr().out
    page = Page((images / "report.html").read_text("utf-8")).text
    for name, sentence in basis.items():
        assert next(line for line in scored if line.startswith(f"{name} ")).endswith(f" {sentence}")
        assert f"{name} {kept[name]['value']:.4g} ± {kept[name]['uncertainty']:.2g} ({sentence})" in told
        assert sentence in page


def test_evaluate_lists_the_metrics_without_a_run(capsys: pytest.CaptureFixture[str]):
    assert main(["evaluate", "--list"]) == 0
    assert "Fréchet" in capsys.readouterr().out


def test_info_and_report_tell_the_run(images: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["info", str(images), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["game"], told["round"], told["status"]) == ("dcgan", 2, "finished")
    assert main(["info", str(images)]) == 0
    words = capsys.readouterr().out
    assert "dcgan" in words
    assert "\nuses " in words
    assert not re.search(r"^(best|seconds.to|kind) ", words, re.M)
    (images / "report.html").unlink()
    assert main(["report", str(images)]) == 0
    assert (images / "report.html").exists()


def test_the_time_to_multiples_of_the_floor_is_of_the_first_scoring_below(tmp_path: Path):
    fids = [(1.0, 9.0), (2.0, 4.9), (3.0, 1.2), (4.0, 6.0)]
    told = [{"event": "score", "seconds": s, "scores": {"fid": {"value": fid}}} for s, fid in fids]
    told += [{"event": "round", "seconds": 0.5}, {"event": "score", "seconds": 0.1, "scores": {"modes": {"value": 0}}}]
    folder = RunFolder(tmp_path)
    assert folder.seconds_to(1.0) == {}, "not measured, which is not never"
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in told))
    assert folder.seconds_to(1.0) == {"10": 1.0, "5": 2.0, "2.5": 3.0, "1.5": 3.0}
    assert folder.seconds_to(0.5) == {"10": 2.0, "5": 3.0, "2.5": 3.0, "1.5": None}


def test_info_tells_the_time_to_multiples_of_the_floor(images: Path, capsys: pytest.CaptureFixture[str]):
    scores = RunFolder(images).scores()
    (floor,) = (score for score in scores if score["name"] == "fid_floor")
    assert floor["seconds_to"] == {}, "this run was not scored on the way"
    floor["seconds_to"] |= {"10": 7.2, "5": 31.6}
    before = (images / "scores.json").read_bytes()
    RunFolder(images).write_scores(scores)
    assert main(["info", str(images)]) == 0
    assert "10 floors 7, 5 floors 32" in capsys.readouterr().out
    assert main(["info", str(images), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seconds_to"]["5"] == 31.6
    (images / "scores.json").write_bytes(before)


def test_python_says_the_same_as_the_command_line(images: Path, tmp_path: Path):
    settings = {"data.size": 16, "game.network.width": 4, "plan.batch": 4, "plan.scores": 0, "plan.pictures": 1}
    run = saddle.train(
        "dcgan", "digits", tmp_path / "run", rounds=2, settings=settings | {"plan.precision": "fp32"}, quiet=True
    )
    assert run.recipe == Recipe.read(images)
    assert (run.sample(4) == saddle.load(images).sample(4)).all()
    assert (saddle.load(tmp_path / "run", "last").sample(4, seed=1) == run.sample(4, seed=1)).all()


def test_python_takes_settings_as_objects(tmp_path: Path):
    settings = {"game.penalties": [R1(weight=5)], "game.network": "MLP", "game.network.width": 8, "plan.scores": 0}
    run = saddle.train("gan", "ring", tmp_path / "run", rounds=1, settings=settings, quiet=True)
    assert run.recipe.options.penalties == (R1(weight=5),)
    assert run.sample(3).shape == (3, 2)
