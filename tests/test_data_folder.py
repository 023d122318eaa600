"""Folders of images: what is read, what is refused and why, and what is kept in the cache."""

import io
import json
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from saddle.data import DataOptions, Source, check_batch, check_data, check_folder, open_source
from saddle.data import cache as cache_module
from saddle.data.decode import Unreadable, colour, fitted, header, pixels, reading
from saddle.errors import SaddleError, UsageError

WHITE = (255, 255, 255)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def fill(folder: Path, n: int, height: int = 6, width: int = 8, grey: bool = False, prefix: str = "") -> np.ndarray:
    """n PNG images of noise, in order of their names: [n, H, W, 3], or [n, H, W]."""
    pictures = noise(n, height, width) if grey else noise(n, height, width, 3)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{prefix}{i:03}.png")
    return pictures


def opened(folder: Path, **settings: object) -> Source:
    return open_source(DataOptions(source=f"folder:{folder}", **settings))  # type: ignore[arg-type]


def stored(source: Source) -> np.ndarray:
    """All images to train on, [N, C, H, W]."""
    return source.train.columns["image"][np.arange(len(source.train))]


def read(path: Path, background: tuple[int, int, int] = WHITE) -> np.ndarray:
    return pixels(path, background, 50)


def reason(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read(path)
    return str(caught.value)


def encoded(image: Image.Image, format: str, **settings: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **settings)
    return file.getvalue()


# What is read.


def test_a_folder_gives_every_pixel_in_the_order_of_the_names(folder: Path) -> None:
    pictures = fill(folder, 5)
    source = opened(folder)
    assert (source.spec.shape, source.spec.keys, source.spec.bits) == ((3, 6, 8), ("image",), 8)
    assert np.array_equal(stored(source), pictures.transpose(0, 3, 1, 2))
    assert source.heldout is None


def test_a_share_is_held_out_of_twenty_images_or_more(folder: Path) -> None:
    pictures = fill(folder, 40)
    source = opened(folder, heldout=0.25)
    assert source.heldout is not None
    assert (len(source.train), len(source.heldout)) == (30, 10)
    parts = np.concatenate([stored(source), source.heldout.columns["image"][np.arange(10)]])
    assert {x.tobytes() for x in parts} == {x.transpose(2, 0, 1).tobytes() for x in pictures}
    assert opened(folder, heldout=0.25).fingerprint == source.fingerprint


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


def test_transparency_shows_the_background_that_was_asked_for(folder: Path) -> None:
    for name, picture in (
        ("a", Image.new("RGBA", (4, 4), (9, 9, 9, 0))),
        ("b", Image.new("RGBA", (4, 4), (9, 9, 9, 255))),
    ):
        picture.save(folder / f"{name}.png")
    Image.new("L", (4, 4), 9).save(folder / "c.png", transparency=9)
    Image.new("P", (4, 4), 0).save(folder / "d.png", transparency=0)
    images = stored(opened(folder, background="#102030"))
    assert images[[0, 2, 3], :, 0, 0].tolist() == [[16, 32, 48]] * 3
    assert images[1, :, 0, 0].tolist() == [9, 9, 9]
    with pytest.raises(UsageError, match=r"data\.background is 'whte'"):
        opened(folder, background="whte")
    assert colour("grey") == (128, 128, 128)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(folder: Path, format: str) -> None:
    ramp = np.linspace(0, 65535, 48).astype(np.uint16).reshape(6, 8)
    for i in range(2):
        Image.fromarray(ramp).save(folder / f"{i}.{format.lower()}", format)
    source = opened(folder)
    assert (source.spec.shape, source.spec.bits) == ((1, 6, 8), 16)
    assert np.array_equal(stored(source)[0, 0], ramp)
    values = source.train.take([0])["image"].flatten()
    assert torch.allclose(values, torch.linspace(-1, 1, 48), atol=4e-5)


def test_eight_bits_among_sixteen_are_stretched(folder: Path) -> None:
    Image.fromarray(np.full((4, 4), 65535, np.uint16)).save(folder / "a.png")
    Image.new("L", (4, 4), 255).save(folder / "b.png")
    assert (stored(opened(folder)) == 65535).all()


def test_channels_are_one_if_all_is_grey_three_if_not_or_as_asked(folder: Path) -> None:
    pictures = fill(folder, 3, grey=True)
    assert opened(folder).spec.shape == (1, 6, 8)
    assert np.array_equal(stored(opened(folder, channels=3)), np.repeat(pictures[:, None], 3, 1))
    Image.new("RGB", (8, 6), (255, 0, 0)).save(folder / "red.png")
    assert opened(folder).spec.shape == (3, 6, 8)
    assert stored(opened(folder, channels=1))[3, 0, 0, 0] == 76  # .299 of 255
    with pytest.raises(UsageError, match=r"data\.channels is 4; a folder gives 1 or 3, array:FILE"):
        opened(folder, channels=4)


def test_sizes_that_differ_are_refused_until_a_size_is_asked_for(folder: Path) -> None:
    fill(folder, 2, 6, 8)
    fill(folder, 3, 10, 20, prefix="large")
    with pytest.raises(
        UsageError, match=r"2 different sizes: widths 8 to 20, heights 6 to 10, most often 20×10.*--data\.size 6"
    ):
        opened(folder)
    assert opened(folder, size=4).spec.shape == (3, 4, 4)
    assert opened(folder, size=(5, 9)).spec.shape == (3, 5, 9)


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


def test_sub_folders_are_read_and_are_labels_if_asked(folder: Path) -> None:
    for name in ("dog", "cat"):
        (folder / name / "deep").mkdir(parents=True)
        fill(folder / name, 2, prefix=name)
        fill(folder / name / "deep", 1, prefix=name)
    assert len(opened(folder).train) == 6
    source = opened(folder, labels=True)
    assert (source.spec.keys, source.spec.classes) == (("image", "label"), ("cat", "dog"))
    assert source.train.columns["label"][:].tolist() == [0, 0, 0, 1, 1, 1]
    assert source.fingerprint != opened(folder).fingerprint
    fill(folder, 1, prefix="loose")
    with pytest.raises(UsageError, match=r"1 images lie in none \(such as loose000.png\)"):
        opened(folder, labels=True)


def test_links_that_go_round_in_circles_end(folder: Path) -> None:
    fill(folder, 3)
    (folder / "again").symlink_to(folder)
    (folder / "more").mkdir()
    (folder / "more" / "up").symlink_to(folder.parent)
    assert len(opened(folder).train) == 3


def test_a_linked_folder_is_entered(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    fill(tmp_path / "elsewhere", 3)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    assert len(opened(folder).train) == 3


# What is refused, and why.


def truncated(format: str) -> bytes:
    whole = encoded(Image.fromarray(noise(64, 64, 3)), format)
    return whole[: len(whole) // 2]


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
    whole = bytearray(encoded(Image.fromarray(noise(16, 16, 3)), format))
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


def test_an_enormous_picture_is_refused_from_its_header(folder: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 50_000, 8, 2, 0, 0, 0))
    (folder / "bomb.png").write_bytes(start + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    fill(folder, 2)
    with pytest.raises(
        UsageError, match=r"bomb.png: 60000×50000 is 3,000 megapixels, more than data.max_megapixels 50"
    ):
        opened(folder)
    with pytest.raises(UsageError, match=r"more than data.max_megapixels 1e-05"):
        opened(folder, max_megapixels=1e-5)
    assert Image.MAX_IMAGE_PIXELS is not None  # Pillow's own limit is back


def test_bad_files_stop_the_run_with_all_of_them_listed(folder: Path) -> None:
    fill(folder, 3)
    (folder / "page.jpg").write_bytes(b"<html>")
    (folder / "half.png").write_bytes(truncated("PNG")[:3000])
    (folder / "art.eps").write_bytes(b"%!PS")
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "drawer.png").mkdir()
    with pytest.raises(UsageError, match="5 of 8 files") as caught:
        opened(folder, size=4)
    for part in (
        "art.eps: EPS files are not opened",
        "gone.png: a broken link",
        "half.png: truncated",
        "--data.skip_bad",
    ):
        assert part in str(caught.value)
    assert "page.jpg: an HTML page" in str(caught.value)
    assert "pipe.png: a broken link or not a regular file" in str(caught.value)
    source = opened(folder, size=4, skip_bad=True)
    assert (len(source.train), source.notes["skipped"]) == (3, 5)


def test_skipping_bad_files_leaves_the_good_ones_unchanged(folder: Path) -> None:
    pictures = fill(folder, 5)
    clean = opened(folder)
    whole = (folder / "002.png").read_bytes()
    (folder / "002.png").write_bytes(whole[: len(whole) - 60])
    with pytest.raises(UsageError, match=r"002\.png: truncated"):
        opened(folder)
    source = opened(folder, skip_bad=True)
    assert np.array_equal(stored(source), pictures[[0, 1, 3, 4]].transpose(0, 3, 1, 2))
    assert source.fingerprint != clean.fingerprint


def test_a_long_list_of_bad_files_is_cut_short(folder: Path) -> None:
    fill(folder, 2)
    for i in range(33):
        (folder / f"bad{i:02}.png").write_bytes(b"")
    with pytest.raises(UsageError, match="33 of 35 files") as caught:
        opened(folder)
    assert "bad19.png" in str(caught.value)
    assert "bad20.png" not in str(caught.value)
    assert "… and 13 more" in str(caught.value)


def test_a_file_without_permission_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, 3)
    opener = Path.open

    def guarded(path: Path, *rest: object, **more: object) -> object:
        if path.name == "001.png":
            raise PermissionError(13, "Permission denied")
        return opener(path, *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", guarded)
    with pytest.raises(UsageError, match=r"001\.png: cannot be read: Permission denied"):
        opened(folder)


def test_folders_with_nothing_to_train_on_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no images in .*, which is empty \(looked for \.png, \.jpg"):
        opened(folder)
    (folder / "notes.txt").write_text("words")
    (folder / "table.csv").write_text("1,2")
    (folder / ".DS_Store").write_text("")
    (folder / "._x.png").write_text("")
    with pytest.raises(UsageError, match=r"no images in .*; it holds (1 \.\w+(, )?){4} "):
        opened(folder)
    fill(folder, 1)
    with pytest.raises(UsageError, match="only 1 image in"):
        opened(folder)
    with pytest.raises(UsageError, match="there is no folder"):
        opened(folder / "nowhere")
    with pytest.raises(UsageError, match="is a file; folder: takes a folder"):
        opened(folder / "notes.txt")
    (folder / "000.png").write_bytes(b"")
    with pytest.raises(UsageError, match=r"1 of 1 files.*\n  000\.png: empty file"):
        opened(folder, skip_bad=True)


def test_other_files_are_ignored_and_counted(folder: Path) -> None:
    fill(folder, 2)
    for name in ("a.txt", "b.txt", "README"):
        (folder / name).write_text("x")
    assert opened(folder).notes == {"files": 2, "skipped": 0, "ignored": {".txt": 2, "README": 1}}


def test_fewer_images_than_a_batch_are_refused(folder: Path) -> None:
    fill(folder, 3)
    with pytest.raises(UsageError, match="3 samples of 'image' to train on, fewer than a batch of 64"):
        check_batch(opened(folder), 64)


# What is kept in the cache.


def no_decoding(*_: object) -> np.ndarray:
    raise AssertionError("decoded again")


def test_images_are_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, 3)
    first = opened(folder)
    monkeypatch.setattr("saddle.data.origins.folder.pixels", no_decoding)
    folder.rename(folder.with_name("renamed"))
    assert np.array_equal(stored(opened(folder.with_name("renamed"))), stored(first))
    with pytest.raises(AssertionError):
        opened(folder.with_name("renamed"), size=3)


def test_other_content_of_the_same_size_and_time_is_seen(folder: Path) -> None:
    picture = noise(6, 8, 3)
    for i in range(2):
        Image.fromarray(picture).save(folder / f"{i}.bmp")
    before, status = opened(folder), (folder / "0.bmp").stat()
    picture[0, 0] += 1
    Image.fromarray(picture).save(folder / "0.bmp")
    os.utime(folder / "0.bmp", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (folder / "0.bmp").stat().st_size == status.st_size
    after = opened(folder)
    assert after.fingerprint != before.fingerprint
    assert stored(after)[0, :, 0, 0].tolist() == picture[0, 0].tolist()


def test_an_interrupted_or_damaged_cache_is_made_anew(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3)

    def interrupted(*_: object) -> np.ndarray:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("saddle.data.origins.folder.pixels", interrupted)
        with pytest.raises(KeyboardInterrupt):
            opened(folder)
    assert not [path for path in (cache / "folder").iterdir() if path.is_dir()]
    first = stored(opened(folder)).copy()
    (kept,) = [path for path in (cache / "folder").iterdir() if path.is_dir()]
    (kept / "images.npy").write_bytes((kept / "images.npy").read_bytes()[:200])
    (kept.with_name(f"{kept.name}.dead.tmp")).mkdir()  # left by a process that was killed
    assert np.array_equal(stored(opened(folder)), first)
    assert [path for path in (cache / "folder").iterdir() if path.is_dir()] == [kept]


def test_many_that_come_at_once_decode_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, decoded = fill(folder, 6), []

    def counted(path: Path, *rest: object) -> np.ndarray:
        decoded.append(path)
        return pixels(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("saddle.data.origins.folder.pixels", counted)
    with ThreadPoolExecutor(4) as pool:
        sources = list(pool.map(lambda _: opened(folder), range(4)))
    assert len(decoded) == 6
    assert Image.MAX_IMAGE_PIXELS is not None
    assert all(np.array_equal(stored(source), pictures.transpose(0, 3, 1, 2)) for source in sources)


def test_a_full_or_forbidden_disk_is_told_before_anything_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SaddleError, match=r"cannot keep decoded images in .*data\.cache"):
        opened(folder, cache=str(tmp_path / "file"))
    usage = cache_module.shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SaddleError, match=r"need 432 bytes in .*, where 100 are free"):
        opened(folder)


# What a check tells.


def test_a_check_reports_all_there_is_to_know(folder: Path) -> None:
    (folder / "cat").mkdir()
    fill(folder / "cat", 3)
    fill(folder, 2, 5, 5, grey=True)
    Image.open(folder / "000.png").save(folder / "copy.bmp")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    report = check_folder(folder, DataOptions())
    assert (report.files, report.images, report.pixels, report.good) == (7, 6, 3 * 48 + 3 * 25, False)
    assert report.sizes == {"5×5": 3, "8×6": 3}
    assert (report.channels, report.modes, report.bits) == ({"1": 3, "3": 3}, {"L": 3, "RGB": 3}, {"8": 6})
    assert (report.labels, report.ignored) == ({"cat": 3}, {".txt": 1})
    assert report.duplicates == [["000.png", "copy.bmp"]]
    assert report.bad == [("empty.png", "empty file (0 bytes)")]
    told = "\n".join(report.lines())
    for part in (
        "6 images",
        "5×5 (3)",
        "000.png = copy.bmp",
        "1 files cannot be read",
        "empty.png: empty file",
        "1 .txt",
    ):
        assert part in told
    assert json.loads(json.dumps(report.to_dict()))["bad"] == [{"path": "empty.png", "reason": "empty file (0 bytes)"}]


def test_a_check_writes_nothing(folder: Path, cache: Path) -> None:
    fill(folder, 2)
    assert check_data(str(folder), DataOptions()).good
    assert check_data(f"folder:{folder}", DataOptions()).images == 2
    assert not cache.exists()


def test_a_check_takes_one_file_an_array_or_a_name(folder: Path) -> None:
    (folder / "x.eps").write_bytes(b"%!PS")
    assert check_data(str(folder / "x.eps"), DataOptions()).bad == [
        ("x.eps", "EPS files are not opened; convert it to PNG")
    ]
    np.save(folder / "x.npy", noise(4, 5, 6))
    report = check_data(str(folder / "x.npy"), DataOptions())
    assert (report.images, report.sizes, report.pixels) == (4, {"6×5": 4}, 120)
    digits = check_data("digits", DataOptions(size=8))
    assert digits.labels["0"] == 178
    assert digits.notes["held out"] == 497
    assert "points of 2 numbers (110,000)" in "\n".join(check_data("ring", DataOptions()).lines())
    (folder / "x.txt").write_text("")
    with pytest.raises(UsageError, match="not an image"):
        check_data(str(folder / "x.txt"), DataOptions())
