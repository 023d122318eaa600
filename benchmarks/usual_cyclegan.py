"""The usual training step of CycleGAN at batch 1, in its authors' order of operations, nothing tuned.

That of junyanz/pytorch-CycleGAN-and-pix2pix, models/cycle_gan_model.py at 48ced5e.

Two generators and two discriminators in fp32 and NCHW. One Adam for both generators, whose step runs both of them over
the images, over each other's fakes and over their own domain; the discriminators are frozen meanwhile. One Adam for
both discriminators, each judging a real image and a fake from a pool of 50, at half the loss.
"""

import itertools
import random
from collections.abc import Callable

import torch
from torch import Tensor, nn

from saddle.nets.patch import patch_discriminator
from saddle.nets.translator import translator

CYCLE, IDENTITY = 10.0, 0.5


class Pool:
    """The last fakes; half of the time an older one is shown, and the new one takes its place."""

    def __init__(self, size: int = 50):
        self.size = size
        self.images: list[Tensor] = []

    def query(self, images: Tensor) -> Tensor:
        shown = []
        for image in images.detach().unsqueeze(1):
            if len(self.images) < self.size:
                self.images.append(image)
            elif random.random() > 0.5:
                place = random.randrange(self.size)
                self.images[place], image = image, self.images[place].clone()
            shown.append(image)
        return torch.cat(shown)


class Usual:
    def __init__(self, side: int, blocks: int):
        shape = (3, side, side)
        self.a_to_b, self.b_to_a = translator(shape, blocks), translator(shape, blocks)
        self.judge_a, self.judge_b = patch_discriminator(shape), patch_discriminator(shape)
        self.pool_a, self.pool_b = Pool(), Pool()
        self.optim_g = adam(self.a_to_b, self.b_to_a)
        self.optim_d = adam(self.judge_a, self.judge_b)
        self.squares, self.distance = nn.MSELoss(), nn.L1Loss()

    def verdict(self, logits: Tensor, real: bool) -> Tensor:
        loss: Tensor = self.squares(logits, torch.tensor(float(real)).expand_as(logits))
        return loss

    def step(self, a: Tensor, b: Tensor) -> None:
        fake_b = self.a_to_b(a)
        back_a = self.b_to_a(fake_b)
        fake_a = self.b_to_a(b)
        back_b = self.a_to_b(fake_a)

        freeze((self.judge_a, self.judge_b), True)
        self.optim_g.zero_grad()
        same_b = self.distance(self.a_to_b(b), b) * CYCLE * IDENTITY
        same_a = self.distance(self.b_to_a(a), a) * CYCLE * IDENTITY
        deceived = self.verdict(self.judge_b(fake_b), True) + self.verdict(self.judge_a(fake_a), True)
        cycle = (self.distance(back_a, a) + self.distance(back_b, b)) * CYCLE
        (deceived + cycle + same_a + same_b).backward()
        self.optim_g.step()

        freeze((self.judge_a, self.judge_b), False)
        self.optim_d.zero_grad()
        for judge, real, fake in (
            (self.judge_b, b, self.pool_b.query(fake_b)),
            (self.judge_a, a, self.pool_a.query(fake_a)),
        ):
            loss = (self.verdict(judge(real), True) + self.verdict(judge(fake), False)) * 0.5
            loss.backward()
        self.optim_d.step()


def adam(*networks: nn.Module) -> torch.optim.Adam:
    weights = itertools.chain(*(network.parameters() for network in networks))
    return torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999))


def freeze(networks: tuple[nn.Module, ...], frozen: bool) -> None:
    for network in networks:
        for parameter in network.parameters():
            parameter.requires_grad = not frozen


def usual_cyclegan(batches: Callable[[], tuple[Tensor, Tensor]], side: int, blocks: int) -> Callable[[], None]:
    """A function that plays one round."""
    usual = Usual(side, blocks)
    return lambda: usual.step(*batches())
