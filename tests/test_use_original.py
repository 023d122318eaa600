"""Files are read with all that must come back, and written with all that their format can hold."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from saddle.base.errors import UsageError
from saddle.data import decode
from saddle.use import deep, original, writing
from saddle.use.original import Original, of_array
from saddle.use.writing import Form

RANDOM = np.random.default_rng(0)


def picture(channels: int, kind: type, height: int = 13, width: int = 17) -> np.ndarray:
    return RANDOM.integers(0, np.iinfo(kind).max + 1, (height, width, channels)).astype(kind)


def read(path: Path) -> Original:
    with decode.reading():
        return original.read(path, 50)


def written(path: Path, pixels: np.ndarray, form: Form | None = None) -> Path:
    given = of_array(pixels)
    writing.write(path, given.pixels, given.alpha, given, form or Form())
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_is_written_is_read_again(suffix, kind, channels, tmp_path):
    form = writing.KINDS[suffix]
    if (kind is np.uint16 and form not in writing.DEEP) or (channels in (2, 4) and form not in writing.CLEAR):
        return
    pixels = picture(channels, kind)
    back = read(written(tmp_path / f"x{suffix}", pixels))
    as_colours = channels < 3 and (form == "WEBP" or (form == "TIFF" and kind is np.uint16 and channels == 2))
    expected = of_array(pixels)
    assert back.pixels.dtype == kind
    assert (back.pixels == expected.pixels).all() if not as_colours else (back.pixels[..., :1] == pixels[..., :1]).all()
    assert (back.alpha is None) == (expected.alpha is None)
    if expected.alpha is not None:
        assert (back.alpha == expected.alpha).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_files_of_16_bits_are_what_others_read_too(channels, tmp_path):
    """Pillow gives the upper 8 bits of colours."""
    pixels = picture(channels, np.uint16)
    for suffix in (".png", ".tif"):
        with Image.open(written(tmp_path / f"x{suffix}", pixels)) as image:
            seen = np.asarray(image).reshape(pixels.shape)
        assert (seen == (pixels if channels == 1 else pixels >> 8)).all()


def test_colours_of_16_bits_are_upright_and_keep_a_clear_value(tmp_path):
    pixels = picture(3, np.uint16)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    chunks = {b"eXIf": exif.tobytes().removeprefix(b"Exif\0\0"), b"tRNS": pixels[0, 0].astype(">u2").tobytes()}
    (tmp_path / "x.png").write_bytes(deep.png(pixels, chunks))
    back = read(tmp_path / "x.png")
    assert (back.pixels == np.rot90(pixels, 3)).all()
    assert (back.alpha == np.where((np.rot90(pixels, 3) == pixels[0, 0]).all(-1), 0, 65535)).all()


def test_grey_of_16_bits_with_opacity_is_upright(tmp_path):
    pixels, exif = picture(2, np.uint16), Image.Exif()
    exif[ExifTags.Base.Orientation] = 5
    (tmp_path / "x.png").write_bytes(deep.png(pixels, {b"eXIf": exif.tobytes().removeprefix(b"Exif\0\0")}))
    back = read(tmp_path / "x.png")
    assert (back.pixels[..., 0] == pixels[..., 0].T).all()
    assert (back.alpha == pixels[..., 1].T).all()


def test_grey_and_palettes_with_a_transparent_colour_have_opacity(tmp_path):
    grey = Image.fromarray(np.array([[0, 9], [9, 200]], np.uint8))
    grey.save(tmp_path / "grey.png", transparency=9)
    back = read(tmp_path / "grey.png")
    assert back.pixels[..., 0].tolist() == [[0, 9], [9, 200]]
    assert back.alpha.tolist() == [[255, 0], [0, 255]]
    Image.fromarray(picture(3, np.uint8)).quantize(8).save(tmp_path / "few.png", transparency=3)
    assert read(tmp_path / "few.png").alpha.min() == 0


def profile() -> bytes:
    """Of colours whose numbers are other ones than those of sRGB: red and green in the other's place."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = data.find(b"rXYZ"), data.find(b"gXYZ")
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)  # whose name still says sRGB


def test_colours_of_another_profile_become_srgb_and_are_tagged(tmp_path):
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[..., 0] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png", icc_profile=profile())
    back = read(tmp_path / "x.png")
    assert back.srgb
    assert back.pixels[0, 0].tolist() == [0, 255, 0]
    for suffix in (".png", ".jpg", ".tif", ".webp"):
        writing.write(tmp_path / f"y{suffix}", back.pixels, None, back, Form())
        with Image.open(tmp_path / f"y{suffix}") as image:
            assert "srgb" in image.info if suffix == ".png" else "icc_profile" in image.info
    with decode.reading():
        kept = original.read(tmp_path / "x.png", 50, convert=False)
    assert kept.pixels[0, 0].tolist() == [255, 0, 0]
    writing.write(tmp_path / "z.png", kept.pixels, None, kept, Form())
    assert read(tmp_path / "z.png").pixels[0, 0].tolist() == [0, 255, 0]


def test_colours_of_srgb_stay_whatever_their_profile_is_called(tmp_path):
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    name = data.find("sRGB".encode("utf-16-be"))
    data[name : name + 8] = "mine".encode("utf-16-be")
    pixels = picture(3, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png", icc_profile=bytes(data))
    back = read(tmp_path / "x.png")
    assert back.srgb
    assert (back.pixels == pixels).all()


def test_a_profile_that_cannot_be_read_is_left_out_and_told(tmp_path):
    Image.fromarray(picture(3, np.uint8)).save(tmp_path / "x.jpg", icc_profile=b"no profile at all")
    assert read(tmp_path / "x.jpg").notes == ("its colour profile cannot be read, and was left out",)


def test_a_cameras_notes_are_kept_on_request_alone(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Model] = 3, "Box"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    pixels = picture(3, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    given = read(tmp_path / "x.png")
    assert (given.pixels == pixels[::-1, ::-1]).all()
    for name, data in {"x": given.pixels, "deep": given.pixels.astype(np.uint16)}.items():
        for suffix in (".png", ".tif", ".jpg", ".webp")[: 4 if name == "x" else 2]:
            writing.write(tmp_path / f"{name}-without{suffix}", data, None, given, Form())
            writing.write(tmp_path / f"{name}-with{suffix}", data, None, given, Form(keep_exif=True))
            with Image.open(tmp_path / f"{name}-with{suffix}") as image:
                kept = image.getexif()
                assert kept[ExifTags.Base.Model] == "Box"
                assert kept.get(ExifTags.Base.Orientation, 1) == 1
                assert kept.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
            with Image.open(tmp_path / f"{name}-without{suffix}") as image:
                assert ExifTags.Base.Model not in image.getexif()


@pytest.mark.parametrize(("suffix", "most"), [(".webp", 16_383), (".jpg", 65_535)])
def test_a_size_that_a_format_does_not_hold_is_told(suffix, most, tmp_path):
    with pytest.raises(UsageError, match=f"1×{most + 1} pixels .* at most {most:,} a side .*choose --format png"):
        written(tmp_path / f"x{suffix}", np.zeros((1, most + 1, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_bits_are_exchanged_without_loss_where_that_is_possible():
    values = np.arange(256, dtype=np.uint8)
    assert (writing.to_bits(writing.to_bits(values, 16), 8) == values).all()
    assert writing.to_bits(np.array([128, 129, 65535], np.uint16), 8).tolist() == [0, 1, 255]


def test_opacity_can_be_laid_on_a_background():
    grey, alpha = np.full((1, 2, 1), 200, np.uint8), np.array([[0, 255]], np.uint8)
    assert writing.flattened(grey, alpha, (10, 10, 10))[0, :, 0].tolist() == [10, 200]
    colours = writing.flattened(np.full((1, 2, 3), 200, np.uint8), alpha, (1, 2, 3))
    assert colours[0].tolist() == [[1, 2, 3], [200, 200, 200]]


def test_a_tiff_of_another_byte_order_or_compressed_is_read_with_16_bits(tmp_path):
    pixels = picture(3, np.uint16)
    data = deep.tiff(pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert image.tile[0].codec_name == "raw"
    (tmp_path / "x.tif").write_bytes(data)
    given = replace(read(tmp_path / "x.tif"), format="PNG")
    assert (given.pixels == pixels).all()
