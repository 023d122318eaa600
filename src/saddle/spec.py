"""What a data source offers, and a batch of it."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Batch = dict[str, Tensor]  # images float [N, C, H, W] in [-1, 1]; points float [N, D]; labels int64 [N]


@dataclass(frozen=True)
class Condition:
    """What a sample can be asked to be, and in which form: the `label` of games, commands and metrics."""

    kind: Literal["class", "labels", "numbers", "text"]  # int64 [N], 0 or 1 [N, K], float [N, K], bytes int64 [N, L]
    names: tuple[str, ...]  # the classes, the columns, or the words that texts are made of
    length: int = 0  # L of a text


@dataclass(frozen=True)
class DataSpec:
    """What a game must know of the data to build its networks."""

    shape: tuple[int, ...]  # (C, H, W) of an image, (D,) of a point
    keys: tuple[str, ...] = ("image",)  # what a batch holds
    classes: tuple[str, ...] = ()  # names of the labels, in order; empty without labels
    bits: int = 8  # of an image's channel: 8 or 16
    single: bool = False  # one image is all there is: every sample of a batch is the same
    condition: Condition | None = None  # what a sample can be asked to be, where that is known of the data

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3
