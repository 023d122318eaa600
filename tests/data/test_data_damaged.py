"""Sources made of the two photographs: what is damaged, what is not, and what is held out."""

import numpy as np
import pytest
from made_arrays import opened

from saddle.base.errors import UsageError
from saddle.data.crops import KEPT, ORDER, PLAIN, train_and_held_out
from saddle.data.fingerprint import digests
from saddle.data.lines import contours
from saddle.data.photographs import HELD_OUT
from saddle.data.source import Source, Split
from saddle.data.sources import illustrations, rain, shadows
from saddle.spec import HOLE, LOST

PAIRS = ("rain", "illustrations", "edges", "shadows", "holes")


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
    small = {opened(name, size=32).fingerprint for name in ("edges", "holes")}
    assert len(small | {each.fingerprint for each in sources.values()}) == 2 + len(PAIRS)


def test_crops_to_train_on_are_all_different_in_a(sources: dict[str, Source]):
    a = bytes_of(sources["rain"].train, "a", slice(0, 400))
    assert len(set(map(bytes, digests(a)))) == 400


def test_a_hole_holds_nothing_of_the_picture_and_all_else_is_whole(sources: dict[str, Source]):
    source = sources["holes"]
    assert source.spec.fields["mask"].title == HOLE
    for split in (source.train, held_out(source)):
        places = np.arange(0, len(split), 7)
        a, b, mask = (bytes_of(split, key, places) for key in ("a", "b", "mask"))
        assert (a[np.broadcast_to(mask, a.shape)] == LOST).all()
        assert np.array_equal(np.where(mask, 0, a), np.where(mask, 0, b))


def test_half_of_the_holes_are_the_square_in_the_middle_and_half_strokes_as_large(sources: dict[str, Source]):
    mask = bytes_of(held_out(sources["holes"]), "mask")[:, 0]
    square = np.zeros((64, 64), bool)
    square[16:48, 16:48] = True
    assert (mask[::2] == square).all()
    shares = mask[1::2].mean((1, 2))
    assert shares.mean() == pytest.approx(0.25, abs=0.03)
    assert 0.05 < shares.min() < shares.max() < 0.5
    assert len({strokes.tobytes() for strokes in mask[1::2]}) == len(mask) // 2


def test_a_shadow_darkens_what_its_mask_says_and_nothing_far_from_it(sources: dict[str, Source]):
    split = held_out(sources["shadows"])
    a, b, mask, strength, softness = (
        bytes_of(split, key).astype(np.float64) for key in ("a", "b", "mask", "strength", "softness")
    )
    shape = shadows.shapes("shadows held out", ORDER, 64, 64)
    dark = shadows.softened(shape, softness[:, 0])[:, None]
    assert np.array_equal(mask == 1, dark >= 0.5)
    untouched = np.broadcast_to(dark < 1e-3, a.shape)
    assert np.array_equal(a[untouched], b[untouched])
    assert (a <= b).all()
    for place in range(KEPT):
        inner = dark[place, 0] > 0.999
        if inner.sum() > 50:
            green = a[place, 1][inner].sum() / b[place, 1][inner].sum()
            assert 1 - green == pytest.approx(strength[place, 0], abs=0.02)
    assert mask.mean() == pytest.approx(0.18, abs=0.01)
    assert (strength.min(), strength.max()) == pytest.approx((0.1, 0.7), abs=0.01)
    assert (softness.min(), softness.max()) == pytest.approx((0.5, 2), abs=0.02)


def test_a_filled_polygon_has_the_area_of_the_formula_and_counts_what_overlaps_itself_as_outside():
    square, bow_tie = np.array([[8.3, 40.3, 40.3, 8.3]]), np.array([[8.0, 40.0, 8.0, 40.0]])
    down = np.array([[10.0, 10.0, 50.0, 50.0]])
    assert shadows._filled(square, down, 64, 64).sum() == pytest.approx(32 * 40)
    assert shadows._filled(bow_tie, down, 64, 64).sum() == pytest.approx(32 * 40 / 2, rel=0.01)
    assert shadows._filled(square, down, 64, 64)[0, 30, 8] == pytest.approx(0.7)


def test_a_blur_keeps_the_mean_and_has_its_deviation():
    dot = np.zeros((2, 65, 65))
    dot[:, 32, 32] = 1
    wide = shadows.softened(dot, np.array([1.0, 3.0]))
    assert wide.sum((1, 2)) == pytest.approx(1)
    off = np.arange(65) - 32
    assert (wide.sum(1) * off**2).sum(1) == pytest.approx([1, 9], rel=0.05)


def test_edges_are_thin_black_lines_on_white_where_the_photo_changes(sources: dict[str, Source]):
    split = held_out(sources["edges"])
    a = bytes_of(split, "a")
    assert set(np.unique(a)) == {0, 255}
    dark = a[:, 0] == 0
    assert 0.03 < dark.mean() < 0.15
    whole = dark[:, :-1, :-1] & dark[:, 1:, :-1] & dark[:, :-1, 1:] & dark[:, 1:, 1:]
    assert whole.mean() < 0.002  # hardly a square of 2 × 2 pixels


def test_a_contour_follows_a_border_once_and_leaves_faint_ones_out():
    picture = np.full((40, 60, 3), 60, np.uint8)
    picture[:, 30:] = 160
    picture[:, 50:] = 165
    lines = contours(picture, 10, 25)
    assert (lines.sum(1) == 1).all()
    assert lines[:, 29:31].any(1).all()
    assert not contours(picture, 10, 65).any()  # 100, blurred, grows by 62.5 over two pixels


def test_a_contour_goes_on_where_it_is_weak_and_hangs_together_with_a_strong_one():
    picture = np.full((60, 40, 3), 60, np.uint8)
    picture[:, 20:] = np.linspace(190, 80, 60).astype(np.uint8)[:, None, None]
    weak, strong = contours(picture, 10, 45), contours(picture, 45, 45)
    assert weak[:55].any(1).all()
    assert not strong[50:].any()
    assert not contours(picture[40:], 10, 45).any()


def test_of_turned_pictures_the_contours_are_turned():
    disc = np.square(np.arange(64) - 31.5)
    picture = np.where((disc + disc[:, None] < 400)[..., None], np.uint8(200), np.uint8(60)).repeat(3, 2)
    lines = contours(picture, 10, 25)
    assert 2 * np.pi * 18 < lines.sum() < 1.25 * 2 * np.pi * 20
    assert abs(int(lines.sum()) - int(contours(np.rot90(picture), 10, 25).sum())) <= 8
    assert (np.sqrt(disc + disc[:, None])[lines] - 20).mean() == pytest.approx(0, abs=0.8)
