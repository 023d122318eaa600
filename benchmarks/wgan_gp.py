"""WGAN-GP in the order of igul222/improved_wgan_training, gan_cifar.py at 9a4b20b: its generator moves first.

Then the critic moves five times, each time on new images and new fakes, down one cost: fakes, images, and the penalty
on lines between them. A step computes the gradients of its own player's weights alone, and there are no averages.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from saddle.runs.session import Training

from .against import Theirs, against, opening, plain_adam
from .timing import Figure

CRITIC_STEPS, WEIGHT = 5, 10.0


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    network = {"class": "DCGAN", "width": 32, "critic": True}
    opened = opening("wgan-gp", folder, 64, game__network=network, game__discriminator_steps=CRITIC_STEPS)
    return against("wgan-gp", opened, loop, seconds)


def loop(training: Training) -> Callable[[], None]:
    """A function that plays one round."""
    its = Theirs(training)
    optim_g, optim_c = (plain_adam(network, (0.5, 0.9)) for network in (its.generator, its.discriminator))
    weights_g, weights_c = (list(network.parameters()) for network in (its.generator, its.discriminator))

    def critic(x: Tensor) -> Tensor:
        return its.discriminator(x).logits

    def penalty(real: Tensor, fake: Tensor) -> Tensor:
        between = (real + torch.rand(len(real), 1, 1, 1) * (fake - real)).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return WEIGHT * (gradient.square().sum((1, 2, 3)).sqrt() - 1).square().mean()

    def play_round() -> None:
        optim_g.zero_grad()
        (-critic(its.generator(its.z())).mean()).backward(inputs=weights_g)
        optim_g.step()
        for _ in range(CRITIC_STEPS):
            real = its.real()
            with torch.no_grad():
                fake = its.generator(its.z())
            optim_c.zero_grad()
            cost = critic(fake).mean() - critic(real).mean() + penalty(real, fake)
            cost.backward(inputs=weights_c)
            optim_c.step()
            cost.item()

    return play_round
