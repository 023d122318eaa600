"""Saddle as a user runs it, one round at a time."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from saddle.base.events import Events
from saddle.runs.recipe import Recipe
from saddle.runs.session import Training


def dcgan64(data: Path, folder: Path, **plan: Any) -> Training:
    """DCGAN at its paper's settings on the 64×64 images in the file `data`, a batch of 64."""
    return open_training("dcgan", f"array:{data}", folder, **plan)


def open_training(
    game: str, source: str, folder: Path, settings: Mapping[str, Any] | None = None, **plan: Any
) -> Training:
    """A training as `saddle train` opens it, with its log in `folder`."""
    edits = {f"plan.{name}": value for name, value in ({"rounds": 1_000_000} | plan).items()}
    recipe = Recipe.default(game, source).change({**(settings or {}), **edits})
    training = Training(recipe, folder, torch.device("cpu"), quiet=True)
    training.events = Events(folder / "events.jsonl")
    return training


def rounds(training: Training, count: int = 1) -> Callable[[], None]:
    """A function that plays `count` rounds and then logs, as `saddle train` does every 25 rounds."""

    def play() -> None:
        for _ in range(count):
            training.trainer.play_round()
        training.trainer.check_losses()
        training.log([1.0] * count)

    return play


def repeated(play: Callable[[], None], count: int) -> Callable[[], None]:
    """A function that plays `count` rounds of another loop."""

    def several() -> None:
        for _ in range(count):
            play()

    return several
