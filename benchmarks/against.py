"""A game of Saddle beside a loop of our own in its authors' order of operations, on the same networks.

By the clock, with as many threads as are allowed, and in seconds of the processor with one thread, which other work on
the machine moves least. In Saddle's own precision, and in the loop's, fp32; where both are one it is measured once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from saddle.runs.session import Training

from .goals import RATIOS
from .timing import Figure, Times, by_processor, interleave
from .trainings import open_training, repeated, rounds

Loop = Callable[[Training], Callable[[], None]]


def against(
    name: str, opened: Callable[[str], Training], loop: Loop, seconds: float, count: int = 1
) -> dict[str, Figure]:
    """Ratios of the loop's seconds to Saddle's, `count` rounds at a time, and Saddle's seconds a round.

    `opened` gives a training of a precision.
    """
    own = opened("auto")
    programs = {"loop": repeated(loop(own), count), "saddle": rounds(own, count)}
    programs |= in_fp32(own, lambda: opened("fp32"), count)
    found = interleave(programs, seconds / 2, warm_up=1)
    freely, equally, alone = (f"{name}.{ratio}" for ratio in RATIOS)
    figures = in_both(found, "loop", freely, equally) | {f"{name}.seconds_a_round": found.of("saddle", count)}
    if by_processor() and torch.get_num_threads() == 1:
        return figures | {alone: replace(figures[equally], same_as=equally)}
    equal = list(programs)[-1]
    with one_thread():
        apart = interleave({each: programs[each] for each in ("loop", equal)}, seconds / 2, warm_up=1)
    return figures | {
        alone: apart.ratio("loop", equal, processor=True),
        f"{name}.processor_seconds_a_round": apart.of(equal, count, processor=True),
    }


def in_fp32(own: Training, opened: Callable[[], Training], count: int = 1) -> dict[str, Callable[[], None]]:
    """The program "saddle fp32", `count` rounds at a time; none where `own` is in fp32 itself."""
    return {} if own.trainer.precision == "fp32" else {"saddle fp32": rounds(opened(), count)}


def in_both(found: Times, other: str, freely: str, equally: str) -> dict[str, Figure]:
    """The ratios of another program's seconds to Saddle's, under two keys: in its own precision, and in fp32."""
    own = found.ratio(other, "saddle")
    if "saddle fp32" not in found.seconds:
        return {freely: replace(own, same_as=equally), equally: own}
    return {freely: own, equally: found.ratio(other, "saddle fp32")}


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def opening(game: str, folder: Path, batch: int, **edits: Any) -> Callable[[str], Training]:
    """A function that opens a training of this game on digits, with these settings, in a precision."""
    settings = {name.replace("__", "."): value for name, value in edits.items()}
    return lambda precision: open_training(
        game, "digits", folder / precision, settings, batch=batch, precision=precision
    )


class Theirs:
    """The networks of a training as a usual loop has them, in NCHW, with an averaged generator, and its images."""

    def __init__(self, training: Training):
        game: Any = training.trainer.game
        self.generator, self.discriminator = (
            deepcopy(player).to(memory_format=torch.contiguous_format).float()
            for player in (game.generator, game.discriminator)
        )
        self.averaged = deepcopy(self.generator).requires_grad_(False)
        self.batch, self.z_dim = training.recipe.plan.batch, game.options.z_dim
        column = training.source.train.columns["image"]
        self.images = torch.from_numpy(column[torch.arange(len(column)).numpy()])

    def real(self) -> Tensor:
        """A batch of images in [-1, 1]."""
        return self.images[torch.randint(len(self.images), (self.batch,))].float() / 127.5 - 1

    def z(self) -> Tensor:
        return torch.randn(self.batch, self.z_dim)

    @torch.no_grad()
    def average(self, decay: float = 0.99) -> None:
        """Parameter by parameter; statistics are copied."""
        for mean, value in zip(self.averaged.parameters(), self.generator.parameters(), strict=True):
            mean.copy_(value.lerp(mean, decay))
        for mean, value in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            mean.copy_(value)


def plain_adam(network: nn.Module, betas: tuple[float, float]) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=1e-4, betas=betas)
