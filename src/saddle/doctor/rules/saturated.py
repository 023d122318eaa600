"""Pixels are only black and white. It looks at `saturated` in the last third: it warns 0.3 above the data's share."""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 9, False
MORE = 0.3  # of all pixels


def look(log: Log) -> Finding | None:
    made, real = (middle(tail(log.curve("signs", name))) for name in ("saturated", "saturated_data"))
    if not made > real + MORE:
        return None
    return Finding(
        "saturated",
        "pixels are only black and white",
        f"{made:.0%} of the samples' pixels are at their limits, and {real:.0%} of the data's",
        tuple(log.with_rate("generator", 0.1)),
    )
