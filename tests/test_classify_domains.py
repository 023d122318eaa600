"""Games that learn a first domain's classes name those of the second one: by command, and scored where known."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from small import tiny

import saddle
from saddle.base.errors import UsageError
from saddle.cli import main

COGAN = ["cogan", "--game.width", "4", "--data.labels", "true"]


def trained(folder: Path, *words: str) -> Path:
    assert main(["train", *words[:1], "--run", str(folder), "--quiet", *tiny(*words[1:])]) == 0
    return folder


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("cogan") / "run", *COGAN, "--game.class_weight", "10")


def test_the_second_domains_images_are_named_by_command(named, tmp_path, capsys):
    (tmp_path / "7").mkdir()
    Image.new("L", (20, 20), 90).save(tmp_path / "7" / "a.png")
    assert main(["classify", str(named), str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["classes"] == list("0123456789")
    assert told["known"] == 1


def test_they_are_named_as_the_second_domains_judge_names_them(named):
    run, images = saddle.load(named, device="cpu"), torch.rand(3, 1, 32, 32) * 2 - 1
    assert torch.equal(run.classify(images), run.game.classify(images, "b"))
    assert not torch.equal(run.classify(images), run.game.classify(images, "a"))


def test_the_error_is_that_of_the_second_domains_held_out_images(named):
    run = saddle.load(named, device="cpu")
    score = run.evaluate(["error"])["error"]
    held = run.source.heldout.take(range(len(run.source.heldout)))
    wrong = run.classify(held["b"]).argmax(1) != held["label_b"]
    assert score.value == pytest.approx(float(wrong.float().mean()))


def test_without_classes_it_still_samples_and_says_why_it_cannot_classify(tmp_path):
    run = saddle.load(trained(tmp_path / "run", *COGAN), device="cpu")
    assert len(run.sample(2)) == 2
    with pytest.raises(UsageError, match="it has learned no classes"):
        run.classify(torch.zeros(1, 1, 32, 32))
