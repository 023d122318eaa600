"""What labels say of an image: in some groups one label is on, others are on or off; and sets of which it knows one."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, logsigmoid, one_hot

from ..base import rng
from ..base.errors import UsageError, near, some
from ..spec import Condition

Places = tuple[int, ...]


@dataclass(frozen=True)
class Attributes:
    """Labels as columns [N, K], 1 or 0, NaN where it is not known. A class is a group of all."""

    condition: Condition
    sets: tuple[
        Places, ...
    ] = ()  # places of the labels that one collection of images knows; (): all are known together

    @classmethod
    def of(cls, condition: Condition, sets: str = "") -> "Attributes":
        """`sets` are names with commas between, and semicolons between the sets: "red,green;thin,bold".

        UsageError unless every label is named once, and those that exclude each other in one set.
        """
        named = [[name.strip() for name in part.split(",") if name.strip()] for part in sets.split(";") if part.strip()]
        every, wanted = [name for part in named for name in part], condition.names
        form = "label_sets names labels with commas between, and semicolons between the sets"
        for name in every:
            if name not in wanted:
                raise UsageError(f"{form}: no label '{name}'{near(name, wanted)}; there are {some(wanted)}")
            if every.count(name) > 1:
                raise UsageError(f"{form}: '{name}' is named twice, and every label is in one set")
        if named and len(every) < len(wanted):
            raise UsageError(f"{form}: in none is {some(name for name in wanted if name not in every)}; add the rest")
        for group in ((wanted,) if condition.kind == "class" else condition.groups) if named else ():
            if len([part for part in named if {*part} & {*group}]) > 1:
                raise UsageError(f"{form}: {some(group)} exclude each other, so they are in one set")
        return cls(condition, tuple(tuple(map(wanted.index, part)) for part in named) if len(named) > 1 else ())

    @property
    def groups(self) -> tuple[Places, ...]:
        """Places of labels that exclude each other."""
        names, is_class = self.condition.names, self.condition.kind == "class"
        return tuple(tuple(map(names.index, group)) for group in ((names,) if is_class else self.condition.groups))

    @property
    def free(self) -> Places:
        """Places of the labels that are on or off by themselves."""
        grouped = {place for group in self.groups for place in group}
        return tuple(place for place in range(len(self.condition.names)) if place not in grouped)

    @property
    def parts(self) -> tuple[Places, ...]:
        """What an image knows or does not know as a whole."""
        return self.sets or (tuple(range(len(self.condition.names))),)

    @property
    def size(self) -> int:
        """Numbers of a `vector`."""
        return len(self.condition.names) + len(self.sets)

    def columns(self, label: Tensor) -> Tensor:
        """Classes int64 [N], -1 where it is not known, or columns float [N, K] → columns float [N, K]."""
        if label.is_floating_point():
            return label
        known = one_hot(label.clamp(min=0), len(self.condition.names)).float()
        return known.masked_fill(label[:, None] < 0, torch.nan)

    def known(self, columns: Tensor) -> Tensor:
        """Which of its `parts` an image knows: bool [N, S].  columns [N, K]"""
        return torch.stack([~columns[:, places].isnan().any(1) for places in self.parts], 1)

    def vector(self, columns: Tensor, part: Tensor) -> Tensor:
        """The generator's input for the known `part` int64 [N] of columns [N, K]: [c₁, …, c_S, m], [N, size].

        The rest of c is 0; m is 1 at the part, and left out where there is one alone (Section 3.3).
        """
        chosen = one_hot(part, len(self.parts)).to(columns)
        told = columns.nan_to_num(0.0)
        for places, is_it in zip(self.parts, chosen.unbind(1), strict=True):
            told[:, places] *= is_it[:, None]
        return torch.cat((told, chosen), 1) if self.sets else told

    def losses(self, logits: Tensor, columns: Tensor) -> Tensor:
        """The loss of the labels of each part, [N, S]; 0 and without a gradient where they are not known.

        Cross-entropy of each group, and of the others the sum of their binary ones.
        """
        known, wanted = self.known(columns), columns.nan_to_num(0.0).to(logits)
        paid = [torch.stack([*self._losses(logits, wanted, {*places})]).sum(0) for places in self.parts]
        return torch.where(known, torch.stack(paid, 1), 0.0)

    def _losses(self, logits: Tensor, wanted: Tensor, places: set[int]) -> Iterator[Tensor]:
        for group in (list(group) for group in self.groups if {*group} <= places):
            yield -(wanted[:, group] * log_softmax(logits[:, group], 1)).sum(1)
        if free := [place for place in self.free if place in places]:
            yield binary_cross_entropy_with_logits(logits[:, free], wanted[:, free], reduction="none").sum(1)

    def others(self, columns: Tensor) -> Tensor:
        """What an image does not show, [N, K]: of each group another one, drawn evenly; of the rest the opposite.

        Columns are [N, K].
        """
        other = 1 - columns
        for group in map(list, self.groups):
            n = len(group)
            steps = 1 + rng.randint(max(n - 1, 1), len(columns), device=columns.device)
            other[:, group] = one_hot((columns[:, group].argmax(1) + steps) % n, n).to(columns)
        return other

    def evenly(self, columns: Tensor) -> Tensor:
        """Columns that say nothing, [N, K], for columns [N, K].

        All of a group have one probability, each of the rest has 0.5.
        """
        even = torch.full_like(columns, 0.5)
        for group in map(list, self.groups):
            even[:, group] = 1 / len(group)
        return even

    def log_likely(self, logits: Tensor) -> Tensor:
        """log p [N, K] of every label, for logits [N, K]; a softmax over labels that exclude each other."""
        said = logsigmoid(logits)
        for group in map(list, self.groups):
            said[:, group] = log_softmax(logits[:, group], 1)
        return said

    def filled(self, asked: Tensor, likely: Tensor) -> Tensor:
        """Columns [N, K] with NaN replaced by what `likely` says, log p as above; `asked` and `likely` are both [N, K].

        Of labels that exclude each other one that is asked for turns the others off; else the likeliest is on of those
        that are not asked to be off.
        """
        filled = torch.where(asked.isnan(), (likely.exp() >= 0.5).to(asked), asked)
        for group in map(list, self.groups):
            given = asked[:, group]
            open_ = given.isnan()
            best = one_hot(likely[:, group].masked_fill(~open_, -torch.inf).argmax(1), len(group)).to(asked)
            is_on = (given.nan_to_num(0.0) > 0).any(1, keepdim=True)
            guessed = torch.where(open_, torch.where(is_on, 0.0, best), given)
            filled[:, group] = guessed
        return filled
