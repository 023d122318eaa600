"""Domains made of scikit-learn's digits: what pairs they have, and what classifiers see of them."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from made_arrays import opened
from scipy.ndimage import rotate
from sklearn.datasets import load_digits, load_sample_image

from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, spec_of
from saddle.data.baselines import baselines
from saddle.data.carried import carried
from saddle.data.digits import labels, small
from saddle.data.photographs import photograph
from saddle.data.sources.digits_blended import blended
from saddle.data.sources.digits_coloured import COLOURS, CONDITION, STROKES, drawn
from saddle.data.sources.digits_rotated import angles, framed, turned


def scores(name: str) -> dict[str, float]:
    return {each.name: each.value for each in baselines(DataOptions(source=name))}


def test_blended_digits_are_the_distance_to_noise_without_edges() -> None:
    noise = blended(np.zeros((1797, 8, 8)))
    assert np.allclose(blended(small()), np.abs(noise - small()))
    assert noise[:, 0, 0].mean() == pytest.approx(0.5, abs=0.03)
    assert noise.min() >= 0
    assert noise.max() < 1
    assert (np.abs(np.diff(noise, 2, axis=1)) > 1e-9).mean() <= 2 / 6 + 1e-9  # straight on either side of the middle


def test_blended_digits_have_no_pair_to_train_on_and_all_of_them_for_scores() -> None:
    source, whole = opened("digits-blended", size=8), opened("digits", size=8)
    assert source.spec.domains == (("a",), ("b",))
    assert source.train.domains == (("a", "label_a"), ("b", "label_b"))  # for scores; no batch holds them
    blend = np.rint(255 * blended(small())).astype(np.uint8)[:, None]
    assert np.array_equal(source.train.columns["a"], whole.train.columns["image"][0::2])
    assert np.array_equal(source.train.columns["b"], blend[1:1300:2])
    assert source.heldout is not None
    assert whole.heldout is not None
    assert np.array_equal(source.heldout.columns["a"], whole.heldout.columns["image"])
    assert np.array_equal(source.heldout.columns["b"], blend[1300:])


@pytest.mark.parametrize("name", ["digits-inverted", "digits-blended", "digits-rotated"])
def test_held_out_digits_are_labelled_in_both_domains(name: str) -> None:
    heldout = opened(name, size=8).heldout
    assert heldout is not None
    for key in ("label_a", "label_b"):
        assert np.array_equal(heldout.columns[key], load_digits().target[1300:])


@pytest.mark.parametrize(
    ("name", "source_only", "target"), [("digits-blended", 14.7, 69.2), ("digits-inverted", 10.1, 96.6)]
)
def test_classifiers_find_the_gap_between_domains_that_was_measured_before(
    name: str, source_only: float, target: float
) -> None:
    found, other = scores(name), name.removeprefix("digits-") + " digits"
    assert found["SVC digits → digits"] == pytest.approx(96.6, abs=0.1)
    assert found[f"SVC digits → {other}"] == pytest.approx(source_only, abs=0.1)
    assert found[f"SVC {other} → {other}"] == pytest.approx(target, abs=0.1)


@pytest.mark.parametrize(
    ("degrees", "psnr", "source_only", "target"),
    [(30, 18.3, 79.1, 94.2), (60, 14.5, 52.1, 92.0), (90, 12.9, 37.6, 91.1)],
)
def test_turned_digits_are_as_far_from_upright_ones_as_was_measured_before(
    degrees: int, psnr: float, source_only: float, target: float
) -> None:
    """The PSNR of the mean error, which was measured elsewhere, to .1 dB; the classifiers as they are here."""
    upright = framed(small(), 24, 24)
    error = np.square(turned(upright, angles(degrees)) - upright).mean()
    assert 10 * np.log10(1 / error) == pytest.approx(psnr, abs=0.1)
    if degrees == 60:
        found, other = scores("digits-rotated"), "digits turned by up to 60°"
        assert found[f"SVC digits → {other}"] == pytest.approx(source_only, abs=0.5)
        assert found[f"SVC {other} → {other}"] == pytest.approx(target, abs=0.5)


def test_digits_are_turned_about_their_middle_as_scipy_does_it() -> None:
    images, by = framed(small()[:5], 24, 20), np.array([0.0, 0.3, -1.0, np.pi / 2, 3.0])
    expected = [
        rotate(x, np.degrees(angle), reshape=False, order=1, mode="grid-constant")
        for x, angle in zip(images, by, strict=True)
    ]
    assert np.allclose(turned(images, by), expected, atol=1e-9)


def test_turned_digits_are_pairs_and_the_name_says_how_far_they_are_turned() -> None:
    source, less = opened("digits-rotated"), opened("digits-rotated:30", size=32)
    assert source.spec.domains == ()
    assert source.spec.shape == (1, 24, 24)
    assert less.spec.shape == (1, 32, 32)
    upright = framed(small()[:1300], 32, 32)
    for key, images in {"a": upright, "b": turned(upright, angles(30)[:1300])}.items():
        assert np.array_equal(np.asarray(less.train.columns[key])[:, 0], np.rint(255 * images))
    assert np.abs(np.degrees(angles(30))).max() == pytest.approx(30, abs=0.1)
    for wrong in ("0", "181", "nan", "far"):
        with pytest.raises(UsageError, match=f"digits-rotated:{wrong}: digits are turned by up to a number of degrees"):
            spec_of(DataOptions(source=f"digits-rotated:{wrong}"))


def test_coloured_digits_show_what_their_labels_say_each_digit_once() -> None:
    source = opened("digits-coloured")
    images, rows = np.asarray(source.train.columns["image"]), np.asarray(source.train.columns["label"])
    assert (rows[:, :3].sum(1) == 1).all()
    assert (rows[:, 4:].sum(1) == 1).all()
    assert len(np.unique(rows, axis=0)) == 18
    bright = images.reshape(len(images), 3, -1).max(2)
    assert np.array_equal(bright > 0, rows[:, :3] > 0)
    grey = np.asarray(opened("digits").train.columns["image"])[:, 0]
    plain = (rows[:, 3] == 0) & (rows[:, 5] == 1)
    assert np.array_equal(images.max(1)[plain], grey[plain])
    inverted = (rows[:, 3] == 1) & (rows[:, 5] == 1)
    assert np.abs(images.max(1)[inverted].astype(int) - (255 - grey[inverted])).max() <= 1  # a half is rounded
    for stroke, sign in ((4, -1), (6, 1)):
        of = (rows[:, 3] == 0) & (rows[:, stroke] == 1)
        assert (sign * (images.max(1)[of].astype(int) - grey[of]) >= 0).all()
        assert np.abs(images.max(1)[of].astype(int) - grey[of]).mean() > 10
    assert source.heldout is not None
    assert np.array_equal(source.heldout.columns["label_image"], labels()[1300:])


def test_coloured_digits_say_which_labels_exclude_each_other() -> None:
    spec = spec_of(DataOptions(source="digits-coloured"))
    assert spec.condition == CONDITION
    assert spec.condition.groups == (COLOURS, STROKES)
    assert torch.tensor(spec.distribution).shape == (1000, 7)


def test_coloured_digits_of_another_size_are_the_same_resized() -> None:
    kinds = np.array([[0, 0, 2], [2, 1, 0]])
    large, little = drawn(small()[:2], kinds, 32, 32), drawn(small()[:2], kinds, 16, 8)
    assert little.shape == (2, 3, 16, 8)
    assert np.allclose(little.mean((2, 3)), large.mean((2, 3)), atol=0.03)


def test_attributes_of_coloured_digits_can_be_told_from_held_out_images() -> None:
    found = scores("digits-coloured")
    assert found["SVC colour"] == found["SVC inversion"] == 100
    assert found["SVC stroke"] > 85
    assert found["SVC digit"] > 85


def test_what_scikit_learn_carries_is_read_without_importing_it() -> None:
    code = (
        "import sys; from saddle.data.digits import small, labels; from saddle.data.photographs import photograph; "
        "small(), labels(), photograph('china'); assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert np.array_equal(small(), load_digits().images / 16)
    assert np.array_equal(labels(), load_digits().target)
    assert np.array_equal(photograph("flower"), load_sample_image("flower.jpg"))


def test_a_file_that_scikit_learn_does_not_carry_is_named() -> None:
    with pytest.raises(SaddleError, match=r"nothing\.csv is not there; install scikit-learn anew"):
        carried("data", "nothing.csv")
