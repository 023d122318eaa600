"""toy-holes: digits with a hole (a), whole (b) and inverted (c), for tests."""

import numpy as np

from saddle.data.digits import TRAINED, enlarged
from saddle.data.fingerprint import fingerprint
from saddle.data.options import DataOptions
from saddle.data.source import Source, Split
from saddle.spec import HOLE, LOST, DataSpec, Field


def open(options: DataOptions, place: str) -> Source:
    """Keys a, b and c [1, 16, 16], and the mask of the hole."""
    images, _ = enlarged(DataOptions(source=options.source, size=16))
    mask = np.zeros(images.shape, bool)
    mask[:, :, 4:9, 5:12] = True
    columns = {"a": np.where(mask, LOST, images).astype(np.uint8), "b": images, "c": 255 - images, "mask": mask}
    fields = {key: Field("image", (1, 16, 16)) for key in "abc"} | {"mask": Field("mask", (1, 16, 16), title=HOLE)}
    train, heldout = (
        Split({key: x[rows] for key, x in columns.items()}) for rows in (slice(TRAINED), slice(TRAINED, None))
    )
    return Source(options.source, DataSpec(fields), train, heldout, fingerprint(images, 1))
