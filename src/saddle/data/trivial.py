"""Trivial answers for photographs and drawings: a game must beat them, and they need no training.

Images are uint8 or float [N, C, H, W] of 0 to 255, masks bool [N, 1, H, W].
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from .baselines import Baseline, of_pairs
from .lines import Floats
from .options import DataOptions
from .source import Source

Mask = NDArray[np.bool_]
_LEAST = 255**2 * 1e-10 / 4  # mean squared error: an image that is exactly right has 106 decibels
_LUMINANCE = np.array([0.299, 0.587, 0.114])[:, None, None]  # ITU-R 601
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])  # of D65


def held_out(source: Source, *keys: str) -> list[np.ndarray]:
    """The held-out samples of these keys, as they are kept."""
    assert source.heldout is not None  # of a source that is made, it always is
    columns = source.heldout.columns
    return [np.asarray(columns[key][np.arange(len(columns[key]))]) for key in keys]


def of_drawings(source: Source, options: DataOptions, clean: Callable[[], Floats]) -> Iterable[Baseline]:
    """Those of all pairs, of label maps (a) with drawn pictures (b); what noise leaves to reach; and what colours tell.

    `clean` gives the held-out pictures without their noise, [N, C, H, W] in [0, 1].
    """
    yield from of_pairs(source)
    if options.direction == "a-to-b":
        a, b = held_out(source, "a", "b")
        yield told("own mean colour", "the mean colour of the picture itself", own_mean(b), b)
        yield told("ceiling", "the picture without its noise: nobody is better", 255 * clean(), b)
        labels, images = (source.train.columns[key][np.arange(len(a))] for key in ("a", "b"))
        classes = range(len(source.spec.fields["a"].names))
        colours = np.stack([np.moveaxis(images, 1, -1)[labels == k].mean(0) for k in classes])
        right = 100 * float((nearest_class(b, colours) == a).mean())
        yield Baseline(
            "nearest colour", "of the true picture: a pixel's class follows from its colour", right, "% right"
        )


def told(name: str, says: str, answer: np.ndarray, truth: np.ndarray, where: Mask | None = None) -> Baseline:
    """The PSNR of an answer, the mean over images; of the pixels of a mask alone, if one is given."""
    return Baseline(name, says, decibels(answer, truth, where), "dB")


def decibels(answer: np.ndarray, truth: np.ndarray, where: Mask | None = None) -> float:
    """10 log₁₀(255² / mean squared error), the mean over images; those of which the mask takes nothing are left out."""
    error = np.square(answer.astype(np.float64) - truth)
    of = np.ones(error.shape, bool) if where is None else np.broadcast_to(where, error.shape)
    some = of.any((1, 2, 3))
    mean = error[some].mean((1, 2, 3), where=of[some])
    return float((10 * np.log10(255**2 / np.maximum(mean, _LEAST))).mean())


def own_mean(x: np.ndarray, where: Mask | None = None) -> Floats:
    """Every image as its mean colour, of the pixels of a mask alone, if one is given: [N, C, 1, 1]."""
    of = np.ones(x.shape, bool) if where is None else np.broadcast_to(where, x.shape)
    return np.asarray(x.mean((2, 3), where=of, keepdims=True, dtype=np.float64))


def grey(x: np.ndarray) -> Floats:
    """Luminance in one channel, [N, 1, H, W]."""
    return np.asarray((_LUMINANCE * x).sum(1, keepdims=True))


def median(x: np.ndarray) -> np.ndarray:
    """Each value becomes the median of the square of 3 × 3 pixels about it; the edges are repeated."""
    height, width = x.shape[2:]
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    around = [p[:, :, top : top + height, left : left + width] for top in range(3) for left in range(3)]
    return np.asarray(np.partition(np.stack(around), 4, axis=0)[4])


def filled(x: np.ndarray, hole: Mask) -> Floats:
    """Holes filled as heat spreads: each pixel is the mean of its neighbours above, below, left and right (Laplace).

    Nothing flows over the edges of the image. Each hole borders on something that is left.
    """
    y = x.astype(np.float64)
    for image, lost in zip(y, hole[:, 0], strict=True):
        if lost.any():
            image[:, lost] = _harmonic(image, lost)
    return y


def _harmonic(image: Floats, lost: Mask) -> Floats:
    """The values [C, K] of the K lost pixels of an image [C, H, W]."""
    from scipy.sparse import coo_array  # which scikit-learn brings along
    from scipy.sparse.linalg import splu

    count = int(lost.sum())
    number = np.full(lost.shape, -1)
    number[lost] = np.arange(count)
    known = np.zeros((count, len(image)))
    neighbours = np.zeros(count)
    pairs = []
    lower, upper = np.s_[1:, :], np.s_[:-1, :]
    right, left = np.s_[:, 1:], np.s_[:, :-1]
    for one, other in ((lower, upper), (upper, lower), (right, left), (left, right)):
        here, there = number[one], number[other]
        neighbours[here[here >= 0]] += 1
        both, border = (here >= 0) & (there >= 0), (here >= 0) & (there < 0)
        pairs.append((here[both], there[both]))
        known[here[border]] += image[:, *other][:, border].T
    rows, columns = (np.concatenate(each) for each in zip(*pairs, strict=True))
    every = np.arange(count)
    values = np.concatenate([neighbours, -np.ones(len(rows))])
    places = (np.concatenate([every, rows]), np.concatenate([every, columns]))
    return np.asarray(splu(coo_array((values, places), (count, count)).tocsc()).solve(known).T)


def darker(x: np.ndarray, share: float = 0.75) -> Mask:
    """A shadow is where an image is darker than that share of its median."""
    light = grey(x)
    return np.asarray(light < share * np.median(light, (1, 2, 3), keepdims=True))


def balanced_error(said: Mask, truth: Mask) -> float:
    """Percentage of pixels classified wrongly, the mean of those inside and those outside, over all images (BER)."""
    return 50 * float((~said[truth]).mean() + said[~truth].mean())


def lab(x: np.ndarray) -> Floats:
    """sRGB as CIE L*a*b* (1976) under D65, [N, 3, H, W]: L from 0 to 100."""
    s = x / 255
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    t = np.einsum("kc,nchw->nkhw", _XYZ / _WHITE[:, None], linear)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def lab_error(x: np.ndarray, truth: np.ndarray) -> Floats:
    """|ΔL| + |Δa| + |Δb| of every pixel, [N, 1, H, W]."""
    return np.asarray(abs(lab(x) - lab(truth)).sum(1, keepdims=True))


def nearest_class(x: np.ndarray, colours: Floats) -> NDArray[np.int64]:
    """Of every pixel which of the colours [K, C] is nearest, [N, H, W]."""
    return np.asarray(np.square(x[:, None] - colours[None, :, :, None, None]).sum(2).argmin(1))
