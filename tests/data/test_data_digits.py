"""Domains made of scikit-learn's digits: what pairs they have, and what classifiers see of them."""

import numpy as np
import pytest
import torch
from made_arrays import opened
from sklearn.datasets import load_digits

from saddle.data import DataOptions
from saddle.data.baselines import baselines
from saddle.data.sources.digits_blended import blended


def scores(name: str, **options: object) -> dict[str, float]:
    return {each.name: each.value for each in baselines(DataOptions(source=name, **options))}


def test_blended_digits_are_the_distance_to_noise_without_edges() -> None:
    digits = load_digits().images / 16
    noise = blended(np.zeros_like(digits))
    assert np.allclose(blended(digits), np.abs(noise - digits))
    assert noise[:, 0, 0].mean() == pytest.approx(0.5, abs=0.03)
    assert noise.min() >= 0
    assert noise.max() < 1
    bend = np.abs(np.diff(noise, 2, axis=1))
    assert (bend.max((1, 2)) > 1e-9).all()
    assert (bend > 1e-9).mean() <= 2 / 6 + 1e-9  # straight but where two of three pieces meet


def test_blended_digits_have_no_pair_to_train_on_and_all_of_them_for_scores() -> None:
    source = opened("digits-blended", size=8)
    assert source.spec.domains == source.train.domains == (("a",), ("b",))
    whole = opened("digits", size=8)
    a, b = (np.asarray(source.train.columns[key]) for key in "ab")
    digits = np.asarray(whole.train.columns["image"])
    assert np.array_equal(a, digits[0::2])
    blend = np.rint(255 * blended(load_digits().images / 16)).astype(np.uint8)[:, None]
    assert np.array_equal(b, blend[1:1300:2])
    assert source.heldout is not None
    kept = source.heldout.take(slice(None))
    assert torch.equal(kept["a"], whole.heldout.take(slice(None))["image"])
    assert np.array_equal(source.heldout.columns["b"], blend[1300:])
    assert np.array_equal(kept["label_a"], load_digits().target[1300:])
    assert torch.equal(kept["label_a"], kept["label_b"])


@pytest.mark.parametrize(
    ("name", "source_only", "target"), [("digits-blended", 14.7, 69.2), ("digits-inverted", 10.1, 96.6)]
)
def test_classifiers_find_the_gap_between_domains_that_was_measured_before(
    name: str, source_only: float, target: float
) -> None:
    found = scores(name, size=8)
    assert found["SVC, source itself"] == pytest.approx(96.6, abs=0.1)
    assert found["SVC, source only"] == pytest.approx(source_only, abs=0.1)
    assert found["SVC, target"] == pytest.approx(target, abs=0.1)
