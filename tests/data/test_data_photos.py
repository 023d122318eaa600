"""Photographs: crops of the embedded two, and one picture to learn all by itself."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saddle.base import memory
from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, Source, check_batch, open_source
from saddle.data.photographs import HELD_OUT, crop, photograph, stranger
from saddle.data.sources.photos import Crops
from saddle.data.stream import Stream
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec


def opened(source: str, **settings: object) -> Source:
    return open_source(DataOptions(source=source, **settings))  # type: ignore[arg-type]


def test_crops_are_the_photographs_own_pixels():
    crops = opened("photos").train.columns["image"]
    assert isinstance(crops, Crops)
    for place in (0, 700, len(crops) - 1):
        which, top, left = crops.corners[place]
        piece = photograph(("china", "flower")[which])[top : top + 64, left : left + 64]
        assert np.array_equal(crops[np.array([place])][0].transpose(1, 2, 0), piece)


@pytest.mark.parametrize("size", [64, 96, 128])
def test_no_held_out_column_is_trained_on_and_none_that_is_out_of_focus_is_held_out(size: int):
    source = opened("photos", size=size)
    assert source.spec.shape == (3, size, size)
    assert source.heldout is not None
    for split, inside in ((source.train, False), (source.heldout, True)):
        crops = split.columns["image"]
        assert isinstance(crops, Crops)
        for which, name in enumerate(("china", "flower")):
            left = crops.corners[crops.corners[:, 0] == which, 2]
            start, end = HELD_OUT[name]
            assert len(left)
            assert (
                ((left >= start) & (left + size <= end)) if inside else (left + size <= start) | (left >= end)
            ).all()


def test_crops_wider_than_a_strip_are_refused():
    with pytest.raises(UsageError, match=r"the strips of the photographs give up to 427×160"):
        opened("photos", size=200)


def test_one_photograph_comes_as_often_as_it_is_asked_for():
    source = opened("photo")
    assert source.spec.single
    assert source.heldout is None
    assert len(source.train) == 1
    check_batch(source, 64)
    (batch,) = next(Stream(source.train, source.spec, 4, seed=0).batches())
    assert batch["image"].shape == (4, 3, 128, 128)
    assert (batch["image"] == batch["image"][:1]).all()
    assert DataSpec.from_facts(source.spec.to_facts()) == source.spec


def test_the_two_photographs_and_a_file_are_chosen_by_their_place(tmp_path: Path):
    picture = np.random.default_rng(0).integers(0, 255, (30, 50, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "mine.png")
    mine = opened(f"photo:{tmp_path / 'mine.png'}")
    assert np.array_equal(mine.train.columns["image"][0].transpose(1, 2, 0), picture)
    assert opened("photo:china").fingerprint == opened("photo").fingerprint != opened("photo:flower").fingerprint
    assert opened(f"photo:{tmp_path / 'mine.png'}", size=(20, 24), channels=1).spec.shape == (1, 20, 24)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("photo:nowhere.png", "there is no picture nowhere.png; photo: takes a file, china or flower"),
        ("photo:", "is not how this source is named: write photo or photo:FILE"),
        ("photos:x", "is not how this source is named: write photos"),
    ],
)
def test_a_picture_that_is_not_there_is_refused(source: str, message: str):
    with pytest.raises(UsageError, match=message):
        opened(source)


def test_a_file_that_is_no_picture_is_refused_with_the_reason(tmp_path: Path):
    (tmp_path / "x.png").write_text("hello")
    with pytest.raises(UsageError, match=r"x\.png: text, not an image"):
        opened(f"photo:{tmp_path / 'x.png'}")


def test_a_picture_named_without_photo_is_told_how(tmp_path: Path):
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    with pytest.raises(UsageError, match=r"write photo:.*x\.png"):
        opened(str(tmp_path / "x.png"))


def test_a_crop_larger_than_its_photograph_is_refused():
    with pytest.raises(UsageError, match="at most 427×640"):
        opened("photo", size=500)
    assert crop("china", 427, 640).shape == (427, 640, 3)


def test_the_stranger_is_the_other_photograph():
    assert np.array_equal(stranger("", 3, 128, 128), opened("photo:flower").train.columns["image"][0])
    assert np.array_equal(stranger("flower", 3, 128, 128), opened("photo").train.columns["image"][0])
    assert stranger("x.png", 1, 900, 300).shape == (1, 900, 300)


def test_a_picture_of_ones_own_is_trained_by_the_photos_recipe():
    assert Recipe.default("singan", "photo:mine.png") == Recipe.default("singan")


def test_a_pipe_is_no_picture_and_a_picture_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UsageError, match=r"there is no picture .*pipe\.png"):
        opened(f"photo:{tmp_path / 'pipe.png'}")
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    with pytest.raises(SaddleError, match=r"x\.png at data\.size 20000 take 4,800,000,000 bytes of memory"):
        opened(f"photo:{tmp_path / 'x.png'}", size=20_000)
