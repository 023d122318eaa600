"""What a batch holds: one field a key, what samples can be asked to show, and texts."""

from .field import SAMPLES, Condition, ConditionKind, Field, Kind
from .spec import Batch, DataSpec

__all__ = ["SAMPLES", "Batch", "Condition", "ConditionKind", "DataSpec", "Field", "Kind"]
