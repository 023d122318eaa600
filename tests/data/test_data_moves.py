"""Images that are turned, scaled and shifted at random as they are dealt."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saddle.base import dist
from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.data.augmentation import Augmentation
from saddle.data.source import Split
from saddle.data.stream import Stream
from saddle.spec import DataSpec

X = torch.rand(3, 2, 8, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1
SIZES = {"rotate": 20.0, "scale": 0.2, "shift": 0.1}


def changed(x: torch.Tensor, outside: str = "black", angle=0.0, scale=1.0, right=0.0, down=0.0) -> torch.Tensor:
    """All images alike."""
    drawn = torch.tensor([[angle, math.log(scale), right, down]]).expand(len(x), 4)
    return Augmentation(outside=outside).applied(x, drawn)  # type: ignore[arg-type]


def stream(moves: Augmentation | None, micro_batches: int = 1, seed: int = 3) -> Stream:
    image = np.random.default_rng(0).integers(0, 256, (37, 1, 8, 6)).astype(np.uint8)
    split = Split({"a": image, "b": image, "label": np.arange(37)})
    return Stream(
        split, DataSpec.of((1, 8, 6), ("a", "b", "label")), 24, seed, moves=moves, micro_batches=micro_batches
    )


def test_nothing_drawn_changes_nothing():
    assert torch.allclose(changed(X), X, atol=1e-6)
    assert torch.allclose(changed(X, "reflected"), X, atol=1e-6)


def test_a_shift_by_whole_pixels_moves_them_there_and_lets_the_outside_in():
    moved = changed(X, right=1 / 6, down=2 / 8)
    assert torch.allclose(moved[:, :, 2:, 1:], X[:, :, :-2, :-1], atol=1e-5)
    assert torch.allclose(moved[:, :, :2], torch.tensor(-1.0))
    assert torch.allclose(changed(X, "white", right=1 / 6)[..., 0], torch.tensor(1.0))
    reflected = changed(X, "reflected", right=1 / 6)
    assert torch.allclose(reflected[..., 0], X[..., 0], atol=1e-5)  # the edge is the mirror


@pytest.mark.parametrize("side", [(8, 8), (4, 10)])
def test_a_half_turn_and_a_quarter_turn_are_exact(side):
    x = torch.rand(1, 1, *side) * 2 - 1
    assert torch.allclose(changed(x, angle=math.pi), x.rot90(2, (2, 3)), atol=1e-5)
    if side[0] == side[1]:
        quarter = changed(x, angle=math.pi / 2)
        assert torch.allclose(quarter, x.rot90(-1, (2, 3)), atol=1e-5)


def test_a_turn_keeps_lengths_where_the_sides_differ():
    """A grid is measured in sides: without their ratio a turned bar would be stretched."""
    x = -torch.ones(1, 1, 21, 41)
    x[0, 0, 10, 16:25] = 1  # nine pixels across
    turned = (changed(x, angle=math.pi / 2) + 1) / 2
    assert turned[0, 0, :, 20].sum() == pytest.approx(9, abs=0.1)
    assert turned.sum() == pytest.approx(9, abs=0.1)


def test_a_scale_above_one_makes_things_larger():
    x = -torch.ones(1, 1, 32, 32)
    x[0, 0, 12:20, 12:20] = 1
    area = [float((changed(x, scale=scale) + 1).sum() / 2) for scale in (0.5, 1.0, 1.5)]
    assert area == pytest.approx([16, 64, 144], rel=0.02)


def test_draws_stay_within_what_was_asked_and_fill_it():
    drawn = Augmentation(rotate=30, scale=0.25, shift=0.1).drawn(5, "image", 0, 20_000)
    most = torch.tensor([math.radians(30), math.log(1.25), 0.1, 0.1])
    assert bool((drawn.abs() <= most).all())
    assert torch.allclose(drawn.std(0), most / 3**0.5, rtol=0.02)
    assert bool((drawn.mean(0).abs() < most * 0.02).all())
    assert float(torch.corrcoef(drawn.T).fill_diagonal_(0).abs().max()) < 0.03


def test_images_that_belong_together_move_together_and_labels_stay():
    plain, moved = (next(stream(moves).batches(0))[0] for moves in (None, Augmentation(**SIZES)))
    assert torch.equal(moved["a"], moved["b"])
    assert torch.equal(moved["label"], plain["label"])
    assert bool((moved["a"] != plain["a"]).flatten(1).any(1).all())
    again = Augmentation(**SIZES).drawn(3, "a", 0, 24)
    assert torch.equal(Augmentation(**SIZES).applied(plain["a"], again), moved["a"])


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 3), st.sampled_from([1, 2, 4]), st.integers(0, 5))
def test_any_share_out_makes_the_same_moved_batch(micro_batches: int, world: int, number: int):
    (alone,) = next(stream(Augmentation(**SIZES)).batches(number))
    parts = {}
    for rank in range(world):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dist, "rank", lambda rank=rank: rank)
            patch.setattr(dist, "world", lambda: world)
            shares = next(stream(Augmentation(**SIZES), micro_batches).batches(number))
        parts |= {i * world + rank: share["a"] for i, share in enumerate(shares)}
    assert torch.equal(torch.cat([parts[i] for i in range(micro_batches * world)]), alone["a"])


def test_points_refuse_what_moves_images():
    for name, value in (*SIZES.items(), ("outside", "black")):
        with pytest.raises(UsageError, match=rf"ring has no use for data\.{name}"):
            open_source(DataOptions(source="ring", **{name: value}))


@pytest.mark.parametrize(("name", "value", "most"), [("rotate", 181, 180), ("scale", 1.5, 1), ("shift", -0.1, 0.5)])
def test_a_size_that_cannot_be_is_refused(name, value, most):
    with pytest.raises(UsageError, match=f"{name} is from 0 to {most}, not {value}"):
        DataOptions(**{name: value})


def test_a_run_is_told_how_to_move_its_images(tmp_path):
    """From the recipe to the batches of the trainer."""
    from saddle.runs.recipe import Recipe
    from saddle.runs.session import Training

    edits = {"data": "digits", "data.size": 16, "plan.batch": 4, "game.network.width": 4}
    asked = edits | {"data.scale": 0.3, "data.outside": "black"}
    plain, moved = (
        Training(Recipe.default("dcgan").change(e), tmp_path, torch.device("cpu"), quiet=True) for e in (edits, asked)
    )
    before, after = (next(t.trainer.stream.batches(0))[0]["image"] for t in (plain, moved))
    assert torch.equal(after, Augmentation(scale=0.3, outside="black").chosen(0, "image", 0, 4)(before))
    assert not torch.equal(after, before)
