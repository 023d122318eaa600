"""Moved images: each its own way, by whole pixels, with nothing invented."""

import pytest
import torch
from seeding import seed_all

from saddle.base import rng
from saddle.layers.jitter import flip, shift

X = torch.randn(200, 2, 8, 6)


@pytest.fixture(autouse=True)
def _seeded():
    seed_all(0)


def test_half_of_the_images_are_mirrored_whole():
    moved = flip(X)
    kept = (moved == X).flatten(1).all(1)
    mirrored = (moved == X.flip(3)).flatten(1).all(1)
    assert (kept ^ mirrored).all()
    assert 70 < int(kept.sum()) < 130


def test_no_shift_is_the_image_itself():
    assert torch.equal(shift(X, 0.0), X)


def test_every_image_moves_by_its_own_whole_pixels_up_to_the_share():
    x = torch.zeros(300, 1, 8, 8)
    x[:, :, 4, 4] = 1.0
    rows, columns = shift(x, 0.25).sum(1).nonzero()[:, 1:].T
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4, 5, 6}
    assert len(rows) == 300
    assert torch.corrcoef(torch.stack((rows, columns)).float())[0, 1].abs() < 0.2


def test_what_moves_in_is_the_edges_mirror_image():
    ramp = torch.arange(4.0).view(1, 1, 1, 4).expand(64, 1, 4, 4)
    rows = {tuple(image[0, 0].tolist()) for image in shift(ramp, 0.25)}
    assert rows == {(1.0, 0.0, 1.0, 2.0), (0.0, 1.0, 2.0, 3.0), (1.0, 2.0, 3.0, 2.0)}


@pytest.mark.parametrize("move", [flip, lambda x: shift(x, 0.25)])
def test_gradients_flow_and_shares_make_the_whole(move):
    x = X[:8].clone().requires_grad_()
    move(x).square().sum().backward()
    assert x.grad.abs().sum() > 0
    seed_all(1)
    whole, parts = move(X[:8]), []
    for part in range(2):
        with rng.share(part, 2):
            seed_all(1)
            parts.append(move(X[4 * part : 4 * part + 4]))
    assert torch.equal(torch.cat(parts), whole)
