"""Who reads traits of images for scores: a small network that is trained here on training images."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .learned import Lesson, at_most, digest, fitted, once, step
from .traits import Traits

SIDE, STEPS, BATCH, RATE = 32, 400, 32, 4e-3


class Reader(nn.Module):
    """Images [N, C, H, W], whose shorter side becomes 32 pixels at most → logits [N, Σ sizes]."""

    def __init__(self, channels: int, traits: Traits):
        super().__init__()
        self.channels, self.traits = channels, traits
        body = (step(channels, 16), step(16, 32, 2), step(32, 48, 2), step(48, 64, 2))
        self.body = nn.Sequential(*body, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, sum(traits.sizes)))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    @torch.no_grad()
    def read(self, images: Tensor) -> Tensor:
        """The values of the traits that images [N, C, H, W] in [-1, 1] show, int64 [N, P]."""
        small = at_most(images.cpu().float().clamp(-1, 1), SIDE)
        return torch.cat([self.traits.said(self(part)) for part in small.split(256)])


@dataclass(frozen=True)
class ReadLesson(Lesson):
    """Training images [N, C, H, W] and the values of their traits, int64 [N, P], -1 where unknown."""

    channels: int
    traits: Traits

    @property
    def digest(self) -> str:
        return digest("reader", self.mark, SIDE, STEPS, BATCH, RATE)


def reader(lesson: ReadLesson) -> Reader:
    """Trained on these images; always the same one of the same."""

    def take(places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        images, values = lesson.take(places)
        return at_most(images.float(), SIDE), values

    def learned() -> Reader:
        network = partial(Reader, lesson.channels, lesson.traits)
        small = replace(lesson, take=take)
        return fitted(network, small, lesson.traits.loss, steps=STEPS, batch=BATCH, rate=RATE)

    return once(lesson.digest, learned)
