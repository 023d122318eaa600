"""toy-labelled: digits with labels, of which three exclude each other, for tests."""

import numpy as np

from saddle.data.digits import TRAINED, enlarged
from saddle.data.fingerprint import fingerprint
from saddle.data.options import DataOptions
from saddle.data.source import Source, Split
from saddle.spec import Condition, DataSpec

GROUP = ("black", "blond", "brown")


def open(options: DataOptions, place: str) -> Source:
    """Keys image [1, 16, 16] and label [5]: black, blond, brown, male and young."""
    images, digits = enlarged(DataOptions(source=options.source, size=16))
    labels = np.stack([digits % 3 == 0, digits % 3 == 1, digits % 3 == 2, digits > 4, digits % 2], 1).astype(np.float32)
    spec = DataSpec.of((1, 16, 16), condition=Condition("labels", (*GROUP, "male", "young"), groups=(GROUP,)))
    train, heldout = (
        Split({"image": images[rows], "label": labels[rows]}) for rows in (slice(TRAINED), slice(TRAINED, None))
    )
    return Source(options.source, spec, train, heldout, fingerprint(images, labels))
