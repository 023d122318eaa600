"""Drawn scenes: the map, the picture and the instances agree, and nobody can be better than the noise lets them."""

from math import log10

import numpy as np
import pytest
from made_arrays import opened

from saddle.data import DataOptions, spec_of
from saddle.data.chance import noise, uniform
from saddle.data.scenery import NAMES, RANGE, SIGMA, Scene, lights, photographed, scenes
from saddle.data.source import Source

PLACES = np.arange(64)


@pytest.fixture(scope="module")
def source() -> Source:
    return opened("scenes")


@pytest.fixture(scope="module")
def drawn() -> Scene:
    return scenes("a test", PLACES, 64, 64)


def decibels(x: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([-10 * log10(np.square(one - other).mean()) for one, other in zip(x, truth, strict=True)]))


def test_a_batch_holds_a_map_an_image_and_instances(source: Source):
    batch = source.train.take([0, 7, 19_999])
    assert source.spec.fields["a"].names == NAMES
    assert len(set(source.spec.fields["a"].palette)) == len(NAMES)
    assert source.spec.fields["a"].planes == 6
    assert int(batch["a"].max()) == 5
    assert (source.spec.fields["a"].as_planes(batch["a"]).sum(1) == 1).all()
    assert source.train.domains == (("a", "b", "instances", "light"),)


def test_a_scene_is_the_same_whatever_it_is_asked_with_and_drawn_once_for_all_keys(source: Source):
    columns = source.train.columns
    many = {key: columns[key][np.array([900, 4])] for key in columns}
    alone = {key: columns[key][np.array([4])] for key in reversed(tuple(columns))}
    for key in columns:
        assert np.array_equal(many[key][1], alone[key][0])
        assert many[key].dtype == columns[key].dtype
    many["a"][:] = 9
    assert (columns["a"][np.array([900, 4])] < 6).all()


def test_no_two_scenes_are_alike_and_none_is_trained_on_and_held_out(source: Source):
    assert source.heldout is not None
    maps = [split.columns["a"][np.arange(60)] for split in (source.train, source.heldout)]
    assert len({scene.tobytes() for part in maps for scene in part}) == 120


def test_instances_are_of_the_class_that_the_map_says(source: Source):
    batch = source.train.take(np.arange(60))
    labels, numbers = batch["a"].numpy(), batch["instances"].numpy()
    things = numbers >= 1000
    assert np.array_equal(np.where(things, numbers // 1000, numbers), labels)
    assert np.array_equal(things, labels >= NAMES.index("house"))
    assert max(len(np.unique(one)) for one in numbers) > 9  # several of a class


def test_every_class_is_seen_and_small_things_stand_in_front(drawn: Scene):
    shares = np.array([(drawn.labels == k).mean() for k in range(len(NAMES))])
    assert shares.min() > 0.01
    assert shares[:3].sum() > 0.8
    feet = np.array([[np.nonzero(one == k)[0].max(initial=0) for k in range(1, 10)] for one in drawn.thing])
    near, far = feet[:, 8][feet[:, 8] > 0], feet[:, 0][feet[:, 0] > 0]
    assert near.mean() > far.mean() + 16  # the last one drawn stands lower in the picture


def test_whoever_knows_the_light_comes_as_near_as_the_noise_lets_them(drawn: Scene):
    light = lights("a test", PLACES)
    clean = drawn.lit(light)
    image = photographed(clean, "a test", PLACES) / 255
    assert decibels(clean, image) == pytest.approx(20 * log10(1 / SIGMA), abs=0.02)
    assert clean.min() >= RANGE[0]
    assert clean.max() <= RANGE[1]


def test_whoever_knows_the_map_alone_comes_less_near_for_it_does_not_say_the_light(drawn: Scene):
    image = photographed(drawn.lit(lights("a test", PLACES)), "a test", PLACES) / 255
    chance = 2 * uniform("other lights", np.arange(12), 3) - 1
    mean = np.mean([drawn.lit(np.repeat(light[None], len(PLACES), 0)) for light in chance], 0)
    assert decibels(mean, image) == pytest.approx(27.6, abs=0.5)


def test_light_from_the_right_brightens_what_is_turned_to_it_and_warm_light_is_redder(drawn: Scene):
    side, bright, warm = (drawn.lit(np.repeat(np.eye(3)[k][None], len(PLACES), 0)) for k in range(3))
    none = drawn.lit(np.zeros((len(PLACES), 3)))
    right, left = ((drawn.turned > 0.3)[:, None], (drawn.turned < -0.3)[:, None])
    assert (side - none).mean(where=right) > 0.02
    assert (side - none).mean(where=left) < -0.02
    assert bright.mean() / none.mean() == pytest.approx(1.07, abs=0.005)
    assert (warm / none).mean((0, 2, 3)) == pytest.approx([1.07, 1, 0.93], abs=0.005)


def test_the_nearest_mean_colour_of_a_class_tells_what_a_pixel_is(drawn: Scene):
    pixels = np.moveaxis(photographed(drawn.lit(lights("a test", PLACES)), "a test", PLACES) / 255, 1, -1)
    means = np.array([pixels[drawn.labels == k].mean(0) for k in range(len(NAMES))])
    nearest = np.square(pixels[..., None, :] - means).sum(-1).argmin(-1)
    assert (nearest == drawn.labels).mean() > 0.97


@pytest.mark.parametrize("size", [32, 128, (48, 96)])
def test_a_scene_is_the_same_at_every_size(size: int | tuple[int, int], drawn: Scene):
    sides = (size, size) if isinstance(size, int) else size
    assert spec_of(DataOptions("scenes", size=size)).fields["b"].shape == (3, *sides)
    if sides == (128, 128):
        large = scenes("a test", PLACES[:8], 128, 128).labels[:, ::2, ::2]
        assert (large == drawn.labels[:8]).mean() > 0.96


def test_noise_has_mean_0_and_deviation_1_and_numbers_are_uniform():
    grain, flat = noise("x", np.arange(40), (2500,)), uniform("x", np.arange(40), 2500)
    assert (grain.mean(), grain.std()) == pytest.approx((0, 1), abs=0.01)
    assert abs(grain).max() <= 3.5
    assert np.corrcoef(grain[:, 1:].ravel(), grain[:, :-1].ravel())[0, 1] == pytest.approx(0, abs=0.01)
    assert np.histogram(flat, 10, (0, 1))[0] / flat.size == pytest.approx(0.1, abs=0.005)
    assert not np.array_equal(uniform("y", np.arange(40), 2500), flat)
