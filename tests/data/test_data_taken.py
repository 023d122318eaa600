"""What is taken of the images, and what is said of it: range, limit, fit, opacity, pages."""

import io
import re

import numpy as np
import pytest
from image_bytes import png
from image_folders import fill, noise, opened, stored
from PIL import Image

from saddle.base.errors import UsageError
from saddle.base.settings import change
from saddle.data import DataOptions, brightness, check_data, open_source
from saddle.data.decode import stored as decoded
from saddle.data.fingerprint import picked
from saddle.data.picture import fitted


def save(folder, *pictures, suffix="png"):
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i:03}.{suffix}")


def ramp(high: int, kind: type = np.uint16) -> np.ndarray:
    return np.linspace(0, high, 48).astype(kind).reshape(6, 8)


def array(tmp_path, values, **settings):
    np.save(tmp_path / "x.npy", values)
    return open_source(DataOptions(source=f"array:{tmp_path / 'x.npy'}", **settings))


def checked(folder, **settings):
    return check_data(str(folder), DataOptions(**settings))


# Range


def test_twelve_bits_in_sixteen_are_said_to_be_dark_with_what_to_do(folder, tmp_path):
    save(folder, ramp(4095), ramp(3000))
    advice = "the highest is 4,095 of 65,535 in 16 bits, so images train as nearly black; --data.range 0,4095 spreads"
    assert advice in opened(folder).notes["values"]
    assert advice in array(tmp_path, np.stack([ramp(4095)] * 3)).notes["values"]
    report = checked(folder)
    assert advice in report.notes["values"]
    assert report.values == {"16 bits": {"lowest": 0, "highest": 4095, "low": 0, "high": 4095}}
    assert any(line == "values of 16 bits: 0 to 4,095 (98% of them 0 to 4,095)" for line in report.lines())
    save(folder, ramp(8192))
    assert "values" not in opened(folder).notes


def test_the_range_asked_for_becomes_black_to_white(folder, tmp_path):
    save(folder, ramp(4095), ramp(65535))
    source = opened(folder, range=(0, 4095))
    assert np.array_equal(stored(source)[0, 0], np.rint(ramp(4095) / 4095 * 65535))
    assert np.array_equal(stored(source)[1, 0], np.rint(ramp(65535).clip(0, 4095) / 4095 * 65535))
    shallow = array(tmp_path, np.stack([ramp(31, np.uint8)] * 3), range=(0, 31))
    assert (shallow.spec.bits, stored(shallow).max()) == (8, 255)


def test_what_lies_outside_the_range_is_counted(folder, tmp_path):
    outside = (ramp(65535) > 4095).mean()
    save(folder, ramp(65535), ramp(65535))
    assert checked(folder, range=(0, 4095)).values["16 bits"]["outside"] == pytest.approx(outside)
    words = "93.8% of the values lie outside"
    assert words.replace(" of the values", "") in checked(folder, range=(0, 4095)).notes["values"]
    assert words in array(tmp_path, np.stack([ramp(65535)] * 2), range=(0, 4095)).notes["range"]
    assert words.replace(" of the values", "") in opened(folder, range=(0, 4095)).notes["values"]


def test_a_range_far_above_the_values_is_said_to_make_them_dark(folder, tmp_path):
    advice = "the highest is 253 of data.range 0,4095, so images train as nearly black; --data.range 0,255 spreads them"
    save(folder, ramp(253, np.uint8), ramp(200, np.uint8))
    for settings in ({}, {"size": 8, "fit": "pad"}):  # whose background is bright
        assert opened(folder, range=(0, 4095), **settings).notes["values"] == advice
    assert checked(folder, range=(0, 4095)).notes["values"] == advice
    assert array(tmp_path, np.stack([ramp(253, np.uint8)] * 3), range=(0, 4095)).notes["values"] == advice
    assert open_source(DataOptions(source=f"photo:{folder / '000.png'}", range=(0, 4095))).notes["values"] == advice
    below = array(tmp_path, np.stack([ramp(253, np.uint8)] * 3), range=(1000, 4095)).notes["values"]
    assert "nearly black; give the lowest and the highest value that occur" in below


def test_files_of_16_bits_are_judged_by_themselves_where_others_have_8(folder):
    save(folder, ramp(4095), ramp(3000), noise(6, 8, 3))
    advice = "the highest is 4,095 of 65,535 in 16 bits, so images train as nearly black; --data.range 0,4095 spreads"
    assert advice in opened(folder).notes["values"]
    assert advice in checked(folder).notes["values"]
    assert "values" not in opened(folder, range=(0, 4095)).notes
    far = "the highest is 4,095 of data.range 0,60000"
    assert far in opened(folder, range=(0, 60000)).notes["values"]
    assert far in checked(folder, range=(0, 60000)).notes["values"]


def test_black_and_white_inside_a_range_are_not_said_to_be_clipped(folder, tmp_path):
    save(folder, ramp(255, np.uint8), np.zeros((6, 8), np.uint8))
    for settings in ({}, {"size": 12, "fit": "pad"}):
        assert "values" not in opened(folder, range=(0, 255), **settings).notes
    assert "values" not in checked(folder, range=(0, 255)).notes
    notes = array(tmp_path, np.stack([ramp(255, np.uint8)] * 3), range=(0, 255)).notes
    assert notes["range"] == "0 to 255 asked for"


def test_files_are_read_again_for_their_values_only_where_the_decoded_images_leave_a_doubt(folder, monkeypatch):
    looked = []
    monkeypatch.setattr(brightness, "stored", lambda path, *rest: looked.append(path.name) or decoded(path, *rest))
    save(folder, *[ramp(60000)] * 30)
    opened(folder)
    opened(folder, range=(-1, 60001))
    assert not looked
    opened(folder, size=16, fit="pad")
    assert looked == ["000.png"]


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint32, np.float32])
def test_numbers_of_any_range_are_images_once_it_is_given(folder, tmp_path, kind):
    values = np.array([[0, 250, 500, 1000, 2000]] * 4).astype(kind)
    expected = [0, 16384, 32768, 65535, 65535]
    made = array(tmp_path, np.stack([values] * 3), range=(0, 1000), kind="image")
    assert stored(made)[0, 0, 0].tolist() == expected
    if kind in (np.int32, np.float32):  # which are written here as TIFF
        save(folder, values, values, suffix="tif")
        assert stored(opened(folder, range=(0, 1000)))[0, 0, 0].tolist() == expected
        with pytest.raises(UsageError, match=r"whose range is not known: give it with --data\.range"):
            opened(folder)


def test_a_range_makes_other_data_even_of_the_same_numbers(tmp_path):
    plain = array(tmp_path, np.stack([ramp(65535)] * 3))
    ranged = array(tmp_path, np.stack([ramp(65535)] * 3), range=(0, 65535))
    assert np.array_equal(stored(plain), stored(ranged))
    assert plain.fingerprint != ranged.fingerprint


def test_eight_bits_among_sixteen_keep_their_own_range(folder):
    save(folder, ramp(4095), ramp(255, np.uint8))
    assert [image.max() for image in stored(opened(folder, range=(0, 4095)))] == [65535, 65535]


def test_a_range_is_two_numbers_the_lower_first(folder):
    assert change(DataOptions(), {"range": "0,4095"}).range == (0, 4095)
    assert change(DataOptions(), {"range": "-1000,1000"}).range == (-1000, 1000)
    with pytest.raises(UsageError, match=r"data\.range is 5,5; it is the lowest value and a higher one"):
        DataOptions(range=(5, 5))


# Limit


def test_a_limit_takes_the_same_images_in_whatever_order_they_come(tmp_path):
    values = noise(60, 4, 4)
    few = array(tmp_path, values, limit=30, heldout=0.2)
    assert (len(few.train), len(few.heldout)) == (24, 6)
    taken = {x.tobytes() for x in stored(few)}  # read before the file is another one
    again = array(tmp_path, values[::-1], limit=30, heldout=0.2)
    assert {x.tobytes() for x in stored(again)} == taken
    assert few.fingerprint == array(tmp_path, values, limit=30, heldout=0.2).fingerprint
    assert few.fingerprint != array(tmp_path, values, heldout=0.2).fingerprint
    assert array(tmp_path, values, limit=60).fingerprint == array(tmp_path, values).fingerprint


def test_a_folder_is_limited_by_names_and_the_others_are_not_opened(folder):
    pictures = fill(folder, 30)
    kept = picked([f"{i:03}.png".encode() for i in range(30)], 10)
    source = opened(folder, limit=10)
    assert np.array_equal(stored(source), pictures[kept].transpose(0, 3, 1, 2))
    (folder / f"{next(i for i in range(30) if i not in kept):03}.png").write_bytes(b"broken")
    assert opened(folder, limit=10).fingerprint == source.fingerprint
    assert checked(folder, limit=10).images == 10
    with pytest.raises(UsageError, match="limit is at least 2 or none, not 1"):
        opened(folder, limit=1)


def test_a_limit_that_leaves_nothing_out_is_said_to(folder, tmp_path):
    fill(folder, 4)
    words = "data.limit 5 leaves nothing out: it is more than the 4 that are there"
    assert opened(folder, limit=5).notes["limit"] == words
    assert array(tmp_path, noise(4, 6, 8), limit=5).notes["limit"] == words
    assert "limit" not in opened(folder, limit=4).notes


def test_a_limited_share_is_as_good_as_random_and_grows_by_more_of_the_same():
    names = [f"{label}/{i}.png".encode() for label in "ab" for i in range(500)]
    few, more = picked(names, 100), picked(names, 200)
    assert len(few) == 100
    assert set(few) <= set(more)
    assert 35 <= (few < 500).sum() <= 65
    assert np.array_equal(picked(names, None), np.arange(1000))


def test_labels_are_those_of_the_images_that_are_left(tmp_path):
    values, labels = noise(60, 4, 4), np.arange(60) % 3
    np.savez(tmp_path / "x.npz", image=values, label=labels)
    source = open_source(DataOptions(source=f"array:{tmp_path / 'x.npz'}", limit=30))
    of = {image.tobytes(): label for image, label in zip(values, labels, strict=True)}
    images, given = stored(source), source.train.columns["label"]
    assert [of[image.tobytes()] for image in images] == list(given)


def test_digits_can_be_limited_and_stay_on_their_side():
    whole = open_source(DataOptions(source="digits", size=8))
    few = open_source(DataOptions(source="digits", size=8, limit=100))
    assert len(few.train) + len(few.heldout) == 100
    for part, of in ((few.train, whole.train), (few.heldout, whole.heldout)):
        assert {x.tobytes() for x in part.columns["image"]} <= {x.tobytes() for x in of.columns["image"]}
    assert len(open_source(DataOptions(source="digits", size=8, limit=2)).train) > 0  # as all larger limits have then
    assert open_source(DataOptions(source="digits", size=8, limit=1797)).fingerprint == whole.fingerprint
    with pytest.raises(UsageError, match=r"ring has no use for data\.limit"):
        open_source(DataOptions(source="ring", limit=100))


# Fit


@pytest.mark.parametrize(("kind", "channels"), [(np.uint8, 1), (np.uint8, 3), (np.uint16, 1), (np.uint16, 5)])
def test_padding_keeps_the_whole_image_on_the_background(kind, channels):
    top = np.iinfo(kind).max
    padded = fitted(np.full((4, 8, channels), top, kind), 4, 4, "pad", (0, 0, 0))
    assert padded.dtype == kind
    assert (padded[[0, 3]] == 0).all()
    assert (padded[1:3] == top).all()
    grey = fitted(np.zeros((8, 4, channels), kind), 4, 4, "pad", (128, 128, 128))
    assert (grey[:, 0] == 128 * (257 if kind == np.uint16 else 1)).all()


def test_squashing_keeps_everything_and_no_proportions():
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:, 4:] = 200
    assert fitted(picture, 4, 4, "squash")[0, [0, 3], 0].tolist() == pytest.approx([0, 200], abs=5)


def test_a_crop_of_most_of_an_image_is_said_and_can_be_helped(folder):
    save(folder, noise(10, 200, 3), noise(40, 40, 3))
    words = r"1 image would lose more than half .* 000.png \(200×10, of which 5% is left\)"
    for notes in (opened(folder, size=8).notes, checked(folder, size=8).notes):
        assert re.search(words, notes["cut"])
    assert "cut" not in opened(folder, size=8, fit="pad").notes
    cropped, padded, squashed = (stored(opened(folder, size=8, fit=fit)) for fit in ("crop", "pad", "squash"))
    assert (padded[0, :, 0] == 255).all()
    assert not np.array_equal(cropped[0], squashed[0])
    assert np.array_equal(cropped[1], padded[1])
    with pytest.raises(UsageError, match=r"data\.fit pad resizes images, and data\.crop keeps their sizes"):
        opened(folder, crop=8, fit="pad")


# Opacity


def veiled(colour: int, opacity: np.ndarray) -> np.ndarray:
    return np.concatenate([np.full((*opacity.shape, 3), colour, np.uint8), opacity[..., None]], 2)


def test_transparency_that_shows_the_background_is_said(folder):
    seen, clear = np.full((4, 4), 255, np.uint8), np.zeros((4, 4), np.uint8)
    save(folder, veiled(9, seen), veiled(9, clear), noise(4, 4, 3))
    assert "2 images may be transparent, where data.background (white) shows" in opened(folder).notes["transparency"]
    assert "transparent pixels in 1 image, where" in checked(folder).notes["transparency"]
    assert "transparency" not in opened(folder, channels=4).notes


def test_four_channels_keep_the_opacity(folder):
    half = np.full((4, 4), 128, np.uint8)
    save(folder, veiled(9, half), noise(4, 4, 3), ramp(200, np.uint8)[:4, :4])
    images = stored(opened(folder, channels=4))
    assert images.shape == (3, 4, 4, 4)
    assert images[0, :, 0, 0].tolist() == [9, 9, 9, 128]
    assert np.array_equal(images[1, :3], noise(4, 4, 3).transpose(2, 0, 1))
    assert (images[1:, 3] == 255).all()


def test_what_a_transparent_pixel_hides_does_not_come_out_when_it_is_resized(folder):
    opacity = np.zeros((16, 16), np.uint8)
    opacity[:, 8:] = 255
    picture = veiled(250, opacity)
    picture[:, 8:, :3] = 40  # what is seen; 250 is hidden
    save(folder, picture, picture)
    for fit in ("crop", "pad", "squash"):
        small = stored(opened(folder, channels=4, size=5, fit=fit))[0]
        seen = small[3] > 20
        assert seen.any()
        assert np.abs(small[:3, seen].astype(int) - 40).max() <= 6


# Pages


def pages(*pictures: np.ndarray) -> bytes:
    file = io.BytesIO()
    first, *more = map(Image.fromarray, pictures)
    first.save(file, "TIFF", save_all=True, append_images=more)
    return file.getvalue()


def test_pages_are_counted_and_all_are_taken_if_asked(folder):
    scans = noise(3, 6, 8)
    (folder / "a.tif").write_bytes(pages(*scans))
    (folder / "b.tif").write_bytes(pages(scans[0]))
    assert "3 pages or frames in 1 file, of each the first alone is taken (a.tif)" in opened(folder).notes["pages"]
    assert "--data.pages all takes each" in checked(folder).notes["pages"]
    source = opened(folder, pages="all")
    assert np.array_equal(stored(source)[:, 0], scans[[0, 1, 2, 0]])
    report = checked(folder, pages="all")
    assert (report.images, report.duplicates) == (4, [["a.tif", "b.tif"]])
    assert len(opened(folder, pages="all", limit=3).train) == 3


def test_a_page_that_cannot_be_read_is_named(folder):
    (folder / "a.tif").write_bytes(pages(noise(6, 8), np.ones((6, 8), np.float32)))
    fill(folder, 2, grey=True)
    assert len(opened(folder).train) == 3
    with pytest.raises(UsageError, match=r"a\.tif#2: floating-point samples"):
        opened(folder, pages="all")
    assert dict(checked(folder, pages="all").bad).keys() == {"a.tif#2"}


def test_labels_of_a_file_are_those_of_all_its_pages(folder, tmp_path):
    (folder / "a.tif").write_bytes(pages(*noise(3, 6, 8)))
    (folder / "b.tif").write_bytes(pages(noise(6, 8)))
    (tmp_path / "labels.csv").write_text("file,label\na.tif,cat\nb.tif,dog\n")
    source = opened(folder, pages="all", labels=str(tmp_path / "labels.csv"))
    assert source.train.columns["label"][:].tolist() == [0, 0, 0, 1]


def test_nothing_is_said_where_there_is_nothing_to_say(folder):
    fill(folder, 3)
    assert opened(folder).notes == {"files": 3, "skipped": 0, "ignored": {}}


def test_colours_of_16_bits_are_said_to_be_read_as_8(folder):
    for i in range(2):
        (folder / f"{i}.png").write_bytes(png(noise(4, 5, 3).astype(np.uint16) * 257, 16, 2))
    report = checked(folder)
    assert report.bits == {"16, read as 8": 2}
    words = "2 images with more than 8 bits, read as 8 (0.png, 1.png)"
    assert report.notes["depth"] == opened(folder).notes["depth"] == words
