"""What a data source offers: a field for every key of a batch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ..base.errors import UsageError
from .field import Condition, Field

if TYPE_CHECKING:  # what looks at data alone needs no torch
    from torch import Tensor

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
        """What is known of every sample."""
        for field in self.fields.values():
            if field.is_condition and (field.names or field.kind == "text"):
                length = field.shape[0] if field.kind == "text" else 0
                return Condition(field.kind, field.names, length)  # type: ignore[arg-type]
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
        """The data of a checkpoint, also of one that was written before there were fields (03f7ea2)."""
        plain = {name: _frozen(value) for name, value in facts.items()}
        if "fields" in plain:
            extra = {key: Field(**{n: _frozen(v) for n, v in each.items()}) for key, each in plain["fields"].items()}
            return cls(**plain | {"fields": extra})
        condition = plain.get("condition")
        condition = condition and Condition(**{name: _frozen(value) for name, value in condition.items()})
        rest = {"single": plain.get("single", False), "partial": plain.get("partial", False)}
        rest["distribution"] = plain.get("law", ())
        if condition and condition.key not in plain["keys"]:
            condition = None  # classes that no batch held
        classes = plain.get("classes", ()) if "label" in plain["keys"] else ()
        return cls.of(plain["shape"], plain["keys"], classes, plain.get("bits", 8), condition, **rest)


def _frozen(value: Any) -> Any:
    """Lists as tuples, as they were before JSON."""
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
