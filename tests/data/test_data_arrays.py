"""Images in arrays: every layout, depth and range; what is refused, and weighed before it is read."""

import math
import os
import pickle
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import torch
from made_arrays import array, fresh, noise

from saddle.base import memory
from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, spec_of


@pytest.mark.parametrize(
    ("shape", "layout", "inside"),
    [
        ((5, 6, 7), "NHW", (1, 6, 7)),
        ((5, 6, 7, 3), "NHWC", (3, 6, 7)),
        ((5, 3, 6, 7), "NCHW", (3, 6, 7)),
        ((5, 12, 20, 9), "NHWC", (9, 12, 20)),
    ],
)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_arrays_of_every_layout_and_depth_keep_every_value(
    tmp_path: Path, shape: tuple[int, ...], layout: str, inside: tuple[int, ...], kind: type
) -> None:
    images = noise(*shape, kind=kind)
    source = array(tmp_path, images)
    assert (source.spec.shape, source.notes["layout"], source.spec.bits) == (
        inside,
        layout,
        np.dtype(kind).itemsize * 8,
    )
    last = images if layout == "NHWC" else images[..., None] if layout == "NHW" else np.moveaxis(images, 1, 3)
    assert np.array_equal(source.train.columns["image"][np.arange(5)], np.moveaxis(last, 3, 1))


def test_a_wide_array_is_read_by_the_channels_asked_for(tmp_path: Path) -> None:
    assert array(tmp_path, noise(5, 6, 9, 12), channels=12).spec.shape == (12, 6, 9)
    assert array(tmp_path, noise(5, 6, 9, 12)).spec.shape == (6, 9, 12)


def test_arrays_are_resized_and_recoloured(tmp_path: Path) -> None:
    grey = np.full((3, 8, 12), 100, np.uint8)
    source = array(tmp_path, grey, size=4, channels=3)
    assert source.spec.shape == (3, 4, 4)
    assert (source.train.columns["image"][np.arange(3)] == 100).all()
    deep = array(tmp_path, np.full((3, 8, 12, 2), 40_000, np.uint16), size=16)
    assert (deep.train.columns["image"][np.arange(3)] == 40_000).all()


@pytest.mark.parametrize(("low", "high", "said"), [(0.0, 1.0, "[0, 1] assumed"), (-1.0, 1.0, "[-1, 1] assumed")])
def test_floats_are_read_by_their_range_and_the_notes_say_which(
    tmp_path: Path, low: float, high: float, said: str
) -> None:
    ramp = np.linspace(low, high, 200, dtype=np.float32).reshape(2, 10, 10)
    source = array(tmp_path, ramp)
    assert (source.notes["range"], source.spec.bits) == (said, 16)
    values = source.train.take([0, 1])["image"].flatten()
    assert torch.allclose(values, torch.linspace(-1, 1, 200), atol=4e-5)


def test_floats_that_were_bytes_become_the_same_bytes(tmp_path: Path) -> None:
    images = noise(4, 5, 5)
    source = array(tmp_path, (images / 255).astype(np.float32))
    assert source.spec.bits == 8
    assert np.array_equal(source.train.columns["image"][np.arange(4)][:, 0], images)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array([np.zeros((4, 4)), np.full((4, 4), np.nan)]), "holds NaN, in 1 of 2 images; leave these out"),
        (np.full((2, 4, 4), 3.0), "floats from 3 to 3; of images they must lie in"),
        (np.full((2, 4, 4), np.nan), "holds NaN, in"),
        (np.zeros((2, 4, 4), np.int64), "holds int64"),
        (np.zeros(4, np.uint8), r"has the shape \(4,\)"),
        (np.zeros((0, 4, 4), np.uint8), r"has the shape \(0, 4, 4\)"),
        (np.zeros((1, 4, 4), np.uint8), "holds 1 image"),
        (np.zeros((2, 4, 5, 4), np.uint8), "axis 1 or axis 3"),
        (np.array([{}, {}]), "not a readable .npy or .npz file of numbers: it holds Python objects"),
    ],
)
def test_an_array_that_is_no_images_is_refused_with_the_reason(
    tmp_path: Path, content: np.ndarray, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        array(tmp_path, content)


def test_a_missing_or_damaged_array_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        fresh(f"array:{tmp_path / 'no.npy'}")
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.npy").mkdir()
    files = {
        "a.npy": (b"", "it is empty"),
        "b.npy": (b"text", "it begins like neither"),
        "c.npz": (b"PK\x03\x04 broken", "it is damaged"),
        "d.npy": (pickle.dumps([1, 2]), "it begins like neither"),
        "e.npy": (b"\x93NUMPY\x01\x00\xff", "it is damaged"),
        "f.npy": (b"\x93NUMPY\x09\x00", "it is damaged"),
    }
    for name, (content, _) in files.items():
        (tmp_path / name).write_bytes(content)
    for name, why in [("pipe.npy", "not a regular file"), ("folder.npy", "not a regular file")] + [
        (name, why) for name, (_, why) in files.items()
    ]:
        with pytest.raises(UsageError, match=f"{name} is not a readable .* of numbers: {why}") as caught:
            fresh(f"array:{tmp_path / name}")
        assert "pickle" not in str(caught.value)


@pytest.mark.parametrize(("image", "label"), [("image", "label"), ("images", "labels")])
def test_an_npz_brings_its_labels(tmp_path: Path, image: str, label: str) -> None:
    labels = np.arange(30, dtype=np.uint8) % 3
    np.savez_compressed(
        tmp_path / "x.npz",
        **{image: np.arange(30, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8), label: labels},
    )
    source = fresh(f"array:{tmp_path / 'x.npz'}", labels=True)
    assert (source.spec.keys, source.spec.classes) == (("image", "label"), ("0", "1", "2"))
    assert source.heldout is not None
    for split in (source.train, source.heldout):
        batch = split.take(slice(None))
        value = ((batch["image"][:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(value % 3, batch["label"])


@pytest.mark.parametrize("labels", [np.zeros(3, np.int64), np.zeros(2), np.array([0, -1]), np.array([0, 10**9])])
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: np.ndarray) -> None:
    np.savez(tmp_path / "x.npz", image=noise(2, 4, 4), label=labels)
    with pytest.raises(UsageError, match="2 samples take 2 whole numbers from 0"):
        fresh(f"array:{tmp_path / 'x.npz'}")


def zeros(file: Path, **shapes: tuple[int, ...]) -> None:
    """An .npz that unpacks to zeros of these shapes, uint8, without ever having them in memory."""
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for key, shape in shapes.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": shape})
                for _ in range(math.prod(shape) // 2**20):
                    member.write(bytes(2**20))


def test_an_npz_is_weighed_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros(tmp_path / "x.npz", image=(8, 1024, 1024), label=(2**20,), other=(4, 2**20))
    monkeypatch.setattr(memory, "available", lambda: 9 * 2**20 - 1)
    monkeypatch.setattr("numpy.lib.format.read_array", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(SaddleError, match=r"x\.npz take 9,437,184 bytes of memory, and 9,437,183 are available"):
        fresh(f"array:{tmp_path / 'x.npz'}")


def test_what_an_npz_says_of_itself_is_not_believed(tmp_path: Path) -> None:
    zeros(tmp_path / "x.npz", image=(4, 1024, 1024))
    whole = (tmp_path / "x.npz").read_bytes()
    with ZipFile(tmp_path / "y.npz", "w") as archive, archive.open("image.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": (10**15, 4, 4)})
    (tmp_path / "z.npz").write_bytes(whole[:300] + b"\xff" * 100 + whole[400:])
    with ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("image.npy", "text")
    for name, why in (("w", "damaged"), ("y", r"its image\.npy is cut short"), ("z", "damaged")):
        with pytest.raises(UsageError, match=f"{name}.npz is not a readable .*{why}"):
            fresh(f"array:{tmp_path / name}.npz")


def test_only_the_members_of_an_npz_that_are_needed_are_read(tmp_path: Path) -> None:
    objects = np.array([{}, {}], object)
    np.savez(tmp_path / "x.npz", image=noise(2, 4, 4), other=objects)
    assert fresh(f"array:{tmp_path / 'x.npz'}").spec.shape == (1, 4, 4)
    np.savez(tmp_path / "y.npz", image=noise(2, 4, 4), label=objects)
    with pytest.raises(UsageError, match="it holds Python objects, which could run anything"):
        fresh(f"array:{tmp_path / 'y.npz'}")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(30, 8, 12), (30, 8, 12, 3), (30, 3, 8, 12)])
def test_images_are_described_and_weighed_without_being_enlarged(
    tmp_path: Path, kind: type, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = noise(*shape) / np.float32(255) if kind == np.float32 else noise(*shape, kind=kind)
    for settings in ({}, {"channels": 3}, {"channels": 1, "size": 6}, {"size": (5, 9)}):
        source = array(tmp_path, images, **settings)
        options = DataOptions(source=f"array:{tmp_path / 'images.npy'}", **settings)
        assert spec_of(options) == source.spec
    monkeypatch.setattr(memory, "available", lambda: 2 * 10**6)
    with pytest.raises(SaddleError, match=r"30 images of 512×512 pixels take [\d,]+ bytes of memory"):
        array(tmp_path, images, size=512)
    assert spec_of(replace(options, size=512)).shape[1:] == (512, 512)


def test_arrays_are_the_same_however_many_are_changed_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for images in (np.random.default_rng(0).random((30, 5, 6, 3)), noise(30, 5, 6, 3) / 255 * 2 - 1):
        mark = array(tmp_path, images, channels=1, size=4).fingerprint
        with monkeypatch.context() as patch:
            patch.setattr("saddle.data.sources.array._BLOCK", 100)
            assert array(tmp_path, images, channels=1, size=4).fingerprint == mark


def test_an_npz_without_images_or_labels_is_told_the_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", pictures=noise(2, 4, 4))
    with pytest.raises(UsageError, match="holds pictures; the samples' key must be one of image, images, x, data"):
        fresh(f"array:{tmp_path / 'x.npz'}")
    with pytest.raises(UsageError, match="holds no labels"):
        array(tmp_path, noise(2, 4, 4), labels=True)
