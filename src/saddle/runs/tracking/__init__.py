"""Trackers: observers that pass on what is logged to a program of others, which shows and keeps it. One file each."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ...base.errors import UsageError, near
from ...base.kinds import brief
from ..observing import Observer


def names() -> list[str]:
    """Those that there are: a tracker is a file in this folder, with its class as TRACKER."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def chosen(asked: str | bool) -> list[Observer]:
    """Trackers by name, "mlflow" or "tensorboard,mlflow"; True is TensorBoard alone.

    UsageError for an unknown one, and for one whose package is not installed.
    """
    if not isinstance(asked, str):
        asked = "tensorboard" if asked else ""
    named = dict.fromkeys(name.strip() for name in asked.split(",")) if asked else {}
    return [_opened(name) for name in named]


def _opened(name: str) -> Observer:
    if name not in names():
        raise UsageError(f"no tracker {brief(name)}{near(name, names())}; there are {', '.join(names())}")
    module = import_module(f".{name}", __package__)
    try:
        tracker: Observer = module.TRACKER()
    except ImportError as error:
        raise UsageError(
            f"--track {name} needs a package that is not installed ({error}); install it with: "
            f"pip install {' '.join(module.PACKAGES)}"
        ) from error
    return tracker
