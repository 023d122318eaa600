"""digits-inverted: two domains without pairs: digits (a) and other digits, black on white (b)."""

from ...spec import DataSpec
from ..digits import TRAINED, enlarged, sides
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "b")  # keys of its batches
PAIRED = False  # they are of domains of their own
JUDGED = Judged("digits", early=("accuracy",), final=("accuracy", "fid", "kid"))


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b. To train: the digits in turn, one to a, one to b, so that no digit is in both.

    The held-out part is for scores and does have pairs: b is a inverted, and label_a, label_b say which digit it is.
    """
    spec = spec_of(options, path)
    images, labels = enlarged(options, copies=2)  # white on black, and black on white
    trained, kept = images[:TRAINED], images[TRAINED:]
    train = Split({"a": trained[0::2], "b": 255 - trained[1::2]}, domains=spec.domains)
    heldout = Split({"a": kept, "b": 255 - kept, "label_a": labels[TRAINED:], "label_b": labels[TRAINED:]})
    mark = fingerprint(options.source, images, TRAINED)
    return Source(options.source, spec, train, heldout, mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image."""
    options.allow("size", *AUGMENTATIONS)
    return DataSpec.of((1, *sides(options)), ("a", "b"), domains=(("a",), ("b",)))
