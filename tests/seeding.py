"""One seed for all random numbers: those of the house, and those of torch's default generator."""

import torch

from saddle.base import rng


def seed_all(*key: object) -> None:
    rng.seed(*key)
    torch.manual_seed(rng.number(*key, (0, 1)))
