"""Scores of a run that translates: in training, in `saddle evaluate`, in JSON, in the report; and who judges them."""

import json
from pathlib import Path

import pytest
import torch
from html_page import Page
from small import tiny
from told import written as report_of

import saddle
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.data import DataOptions, open_source
from saddle.metrics.judged import REAL
from saddle.metrics.translated import INPUT, MEAN
from saddle.runs import judging, scoring

SMALLEST = ["--data.size", "16", "--game.width", "2", "--game.blocks", "1", "--plan.samples", "20"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scores") / "run"
    assert main(["train", "cyclegan", *tiny(*SMALLEST), "--run", str(folder), "--quiet"]) == 0
    return folder


def test_final_scores_have_both_ways_and_what_stands_beside_them(run: Path) -> None:
    scores = {score["name"]: score for score in RunFolder(run).scores()}
    assert list(scores)[:4] == ["accuracy", "fid", "kid", "ssim"]
    ssim = scores["ssim"]
    assert set(ssim["beside"]) == {INPUT, MEAN}
    assert ssim["beside"][INPUT] < 0, "inverted digits are as unlike as can be"
    assert list(ssim["ways"]) == ["a to b", "b to a"]
    assert ssim["fingerprint"]["translated"] == 20
    assert "ways" not in scores["fid"], "as it has always been"
    assert "note" not in scores["luminance"], "these data ask for the opposite of every brightness"


def test_the_report_shows_every_way_under_the_heads_of_what_stands_beside(run: Path) -> None:
    lines = RunFolder(run).scores()
    luminance = next(score for score in lines if score["name"] == "luminance")
    (run / "scores.json").write_text(json.dumps([*lines, luminance | {"name": "other", "note": "It is inverted."}]))
    text = Page(report_of(run)).text
    (run / "scores.json").write_text(json.dumps(lines))
    for part in (
        "input unchanged",
        "mean image",
        "true pairs",
        "a to b",
        "It is inverted.",
        "no better than the input",
    ):
        assert part in text


def test_evaluate_prints_the_same_table_and_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--metrics", "l1,luminance", "-n", "8"]) == 0
    head, l1, one, other, *_ = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "score"
    assert "input unchanged" in head
    assert l1.startswith("l1")
    assert [one.split("  ")[1], other.split("  ")[1]] == ["a to b", "b to a"]
    assert main(["evaluate", str(run), "--metrics", "l1", "-n", "8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["l1"]
    assert found["beside"].keys() == found["ways"]["a to b"].keys() - {"value", "uncertainty"}


def test_a_judge_of_digits_reads_the_translations_and_is_read_itself(run: Path) -> None:
    score = saddle.load(run).evaluate(["l1"], n=100, judge="digits")["task_accuracy"]
    assert score.fingerprint["judge"] == "digits"
    assert score.ways["a to b"][INPUT] > 0.8, "digits as they are"
    assert score.ways["b to a"][INPUT] < 0.4, "black on white is not what it learned"
    assert score.ways["b to a"][REAL] > 0.9
    assert 0 <= score.value < 0.5, "two rounds teach nothing"


def test_a_run_that_classifies_judges_too(run: Path, tmp_path: Path) -> None:
    smallest = ["--data.size", "16", "--game.network.width", "4", "--plan.samples", "20"]
    assert main(["train", "sgan", *tiny(*smallest), "--run", str(tmp_path / "judge"), "--quiet"]) == 0
    source = open_source(DataOptions(source="digits-inverted", size=16))
    judge = judging.of_game(saddle.load(tmp_path / "judge").game, "judge")
    images, labels = (torch.cat(parts) for parts in zip(*ways_of(run, source)[0].real_labels(50), strict=True))
    said = saddle.load(tmp_path / "judge").classify(images).argmax(1)
    assert judge.says(images).tolist() == said.tolist()
    score = saddle.load(run).evaluate(["task_accuracy"], n=50, judge=tmp_path / "judge")["task_accuracy"]
    expected = float((judge.says(images) == labels).double().mean())
    assert score.ways["a to b"][REAL] == pytest.approx(expected, abs=0.15)
    assert score.fingerprint["judge_hash"] == judge.hash
    assert judge.right(images[:2], torch.tensor([-1, said[1]])).nan_to_num(9).tolist() == [9, 1]
    with pytest.raises(UsageError, match=r"knows 10 classes.*one of number 10"):
        judge.right(images[:1], torch.tensor([10]))


def ways_of(run: Path, source):
    return scoring.ingredients.of(saddle.load(run).game, source)["translations"].ways


def test_who_cannot_judge_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=r"no judge 'digit' \(did you mean digits\?\): give digits, or a run"):
        judging.judge("digit", CPU, lambda: pytest.fail("is no run"))
    with pytest.raises(UsageError, match="'pixels' names no classes"):
        judging.built_in("pixels", CPU)
    assert main(["evaluate", str(run), "--judge", str(run)]) == 2
    assert "is not for classification" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--metrics", "task_accuracy"]) == 2
    assert "needs a judge of classes: --judge digits" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--metrics", "lpips"]) == 2
    assert "needs two weight files in your hands" in capsys.readouterr().err
