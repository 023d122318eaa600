"""What a run remembers of its images, so that use can say of others that they are unlike them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..base.errors import SaddleError, UsageError
from ..tasks import Translation
from ..use import familiar
from ..use.familiar import Familiar

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.source import Source, Split
    from .run import Run

MOST = 512  # images of a domain that are looked at
TOGETHER = 32  # of them at a time


def remember(run: Run, source: Source, say: Callable[[str], None]) -> None:
    """At the end of a training: write down what the images of each domain are like, where the game translates them.

    What fails is said, and no more: a run that is trained stays finished.
    """
    try:
        domains = run.as_(Translation).domains
    except UsageError:  # a game for something else
        return
    if source.heldout is None:
        return
    try:
        known = {}
        for key in domains:
            field = source.spec.fields[key]
            if field.kind == "image":
                known[key] = familiar.learned(_some(source.train, key), _some(source.heldout, key))
        run.files.write_familiar({key: each.written() for key, each in known.items() if each})
    except (SaddleError, OSError, MemoryError) as error:
        say(f"what its images are like was not written down: {error}")


def known(run: Run, domain: str) -> Familiar | None:
    """What the run's images of a domain are like; None where it does not remember."""
    return familiar.read(run.files.familiar().get(domain))


def _some(split: Split, key: str) -> list[Tensor]:
    """Images of a key, evenly chosen, one after the other."""
    n = len(split.columns[key])
    places = np.linspace(0, n - 1, min(n, MOST)).round().astype(np.int64)
    step = 1 if key in split.fields and split.fields[key].free else TOGETHER  # images of many sizes come one by one
    return [image for i in range(0, len(places), step) for image in split.batch({key: places[i : i + step]})[key]]
