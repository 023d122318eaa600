"""Drawn faces: map, picture, numbers and attributes agree, and a head can be turned."""

from math import log10

import numpy as np
import pytest
import torch
from made_arrays import opened

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source, spec_of
from saddle.data.portraits import (
    ATTRIBUTES,
    HAIRS,
    NAMES,
    RANGE,
    SIGMA,
    THING,
    Faces,
    attributes,
    faces,
    lights,
    photographed,
)
from saddle.data.source import Source

PLACES = np.arange(32)
EYES, BROWS, MOUTH, HAIR = (NAMES.index(name) for name in ("eyes", "brows", "mouth", "hair"))


@pytest.fixture(scope="module")
def maps() -> Source:
    return opened("faces-maps")


@pytest.fixture(scope="module")
def drawn() -> Faces:
    return faces("a test", PLACES, 64, 64)


def has(name: str) -> np.ndarray:
    return attributes("a test", PLACES)[:, ATTRIBUTES.index(name)] > 0


def test_a_face_has_one_colour_of_hair_and_attributes_that_vary():
    source = open_source(DataOptions("faces", size=32))
    batch = source.train.take([0, 7, 19_999])
    assert batch["image"].shape == (3, 3, 32, 32)
    assert batch["label"].shape == (3, 6)
    assert source.spec.condition is not None
    assert source.spec.condition.groups == (HAIRS,)
    rows = attributes("many", np.arange(2000))
    assert (rows[:, :3].sum(1) == 1).all()
    assert rows.mean(0) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.35, 0.45, 0.3], abs=0.04)
    assert abs(np.corrcoef(rows[:, 2:].T) - np.eye(4)).max() < 0.06  # each by itself


def test_the_faces_with_maps_are_those_with_attributes(maps: Source):
    plain = open_source(DataOptions("faces"))
    for one, other in ((plain.train, maps.train), (plain.heldout, maps.heldout)):
        assert np.array_equal(one.columns["image"][np.array([3, 200])], other.columns["b"][np.array([3, 200])])


def test_the_map_says_who_has_a_beard_and_who_has_glasses(drawn: Faces):
    for name in ("beard", "glasses"):
        share = (drawn.labels == NAMES.index(name)).mean((1, 2))
        assert ((share > 0.01) == has(name)).all()
        assert (share[~has(name)] == 0).all()


def test_hair_has_its_colour_and_a_smile_shows_teeth(drawn: Faces):
    def mean(inside: np.ndarray, who: np.ndarray) -> float:
        light = drawn.colours.mean(1)
        return float(light[who][inside[who]].mean())

    hair, mouth = drawn.labels == HAIR, drawn.labels == MOUTH
    assert mean(hair, has("black")) < mean(hair, has("brown")) - 0.08 < mean(hair, has("blond")) - 0.3
    assert mean(mouth, has("smile")) > mean(mouth, ~has("smile")) + 0.15


def test_each_eye_and_brow_is_an_object_of_its_own(maps: Source, drawn: Faces):
    batch = maps.train.take(np.arange(12))
    labels, numbers = batch["a"].numpy(), batch["instances"].numpy()
    things = numbers >= THING
    assert np.array_equal(np.where(things, numbers // THING, numbers), labels)
    assert np.array_equal(things, labels >= EYES)
    for kind in (EYES, BROWS):
        pixels = [(drawn.numbers == THING * kind + k) for k in (0, 1)]
        assert all(one.any((1, 2)).mean() > 0.9 for one in pixels)  # of some faces a fringe hides a brow
        left, right = (np.nonzero(one)[2].mean() for one in pixels)
        assert left < 30 < 34 < right
    assert set(np.unique(drawn.labels)) == set(range(len(NAMES)))


def test_whoever_knows_the_light_comes_as_near_as_the_noise_lets_them(drawn: Faces):
    clean = drawn.lit(lights("a test", PLACES))
    image = photographed(clean, "a test", PLACES) / 255
    errors = np.square(image - clean).mean((1, 2, 3))
    assert float(np.mean(-10 * np.log10(errors))) == pytest.approx(20 * log10(1 / SIGMA), abs=0.05)
    assert clean.min() >= RANGE[0]
    assert clean.max() <= RANGE[1]
    right = drawn.lit(np.eye(3)[[0] * len(PLACES)]) - drawn.lit(np.zeros((len(PLACES), 3)))
    assert right[:, :, 16:48, 40:48].mean() > 0.01 > -0.01 > right[:, :, 16:48, 16:24].mean()


def test_a_head_turns_and_hides_its_far_eye():
    n, sides = np.full(1, 5), (64, 64)
    front, turned, back = (faces("a test", n, *sides, yaw=np.array([angle])) for angle in (0.0, 0.5, -1.3))
    middle = [np.nonzero(each.labels[0] == NAMES.index("nose"))[1].mean() for each in (front, turned, back)]
    assert middle[2] + 8 < middle[0] < middle[1] - 4
    eyes = [[(each.numbers == THING * EYES + k).sum() for k in (0, 1)] for each in (front, turned, back)]
    assert min(eyes[0]) > 8
    assert eyes[1][1] < eyes[1][0]
    assert eyes[2][0] == 0 < eyes[2][1]
    assert np.array_equal(front.labels, faces("a test", n, *sides).labels)


@pytest.mark.parametrize("size", [32, (48, 96)])
def test_a_face_is_the_same_at_every_size_and_with_any_others(size: int | tuple[int, int], drawn: Faces):
    sides = (size, size) if isinstance(size, int) else size
    assert spec_of(DataOptions("faces-maps", size=size)).fields["b"].shape == (3, *sides)
    assert np.array_equal(faces("a test", PLACES[3:5], 64, 64).labels, drawn.labels[3:5])
    if sides == (32, 32):
        small = faces("a test", PLACES[:8], 32, 32).labels
        assert (drawn.labels[:8, 1::2, 1::2] == small).mean() > 0.93


def test_faces_may_be_grey():
    colour, grey = (open_source(DataOptions("faces", size=32, channels=channels)) for channels in (None, 1))
    assert (colour.spec.shape, grey.spec.shape) == ((3, 32, 32), (1, 32, 32))
    one, other = (source.train.take(slice(4))["image"] for source in (colour, grey))
    light = one.float().permute(0, 2, 3, 1) @ torch.tensor([0.299, 0.587, 0.114])
    assert torch.allclose(other[:, 0].float(), light, atol=0.51)
    with pytest.raises(UsageError, match=r"data\.channels is 4; drawn faces have 3"):
        spec_of(DataOptions("faces", size=32, channels=4))
