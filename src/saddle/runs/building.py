"""A game for weights that a file brings: names and shapes are compared before memory is taken for any number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..base import rng
from ..base.errors import SaddleError
from ..layers.init import replaced
from ..tasks import Game

_DRAWN = ("normal_", "uniform_")  # ends of the names of what draws first weights


def built(build: Callable[[], Game], check: Callable[[Game], object]) -> Game:
    """The game that `build` makes, once `check` has seen its names and shapes; what it raises is raised.

    A small file may claim large networks. So `check` first gets a draft: the game on torch's meta device, without
    numbers. There is none of a game that reads numbers while it is built; then `check` sees nothing.
    """
    if (draft := _drafted(build)) is not None:
        check(draft)
    with rng.building("weights"), replaced():  # which those of the file replace
        return build()


def _drafted(build: Callable[[], Game]) -> Game | None:
    with rng.building("weights"), replaced(), torch.device("meta"), _Undrawn():
        try:
            return build()
        except SaddleError:
            raise
        except Exception:  # of anybody's game: `build` raises it again where it is not for the want of numbers
            return None


class _Undrawn(TorchFunctionMode):
    """Draws no numbers in place: on the meta device there are none, and torch would load a second or two of code."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "").endswith(_DRAWN):
            tensor: Tensor = args[0] if args else kwargs["tensor"]
            return tensor
        return func(*args, **kwargs)
