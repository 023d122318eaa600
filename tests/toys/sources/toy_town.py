"""toy-town: maps of three classes (a), photographs in their colours (b), masks and objects, for tests."""

import numpy as np

from saddle.data.fingerprint import fingerprint
from saddle.data.options import DataOptions
from saddle.data.source import Source, Split
from saddle.spec import DataSpec, Field

NAMES, COLOURS = ("sky", "wall", "road"), ((90, 160, 250), (200, 60, 40), (70, 70, 80))


def open(options: DataOptions, place: str) -> Source:
    """Keys a [16, 16], b [3, 16, 16], mask [1, 16, 16] and objects [16, 16]."""
    chance = np.random.default_rng(0)
    maps = chance.integers(0, 3, (24, 4, 4)).repeat(4, 1).repeat(4, 2)
    photos = np.array(COLOURS, np.uint8)[maps].transpose(0, 3, 1, 2)
    columns = {"a": maps.astype(np.uint8), "b": photos, "mask": maps[:, None] == 1}
    columns["objects"] = maps.astype(np.int32)
    fields = {
        "a": Field("map", (16, 16), NAMES, COLOURS, title="drawing"),
        "b": Field("image", (3, 16, 16), title="photo"),
        "mask": Field("mask", (1, 16, 16), title="shadow"),
        "objects": Field("instances", (16, 16)),
    }
    train, heldout = (Split({key: x[rows] for key, x in columns.items()}) for rows in (slice(20), slice(20, None)))
    return Source(options.source, DataSpec(fields), train, heldout, fingerprint(maps))
