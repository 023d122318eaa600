"""Small networks that are trained here, on training samples, to read images and codes for scores.

Never a part of the game, whose own networks may be fooled by it. They learn on the processor and with random numbers of
their own: a training is not disturbed, and every process has the same network of the same data. The last ones are kept.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from math import cos, pi
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from ..base import rng, telling

N = TypeVar("N", bound=nn.Module)
_KEPT = 8  # networks of the last runs, each of a few hundred kilobytes
_learned: OrderedDict[str, nn.Module] = OrderedDict()


@dataclass(frozen=True)
class Lesson:
    """Training samples and what is to be predicted for them."""

    mark: str  # of the data and of the target: another mark is another lesson
    count: int
    take: Callable[[NDArray[np.int64]], tuple[Tensor, Tensor]]  # those at some places: float [N, …], and what they show


def fitted(
    network: Callable[[], N],
    lesson: Lesson,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    steps: int,
    batch: int = 32,
    rate: float = 2e-3,
    seed: int = 0,
) -> N:
    """A network, `seed`ed, after so many steps of Adam on (its output, the target); the rate falls to 0 by a cosine.

    It does not depend on what was drawn before, on the device of the game, nor on how many processes there are.
    """
    what = "learned", lesson.mark, steps, batch, rate, seed
    with rng.building(*what):
        net = network()
    optim = torch.optim.Adam(net.parameters(), rate)
    with rng.apart(*what), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        for step in range(steps):
            telling.now("training who reads for scores", step, steps)
            places = rng.randint(lesson.count, min(batch, lesson.count))
            samples, told = lesson.take(places.numpy())
            for group in optim.param_groups:
                group["lr"] = rate * (1 + cos(pi * step / steps)) / 2
            optim.zero_grad()
            loss(net(samples), told).backward()
            optim.step()
    return net.eval().requires_grad_(False)


def once(mark: str, make: Callable[[], N]) -> N:
    """What was learned under this mark, if it was among the last ones; else what `make` gives."""
    if mark not in _learned:
        _learned[mark] = make()
    _learned.move_to_end(mark)
    while len(_learned) > _KEPT:
        _learned.popitem(last=False)
    return _learned[mark]  # type: ignore[return-value]


def digest(*parts: object) -> str:
    """For fingerprints: SHA-256 of what a network was made of. Its weights may differ in rounding between machines."""
    return sha256(repr(parts).encode()).hexdigest()


def step(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 × 3 convolution with batch norm and ReLU."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def at_most(images: Tensor, side: int) -> Tensor:
    """Images [N, C, H, W] whose shorter side is at most so long; pixels that become one are averaged.

    Returns [N, C, h, w].
    """
    height, width = images.shape[-2:]
    if min(height, width) <= side:
        return images
    rows, columns = (max(1, round(x * side / min(height, width))) for x in (height, width))
    return adaptive_avg_pool2d(images, (rows, columns))
