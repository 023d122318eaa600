"""Above which score is an image anomalous? What good images that the run has never seen say of it.

Of n scores of good images the threshold is the k-th smallest, k = ⌈(n + 1)(1 - α)⌉: a further good image, drawn as
these were, is above it with a chance of at most α (conformal prediction; Vovk et al., 2005). For n < 1/α - 1 there is
no such score.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import torch

from ..base.errors import SaddleError, UsageError
from ..base.files import quoted
from ..base.plain import Count, Garbled, fits
from ..metrics import alarms

if TYPE_CHECKING:
    from .run import Run

Threshold = float | Literal["auto", "none"] | None
_KINDS: dict[str, Any] = {
    **dict.fromkeys(("false_alarms", "threshold", "pixels", "middle"), float),
    **dict.fromkeys(("scores", "images"), list),
    **dict.fromkeys(("checkpoint", "fingerprint"), str),
    "best": str | None,
    "round": Count,
    "use": dict[str, Any],
}


@dataclass(frozen=True)
class Calibration:
    """What a run found in good images, and the thresholds that follow."""

    threshold: float  # a higher score is anomalous
    pixels: float  # likewise of the values of a map: the same quantile of the greatest value of each good image
    middle: float  # the median of the values of their maps
    scores: Sequence[float]  # of the good images, the least first
    false_alarms: float  # α: the share of further good images that is above a threshold, at most
    best: str | None  # what the threshold was chosen by, if defects were given too: f1
    use: Mapping[str, Any]  # what was chosen of the game's `Use`
    checkpoint: str  # SHA-256 of the weights
    round: int  # of the checkpoint
    fingerprint: str  # of the set of images
    images: Sequence[str]  # SHA-256 of the pixels of each of them, as training would see them

    def quantile(self, score: float) -> float:
        """The share of the good images that have a lower score, 0 to 1."""
        return bisect_left(self.scores, score) / len(self.scores)

    @property
    def scale(self) -> tuple[float, float]:
        """What is 0 and what is 1 in all heat maps: the median of good pixels, and twice the threshold of pixels."""
        return self.middle, 2 * self.pixels

    def written(self) -> dict[str, Any]:
        """As JSON holds it; `read` reads that."""
        return asdict(self)

    def check_use(self, use: Any) -> None:
        """UsageError for a way to detect that gives other scores than those of the good images."""
        for name, value in asdict(use).items():
            if (before := self.use.get(name)) != value:
                said = "without it" if before is None else f"with --{name} {before}"
                raise UsageError(
                    f"the run was calibrated {said}, and --{name} is {'not given' if value is None else value} now: "
                    f"scores of the two do not compare. Detect {said}, or calibrate again"
                )


def quantile(values: Sequence[float], false_alarms: float) -> float:
    """The ⌈(n + 1)(1 - α)⌉-th smallest of n values of good images.

    UsageError for a share that is not between 0 and 1, or for too few values, with the number that it takes.
    """
    check_enough(len(values), false_alarms)
    return alarms.conformal(torch.tensor(values, dtype=torch.float64), false_alarms)


def check_enough(n: int, false_alarms: float) -> None:
    """UsageError as of `quantile`."""
    if not (isinstance(false_alarms, int | float) and 0 < false_alarms < 1):
        raise UsageError(f"the share of false alarms is a number between 0 and 1, such as 0.01, not {false_alarms!r}")
    if n < (least := alarms.needed(false_alarms)):
        can = f"; {n:,} are enough for --false-alarms {_enough(n):g}" if n else ""
        raise UsageError(
            f"{n:,} good images are too few for --false-alarms {false_alarms:g}, which takes at least {least:,}{can}"
        )


def _enough(n: int) -> float:
    """A share, rounded up to two digits, for which n images are enough."""
    share = 1 / (n + 1)
    step = 10.0 ** (math.floor(math.log10(share)) - 1)
    return math.ceil(share / step - 1e-9) * step


def best_f1(good: Sequence[float], defects: Sequence[float]) -> float:
    """The threshold with the largest F1 of the defects, midway between two neighbouring scores.

    F1 = 2TP / (2TP + FP + FN). Of equals the highest. UsageError without defects: then F1 is undefined.
    """
    if not defects or not good:
        raise UsageError("F1 is of good images and of defects; without one of the two it is undefined")
    scores = torch.tensor([*good, *defects], dtype=torch.float64)
    return alarms.best_f1(scores, torch.arange(len(scores)) >= len(good))[1]


def read(run: Run) -> Calibration | None:
    """The calibration of a run, whatever its checkpoint; None if there is none. SaddleError for a damaged file."""
    again = f"saddle calibrate {quoted(run.folder)} GOOD writes it anew"
    try:
        found = run.files.calibrated()
    except Garbled as error:
        raise SaddleError(f"{run.files.calibration} is not readable: {error}; {again}") from None
    if found is None:
        return None
    if wrong := [name for name, kind in _KINDS.items() if not fits(found.get(name), kind)]:
        raise SaddleError(f"{run.files.calibration} is no calibration: its '{wrong[0]}' is not one; {again}")
    scores = found["scores"]
    if not scores or not fits(scores, list[float]) or scores != sorted(scores) or not fits(found["images"], list[str]):
        raise SaddleError(f"{run.files.calibration} is no calibration: its scores or images are none; {again}")
    return Calibration(**{each.name: found[each.name] for each in fields(Calibration)})


def known(run: Run) -> Calibration | None:
    """The calibration of the run's checkpoint; None if there is none. UsageError for that of another checkpoint."""
    found = read(run)
    if found is not None and found.checkpoint != run.checkpoints.sha256(run.round):
        raise UsageError(
            f"{run.folder} was calibrated at round {found.round:,}, and these are other weights, of round "
            f"{run.round:,}: their scores do not compare. Calibrate again: saddle calibrate {quoted(run.folder)} GOOD; "
            "or ask for no verdicts: --threshold none"
        )
    return found


def missing(run: Run, what: str) -> UsageError:
    """What to do where something needs a calibration that is not there."""
    return UsageError(
        f"{what}, and {run.folder} is not calibrated: saddle calibrate {quoted(run.folder)} GOOD, with good images "
        "that were not in its training"
    )


@dataclass(frozen=True)
class Judge:
    """By what images are judged."""

    calibration: Calibration | None
    threshold: float | None

    def __call__(self, score: float) -> tuple[float | None, float | None]:
        """The share of good images with a lower score, and the threshold."""
        return (self.calibration.quantile(score) if self.calibration else None), self.threshold


def judge(run: Run, threshold: Threshold, use: Any) -> Judge:
    """By a threshold of one's own, by the calibrated one ("auto"), by none ("none"); None: by that which there is.

    UsageError for a calibration of other weights or of another `use`, and for "auto" without one.
    """
    if threshold == "none":
        return Judge(None, None)
    if isinstance(threshold, str) and threshold != "auto":
        raise UsageError(f"the threshold is auto, none or a number, not '{threshold}'")
    if isinstance(threshold, float | int) and not math.isfinite(threshold):
        raise UsageError(f"the threshold is auto, none or a number, not {threshold}")
    calibration = known(run)
    if calibration:
        calibration.check_use(use)
    elif threshold == "auto":
        raise missing(run, "--threshold auto is the calibrated one")
    if isinstance(threshold, float | int):
        return Judge(calibration, float(threshold))
    return Judge(calibration, calibration.threshold if calibration else None)
