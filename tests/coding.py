"""Small games of codes, and what their moves say."""

import torch
from eights import BATCH, SMALL
from seeding import seed_all

from saddle.games.bicogan import BiCoGAN
from saddle.games.bigan import BiGAN
from saddle.nets.bigan import DensePairs
from saddle.runs.informing import count_parameters
from saddle.spec import DataSpec

MNIST = DataSpec.of((1, 28, 28), ("image", "label"), tuple("0123456789"))
X, LABEL = BATCH["image"], BATCH["label"]


def small(kind, data=SMALL, **options):
    torch.manual_seed(0)
    seed_all(0)
    tiny = {"z_dim": 3, **({"network": DensePairs(width=6)} if kind in (BiGAN, BiCoGAN) else {"width": 6})}
    return kind(data, kind.Options(**tiny | options))


def counts(kind, data, **options):
    with torch.device("meta"):
        return [*count_parameters(kind(data, kind.Options(**options))).values()]


def gradient(loss, player):
    return torch.autograd.grad(loss, [*player.parameters()], allow_unused=True, retain_graph=True)


def silent(gradients):
    return all(g is None or not g.any() for g in gradients)


class Watched(torch.nn.Module):
    """Stands in for a discriminator of pairs: notes what it is shown, and answers with a function of it."""

    def __init__(self, answer=lambda x, code: x.flatten(1).sum(1) * 0 + code.sum(1) * 0):
        super().__init__()
        self.answer, self.seen = answer, []
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x, code):
        self.seen.append((x, code))
        return self.answer(x, code) + self.weight


def rounds_of(game, batch=BATCH):
    return list(game.round(iter([batch])))
