"""Random changes of images, each image's own: pure functions of what was drawn, and ADA's two stages.

Everything lets gradients through, twice if need be. Random numbers come from `rng`.
"""

import itertools
import math

import torch
from torch import Tensor

from ..base import rng
from ..base.known import constant


def per_sample(x: Tensor, values: Tensor) -> Tensor:
    """Values [N] as [N, 1, …], of the type of x [N, …]."""
    return values.to(x).view(-1, *[1] * (x.ndim - 1))


def shift(x: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
    """Every image [C, H, W] moved dx[i] pixels right and dy[i] down (int64 [N]); what comes in is 0."""
    for axis, by in ((2, dy), (3, dx)):
        side = x.shape[axis]
        at = torch.arange(side, device=x.device) - by.view(-1, 1)  # [N, side]: where each row comes from
        shape = [len(x), 1, -1, 1] if axis == 2 else [len(x), 1, 1, -1]
        inside = ((at >= 0) & (at < side)).view(shape)
        x = x.gather(axis, at.clamp(0, side - 1).view(shape).expand_as(x)) * inside
    return x


def cut_out(x: Tensor, left: Tensor, top: Tensor, width: int, height: int) -> Tensor:
    """Images x [N, C, H, W], each with a rectangle of zeros → same shape.

    Its corner is at column left[i], row top[i] (both int64 [N]), perhaps outside.
    """
    column, row = torch.arange(x.shape[3], device=x.device), torch.arange(x.shape[2], device=x.device)
    across = (column >= left.view(-1, 1)) & (column < left.view(-1, 1) + width)  # [N, W]
    down = (row >= top.view(-1, 1)) & (row < top.view(-1, 1) + height)  # [N, H]
    return x * ~(down.view(len(x), 1, -1, 1) & across.view(len(x), 1, 1, -1))


def _chosen(p: Tensor, value: Tensor, otherwise: float) -> Tensor:
    """`value` [N] with chance p, image by image, else what leaves the image alone."""
    return torch.where(rng.rand(len(value), device=p.device).to(p) < p, value.to(p), otherwise)


def change_geometry(x: Tensor, p: Tensor) -> Tensor:
    """Flip, quarter turns, translation by pixels, scale, rotation, stretch and translation, each with chance p.

    Drawn the other way round, as the map from a pixel of the result to where it comes from: the distributions are the
    same.

    x [N, C, H, W], p [N] → [N, C, H, W]
    """
    n, device = len(x), x.device
    normal, uniform = rng.randn(n, 4, device=device).to(p), rng.rand(n, 4, device=device).to(p) * 2 - 1
    turns, flips = rng.randint(4, n, device=device).to(p), rng.randint(2, n, device=device).to(p)
    side = constant((x.shape[3], x.shape[2]), p)
    one, rotating = torch.ones_like(flips), 1 - (1 - p).sqrt()  # before or after the stretch: with chance p in all

    blit = _scaling(_chosen(p, 1 - 2 * flips, 1.0), one) @ _rotation(_chosen(p, turns * (math.pi / 2), 0.0))
    scale, stretch = (_chosen(p, torch.exp2(0.2 * z), 1.0) for z in normal[:, :2].unbind(1))
    before, after = (_rotation(_chosen(rotating, math.pi * u, 0.0)) for u in uniform[:, :2].unbind(1))
    general = _scaling(scale, scale) @ before @ _scaling(stretch, 1 / stretch) @ after
    pixels = _chosen_rows(p, (0.125 * uniform[:, 2:] * side).round())
    moved = _chosen_rows(p, 0.125 * normal[:, 2:] * side)
    return resample(x, blit @ general, _times(blit, pixels + _times(general, moved)))


def _chosen_rows(p: Tensor, values: Tensor) -> Tensor:
    return values * _chosen(p, torch.ones_like(values[:, 0]), 0.0).unsqueeze(1)


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(2)).squeeze(2)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    return torch.diag_embed(torch.stack((x, y), 1))


def _rotation(angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((cos, -sin, sin, cos), 1).view(-1, 2, 2)


def resample(x: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Images whose pixel at v, from the centre, is x's at matrix v + offset ([N, 2, 2] and [N, 2], x before y).

    Bilinear, reflected at the edges; made of gathers, which torch can differentiate twice, as it cannot grid_sample.

    x [N, C, H, W] → same shape
    """
    _, channels, height, width = x.shape
    right, down = (torch.arange(side, device=x.device).to(offset) - (side - 1) / 2 for side in (width, height))
    a, b, c, d = (entry.view(-1, 1, 1) for entry in matrix.flatten(1).unbind(1))
    columns = _neighbours(a * right + b * down.view(-1, 1) + offset[:, 0].view(-1, 1, 1), width)
    rows = _neighbours(c * right + d * down.view(-1, 1) + offset[:, 1].view(-1, 1, 1), height)
    pixels, out = x.flatten(2), torch.zeros_like(x)
    for (row, by_row), (column, by_column) in itertools.product(rows, columns):
        index = (row * width + column).flatten(1).unsqueeze(1).expand(-1, channels, -1)
        out = out + (by_row * by_column).to(x.dtype).unsqueeze(1) * pixels.gather(2, index).view_as(x)
    return out


def _neighbours(at: Tensor, side: int) -> list[tuple[Tensor, Tensor]]:
    """The two pixels of an axis around places from its centre, and their weights; beyond the edge, reflected ones."""
    at = at + (side - 1) / 2
    low = at.floor()
    share = at - low
    return [(_reflected(low, side), 1 - share), (_reflected(low + 1, side), share)]


def _reflected(at: Tensor, side: int) -> Tensor:
    """-1 is 1, and `side` is side - 2."""
    last = max(side - 1, 1)
    at = at - 2 * last * (at / (2 * last)).floor()  # torch's remainder takes ten times as long
    return (last - (at - last).abs()).clamp(0, side - 1).long()


def change_colour(x: Tensor, p: Tensor) -> Tensor:
    """Brightness, contrast, an inverted luma, a turned hue and saturation, each with chance p; hue needs 3 channels.

    x [N, C, H, W], p [N] → [N, C, H, W]
    """
    n, device = len(x), x.device
    normal, turn = rng.randn(n, 3, device=device).to(p), rng.rand(n, device=device).to(p) * 2 - 1
    inverted = rng.randint(2, n, device=device).to(p)
    brightness = _chosen(p, 0.2 * normal[:, 0], 0.0)
    contrast = _chosen(p, torch.exp2(0.5 * normal[:, 1]), 1.0)
    flip, hue = _chosen(p, 1 - 2 * inverted, 1.0), _chosen(p, math.pi * turn, 0.0)
    saturation = _chosen(p, torch.exp2(normal[:, 2]), 1.0)
    x = (x + per_sample(x, brightness)) * per_sample(x, contrast)
    luma = x.mean(1, keepdim=True)
    chroma = x - luma
    if x.shape[1] == 3:  # a rotation about the grey axis
        across = (chroma.roll(1, 1) - chroma.roll(-1, 1)) / 3**0.5
        chroma = chroma * per_sample(x, hue.cos()) + across * per_sample(x, hue.sin())
    return luma * per_sample(x, flip) + chroma * per_sample(x, saturation)
