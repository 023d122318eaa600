"""What a data source offers: a field for every key of a batch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from ..base.errors import SaddleError, UsageError
from ..base.kinds import brief
from ..base.plain import Count, fits
from .field import Condition, Field

if TYPE_CHECKING:  # what looks at data alone needs no torch
    from torch import Tensor

_LENGTHS = {"image": 3, "points": 1, "signal": 2, "map": 2, "mask": 3, "instances": 2, "class": 0}  # of shapes; else 1
_BEFORE: dict[str, Any] = {  # there were fields, in 03f7ea2
    "shape": tuple[Count, ...],
    **dict.fromkeys(("keys", "classes"), tuple[str, ...]),
    "bits": Count,
    "condition": dict[str, Any] | None,
    "law": tuple[Any, ...],
}
_SPEC: dict[str, Any] = {
    "fields": dict[str, dict[str, Any]],
    "domains": tuple[tuple[str, ...], ...],
    **dict.fromkeys(("single", "partial"), bool),
    "distribution": tuple[Any, ...],
}
_LARGEST = 1 << 40  # numbers in a sample

T = TypeVar("T", Field, Condition)
Batch = dict[str, "Tensor"]  # by key, each as its `Field` says


@dataclass(frozen=True)
class DataSpec:
    """What a game must know of the data to build its networks.

    The first field is the main one: `shape`, `bits` and `is_image` are its own. `domains` are the keys that belong
    together, sample by sample; images of different domains are not paired.
    """

    fields: Mapping[str, Field]
    domains: tuple[tuple[str, ...], ...] = ()  # (): all keys are of one domain
    single: bool = False  # one image is all there is: every sample of a batch is the same
    partial: bool = False  # are some of the labels unknown?
    distribution: tuple[Any, ...] = ()  # shares of the classes, or rows that occur; (): even shares

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        keys: tuple[str, ...] = ("image",),
        classes: tuple[str, ...] = (),
        bits: int = 8,
        condition: Condition | None = None,
        **rest: Any,
    ) -> "DataSpec":
        """Data of one shape: images (C, H, W), signals (C, T) or points (D,), and what is known of every sample.

        `classes` are short for a condition. UsageError for both classes and another condition.
        """
        if classes and condition and (condition.kind, condition.names) != ("class", tuple(classes)):
            raise UsageError(f"data have one condition: classes, or {condition}")
        if condition is None and (classes or "label" in keys):
            condition = Condition("class", tuple(classes))
        if len(shape) not in (1, 2, 3) or min(shape) < 1:
            raise UsageError(f"a sample is (C, H, W), (C, T) or (D,), each at least 1, not of shape {tuple(shape)}")
        kind = {1: "points", 2: "signal", 3: "image"}[len(shape)]
        sample = Field(kind, tuple(shape), bits=bits)  # type: ignore[arg-type]
        extra = {condition.key: condition.field} if condition else {}
        return cls({key: sample for key in keys if key not in extra} | extra, **rest)

    def __post_init__(self) -> None:
        if not isinstance(self.fields, Mapping) or not self.fields:
            raise UsageError(f"data have a field for every key, not {self.fields!r}; DataSpec.of(shape, …) makes them")

    def __hash__(self) -> int:
        return hash((frozenset(self.fields.items()), self.partial, self.distribution))

    @property
    def keys(self) -> tuple[str, ...]:
        """What a batch holds."""
        return tuple(self.fields)

    @property
    def main(self) -> Field:
        return next(iter(self.fields.values()))

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of an image, (C, T) of a signal, (D,) of a point."""
        return self.main.shape

    @property
    def bits(self) -> int:
        return self.main.bits

    @property
    def is_image(self) -> bool:
        return self.main.kind == "image"

    @property
    def condition(self) -> Condition | None:
        """What is known of every sample; classes of one domain alone, such as label_a, are not."""
        for key in ("label", "caption"):
            field = self.fields.get(key)
            if field and field.is_condition and (field.names or field.kind == "text"):
                length = field.shape[0] if field.kind == "text" else 0
                return Condition(field.kind, field.names, length, field.groups)  # type: ignore[arg-type]
        return None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in order; () without classes."""
        condition = self.condition
        return condition.names if condition and condition.kind == "class" else ()

    def unconditional(self) -> "DataSpec":
        """The same, of which nothing is said but what they look like."""
        bare = {key: field for key, field in self.fields.items() if not field.is_condition}
        domains = tuple(tuple(key for key in domain if key in bare) for domain in self.domains)
        return replace(self, fields=bare, domains=tuple(filter(None, domains)), partial=False, distribution=())

    def with_shape(self, shape: tuple[int, ...]) -> "DataSpec":
        """The same with a main field of another shape."""
        key = self.keys[0]
        return replace(self, fields={**self.fields, key: replace(self.main, shape=tuple(shape))})

    def only(self, key: str) -> "DataSpec":
        """The data of one key alone, as a network of that domain is built for."""
        return DataSpec({key: self.fields[key]}, single=self.single)

    def identity(self) -> str:
        """Written out, for fingerprints: the same for the same data in every later version.

        The order of the keys counts, for the first field is the main one. `partial` and `distribution` follow from the
        labels, which a fingerprint hashes by themselves.
        """
        parts: dict[str, Any] = {"fields": [[key, field.written()] for key, field in self.fields.items()]}
        parts |= {"domains": self.domains} if self.domains else {}
        parts |= {"single": True} if self.single else {}
        return f"data 1 {json.dumps(parts, ensure_ascii=True, sort_keys=True)}"

    def to_facts(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_facts` reads them."""
        return asdict(replace(self, fields=dict(self.fields)))

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "DataSpec":
        """The data of a checkpoint, also of one that was written before there were fields (03f7ea2).

        SaddleError for what no run writes, for a file may say anything.
        """
        known = _SPEC if "fields" in facts else _BEFORE | {name: _SPEC[name] for name in ("single", "partial")}
        plain = _typed(facts, known, "data")
        spec = _with_fields(plain) if "fields" in facts else _of_old(plain)
        for key, field in spec.fields.items():
            _check(field, key)
        if not {key for domain in spec.domains for key in domain} <= spec.fields.keys():
            raise _wrong("data.domains", spec.domains)
        if spec.distribution and not _is_distribution(spec):
            raise _wrong("data.distribution", spec.distribution)
        return spec


def _with_fields(plain: dict[str, Any]) -> DataSpec:
    fields = {key: _made(Field, values, f"data.fields.{key}") for key, values in plain["fields"].items()}
    if not fields or next(iter(fields.values())).is_condition:
        raise _wrong("data.fields", ", ".join(fields))
    return DataSpec(**plain | {"fields": fields})


def _of_old(plain: dict[str, Any]) -> DataSpec:
    for name in ("shape", "keys"):
        if not plain.get(name):
            raise _wrong(f"data.{name}", plain.get(name))
    given = plain.get("condition")
    condition = _made(Condition, given, "data.condition") if given else None
    rest = {"single": plain.get("single", False), "partial": plain.get("partial", False)}
    rest["distribution"] = plain.get("law", ())
    if condition and condition.key not in plain["keys"]:
        condition = None  # classes that no batch held
    classes = plain.get("classes", ()) if "label" in plain["keys"] else ()
    return DataSpec.of(plain["shape"], plain["keys"], classes, plain.get("bits", 8), condition, **rest)


def _made(kind: type[T], values: dict[str, Any], where: str) -> T:
    if "kind" not in values:
        raise _wrong(f"{where}.kind", None)
    return kind(**_typed(values, get_type_hints(kind), where))


def _typed(values: Mapping[str, Any], hints: dict[str, Any], where: str) -> dict[str, Any]:
    """The values with tuples for lists, as they were before JSON."""
    for name, value in values.items():
        if name not in hints or not fits(value, hints[name]):
            raise _wrong(f"{where}.{name}", value)
    return {name: _frozen(value) for name, value in values.items()}


def _check(field: Field, key: str) -> None:
    length, where = _LENGTHS.get(field.kind, 1), f"data.fields.{key}"
    if len(field.shape) != length or min(field.shape, default=1) < 1 or prod(field.shape) > _LARGEST:
        raise _wrong(f"{where}.shape", field.shape)
    if field.kind in ("labels", "numbers") and field.shape != (len(field.names),):
        raise _wrong(f"{where}.names", field.names)
    grouped = [name for group in field.groups for name in group]
    if len({*grouped}) < len(grouped) or not {*grouped} <= {*field.names} or (grouped and field.kind != "labels"):
        raise _wrong(f"{where}.groups", field.groups)
    if field.bits not in (8, 16):
        raise _wrong(f"{where}.bits", field.bits)
    if any(not 0 <= part <= 255 for colour in field.palette for part in colour):
        raise _wrong(f"{where}.palette", field.palette)
    if field.values and len({*field.values}) != len(field.names):
        raise _wrong(f"{where}.values", field.values)
    channels = field.shape[0] if field.kind in ("points", "signal") else 0
    if (
        not len(field.offset) == len(field.scale) == (channels if field.offset or field.scale else 0)
        or 0 in field.scale
    ):
        raise _wrong(f"{where}.scale", field.scale)


def _is_distribution(spec: DataSpec) -> bool:
    condition, given = spec.condition, spec.distribution
    if condition is None:
        return False
    if condition.kind == "class":
        return fits(given, tuple[float, ...]) and len(given) == len(condition.names) and min(given) >= 0 < sum(given)
    size, kind = (condition.length, Count) if condition.kind == "text" else (len(condition.names), float)
    return all(fits(row, tuple[kind, ...]) and len(row) == size for row in given)  # type: ignore[valid-type]


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _wrong(name: str, value: Any) -> SaddleError:
    return SaddleError(f"it was not written by a run: '{name}' is {brief(value)}")
