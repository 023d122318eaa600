"""The damage of photographs as they are met with: blurred, resized, noised and saved as JPEG, and all of it once more.

Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data. Wang et al., 2021, Section 3, with the
numbers of the authors' options for ×4. https://arxiv.org/abs/2107.10833. Colours are in [0, 1].
"""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import conv2d, interpolate

from . import blurs
from .chance import Dice, Floats
from .options import Range

MODES = ("area", "bilinear", "bicubic")
QUALITY = (30, 95)  # of JPEG
GREY = 0.4  # share of noises that are the same in every channel
LOW_PASS = 0.8  # share of images that end with one


@dataclass(frozen=True)
class Stage:
    """What happens once, and again with other numbers."""

    blurred: float  # share of images that are
    sigma: Range  # deviations of blurs, in pixels
    resized: tuple[float, float, float]  # shares of images that are made larger, smaller, and neither
    factor: Range  # the smallest and the largest
    gaussian: Range  # deviations of noise, in levels of 255; half of all noises are Gaussian
    poisson: Range  # by which the noise of counted light is multiplied


FIRST = Stage(1.0, (0.2, 3.0), (0.2, 0.7, 0.1), (0.15, 1.5), (1, 30), (0.05, 3.0))
SECOND = Stage(0.8, (0.2, 1.5), (0.3, 0.4, 0.3), (0.3, 1.2), (1, 25), (0.05, 2.5))


def damaged(image: Tensor, times: int, bits: np.uint64) -> Tensor:
    """An image [C, H, W] in [0, 1] as its random bits damage it, [C, H / times, W / times] in [0, 1]."""
    dice, size = Dice(bits), (image.shape[1] // times, image.shape[2] // times)
    x = _stage(image, FIRST, dice, (image.shape[1], image.shape[2]))
    x = jpeg(x, dice.uniform(*QUALITY))
    x = _stage(x, SECOND, dice, size)
    if dice.uniform() < 0.5:
        return jpeg(_brought(x, size, dice), dice.uniform(*QUALITY))
    return _brought(jpeg(x, dice.uniform(*QUALITY)), size, dice).clamp(0, 1)


def _stage(x: Tensor, stage: Stage, dice: Dice, size: tuple[int, int]) -> Tensor:
    """Blurred, made as large as a factor times `size`, with noise; not clipped."""
    if dice.uniform() < stage.blurred:
        x = blurred(x, blurs.drawn(dice, stage.sigma))
    low, high = stage.factor
    factor = [(1, high), (low, 1), (1, 1)][dice.choice(stage.resized)]
    share = dice.uniform(*factor)
    x = _resized(x, (max(1, int(size[0] * share)), max(1, int(size[1] * share))), dice)
    if dice.uniform() < 0.5:
        noise = gaussian_noise(x, dice.uniform(*stage.gaussian), dice.uniform() < GREY, dice)
    else:
        noise = poisson_noise(x, dice.uniform(*stage.poisson), dice.uniform() < GREY, dice)
    return (x + noise).clamp(0, 1)


def _brought(x: Tensor, size: tuple[int, int], dice: Dice) -> Tensor:
    """In the size that was asked for, and most without the highest waves."""
    x = _resized(x, size, dice)
    return blurred(x, blurs.drawn_low_pass(dice)) if dice.uniform() < LOW_PASS else x


def _resized(x: Tensor, size: tuple[int, int], dice: Dice) -> Tensor:
    mode = MODES[dice.choice([1] * len(MODES))]
    corners = None if mode == "area" else False
    return interpolate(x[None], size=size, mode=mode, align_corners=corners)[0]


def blurred(x: Tensor, kernel: Floats) -> Tensor:
    """[C, H, W] with a blur [K, K]; beyond its borders the image is mirrored, without its outermost pixels."""
    edge = len(kernel) // 2
    for dim in (1, 2):
        last = x.shape[dim] - 1
        at = torch.arange(-edge, last + edge + 1).remainder(max(1, 2 * last))
        x = x.index_select(dim, torch.where(at <= last, at, 2 * last - at))
    return conv2d(x[:, None], torch.from_numpy(kernel).to(x)[None, None])[:, 0]


def gaussian_noise(x: Tensor, deviation: float, grey: bool, dice: Dice) -> Tensor:
    """Gaussian noise [C, H, W] for an image x [C, H, W], its deviation in levels of 255; `grey`: the same for all
    channels, [1, H, W].
    """
    shape = (1 if grey else x.shape[0], *x.shape[1:])
    return torch.from_numpy(dice.noises(shape)).to(x) * (deviation / 255)


def poisson_noise(x: Tensor, scale: float, grey: bool, dice: Dice) -> Tensor:
    """So many times the noise of counted light, for an image [C, H, W]: as many levels as it has are counted.

    Of colours that is a power of 2, from the number of levels of 8 bits that occur.

    Returns [C, H, W].
    """
    seen = x.clamp(0, 1) if not grey or x.shape[0] != 3 else _luminance(x.clamp(0, 1))
    levels = (seen * 255).round().long().numpy()
    most = 2 ** int(np.ceil(np.log2(len(np.unique(levels)))))
    counts = counted(levels, most, dice.uniforms(levels.shape))
    return torch.from_numpy(scale * (counts / most - levels / 255)).to(x)


def _luminance(x: Tensor) -> Tensor:
    return (x * x.new_tensor([0.2989, 0.587, 0.114]).view(3, 1, 1)).sum(0, keepdim=True)


def counted(levels: np.ndarray, most: int, chance: Floats) -> Floats:
    """Poisson's counts of the means most · level / 255, by the inverse of their distribution at numbers in [0, 1)."""
    cumulated = _cumulated(most)
    rows = cumulated + np.arange(256)[:, None]  # all in one ascending row: that of level k lies between k and k + 1
    found = np.searchsorted(rows.ravel(), levels + chance, side="right")
    return np.asarray(found - levels * cumulated.shape[1], np.float64)


@lru_cache(maxsize=9)
def _cumulated(most: int) -> Floats:
    """The distribution functions of Poisson's counts for the 256 means: [256, counts], below 1."""
    mean = most * np.arange(256)[:, None] / 255
    count = np.arange(int(most + 10 * most**0.5 + 10))
    logarithms = np.concatenate([[0.0], np.cumsum(np.log(np.maximum(count[1:], 1)))])  # of the factorials
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where(count > 0, count * np.log(mean), 0.0)
    return np.minimum(np.exp(power - mean - logarithms).cumsum(1), 1 - 1e-12)


def jpeg(x: Tensor, quality: float) -> Tensor:
    """[C, H, W] as a JPEG file of this quality gives it back: of 8 bits, colours of three channels together.

    Returns [C, H, W].
    """
    levels = (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    bands = [levels] if levels.shape[2] == 3 else [levels[..., k] for k in range(levels.shape[2])]
    read = []
    for band in bands:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(band)).save(file, "JPEG", quality=round(quality))
        array = np.asarray(Image.open(file))
        read.append(array if array.ndim == 3 else array[..., None])
    return torch.from_numpy(np.concatenate(read, 2)).permute(2, 0, 1).to(x) / 255
