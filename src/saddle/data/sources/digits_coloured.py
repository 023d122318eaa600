"""digits-coloured: digits in red, green or blue, bright or inverted, with thin, normal or bold strokes: 18 kinds
digits-coloured:apart: the same, of which half are labelled by colour and inversion alone, half by their strokes alone
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...base.errors import UsageError
from ...base.memory import check_fits
from ...spec import Condition, DataSpec
from ..baselines import Baseline, Labelled, told
from ..digits import SIZE, TRAINED, bilinear, labels, sides, small
from ..fingerprint import fingerprint
from ..labels import learned
from ..options import AUGMENTATIONS, DataOptions
from ..sampler import hashed
from ..source import Judged, Source, Split

OFFERS = ("image", "label")  # keys of its batches
FILES = False  # its place is a word
APART = "apart"
COLOURS, STROKES = ("red", "green", "blue"), ("thin", "normal", "bold")
CONDITION = Condition("labels", (*COLOURS, "inverted", *STROKES), groups=(COLOURS, STROKES))
KINDS = len(COLOURS) * 2 * len(STROKES)
JUDGED = Judged("digits", early=("fid",), final=("fid", "kid"))
_BLOCK = 2**20  # pixels that are drawn at a time


def open(options: DataOptions, path: str) -> Source:
    """Keys image and label, 0 or 1 for each of the attributes; size 32 unless asked otherwise, always in colour.

    Every digit is there once, as one of the 18 kinds: none is ever seen in two colours. Apart, what is not known of a
    digit to train on is NaN, as where two collections are labelled by other people. The held-out part knows all
    attributes, and says with label_image which digit it is.
    """
    spec, rows = _described(options, path)
    height, width = spec.shape[1:]
    digits, kinds = small(), _kinds()
    check_fits(3 * len(digits) * height * width, f"the {len(digits):,} digits of {height}×{width} pixels, in colour")
    images = np.empty((len(digits), 3, height, width), np.uint8)
    step = max(_BLOCK // max(height * width, SIZE**2), 1)
    for start in range(0, len(digits), step):
        part = slice(start, start + step)
        images[part] = np.rint(255 * drawn(digits[part], kinds[part], height, width))
    columns: dict[str, np.ndarray] = {"image": images, "label": rows, "label_image": labels()}
    train, heldout = (
        Split({key: column[part] for key, column in columns.items()}) for part in (slice(TRAINED), slice(TRAINED, None))
    )
    mark = fingerprint(images, rows, CONDITION.names, TRAINED)
    return Source(options.source, spec, train, heldout, mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    return _described(options, path)[0]


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """How well classifiers tell the attributes of held-out images at 8×8 pixels, and which digit it is."""
    images = drawn(small(), _kinds(), 8, 8)
    colour, inverted, strokes = _kinds().T
    asked = {"colour": colour, "inversion": inverted, "stroke": strokes, "digit": labels()}
    for what, known in asked.items():
        right = told(*2 * [Labelled(what, images, known, TRAINED)])
        yield Baseline(f"SVC {what}", f"trained on images with their {what}, shown held-out ones", right, "% right")


def drawn(digits: NDArray[np.float64], kinds: NDArray[np.int64], height: int, width: int) -> NDArray[np.float64]:
    """Digits [N, 8, 8] in [0, 1] as `kinds` [N, 3] say, colour, inverted, stroke: [N, 3, height, width] in [0, 1].

    At 32×32 pixels a thin stroke is the least of the 3×3 pixels around, a bold one the most; then it is resized.
    """
    colour, inverted, stroke = kinds.T
    normal = bilinear(8, SIZE) @ digits @ bilinear(8, SIZE).T
    framed = np.pad(normal, ((0, 0), (1, 1), (1, 1)))
    around = [framed[:, i : i + SIZE, j : j + SIZE] for i in range(3) for j in range(3)]
    strokes = np.stack([np.min(around, 0), normal, np.max(around, 0)])
    grey = bilinear(SIZE, height) @ strokes[stroke, np.arange(len(digits))] @ bilinear(SIZE, width).T
    grey = np.where(inverted[:, None, None], 1 - grey, grey)
    return np.asarray(grey[:, None] * np.eye(3)[colour][:, :, None, None])


def _described(options: DataOptions, path: str) -> tuple[DataSpec, NDArray[np.float32]]:
    """The spec, and the attributes of all digits, [N, 7]."""
    options.allow("size", *AUGMENTATIONS)
    if path not in ("", APART):
        raise UsageError(f"digits-coloured:{path}: there are digits-coloured and digits-coloured:{APART}")
    colour, inverted, stroke = _kinds().T
    rows = np.concatenate([np.eye(3)[colour], inverted[:, None], np.eye(3)[stroke]], 1).astype(np.float32)
    if path:
        even = np.arange(TRAINED) % 2 == 0
        rows[:TRAINED][even, len(COLOURS) + 1 :] = np.nan
        rows[:TRAINED][~even, : len(COLOURS) + 1] = np.nan
    spec = DataSpec.of((3, *sides(options)), ("image", "label"), condition=CONDITION)
    return learned(spec, rows, np.arange(TRAINED), 0)[0], rows


def _kinds() -> NDArray[np.int64]:
    """Of each digit the colour, whether it is inverted, and the stroke, [N, 3]: a function of its place."""
    kind = (hashed(np.arange(len(labels()), dtype=np.uint64)) % np.uint64(KINDS)).astype(np.int64)
    return np.stack([kind % 3, kind // 3 % 2, kind // 6], 1)
