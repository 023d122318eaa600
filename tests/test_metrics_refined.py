"""Are translations good to learn from? What the scores say of a translation that is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from saddle.data.source import Source, Split
from saddle.games.simgan import SimGAN
from saddle.metrics import reading
from saddle.metrics.reading import gauge
from saddle.metrics.refined import RAW, REAL, accuracy, error
from saddle.runs import refining
from saddle.spec import DataSpec, Field

N, SIDE = 160, 8
OPTIONS = SimGAN.Options(width=2, history=0, blocks=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(reading, "STEPS", 120)


def shown(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright half, and which half it is."""
    classes = np.arange(n) % 2
    images = np.random.default_rng(seed).integers(0, 60, (n, 1, SIDE, SIDE)).astype(np.uint8)
    for image, side in zip(images, classes, strict=True):
        image[0, :, side * SIDE // 2 : (side + 1) * SIDE // 2] += 150
    return images, classes.astype(np.int64)


def source(numbers: bool = False) -> Source:
    """b are negatives of what a shows: who learned from a says the opposite."""
    image = Field("image", (1, SIDE, SIDE))
    known = Field("numbers", (2,), ("x", "y")) if numbers else Field("class", (), ("left", "right"))
    spec = DataSpec({"a": image, "label_a": known, "b": image}, domains=(("a", "label_a"), ("b",)))
    parts = []
    for seed in (0, 1):
        a, of_a = shown(N, 2 * seed)
        b, of_b = shown(N, 2 * seed + 1)
        labels = [np.stack([30.0 * x, 5 - x], 1).astype(np.float32) if numbers else x for x in (of_a, of_b)]
        columns = {"a": a, "label_a": labels[0], "b": 255 - b, "label_b": labels[1]}
        parts.append(Split(columns, domains=(("a", "label_a"), ("b", "label_b"))))
    return Source("halves", spec, *parts, "halves")


class Known(SimGAN):
    """Turns images to their negatives, or leaves them as they are."""

    sign = -1.0

    def translate(self, batch, to):
        return self.sign * batch["a"]


def test_the_right_translation_teaches_what_real_images_teach_and_none_the_opposite():
    data = source()
    found = accuracy(refining.refined("class", Known(data.spec, OPTIONS), data, 0))
    assert found.value > 0.97
    assert found.beside[REAL] > 0.97
    assert found.beside[RAW] < 0.03
    idle = Known(data.spec, OPTIONS)
    idle.sign = 1.0
    assert accuracy(refining.refined("class", idle, data, 0)).value == pytest.approx(found.beside[RAW], abs=0.02)


def test_numbers_are_told_in_their_own_units_each_by_its_name():
    data = source(numbers=True)
    of = refining.refined("numbers", Known(data.spec, OPTIONS), data, 0)
    found = error(of)
    assert found.value < 4
    assert found.beside[REAL] < 4
    assert found.beside[RAW] > 10
    assert set(found.details) == {"x", "y"}
    assert found.value == pytest.approx(sum(found.details.values()) / 2)
    assert found.details["x"] > found.details["y"]
    told = gauge(of.lessons[REAL]).read(of.images[:4])
    assert torch.allclose(told, of.known[:4], atol=8)


def test_without_labels_of_either_side_nothing_can_be_said():
    data = source()
    game = SimGAN(data.spec, OPTIONS)
    assert refining.way_of("class", game, data) == ("a", "b")
    assert not refining.possible("numbers", game, data)
    assert not refining.possible("class", game, replace(data, heldout=None))
    bare = data.spec.unconditional()
    assert not refining.possible("class", SimGAN(bare, OPTIONS), replace(data, spec=bare))
    columns = {key: column for key, column in data.heldout.columns.items() if key != "label_b"}
    heldout = Split(columns, domains=(("a", "label_a"), ("b",)))
    assert not refining.possible("class", game, replace(data, heldout=heldout))


def test_what_is_unknown_is_left_out():
    data = source()
    for split in (data.train, data.heldout):
        split.columns["label_a"][::2][:] = -1
        split.columns["label_b"][: N // 2] = -1
    of = refining.refined("class", Known(data.spec, OPTIONS), data, 0)
    assert of.lessons[REAL].count == N // 2
    assert 0 <= accuracy(of).value <= 1
