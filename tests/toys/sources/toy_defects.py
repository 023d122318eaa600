"""toy-defects: zeros are normal, held-out ones are defects, for tests."""

import numpy as np

from saddle.data.digits import enlarged
from saddle.data.fingerprint import fingerprint
from saddle.data.options import DataOptions
from saddle.data.source import Source, Split
from saddle.spec import DataSpec


def open(options: DataOptions, place: str) -> Source:
    """Key image [1, 8, 8]; the held-out part also says which images are defects."""
    images, labels = enlarged(DataOptions(source=options.source, size=8))
    normal, other = images[labels == 0], images[labels == 1]
    train, kept = normal[:120], normal[120:]
    heldout = np.concatenate([kept, other])
    defect = np.array([0] * len(kept) + [1] * len(other))
    splits = Split({"image": train}), Split({"image": heldout, "defect": defect})
    return Source(options.source, DataSpec.of((1, 8, 8)), *splits, fingerprint(train, heldout))
