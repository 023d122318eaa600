"""The embedded sources, arrays, and how sources are named."""

import math
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from small import tiny_recipe

from saddle.base import memory
from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, Source, _offers, check_batch, list_sources, modes, open_source, spec_of
from saddle.data.fingerprint import InParts, digest, digests, hold_out
from saddle.runs.describe import describe


def opened(source: str, **settings: object) -> Source:
    return open_source(DataOptions(source=source, **settings))  # type: ignore[arg-type]


def array(folder: Path, images: np.ndarray, **settings: object) -> Source:
    np.save(folder / "images.npy", images)
    return opened(f"array:{folder / 'images.npy'}", **settings)


def noise(*shape: int, kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)


def test_listing_the_sources_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, saddle.data as data; print(list(data.list_sources()))\n"
        "print([name for name in ('torch', 'numpy', 'sklearn', 'PIL') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'folder:PATH'" in out
    assert out.rstrip().endswith("[]")


def test_a_missing_folder_is_refused_before_torch_is_imported() -> None:
    code = (
        "import sys; from saddle.data import DataOptions, open_source\n"
        "try: open_source(DataOptions(source='folder:/nowhere'))\n"
        "except Exception as error: print(type(error).__name__, 'torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["UsageError", "False"]


@pytest.mark.parametrize("name", [name for name in list_sources() if ":" not in name])
def test_a_source_keeps_its_promises(name: str) -> None:
    source = opened(name)
    assert list_sources()[name]
    assert _offers()[name] == source.spec.keys  # what its file says without being opened
    assert (source.heldout is None) == source.spec.single  # of one image nothing can be kept back
    for split in filter(None, (source.train, source.heldout)):
        batch = split.take([0] * 3 if source.spec.single else [0, 1, 2])
        for key in source.spec.keys:
            shape = {"label": (), "caption": (source.spec.condition and source.spec.condition.length,)}.get(
                key, source.spec.shape
            )
            assert batch[key].shape == (3, *shape)
    assert opened(name).fingerprint == source.fingerprint
    assert spec_of(DataOptions(source=name)) == source.spec
    check_batch(source, 64)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("digts", "did you mean digits"),
        ("nothing-like-it", "there are array:FILE, captioned:PATH, captions, .*folder:PATH"),
        ("folder", "write folder:PATH"),
        ("folder:", "write folder:PATH"),
        ("digits:7", "write digits"),
        ("images.npy", "write array:images.npy"),
    ],
)
def test_a_name_that_is_no_source_is_answered_with_what_there_is(given: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        opened(given)


def test_the_path_of_a_folder_is_answered_with_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"write folder:{tmp_path}"):
        opened(str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "data.size is 0"),
        ({"size": (4, 5, 6)}, "height and a width"),
        ({"channels": 0}, "data.channels is 0"),
        ({"heldout": 1.0}, "share of the images"),
        ({"max_megapixels": 0}, "must be above 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DataOptions(**settings)  # type: ignore[arg-type]


def test_a_setting_without_use_is_refused_and_not_ignored() -> None:
    with pytest.raises(UsageError, match=r"ring has no use for data\.size; it takes none"):
        opened("ring", size=8)
    with pytest.raises(UsageError, match=r"digits has no use for data\.labels; it takes data\.size, data\.channels"):
        opened("digits", labels=True)


def test_the_cache_is_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SADDLE_CACHE", raising=False)
    assert DataOptions().cache_folder == Path.home() / ".cache/saddle"
    monkeypatch.setenv("SADDLE_CACHE", "/x")
    assert DataOptions().cache_folder == Path("/x")
    assert DataOptions(cache="/y").cache_folder == Path("/y")


def test_digits_at_their_own_size_are_those_of_scikit_learn() -> None:
    source, data = opened("digits", size=8), load_digits()
    assert (len(source.train), len(source.heldout or ())) == (1300, 497)
    image = source.train.take(slice(None))
    expected = np.rint(data.images[:1300] * (255 / 16))
    assert np.array_equal(((image["image"][:, 0] + 1) * 127.5).round().numpy(), expected)
    assert np.array_equal(image["label"].numpy(), data.target[:1300])


@pytest.mark.parametrize("size", [32, (16, 24), 20])
def test_digits_are_enlarged_as_torch_does_it(size: int | tuple[int, int]) -> None:
    images = opened("digits", size=size).train.take(slice(0, 50))["image"]
    small = torch.tensor(load_digits().images[:50, None]) / 8 - 1
    large = torch.nn.functional.interpolate(small, size=size, mode="bilinear", align_corners=False)
    assert (images - large).abs().max() <= 1 / 255 + 1e-6  # half a step of 8 bits


@pytest.mark.parametrize(
    ("source", "needed"), [("digits", 1797), ("digits-inverted", 2 * 1797), ("stacked-digits", 1797)]
)
def test_digits_that_do_not_fit_into_memory_are_refused_and_can_be_described(
    source: str, needed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    with pytest.raises(SaddleError, match=f"take {needed * 1024**2:,} bytes of memory, and 1,000,000,000 are"):
        opened(source, size=1024)
    assert spec_of(DataOptions(source=source, size=1024)).shape[1:] == (1024, 1024)


def test_to_describe_a_game_takes_no_memory_for_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 0)
    recipe = tiny_recipe("gan", "digits")
    assert describe(replace(recipe, data=replace(recipe.data, size=20)))["data"]["shape"] == [1, 20, 20]


def test_digits_are_the_same_however_many_are_enlarged_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = opened("digits", size=(11, 20), channels=3)
    monkeypatch.setattr("saddle.data.digits._BLOCK", 1000)
    assert opened("digits", size=(11, 20), channels=3).fingerprint == whole.fingerprint


def test_captions_are_the_same_however_many_are_hashed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = opened("captions", size=8).heldout
    assert drawn is not None
    images = drawn.columns["image"]
    for block in (1, 1000, 10**9):
        monkeypatch.setattr("saddle.data.fingerprint._BLOCK", block)
        assert InParts(images, (len(drawn), 3, 8, 8)).digest() == digest(images[:])


def test_digits_can_be_shrunk_and_coloured() -> None:
    batch = opened("digits", size=4, channels=3).train.take([0])["image"]
    assert batch.shape == (1, 3, 4, 4)
    assert torch.equal(batch[:, 0], batch[:, 2])
    with pytest.raises(UsageError, match="grey thrice"):
        opened("digits", channels=2)


def test_inverted_digits_have_no_pair_to_train_on_and_all_of_them_for_scores() -> None:
    source = opened("digits-inverted", size=8)
    a, b = (np.asarray(source.train.columns[key]) for key in "ab")
    assert len(a) == len(b) == 650
    assert not set(map(bytes, digests(a))) & set(map(bytes, digests(255 - b)))
    assert source.heldout is not None
    kept = source.heldout.take(slice(None))
    assert torch.allclose(kept["a"], -kept["b"], atol=1e-6)
    assert torch.equal(kept["label_a"], kept["label_b"])


def test_stacked_digits_stack_the_digits_their_label_says() -> None:
    single, source = opened("digits", size=8), opened("stacked-digits", size=8)
    digit = {
        mark.tobytes(): label
        for mark, label in zip(digests(single.train.columns["image"]), single.train.columns["label"], strict=True)
    }
    images, labels = source.train.columns["image"][np.arange(500)], source.train.columns["label"][:500]
    for image, label in zip(images, labels, strict=True):
        red, green, blue = (digit[mark.tobytes()] for mark in digests(image[:, None]))
        assert label == 100 * red + 10 * green + blue
    assert source.spec.classes[label] == f"{label:03}"
    assert (len(source.train), len(source.heldout or ())) == (128_000, 26_000)


def test_stacked_digits_have_a_thousand_modes_about_as_often() -> None:
    counts = np.bincount(opened("stacked-digits", size=8).train.columns["label"][:], minlength=1000)
    assert counts.shape == (1000,)
    assert counts.min() > 60
    share = counts / counts.sum()
    assert (share * np.log(share * 1000)).sum() < 0.02


@pytest.mark.parametrize(("name", "k"), [("ring", 8), ("grid", 25)])
def test_points_lie_on_their_modes_as_often_as_gaussians_do(name: str, k: int) -> None:
    centres, std = modes(name)
    points = np.asarray(opened(name).train.columns["image"])
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    assert (distance.min(1) < 3 * std).mean() == pytest.approx(1 - np.exp(-4.5), abs=0.003)
    assert np.bincount(distance.argmin(1)).min() > 0.95 * len(points) / k
    assert len(centres) == k


def test_the_ring_has_eight_distinct_neighbours() -> None:
    centres, _ = modes("ring")
    assert np.linalg.norm(centres - np.roll(centres, 1, 0), axis=1) == pytest.approx(2 * np.sin(np.pi / 8))
    with pytest.raises(UsageError, match="no known modes"):
        modes("swiss-roll")


def test_the_swiss_roll_is_a_spiral_of_unit_scale() -> None:
    points = np.asarray(opened("swiss-roll").train.columns["image"])
    radius, angle = np.linalg.norm(points, axis=1) * 7.5, np.arctan2(points[:, 1], points[:, 0])
    off = (radius - angle) / (2 * np.pi)  # a whole number of turns, but for the noise
    assert np.abs(off - off.round()).mean() < 0.05
    assert 0.8 < points.std() < 1.1


def test_fingerprints_tell_other_data_and_other_settings_apart(tmp_path: Path) -> None:
    one, other = noise(30, 4, 4), noise(30, 4, 4)
    other[3, 0, 0] ^= 1
    marks = [array(tmp_path, x).fingerprint for x in (one, one.copy(), other)]
    marks += [array(tmp_path, one, heldout=0.2).fingerprint, opened("digits").fingerprint]
    marks += [opened("digits", size=16).fingerprint]
    assert marks[0] == marks[1]
    assert len(set(marks)) == 5


def test_what_is_held_out_is_the_same_whatever_the_order_and_copies_stay_on_one_side() -> None:
    samples = noise(100, 4)
    samples[50:60] = samples[0]
    marks = digests(samples)
    train, kept = hold_out(marks, 0.1)
    assert sorted([*train, *kept]) == list(range(100))
    assert 0 < len(kept) <= 10
    assert not {marks[i].tobytes() for i in train} & {marks[i].tobytes() for i in kept}
    turned = hold_out(marks[::-1], 0.1)[1]
    assert {marks[99 - i].tobytes() for i in turned} == {marks[i].tobytes() for i in kept}


def test_something_is_left_to_train_on_whatever_is_held_out() -> None:
    assert [len(part) for part in hold_out(digests(noise(20, 4)), 0.999)] == [1, 19]


def test_nothing_is_held_out_of_fewer_than_twenty() -> None:
    assert [len(hold_out(digests(noise(n, 4)), 0.1)[1]) for n in (19, 20)] == [0, 2]
    assert len(hold_out(digests(np.zeros((50, 3), np.uint8)), 0.1)[1]) == 0  # all the same image


def test_a_batch_larger_than_the_data_is_refused(tmp_path: Path) -> None:
    source = array(tmp_path, noise(10, 4, 4))
    check_batch(source, 10)
    with pytest.raises(UsageError, match="10 samples of 'image' to train on, fewer than a batch of 11"):
        check_batch(source, 11)


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
        (np.full((2, 4, 4), 3.0), "floats from 3 to 3; of images they must lie in"),
        (np.full((2, 4, 4), np.nan), "they must lie in"),
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
        opened(f"array:{tmp_path / 'no.npy'}")
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
            opened(f"array:{tmp_path / name}")
        assert "pickle" not in str(caught.value)


@pytest.mark.parametrize(("image", "label"), [("image", "label"), ("images", "labels")])
def test_an_npz_brings_its_labels(tmp_path: Path, image: str, label: str) -> None:
    labels = np.arange(30, dtype=np.uint8) % 3
    np.savez_compressed(
        tmp_path / "x.npz",
        **{image: np.arange(30, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8), label: labels},
    )
    source = opened(f"array:{tmp_path / 'x.npz'}", labels=True)
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
        opened(f"array:{tmp_path / 'x.npz'}")


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
        opened(f"array:{tmp_path / 'x.npz'}")


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
            opened(f"array:{tmp_path / name}.npz")


def test_only_the_members_of_an_npz_that_are_needed_are_read(tmp_path: Path) -> None:
    objects = np.array([{}, {}], object)
    np.savez(tmp_path / "x.npz", image=noise(2, 4, 4), other=objects)
    assert opened(f"array:{tmp_path / 'x.npz'}").spec.shape == (1, 4, 4)
    np.savez(tmp_path / "y.npz", image=noise(2, 4, 4), label=objects)
    with pytest.raises(UsageError, match="it holds Python objects, which could run anything"):
        opened(f"array:{tmp_path / 'y.npz'}")


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
        opened(f"array:{tmp_path / 'x.npz'}")
    with pytest.raises(UsageError, match="holds no labels"):
        array(tmp_path, noise(2, 4, 4), labels=True)
