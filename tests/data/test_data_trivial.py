"""Trivial answers on what is made of the photographs: the numbers in the documentation, and their formulas by hand."""

import numpy as np
import pytest
from made_arrays import opened

from saddle.data import DataOptions, trivial
from saddle.data.baselines import Baseline, baselines
from saddle.data.lines import brightness, slopes, steepness

# As docs/data.md has them: of 256 held-out samples of 64 × 64 pixels, in dB unless it says otherwise.
MEASURED = {
    "rain": {"copy": 25.16, "median": 24.82},
    "edges": {"own mean colour": 15.23, "grey": 22.25},
    "illustrations": {"copy": 16.91},
    "shadows": {
        "copy": 25.92,
        "copy, all": 5.82,
        "copy, in the shadow": 30.15,
        "copy, outside": 0.53,
        "threshold": 31.95,
    },
    "holes": {
        "copy, in the hole": 10.11,
        "mean image, in the hole": 10.18,
        "own mean colour, in the hole": 16.65,
        "diffusion, in the hole": 21.64,
    },
}


def found(name: str, **settings: object) -> dict[str, Baseline]:
    return {each.name: each for each in baselines(DataOptions(source=name, **settings))}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MEASURED)
def test_trivial_answers_score_what_is_written_down(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saddle.data.baselines.MOST", 256)  # all that is held out
    monkeypatch.setattr("saddle.data.baselines.open_source", lambda options: opened(options.source))
    monkeypatch.setattr("saddle.data.baselines._tabled", lambda field: False)  # a table of colours takes long
    scores = found(name)
    for answer, value in MEASURED[name].items():
        assert scores[answer].value == pytest.approx(value, abs=0.011), answer


def test_with_the_domains_swapped_there_are_the_answers_that_still_mean_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("saddle.data.baselines.MOST", 20)
    assert [*found("holes", size=32, direction="b-to-a")] == ["copy", "mean image", "colour table"]
    assert [*found("edges", size=32, direction="b-to-a")] == ["mean image", "colour table"]


def test_a_hole_in_a_slope_is_filled_with_the_slope() -> None:
    slope = np.broadcast_to(np.arange(64.0) * 3 + np.arange(64.0)[:, None], (1, 3, 64, 64))
    hole = np.zeros((1, 1, 64, 64), bool)
    hole[..., 16:48, 16:48] = True
    filled = trivial.filled(np.where(hole, 128.0, slope), hole)
    assert np.abs(filled - slope).max() < 1e-6


def test_a_hole_at_the_edge_is_filled_as_if_nothing_flowed_out() -> None:
    picture = np.zeros((1, 1, 32, 32))
    picture[..., 8:] = 200
    hole = np.zeros((1, 1, 32, 32), bool)
    hole[..., 20:] = True
    assert np.abs(trivial.filled(picture, hole) - picture).max() < 1e-6


def test_filled_is_the_solution_of_laplaces_equation_on_photographs() -> None:
    source = opened("holes", size=64)
    a, hole = (x[:8] for x in trivial.held_out(source, "a", "mask"))
    y = trivial.filled(a, hole)
    p = np.pad(y, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    mean = (p[:, :, :-2, 1:-1] + p[:, :, 2:, 1:-1] + p[:, :, 1:-1, :-2] + p[:, :, 1:-1, 2:]) / 4
    assert np.abs(np.where(hole, y - mean, 0)).max() < 1e-6
    assert np.array_equal(np.where(hole, 0, y), np.where(hole, 0, a))


def test_decibels_by_hand_and_inside_a_mask_alone() -> None:
    truth, answer = np.zeros((2, 1, 2, 2), np.uint8), np.array([[[[255, 0], [0, 0]]], [[[0, 0], [0, 51]]]], np.uint8)
    assert trivial.decibels(answer, truth) == pytest.approx((10 * np.log10(4) + 10 * np.log10(4 * 25)) / 2)
    mask = np.zeros((2, 1, 2, 2), bool)
    mask[0, 0, 0] = True
    assert trivial.decibels(answer, truth, mask) == pytest.approx(10 * np.log10(2))


def test_the_median_takes_out_a_dot_and_keeps_an_edge() -> None:
    picture = np.zeros((1, 1, 9, 9), np.uint8)
    picture[..., 5:] = 200
    assert np.array_equal(trivial.median(picture), picture)
    dotted = picture.copy()
    dotted[0, 0, 4, 2] = 255
    assert np.array_equal(trivial.median(dotted), picture)


def test_lab_is_that_of_cie() -> None:
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255], [119, 119, 119]], np.uint8)
    known = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86], [50.03, 0, 0]]
    assert trivial.lab(colours[:, :, None, None])[:, :, 0, 0] == pytest.approx(np.array(known), abs=0.02)


def test_the_balanced_error_counts_inside_and_outside_alike() -> None:
    truth = np.zeros((1, 1, 10, 10), bool)
    truth[..., 0, :4] = True
    said = truth.copy()
    said[..., 0, 3:6] = [False, True, True]
    assert trivial.balanced_error(said, truth) == pytest.approx(50 * (1 / 4 + 2 / 96))
    assert trivial.balanced_error(np.ones_like(truth), truth) == 50


def test_slopes_are_the_growth_over_two_pixels_of_the_brightness() -> None:
    x = np.add.outer(3.0 * np.arange(8), 4.0 * np.arange(9))
    right, down = (values[1:-1, 1:-1] for values in slopes(x))
    assert (right == 8).all()
    assert (down == 6).all()
    assert (steepness(x)[1:-1, 1:-1] == 10).all()
    assert brightness(np.full((2, 2, 3), [255, 0, 0], np.uint8)) == pytest.approx(76)
