"""Which sizes a network can draw: those that fit give the right numbers, the others are refused helpfully."""

import re

import pytest

from saddle.base.errors import UsageError
from saddle.nets.shapes import halvings, image_shape, power_of_two
from saddle.spec import DataSpec


def of(height: int, width: int, channels: int = 1) -> DataSpec:
    return DataSpec.of((channels, height, width))


@pytest.mark.parametrize("data", [DataSpec.of((2,)), DataSpec.of((1, 64))])
def test_a_network_of_images_refuses_everything_else(data: DataSpec):
    with pytest.raises(UsageError, match=r"DCGAN draws images.*choose --game.network MLP"):
        image_shape("DCGAN", data)


def test_an_image_has_channels_height_and_width():
    assert image_shape("DCGAN", of(8, 16, 3)) == (3, 8, 16)


@pytest.mark.parametrize(
    ("size", "levels", "least"),
    [((8, 8), 1, (4, 4)), ((32, 32), 3, (4, 4)), ((28, 28), 2, (7, 7)), ((48, 96), 3, (6, 12)), ((14, 10), 1, (7, 5))],
)
def test_an_image_is_halved_until_its_shorter_side_has_4_to_7_pixels(size, levels, least):
    assert halvings("DCGAN", of(*size)) == (levels, least)


@pytest.mark.parametrize("size", [(7, 7), (30, 30), (33, 32), (4, 4)])
def test_a_size_that_does_not_halve_evenly_is_refused_with_ones_that_do(size):
    with pytest.raises(UsageError, match="must halve evenly") as error:
        halvings("DCGAN", of(*size))
    offered = re.findall(r"(\d+)×(\d+)", str(error.value).partition("nearest sizes are")[2])
    assert len(offered) == 2
    for height, width in offered:
        assert halvings("DCGAN", of(int(height), int(width)))[0] >= 1


@pytest.mark.parametrize(("side", "power"), [(8, 3), (64, 6), (1024, 10)])
def test_a_square_whose_side_is_a_power_of_two_has_that_power(side, power):
    assert power_of_two("ProGAN", of(side, side)) == power


@pytest.mark.parametrize(("size", "offers"), [((48, 48), "32×32 and 64×64"), ((4, 4), "8×8"), ((32, 64), "32×32")])
def test_other_sizes_are_refused_with_the_nearest_powers_of_two(size, offers):
    with pytest.raises(UsageError, match=offers):
        power_of_two("ProGAN", of(*size))
