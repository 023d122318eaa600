"""What a metric is: a number with its error, measured on what it needs. One file holds a metric, or a family of them.

Such a file ends with `METRICS = {"name": Metric("what it says", …), …}`, written out: `names` reads it without running
it, so that listing the metrics costs no torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .score import Better, Fingerprint

Estimate = tuple[float, float]  # value and standard error
Detailed = tuple[float, float, dict[str, float]]  # and its parts by name, such as the value of each class


class Compared(NamedTuple):
    """An estimate with all that a `Score` can say of it."""

    value: float
    uncertainty: float
    details: dict[str, float] = {}  # noqa: RUF012
    beside: dict[str, float] = {}  # noqa: RUF012
    ways: dict[str, dict[str, float]] = {}  # noqa: RUF012
    note: str = ""


def _none(evidence: Any) -> Fingerprint:
    return {}


@dataclass(frozen=True)
class Metric:
    """`measure` takes from the evidence what it `needs`, and perhaps what these need in turn, but nothing else."""

    says: str  # on one line
    better: Better
    needs: tuple[Any, ...]  # of class Ingredient
    measure: Callable[[Any], Estimate | Detailed | Compared]  # of class Evidence
    settings: Callable[[Any], Fingerprint] = _none  # what two scores must share beside what they were made of
    chooses: bool = True  # may it choose the best checkpoint?
    of_reference: int = 0  # samples, and references, without which it is refused, and nobody gets it unasked
    references: int = 0  # likewise references alone
    few: str = ""  # why it wants so many of them, where that is no matter of its formula
    refused: Callable[[Any], str | None] = lambda evidence: None  # why real data alone forbid it, whatever is drawn
    caveat: str = ""  # what it takes for good, in few words: it stands on the line that tells the score
    of_side: int = 0  # pixels of an image's shorter side without which nobody gets it unasked
    of_a_class: int = 0  # samples of each class without which nobody gets it unasked
