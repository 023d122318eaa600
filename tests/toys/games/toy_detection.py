"""ToyDetection. A detection in one file, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000

An autoencoder learns normal images; what it cannot make again is unusual.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from saddle.spec import Batch, DataSpec
from saddle.tasks import Detection, Finding, Move


class ToyDetection(Detection):
    averaged = ("encoder", "generator")

    @dataclass(frozen=True)
    class Options(Detection.Options):
        width: int = 4  # numbers in a code

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        size = data.shape[0] * data.shape[1] * data.shape[2]
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(size, self.options.width))
        self.generator = nn.Sequential(nn.Linear(self.options.width, size), nn.Unflatten(1, data.shape), nn.Tanh())

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        yield Move("encoder", "generator", reconstruction=self.error(next(batches)["image"]).mean())

    def error(self, image: Tensor) -> Tensor:
        """The squared error of every pixel, [N, 1, H, W]."""
        return (self.generator(self.encoder(image)) - image).square().mean(1, keepdim=True)

    def detect(self, image: Tensor) -> Finding:
        error = self.error(image)
        return Finding(error.flatten(1).mean(1), error)
