"""One image file: its pixels, or the reason why not."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from image_folders import encoded, noise, pixels, truncated
from PIL import Image

from saddle.data.decode import Unreadable, fitted, header, reading

WHITE = (255, 255, 255)


def read(path: Path) -> np.ndarray:
    return pixels(path, WHITE, 50)


def reason(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_lossless_format_gives_its_pixels(folder: Path, format: str) -> None:
    grey = Image.fromarray(noise(5, 7))
    picture = grey.convert("RGB") if format == "WEBP" else grey
    picture.save(folder / f"x.{format.lower()}", format, **({"lossless": True} if format == "WEBP" else {}))
    assert np.array_equal(read(folder / f"x.{format.lower()}")[..., 0], np.asarray(grey))


def test_a_jpeg_is_read_whatever_its_suffix_says(folder: Path) -> None:
    Image.new("RGB", (16, 8), (200, 30, 90)).save(folder / "x.png", "JPEG", quality=95)
    assert np.abs(read(folder / "x.png").astype(int) - [200, 30, 90]).max() <= 3


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_cameras_rotation_is_undone(folder: Path, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90° clockwise
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, :32] = 255  # left becomes top
    Image.fromarray(picture).save(folder / "x.img", format, exif=exif)
    head, upright = header(folder / "x.img", 50), read(folder / "x.img")
    assert (head.height, head.width) == upright.shape[:2] == (64, 32)
    assert upright[:24].min() > 240
    assert upright[40:].max() < 15


def test_only_the_first_frame_of_an_animation_is_read(folder: Path) -> None:
    frames = [Image.new("L", (4, 4), value) for value in (40, 90)]
    frames[0].save(folder / "x.gif", save_all=True, append_images=frames[1:])
    assert (read(folder / "x.gif") == 40).all()


def modes() -> dict[str, tuple[Image.Image, str, int]]:
    """Pictures of every mode: with the format that keeps it, and the value they should have on white."""
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 90, 90, 90])
    return {
        "1": (Image.new("1", (4, 4), 1), "PNG", 255),
        "L": (Image.new("L", (4, 4), 90), "PNG", 90),
        "P": (palette, "PNG", 90),
        "LA": (Image.new("LA", (4, 4), (0, 51)), "PNG", 204),
        "RGB": (Image.new("RGB", (4, 4), (90, 90, 90)), "PNG", 90),
        "RGBA": (Image.new("RGBA", (4, 4), (0, 0, 0, 51)), "PNG", 204),
        "CMYK": (Image.new("CMYK", (4, 4), (0, 0, 0, 155)), "TIFF", 100),
    }


@pytest.mark.parametrize("mode", list(modes()))
def test_every_mode_has_the_brightness_it_should(folder: Path, mode: str) -> None:
    picture, format, expected = modes()[mode]
    picture.save(folder / "x.img", format)
    assert header(folder / "x.img", 50).mode == mode
    assert np.abs(read(folder / "x.img").astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("kind", "channels"), [(np.uint8, 1), (np.uint8, 3), (np.uint16, 1), (np.uint16, 5)])
def test_resizing_crops_to_the_centre_and_averages(kind: type, channels: int) -> None:
    top = np.iinfo(kind).max
    picture = np.zeros((8, 24, channels), kind)
    picture[:, 8:16] = (np.indices((8, 8)).sum(0) % 2 * top)[..., None]  # a chequered centre
    small = fitted(picture, 2, 2)
    assert small.shape == (2, 2, channels)
    assert small.dtype == kind
    assert np.abs(small / top - 0.5).max() < 0.1  # without antialiasing it would be 0 or 1
    bright = fitted(np.full((4, 4, channels), top, kind), 9, 9)
    assert (bright == top).all()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty file"),
        (b"<!DOCTYPE html><html>404</html>", "an HTML page"),
        (b"just some words\n", "text, not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"<svg xmlns='x'/>", "SVG or XML"),
        (b"\x00\x01\x02\x03" * 9, "none of the formats PNG, JPEG"),
        (b"\x89PNG\r\n\x1a\n", "begins like PNG, but is damaged"),
        (truncated("JPEG"), "truncated"),
        (truncated("PNG"), "truncated"),
        (truncated("BMP"), "truncated"),
        (truncated("WEBP"), "damaged"),
    ],
)
def test_a_file_that_is_no_image_is_refused_with_its_reason(folder: Path, content: bytes, expected: str) -> None:
    (folder / "x.jpg").write_bytes(content)
    assert expected in reason(folder / "x.jpg")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
def test_a_file_with_bytes_gone_wrong_never_escapes_as_another_error(folder: Path, format: str) -> None:
    whole = bytearray(encoded(format))
    random = np.random.default_rng(0)
    for _ in range(40):
        wrong = whole.copy()
        for place in random.integers(0, len(whole), 12):
            wrong[place] = random.integers(256)
        (folder / "x.img").write_bytes(wrong)
        with reading(), suppress(Unreadable):
            assert read(folder / "x.img").ndim == 3


def test_samples_of_unknown_range_are_refused(folder: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.float32)).save(folder / "f.tif")
    Image.fromarray(np.ones((4, 4), np.int32)).save(folder / "i.tif")
    assert "floating-point" in reason(folder / "f.tif")
    assert "32-bit integer" in reason(folder / "i.tif")
    Image.new("LAB", (4, 4)).save(folder / "l.tif")
    assert "Lab colours" in reason(folder / "l.tif")
