"""The weight gradient of a convolution as matrix products, where a processor computes these faster.

A kernel of 4×4 with a stride of 2 is one of 2×2 over blocks of 2×2 pixels. Two outputs of a kernel of two numbers take
three multiplications instead of four: (d₀ - d₁)g₀ + d₁(g₀ + g₁) and d₁(g₀ + g₁) + (d₂ - d₁)g₁. So do their gradients:
9 products in two dimensions stand for 16. Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, 2015.
https://arxiv.org/abs/1509.09308
"""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..base.precision import good_at_bf16

WIDE = 64  # channels of a layer, at least, that has enough of them to multiply
MANY = 64  # tiles, at least: with fewer there is more to do about the kernel than about the images
PART = 1 << 23  # bytes of a part of the batch's tiles, about: what has just been written is then still near
MOST = 1 << 24  # bytes of all that kernels see in bf16: more is written and read for longer than products save

Product = Callable[[Tensor, Tensor, int, int], Tensor]  # (large map, small one, kernel, padding) → weight's gradient


def product(
    dtype: torch.dtype, weight: Sequence[int], small: Sequence[int], large: Sequence[int], stride: int, padding: int
) -> Product | None:
    """The faster way to the gradient of a weight of this shape, [small's channels, large's, k, k]; None: the library's.

    `small` [N, h, w] and `large` [H, W] are sizes of the maps of fewer and of more pixels: output and input of a
    convolution, or input and output of a transposed one. All is in `dtype`. Of equal sizes a processor gives equal
    answers, so that a run that is resumed there goes on to the bit.
    """
    (n, height, width), kernel = small, weight[-1]
    if stride != 2 or min(weight[:2]) < WIDE:
        return None
    if dtype == torch.float32 and faster_in_tiles():
        whole = (kernel, padding, height % 2, width % 2) == (4, 1, 0, 0) and [*large] == [2 * height, 2 * width]
        return in_tiles if whole and n * height * width >= 4 * MANY else None
    if dtype == torch.bfloat16 and faster_in_columns():
        return in_columns if kernel > 3 and 2 * n * height * width * kernel**2 * weight[1] <= MOST else None
    return None


@cache
def faster_in_tiles() -> bool:
    """Do fewer multiplications take less time in fp32? Where vectors have 8 numbers they do: with AVX2."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2"


@cache
def faster_in_columns() -> bool:
    """Does a matrix product in bf16 take less time than the library's gradient?"""
    return good_at_bf16(torch.device("cpu"))


def in_columns(large: Tensor, small: Tensor, kernel: int, padding: int) -> Tensor:
    """One product, of the small map and of what a kernel sees of the large one at each of its pixels."""
    (n, o, height, width), c = small.shape, large.shape[1]
    x = pad(large.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding)).contiguous()
    far, down, right, next_ = x.stride()
    seen = x.as_strided((n, height, width, kernel, kernel, c), (far, 2 * down, 2 * right, down, right, next_))
    pixels = small.permute(0, 2, 3, 1).reshape(-1, o)
    return (pixels.t() @ seen.reshape(len(pixels), -1)).view(o, kernel, kernel, c).permute(0, 3, 1, 2)


def in_tiles(large: Tensor, small: Tensor, kernel: int, padding: int) -> Tensor:
    """Nine products, of tiles of 2×2 pixels of the small map and of the three by three blocks that they see."""
    o, c = small.shape[1], large.shape[1]
    total: Tensor | None = None
    each = max(1, PART * len(large) // (9 * large.numel()))  # tiles have 9/4 of the large map's numbers
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
