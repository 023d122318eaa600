"""Points in the plane: mixtures whose modes are known, and a spiral. Drawn once and for all, whatever a run's seed."""

from math import pi

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError, near
from ..base.rng import number
from ..spec import DataSpec
from .fingerprint import fingerprint
from .options import DataOptions
from .source import Count, Judged, Source, Split

TRAINED, HELD_OUT = 100_000, 10_000
Points = NDArray[np.float32]


def modes(name: str) -> tuple[NDArray[np.float64], float]:
    """Centres [K, 2] and standard deviation of a mixture's Gaussians, as VEEGAN and PacGAN (1712.04086) have them."""
    mixtures = {"ring": (_ring(), 0.01), "grid": (_grid(), 0.05)}
    if name not in mixtures:
        raise UsageError(
            f"{name!r} has no known modes{near(name, mixtures)}; those of {' and '.join(mixtures)} are known"
        )
    return mixtures[name]


def judged_by_modes(name: str) -> Judged:
    """The protocol of VEEGAN (1705.07761) and PacGAN (1712.04086)."""
    count = Count(("modes", "high_quality", "mode_kl"), 2500)
    names = ("high_quality", "modes", "mode_kl")  # the share chooses the best: many modes may be drawn badly
    return Judged(early=names, final=names, modes=count, mixture=modes(name))


def open_mixture(options: DataOptions, judged: Judged) -> Source:
    """Points of a mixture, every Gaussian with the same probability."""
    centres, std = modes(options.source)
    random = np.random.Generator(np.random.PCG64(number(options.source)))
    n = TRAINED + HELD_OUT
    points = centres[random.integers(len(centres), size=n)] + std * random.standard_normal((n, 2))
    return _source(options, points, judged)


def open_spiral(options: DataOptions, judged: Judged) -> Source:
    """Points (t cos t, t sin t) / 7.5 with t uniform in 1.5π … 4.5π and noise of std 1/30, as in WGAN-GP's toy data."""
    random = np.random.Generator(np.random.PCG64(number(options.source)))
    t = random.uniform(1.5 * pi, 4.5 * pi, size=TRAINED + HELD_OUT)
    spiral = np.stack([t * np.cos(t), t * np.sin(t)], 1)
    return _source(options, (spiral + 0.25 * random.standard_normal(spiral.shape)) / 7.5, judged)


def _ring() -> NDArray[np.float64]:
    angles = np.arange(8) * (2 * pi / 8)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def _grid() -> NDArray[np.float64]:
    steps = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)


def _source(options: DataOptions, drawn: NDArray[np.float64], judged: Judged) -> Source:
    options.allow()
    points: Points = drawn.astype(np.float32)
    train, heldout = Split({"image": points[:TRAINED]}), Split({"image": points[TRAINED:]})
    return Source(options.source, DataSpec.of((2,)), train, heldout, fingerprint(points, TRAINED), judged=judged)
