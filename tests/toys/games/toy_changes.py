"""ToyChanges. What an image shows is changed by labels, in one file, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000

A generator sees an image and a plane for each label that is to change; the discriminator looks at patches.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from saddle.losses import AdversarialLoss, HalfLeastSquares
from saddle.spec import Batch, Condition, DataSpec
from saddle.tasks import Move, Translation


class ToyChanges(Translation):
    needs = ("image", "label")
    takes_conditions = ("labels", "numbers", "class")

    @dataclass(frozen=True)
    class Options(Translation.Options):
        loss: AdversarialLoss = HalfLeastSquares()  # adversarial loss

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        assert data.condition is not None
        channels, labels = data.shape[0], len(data.condition.names)
        self.generator = nn.Conv2d(channels + labels, channels, 1)
        self.discriminator = nn.Conv2d(channels, 1, 4, 2, 1)

    @property
    def domains(self) -> tuple[str, ...]:
        return ("image",)

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("image", "image"),)

    @property
    def asked(self) -> Condition | None:
        return self.data.condition

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, batch = self.options, next(batches)
        fake = self.translate(batch, "image")
        judged = self.discriminator(batch["image"]), self.discriminator(fake.detach())
        yield Move("discriminator", adversarial=o.loss.discriminator(*judged))
        adversarial = o.loss.generator(None, self.discriminator(fake))
        yield Move("generator", adversarial=adversarial, cycle=l1_loss(fake, batch["image"]))

    def translate(self, batch: Batch, to: str) -> Tensor:
        """What stays, NaN, is 0 for the network."""
        image = batch["image"]
        label = batch.get("label", image.new_zeros(len(image), self.data.fields["label"].shape[0]))
        planes = label.nan_to_num(0)[:, :, None, None].expand(-1, -1, *image.shape[2:])
        return torch.tanh(self.generator(torch.cat([image, planes.to(image.dtype)], 1)))
