"""digits-inverted: two domains without pairs: digits (a) and other digits, black on white (b)."""

from ...spec import DataSpec
from ..digits import TRAINED, enlarged
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "b")  # keys of its batches
JUDGED = Judged("digits", early=("accuracy",), final=("accuracy", "fid", "kid"))


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b. To train: the digits in turn, one to a, one to b, so that no digit is in both.

    The held-out part is for scores and does have pairs: b is a inverted, and label_a, label_b say which digit it is.
    """
    options.allow("size", *AUGMENTATIONS)
    images, labels = enlarged(options)
    trained, kept = images[:TRAINED], images[TRAINED:]
    train = Split({"a": trained[0::2], "b": 255 - trained[1::2]}, domains=(("a",), ("b",)))
    heldout = Split({"a": kept, "b": 255 - kept, "label_a": labels[TRAINED:], "label_b": labels[TRAINED:]})
    spec = DataSpec.of(images.shape[1:], ("a", "b"), domains=train.domains)
    mark = fingerprint(options.source, images, TRAINED)
    return Source(options.source, spec, train, heldout, mark, judged=JUDGED)
