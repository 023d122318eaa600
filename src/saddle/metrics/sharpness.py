"""How sharp are the images? By the curvature of their brightness from pixel to pixel."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from ..base.errors import UsageError
from .blocks import double
from .evidence import Ingredient, Seen
from .ingredients import NOT_KEPT, REAL, SAMPLES, are_images, chunks
from .metric import Metric
from .tones import grey, mean_inside
from .uncertainty import mean_error


def laplacian_energy(images: Tensor) -> Tensor:
    """Mean square, over pixels and channels, of the four neighbours' mean less the pixel.  [N, C, H, W] → [N]

    0 for an even slope, large for edges and fine lines, and for noise.
    """
    if images.ndim != 4 or min(images.shape[-2:]) < 3:
        raise UsageError(f"sharpness is of images of 3×3 pixels or more, and these are of shape {[*images.shape[1:]]}")
    kernel = torch.tensor([[0, 0.25, 0], [0.25, -1, 0.25], [0, 0.25, 0]])
    x = images.float().flatten(0, 1)[:, None]
    return conv2d(x, kernel.to(x)[None, None]).square().flatten(1).mean(1).view(images.shape[:2]).mean(1)


def sharpness(fake: Tensor, real: Tensor) -> tuple[float, float]:
    """Mean energy [N] of samples relative to real images' [M], with its standard error: 1 for real ones."""
    scale = float(double(real).mean())
    return float(double(fake).mean()) / scale, mean_error(double(fake)) / scale


def laplacian_variance(images: Tensor, inside: Tensor | None = None) -> Tensor:
    """Variance over the pixels of four neighbours less four times the pixel, of grey images.  [N, C, H, W] → [N]

    In float64; the outermost pixels have no such value. With a mask `inside` [N, 1, H, W], of the pixels that are 1
    there; NaN where there is none. UsageError for fewer than 3 pixels.
    """
    if images.ndim != 4 or min(images.shape[-2:]) < 3:
        raise UsageError(f"sharpness is of images of 3×3 pixels or more, and these are of shape {[*images.shape[1:]]}")
    x = grey(double(images).clamp(-1, 1))
    sides = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    bend = sides - 4 * x[..., 1:-1, 1:-1]
    where = None if inside is None else inside[..., 1:-1, 1:-1]
    return mean_inside((bend - mean_inside(bend, where).view(-1, 1, 1, 1)).square(), where)


EDGES = Seen("edges", of=SAMPLES, look=lambda drawn: laplacian_energy(drawn.images))
REAL_EDGES = Ingredient(
    "real_edges",
    REAL.lacking + NOT_KEPT,
    make=lambda e: torch.cat([laplacian_energy(part) for part in chunks(e[REAL])]),
    needs=(REAL,),
    can=are_images("real"),
)

METRICS = {
    "sharpness": Metric(
        "curvature of samples' brightness from pixel to pixel; 1 for real images, above it for noise",
        "higher",
        (EDGES, REAL_EDGES),
        lambda e: sharpness(e[EDGES], e[REAL_EDGES]),
        lambda e: {"reference_count": len(e[REAL_EDGES])},
    )
}
