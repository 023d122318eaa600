"""Simulators that are embedded: printed glyphs, and drawn eyes of which it is known where they look."""

import numpy as np
import pytest
from made_arrays import opened

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source, spec_of
from saddle.data.baselines import baselines
from saddle.data.eyes import MOST, NAMES, angles, as_bytes, drawn, taken
from saddle.data.sources.glyphs import printed

PLACES = np.arange(64)


@pytest.mark.parametrize(("name", "shape"), [("glyphs", (1, 32, 32)), ("eyes", (1, 35, 55))])
def test_what_a_simulated_image_shows_is_dealt_and_what_a_real_one_shows_is_for_scores(name, shape):
    source = open_source(DataOptions(name))
    assert source.spec == spec_of(DataOptions(name))
    assert source.spec.keys == ("a", "label_a", "b")
    assert source.spec.domains == (("a", "label_a"), ("b",))
    batch = source.train.take([0, 5])
    assert batch["a"].shape == batch["b"].shape == (2, *shape)
    for split in (source.train, source.heldout):
        assert split.domains == (("a", "label_a"), ("b", "label_b"))
        assert split.columns["label_a"].dtype == split.columns["label_b"].dtype
    assert open_source(DataOptions(name, size=(24, 32))).fingerprint != source.fingerprint
    with pytest.raises(UsageError, match=f"{name} has no use for data.limit"):
        open_source(DataOptions(name, limit=5))


def test_glyphs_are_of_all_digits_and_none_is_like_another():
    glyphs, classes = printed(PLACES), PLACES % 10
    assert glyphs.shape == (64, 8, 8)
    assert glyphs.min() == 0
    assert glyphs.max() <= 1
    assert len(np.unique(glyphs.reshape(64, -1), axis=0)) == 64
    assert np.array_equal(printed(PLACES[7:9]), glyphs[7:9])
    means = np.stack([glyphs[classes == k].mean(0) for k in range(10)])
    assert all((glyphs[classes == k] * means[k]).sum() > 0 for k in range(10))
    wide = (glyphs > 0.05).any(2).sum(1)  # rows with ink
    assert wide.min() >= 5
    assert wide.max() == 8
    source = opened("glyphs")
    assert np.bincount(source.train.columns["label_a"]).tolist() == [200] * 10
    assert np.bincount(source.heldout.columns["label_a"]).tolist() == [50] * 10


def test_printed_digits_serve_handwritten_ones_badly():
    """What is known of them is worth something, and far less than labels of the real ones."""
    own, other, bound = (each.value for each in baselines(DataOptions("glyphs")))
    assert own > 99
    assert 20 < other < 60
    assert bound == pytest.approx(96.6, abs=0.1)


def dark(eyes: np.ndarray) -> np.ndarray:
    """Where the middle of what is darkest lies, in shares of height and width from the middle, [N, 2]."""
    weights = (eyes < 0.2).astype(float)
    height, width = eyes.shape[1:]
    y, x = np.arange(height) / height - 0.5, np.arange(width) / width - 0.5
    total = weights.sum((1, 2))
    return np.stack([(weights.sum(1) * x).sum(1) / total, (weights.sum(2) * y).sum(1) / total], 1)


def test_the_pupil_lies_where_the_eye_looks():
    places = np.arange(200)
    told = angles("a test", places)
    assert (np.abs(told) <= MOST).all()
    assert np.abs(told).max(0) == pytest.approx(MOST, rel=0.05)
    eyes = drawn("a test", places, 35, 55)
    found = dark(eyes)
    seen = np.isfinite(found).all(1)
    assert seen.mean() > 0.9
    assert np.corrcoef(found[seen, 0], told[seen, 0])[0, 1] > 0.95
    assert np.corrcoef(found[seen, 1], told[seen, 1])[0, 1] < -0.8  # up is above the middle


def test_an_eye_is_a_function_of_its_place_and_a_camera_takes_it_so_too():
    eyes = drawn("a test", PLACES, 35, 55)
    some = np.array([3, 40])
    assert np.array_equal(drawn("a test", some, 35, 55), eyes[some])
    assert not np.array_equal(drawn("another", some, 35, 55), eyes[some])
    shots = taken(eyes, "a test", PLACES)
    assert np.allclose(taken(eyes[some], "a test", some), shots[some])
    assert as_bytes(shots).shape == (64, 1, 35, 55)
    again = drawn("a test", PLACES, 20, 20)
    assert again.shape == (64, 20, 20)


def test_a_camera_blurs_adds_grain_and_is_lit_from_above():
    eyes = drawn("a test", PLACES, 35, 55)
    shots = taken(eyes, "a test", PLACES)
    edges, flat = (np.abs(np.diff(x, axis=2)).max((1, 2)).mean() for x in (eyes, shots))
    assert flat < 0.6 * edges
    corner = shots[:, -8:, :8]
    assert np.diff(corner, axis=2).std() > 4 * np.diff(eyes[:, -8:, :8], axis=2).std()  # of bare skin
    assert (shots[:, :6].mean((1, 2)) > shots[:, -6:].mean((1, 2)) + 0.05).mean() > 0.8


def test_who_learned_from_drawn_eyes_misjudges_those_of_a_camera():
    raw, real = (each.value for each in baselines(DataOptions("eyes")))
    assert raw > 1.3 * real
    assert NAMES == ("yaw", "pitch")
