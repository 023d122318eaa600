"""Fingerprints as 03f7ea2 gave them, which hashed the repr of a `DataSpec`. Frozen: nothing here changes."""

from collections.abc import Callable

from ..spec import DataSpec
from .fingerprint import fingerprint


class _Written(str):
    """Hashed as it stands, where other texts are hashed with quotes."""

    __repr__ = str.__str__


def earlier(marks: object, spec: DataSpec, labels: object, heldout: float) -> Callable[[], str]:
    """The fingerprint of a user's data, worked out when it is asked for.

    `marks` are the digests [N, 32] of the samples, `known` their labels, texts or None, `heldout` the share asked for.
    Columns of labels and numbers, which the repr did not show, were hashed behind it.
    """
    return lambda: fingerprint(marks, _Written(_spec(spec)), labels, heldout, *map(_Written, _columns(spec)))


def _spec(spec: DataSpec) -> str:
    return (
        f"DataSpec(shape={tuple(spec.shape)!r}, keys={spec.keys!r}, classes={spec.classes!r}, bits={spec.bits!r}, "
        f"single={spec.single!r})"
    )


def _columns(spec: DataSpec) -> list[str]:
    condition = spec.condition
    if condition is None or condition.kind not in ("labels", "numbers"):
        return []
    return [f"Condition(kind={condition.kind!r}, names={condition.names!r}, length={condition.length!r})"]
