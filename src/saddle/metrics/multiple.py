"""What samples score relative to what real images score: a distance as a multiple of its floor."""

from collections.abc import Sequence
from math import hypot

from ..base.errors import SaddleError, UsageError
from .metric import Detailed

# A distance to few images is mostly that of an estimate from few, and so is the floor: a multiple is near 1 whatever is
# drawn (docs/metrics.md has the table).
FEWEST = 100
FEW = (
    "with fewer, the distance of real images is that of an estimate from so few, and a multiple is near 1 whatever is "
    "drawn. Hold out more images, or ask for the bare value, such as fid or swd"
)


def multiple(value: Sequence, floor: Sequence, references: int) -> Detailed:
    """Of a value by its floor, each (number, error, perhaps parts by name): the error is that of both.

    UsageError for fewer than 100 references, SaddleError for a floor of 0.
    """
    if references < FEWEST:
        raise UsageError(f"a multiple of the floor wants {FEWEST} references, and there are {references}: {FEW}")
    if floor[0] < 1e-9:  # rounding leaves about 1e-13 of an exact 0
        raise SaddleError("the training part scores 0: it and the held-out part are the same images")
    parts = {name: x / floor[2][name] for name, x in value[2].items()} if len(value) > 2 else {}
    ratio = value[0] / floor[0]
    return ratio, hypot(value[1], ratio * floor[1]) / floor[0], parts
