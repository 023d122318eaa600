"""Every kind of file that is opened gives the pixels it holds, or is refused truthfully."""

import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import PIL
import pytest
from image_bytes import bmp, chunk, png, tiff
from image_folders import noise, opened, pixels, stored
from PIL import Image, ImageFile

from saddle.data.decode import Unreadable, header
from saddle.data.fingerprint import fingerprint

WHITE = (255, 255, 255)
GREY = np.arange(20, dtype=np.uint8).reshape(4, 5, 1) * 12
DEEP = (np.arange(60).reshape(4, 5, 3) * 1000).astype(np.uint16)


def read(folder: Path, data: bytes, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    (folder / "x.png").write_bytes(data)  # whatever it is: the name does not matter
    picture = pixels(folder / "x.png", background, 50)
    head = header(folder / "x.png", 50)
    assert (head.height, head.width, head.bits) == (*picture.shape[:2], 8 * picture.itemsize)
    return picture


def reason(folder: Path, data: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read(folder, data)
    return str(caught.value)


def encoded(picture: Image.Image, format: str, **more: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **more)
    return file.getvalue()


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_pngs_of_all_depths_give_their_share_of_white(folder, bits):
    values = np.arange(20).reshape(4, 5, 1) % 2**bits
    kind = np.uint16 if bits == 16 else np.uint8
    expected = values.astype(kind) * kind(np.iinfo(kind).max // (2**bits - 1))
    assert np.array_equal(read(folder, png(values, bits, 0)), expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_one_transparent_grey_shows_the_background_at_all_depths(folder, bits):
    values = np.arange(20).reshape(4, 5, 1) % 2**bits
    picture = read(folder, png(values, bits, 0, chunk(b"tRNS", struct.pack(">H", 1))), (10, 20, 30))
    unit = 257 if bits == 16 else 1
    assert (picture[values[..., 0] == 1] == np.array([10, 20, 30]) * unit).all()
    opaque = picture[values[..., 0] != 1]
    top = np.iinfo(picture.dtype).max
    assert (opaque == (values[values != 1] * (top // (2**bits - 1)))[:, None]).all()


def test_the_one_transparent_colour_shows_the_background(folder):
    for bits, values in ((8, DEEP // 256), (16, DEEP)):
        clear = chunk(b"tRNS", struct.pack(">HHH", *values[0, 1]))
        picture = read(folder, png(values, bits, 2, clear), (1, 2, 3))
        expected = (values if bits == 8 else values >> 8).astype(np.uint8)
        expected[0, 1] = (1, 2, 3)
        assert np.array_equal(picture, expected)


def test_a_palette_with_opacity_is_laid_on_the_background(folder):
    values = np.arange(4).reshape(2, 2, 1)
    colours = bytes([0, 0, 0, 200, 100, 0, 9, 9, 9, 30, 20, 10])
    picture = read(folder, png(values, 8, 3, chunk(b"PLTE", colours) + chunk(b"tRNS", bytes([0, 51]))))
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert np.abs(picture[0, 1].astype(int) - [244, 224, 204]).max() <= 1  # a fifth of the colour
    assert picture[1].tolist() == [[9, 9, 9], [30, 20, 10]]


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colour_pngs_of_16_bits_are_said_to_be_read_as_8(folder, kind, channels):
    deep = np.concatenate([DEEP, np.full((4, 5, 1), 65535, np.uint16)], 2)
    values = deep[..., [0, 3]] if kind == 4 else deep[..., :channels]
    picture = read(folder, png(values, 16, kind))
    assert np.array_equal(picture, (values[..., [0, 0, 0] if kind == 4 else [0, 1, 2]] >> 8).astype(np.uint8))
    assert (header(folder / "x.png", 50).depth, header(folder / "x.png", 50).bits) == (16, 8)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiffs_of_16_bits_in_either_byte_order(folder, order):
    assert np.array_equal(read(folder, tiff(DEEP[..., :1], order)), DEEP[..., :1])
    assert np.array_equal(read(folder, tiff(DEEP, order)), (DEEP >> 8).astype(np.uint8))
    assert header(folder / "x.png", 50).depth == 16


def test_a_tiff_whose_zero_is_white_is_no_negative(folder):
    assert np.array_equal(read(folder, tiff(GREY, white_is_zero=True)), 255 - GREY)
    assert np.array_equal(read(folder, tiff(DEEP[..., :1], white_is_zero=True)), 65535 - DEEP[..., :1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (GREY.astype(np.int8), "samples of 8 bits with a sign"),
        (GREY.astype(np.int16), "16-bit integer samples with a sign, whose range is not known"),
        (GREY.astype(np.int32), "32-bit integer samples with a sign, whose range is not known"),
        (GREY.astype(np.uint32), "32-bit integer samples, whose range is not known: give it with --data.range"),
        (GREY.astype(np.float32), "floating-point samples, whose range is not known: give it with --data.range"),
    ],
)
def test_numbers_that_are_no_brightness_by_themselves_are_refused_by_their_name(folder, values, expected):
    assert expected in reason(folder, tiff(values))


def test_planes_of_16_bits_are_refused_and_of_8_read(folder):
    """Pillow would take every byte of theirs for a pixel."""
    assert "colours of 16 bits in separate planes" in reason(folder, tiff(DEEP, planes=True))
    shallow = (DEEP >> 8).astype(np.uint8)
    assert np.array_equal(read(folder, tiff(shallow, planes=True)), shallow)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "zstd"])
def test_tiffs_of_every_compression(folder, compression):
    picture = noise(40, 30, 3)
    assert np.array_equal(read(folder, encoded(Image.fromarray(picture), "TIFF", compression=compression)), picture)


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_faxes_are_black_and_white(folder, compression):
    bits = noise(40, 30) > 127
    data = encoded(Image.fromarray(bits), "TIFF", compression=compression)
    assert np.array_equal(read(folder, data)[..., 0], bits * np.uint8(255))


def test_bmps_of_all_kinds(folder):
    line = bytes([3, 2, 1, 6, 5, 4, 0, 0]), bytes([9, 8, 7, 12, 11, 10, 0, 0])
    upper, lower = [[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]
    assert read(folder, bmp(2, 2, 24, line[1] + line[0])).tolist() == [upper, lower]
    assert read(folder, bmp(2, -2, 24, line[0] + line[1])).tolist() == [upper, lower]  # from the top
    packed = struct.pack("<2H", 0xF800, 0x07E0)
    assert read(folder, bmp(2, 1, 16, packed, 3, (0xF800, 0x07E0, 0x1F))).tolist() == [[[255, 0, 0], [0, 255, 0]]]
    packed = struct.pack("<2H", 0x7C00, 0x001F)
    assert read(folder, bmp(2, 1, 16, packed)).tolist() == [[[255, 0, 0], [0, 0, 255]]]
    runs = bytes([4, 9, 0, 0, 2, 5, 2, 6, 0, 0, 0, 1])  # four of 9, end of line, two of 5, two of 6
    assert read(folder, bmp(4, 2, 8, runs, 1))[..., 0].tolist() == [[5, 5, 6, 6], [9, 9, 9, 9]]


def test_jpegs_for_printing_have_the_colours_they_should(folder):
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    assert np.abs(read(folder, encoded(inks, "JPEG", quality=98)).astype(int) - [255, 0, 0]).max() <= 4


def test_opacity_of_grey_and_of_palettes(folder):
    veiled = Image.frombytes("PA", (4, 4), bytes([1, 51]) * 16)
    veiled.putpalette([9, 9, 9, 0, 0, 0])
    for picture in (veiled, Image.new("LA", (4, 4), (0, 51))):
        assert np.abs(read(folder, encoded(picture, "TIFF")).astype(int) - 204).max() <= 1
    assert (read(folder, encoded(Image.new("LA", (4, 4), (0, 0)), "PNG")) == 255).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("mark", range(1, 9))
def test_all_eight_orientations_come_upright(folder, format, mark):
    """By their definition: which corner of the scene the first row and the first column of the file are."""
    scene = np.zeros((32, 48), np.uint8)
    scene[:16, :24], scene[:16, 24:], scene[16:, :24] = 250, 160, 80
    filed = {1: scene, 2: scene[:, ::-1], 3: scene[::-1, ::-1], 4: scene[::-1]}
    filed |= {5: scene.T, 6: np.rot90(scene, 1), 7: scene[::-1, ::-1].T, 8: np.rot90(scene, -1)}
    exif = Image.Exif()
    exif[0x0112] = mark
    picture = Image.fromarray(np.ascontiguousarray(filed[mark])).convert("RGB")
    more = {"lossless": True} if format == "WEBP" else {"quality": 98} if format == "JPEG" else {}
    upright = read(folder, encoded(picture, format, exif=exif, **more))[..., 0]
    assert np.abs(upright.astype(int) - scene).max() <= 12


@pytest.mark.parametrize(
    "data",
    [
        png(GREY, 8, 0, end=b""),  # without its end
        png(GREY, 8, 0) + b"garbage" * 20,
        png(GREY, 8, 0, before=chunk(b"tEXt", b"a\0b", right=False)),
        png(GREY, 8, 0, end=chunk(b"tIME", bytes(7), right=False) + chunk(b"IEND", b"")),
    ],
)
def test_a_png_whose_pixels_are_whole_is_read_whatever_is_wrong_around_them(folder, data):
    assert np.array_equal(read(folder, data), GREY)


def test_a_png_with_doubtful_opacity_or_pixels_is_refused(folder):
    clear = chunk(b"tRNS", struct.pack(">H", 1), right=False)
    assert "begins like PNG, but is damaged" in reason(folder, png(GREY, 8, 0, clear))
    whole = bytearray(png(GREY, 8, 0))
    whole[whole.index(b"IDAT") + 12] ^= 1
    assert "damaged" in reason(folder, bytes(whole))


def test_what_follows_a_whole_picture_does_no_harm(folder):
    picture = Image.fromarray(noise(40, 30, 3))
    for format in ("JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        whole = encoded(picture, format)
        assert np.array_equal(read(folder, whole + b"garbage" * 100), read(folder, whole))
    gif = encoded(picture.convert("L"), "GIF")
    assert np.array_equal(read(folder, gif[:-1]), read(folder, gif))  # without its last byte, the end mark


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_a_cut_file_is_refused_and_never_filled_with_grey(folder, format, cut):
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    whole = encoded(Image.fromarray(noise(40, 30, 3)), format)
    assert reason(folder, whole[: int(cut * len(whole))])


def test_of_several_pages_and_frames_the_first_is_read_and_all_are_counted(folder):
    first, second = noise(8, 9, 3), noise(7, 5, 3)
    pages = {"save_all": True, "append_images": [Image.fromarray(second)]}
    assert np.array_equal(read(folder, encoded(Image.fromarray(first), "TIFF", **pages)), first)
    assert header(folder / "x.png", 50).pages == 2
    frames = {"save_all": True, "append_images": [Image.new("RGB", (4, 4), (90, 0, 0))] * 2, "duration": [10, 20, 30]}
    frames["append_images"] = [Image.new("RGB", (4, 4), (shade, 0, 0)) for shade in (90, 120)]
    for format, more in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        picture = read(folder, encoded(Image.new("RGB", (4, 4), (40, 0, 0)), format, **frames, **more))
        assert (picture == [40, 0, 0]).all()
        assert header(folder / "x.png", 50).pages == 3


@pytest.mark.parametrize("white_is_zero", [False, True])
def test_the_cache_is_found_again_but_for_what_it_once_held_wrongly(folder, cache, white_is_zero):
    data = tiff(DEEP[..., :1], white_is_zero=white_is_zero)
    for name in ("0.tif", "1.tif"):
        (folder / name).write_bytes(data)
    expected = 65535 - DEEP[..., 0] if white_is_zero else DEEP[..., 0]
    assert np.array_equal(stored(opened(folder))[0, 0], expected)
    files = [(name, hashlib.sha256(data).hexdigest()) for name in ("0.tif", "1.tif")]
    as_ever = fingerprint(1, PIL.__version__, files, (1, 4, 5), 16, (255, 255, 255))[:32]
    assert (cache / "folder" / as_ever).exists() != white_is_zero
