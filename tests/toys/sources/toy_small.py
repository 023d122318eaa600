"""toy-small: random images of 8 pixels, twice as large, and five points in each, for tests."""

import numpy as np

from saddle.data.fingerprint import fingerprint
from saddle.data.options import DataOptions
from saddle.data.source import Source, Split
from saddle.spec import DataSpec, Field


def open(options: DataOptions, place: str) -> Source:
    """Keys damaged [3, 8, 8], image [3, 16, 16] and landmarks [10], of 40 images."""
    damaged = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8)).astype(np.uint8)
    image = damaged.repeat(2, 2).repeat(2, 3)
    points = np.random.default_rng(1).uniform(0, 8, (40, 10)).astype(np.float32)
    spec = DataSpec(
        {
            "damaged": Field("image", (3, 8, 8)),
            "image": Field("image", (3, 16, 16)),
            "landmarks": Field("points", (10,)),
        }
    )
    train, heldout = (
        Split({"damaged": damaged[rows], "image": image[rows], "landmarks": points[rows]})
        for rows in (slice(30), slice(30, None))
    )
    return Source(options.source, spec, train, heldout, fingerprint(damaged, np.array(30)))
