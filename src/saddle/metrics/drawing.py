"""Samples, drawn a batch at a time by all processes, of which only what the metrics need is kept."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..base import dist, telling
from ..base.errors import SaddleError, UsageError
from .features import Extractor, Features

Sample = Callable[[int], Tensor | tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Sampler:
    """A function that draws, with what is known of its samples beforehand: that images are of [-1, 1], too."""

    draw: Sample
    condition: str | None = None  # what they are drawn for: "class", "labels", "numbers", "text"; None: nothing
    count: int | None = None  # where there are so many, and no others
    like: str = "image"  # the key of the real data that they are to be like

    def __call__(self, k: int) -> Tensor | tuple[Tensor, Tensor]:
        """k samples [k, …], or these and their labels [k, …]."""
        return self.draw(k)


class Passing(ABC):
    """Samples that pass by in parts, one kind after another: all that is wanted of them is seen in one passing."""

    @abstractmethod
    def seen(self, looks: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """What each of these looks keeps, by its name. `given` are the ingredients that were given, by name."""


@dataclass
class Drawn:
    """Some samples [k, …], the labels [k, …] that they were drawn for, and what the extractor sees in them."""

    images: Tensor
    labels: Tensor | None
    extractor: Extractor | None

    @cached_property
    def features(self) -> Features:
        assert self.extractor is not None
        return self.extractor(self.images)

    def of_shape(self, wanted: str, right: bool) -> Tensor:
        """The samples. UsageError where they are not of the shape that is wanted, in words.  Returns [k, …]."""
        if not right:
            raise UsageError(f"{wanted}, and the samples are of shape {tuple(self.images.shape[1:])}")
        return self.images


@torch.no_grad()
def draw(
    sample: Sample, n: int, batch: int, look: Callable[[Tensor, Tensor | None], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """What `look` keeps of `n` samples, drawn `batch` at a time by all processes together, in order of the ranks."""
    if n < 2 or batch < 1:
        raise UsageError(f"scores of {n} samples, {batch} at a time: at least 2 samples, 1 at a time, are needed")
    parts: list[dict[str, Tensor]] = []
    for start in range(0, n, batch):
        telling.now("scoring samples", start, n)
        share = -(-min(batch, n - start) // dist.world())
        drawn = sample(share)
        images, labels = drawn if isinstance(drawn, tuple) else (drawn, None)
        if len(images) != share:
            raise SaddleError(f"{share} samples were asked for and {len(images)} were drawn")
        kept = look(images, labels)
        parts.append({key: dist.gather(value)[: n - start][:batch] for key, value in kept.items()})
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
