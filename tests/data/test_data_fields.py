"""Every key of a batch is decoded as its field says, and what belongs to an image moves as it does."""

import math

import numpy as np
import pytest
import torch

from saddle.base.errors import UsageError
from saddle.data.augmentation import Augmentation
from saddle.data.source import Source, Split, decoded
from saddle.data.stream import Stream
from saddle.runs.trace import random_batch
from saddle.spec import DataSpec, Field

RANDOM = np.random.default_rng(0)
MOVES = {"rotate": 25.0, "scale": 0.3, "shift": 0.2}
OUTSIDES = ("reflected", "black", "white")

STREET = DataSpec(
    {
        "image": Field("image", (3, 32, 48)),
        "map": Field("map", (32, 48), names=("ground", "house", "tree", "car")),
        "mask": Field("mask", (1, 64, 96)),
        "instances": Field("instances", (32, 48)),
        "signal": Field("signal", (2, 7)),
        "label": Field("class", (), ("day", "night")),
    }
)


def street(n: int = 12) -> Split:
    """Blocks of four classes; the image shows each as a grey of its own, the mask where class 2 is, twice as large."""
    classes = np.kron(RANDOM.integers(0, 4, (n, 4, 6)), np.ones((8, 8), int))
    large = classes.repeat(2, 1).repeat(2, 2)
    return Split(
        {
            "image": (classes * 80).astype(np.uint8)[:, None].repeat(3, 1),
            "map": classes.astype(np.uint8),
            "mask": (large == 2),
            "instances": classes.astype(np.uint16) * 1000,
            "signal": RANDOM.normal(size=(n, 2, 7)),
            "label": np.arange(n) % 2,
        }
    )


def dealt(split: Split, spec: DataSpec = STREET, **settings: object):
    return next(Stream(split, spec, 12, 3, **settings).batches(0))[0]  # type: ignore[arg-type]


def alone(maps: torch.Tensor) -> torch.Tensor:
    """Where all pixels within two are of the same class, [N, H, W]: there an image is not mixed of two."""
    x = torch.nn.functional.pad(maps[:, None].float(), (2, 2, 2, 2), value=-1)
    high, low = (torch.nn.functional.max_pool2d(sign * x, 5, 1)[:, 0] for sign in (1, -1))
    return high == -low


def test_each_kind_comes_in_its_own_type_and_shape():
    batch = dealt(street())
    assert {key: x.dtype for key, x in batch.items()} == {
        "image": torch.float32,
        "map": torch.int64,
        "mask": torch.float32,
        "instances": torch.int64,
        "signal": torch.float32,
        "label": torch.int64,
    }
    assert {key: tuple(x.shape[1:]) for key, x in batch.items()} == {
        key: field.shape for key, field in STREET.fields.items()
    }
    assert set(batch["map"].unique().tolist()) == {0, 1, 2, 3}
    assert set(batch["mask"].unique().tolist()) == {0.0, 1.0}
    assert set(batch["instances"].unique().tolist()) == {0, 1000, 2000, 3000}


@pytest.mark.parametrize(
    ("stored", "white"),
    [
        (torch.tensor([[[0, 255, 3]]], dtype=torch.uint8), [0.0, 1.0, 0.0]),
        (torch.tensor([[[True, False]]]), [1.0, 0.0]),
    ],
)
def test_a_mask_is_bytes_of_black_and_white_or_truth(stored, white):
    mask = decoded(stored, Field("mask", (1, 1, stored.shape[-1])))
    assert mask.shape == (1, 1, 1, stored.shape[-1])
    assert mask.flatten().tolist() == white


def test_bytes_are_what_their_field_says_and_not_an_image():
    stored = torch.tensor([[[0, 200]]], dtype=torch.uint8)
    assert decoded(stored, Field("map", (1, 2))).tolist() == [[[0, 200]]]
    assert decoded(stored, Field("signal", (1, 2))).tolist() == [[[0.0, 200.0]]]
    assert decoded(stored).tolist() == [[[-1.0, pytest.approx(200 / 127.5 - 1)]]]


def test_a_split_of_a_source_decodes_as_the_stream_does():
    split = street()
    source = Source("made", STREET, split, split, "x")
    index = np.arange(12)
    for part in (source.train, source.heldout):
        batch = part.take(index)
        assert all(batch[key].dtype == x.dtype for key, x in dealt(split).items())


@pytest.mark.parametrize("outside", OUTSIDES)
@pytest.mark.parametrize(
    "settings",
    [{"flip": True}, *({"moves": (name,)} for name in MOVES), {"flip": True, "moves": tuple(MOVES)}],
    ids=str,
)
def test_a_map_stays_on_its_image_and_a_mask_on_its_map(settings, outside):
    moves = Augmentation(**{name: MOVES[name] for name in settings.get("moves", ())}, outside=outside)
    split = street()
    moved = dealt(split, flip="flip" in settings, moves=moves or None)
    plain = dealt(split)
    assert not torch.equal(moved["map"], plain["map"])
    inside = alone(moved["map"]) & ((moved["map"] > 0) | (outside != "white"))
    assert inside.float().mean() > 0.15
    grey = (moved["image"][:, 0] + 1) * 127.5 / 80
    assert (grey - moved["map"])[inside].abs().max() < 0.01
    assert torch.equal(moved["instances"], moved["map"] * 1000)
    coarse = torch.nn.functional.avg_pool2d(moved["mask"], 2)[:, 0]
    assert torch.equal(coarse[inside], (moved["map"] == 2).float()[inside])


@pytest.mark.parametrize("outside", OUTSIDES)
def test_maps_and_masks_have_no_new_values_whatever_happens(outside):
    moved = dealt(street(), flip=True, moves=Augmentation(**MOVES, outside=outside))
    assert set(moved["map"].unique().tolist()) <= {0, 1, 2, 3}
    assert set(moved["mask"].unique().tolist()) == {0.0, 1.0}
    assert set(moved["instances"].unique().tolist()) <= {0, 1000, 2000, 3000}


def test_numbers_of_objects_are_exact_however_large():
    x = torch.tensor([[[2**40 + 1, 2**40 + 2], [5, 6]]])
    same = Augmentation().applied(x, torch.zeros(1, 4), "instances")
    assert torch.equal(same, x)
    half = torch.tensor([[math.pi, 0.0, 0.0, 0.0]])
    assert torch.equal(Augmentation().applied(x, half, "instances"), x.rot90(2, (1, 2)))


def test_signals_and_labels_stay_as_they_are():
    split = street()
    moved, plain = dealt(split, flip=True, moves=Augmentation(**MOVES)), dealt(split)
    assert torch.equal(moved["signal"], plain["signal"])
    assert torch.equal(moved["label"], plain["label"])


def test_sides_that_are_no_multiples_cannot_move_together():
    spec = DataSpec({"a": Field("image", (1, 8, 8)), "b": Field("map", (8, 12))})
    split = Split({"a": np.zeros((12, 1, 8, 8), np.uint8), "b": np.zeros((12, 8, 12), np.uint8)})
    assert dealt(split, spec, flip=True)["b"].shape == (12, 8, 12)
    with pytest.raises(UsageError, match=r"b does not move together .* a 8×8, b 8×12: sides must be whole multiples"):
        dealt(split, spec, moves=Augmentation(shift=0.1))


def test_domains_without_pairs_have_shapes_and_channels_of_their_own():
    spec = DataSpec(
        {"a": Field("image", (1, 8, 8)), "b": Field("image", (3, 12, 20)), "c": Field("points", (5,))},
        (("a",), ("b",), ("c",)),
    )
    columns = {
        "a": RANDOM.integers(0, 256, (13, 1, 8, 8)).astype(np.uint8),
        "b": RANDOM.integers(0, 256, (29, 3, 12, 20)).astype(np.uint8),
        "c": RANDOM.normal(size=(17, 5)),
    }
    split = Split(columns, spec.domains)
    batch = dealt(split, spec, moves=Augmentation(**MOVES))
    assert {key: tuple(x.shape) for key, x in batch.items()} == {"a": (12, 1, 8, 8), "b": (12, 3, 12, 20), "c": (12, 5)}
    alone = dealt(Split({"b": columns["b"]}), spec.only("b"), moves=Augmentation(**MOVES))
    assert torch.equal(alone["b"], batch["b"])  # whatever the others are


def test_a_random_batch_is_of_the_kinds_of_the_data():
    batch = random_batch(STREET, 12)
    for key, like in dealt(street()).items():
        assert (batch[key].dtype, batch[key].shape) == (like.dtype, like.shape), key
    assert set(batch["mask"].unique().tolist()) <= {0.0, 1.0}
    assert int(batch["map"].max()) < 4


def test_what_is_left_without_labels_keeps_its_domains():
    spec = DataSpec(
        {"a": Field("image", (1, 8, 8)), "label": Field("class", (), ("x", "y")), "b": Field("image", (3, 8, 8))},
        (("a", "label"), ("b",)),
    )
    assert spec.unconditional().domains == (("a",), ("b",))
