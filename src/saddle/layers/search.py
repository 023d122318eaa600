"""Latents by descent: of which one would a generator draw an image? Schlegl et al., 2017, Section 2.2."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..base.precision import full
from ..base.ranges import PositiveFloat, PositiveInt, Share, ShareBelowOne
from ..base.settings import Settings

Generate = Callable[[Tensor], Tensor]  # latents [N, …] → samples [N, …]
Distance = Callable[[Tensor, Tensor], Tensor]  # samples, targets → how far each is from its own  [N]


@dataclass(frozen=True)
class Descent(Settings):
    """How latents are searched for: by Adam, which starts anew at each search."""

    steps: PositiveInt = 500  # of each search
    lr: PositiveFloat = 1e-3  # of Adam
    betas: tuple[ShareBelowOne, ShareBelowOne] = (0.5, 0.999)  # of Adam
    restarts: PositiveInt = 1  # searches from different latents, of which the nearest is kept
    settle: Share = 0.0  # share of the steps, at the end, over which lr falls to 0 in a straight line

    def rate(self, step: int) -> float:
        """lr at a step, counted from 0."""
        left = 1 - step / self.steps
        return self.lr * min(1.0, left / self.settle) if self.settle else self.lr


class Found(NamedTuple):
    """Where searches ended."""

    z: Tensor  # [N, …]
    distance: Tensor  # [N]


class Prior:
    """Where a prior's latents lie, as draws of it [n, …] show. Called with latents [N, …], it pulls them back there.

    No number lies outside the range of all that were drawn, and no latent is longer than the longest. Numbers that take
    two values at most, such as those of a category, are choices: `free` is False there, and they stay as they are.
    """

    def __init__(self, draws: Tensor):
        draws = full(draws.detach())
        self.free = ((draws == draws.amax(0)) | (draws == draws.amin(0))).logical_not().any(0)  # [K]
        moved = draws[:, self.free]
        self.low, self.high = (moved.amin(), moved.amax()) if moved.numel() else (draws.amin(), draws.amax())
        self.length = moved.norm(dim=1).amax()

    def __call__(self, z: Tensor) -> Tensor:
        within = z.clamp(self.low.to(z), self.high.to(z))
        length = (within * self.free).flatten(1).norm(dim=1).clamp(min=1e-12)
        within = within * (self.length.to(z) / length).clamp(max=1).view(-1, *[1] * (z.ndim - 1))
        return torch.where(self.free, within, z)


@contextmanager
def at_rest(*networks: nn.Module) -> Iterator[None]:
    """Inside, the networks are in their state for use; after it each layer is as it was."""
    before = [(module, module.training) for network in networks for module in network.modules()]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


@torch.enable_grad()
def find_latent(
    generate: Generate,
    distance: Distance,
    target: Tensor,
    z: Tensor,
    how: Descent,
    within: Prior | None = None,
) -> Found:
    """From latents z [N, …] down the distance of what they generate to the target's rows [N, …]: where this ends.

    Rows are searched for at once and do not know of each other: the losses are summed, and Adam keeps a slope and a
    scale for each number. The gradient reaches the latents alone. After each step they are pulled back `within`.
    """
    z = full(z.detach()).clone().requires_grad_()
    optim = torch.optim.Adam([z], how.lr, how.betas)
    for step in range(how.steps):
        optim.param_groups[0]["lr"] = how.rate(step)
        optim.zero_grad()
        distance(generate(z), target).sum().backward(inputs=[z])
        if within is not None:
            z.grad = torch.where(within.free, z.grad, 0)  # type: ignore[arg-type]
        optim.step()
        if within is not None:
            with torch.no_grad():
                z.copy_(within(z))
    with torch.no_grad():
        return Found(z.detach(), distance(generate(z), target))


def nearest(found: Iterable[Found]) -> Found:
    """Of several searches for the same rows, each row's nearest."""
    every = [*found]
    distances = torch.stack([each.distance for each in every])
    best, rows = distances.nan_to_num(torch.inf).argmin(0), torch.arange(distances.shape[1], device=distances.device)
    return Found(torch.stack([each.z for each in every])[best, rows], distances[best, rows])
