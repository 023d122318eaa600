"""Parts of Saddle in a loop of one's own: a network, a loss, a penalty, a view and a layer, and no trainer.

    python examples/own_loop.py

Losses and penalties are functions of logits and of a `Context`; networks build torch modules for a `DataSpec`; views
and layers are modules or functions of tensors. None of them knows of a trainer, so they go into any loop, Lightning's
or accelerate's too. What this loop lacks is what a run has: a seed for each round, checkpoints, averages, scores.
"""

import torch
from torch import Tensor

from saddle.context import Context
from saddle.layers.spectral import spectral_norm
from saddle.losses import Hinge
from saddle.nets.dcgan import DCGAN
from saddle.penalties import R1
from saddle.spec import DataSpec
from saddle.views import DiffAugment

Z_DIM = 32


def squares(n: int) -> Tensor:
    """White squares of 6 × 6 pixels somewhere on black, float [n, 1, 16, 16] in [-1, 1]: data to begin with."""
    images = torch.full((n, 1, 16, 16), -1.0)
    for image, (y, x) in zip(images, torch.randint(11, (n, 2)).tolist(), strict=True):
        image[:, y : y + 6, x : x + 6] = 1
    return images


def train(rounds: int, width: int = 16, batch: int = 16) -> tuple[torch.nn.Module, list[dict[str, float]]]:
    """The trained generator, and the losses of each round."""
    data = DataSpec.of((1, 16, 16))
    network = DCGAN(width=width, critic=True)  # a critic has no batch norm, which R1 would be wrong beside
    generator, discriminator = network.generator(Z_DIM, data), spectral_norm(network.discriminator(data))
    optim_g, optim_d = (torch.optim.Adam(each.parameters(), 2e-4, (0.5, 0.99)) for each in (generator, discriminator))
    loss, penalty, view = Hinge(), R1(weight=1.0, every=4), DiffAugment().build(data)

    progress = 0.0

    def score(x: Tensor) -> Tensor:
        """Logits [N] of images, as the view shows them."""
        return discriminator(view(x, progress)).logits

    history = []
    for round_ in range(rounds):
        progress, real = round_ / rounds, squares(batch)
        with torch.no_grad():
            fake = generator(torch.randn(batch, Z_DIM))
        of_real, of_fake = score(real), score(fake)
        terms = {"discriminator": loss.discriminator(of_real, of_fake)}
        if (paid := penalty(round_, Context.of(score, real, fake, of_real, of_fake))) is not None:  # every 4th round
            terms["r1"] = paid
        optim_d.zero_grad()
        sum(terms.values()).backward()
        optim_d.step()

        terms["generator"] = loss.generator(None, score(generator(torch.randn(batch, Z_DIM))))
        optim_g.zero_grad()
        terms["generator"].backward()
        optim_g.step()
        history.append({name: float(value.detach()) for name, value in terms.items()})
    return generator, history


if __name__ == "__main__":
    for i, losses in enumerate(train(200)[1]):
        if i % 20 == 0:
            print(i, {name: round(value, 3) for name, value in losses.items()})
