"""Saddle: every generative adversarial network that matters, on one loop.

    import saddle

    run = saddle.train("dcgan", data="digits", minutes=2)
    images = run.sample(64)  # uint8 [64, 1, 32, 32]
    run = saddle.load("runs/dcgan-digits")

Nothing heavy is imported before it is used: `saddle.losses`, `saddle.penalties`, `saddle.registry` and the other
modules load when they are first named.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

    from .run import Run

__version__ = "0.1.0"

_MODULES = ("data", "game", "games", "losses", "metrics", "nets", "optim", "penalties", "recipe", "registry", "report")
__all__ = [*_MODULES, "load", "train"]


def train(
    game: str | None = None,
    data: str | None = None,
    run: "str | PathLike[str] | None" = None,
    *,
    rounds: int | None = None,
    images: int | None = None,
    minutes: float | None = None,
    settings: Mapping[str, Any] | None = None,
    config: "str | PathLike[str] | None" = None,
    device: str = "auto",
    quiet: bool = False,
    track: bool = False,
) -> "Run":
    """Start a run, or go on with it: `saddle train` in Python, with the same defaults (DCGAN on digits).

    `settings` are dotted names with their values, plain or not: {"game.penalties": [R1(weight=5)], "plan.batch": 32}.
    `run` is the run's folder, `config` a recipe's file; `track` writes for TensorBoard too. UsageError for what cannot
    be.
    """
    from pathlib import Path

    from .recipe import ask
    from .training import train as play

    own = {"data.source": data, "plan.rounds": rounds, "plan.images": images, "plan.minutes": minutes}
    edits = dict(settings or {}) | {name: value for name, value in own.items() if value is not None}
    recipe, folder = ask(game, edits, Path(config) if config else None, Path(run) if run else None)
    return play(recipe, folder, device, quiet, track)


def load(run: "str | PathLike[str]", checkpoint: str | int = "best", device: str = "auto") -> "Run":
    """Open a run's folder, with the weights of a checkpoint: 'best', 'last' or a round."""
    from .run import Run

    return Run(run, checkpoint, device)  # type: ignore[arg-type]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'saddle' has no attribute '{name}'")
    return import_module(f".{name}", __name__)
