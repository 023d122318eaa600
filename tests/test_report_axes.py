"""Every chart of a report shows its values, on the axis that they have."""

import re

import numpy as np
import pytest
from html_page import Page
from told import START, new_run, written

from saddle.report import svg


def report_of(folder, notes, **start):
    """The page of a run that logged these notes, by name a value for each of three rounds."""
    with new_run(folder) as log:
        log.write("start", round=0, **START | start)
        for i in range(3):
            log.write("round", round=10 * i + 10, notes={name: values[i] for name, values in notes.items()})
    return written(folder)


def charts(text):
    """What each chart tells those who do not see it, in order."""
    return Page(text).values("svg", "aria-label")


def heights(text, title):
    """How high the dots of a chart lie, from 0 at the foot of its frame to 1 at the top."""
    drawing = re.search(f'aria-label="{re.escape(title)}.*?</svg></svg>|aria-label="{re.escape(title)}.*', text, re.S)
    dots = re.findall(r'cy="([\d.-]+)"', drawing[0].split("</figure>")[0])
    return [(svg.BOTTOM - float(y)) / (svg.BOTTOM - svg.TOP) for y in dots]


def test_probabilities_keep_the_axis_from_0_to_1(tmp_path):
    text = report_of(tmp_path, {"d_real": [0.5, 0.6, 0.75], "d_fake": [0.5, 0.4, 0.25]}, judgement="probabilities")
    title = "D(real) and D(fake)"
    assert charts(text)[0].startswith(title)
    assert heights(text, title) == pytest.approx([0.5, 0.6, 0.75, 0.5, 0.4, 0.25], abs=1e-3)


@pytest.mark.parametrize("judgement", ["scores", "distance", "energies", None])
def test_what_is_no_probability_has_an_axis_of_its_own_and_no_point_lies_outside(tmp_path, judgement):
    said = {"judgement": judgement} if judgement else {}
    text = report_of(tmp_path, {"d_real": [12.0, 30.0, 31.0], "d_fake": [-40.0, -7.0, 2.0]}, **said)
    title = "Energies of real" if judgement == "energies" else "The critic&#x27;s scores"
    found = heights(text, title)
    assert len(found) == 6
    assert all(0 <= height <= 1 for height in found)
    assert max(found) - min(found) > 0.8  # the frame is used
    assert "D(real)" not in text
    assert "beyond the axis" not in text


def test_scores_of_a_critic_that_happen_to_lie_between_0_and_1_are_not_called_probabilities(tmp_path):
    text = report_of(tmp_path, {"d_real": [0.9, 0.8, 0.8], "d_fake": [0.1, 0.2, 0.2]}, judgement="scores")
    assert charts(text)[0].startswith("The critic's scores of real and of fake samples")


def test_probabilities_beyond_their_axis_are_drawn_all_the_same(tmp_path):
    text = report_of(tmp_path, {"d_real": [2.0, 3.0, 4.0]}, judgement="probabilities")
    assert all(0 <= height <= 1 for height in heights(text, "D(real) and D(fake)"))


@pytest.mark.parametrize("before", [False, True])  # runs of before judgements were told have a note
def test_the_distance_of_a_wasserstein_critic_stands_in_front(tmp_path, before):
    notes = {"d_real": [3.0, 2.0, 1.0], "d_fake": [-3.0, 0.0, 0.75]}
    notes |= {"distance": [6.0, 2.0, 0.25]} if before else {}
    text = report_of(tmp_path, notes, **{} if before else {"judgement": "distance"})
    assert charts(text)[0] == (
        "Wasserstein distance, as the critic estimates it over the rounds 10 to 30: real minus fake from 6.000 to 0.250"
    )
    assert charts(text)[1].startswith("The critic's scores of real and of fake samples")
    assert not any(told.startswith("distance") for told in charts(text))  # nor a second time


@pytest.mark.parametrize("judgement", ["scores", "probabilities", "energies"])
def test_only_a_wasserstein_critic_has_a_distance(tmp_path, judgement):
    notes = {"d_real": [0.9, 0.8, 0.7], "d_fake": [0.1, 0.2, 0.3], "distance": [0.8, 0.6, 0.4]}
    assert "Wasserstein" not in report_of(tmp_path, notes, judgement=judgement)


def test_the_distance_is_that_of_rounds_which_know_both(tmp_path):
    with new_run(tmp_path) as log:
        log.write("start", round=0, **START, judgement="distance")
        log.write("round", round=1, notes={"d_real": 1.0})
        log.write("round", round=2, notes={"d_real": 2.0, "d_fake": 0.5})
        log.write("round", round=3, notes={"d_fake": 7.0})
    assert "rounds 2 to 2: real minus fake from 1.500 to 1.500" in charts(written(tmp_path))[0]


def test_each_of_several_judges_has_a_chart(tmp_path):
    sizes = {f"d_{of}_{size}": [0.5, 0.5, 0.5] for size in ("base", "32x32") for of in ("real", "fake")}
    told = charts(report_of(tmp_path, sizes, judgement="probabilities"))
    assert [each.split(" over")[0] for each in told[:2]] == [
        "D(real) and D(fake), base",
        "D(real) and D(fake), 32x32",
    ]


def test_what_a_game_notes_is_folded_only_beside_a_judgement(tmp_path):
    alone = report_of(tmp_path / "vae", {"elbo": [-9.0, -8.0, -7.0]})
    assert "Other measurements" not in alone
    assert charts(alone)[0].startswith("elbo")
    beside = report_of(tmp_path / "gan", {"elbo": [-9.0, -8.0, -7.0], "d_real": [0.5, 0.5, 0.5]})
    assert "Other measurements (1)" in beside


def test_values_of_which_none_is_finite_are_said_and_not_drawn_in_an_empty_frame(tmp_path):
    text = report_of(tmp_path, {"d_real": [np.nan, np.inf, np.nan]}, judgement="scores")
    assert "None of the values is finite." in text
    assert charts(text) == []


def test_every_chart_says_how_to_read_it_and_names_its_axes(tmp_path):
    notes = {"d_real": [1.0, 2.0, 3.0], "d_fake": [1.0, 2.0, 3.0], "own": [1.0, 2.0, 3.0]}
    with new_run(tmp_path) as log:
        log.write("start", round=0, **START, judgement="distance", meanings={"fid": "how far off"})
        for i in range(3):
            values = {name: each[i] for name, each in notes.items()}
            log.write("round", round=i, notes=values, losses={"generator/loss": 1.0}, images_per_second=3.0)
            log.write("score", round=i, scores={"fid": {"value": 3.0, "better": "lower"}})
    shown = Page(written(tmp_path))
    classes = [value for name, key, value in shown.attributes if key == "class"]
    assert classes.count("chart") == classes.count("how") == 6
    assert shown.words.count("round") == 6
    for unit in ("distance", "score", "loss", "value", "images/s"):
        assert unit in shown.words
    assert "How far off. The strokes are ± its standard error." in shown.text
