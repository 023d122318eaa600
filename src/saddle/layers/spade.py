"""Spatially-adaptive normalisation: a label map says, pixel by pixel, what becomes of normed features.

Semantic Image Synthesis with Spatially-Adaptive Normalization. Park et al., 2019, Section 3.
https://arxiv.org/abs/1903.07291
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import interpolate

from .norm import BatchNorm2d

SpadeNorm = Literal["instance", "batch"]


class SPADE(nn.Module):
    """x, m ↦ norm(x) · (1 + γ(m)) + β(m), with γ and β of two convolutions over the map (Eqs. 1 to 3).

    The norm has no weights of its own: by the statistics of an image, or of the batch in training and of the past in
    use. The map is brought to the size of x by its nearest pixels.
    """

    def __init__(self, channels: int, classes: int, hidden: int = 128, norm: SpadeNorm = "instance"):
        super().__init__()
        self.norm = BatchNorm2d(channels, affine=False) if norm == "batch" else nn.InstanceNorm2d(channels)
        self.shared = nn.Sequential(nn.Conv2d(classes, hidden, 3, 1, 1), nn.ReLU())
        self.scale = nn.Conv2d(hidden, channels, 3, 1, 1)  # γ
        self.shift = nn.Conv2d(hidden, channels, 3, 1, 1)  # β

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        """x [N, channels, H, W] and a map [N, classes, h, w] → [N, channels, H, W]"""
        seen = self.shared(interpolate(m, x.shape[2:], mode="nearest"))
        return self.norm(x) * (1 + self.scale(seen)) + self.shift(seen)
