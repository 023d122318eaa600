"""Classes of images, by command and from Python; few labels beside their baseline."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import tiny
from torch import Tensor

import saddle
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.cli import _images, main
from saddle.data import DataOptions, open_source
from saddle.metrics import evaluate
from saddle.report.story import baseline, read
from saddle.runs import benchmark, registry, scoring
from saddle.runs.benchmark import Entry
from saddle.runs.recipe import Recipe
from saddle.tasks import Classification, Synthesis

SMALL = ["--game.network.width", "4", "--game.network.generator_width", "4", "--game.z_dim", "3"]


def trained(folder: Path, game: str, *settings: str) -> Path:
    assert main(["train", game, "--run", str(folder), "--quiet", *tiny(*settings)]) == 0
    return folder


@pytest.fixture(scope="module")
def sgan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("sgan") / "run", "sgan", *SMALL)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two images in a folder of a class's name, one in another folder."""
    folder = tmp_path / "pictures"
    for i, name in enumerate(("7/a.png", "7/b.png", "others/c.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 20), 80 * i).save(folder / name)
    return folder


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> dict:
    assert main(["classify", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_image_has_its_likeliest_class_and_accuracy_counts_those_in_folders_of_a_class(sgan, pictures, capsys):
    found = told(capsys, str(sgan), str(pictures))
    assert found["classes"] == list("0123456789")
    assert [(row["image"], row.get("label")) for row in found["images"]] == [
        ("7/a.png", "7"),
        ("7/b.png", "7"),
        ("others/c.png", None),
    ]
    right = sum(row["class"] == "7" for row in found["images"][:2])
    assert (found["known"], found["accuracy"]) == (2, right / 2)
    run = saddle.load(sgan)
    (images,) = _images.read(run, pictures).portions(9)
    chances = run.classify(images).exp()
    assert [row["probability"] for row in found["images"]] == pytest.approx(chances.amax(1).tolist())
    assert [row["class"] for row in found["images"]] == [str(int(i)) for i in chances.argmax(1)]


def test_labels_from_a_file_count_in_place_of_folders(sgan, pictures, tmp_path, capsys):
    seen = told(capsys, str(sgan), str(pictures))["images"]
    file = tmp_path / "known.csv"
    file.write_text(f"image,class\n7/a.png,{seen[0]['class']}\nothers/c.png,\n", encoding="utf-8")
    found = told(capsys, str(sgan), str(pictures), "--labels", str(file))
    assert (found["known"], found["accuracy"]) == (1, 1.0)
    assert main(["classify", str(sgan), str(pictures), "--labels", str(file)]) == 0
    assert "accuracy 1 ± 0.5, 1 of 1 right" in capsys.readouterr().out


def test_without_a_known_class_there_is_no_accuracy(sgan, pictures, capsys):
    found = told(capsys, str(sgan), str(pictures / "others" / "c.png"))
    assert (found["known"], found["accuracy"]) == (0, None)
    assert main(["classify", str(sgan), str(pictures / "others")]) == 0
    assert "accuracy" not in capsys.readouterr().out


def test_the_probability_of_every_class_goes_to_a_file(sgan, pictures, tmp_path, capsys):
    out = tmp_path / "classes.csv"
    told(capsys, str(sgan), str(pictures), "--out", str(out))
    heading, *lines = csv.reader(out.open())
    assert heading == ["image", "class", *"0123456789"]
    assert [line[0] for line in lines] == ["7/a.png", "7/b.png", "others/c.png"]
    assert np.allclose([sum(map(float, line[2:])) for line in lines], 1, atol=1e-4)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("image,class\n7/x.png,7\n", r"line 2: there is no image '7/x.png' \(did you mean 7/b.png"),
        ("image,class\n7/a.png,7\n7/b.png,seven\n", "known.csv: no class 'seven'; the run knows 0, 1, 2"),
        (
            "image,x,y\n7/a.png,0.5,1\n",
            "has a number for each of x, y in each line; to compare with, it must have a class",
        ),
    ],
)
def test_a_file_of_labels_that_does_not_fit_is_refused(lines, message, sgan, pictures, tmp_path, capsys):
    file = tmp_path / "known.csv"
    file.write_text(lines)
    assert main(["classify", str(sgan), str(pictures), "--labels", str(file)]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_what_cannot_be_classified_is_refused(sgan, pictures, tmp_path, capsys):
    gan = trained(tmp_path / "gan", "gan", "--data", "ring", "--game.network.width", "4")
    for argv, message in (
        ([str(gan), str(pictures)], "gan is not for classification; it is for sampling"),
        ([str(sgan), str(pictures), "--out", "a.txt"], "the name should end in .csv"),
        ([str(sgan), str(pictures), "--labels", str(tmp_path / "no.csv")], "there is no file"),
        ([str(sgan), str(tmp_path / "none")], "there is no"),
    ):
        assert main(["classify", *argv]) == 2
        assert message in capsys.readouterr().err


class Oracle(Synthesis, Classification):
    """Knows some of the digits of a source, and takes the others for zeros."""

    needs = ("image", "label")

    def __init__(self, source, knows: int):
        super().__init__(source.spec)
        held = source.heldout.take(slice(None))
        self.answers = {x.numpy().tobytes(): int(y) for x, y in zip(held["image"][:knows], held["label"], strict=False)}
        self.place = torch.nn.Linear(1, 1)

    def round(self, batches):
        yield from ()

    def classify(self, image: Tensor) -> Tensor:
        said = torch.tensor([self.answers.get(x.numpy().tobytes(), 0) for x in image])
        return torch.nn.functional.one_hot(said, 10).float().log()


def test_the_error_of_an_oracle_is_0_and_of_one_that_knows_half_that_of_the_other_half():
    source = open_source(DataOptions(size=8))
    label = source.heldout.take(slice(None))["label"]
    for knows in (497, 250, 0):
        score = scoring.score(Oracle(source, knows), source, ["error"])["error"]
        wrong = float((label[knows:] != 0).sum()) / 497
        assert score.value == pytest.approx(wrong)
        assert score.better == "lower"
        assert score.fingerprint["reference_count"] == 497


def test_error_is_asked_of_games_that_classify():
    with pytest.raises(UsageError, match=r"'error' needs a game that classifies \(acgan, sgan\), and held-out images"):
        evaluate(lambda k: torch.zeros(k, 1, 8, 8), None, ["error"])


def test_the_error_is_told_on_the_way_and_chooses_no_checkpoint(sgan, tmp_path):
    """Or the best of many by the held-out labels would be scored by the very same labels."""
    folder = trained(tmp_path / "run", "sgan", *SMALL, "--plan.scores", "2")
    run = saddle.load(folder)
    assert run.checkpoints.best() is None
    scores = {score["name"]: score for score in run.info()["scores"]}
    assert scores["error"]["round"] == 2
    assert any("error" in event.get("scores", {}) for event in read(RunFolder(folder)).of("score"))


WORDS = ["--plan.rounds=2", "--plan.batch=4", "--plan.pictures=1", "--plan.scores=0", *SMALL]


def test_labels_trains_each_game_beside_its_baseline_and_a_finished_run_no_more(tmp_path, capsys, monkeypatch):
    argv = [
        "benchmark",
        "labels",
        "--games",
        "sgan",
        "--labels",
        "5,10",
        "--seeds",
        "2",
        "--out",
        str(tmp_path),
        *WORDS,
    ]
    assert main([*argv, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = [(data, seed) for data in ("5 labels a class", "10 labels a class") for seed in (0, 1)]
    assert [(e["data"], e["seed"]) for e in found] == wanted
    assert all(list(e["scores"]) == ["error", "baseline_error"] for e in found)
    run = Path(found[0]["run"])
    mine, other = Recipe.read(run), Recipe.read(run.with_name(f"{run.name}-baseline"))
    assert mine.differences(other) == ["game.supervised is false, there true"]
    assert (mine.data.labelled, mine.plan.seed) == (5, 0)
    monkeypatch.setattr(benchmark, "train", pytest.fail)
    assert main(argv) == 0
    assert "5 labels a class" in capsys.readouterr().out
    report = (run / "report.html").read_text()
    assert "of the same classifier trained on the labels alone (sgan-5-0-baseline)" in report


def test_the_table_of_labels_has_the_mistakes_saved_seed_by_seed():
    runs = [(0.1, 0.2), (0.05, 0.2), (0.2, 0.2)]
    entries = [
        Entry("sgan", "10 labels a class", seed, "", 60.0, {"error": own, "baseline_error": other})
        for seed, (own, other) in enumerate(runs)
    ]
    columns, lines = benchmark.label_table(entries)
    assert columns == ["game", "data", "error", "baseline error", "% fewer", "seconds", "seeds"]
    assert lines == [["sgan", "10 labels a class", "0.1 [0.05 – 0.2]", "0.2", "50 [0 – 75]", "60", "3"]]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["labels", "--games", "dcgan"], "dcgan has no supervised baseline; these have one: .*sgan"),
        (["labels", "--games", "sgna"], "no game 'sgna'"),
        (["labels", "--labels", "5,x"], "whole number from 1 on, not 'x'"),
        (["labels", "--data", "ring"], "benchmark labels has no use for --data; benchmark modes has"),
        (["modes", "--labels", "5"], "benchmark modes has no use for --labels; benchmark labels has"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_trained(argv, message, tmp_path, capsys):
    assert main(["benchmark", *argv, "--out", str(tmp_path / "out")]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_a_baseline_is_the_run_beside_that_differs_in_nothing_else(tmp_path):
    recipe = Recipe.default("sgan")
    for name, edits in (
        ("own", {}),
        ("other-seed", {"game.supervised": True, "plan.seed": 3}),
        ("its", {"game.supervised": True}),
    ):
        (tmp_path / name).mkdir()
        recipe.change(edits).write(tmp_path / name / "recipe.yaml")
        with RunFolder(tmp_path / name).log() as log:
            log.write("start", round=0, baseline=registry.load("sgan").baseline)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "recipe.yaml").write_text("- [")
    found = baseline(read(RunFolder(tmp_path / "own")))
    assert found is not None
    assert found.folder.path.name == "its"
    assert baseline(read(RunFolder(tmp_path / "its"))) is None


COLOURS_AND_STROKES = (("red", "green", "blue"), ("thin", "normal", "bold"))


def test_of_labels_that_exclude_each_other_the_likeliest_is_named_and_of_others_those_likelier_on(
    tmp_path, pictures, capsys
):
    run = trained(tmp_path / "run", "stargan", "--game.width", "2", "--game.blocks", "1")
    found = told(capsys, str(run), str(pictures), "--out", str(tmp_path / "labels.csv"))
    names, groups = ("red", "green", "blue", "inverted", "thin", "normal", "bold"), COLOURS_AND_STROKES
    assert found["labels"] == [*names]
    assert found["accuracy"] is None
    for row in found["images"]:
        likely = row["probabilities"]
        assert all(sum(likely[name] for name in group) == pytest.approx(1) for group in groups)
        on = {max(group, key=likely.__getitem__) for group in groups} | (
            {"inverted"} if likely["inverted"] >= 0.5 else set()
        )
        assert row["labels"] == [name for name in names if name in on]
    lines = list(csv.reader((tmp_path / "labels.csv").open()))
    assert lines[0] == ["image", "labels", *names]
    assert [line[1].split() for line in lines[1:]] == [row["labels"] for row in found["images"]]
    assert main(["classify", str(run), str(pictures)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["image", "labels", *names]
    assert main(["evaluate", str(run), "--judge", str(run)]) == 2
    assert "names labels, of which several may be on" in capsys.readouterr().err
