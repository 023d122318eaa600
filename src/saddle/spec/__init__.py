"""What a batch holds: one field a key, what samples can be asked to show, and texts."""

from .field import HOLE, LOST, SAMPLES, SEEN, Condition, ConditionKind, Field, Kind
from .spec import Batch, DataSpec

__all__ = ["HOLE", "LOST", "SAMPLES", "SEEN", "Batch", "Condition", "ConditionKind", "DataSpec", "Field", "Kind"]
