"""How wrong are colours where a shadow was, and outside of it? By |ΔL| + |Δa| + |Δb| of CIE L*a*b* under D65.

Papers on shadow removal report it, as a rule by the name of RMSE, which it is not (Wang, Li, Yang, 2018,
https://arxiv.org/abs/1712.02478). It is the mean over pixels of all images, of saved pictures of 8 bits.
"""

from functools import partial

import torch
from torch import Tensor

from .metric import Metric
from .shadows import MASK, is_lit, measured, parts
from .tones import check_alike, levels
from .translated import Each, Turned

XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
WHITE = (0.95047, 1.0, 1.08883)  # of D65
EDGE = 6 / 29  # from there on lightness is a cube root


def lab(images: Tensor) -> Tensor:
    """sRGB [N, 3, H, W] in [-1, 1] as L from 0 to 100, a and b of its 8-bit picture: float64 [N, 3, H, W]."""
    s = levels(images) / 255
    linear = torch.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    to_xyz = s.new_tensor(XYZ) / s.new_tensor(WHITE)[:, None]
    t = torch.einsum("kc,nchw->nkhw", to_xyz, linear)
    x, y, z = torch.where(t > EDGE**3, t.clamp(min=1e-12) ** (1 / 3), t / (3 * EDGE**2) + 4 / 29).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def lab_error(images: Tensor, truth: Tensor) -> Tensor:
    """|ΔL| + |Δa| + |Δb| of every pixel of images [N, 3, H, W] in [-1, 1]: float64 [N, 1, H, W].

    UsageError for images of other shapes.
    """
    check_alike(images, truth)
    return (lab(images) - lab(truth)).abs().sum(1, keepdim=True)


def _look(turned: Turned) -> dict[str, Tensor]:
    """Of every image the sum of its errors and the number of its pixels in the shadow, and outside: [N, 2, 2]."""
    assert turned.truth is not None
    shadow = turned.of(MASK) > 0
    kept = {}
    for whose, images in ({"": turned.made} | turned.beside).items():
        error = lab_error(images, turned.truth)
        sides = [torch.stack([(error * side).sum((1, 2, 3)), side.sum((1, 2, 3))], 1) for side in (shadow, ~shadow)]
        kept[whose] = torch.stack(sides, 1)
    return kept | parts(turned)


def _mean(sides: slice, rows: Tensor) -> float:
    """The mean over all pixels of some images [N, 2, 2]; NaN without one."""
    total, count = rows[:, sides].sum((0, 1)).tolist()
    return total / count if count else float("nan")


EACH = Each(
    "lab_each",
    "a game that translates to images in colour, and held-out pairs with a mask of their shadows",
    look=_look,
    when=lambda way: way.compares and way.shape[0] == 3 and is_lit(way),
)

METRICS = {
    "lab_error": Metric(
        "mean |ΔL| + |Δa| + |Δb| of translations from the true images",
        "lower",
        (EACH,),
        measured(EACH, partial(_mean, slice(None))),
    ),
    "lab_error_shadow": Metric(
        "the same of the pixels in the shadow alone",
        "lower",
        (EACH,),
        measured(EACH, partial(_mean, slice(0, 1))),
    ),
    "lab_error_outside": Metric(
        "the same of the pixels outside of the shadow: what was right may not be damaged",
        "lower",
        (EACH,),
        measured(EACH, partial(_mean, slice(1, 2))),
    ),
}
