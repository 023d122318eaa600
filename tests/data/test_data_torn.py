"""holes:PATH: the images of any folder with holes in them, for a game that learns to fill them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from saddle.data import DataOptions, open_source, spec_of
from saddle.data.stream import Stream
from saddle.spec import HOLE


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    chance = np.random.default_rng(0)
    for i in range(40):
        Image.fromarray(chance.integers(0, 256, (24, 40, 3)).astype(np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


def opened(photos: Path, **options: object):
    return open_source(DataOptions(source=f"holes:{photos}", cache=str(photos / "cache"), **options))  # type: ignore[arg-type]


def test_images_of_a_folder_have_lost_what_the_mask_says_and_nothing_else(photos):
    source = opened(photos)
    assert source.spec == spec_of(DataOptions(source=f"holes:{photos}"))
    assert source.spec.fields["mask"].title == HOLE
    assert [field.shape for field in source.spec.fields.values()] == [(3, 24, 40), (3, 24, 40), (1, 24, 40)]
    batch = source.train.batch(dict.fromkeys(("a", "b", "mask"), np.arange(len(source.train))))
    lost = batch["mask"].bool().expand_as(batch["a"])
    assert (batch["a"][lost] - (128 / 127.5 - 1)).abs().max() < 1e-6
    assert torch.equal(batch["a"][~lost], batch["b"][~lost])
    assert batch["mask"][0].mean() == 0.25  # the square; then strokes
    assert not torch.equal(batch["mask"][0], batch["mask"][1])
    assert torch.equal(batch["mask"][0], batch["mask"][2])
    assert source.fingerprint == opened(photos).fingerprint
    assert source.heldout is not None


def test_pieces_have_holes_of_their_own_size_and_both_sides_show_one_piece(photos):
    source = opened(photos, crop=16)
    stream = Stream(source.train, source.spec, 8, 0, flip=True)
    for _, (batch,) in zip(range(2), stream.batches(), strict=False):
        assert batch["a"].shape == (8, 3, 16, 16)
        lost = batch["mask"].bool().expand_as(batch["a"])
        assert torch.equal(batch["a"][~lost], batch["b"][~lost])
        assert (batch["a"][lost] - (128 / 127.5 - 1)).abs().max() < 1e-6
        assert 0 < batch["mask"].mean() < 0.6


def test_a_hole_of_16_bits_is_as_grey(tmp_path):
    chance = np.random.default_rng(0)
    for i in range(4):
        Image.fromarray(chance.integers(0, 65536, (16, 16)).astype(np.uint16)).save(tmp_path / f"{i}.png")
    source = open_source(DataOptions(source=f"holes:{tmp_path}", cache=str(tmp_path / "cache")))
    batch = source.train.batch(dict.fromkeys(("a", "mask"), np.array([0])))
    lost = batch["mask"].bool()
    assert (batch["a"][lost] - (128 / 127.5 - 1)).abs().max() < 1e-6
