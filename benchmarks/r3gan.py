"""R3GAN in its authors' order: Trainer.py and training_loop.py of brownvc/R3GAN, read in the copy Lemutisme/R3GAN.

There Trainer.py is at ed6da1f, training_loop.py at 56225b2. The discriminator moves first, the generator after it on
images of its own; who does not move is frozen. The penalties differentiate the logits of the loss. Before a step, all
gradients are copied into one tensor, which many devices would add up, and back.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import softplus

from saddle.runs.session import Training

from .against import Theirs, against, opening, plain_adam
from .timing import Figure

GAMMA = 0.2


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    network = {"game__network__width": 128, "game__network__wide": 1, "game__network__blocks": 1}
    opened = opening("r3gan", folder, 32, game__conditional=False, game__views=(), data__size=16, **network)
    return against("r3gan", opened, loop, seconds)


def loop(training: Training) -> Callable[[], None]:
    """A function that plays one round."""
    its = Theirs(training)
    optim_g, optim_d = (plain_adam(network, (0.0, 0.99)) for network in (its.generator, its.discriminator))
    its.generator.requires_grad_(False)
    its.discriminator.requires_grad_(False)

    def logits(x: Tensor) -> Tensor:
        return its.discriminator(x).logits

    def judge(real: Tensor, z: Tensor) -> None:
        real, fake = real.detach().requires_grad_(), its.generator(z).detach().requires_grad_()
        of_real, of_fake = logits(real), logits(fake)
        steep = squares(real, of_real) + squares(fake, of_fake)
        (softplus(of_fake - of_real) + GAMMA / 2 * steep).mean().backward()

    def deceive(real: Tensor, z: Tensor) -> None:
        of_fake, of_real = logits(its.generator(z)), logits(real)
        softplus(of_real - of_fake).mean().backward()

    def play_round() -> None:
        batches = [(its.real(), its.z()) for _ in range(2)]
        phases = (its.discriminator, optim_d, judge), (its.generator, optim_g, deceive)
        for (network, optim, backward), (real, z) in zip(phases, batches, strict=True):
            optim.zero_grad()
            network.requires_grad_(True)
            backward(real, z)
            network.requires_grad_(False)
            weights = [p for p in network.parameters() if p.grad is not None]
            flat = torch.cat([p.grad.flatten() for p in weights])
            for weight, part in zip(weights, flat.split([p.numel() for p in weights]), strict=True):
                weight.grad = part.reshape(weight.shape)
            optim.step()
        its.average()

    return play_round


def squares(x: Tensor, logits: Tensor) -> Tensor:
    """Of the logits' gradient at each sample, [N]."""
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.square().sum((1, 2, 3))
