"""digits-inverted: two domains without pairs: digits (a) and other digits, black on white (b)."""

from collections.abc import Iterable
from operator import neg

from ...spec import DataSpec
from .. import taught
from ..baselines import Baseline, Labelled, of_classifiers, of_pairs
from ..digits import TRAINED, enlarged, labels, sides, small
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "b")  # keys of its batches
PAIRED = False  # they are of domains of their own
JUDGED = Judged("digits", early=("accuracy",), final=("accuracy", "fid", "kid"), relation=neg)


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b. To train: the digits in turn, one to a, one to b, so that no digit is in both.

    The held-out part is for scores and does have pairs: b is a inverted, and label_a, label_b say which digit it is.
    With data.labels these two are trained on too.
    """
    spec = spec_of(options, path)
    images, known = enlarged(options, copies=2)  # white on black, and black on white
    trained, kept = images[:TRAINED], images[TRAINED:]
    classes = {"a": known[:TRAINED:2], "b": known[1:TRAINED:2]}
    train = taught.split_of(spec, {"a": trained[0::2], "b": 255 - trained[1::2]}, classes)
    heldout = Split({"a": kept, "b": 255 - kept, "label_a": known[TRAINED:], "label_b": known[TRAINED:]})
    mark = fingerprint(options.source, images, TRAINED, *taught.marks(spec, classes))
    return Source(options.source, spec, train, heldout, mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", "labels", *AUGMENTATIONS)
    return taught.spec_of(options, DataSpec.of((1, *sides(options)), ("a", "b"), domains=(("a",), ("b",))))


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Of the pairs that are held out, and of classifiers of the digits at 8×8 pixels, all of them labelled."""
    known = labels()
    upright = Labelled("digits", small(), known, TRAINED)
    return [*of_pairs(source), *of_classifiers(upright, Labelled("inverted digits", 1 - small(), known, TRAINED))]
