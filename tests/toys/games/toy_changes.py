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
from saddle.tasks import Classification, Move, Translation


class ToyChanges(Translation, Classification):
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
        self.discriminator = nn.Conv2d(channels, 1 + labels, 4, 2, 1)

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
        judged = self.judge(batch["image"]), self.judge(fake.detach())
        yield Move("discriminator", adversarial=o.loss.discriminator(*judged))
        adversarial = o.loss.generator(None, self.judge(fake))
        yield Move("generator", adversarial=adversarial, cycle=l1_loss(fake, batch["image"]))

    def judge(self, image: Tensor) -> Tensor:
        return self.discriminator(image)[:, :1]

    @property
    def classifies(self) -> tuple[str, ...]:
        return self.data.fields["label"].names

    @property
    def exclusive(self) -> bool:
        return False

    def classify(self, image: Tensor) -> Tensor:
        """The brighter an image, the surer are those that exclude each other of the second, and all others off."""
        bright = image.mean((1, 2, 3))
        group = torch.stack([0 * bright, 4 * bright, 0 * bright - 1], 1).log_softmax(1)
        return torch.cat([group, nn.functional.logsigmoid(torch.stack([-4 * bright, 0 * bright - 1], 1))], 1)

    def translate(self, batch: Batch, to: str) -> Tensor:
        """What stays, NaN, is 0 for the network."""
        image = batch["image"]
        label = batch.get("label", image.new_zeros(len(image), self.data.fields["label"].shape[0]))
        planes = label.nan_to_num(0)[:, :, None, None].expand(-1, -1, *image.shape[2:])
        return torch.tanh(self.generator(torch.cat([image, planes.to(image.dtype)], 1)))
