"""Who reads traits or numbers of images for scores: a small network that is trained here on training images."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from .learned import Lesson, at_most, digest, fitted, once, step
from .traits import Traits

SIDE, STEPS, BATCH, RATE = 32, 400, 32, 4e-3


class Reader(nn.Module):
    """Images [N, C, H, W], whose shorter side becomes 32 pixels at most → logits [N, Σ sizes]."""

    def __init__(self, channels: int, traits: Traits):
        super().__init__()
        self.channels, self.traits = channels, traits
        self.body = _body(channels, 2, sum(traits.sizes))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    @torch.no_grad()
    def read(self, images: Tensor) -> Tensor:
        """The values of the traits that images [N, C, H, W] in [-1, 1] show, int64 [N, P]."""
        return torch.cat([self.traits.said(self(part)) for part in as_read(images).split(256)])


class Gauge(nn.Module):
    """Images [N, C, H, W], whose shorter side becomes 32 pixels at most → numbers [N, K], in units of the lesson's."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, mean: Tensor, deviation: Tensor):
        super().__init__()
        self.body = _body(channels, 4, len(mean))
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    @torch.no_grad()
    def read(self, images: Tensor) -> Tensor:
        """The numbers that images [N, C, H, W] in [-1, 1] show, float [N, K], in the data's own units."""
        told = torch.cat([self(part) for part in as_read(images).split(256)])
        return self.mean + self.deviation * told


def as_read(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] as those who read them are shown them: small, and on the processor.

    Returns [N, C, h, w].
    """
    return at_most(images.cpu().float().clamp(-1, 1), SIDE)


def _body(channels: int, places: int, outputs: int) -> nn.Sequential:
    """Four convolutions, and one layer of all that is left: places × places of 64 channels."""
    steps = (step(channels, 16), step(16, 32, 2), step(32, 48, 2), step(48, 64, 2))
    last = (nn.AdaptiveAvgPool2d(places), nn.Flatten(), nn.Linear(64 * places**2, outputs))
    return nn.Sequential(*steps, *last)


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


@dataclass(frozen=True)
class GaugeLesson(Lesson):
    """Training images [N, C, H, W] and the numbers that they show, float [N, K]."""

    channels: int
    names: tuple[str, ...]  # of the numbers
    mean: Tensor  # [K]
    deviation: Tensor  # [K]

    @property
    def digest(self) -> str:
        return digest("gauge", self.mark, SIDE, STEPS, BATCH, RATE)


def gauge(lesson: GaugeLesson) -> Gauge:
    """Trained on these images; always the same one of the same."""

    def take(places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        images, numbers = lesson.take(places)
        return at_most(images.float(), SIDE), (numbers - lesson.mean) / lesson.deviation

    def learned() -> Gauge:
        network = partial(Gauge, lesson.channels, lesson.mean, lesson.deviation)
        return fitted(network, replace(lesson, take=take), mse_loss, steps=STEPS, batch=BATCH, rate=RATE)

    return once(lesson.digest, learned)
