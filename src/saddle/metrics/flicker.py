"""Does a film that was translated frame by frame flicker? By how much its frames differ, beside those of the input."""

from itertools import pairwise

from torch import Tensor

from ..base.errors import UsageError
from .blocks import double


def flicker(given: Tensor, made: Tensor) -> float:
    """Mean |difference of neighbouring frames| of what was made [T, …], relative to that of what was given [T, …].

    1 is as steady as the input, above it is flicker. Images may have other sizes and channels there, but one range. inf
    where nothing moves in the input and something does in the output, 1 where nothing moves in either. UsageError for
    fewer than two frames, or unlike numbers of them.
    """
    if len(given) != len(made) or len(given) < 2:
        raise UsageError(
            f"flicker is of two frames or more, as many as were given: {len(given)} given, {len(made)} made"
        )
    before, after = (_moves(frames) for frames in (given, made))
    if before == 0:
        return 1.0 if after == 0 else float("inf")
    return after / before


def _moves(frames: Tensor) -> float:
    """The mean over pixels and neighbours, a pair at a time: films are long."""
    return sum(float((double(b) - double(a)).abs().mean()) for a, b in pairwise(frames)) / (len(frames) - 1)
