"""Samples by ascent: the search that stands in for a generator."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..base.precision import full, second_order


@torch.enable_grad()
def ascend(
    score: Callable[[Tensor], Tensor],
    x: Tensor,
    goal: Tensor,
    steps: int,
    lr: float,
    bounds: tuple[float, float] | None = None,
) -> Tensor:
    """Samples [N, …] moved up the score by at most `steps` steps of Adam, each until it scores its goal [N].

    Adam starts anew at each call. Coordinates stay within `bounds`. The samples returned have no gradient, and none
    reaches what scores them.

    x [N, …], goal [N] → [N, …]
    """
    start = x
    x = full(x.detach()).clone().requires_grad_()
    optim = torch.optim.Adam([x], lr, maximize=True)
    with second_order(x):
        for _ in range(steps):
            logits = score(x)
            climbing = logits.detach() < goal
            if not climbing.any():  # beyond the goal, ascent only finds what fools the score
                break
            (x.grad,) = torch.autograd.grad(logits.sum(), x)
            before = x.detach().clone()
            optim.step()
            with torch.no_grad():
                moved = x if bounds is None else x.clamp(*bounds)
                x.copy_(torch.where(climbing.view(-1, *[1] * (x.ndim - 1)), moved, before))
    return x.detach().to(start.dtype)
