"""Saddle as a user runs it, one round at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from saddle.events import Events
from saddle.recipe import Recipe
from saddle.session import Session


def dcgan64(data: Path, folder: Path, **plan: Any) -> Session:
    """DCGAN at its paper's settings on the 64×64 images in the file `data`, a batch of 64."""
    return open_session("dcgan", f"array:{data}", folder, **plan)


def open_session(game: str, source: str, folder: Path, **plan: Any) -> Session:
    """A session as `saddle train` opens it, with its log in `folder`."""
    edits = {f"plan.{name}": value for name, value in ({"rounds": 1_000_000} | plan).items()}
    session = Session(Recipe.default(game, source).change(edits), folder, torch.device("cpu"), quiet=True)
    session.events = Events(folder / "events.jsonl")
    return session


def rounds(session: Session, count: int = 1) -> Callable[[], None]:
    """A function that plays `count` rounds and then logs, as a session does; by default it does so every 25 rounds."""

    def play() -> None:
        for _ in range(count):
            session.trainer.play_round()
        session.trainer.watch.check(session.trainer.game)
        session.log([1.0] * count)

    return play
