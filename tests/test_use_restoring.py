"""An image of any size, depth and opacity goes through a network that enlarges, and comes back whole."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from enlarging import Enlarging, alone, apart, enlarging, frontal, numbers, picture, restorer
from PIL import Image
from torch.nn.functional import interpolate

from saddle.base.errors import SaddleError, UsageError
from saddle.data.options import DataOptions
from saddle.use.original import of_array

SCALES = (1, 2, 3, 4, 8)


@pytest.mark.parametrize("times", SCALES)
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 18)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_an_image_comes_back_times_as_large_with_its_opacity_through_the_same_network(times, size, kind):
    game, given = enlarging(times), picture(*size, 4, kind)
    given[..., 3] |= 1  # nothing is clear: colours stay
    made = restorer(game)(of_array(given), (0,))
    assert made.pixels.shape == (times * size[0], times * size[1], 3)
    assert apart(made.pixels, alone(game.generator, given[..., :3])) <= 1
    if size == (1, 1):  # the same everywhere
        assert (made.alpha == given[0, 0, 3]).all()
    else:
        grey = alone(lambda x: game.generator(x).mean(1, keepdim=True), given[..., 3:].repeat(3, 2))
        assert apart(made.alpha, grey[..., 0]) <= 1
    assert (made.size, made.padded, made.tiles, made.notes) == (size, size, 1, ())


@pytest.mark.parametrize("times", SCALES)
def test_opacity_is_enlarged_alone_or_laid_on_the_background_where_that_is_asked_for(times):
    game, given = enlarging(times), picture(7, 5, 4)
    bicubic = restorer(game, alpha="bicubic")(of_array(given), (0,))
    alpha, size = torch.from_numpy(given[None, None, ..., 3]).double(), (7 * times, 5 * times)
    large = interpolate(alpha, size, mode="bicubic", antialias=True)[0, 0].round().clamp(0, 255)
    assert apart(bicubic.alpha, large.byte().numpy()) <= 1
    black = DataOptions(background="black")
    flat = restorer(game, black, alpha="flatten")(of_array(given), (0,))
    assert flat.alpha is None
    laid = Image.new("RGBA", (5, 7), "black")
    laid.alpha_composite(Image.fromarray(given))
    assert apart(flat.pixels, alone(game.generator, np.asarray(laid.convert("RGB")))) <= 1


def test_opaque_and_clear_images_stay_so_at_every_scale():
    for times in SCALES:
        for seen in (0, 255):
            given = picture(5, 6, 4)
            given[..., 3] = seen
            assert (restorer(enlarging(times))(of_array(given), (0,)).alpha == seen).all()


def test_colours_that_nobody_sees_reach_into_no_edge():
    given = np.zeros((20, 13, 4), np.uint8)  # a red corner; what is clear is black
    given[:9, :6] = (255, 0, 0, 255)
    game = enlarging(2)
    made = restorer(game)(of_array(given), (0,))
    red = np.zeros((20, 13, 3), np.uint8)
    red[..., 0] = 255
    assert apart(made.pixels, alone(game.generator, red)) <= 1


def test_colours_around_a_hole_are_the_nearest_ones():
    given = picture(9, 9, 4)
    given[..., 3] = 255
    given[4, 4] = (1, 2, 3, 0)
    filled = given[..., :3].copy()
    filled[4, 4] = filled[4:6, 4:6].reshape(4, 3)[1:].mean(0).round()
    game = enlarging(3)
    assert apart(restorer(game)(of_array(given), (0,)).pixels, alone(game.generator, filled)) <= 1


def test_grey_stays_grey_and_colours_that_a_grey_run_loses_are_told():
    colours, given = enlarging(4), picture(7, 9, 1)
    made = restorer(colours)(of_array(given), (0,))
    out = alone(colours.generator, given.repeat(3, 2))
    assert made.pixels.shape == (28, 36, 1)
    assert abs(made.pixels[..., 0] - out @ (0.299, 0.587, 0.114)).max() <= 1.01
    grey = restorer(enlarging(4, 1))(of_array(picture(7, 9)), (0,))
    assert grey.pixels.shape == (28, 36, 1)
    assert "its colours are lost" in grey.notes[0]


def test_bits_are_those_asked_for():
    game, given = enlarging(2), picture(6, 5)
    deep = restorer(game, bits=16)(of_array(given), (0,)).pixels
    assert deep.dtype == np.uint16
    assert len(np.unique(deep)) > 256
    assert abs(deep / 257.0 - restorer(game)(of_array(given), (0,)).pixels).max() <= 0.51


# Other sizes than the run's


@pytest.mark.parametrize(("times", "wished", "passes"), [(2, 1, 1), (2, 3, 2), (2, 8, 3), (3, 2, 1), (4, 16, 2)])
def test_other_sizes_are_reached_by_as_many_passes_as_it_takes_and_the_mean_of_areas(times, wished, passes):
    game, given = enlarging(times), picture(7, 5)
    made = restorer(game, times=wished)(of_array(given), (0,))
    x = numbers(given)
    for _ in range(passes):
        x = game.generator(x).detach().clamp(-1, 1)
    if (large := times**passes) != wished:
        weights = np.kron(np.eye(7 * wished), np.ones(large)) @ np.kron(np.eye(7 * large), np.ones((wished, 1))) / large
        across = np.kron(np.eye(5 * wished), np.ones(large)) @ np.kron(np.eye(5 * large), np.ones((wished, 1))) / large
        x = torch.from_numpy(weights).float() @ x @ torch.from_numpy(across).float().T
        often = "once" if passes == 1 else f"{passes} times"
        assert made.notes == (
            f"enlarged {often} by {times}, and brought to {wished} times its size by the mean of areas",
        )
    else:
        assert made.notes == ()
    expected = ((x[0].movedim(0, -1).double() + 1) * 127.5).round().numpy().astype(np.uint8)
    assert apart(made.pixels, expected) <= 1


def test_a_run_that_enlarges_nothing_is_asked_for_no_other_size():
    assert restorer(enlarging(1), times=1)(of_array(picture(5, 4)), (0,)).pixels.shape == (5, 4, 3)
    with pytest.raises(UsageError, match="at their own size, and enlarges none; leave out --times"):
        restorer(enlarging(1), times=2)


def test_a_result_larger_than_the_memory_is_refused_before_work(monkeypatch):
    monkeypatch.setattr("saddle.base.memory.available", lambda: 10_000)
    with pytest.raises(SaddleError, match=r"a result of 80×80 pixels .* of memory, and 0.0 GiB are free"):
        restorer(enlarging(8))(of_array(picture(10, 10)), (0,))


# What a network wants


class Steps(Enlarging):
    """Takes sides of multiples of 4 from 8 pixels on."""

    def multiple(self) -> int:
        return 4

    def smallest(self) -> int:
        return 8

    def restore(self, batch):
        assert all(side % 4 == 0 and side >= 8 for side in batch["damaged"].shape[-2:])
        return super().restore(batch)


@pytest.mark.parametrize("times", SCALES)
def test_mirror_images_stand_around_what_a_network_does_not_take(times):
    given = picture(5, 9)
    made = restorer(enlarging(times, kind=Steps))(of_array(given), (0,))
    assert made.padded == (8, 12)
    mirrored = np.pad(given, ((1, 2), (1, 2), (0, 0)), mode="reflect")
    whole = alone(enlarging(times).generator, mirrored)
    assert apart(made.pixels, whole[times : 6 * times, times : 10 * times]) <= 1
    tiled = restorer(enlarging(times, kind=Steps), tile=32)(of_array(picture(70, 45)), (0,))
    assert (tiled.tiles, tiled.padded) == (6, (72, 48))


def test_a_game_of_one_size_gets_it_and_looks_at_landmarks():
    game, given = frontal(), picture(16, 16)
    works, points = restorer(game), np.full((5, 2), 11.5)  # half way from the middle to an edge
    made = works(of_array(given), (0,), beside={"landmarks": points})
    assert (made.size, made.pixels.shape) == ((8, 8), (8, 8, 3))
    small = np.asarray(Image.fromarray(given).resize((8, 8), 3))
    assert apart(made.pixels, alone(lambda x: game.generator(x) + 0.5 / 10, small)) <= 1
    with pytest.raises(UsageError, match="ToyFrontal looks at landmarks beside an image; give them"):
        works(of_array(given), (0,))
    for wrong in ({"self_ensemble": True}, {"wrap": True}):
        with pytest.raises(UsageError, match="leave out --self-ensemble and --wrap"):
            restorer(game, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"times": 0}, {"tile": 8}, {"overlap": -1}, {"blend": 1.5}, {"alpha": "keep"}, {"precision": "fp8"}, {"bits": 12}],
)
def test_what_is_no_setting_is_refused(wrong):
    with pytest.raises(UsageError):
        restorer(**wrong)


def test_images_restored_at_once_are_those_restored_one_by_one():
    works = restorer(enlarging(3), tile=32)
    given = [of_array(picture(40 + i, 37)) for i in range(8)]
    one_by_one = [works(each, (0,)).pixels for each in given]
    with ThreadPoolExecutor(4) as pool:
        at_once = [*pool.map(lambda each: works(each, (0,)).pixels, given)]
    assert all((a == b).all() for a, b in zip(one_by_one, at_once, strict=True))
