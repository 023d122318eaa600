"""The values of many pictures, counted from several threads: which occur, and how many lie outside a range."""

from threading import Lock

import numpy as np

from .notes import dark, share
from .options import Range

MOST = 98  # percent of the values, between whose limits "most" lie


class Values:
    """Of pictures of one kind: 8 bits, 16 bits, or other numbers."""

    def __init__(self, limits: Range | None):
        self.limits, self.lock = limits, Lock()
        self.lowest, self.highest, self.outside, self.n = np.inf, -np.inf, 0, 0
        self.counts: np.ndarray | None = None  # of every value, of whole numbers from 0

    def add(self, picture: np.ndarray) -> None:
        """[H, W, C]; of four channels the last is opacity, which is no brightness."""
        colours = picture[..., :3]
        lowest, highest, outside = colours.min(), colours.max(), 0
        if self.limits:
            outside = int(((colours < self.limits[0]) | (colours > self.limits[1])).sum())
        counts = None
        if picture.dtype in (np.uint8, np.uint16):
            counts = np.bincount(colours.ravel(), minlength=np.iinfo(picture.dtype).max + 1)
        with self.lock:
            self.lowest, self.highest = min(self.lowest, float(lowest)), max(self.highest, float(highest))
            self.outside, self.n = self.outside + outside, self.n + colours.size
            if counts is not None:
                self.counts = counts if self.counts is None else self.counts + counts

    def to_dict(self) -> dict[str, float]:
        found = {"lowest": self.lowest, "highest": self.highest}
        if self.counts is not None:
            below = np.cumsum(self.counts) / self.counts.sum()
            low, high = np.searchsorted(below, [(100 - MOST) / 200, (100 + MOST) / 200])
            found |= {"low": float(low), "high": float(high)}
        return found | ({"outside": self.outside / self.n} if self.limits else {})

    def advice(self, bits: int) -> str:
        """What should be done or known about them; nothing if all is well."""
        if not self.n:
            return ""
        found = [dark(self.highest, bits, self.limits)] if self.limits or self.counts is not None else []
        found += [f"{share(self.outside, self.n)} lie outside data.range, where they are clipped"] * bool(self.outside)
        return "; ".join(filter(None, found))


def described(found: dict[str, dict[str, float]]) -> str:
    """'8 bits: 0 to 255 (98% of them 3 to 250)'."""
    lines = []
    for kind, values in found.items():
        most = f" ({MOST}% of them {values['low']:,.0f} to {values['high']:,.0f})" if "low" in values else ""
        lines.append(f"{kind}: {values['lowest']:,.7g} to {values['highest']:,.7g}{most}")
    return "; ".join(lines)
