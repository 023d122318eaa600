"""Distances between two large sets, a block of rows at a time, so that memory stays bounded whatever their size."""

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK_BYTES = 64 * 2**20  # of one block of float64 numbers
FEW = 64  # rows whose numbers a cache holds


def double(x: Tensor) -> Tensor:
    """float64, on the processor where the device has none (Apple's GPUs).  Any shape → same shape"""
    return x.detach().cpu().double() if x.device.type == "mps" else x.detach().double()


def rows(count: int, width: int) -> Iterator[slice]:
    """Slices of `count` rows, one at least, such that a float64 block [rows, width] stays within BLOCK_BYTES."""
    step = max(1, BLOCK_BYTES // (8 * max(1, width)))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def products(x: Tensor, y: Tensor) -> Iterator[Tensor]:
    """x yᵀ for x [N, D] and y [M, D], a few rows at a time, in float64.

    They are multiplied in the precision that the features have, float32 at least: a float64 sum of many products loses
    nothing by it, and they take half the time. What is made of a few rows stays in a processor's cache.

    Yields float64 [rows, M].
    """
    x, y = (z.detach() if z.dtype == torch.float64 else z.detach().float() for z in (x, y))
    for part in rows(len(x), len(y)):
        for few in product(x[part], y.T).split(FEW):
            yield double(few)


def product(x: Tensor, y: Tensor) -> Tensor:
    """The matrix product of x [N, K] and y [K, M] → [N, M], in float32 at least.

    The precision of the caller's networks plays no part. On a processor by NumPy, which computes one half of x xᵀ and
    mirrors that.
    """
    if x.device.type == y.device.type == "cpu":
        return torch.from_numpy(x.detach().numpy() @ y.detach().numpy())
    return _in_full(x, y)


def _in_full(x: Tensor, y: Tensor) -> Tensor:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        return x @ y
    finally:
        torch.set_float32_matmul_precision(before)


def squared_distances(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """(rows, float64 [rows, M]) for a [N, D] and b [M, D]: every |aᵢ - bⱼ|², a block of rows of `a` at a time.

    Centred first, so that little is lost in |a|² + |b|² - 2ab; what is below that formula's rounding error is
    exactly 0, so that equal rows are at distance 0.
    """
    a, b = double(a), double(b)
    centre = b.mean(0)
    a, b = a - centre, b - centre
    a_norm, b_norm = a.square().sum(1), b.square().sum(1)
    noise = 1e-13 * (a_norm.max() + b_norm.max())
    for part in rows(len(a), len(b)):
        block = product(a[part], b.T).mul_(-2).add_(b_norm).add_(a_norm[part, None])
        yield part, block.masked_fill_(block <= noise, 0)


def nearest(a: Tensor, b: Tensor) -> Tensor:
    """Distance from every row of a [N, D] to the nearest row of b: float64 [N]."""
    return torch.cat([block.amin(1) for _, block in squared_distances(a, b)]).sqrt()
