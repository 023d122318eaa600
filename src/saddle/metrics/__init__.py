"""How good are the samples, honestly: scores that say what they were measured with and how sure they are.

Everything is named here and nothing is imported until it is asked for, so that listing the metrics costs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation import evaluate
    from .extractors import extractor
    from .features import Extractor
    from .names import metric_names
    from .reference import Reference
    from .score import Score, average, rank

__all__ = ["Extractor", "Reference", "Score", "average", "evaluate", "extractor", "metric_names", "rank"]

_HOME = {
    "Extractor": "features",
    "Reference": "reference",
    "Score": "score",
    "average": "score",
    "evaluate": "evaluation",
    "extractor": "extractors",
    "metric_names": "names",
    "rank": "score",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'saddle.metrics' has no attribute '{name}'")
    return getattr(import_module(f"saddle.metrics.{_HOME[name]}"), name)
