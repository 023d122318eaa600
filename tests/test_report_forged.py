"""A report is written whatever a run folder holds: forged, damaged or from another version."""

import json
import math
import random

import pytest
from html_page import Page
from PIL import Image
from told import START, new_run, written

from saddle import report
from saddle.base import checked
from saddle.base.events import _parse as parsed
from saddle.base.folder import RunFolder
from saddle.report import page, samples, story

NOWHERE = RunFolder("/nowhere/at all")
KINDS = (
    "start",
    "plan",
    "round",
    "round",
    "round",
    "sample",
    "score",
    "score",
    "save",
    "beside",
    "change",
    "stop",
    "?",
)
ODD = (
    None,
    True,
    "",
    "nan",
    "-inf",
    "\0",
    "\ud800",
    "<b>",
    "../../etc/passwd",
    "x" * 300,
    0,
    -1,
    2.5,
    10**400,
    -(2**64),
)
ODD += (1e308, -1e308, 5e-324, math.nan, math.inf, [], {}, [[1]], [None, "a"], {"a": 1}, {"": [{}]}, {"class": 3})
NAMES = ("g/a", "g/b", "d", "", "fid", "error", "d_real", "d_fake", "d_fake_8", "real_logits", "k", "\udfff")
JUDGEMENTS = ("probabilities", "distance", "energies", "scores")


def forged(draw, name=""):
    """A value for the field of this name: often one that it can have, as often another."""
    if name == "round" and draw.random() < 0.8:
        return draw.randrange(9)
    if name == "judgement" and draw.random() < 0.8:
        return draw.choice(JUDGEMENTS)
    if name == "scores" and draw.random() < 0.8:
        return {each: fields(draw, checked.SCORE) for each in draw.sample(NAMES, 3)}
    if draw.random() < 0.5:
        return {each: draw.choice(ODD) if draw.random() < 0.3 else draw.gauss(0, 9) for each in draw.sample(NAMES, 4)}
    return draw.choice(ODD)


def fields(draw, names):
    return {name: forged(draw, name) for name in names if draw.random() < 0.7}


@pytest.mark.parametrize("seed", range(20))
def test_any_log_and_any_scores_become_a_page_of_which_no_part_is_missing(seed):
    draw = random.Random(seed)
    lines = [json.dumps({**fields(draw, [*checked.EVENT, "of"]), "event": draw.choice(KINDS)}) for _ in range(25)]
    scores = [fields(draw, checked.SCORE) for _ in range(3)]
    events = [checked.event(event) for line in lines if (event := parsed(line))]
    text = page.whole(
        story.Story(NOWHERE, {"game": forged(draw), "paper": forged(draw)}, events, checked.scores(scores))
    )
    assert "could not be written" not in text
    Page(text)  # whose elements are all closed


def test_a_field_of_another_kind_counts_as_not_said():
    event = checked.event(
        {"event": "round", "round": "3", "losses": {"a": 1, "b": "x", "c": True}, "notes": [1], "file": 7}
    )
    assert event == {"event": "round", "losses": {"a": 1}}
    assert checked.event({"event": "start", "round": 3.0, "rounds": -1, "game": None}) == {"event": "start", "round": 3}


def test_a_text_without_end_is_cut(tmp_path):
    with new_run(tmp_path) as log:
        log.write("stop", round=1, reason="failed", message="x" * 10**6)
    assert len(written(tmp_path)) < 100_000


@pytest.mark.parametrize("keep", [0, 7, 8, 40, 60, 100, -60])
def test_a_damaged_picture_is_counted_and_the_page_is_written(tmp_path, keep):
    whole = tmp_path / "whole.png"
    Image.effect_noise((40, 40), 90).convert("RGB").save(whole)
    with new_run(tmp_path / "run") as log:
        log.write("start", round=0, **START)
        log.write("sample", round=1, file="samples/a.png", of="points")
        log.write("beside", round=1, file="samples/a.png")
    (tmp_path / "run/samples").mkdir()
    (tmp_path / "run/samples/a.png").write_bytes(whole.read_bytes()[:keep])
    text = Page(written(tmp_path / "run")).text
    assert "1 of the pictures could not be read" in text
    assert "The picture could not be read from the run's folder." in text


def test_a_picture_too_large_to_look_at_is_left_out(tmp_path, monkeypatch):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    assert samples.read_picture(tmp_path / "a.png").size == (40, 40)
    monkeypatch.setattr(samples, "PIXELS", 1599)
    assert samples.read_picture(tmp_path / "a.png") is None


def test_only_pictures_of_the_kind_that_runs_write_are_opened(tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png", "GIF")
    assert samples.read_picture(tmp_path / "a.png") is None


def test_a_name_that_no_file_can_have_is_a_picture_that_is_missing(tmp_path):
    with new_run(tmp_path) as log:
        for i, name in enumerate(("x" * 5000, "\0", "samples", "")):
            log.write("sample", round=i, file=name)
    assert "4 of the pictures could not be read" in Page(written(tmp_path)).text


def test_a_part_that_fails_is_named_and_the_others_are_there(tmp_path, monkeypatch):
    def settings(told):
        raise RuntimeError("of all things")

    monkeypatch.setattr(page, "settings", settings)
    new_run(tmp_path, {"game": "dcgan"}).close()
    text = Page(report.write(tmp_path).read_text("utf-8")).text
    assert "Settings This part could not be written" in text
    assert "RuntimeError('of all things')" in text
    assert "Commands" in text


def test_a_film_is_of_at_most_so_many_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "FRAMES", 3)
    with new_run(tmp_path) as log:
        (tmp_path / "samples").mkdir()
        for i in range(9):
            Image.new("RGB", (8, 8), (28 * i, 0, 0)).save(tmp_path / f"samples/{i}.png")
            log.write("sample", round=i, file=f"samples/{i}.png", of="points")
    with Image.open(samples.film(RunFolder(tmp_path), story.read(RunFolder(tmp_path)).of("sample"))) as film:
        assert film.n_frames == 3
