"""Gradients of strided convolutions as matrix products, where a processor computes these faster.

A kernel of 4×4 with a stride of 2 is one of 2×2 over blocks of 2×2 pixels. Two outputs of a kernel of two numbers take
three multiplications instead of four: (d₀ - d₁)g₀ + d₁(g₀ + g₁) and d₁(g₀ + g₁) + (d₂ - d₁)g₁. So do their gradients:
9 products in two dimensions stand for 16. Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, 2015.
https://arxiv.org/abs/1509.09308
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..base.precision import good_at_bf16

WIDE = 64  # channels of a layer, at least, that has enough of them to multiply
DEEP = 128  # likewise, for the gradient of the large map, and where maps have to be copied
SMALL = 8  # pixels a side of the small map in bf16, at most, where maps have to be copied
MANY = 64  # tiles, at least: with fewer there is more to do about the kernel than about the images
PART = 1 << 23  # bytes of a part of the batch's tiles, about: what has just been written is then still near
MOST = (
    1 << 24
)  # bytes of all that kernels see in bf16, an eighth with fewer than DEEP channels: writing them takes time


class Products(NamedTuple):
    """Faster ways to the gradients of one layer, between a map of fewer pixels, `small`, and one of more, `large`.

    These are output and input of a convolution, or input and output of a transposed one. All are [N, channels, h, w].
    """

    of_weight: Callable[[Tensor, Tensor, int, int], Tensor]  # of large, small, kernel and padding
    of_large: Callable[[Tensor, Tensor], Tensor] | None = None  # of the small map's gradient and the weight


def products(
    dtype: torch.dtype,
    weight: Sequence[int],
    small: Sequence[int],
    large: Sequence[int],
    stride: int,
    padding: int,
    channels_last: bool = True,
) -> Products | None:
    """The faster ways of a layer with a weight of this shape, [small's channels, large's, k, k]; None: the library's.

    `small` is [N, h, w], `large` [H, W], and all is in `dtype`; maps that are not `channels_last` have to be copied.
    For equal questions a processor gets equal answers, so that a run that is resumed there goes on to the bit.
    """
    (n, height, width), kernel, narrow = small, weight[-1], min(weight[:2])
    if stride != 2 or narrow < (WIDE if channels_last else DEEP):
        return None
    if dtype == torch.float32 and faster_in_tiles():
        whole = (kernel, padding, height % 2, width % 2) == (4, 1, 0, 0) and [*large] == [2 * height, 2 * width]
        tiles = n * height * width // 4 if whole else 0
        deep = narrow >= DEEP and tiles >= 4 * MANY
        return Products(weight_in_tiles, large_in_tiles if deep else None) if tiles >= MANY else None
    if dtype == torch.bfloat16 and faster_in_columns():
        seen = 2 * n * height * width * kernel**2 * weight[1]
        near = seen <= (MOST if narrow >= DEEP else MOST // 8) and (channels_last or max(height, width) <= SMALL)
        return Products(weight_in_columns) if kernel > 3 and near else None
    return None


@cache
def faster_in_tiles() -> bool:
    """Do fewer multiplications take less time in fp32? Where vectors have 8 numbers they do: with AVX2."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2"


@cache
def faster_in_columns() -> bool:
    """Does a matrix product in bf16 take less time than the library's gradient?"""
    return good_at_bf16(torch.device("cpu"))


def weight_in_columns(large: Tensor, small: Tensor, kernel: int, padding: int) -> Tensor:
    """The weight's gradient [O, C, k, k], of a large map [N, C, H, W] and a small one [N, O, h, w]: one product.

    Its factors are the small map, and what the kernel sees of the large one at each pixel of the small one.
    """
    (n, o, height, width), c = small.shape, large.shape[1]
    x = pad(large.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding)).contiguous()
    far, down, right, next_ = x.stride()
    seen = x.as_strided((n, height, width, kernel, kernel, c), (far, 2 * down, 2 * right, down, right, next_))
    pixels = small.permute(0, 2, 3, 1).reshape(-1, o)
    return (pixels.t() @ seen.reshape(len(pixels), -1)).view(o, kernel, kernel, c).permute(0, 3, 1, 2)


def weight_in_tiles(large: Tensor, small: Tensor, kernel: int, padding: int) -> Tensor:
    """The weight's gradient [O, C, 4, 4], of a large map [N, C, 2h, 2w] and a small one [N, O, h, w]: nine products.

    Their factors are tiles of 2×2 pixels of the small map, and the three by three blocks that these see.
    """
    o, c = small.shape[1], large.shape[1]
    total: Tensor | None = None
    each = _part(large.numel() // len(large))
    for blocks, tiles in zip(large.split(each), small.split(each), strict=True):
        left, right = _tiles(tiles).mT, _blocks(blocks)
        total = left @ right if total is None else total.baddbmm_(left, right)
    assert total is not None
    sums = total.view(3, 3, o, 2, 2 * c)
    gradient = total.new_empty(o, 2, 2, 2, 2 * c)  # the kernel is 2 × 2 blocks of 2 × 2 pixels
    for i in range(2):
        rows = sums[i] + sums[i + 1]
        for j in range(2):
            torch.add(rows[j], rows[j + 1], out=gradient[:, i, :, j])
    return gradient.view(o, 4, 4, c).permute(0, 3, 1, 2)


def large_in_tiles(small: Tensor, weight: Tensor) -> Tensor:
    """The large map's gradient [N, C, 2h, 2w] from the small one's [N, O, h, w] and the weight [O, C, 4, 4].

    Nine products, of the small map's tiles and of the kernel's blocks.
    """
    height, width, c = 2 * small.shape[2], 2 * small.shape[3], weight.shape[1]
    kernel = _kernel(weight)
    layout = torch.contiguous_format if small.is_contiguous() else torch.channels_last
    found = torch.empty(len(small), c, height, width, dtype=small.dtype, memory_format=layout)
    each = _part(height * width * c)
    for out, tiles in zip(found.split(each), small.split(each), strict=True):
        out.copy_(_from_blocks(_tiles(tiles) @ kernel, out.shape))
    return found


def _part(numbers: int) -> int:
    """Of how many samples, with so many numbers each in the large map, the blocks are PART bytes: 9/4 as many."""
    return max(1, PART // (9 * numbers))


def _blocks(x: Tensor) -> Tensor:
    """d₀ - d₁, d₁ and d₂ - d₁ of the blocks of 2×2 pixels under each tile, in both directions.  [9, tiles, 4 C]"""
    n, c, height, width = x.shape
    x = pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).view(n, height // 2 + 1, 2, width // 2 + 1, 2 * c)
    middle = x[:, 1::2]
    found = x.new_empty(3, 3, n, height // 4, width // 4, 2, 2 * c)
    for out, rows in zip(found, (x[:, :-1:2] - middle, middle, x[:, 2::2] - middle), strict=True):
        rows = rows.transpose(2, 3)
        between = rows[:, :, 1::2]
        torch.sub(rows[:, :, :-1:2], between, out=out[0])
        out[1] = between
        torch.sub(rows[:, :, 2::2], between, out=out[2])
    return found.view(9, -1, 4 * c)


def _tiles(y: Tensor) -> Tensor:
    """g₀, g₀ + g₁ and g₁ of the two pixels of each tile, in both directions.  [9, tiles, C]"""
    n, c, height, width = y.shape
    y = y.permute(0, 2, 3, 1).reshape(n, height // 2, 2, width // 2, 2, c)
    found = y.new_empty(3, 3, n, height // 2, width // 2, c)
    for out, rows in zip(found, (y[:, :, 0], y[:, :, 0] + y[:, :, 1], y[:, :, 1]), strict=True):
        out[0] = rows[:, :, :, 0]
        torch.add(rows[:, :, :, 0], rows[:, :, :, 1], out=out[1])
        out[2] = rows[:, :, :, 1]
    return found.view(9, -1, c)


def _kernel(weight: Tensor) -> Tensor:
    """g₀, g₀ + g₁ and g₁ of the blocks of 2×2 numbers of a kernel, in both directions.  [9, small's channels, 4 C]"""
    o, c = weight.shape[:2]
    blocks = weight.permute(0, 2, 3, 1).reshape(o, 2, 2, 2, 2 * c)
    found = weight.new_empty(3, 3, o, 2, 2 * c)
    for out, rows in zip(found, (blocks[:, 0], blocks[:, 0] + blocks[:, 1], blocks[:, 1]), strict=True):
        out[0] = rows[:, :, 0]
        torch.add(rows[:, :, 0], rows[:, :, 1], out=out[1])
        out[2] = rows[:, :, 1]
    return found.view(9, o, 4 * c)


def _from_blocks(x: Tensor, shape: torch.Size) -> Tensor:
    """The gradient of the map of this shape from those of `_blocks`, of which neighbours share d₀ and d₂."""
    n, c, height, width = shape
    x = x.view(3, 3, n, height // 4, width // 4, 2, 2 * c)
    rows = x.new_empty(3, n, height // 4, width // 2 + 1, 2, 2 * c)
    _shared(rows.movedim(3, 0), x[:, 0].movedim(3, 0), x[:, 1].movedim(3, 0), x[:, 2].movedim(3, 0))
    whole = x.new_empty(n, height // 2 + 1, 2, width // 2 + 1, 2 * c)
    first, middle, last = (each.transpose(2, 3).movedim(1, 0) for each in rows)
    _shared(whole.movedim(1, 0), first, middle, last)
    whole = whole.view(n, height + 2, width + 2, c)[:, 1:-1, 1:-1]
    return whole.permute(0, 3, 1, 2)


def _shared(out: Tensor, first: Tensor, middle: Tensor, last: Tensor) -> None:
    """Write the gradients of the blocks in a line [2 tiles + 1, …]: those of d₀ - d₁, d₁ and d₂ - d₁ are given."""
    torch.sub(middle, first, out=out[1::2])
    out[1::2] -= last
    out[:-1:2] = first
    out[-1] = last[-1]
    out[2:-1:2] += last[:-1]
