"""A score in words, the same wherever it is printed: by a command, in a training's lines, in a report.

A score is here as it lies in a file: names and plain values, of which any may be missing or of another kind.
"""

import math
from collections.abc import Mapping
from typing import Any

from ..base.plain import is_number

ERROR = "uncertainty"  # in a fingerprint: it was left out
NOT_ASKED = "not asked for"
_HOW = "saddle evaluate RUN, and errors=True in Python, give it"


def told(score: Mapping[str, Any]) -> str:
    """Such as "fid 1.5 ± 0.1 (extractor digits, 2,000 samples, 497 held-out references)"."""
    value, error = score.get("value"), score.get("uncertainty")
    number = f"{value:.4g}" if is_number(value) else "–"
    sure = plus_minus(error, score.get("fingerprint")) if is_number(error) else ""
    basis = measured_with(score)
    return " ".join(filter(None, [str(score.get("name", "")), number, sure, basis and f"({basis})"]))


def plus_minus(uncertainty: float, fingerprint: Mapping[str, Any] | None = None) -> str:
    """A standard error in words; NaN is one that nobody asked for, or one of too few samples."""
    if not math.isnan(uncertainty):
        return f"± {uncertainty:.2g}"
    if (fingerprint or {}).get(ERROR) == NOT_ASKED:
        return f"± {NOT_ASKED}: {_HOW}"
    return "± unknown: too few samples"


def measured_with(score: Mapping[str, Any]) -> str:
    """Who looked, at how many samples, beside how many references; and what the metric takes for good.

    Such as "extractor digits, 2,000 samples, 497 held-out references; it sees no real image".
    """
    of = score.get("fingerprint") or {}
    kind = f"{of['reference']} " if "reference" in of else ""
    parts = [f"extractor {of['extractor']}"] if "extractor" in of else []
    parts += [f"{of['samples']:,} samples"] if is_number(of.get("samples")) else []
    parts += [f"{of['reference_count']:,} {kind}references"] if is_number(of.get("reference_count")) else []
    return "; ".join(filter(None, [", ".join(parts), score.get("caveat")]))
