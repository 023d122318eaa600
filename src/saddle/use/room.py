"""A whole image through a network where there is memory for it, else in tiles: what comes out is the same."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..base import memory
from ..base.errors import NO_MEMORY, SaddleError, UsageError
from ..spec import Field
from . import tiles

SURE = 512**2  # pixels of an image that is tried whole without asking
LEAST = 64  # pixels: the side of the smallest tiles
SHARE = 0.8  # of the free memory that is taken

Whole = Callable[[Tensor], Tensor]


def computed(
    whole: Whole,
    network: nn.Module | None,
    x: Tensor,
    field: Field,
    device: torch.device,
    tile: int | None,
    statistics: tiles.Statistics | None = None,
) -> tuple[Tensor, int, tuple[str, ...]]:
    """Of an image as a batch holds it what `whole` makes of it, on the processor; in how many tiles, and what to say.

    `network` makes the same of its planes, and can be tiled; None if there is none. `tile` is the side of a tile in
    pixels; 0: the image stays whole; None: as memory has it. A side is halved as often as memory asks for it.
    `statistics` take the place of the image's own, always in tiles. UsageError for a network that cannot be tiled;
    SaddleError for memory that is not enough.
    """
    side, said = tile or 0, tuple[str, ...]()
    if statistics is not None:
        side = tile or tiles.TILE
    elif tile is None and network is not None and too_large(network, x, field.planes, device):
        side = tiles.TILE
        said = (f"too large for the memory at once: translated in tiles of {side} pixels, with the same result",)
    while True:
        try:
            return *_at(whole, network, x, field, device, side, statistics), said
        except Exception as error:  # of the many kinds for memory that ran out
            if not ran_out(error):
                raise
            if network is None or (tile == 0 and not side):
                raise SaddleError(_hopeless(x, side, network is None)) from None
        _let_go(device)
        side = min(tiles.TILE, _power(max(x.shape[-2:]) // 2)) if side == 0 else side // 2
        if side < LEAST:
            raise SaddleError(_hopeless(x, 2 * side, False))
        said = (f"memory ran out: translated in tiles of {side} pixels, with the same result",)


def too_large(network: nn.Module, x: Tensor, channels: int, device: torch.device) -> bool:
    """Would the whole image take more memory than there is?"""
    height, width = x.shape[-2:]
    if height * width <= SURE:
        return False
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory.available()
    return free is not None and tiles.cost(network, channels, height, width) > SHARE * free


def ran_out(error: BaseException) -> bool:
    """Does it say that memory ran out?"""
    kinds = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return kinds or (isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY))


def _at(
    whole: Whole,
    network: nn.Module | None,
    x: Tensor,
    field: Field,
    device: torch.device,
    side: int,
    statistics: tiles.Statistics | None,
) -> tuple[Tensor, int]:
    if not side:
        return whole(x.to(device)).float().cpu(), 1
    if network is None:
        raise UsageError("this game cannot work in tiles: its network sees the whole image; leave out --tile")
    out = tiles.apply(network, field.as_planes(x), tile=side, statistics=statistics).float().cpu()
    return out, math.prod(math.ceil(n / side) for n in x.shape[-2:])


def _let_go(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _power(side: int) -> int:
    """The largest power of 2 up to this side."""
    return 1 << max(side.bit_length() - 1, 0)


def _hopeless(x: Tensor, side: int, alone: bool) -> str:
    what = f"in tiles of {side} pixels" if side else "as a whole"
    why = ", and this game cannot work in tiles" if alone else ""
    todo = "leave out --tile 0, or ask for a smaller --size" if not side and not alone else "ask for a smaller --size"
    return f"memory ran out for {x.shape[-2]}×{x.shape[-1]} pixels {what}{why}; {todo}"
