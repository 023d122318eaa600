"""holes: scikit-learn's two photographs in pieces with a hole (a), where it is (mask) and as they are (b)
holes:PATH: the images of a folder likewise, to learn to fill holes in them
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...spec import HOLE, LOST, DataSpec, Field
from ..baselines import Baseline, of_pairs
from ..chance import uniform
from ..crops import sides_of_pairs
from ..damaged import damaged
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source
from ..torn import torn
from ..trivial import filled, held_out, own_mean, told
from . import folder

OFFERS = ("a", "b", "mask")  # keys of its batches
JUDGED = Judged()
PIECES = True  # at the scale of the photographs
STROKES, BENDS = 3, 2  # of a brush, and pieces of each
BREADTH = (0.03, 0.07)  # of the shorter side: half of a stroke's


def open(options: DataOptions, path: str) -> Source:
    """Keys a, b and mask, 1 in the hole, where a has lost its pixels.

    Of one sample that is the square of half the sides in its middle, of the next one strokes of a brush, in turn.
    """
    return (
        torn(options, spec_of(options, path), folder.open(options, path), holes)
        if path
        else damaged(options, spec_of(options, path), _torn, JUDGED)
    )


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    if path:
        options.allow(*folder.TAKES, "pages")
        field = folder.spec_of(options, path).main
        lost = Field("mask", (1, *field.shape[1:]), title=HOLE, free=field.free)
        return DataSpec({"a": replace(field, title="damaged"), "b": replace(field, title="whole"), "mask": lost})
    options.allow("size", *AUGMENTATIONS)
    sides = sides_of_pairs(options)
    image = {key: Field("image", (3, *sides), title=title) for key, title in (("a", "damaged"), ("b", "whole"))}
    return DataSpec({**image, "mask": Field("mask", (1, *sides), title=HOLE)})


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Scored in the hole alone: outside of it the answer is given."""
    if options.direction == "b-to-a" or ":" in options.source:
        return of_pairs(source)
    a, b, hole = held_out(source, "a", "b", "mask")
    mean = source.train.columns["b"][np.arange(0, len(source.train), 5)].mean(0, keepdims=True)
    answers = (
        ("copy", "the input as it is: grey", a),
        ("mean image", "the mean image of training samples", np.broadcast_to(mean, b.shape)),
        ("own mean colour", "the mean colour of what is left", np.broadcast_to(own_mean(a, ~hole), b.shape)),
        ("diffusion", "what is left spreads into the hole as heat does", filled(a, hole)),
    )
    return [told(f"{name}, in the hole", says, answer, b, hole) for name, says, answer in answers]


def _torn(whole: NDArray[np.uint8], what: str, places: NDArray[np.int64]) -> dict[str, np.ndarray]:
    hole = holes(what, places, *whole.shape[2:])
    return {"a": np.where(hole, np.uint8(LOST), whole), "mask": hole}


def holes(what: str, places: NDArray[np.int64], height: int, width: int) -> NDArray[np.bool_]:
    """Of samples at these places the square in the middle, or strokes, in turn: [N, 1, height, width]."""
    hole = np.zeros((len(places), 1, height, width), bool)
    square = places % 2 == 0
    hole[square, :, height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    hole[~square, 0] = strokes(what, places[~square], height, width)
    return hole


def strokes(what: str, places: NDArray[np.int64], height: int, width: int) -> NDArray[np.bool_]:
    """Where a round brush has been, in a few strokes of straight pieces: [N, H, W]."""
    x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    chance = uniform(f"{what}: strokes", places, STROKES * (2 * BENDS + 3))
    chance = chance.reshape(len(places), STROKES, 2 * BENDS + 3, 1, 1)
    hole = np.zeros((len(places), height, width), bool)
    for k in range(STROKES):
        breadth = min(height, width) * (BREADTH[0] + (BREADTH[1] - BREADTH[0]) * chance[:, k, 0])
        ends = chance[:, k, 1:]
        for i in range(BENDS):
            x_1, y_1, x_2, y_2 = (ends[:, 2 * i + j] * side for j, side in enumerate((width, height, width, height)))
            right, down = x_2 - x_1, y_2 - y_1
            share = ((x - x_1) * right + (y - y_1) * down) / np.maximum(right**2 + down**2, 1e-9)
            share = np.clip(share, 0, 1)  # of the piece, up to where it is nearest
            hole |= (x - x_1 - share * right) ** 2 + (y - y_1 - share * down) ** 2 < breadth**2
    return hole
