"""Curves, axes and their labels."""

import re

import numpy as np
import pytest
from html_page import Page
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from saddle.report import svg
from saddle.report.html import tag


@settings(max_examples=60, deadline=None)
@given(arrays(float, st.integers(1, 90)), st.booleans())
@example(np.array([4.0, -1.0] + [1.0] * 50), False)  # a logarithmic axis, and one value that it cannot show
def test_any_curve_can_be_drawn(y, limited):
    curve = svg.Curve("loss", np.arange(len(y), dtype=float), y, np.abs(y) if limited else None)
    text = tag("div", svg.chart("title", [curve], (0.0, 1.0) if limited else None))
    shown = Page(text)
    for path in shown.values("path", "d"):
        assert re.fullmatch(r"([MLHV]?-?\d++(\.\d++)? ?)*+", path), path


@settings(max_examples=60, deadline=None)
@given(arrays(float, st.integers(1, 3000)), st.integers(2, 600))
def test_a_thinned_curve_keeps_its_extremes_and_its_order(y, most):
    x, kept = svg.decimate(np.arange(len(y)), y, most)
    assert len(x) <= max(most, 2)
    assert (np.diff(x) > 0).all()
    assert np.array_equal(y[x], kept, equal_nan=True)
    if np.isfinite(y).any():
        finite, seen = y[np.isfinite(y)], kept[np.isfinite(kept)]
        assert (finite.min(), finite.max()) == (seen.min(), seen.max())


def test_smoothing_keeps_a_constant_and_a_line_and_has_no_delay():
    line = np.arange(400.0)
    assert np.allclose(svg.smooth(np.full(400, 3.0)), 3.0)
    assert np.allclose(svg.smooth(line)[50:-50], line[50:-50])
    step = svg.smooth(np.where(line < 200, 0.0, 1.0))
    assert np.abs(step[199] + step[200] - 1) < 1e-9
    line[7] = np.nan
    assert np.isnan(svg.smooth(line)).nonzero()[0].tolist() == [7]


def test_lone_extremes_do_not_set_the_axis_and_are_counted():
    y = np.random.default_rng(0).normal(1, 0.1, 1000)
    y[500] = -900.0
    assert svg.span(y)[0] > 0
    text = svg.chart("t", [svg.Curve("loss", np.arange(1000.0), y)])
    assert re.search(r"\d+ beyond the axis", text)


def test_an_axis_of_many_decades_is_logarithmic():
    y = np.geomspace(1e-3, 10, 99)
    words = Page(svg.chart("t", [svg.Curve("loss", np.arange(99.0), y)])).words
    assert {"0.001", "0.01", "0.1", "1", "10"} <= set(words)


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_within_the_axis_and_told_apart(low, width):
    found = svg.ticks(low, low + width)
    slack = 1e-6 * max(abs(low), width)
    assert 2 <= len(found) <= 7
    assert low - slack <= found[0] <= found[-1] <= low + width + slack
    if width > 1e-4 * abs(low):
        assert len(set(svg._labelled(found))) == len(found)


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0, 1, "0"),
        (0.25, 0.25, "0.25"),
        (2500, 2500, "2.5k"),
        (12_000, 2000, "12k"),
        (3e6, 1e6, "3M"),
        (-2, 1, "-2"),
        (1e-5, 1e-5, "1e-5"),
        (2.5e12, 5e11, "2.5e12"),
        (0.9125, 0.0005, "0.9125"),
    ],
)
def test_labels_are_short(value, step, text):
    assert svg.label(value, step) == text
