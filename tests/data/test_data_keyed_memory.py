"""Large folders of several keys stream: neither opening them nor drawing from them holds the images as a whole."""

import tracemalloc

import numpy as np
from pair_folders import opened, put

from saddle.data.stream import Stream

N, SIDE = 60, 192  # pairs, pixels: 2 × 6.6 MB of images


def test_neither_opening_nor_drawing_holds_the_images_as_a_whole(folder):
    flat = np.random.default_rng(0).integers(0, 256, (N, 2, 3), np.uint8)
    for i, (a, b) in enumerate(flat):
        for key, colour in (("A", a), ("B", b)):
            put(folder / key / f"{i}.png", np.broadcast_to(colour, (SIDE, SIDE, 3)).copy())
    name, whole = f"pairs:{folder}", N * SIDE * SIDE * 3
    opened(f"pairs:{folder}", size=8)  # what is imported and remembered once
    for settings in ({}, {"load": SIDE, "size": SIDE // 2}):
        tracemalloc.start()
        source = opened(name, **settings)
        batches = Stream(source.train, source.spec, 1, 0, flip=True).batches()
        for _ in range(N):
            batch = next(batches)[0]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert batch["a"].shape[0] == 1
        assert peak < whole / 2, f"{peak:,} bytes of {2 * whole:,}"
