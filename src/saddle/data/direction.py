"""Data with keys a and b the other way round: what was b is a."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from ..base.errors import UsageError, some
from ..spec import DataSpec
from .fingerprint import fingerprint
from .source import Source, Split

SWAPPED = {"a": "b", "b": "a", "label_a": "label_b", "label_b": "label_a"}
T = TypeVar("T")


def turned(source: Source) -> Source:
    """A source of which a and b are swapped, with their labels, in training and where it is held out: other data."""
    spec = turned_spec(source.spec, source.name)
    heldout = source.heldout and _split(source.heldout)
    mark = fingerprint("b-to-a", source.fingerprint)
    notes = {**source.notes, "direction": "b-to-a: a and b are swapped"}
    return replace(
        source, spec=spec, train=_split(source.train), heldout=heldout, fingerprint=mark, notes=notes, earlier=None
    )


def turned_spec(spec: DataSpec, name: str) -> DataSpec:
    """The same of a spec. UsageError for data without a and b."""
    if not {"a", "b"} <= spec.fields.keys():
        raise UsageError(f"data.direction b-to-a swaps a and b, and {name} has {some(spec.keys)}; leave it out")
    fields = _swapped(spec.fields)
    return replace(spec, fields=fields, domains=_domains(spec.domains, fields))


def _split(split: Split) -> Split:
    columns = _swapped(split.columns)
    return Split(columns, _domains(split.domains, columns))


def _swapped(values: Mapping[str, T]) -> dict[str, T]:
    """The values of a under b and the other way round; the keys keep their order."""
    order = [SWAPPED[key] if key in SWAPPED and SWAPPED[key] not in values else key for key in values]
    return {key: values[SWAPPED.get(key, key)] for key in order}


def _domains(domains: tuple[tuple[str, ...], ...], keys: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The same keys together, swapped, and in this order."""
    place = [*keys].index
    turned = [tuple(sorted((SWAPPED.get(key, key) for key in domain), key=place)) for domain in domains]
    return tuple(sorted(turned, key=lambda domain: place(domain[0])))
