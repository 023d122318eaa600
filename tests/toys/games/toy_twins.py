"""ToyTwins. A latent shows a sample and its negative, in one file, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from saddle.losses import NonSaturating
from saddle.spec import Batch, DataSpec
from saddle.tasks import Move, Synthesis


class ToyTwins(Synthesis):
    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        z_dim: int = 4  # length of the latent z

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        size = data.shape[0] * data.shape[1] * data.shape[2]
        self.generator = nn.Sequential(nn.Linear(self.options.z_dim, size), nn.Unflatten(1, data.shape), nn.Tanh())
        self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(size, 1), nn.Flatten(0))

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        image, loss = next(batches)["image"], NonSaturating()
        fake = self.generator(self.noise(len(image)))
        yield Move(
            "discriminator", loss=loss.discriminator(self.discriminator(image), self.discriminator(fake.detach()))
        )
        yield Move("generator", loss=loss.generator(None, self.discriminator(fake)))

    def together(self, z: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
        image = self.decode(z, label)
        return {"a": image, "b": -image}
