"""toy-three: three domains: digits, digits black on white, digits in red, for tests."""

import numpy as np

from saddle.data.digits import TRAINED, enlarged
from saddle.data.fingerprint import fingerprint
from saddle.data.options import DataOptions
from saddle.data.source import Source, Split
from saddle.spec import DataSpec, Field


def open(options: DataOptions, place: str) -> Source:
    """Keys a, b [1, 16, 16] and c [3, 16, 16], unpaired."""
    images, _ = enlarged(DataOptions(source=options.source, size=16))
    red = np.concatenate([images, 0 * images, 0 * images], 1)
    fields = {"a": Field("image", (1, 16, 16)), "b": Field("image", (1, 16, 16)), "c": Field("image", (3, 16, 16))}
    domains = (("a",), ("b",), ("c",))
    parts = []
    for rows in (slice(TRAINED), slice(TRAINED, None)):
        a, b, c = (x[rows][i::3] for i, x in enumerate((images, 255 - images, red)))
        parts.append(Split({"a": a, "b": b, "c": c}, domains))
    return Source(options.source, DataSpec(fields, domains), *parts, fingerprint(images, TRAINED))
