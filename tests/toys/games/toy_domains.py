"""ToyDomains. A translation between three domains in one file, for tests. Nobody, 2026. https://arxiv.org/abs/0000.00000

One generator turns an image of any domain into any other; one discriminator a domain says whether it belongs there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from saddle.losses import AdversarialLoss, HalfLeastSquares
from saddle.spec import Batch, DataSpec
from saddle.tasks import Move, Translation


class ToyDomains(Translation):
    needs = ("a", "b", "c")

    @dataclass(frozen=True)
    class Options(Translation.Options):
        width: int = 8  # channels
        loss: AdversarialLoss = HalfLeastSquares()  # adversarial loss

    options: Options

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__(data, options)
        width = self.options.width
        self.generator = nn.ModuleDict(
            {f"{a}_to_{b}": self.net(data, a, b, width) for a, b in permutations(self.domains, 2)}
        )
        self.discriminator = nn.ModuleDict(
            {key: nn.Conv2d(data.fields[key].shape[0], 1, 4, 2, 1) for key in self.domains}
        )

    def net(self, data: DataSpec, a: str, b: str, width: int) -> nn.Module:
        inputs, outputs = data.fields[a].shape[0], data.fields[b].shape[0]
        first, last = nn.Conv2d(inputs, width, 3, 1, 1), nn.Conv2d(width, outputs, 3, 1, 1)
        return nn.Sequential(first, nn.ReLU(), last, nn.Tanh())

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        o, batch = self.options, next(batches)
        ways = list(permutations(self.domains, 2))
        fakes = {(a, b): self.translate({a: batch[a]}, b) for a, b in ways}
        losses = {}
        for key in self.domains:
            fake = torch.cat([fakes[way].detach() for way in ways if way[1] == key])
            judge = self.discriminator[key]
            losses[f"adversarial_{key}"] = o.loss.discriminator(judge(batch[key]), judge(fake))
        yield Move("discriminator", **losses)

        adversarial = {
            f"adversarial_{a}{b}": o.loss.generator(None, self.discriminator[b](fakes[a, b])) for a, b in ways
        }
        cycle = sum(l1_loss(self.translate({b: fakes[a, b]}, a), batch[a]) for a, b in ways)
        yield Move("generator", cycle=cycle, **adversarial)

    def translate(self, batch: Batch, to: str) -> Tensor:
        ((start, image),) = batch.items()
        return self.generator[f"{start}_to_{to}"](image)
