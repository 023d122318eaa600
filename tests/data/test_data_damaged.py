"""Sources made of the two photographs: what is damaged, what is not, and what is held out."""

import numpy as np
import pytest
from made_arrays import opened

from saddle.base.errors import UsageError
from saddle.data.crops import KEPT, PLAIN, train_and_held_out
from saddle.data.fingerprint import digests
from saddle.data.photographs import HELD_OUT
from saddle.data.source import Source, Split
from saddle.data.sources import illustrations, rain

PAIRS = ("rain", "illustrations")


@pytest.fixture(scope="module")
def sources() -> dict[str, Source]:
    return {name: opened(name) for name in PAIRS}


def bytes_of(split: Split, key: str, places: object = slice(None)) -> np.ndarray:
    return np.asarray(split.columns[key][places])


def held_out(source: Source) -> Split:
    assert source.heldout is not None
    return source.heldout


def decibels(x: np.ndarray, truth: np.ndarray) -> float:
    """The mean over images uint8 [N, C, H, W] of the PSNR of each."""
    error = np.square(x.astype(np.float64) - truth).reshape(len(truth), -1).mean(1)
    return float((10 * np.log10(255**2 / np.maximum(error, 1e-9))).mean())


@pytest.mark.parametrize("size", [32, 64, 128, (48, 128)])
def test_what_is_held_out_shares_no_pixel_with_what_is_trained_on(size: int | tuple[int, int]):
    sides = (size, size) if isinstance(size, int) else size
    train, kept = train_and_held_out(sides)
    assert len(kept) == KEPT
    assert len({tuple(corner) for corner in kept.corners}) == KEPT
    assert len(train) > 2000
    for which, name in enumerate(("china", "flower")):
        start, end = HELD_OUT[name]
        for crops, inside in ((train, False), (kept, True)):
            left = crops.corners[crops.corners[:, 0] == which, 2]
            within = (left >= start) & (left + sides[1] <= end)
            outside = (left + sides[1] <= start) | (left >= end)
            assert len(left)
            assert (within if inside else outside).all()


def test_nobody_is_scored_on_a_piece_of_plain_sky():
    kept = train_and_held_out((64, 64))[1]
    assert kept[np.arange(KEPT)].std(axis=(2, 3)).mean(1).min() >= PLAIN


@pytest.mark.parametrize("name", PAIRS)
def test_a_sample_is_the_same_whatever_it_is_asked_with(name: str, sources: dict[str, Source]):
    split = sources[name].train
    for key in split.columns:
        many = bytes_of(split, key, np.array([5, 900, 17]))
        assert np.array_equal(many[1], bytes_of(split, key, np.array([900]))[0])
        assert np.array_equal(many[1], bytes_of(split, key, 900))
        assert np.array_equal(many[0], bytes_of(split, key, slice(5, 6))[0])
        assert bytes_of(split, key, np.array([5])).dtype == split.columns[key].dtype


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("size", [20, 66, 132, (64, 200)])
def test_sizes_that_a_source_of_pairs_does_not_give_are_refused(name: str, size: int | tuple[int, int]):
    with pytest.raises(UsageError, match=rf"data\.size is .*{name} takes 32 to 128 pixels, multiples of 4"):
        opened(name, size=size)


def test_rain_only_adds_light_and_as_much_as_measured(sources: dict[str, Source]):
    split = held_out(sources["rain"])
    a, b = bytes_of(split, "a"), bytes_of(split, "b")
    assert (a >= b).all()
    assert ((a > b).any(axis=(1, 2, 3))).all()
    assert decibels(a, b) == pytest.approx(25.16, abs=0.1)


def test_more_rain_falls_on_a_larger_picture_and_each_has_streaks_of_its_own():
    places = np.arange(60)
    small, large = (rain.streaks("x", places, side, side) for side in (64, 128))
    assert (large > 0).mean() == pytest.approx((small > 0).mean(), rel=0.25)
    assert len({picture.tobytes() for picture in small}) == 60


def test_streaks_that_leave_a_picture_do_not_come_in_on_the_other_side(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rain, "SLOPE", 0.0)
    light = rain.streaks("x", np.arange(300), 64, 64)
    assert light[:, :, [0, -1]].mean() == pytest.approx(light[:, :, 20:44].mean(), rel=0.25)


def test_no_crop_to_train_on_comes_as_a_photo_and_as_an_illustration(sources: dict[str, Source]):
    train = sources["illustrations"].train
    assert train.domains == (("a",), ("b",))
    a, b = train.columns["a"], train.columns["b"]
    corners = [{tuple(corner) for corner in column.corners} for column in (a, b)]  # type: ignore[attr-defined]
    assert not corners[0] & corners[1]
    assert abs(len(a) - len(b)) <= 1


def test_a_held_out_illustration_is_that_of_its_photo(sources: dict[str, Source]):
    split = held_out(sources["illustrations"])
    a, b = bytes_of(split, "a"), bytes_of(split, "b")
    inner = slice(6, -6)  # what lies around a crop has a say at its edges
    for place in (3, 100, 250):
        drawn = illustrations.illustration(a[place].transpose(1, 2, 0)).transpose(2, 0, 1)
        assert np.array_equal(drawn[:, inner, inner], b[place][:, inner, inner])
    assert decibels(a, b) == pytest.approx(16.99, abs=0.15)


def test_illustrations_have_six_levels_where_no_outline_is():
    picture = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    drawn = illustrations.illustration(picture)
    assert set(np.unique(drawn)) == {0, 51, 102, 153, 204, 255}


def test_an_outline_is_dark_and_lies_where_colours_change():
    picture = np.full((40, 40, 3), 204, np.uint8)
    picture[:, 20:] = 102
    drawn = illustrations.illustration(picture)
    assert drawn[:, 19:21].max() < 40
    assert (drawn[:, :18] == 204).all()
    assert (drawn[:, 22:] == 102).all()


def test_the_fingerprint_tells_sizes_apart(sources: dict[str, Source]):
    marks = {opened(name, size=size).fingerprint for name in PAIRS for size in (32, 64)}
    assert len(marks) == 2 * len(PAIRS)
    assert all(sources[name].fingerprint in marks for name in PAIRS)


def test_crops_to_train_on_are_all_different_in_a(sources: dict[str, Source]):
    a = bytes_of(sources["rain"].train, "a", slice(0, 400))
    assert len(set(map(bytes, digests(a)))) == 400
