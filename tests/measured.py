"""Fixed inputs of every metric: what test_metrics_fingerprints.py and the table beside it are made of."""

import torch
from torch import Tensor

from saddle.data import DataOptions, open_source

N = 60


def ramp(*shape: int, step: float = 0.37) -> Tensor:
    """Numbers in [-1, 1] that are the same on every machine."""
    count = int(torch.tensor(shape).prod())
    return ((torch.arange(count, dtype=torch.float64) * step) % 2 - 1).float().view(shape)


def digits() -> dict[str, object]:
    """Digits, and whatever else a game of digits may give; the samples are training images."""
    source = open_source(DataOptions(source="digits", size=16))
    assert source.heldout is not None
    train, heldout = source.train.take(slice(400)), source.heldout.take(slice(None))
    codes = {"train": ramp(400, 3), "heldout": ramp(497, 3, step=0.41), "prior": ramp(200, 3, step=0.73)}
    return {
        "sample": lambda k: (train["image"][:k], train["label"][:k]),
        "real": heldout["image"],
        "train": train["image"],
        "names": source.spec.classes,
        "real_labels": heldout["label"],
        "train_labels": train["label"],
        "codes": codes,
        "errors": ramp(497).square(),
        "bounds": ramp(50),
        "predictions": (ramp(80, 10), heldout["label"][:80]),
    }


def captions() -> dict[str, object]:
    """Drawings with their captions, trained ones and held-out ones."""
    source = open_source(DataOptions(source="captions", size=16))
    assert source.heldout is not None
    train, heldout = source.train.take(slice(N)), source.heldout.take(slice(N))
    return {
        "sample": lambda k: (train["image"][:k], train["caption"][:k]),
        "unseen": lambda k: (heldout["image"][:k], heldout["caption"][:k]),
    }


def ring() -> tuple[Tensor, tuple[Tensor, float]]:
    """Points, and the modes of a mixture."""
    centres = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    return centres.repeat(N // 4, 1) + 0.01 * ramp(N, 2), (centres, 0.01)


def stacked() -> Tensor:
    """Three digits as red, green and blue."""
    source = open_source(DataOptions(source="digits", size=16))
    images = source.train.take(slice(3 * N))["image"]
    return torch.cat([images[:N], images[N : 2 * N], images[2 * N :]], 1)


def one_image() -> dict[str, Tensor]:
    """What a game that learned one image draws."""
    real = ramp(1, 3, 24, 24)
    drawn = {"samples": ramp(50, 3, 24, 24, step=0.51), "finer": ramp(50, 3, 24, 24, step=0.77)}
    return {"real": real, "reconstruction": 0.9 * real, "other": ramp(1, 3, 24, 24, step=0.29), **drawn}


def photos() -> tuple[Tensor, Tensor]:
    """Crops of photographs: training images and held-out ones."""
    source = open_source(DataOptions(source="photos", size=32))
    assert source.heldout is not None
    return source.train.take(slice(N))["image"], source.heldout.take(slice(N))["image"]
