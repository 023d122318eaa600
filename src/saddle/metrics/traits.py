"""Traits of an image that can be predicted: its class; one of several labels that exclude each other; on or off."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ..spec import Condition

UNKNOWN = -1


class Changed(NamedTuple):
    """What images showed, what each was asked to show instead, and which one trait that changes."""

    had: Tensor  # int64 [N, P], -1 where unknown
    asked: Tensor  # int64 [N, P]
    trait: Tensor  # int64 [N]


@dataclass(frozen=True)
class Traits:
    """Those of a class, or of labels; values are int64 [N, P], -1 where unknown."""

    condition: Condition  # of classes or labels

    @cached_property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """Of each trait the places of its labels: of a group all, of another label its own."""
        names, groups = self.condition.names, self.condition.groups
        if self.condition.kind == "class":
            return (tuple(range(len(names))),)
        grouped = {name for group in groups for name in group}
        alone = ((names.index(name),) for name in names if name not in grouped)
        return (*(tuple(map(names.index, group)) for group in groups), *alone)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each trait has."""
        return tuple(max(2, len(places)) for places in self.places)

    @property
    def changes(self) -> int:
        """To how many other values an image can be changed, one trait at a time."""
        return sum(size - 1 for size in self.sizes)

    def title(self, trait: int, value: int) -> str:
        places, names = self.places[trait], self.condition.names
        return names[places[value]] if len(places) > 1 else f"{'' if value else 'not '}{names[places[0]]}"

    def values(self, label: Tensor) -> Tensor:
        """Of classes int64 [N], or labels float [N, L], NaN where unknown."""
        if self.condition.kind == "class":
            return label[:, None]
        each = []
        for places in self.places:
            of = label[:, list(places)]
            value = of.nan_to_num(0).argmax(1) if len(places) > 1 else (of[:, 0] > 0.5).long()
            each.append(torch.where(of.isnan().any(1), UNKNOWN, value))
        return torch.stack(each, 1)

    def label(self, values: Tensor) -> Tensor:
        """Values int64 [N, P] → labels as a batch holds them, int64 [N] or float [N, K]."""
        if self.condition.kind == "class":
            return values[:, 0]
        label = torch.full((len(values), len(self.condition.names)), torch.nan)
        for places, size, value in zip(self.places, self.sizes, values.unbind(1), strict=True):
            on = one_hot(value.clamp(min=0), size).float()[:, -len(places) :]
            label[:, list(places)] = torch.where(value[:, None] < 0, torch.nan, on)
        return label

    def changed(self, had: Tensor, number: Tensor) -> Changed:
        """Image after image one trait has another value, each in turn: image `number` [N] has change number mod all."""
        table = [(trait, step) for trait, size in enumerate(self.sizes) for step in range(1, size)]
        trait, step = torch.tensor(table)[number % self.changes].unbind(1)
        old = had.gather(1, trait[:, None])[:, 0].clamp(min=0)
        new = (old + step) % torch.tensor(self.sizes)[trait]
        return Changed(had, had.scatter(1, trait[:, None], new[:, None]), trait)

    def loss(self, logits: Tensor, values: Tensor) -> Tensor:
        """-E log p of the values [N, P] that are known, summed over traits, for logits [N, Σ sizes].  []"""
        each = zip(logits.split(self.sizes, 1), values.unbind(1), strict=True)
        known = ((part[value >= 0], value[value >= 0]) for part, value in each)
        return torch.stack([cross_entropy(part, value) for part, value in known if len(value)]).sum()

    def said(self, logits: Tensor) -> Tensor:
        """The likeliest values int64 [N, P] of logits [N, Σ sizes]."""
        return torch.stack([part.argmax(1) for part in logits.split(self.sizes, 1)], 1)
