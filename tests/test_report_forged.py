"""A report is written whatever a run folder holds: forged, damaged or from another version."""

import json

import pytest
from html_page import Page
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from told import START, new_run, written

from saddle import report
from saddle.report import checked, page, samples, story

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)  # with halves of characters too
NUMBERS = st.floats() | st.integers(-(10**400), 10**400) | st.sampled_from([0, -1, 1e308, -1e308, 5e-324, 2**63])
ANY = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | ANY_TEXT
    | st.sampled_from(["nan", "inf", "../../etc/passwd", "\0", "x" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
SCORES = st.fixed_dictionaries({}, optional={name: ANY | NUMBERS for name in checked.SCORE})
FIELDS = {
    **dict.fromkeys([*checked.EVENT, "of"], ANY),
    "round": NUMBERS | st.integers(0, 9) | ANY,
    "losses": st.dictionaries(st.sampled_from(["g/a", "g/b", "d", ""]) | ANY_TEXT, NUMBERS | ANY, max_size=3) | ANY,
    "notes": st.dictionaries(st.sampled_from(["d_real", "d_fake", "d_fake_8", "real_logits", "k"]), NUMBERS) | ANY,
    "scores": st.dictionaries(st.sampled_from(["fid", "error"]) | ANY_TEXT, SCORES | ANY, max_size=3) | ANY,
    "judgement": st.sampled_from(["probability", "distance", "energy", "score"]) | ANY,
}
KINDS = st.sampled_from(["start", "plan", "round", "sample", "score", "save", "beside", "change", "stop"]) | ANY_TEXT
EVENTS = st.lists(
    st.builds(lambda kind, rest: rest | {"event": kind}, KINDS, st.fixed_dictionaries({}, optional=FIELDS))
)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(EVENTS, st.lists(SCORES | ANY, max_size=3), ANY)
@example(
    [{"event": "round", "round": 1, "notes": {"d_real": 1e308}}] * 2 + [{"event": "start", "round": 10**400}], [], 0
)
@example([{"event": "start", "baseline": {"supervised": True}}], [{"name": "error", "value": -1}], 0)
def test_any_log_and_any_scores_become_a_page_of_which_no_part_is_missing(tmp_path, events, scores, recipe):
    new_run(tmp_path, {"game": recipe}).close()
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    Page(written(tmp_path))  # whose elements are all closed


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


@pytest.mark.parametrize("keep", [0, 7, 8, 40, 60, 100, -1])
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
    with Image.open(
        samples.film(story.RunFolder(tmp_path), story.read(story.RunFolder(tmp_path)).of("sample"))
    ) as film:
        assert film.n_frames == 3
