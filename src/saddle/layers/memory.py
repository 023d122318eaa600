"""A memory of samples, out of which some are drawn again."""

from functools import partial

import torch
from torch import Tensor, nn

from ..base import dist, rng
from ..base.known import drawn, known, listed, put, sent


class Memory(nn.Module):
    """Keeps `size` samples; when it is full, a new one takes the place of one chosen by chance.

    So old samples fade slowly instead of going at once. Every process holds those of the whole batch.
    """

    samples: Tensor
    filled: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]):
        super().__init__()
        self.register_buffer("samples", torch.zeros(size, *shape))
        self.register_buffer("filled", torch.tensor(0))

    def __bool__(self) -> bool:
        return bool(known(self.filled))

    def draw(self, n: int) -> Tensor:
        """n of the samples, [n, …], each drawn from all. There must be one."""
        return self.samples[rng.randint(known(self.filled), n, device=self.samples.device)]

    @torch.no_grad()
    def keep(self, samples: Tensor) -> None:
        """Take in new samples [N, …], of all processes in the batch's order."""
        size, device = len(self.samples), samples.device
        places = self.places(len(samples))
        new, filled = dist.gather(samples.detach().to(self.samples.dtype)), known(self.filled)
        room = [*range(filled, min(filled + len(new), size))]
        chosen = dict(zip([*room, *places[len(room) :]], range(len(new)), strict=True))  # the last to come stays
        self.samples[sent([*chosen], device)] = new[sent([*chosen.values()], device)]
        put(self.filled, min(filled + len(new), size))

    def places(self, n: int) -> list[int]:
        """Which samples give way to n new ones of each process, in the batch's order."""
        places: list[int] = listed(drawn(partial(rng.randint, len(self.samples)), n))
        return places
