"""Random numbers that do not depend on how a batch is divided.

`randn(n, …)`, `rand`, `randint` draw for the whole batch and return the share of this process and micro-batch, so
that two processes, or two micro-batches, make the step that one would. Everything else inside a round (dropout)
uses torch's default generator, which is seeded apart for every share.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import torch
from torch import Tensor

_share = (0, 1)  # which of how many equal parts of the batch is being worked on
_seed = 0
_generators: dict[torch.device, torch.Generator] = {}


def number(*key: object) -> int:
    """A seed that is a function of `key`, the same on every machine."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "little") >> 1


def seed(*key: object) -> None:
    """All random numbers from here on are a function of `key` (and, for the default generator, of the share)."""
    global _seed
    _seed = number(*key)
    _generators.clear()
    _seed_default(number(*key, _share))


@contextmanager
def share(index: int, count: int) -> Iterator[None]:
    """Inside, draws are those of part `index` of `count` equal parts of the batch."""
    global _share
    before, _share = _share, (index, count)
    try:
        yield
    finally:
        _share = before


def shares() -> int:
    """How many parts the batch is divided into."""
    return _share[1]


def randn(n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """This share's [n, …] of the whole batch's standard normal numbers."""
    return _part(torch.randn(n * _share[1], *shape, device=device, generator=_generator(device)), n)


def rand(n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """This share's [n, …] of the whole batch's uniform numbers in [0, 1)."""
    return _part(torch.rand(n * _share[1], *shape, device=device, generator=_generator(device)), n)


def randint(high: int, n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """This share's [n, …] of the whole batch's integers in 0 … high - 1."""
    return _part(torch.randint(high, (n * _share[1], *shape), device=device, generator=_generator(device)), n)


def _seed_default(seed: int) -> None:
    """torch.manual_seed for the devices in use; for every other one that keeps a stack trace, at 1 ms a round."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def _part(whole: Tensor, n: int) -> Tensor:
    index, count = _share
    return whole if count == 1 else whole[index * n : (index + 1) * n]


def _generator(device: torch.device | str) -> torch.Generator:
    device = torch.device(device)
    if device not in _generators:
        _generators[device] = torch.Generator(device).manual_seed(_seed)
    return _generators[device]
