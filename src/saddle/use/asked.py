"""What a translation is given beside an image, and what its result is asked to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..spec import Batch, Field

Beside = Mapping[str, np.ndarray]  # of an image: by key, a number or a truth for each of its pixels, [H, W]


@dataclass(frozen=True)
class Asked:
    """The same for every image."""

    style: Tensor | None = None  # what a result is to look like: planes [1, K, h, w] of its domain, in [-1, 1]
    label: Tensor | None = None  # what it is to show: a class int64 [], or columns float [L], NaN for what stays

    @property
    def plain(self) -> bool:
        """Is nothing asked for?"""
        return self.style is None and self.label is None

    def batch(self, device: torch.device, dtype: torch.dtype, n: int = 1) -> Batch:
        """As `Translation.translate` finds it for n images."""
        found = {}
        if self.style is not None:
            found["style"] = self.style.to(device, dtype).expand(n, -1, -1, -1)
        if self.label is not None:
            label = self.label.to(device).expand(n, *self.label.shape)
            found["label"] = label.to(dtype) if label.is_floating_point() else label
        return found


def as_batch(numbers: np.ndarray, field: Field | None) -> Tensor:
    """Numbers [H, W] of one image as a batch of this field holds them: float [1, 1, H, W], or int64 [1, H, W].

    Without a field they are what the data do not have, such as clusters that are asked for.
    """
    whole = torch.from_numpy(np.ascontiguousarray(numbers))[None]
    return whole[None].float() if field is not None and field.kind == "mask" else whole.long()
