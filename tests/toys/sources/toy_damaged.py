"""toy-damaged: digits at 16 pixels, and the same at 8 with a hole, for tests."""

import numpy as np

from saddle.data.digits import TRAINED, enlarged
from saddle.data.fingerprint import fingerprint
from saddle.data.options import DataOptions
from saddle.data.source import Source, Split
from saddle.spec import DataSpec, Field


def open(options: DataOptions, place: str) -> Source:
    """Keys damaged [1, 8, 8] and image [1, 16, 16]."""
    images, _ = enlarged(DataOptions(source=options.source, size=16))
    damaged = images[:, :, ::2, ::2].copy()
    damaged[:, :, 2:5, 2:5] = 0
    spec = DataSpec({"damaged": Field("image", (1, 8, 8)), "image": Field("image", (1, 16, 16))})
    parts = (
        Split({"damaged": damaged[rows], "image": images[rows]}) for rows in (slice(TRAINED), slice(TRAINED, None))
    )
    train, heldout = parts
    return Source(options.source, spec, train, heldout, fingerprint(images, np.array(TRAINED)))
