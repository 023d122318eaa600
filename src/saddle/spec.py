"""What a data source offers, and a batch of it."""

from dataclasses import dataclass

from torch import Tensor

Batch = dict[str, Tensor]  # images float [N, C, H, W] in [-1, 1]; points float [N, D]; labels int64 [N]


@dataclass(frozen=True)
class DataSpec:
    """What a game must know of the data to build its networks."""

    shape: tuple[int, ...]  # (C, H, W) of an image, (D,) of a point
    keys: tuple[str, ...] = ("image",)  # what a batch holds
    classes: tuple[str, ...] = ()  # names of the labels, in order; empty without labels
    bits: int = 8  # of an image's channel: 8 or 16
    single: bool = False  # one image is all there is: every sample of a batch is the same

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3
