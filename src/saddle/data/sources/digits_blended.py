"""digits-blended: two domains without pairs: digits (a) and other digits, blended with smooth noise (b)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...spec import DataSpec, Field
from .. import taught
from ..baselines import Baseline, Labelled, of_classifiers, of_pairs
from ..digits import TRAINED, chances, enlarge, labels, sides, small
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "b")  # keys of its batches
PAIRED = False  # they are of domains of their own
JUDGED = Judged("digits", early=("accuracy",), final=("accuracy", "fid", "kid"))
COARSE = 3  # random numbers along a side of the noise


def blended(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each of the images x [N, 8, 8] as |n - x|: n is 3×3 uniform noise in [0, 1), drawn large bilinearly."""
    noise = chances(len(images), COARSE, COARSE)
    places = np.linspace(0, COARSE - 1, images.shape[1])  # from corner to corner
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(COARSE)))
    return np.abs(weights @ noise @ weights.T - images)


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b. To train: the digits in turn, one to a, one to b, so that no digit is in both.

    The held-out part is for scores and does have pairs: b is a blended, and label_a, label_b say which digit it is.
    With data.labels these two are trained on too.
    """
    spec, known = spec_of(options, path), labels()[TRAINED:]
    trained = {"a": labels()[:TRAINED:2], "b": labels()[1:TRAINED:2]}
    a, b = enlarge(small(), options, copies=2), enlarge(blended(small()), options)
    train = taught.split_of(spec, {"a": a[:TRAINED:2], "b": b[1:TRAINED:2]}, trained)
    heldout = Split({"a": a[TRAINED:], "b": b[TRAINED:], "label_a": known, "label_b": known})
    mark = fingerprint(options.source, a, b, TRAINED, *taught.marks(spec, trained))
    return Source(options.source, spec, train, heldout, mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", "labels", *AUGMENTATIONS)
    shape = (1, *sides(options))
    fields = {"a": Field("image", shape, title="digit"), "b": Field("image", shape, title="blended digit")}
    return taught.spec_of(options, DataSpec(fields, domains=(("a",), ("b",))))


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Of the pairs that are held out, and of classifiers of the digits at 8×8 pixels, all of them labelled."""
    upright, target = (
        Labelled(title, images, labels(), TRAINED)
        for title, images in (("digits", small()), ("blended digits", blended(small())))
    )
    return [*of_pairs(source), *of_classifiers(upright, target)]
