"""ToyRestoration. A restoration in one file, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000

A generator fills in what was cut out of an image; a discriminator tells its images from whole ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import interpolate, l1_loss

from saddle.losses import AdversarialLoss, NonSaturating
from saddle.spec import Batch, DataSpec
from saddle.tasks import Move, Restoration


class ToyRestoration(Restoration):
    @dataclass(frozen=True)
    class Options(Restoration.Options):
        width: int = 8  # channels
        loss: AdversarialLoss = NonSaturating()  # adversarial loss

    @dataclass(frozen=True)
    class Use(Restoration.Use):
        strength: float = 1.0  # share of what is restored in the result

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        small, channels = (data.fields[key].shape[0] for key in self.needs)
        width = self.options.width
        self.generator = nn.Sequential(
            nn.Conv2d(small, width, 3, 1, 1),
            nn.Dropout(0.2),  # random numbers that are not the house's own
            nn.ReLU(),
            nn.Conv2d(width, channels, 3, 1, 1),
            nn.Tanh(),
        )
        self.discriminator = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 4, 2, 1)
        )

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, batch = self.options, next(batches)
        real, fake = batch["image"], self.restore(batch)
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake.detach())
        yield Move("discriminator", adversarial=o.loss.discriminator(real_logits, fake_logits))

        adversarial = o.loss.generator(real_logits.detach(), self.discriminator(fake))
        yield Move("generator", adversarial=0.01 * adversarial, content=l1_loss(fake, real))

    def restore(self, batch: Batch) -> Tensor:
        return self.generator(interpolate(batch["damaged"], scale_factor=self.times, mode="bilinear"))

    def restore_with(self, batch: Batch, use: Restoration.Use) -> Tensor:
        restored = self.restore(batch)
        return use.strength * restored + (1 - use.strength) * interpolate(batch["damaged"], scale_factor=self.times)
