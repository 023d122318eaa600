"""The embedded sources, and how sources are named."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_arrays import array, fresh, noise
from sklearn.datasets import load_digits
from small import tiny_recipe

from saddle.base import memory
from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, _offers, check_batch, embedded, list_sources, modes, spec_of
from saddle.data.fingerprint import InParts, digest, digests, hold_out, shrunk
from saddle.runs.describe import describe


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


@pytest.mark.parametrize("name", embedded())
def test_a_source_keeps_its_promises(name: str) -> None:
    source = fresh(name)
    assert list_sources()[name]
    assert _offers()[name] == source.spec.keys  # what its file says without being fresh
    assert (source.heldout is None) == source.spec.single  # of one image nothing can be kept back
    for split in filter(None, (source.train, source.heldout)):
        batch = split.take([0] * 3 if source.spec.single else [0, 1, 2])
        for key in source.spec.keys:
            assert batch[key].shape == (3, *source.spec.fields[key].shape)
    assert fresh(name).fingerprint == source.fingerprint
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
        fresh(given)


def test_the_path_of_a_folder_is_answered_with_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"write folder:{tmp_path}"):
        fresh(str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size is from 1 to 65,536 or none, not 0"),
        ({"size": (4, 5, 6)}, r"or a list of 2 whole numbers from 1 to 65,536 or none, not '\[4, 5, 6\]'"),
        ({"channels": 0}, "channels is from 1 to 65,536 or none, not 0"),
        ({"heldout": 1.0}, r"heldout is from 0 to below 1, not 1\.0"),
        ({"max_megapixels": 0}, "max_megapixels is above 0, not 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DataOptions(**settings)  # type: ignore[arg-type]


def test_a_setting_without_use_is_refused_and_not_ignored() -> None:
    with pytest.raises(UsageError, match=r"ring has no use for data\.size; it takes none"):
        fresh("ring", size=8)
    with pytest.raises(UsageError, match=r"digits has no use for data\.labels; it takes data\.size, data\.channels"):
        fresh("digits", labels=True)


def test_the_cache_is_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SADDLE_CACHE", raising=False)
    assert DataOptions().cache_folder == Path.home() / ".cache/saddle"
    monkeypatch.setenv("SADDLE_CACHE", "/x")
    assert DataOptions().cache_folder == Path("/x")
    assert DataOptions(cache="/y").cache_folder == Path("/y")


def test_digits_at_their_own_size_are_those_of_scikit_learn() -> None:
    source, data = fresh("digits", size=8), load_digits()
    assert (len(source.train), len(source.heldout or ())) == (1300, 497)
    image = source.train.take(slice(None))
    expected = np.rint(data.images[:1300] * (255 / 16))
    assert np.array_equal(((image["image"][:, 0] + 1) * 127.5).round().numpy(), expected)
    assert np.array_equal(image["label"].numpy(), data.target[:1300])


@pytest.mark.parametrize("size", [32, (16, 24), 20])
def test_digits_are_enlarged_as_torch_does_it(size: int | tuple[int, int]) -> None:
    images = fresh("digits", size=size).train.take(slice(0, 50))["image"]
    small = torch.tensor(load_digits().images[:50, None]) / 8 - 1
    large = torch.nn.functional.interpolate(small, size=size, mode="bilinear", align_corners=False)
    assert (images - large).abs().max() <= 1 / 255 + 1e-6  # half a step of 8 bits


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        *[("digits", 1797), ("stacked-digits", 1797), ("digits-coloured", 3 * 1797)],
        *[(f"digits-{name}", 2 * 1797) for name in ("inverted", "blended", "rotated")],
    ],
)
def test_digits_that_do_not_fit_into_memory_are_refused_and_can_be_described(
    source: str, needed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    with pytest.raises(SaddleError, match=f"take {needed * 1024**2:,} bytes of memory, and 1,000,000,000 are"):
        fresh(source, size=1024)
    assert spec_of(DataOptions(source=source, size=1024)).shape[1:] == (1024, 1024)


def test_to_describe_a_game_takes_no_memory_for_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 0)
    recipe = tiny_recipe("gan", "digits")
    assert describe(replace(recipe, data=replace(recipe.data, size=20)))["data"]["shape"] == [1, 20, 20]


def test_digits_are_the_same_however_many_are_enlarged_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fresh("digits", size=(11, 20), channels=3)
    monkeypatch.setattr("saddle.data.digits._BLOCK", 1000)
    assert fresh("digits", size=(11, 20), channels=3).fingerprint == whole.fingerprint


def test_captions_are_the_same_however_many_are_hashed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = fresh("captions", size=8).heldout
    assert drawn is not None
    images = drawn.columns["image"]
    for block in (1, 1000, 10**9):
        monkeypatch.setattr("saddle.data.fingerprint._BLOCK", block)
        assert InParts(images, (len(drawn), 3, 8, 8)).digest() == digest(images[:])


def test_digits_can_be_shrunk_and_coloured() -> None:
    batch = fresh("digits", size=4, channels=3).train.take([0])["image"]
    assert batch.shape == (1, 3, 4, 4)
    assert torch.equal(batch[:, 0], batch[:, 2])
    with pytest.raises(UsageError, match="grey thrice"):
        fresh("digits", channels=2)


def test_inverted_digits_have_no_pair_to_train_on_and_all_of_them_for_scores() -> None:
    source = fresh("digits-inverted", size=8)
    a, b = (np.asarray(source.train.columns[key]) for key in "ab")
    assert len(a) == len(b) == 650
    assert not set(map(bytes, digests(a))) & set(map(bytes, digests(255 - b)))
    assert source.heldout is not None
    kept = source.heldout.take(slice(None))
    assert torch.allclose(kept["a"], -kept["b"], atol=1e-6)
    assert torch.equal(kept["label_a"], kept["label_b"])


def test_stacked_digits_stack_the_digits_their_label_says() -> None:
    single, source = fresh("digits", size=8), fresh("stacked-digits", size=8)
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
    counts = np.bincount(fresh("stacked-digits", size=8).train.columns["label"][:], minlength=1000)
    assert counts.shape == (1000,)
    assert counts.min() > 60
    share = counts / counts.sum()
    assert (share * np.log(share * 1000)).sum() < 0.02


@pytest.mark.parametrize(("name", "k"), [("ring", 8), ("grid", 25)])
def test_points_lie_on_their_modes_as_often_as_gaussians_do(name: str, k: int) -> None:
    centres, std = modes(name)
    points = np.asarray(fresh(name).train.columns["image"])
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
    points = np.asarray(fresh("swiss-roll").train.columns["image"])
    radius, angle = np.linalg.norm(points, axis=1) * 7.5, np.arctan2(points[:, 1], points[:, 0])
    off = (radius - angle) / (2 * np.pi)  # a whole number of turns, except for the noise
    assert np.abs(off - off.round()).mean() < 0.05
    assert 0.8 < points.std() < 1.1


def test_fingerprints_tell_other_data_and_other_settings_apart(tmp_path: Path) -> None:
    one, other = noise(30, 4, 4), noise(30, 4, 4)
    other[3, 0, 0] ^= 1
    marks = [array(tmp_path, x).fingerprint for x in (one, one.copy(), other)]
    marks += [array(tmp_path, one, heldout=0.2).fingerprint, fresh("digits").fingerprint]
    marks += [fresh("digits", size=16).fingerprint]
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


def test_copies_that_make_the_held_out_part_smaller_are_named() -> None:
    samples = noise(100, 4)
    assert shrunk(digests(samples), 0.1) == {}
    samples[5:95] = samples[5]
    marks = digests(samples)
    (told,) = shrunk(marks, 0.1).values()
    held = len(hold_out(marks, 0.1)[1])
    assert told == (
        f"{held} samples are held out in place of 10: copies stay on one side, and there are 90 of one "
        "(number 5, number 6, number 7, …)"
    )
    assert "(f5, f6, f7, …)" in shrunk(marks, 0.1, [f"f{i}" for i in range(100)])["held out"]


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
