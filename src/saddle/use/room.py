"""A whole image through a network where there is memory for it, else in tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base import memory
from ..base.errors import NO_MEMORY, SaddleError, UsageError
from . import tiles
from .tilings import SAME, Tiling

SURE = 512**2  # pixels of an image that is tried whole without asking; of one that gets larger fewer
LEAST = 64  # pixels: the side of the smallest tiles
SHARE = 0.8  # of the free memory that is taken

Whole = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Words:
    """How a command speaks of its work."""

    done: str = "translated"
    smaller: str = "ask for a smaller --size"


def computed(
    whole: Whole, tiling: Tiling | None, x: Tensor, device: torch.device, tile: int | None, words: Words
) -> tuple[Tensor, int, tuple[str, ...]]:
    """The output of `whole` for an image as a batch holds it, on the processor; in how many tiles, and what to say.

    `tiling` makes the same in tiles; None if that cannot be. `tile` is the side of a tile in pixels; 0: the image stays
    whole; None: as memory has it. A side is halved as often as memory asks for it.
    UsageError for a network that cannot be tiled; SaddleError for memory that is not enough.

    Takes [1, …] and gives [1, C, H', W'].
    """
    side, why = tile or 0, ""
    if tile is None and tiling is not None and (free := lacking(tiling, x, device)) is not None:
        side, why = tiling.side(free), "too large for the memory at once: "
    while True:
        try:
            out, parts = _at(whole, tiling, x, device, side)
        except Exception as error:  # of the many kinds for memory that ran out
            if not ran_out(error):
                raise
            if tiling is None or (tile == 0 and not side):
                raise SaddleError(_hopeless(x, side, tiling is None, words)) from None
        else:
            return out, parts, _said(tiling, parts, side, why, words)
        _let_go(device)
        side = min(tiles.TILE, _power(max(x.shape[-2:]) // 2)) if side == 0 else side // 2
        if side < LEAST:
            raise SaddleError(_hopeless(x, 2 * side, False, words))
        why = "memory ran out: "


def lacking(tiling: Tiling, x: Tensor, device: torch.device) -> int | None:
    """How many bytes of memory may be taken, if the whole image would take more; None where they are enough.

    x [1, …, H, W]
    """
    height, width = x.shape[-2:]
    if height * width * tiling.times <= SURE:
        return None
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory.available()
    return None if free is None or tiling.cost(height, width) <= SHARE * free else int(SHARE * free)


def ran_out(error: BaseException) -> bool:
    """Does it say that memory ran out?"""
    kinds = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return kinds or (isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY))


def _said(tiling: Tiling | None, parts: int, side: int, why: str, words: Words) -> tuple[str, ...]:
    """Of tiles that nobody asked for, and of those that do not give the same as the whole image."""
    if tiling is None or not side or not (why or (parts > 1 and tiling.promise != SAME)):
        return ()
    return (f"{why}{words.done} in tiles of {side} pixels, {tiling.promise}",)


def _at(whole: Whole, tiling: Tiling | None, x: Tensor, device: torch.device, side: int) -> tuple[Tensor, int]:
    if not side:
        return whole(x.to(device)).float().cpu(), 1
    if tiling is None:
        raise UsageError("this game cannot work in tiles: its network sees the whole image; leave out --tile")
    return tiling.apply(x, side)


def _let_go(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _power(side: int) -> int:
    """The largest power of 2 up to this side."""
    return 1 << max(side.bit_length() - 1, 0)


def _hopeless(x: Tensor, side: int, alone: bool, words: Words) -> str:
    what = f"in tiles of {side} pixels" if side else "as a whole"
    why = ", and this game cannot work in tiles" if alone else ""
    todo = f"leave out --tile 0, or {words.smaller}" if not side and not alone else words.smaller
    return f"memory ran out for {x.shape[-2]}×{x.shape[-1]} pixels {what}{why}; {todo}"
