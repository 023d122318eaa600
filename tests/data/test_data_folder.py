"""Folders of images: what comes of them, and when they are refused."""

import os
import shutil
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from image_folders import fill, opened, stored, truncated
from PIL import Image

from saddle.base.errors import UsageError
from saddle.data import DataOptions, check_batch, open_source, spec_of
from saddle.data.decode import colour


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
    with pytest.raises(UsageError, match=r"data\.channels is 5; a folder gives 1, 3 or 4, array:FILE"):
        opened(folder, channels=5)


def test_sizes_that_differ_are_refused_until_a_size_is_asked_for(folder: Path) -> None:
    fill(folder, 2, 6, 8)
    fill(folder, 3, 10, 20, prefix="large")
    with pytest.raises(
        UsageError,
        match=r"2 different sizes: widths 8 to 20, heights 6 to 10, .*--data\.size 10 .*not 000.png \(8×6\)",
    ):
        opened(folder)
    assert opened(folder, size=4).spec.shape == (3, 4, 4)
    assert opened(folder, size=(5, 9)).spec.shape == (3, 5, 9)


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
    assert (len(source.train), source.notes["skipped"][:17]) == (3, "5 files left out:")


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


def test_a_folder_is_described_from_its_headers(folder: Path, cache: Path) -> None:
    for name in ("dog", "cat"):
        (folder / name).mkdir()
        fill(folder / name, 3, prefix=name)
    whole = (folder / "cat" / "cat001.png").read_bytes()
    options = DataOptions(source=f"folder:{folder}", labels=True)
    assert spec_of(options) == open_source(options).spec
    shutil.rmtree(cache)
    (folder / "cat" / "cat001.png").write_bytes(whole[: len(whole) - 60])  # the pixels end too early
    (folder / "dog" / "dog001.png").write_bytes(b"")
    spec = spec_of(options)
    assert (spec.shape, spec.classes) == ((3, 6, 8), ("cat", "dog"))
    assert not cache.exists()  # nothing was decoded
    fill(folder / "cat", 2, 3, 3, prefix="small")
    with pytest.raises(UsageError, match="2 different sizes"):
        spec_of(options)
    with pytest.raises(UsageError, match=r"2 of 6 images are smaller than data\.crop"):
        spec_of(replace(options, crop=4))
    assert spec_of(replace(options, crop=4, skip_bad=True)).shape == (3, 4, 4)


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
