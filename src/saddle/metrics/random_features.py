"""Features without training and without a download: what random convolutions make of images.

Of filters that nobody has trained the means and deviations tell textures nearly as well as those of trained ones
(Ustyuzhaninov, Brendel, Gatys, Bethge, 2016, https://arxiv.org/abs/1606.00021). They are measured in the deviation that
they have over training images, so that what is nearly constant there counts as soon as it changes. docs/metrics.md says
what they rank.
"""

from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from ..base import rng
from ..base.errors import UsageError
from .features import Extractor, Features, Trained
from .learned import at_most, digest

SIDE, WIDTH, STAGES = 64, 32, 4
TRAINED = 1000  # training images at most, whose features are the unit
FLOOR = 0.2  # of the root mean square of all deviations: no unit is smaller


class Random(Extractor):
    """Four convolutions of 3 × 3 with ReLU, each but the first halving: of every map its mean and its deviation.

    Images of any number of channels will do. Where in an image a thing is does not count.
    """

    name = "random"
    classifies = False
    resize = f"means of pixels to {SIDE} on the shorter side where larger"
    dims = 2 * WIDTH * STAGES
    places = False
    stage_1: Tensor

    def __init__(self, train: Trained | None = None) -> None:
        super().__init__()
        self.trained = train
        self.unit: tuple[Tensor, Tensor] | None = None  # mean and scale of each feature
        for stage in range(1, STAGES):
            self.register_buffer(f"stage_{stage}", _filters(WIDTH, stage))

    @property
    def hash(self) -> str:
        """SHA-256 of what it is made of: the last digits of its numbers may differ between machines."""
        return digest("random", SIDE, WIDTH, STAGES, TRAINED, FLOOR, self._mark)

    @cached_property
    def _mark(self) -> str:
        return self.trained.mark() if self.trained else ""

    def look(self, images: Tensor) -> Features:
        """UsageError for samples that are no images, and where there are no training images to measure them by."""
        if images.ndim != 4:
            raise UsageError(f"the extractor 'random' looks at images, not at {tuple(images.shape[1:])}; try 'pixels'")
        if self.unit is None:
            self.unit = self._fitted()
        mean, scale = (x.to(images.device) for x in self.unit)
        return Features((self._seen(images) - mean) / scale)

    def _fitted(self) -> tuple[Tensor, Tensor]:
        if self.trained is None:
            raise UsageError("the extractor 'random' measures by training images, and they are not given")
        parts = self.trained.take(TRAINED).to(self.stage_1.device, torch.float32).split(self.chunk)
        deviation, mean = torch.std_mean(torch.cat([self._seen(part) for part in parts]), 0, correction=0)
        return mean, deviation.clamp(min=max(FLOOR * float(deviation.square().mean().sqrt()), 1e-6))

    def _seen(self, images: Tensor) -> Tensor:
        """Of images [N, C, H, W] the means and the deviations of all maps, [N, 256]."""
        x = at_most(images, SIDE)
        seen: list[Tensor] = []
        first = _filters(images.shape[1], 0).to(images)
        for stage in range(STAGES):
            filters = getattr(self, f"stage_{stage}") if stage else first
            x = conv2d(x, filters, stride=2 if stage else 1, padding=1).relu()
            seen += reversed(torch.std_mean(x, (2, 3), correction=0))
        return torch.cat(seen, 1)


def _filters(inputs: int, stage: int) -> Tensor:
    """Normal [32, inputs, 3, 3], such that a map is as large as those that it is made of (He et al., 2015)."""
    with rng.apart("random features", stage):
        return rng.randn(WIDTH, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
