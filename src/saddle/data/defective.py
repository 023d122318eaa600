"""Images with small defects, drawn into normal ones: dots, scratches and smudges, and which pixels they cover."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError
from ..spec import DataSpec
from .anomalies import NORMAL, detected
from .chance import Floats, noise, uniform
from .options import AUGMENTATIONS, DataOptions
from .source import Source

KINDS = ("dot", "scratch", "smudge")
SIZE = 32  # pixels, unless asked otherwise; lengths below are of an image of this size
SMALLEST, LARGEST = 16, 128
TRAINED, KEPT = 2000, 400  # normal images to train on; and what is held out: every other one has a defect
MARGIN = 0.15  # of a side: a defect's middle is not nearer to an edge
CONTRAST = (0.4, 0.8)  # of the range: by how much a dot or a scratch is darker or lighter
RADIUS = (2.0, 3.5)  # of a dot
LENGTH, WIDTH = (12.0, 24.0), 1.6  # of a scratch
REACH = (3.0, 5.5)  # of a smudge: deviations of a Gaussian, along and across
FAINT = 0.6  # a smudge, which has soft edges, changes the image by this share of that
SEEN = 0.4  # a pixel is of the defect where so much of it is covered
SLOPE, PERIOD, WAVE, GRAIN = 0.3, 8.0, 0.25, 0.065  # of the stripes: slant, width of two, half their range, noise

# Places [N], what chance is drawn for, and is it held out? → normal images [N, C, H, W] in [0, 1].
Normal = Callable[[NDArray[np.int64], str, bool], Floats]


def plain(options: DataOptions) -> DataSpec:
    """Grey images, 32 × 32 pixels by default. UsageError for sizes that these sources do not have."""
    options.allow("size", "channels", *AUGMENTATIONS)
    sides = options.sides or (SIZE, SIZE)
    if not all(SMALLEST <= side <= LARGEST for side in sides):
        raise UsageError(f"data.size is {options.size}; {options.source} takes {SMALLEST} to {LARGEST} pixels")
    if options.channels_of() not in (None, 1):
        raise UsageError(f"data.channels is {options.channels}; the images of {options.source} are grey: leave it out")
    return DataSpec.of((1, *sides))


def opened(options: DataOptions, normal: Normal) -> Source:
    """Normal images to train on; as many normal ones and such with defects in turn are held out."""
    spec = plain(options)
    learned = _stored(normal(np.arange(TRAINED), f"{options.source} train", False))
    places, what = np.arange(KEPT), f"{options.source} held out"
    defect = np.where(places % 2, 1 + places // 2 % len(KINDS), 0)
    images, covered = spoiled(normal(places, what, True), what, places, defect)
    return detected(options.source, spec, learned, _stored(images), defect, (NORMAL, *KINDS), covered >= SEEN)


def spoiled(images: Floats, what: str, places: NDArray[np.int64], defect: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Images [N, C, H, W] in [0, 1] with the defect of each, and how much of every pixel it covers, [N, 1, H, W].

    `defect` [N] is 0 for none, else 1 + its place in KINDS.
    """
    height, width = images.shape[2:]
    chance = uniform(f"{what}: defect", places, 6)
    unit = min(height, width) / SIZE
    y = np.arange(height)[:, None] + 0.5 - height * (MARGIN + (1 - 2 * MARGIN) * chance[:, 0, None, None])
    x = np.arange(width) + 0.5 - width * (MARGIN + (1 - 2 * MARGIN) * chance[:, 1, None, None])
    turn = np.pi * chance[:, 2, None, None]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    sizes = chance[:, 3:5, None, None]
    dot = _inside(np.hypot(along, across), unit * _between(RADIUS, sizes[:, 0]))
    beyond = np.maximum(abs(along) - unit * _between(LENGTH, sizes[:, 0]) / 2, 0)
    scratch = _inside(np.hypot(beyond, across), unit * WIDTH / 2)
    deviations = unit * _between(REACH, sizes)
    smudge = np.exp(-((along / deviations[:, 0]) ** 2 + (across / deviations[:, 1]) ** 2) / 2)
    covered = np.stack([np.zeros_like(dot), dot, scratch, smudge])[defect, np.arange(len(images))][:, None]
    lighter = np.where(chance[:, 5] < 0.5, 1, -1)[:, None, None, None] * _between(CONTRAST, sizes[:, 1:2])
    faint = np.where(defect == len(KINDS), FAINT, 1.0)[:, None, None, None]
    return (images + covered * lighter * faint).clip(0, 1), covered


def stripes(sides: tuple[int, ...]) -> Normal:
    """Slanted stripes of one width and contrast, whose phase alone is random; and a little noise."""

    def normal(places: NDArray[np.int64], what: str, kept: bool) -> Floats:
        unit = min(sides) / SIZE
        steps = np.arange(sides[1]) + SLOPE * np.arange(sides[0])[:, None]
        phase = uniform(f"{what}: phase", places, 1)[:, :, None, None]
        waves = np.sin(2 * np.pi * (steps / (PERIOD * unit) + phase))
        return np.asarray(0.5 + WAVE * waves + GRAIN * noise(f"{what}: grain", places, (1, *sides)))

    return normal


def pieces(sides: tuple[int, ...], trained: NDArray[np.uint8], kept: NDArray[np.uint8]) -> Normal:
    """Pieces, at random places, of two grey pictures [H, W]: of the one for training and of the other held out.

    UsageError for pieces that are larger than one of them.
    """
    height, width = (min(each) for each in zip(trained.shape, kept.shape, strict=True))
    if sides[0] > height or sides[1] > width:
        raise UsageError(f"data.size is {sides[0]}×{sides[1]}; there are pieces of at most {height}×{width} pixels")

    def normal(places: NDArray[np.int64], what: str, held_out: bool) -> Floats:
        windows = np.lib.stride_tricks.sliding_window_view(kept if held_out else trained, sides)
        top, left = (uniform(f"{what}: place", places, 2) * windows.shape[:2]).astype(np.int64).T
        return windows[top, left][:, None] / 255

    return normal


def _stored(images: Floats) -> NDArray[np.uint8]:
    return np.rint(255 * images.clip(0, 1)).astype(np.uint8)


def _between(ends: tuple[float, float], chance: Floats) -> Floats:
    return np.asarray(ends[0] + (ends[1] - ends[0]) * chance)


def _inside(distance: Floats, radius: Floats | float) -> Floats:
    """How much of a pixel at this distance from a middle lies within the radius, about: its edge is one pixel wide."""
    return np.asarray(np.clip(radius + 0.5 - distance, 0, 1))
