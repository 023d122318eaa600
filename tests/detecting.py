"""Small pictures of a part, good ones and one with a scratch, and a run that learned the good ones; for tests."""

from pathlib import Path

import numpy as np
from PIL import Image

import saddle

SIDE = 16
SETTINGS = {
    "plan.batch": 8,
    "plan.precision": "fp32",
    "plan.pictures": 2,
    "plan.scores": 2,
    "plan.ema_images": 1,
    "game.optim.lr": 0.05,
}


def good(n: int, seed: int) -> list[np.ndarray]:
    """Parts uint8 [H, W]: a bright disc, with noise."""
    chance = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    disc = np.where(rows**2 + columns**2 < 36, 180.0, 40.0)
    return [(disc + chance.normal(0, 10, disc.shape)).clip(0, 255).astype(np.uint8) for _ in range(n)]


def scratched(seed: int) -> np.ndarray:
    """A part with a black scratch across it, in row 7, columns 4 to 11."""
    part = good(1, seed)[0]
    part[7, 4:12] = 0
    return part


def write(folder: Path, images: list[np.ndarray], start: int = 0) -> Path:
    """A folder with these as 000.png, 001.png, …"""
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images, start):
        Image.fromarray(image).save(folder / f"{i:03}.png")
    return folder


def trained(place: Path, rounds: int = 80, images: list[np.ndarray] | None = None, **data: object) -> Path:
    """A run on `place`/data, with 60 good ones or others, of which a fifth are held out; its folder, `place`/run."""
    write(place / "data", good(60, seed=0) if images is None else images)
    settings = SETTINGS | {"data.heldout": 0.2} | {f"data.{name}": value for name, value in data.items()}
    source = f"folder:{place / 'data'}"
    saddle.train("toy-mean", source, place / "run", rounds=rounds, settings=settings, device="cpu", quiet=True)
    return place / "run"
