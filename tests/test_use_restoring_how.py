"""Ways through a network that enlarges: tiles, blends, flips and rotations, textures, half precision."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
import torch
from enlarging import Enlarging, alone, apart, enlarging, picture, restorer

from saddle.base.errors import SaddleError, UsageError
from saddle.tasks import Restoration
from saddle.use import room, tiles
from saddle.use.original import of_array

SCALES = (1, 2, 3, 4, 8)


class Far(Enlarging):
    """Says that it looks farther than is sensible."""

    @property
    def reach(self) -> int:
        return 349


class Unknown(Enlarging):
    @property
    def reach(self) -> None:
        return None


class Seeing(Unknown):
    """Has no network of its own that could be tiled."""

    blends = False

    def network(self, blend: float = 1.0) -> None:
        return None


@pytest.mark.parametrize("times", SCALES)
def test_tiles_that_overlap_by_the_reach_give_what_the_whole_image_gives(times):
    game, given = enlarging(times), of_array(picture(75, 41, 4))
    whole, tiled = restorer(game, bits=16)(given, (0,)), restorer(game, bits=16, tile=32)(given, (0,))
    assert (whole.tiles, tiled.tiles, tiled.notes) == (1, 6, ())
    assert apart(tiled.pixels, whole.pixels) <= 1
    assert apart(tiled.alpha, whole.alpha) <= 1
    less = restorer(game, bits=16, tile=32, overlap=2)(given, (0,))
    assert apart(less.pixels, whole.pixels) > 1
    told = "restored in tiles of 32 pixels, approximately as the whole image: they overlap by 2 pixels, and its"
    assert less.notes == (f"{told} network looks 3 far",)
    assert restorer(game, tile=32, overlap=2)(of_array(picture(9, 9)), (0,)).notes == ()  # one tile


@pytest.mark.parametrize(("kind", "told"), [(Far, "its network looks 349 far"), (Unknown, "nobody knows how far")])
def test_tiles_of_a_network_that_looks_too_far_overlap_by_32_and_are_called_approximate(kind, told):
    made = restorer(enlarging(2, kind=kind), tile=32)(of_array(picture(75, 41)), (0,))
    assert "approximately as the whole image: they overlap by 32 pixels" in made.notes[0]
    assert told in made.notes[0]


def test_what_sees_the_whole_image_is_not_tiled():
    with pytest.raises(UsageError, match="this game cannot work in tiles: its network sees the whole image"):
        restorer(enlarging(2, kind=Seeing), tile=32)(of_array(picture(40, 40)), (0,))


def test_an_image_too_large_for_the_memory_is_taken_in_tiles_that_are_small_enough(monkeypatch):
    game, given = enlarging(4), of_array(picture(260, 261))
    whole = restorer(game, tile=0)(given, (0,))
    monkeypatch.setattr(room.memory, "available", lambda: 30 * 10**6)
    monkeypatch.setattr(tiles, "cost", lambda network, channels, height, width: 1000 * height * width)
    sides = []
    monkeypatch.setattr(game, "restore", lambda batch: sides.append(batch["damaged"].shape[-1]) or restore(batch))
    restore = type(game).restore.__get__(game)
    made = restorer(game)(given, (0,))
    assert apart(made.pixels, whole.pixels) <= 1
    assert made.notes == ("too large for the memory at once: restored in tiles of 128 pixels, with the same result",)
    assert (made.tiles, max(sides)) == (9, 134)


def test_memory_that_runs_out_halves_the_tiles_and_is_told(monkeypatch):
    game, given, most = enlarging(2), of_array(picture(300, 300)), [70]
    whole, restore = restorer(game)(given, (0,)), type(game).restore.__get__(game)

    def small_ones_alone(batch):
        if batch["damaged"].shape[-1] > most[0]:
            raise MemoryError
        return restore(batch)

    monkeypatch.setattr(game, "restore", small_ones_alone)
    made = restorer(game)(given, (0,))
    assert made.notes == ("memory ran out: restored in tiles of 64 pixels, with the same result",)
    assert apart(made.pixels, whole.pixels) <= 1
    most[0] = 40
    with pytest.raises(SaddleError, match="tiles of 64 pixels; give a smaller piece of the image"):
        restorer(game)(given, (0,))
    with pytest.raises(SaddleError, match="as a whole; leave out --tile 0"):
        restorer(game, tile=0)(given, (0,))


@pytest.mark.parametrize("times", SCALES)
def test_a_blend_is_the_mix_of_the_two_stages_weights(times):
    game, given = enlarging(times), picture(7, 5)
    for share, network in ((1, game.generator), (0, game.first), (0.3, game.network(0.3))):
        made = restorer(game, blend=share)(of_array(given), (0,))
        assert apart(made.pixels, alone(network, given)) <= 1
    tiled = restorer(game, blend=0.3, tile=32)(of_array(big := picture(50, 40)), (0,))
    assert apart(tiled.pixels, alone(game.network(0.3), big)) <= 1


def test_a_blend_is_refused_where_a_run_kept_one_network_and_beside_what_the_game_lets_choose():
    with pytest.raises(UsageError, match="kept no network of a first stage here, with which to blend"):
        restorer(enlarging(2, kind=Seeing), blend=0.5)

    class Choosing(Enlarging):
        @dataclass(frozen=True)
        class Use(Restoration.Use):
            strength: float = 1.0

    with pytest.raises(UsageError, match="a blend takes the place of what Choosing itself lets choose"):
        restorer(enlarging(2, kind=Choosing), use=Choosing.Use(0.5), blend=0.5)


@pytest.mark.parametrize("times", SCALES)
def test_a_self_ensemble_is_the_mean_over_flips_and_rotations(times):
    game, given = enlarging(times), picture(7, 5, 3, np.uint16)
    made = restorer(game, self_ensemble=True)(of_array(given), (0,))

    def mean(x):
        each = []
        for turns, flipped in product(range(4), (False, True)):
            turned = torch.rot90(x.flip(3) if flipped else x, turns, (2, 3))
            back = torch.rot90(game.generator(turned), -turns, (2, 3))
            each.append(back.flip(3) if flipped else back)
        return torch.stack(each).mean(0)

    assert apart(made.pixels, alone(mean, given)) <= 1
    assert apart(made.pixels, alone(game.generator, given)) > 1000
    sideways = restorer(game, self_ensemble=True)(of_array(np.rot90(given).copy()), (0,))
    assert apart(np.rot90(made.pixels), sideways.pixels) <= 1


@pytest.mark.parametrize("times", SCALES)
def test_a_texture_that_is_wrapped_comes_back_seamless(times):
    game, given = enlarging(times), picture(9, 5, 4)
    given[..., 3] |= 1  # nothing is clear: colours stay
    works = restorer(game, wrap=True, bits=16)
    made, moved = works(of_array(given), (0,)), works(of_array(np.roll(given, (4, 3), (0, 1))), (0,))
    shift = 4 * times, 3 * times
    assert apart(np.roll(made.pixels, shift, (0, 1)), moved.pixels) <= 1
    assert apart(np.roll(made.alpha, shift, (0, 1)), moved.alpha) <= 1
    plain = [restorer(game, bits=16)(of_array(np.roll(given, by, (0, 1))), (0,)).pixels for by in (0, (4, 3))]
    assert apart(np.roll(plain[0], shift, (0, 1)), plain[1]) > 1000  # which has seams
    assert (made.notes, made.padded) == ((), (15, 11))
    assert "wrapped approximately" in restorer(enlarging(2, kind=Unknown), wrap=True)(of_array(given), (0,)).notes[0]


def test_numbers_of_half_precision_that_are_not_finite_are_made_again(monkeypatch):
    game, given = enlarging(2), of_array(picture(6, 7))
    plain, restore = restorer(game)(given, (0,)), type(game).restore.__get__(game)
    half = restorer(game, precision="bf16")(given, (0,))
    assert half.notes == ()
    assert 0 < apart(half.pixels, plain.pixels) < 8
    monkeypatch.setattr(game, "restore", lambda b: restore(b) * (torch.nan if torch.is_autocast_enabled("cpu") else 1))
    for precision in ("bf16", "fp16"):
        made = restorer(game, precision=precision)(given, (0,))
        assert made.notes == (f"{precision} gave numbers that are not finite; restored again in fp32",)
        assert apart(made.pixels, plain.pixels) == 0
    monkeypatch.setattr(game, "restore", lambda b: restore(b) * torch.nan)
    with pytest.raises(SaddleError, match="the network gave numbers that are not finite"):
        restorer(game)(given, (0,))
