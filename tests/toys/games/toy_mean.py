"""ToyMean. A detection that compares with the mean image, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000

What is far from the mean of the normal images is unusual. In use its mean can be moved towards an image, step by step.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from saddle.spec import Batch, DataSpec
from saddle.tasks import Detection, Finding, Move


class Memory(nn.Module):
    """One image."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.image = nn.Parameter(torch.zeros(shape))


class ToyMean(Detection):
    @dataclass(frozen=True)
    class Use(Detection.Use):
        steps: int | None = None  # by a tenth of the way each

    def __init__(self, data: DataSpec, options: Detection.Options | None = None):
        super().__init__(data, options)
        self.generator = Memory(data.shape)

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        yield Move("generator", error=(self.generator.image - next(batches)["image"]).square().mean())

    def detect_with(self, image: Tensor, use: Detection.Use) -> Finding:
        assert isinstance(use, self.Use)
        return self.found(image, 0.9 ** (use.steps or 0))

    def detect(self, image: Tensor) -> Finding:
        return self.found(image, 1.0)

    def found(self, image: Tensor, share: float) -> Finding:
        normal = image + share * (self.generator.image - image)
        error = (image - normal).abs().mean(1, keepdim=True)
        far = error.flatten(1)
        return Finding(far.mean(1) + far.amax(1), error, {"mean": far.mean(1), "peak": far.amax(1)}, normal)
