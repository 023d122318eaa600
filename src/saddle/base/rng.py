"""Random numbers that do not depend on how a batch is divided, nor on what other threads do.

`randn(n, …)`, `rand`, `randint` draw for the whole batch and return the share of this process and micro-batch, so
that two processes, or two micro-batches, make the step that one would. Their state belongs to the context: a thread
that samples leaves one that trains as it was.

What else is random (nn.Dropout, the first weights of a network) uses torch's default generator, which belongs to the
whole process. It is touched in two places, under one lock: `building` puts it back as it was, `stepping` is for a
training, which is inside `preserved`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import RLock
from typing import Any

import torch
from torch import Tensor


@dataclass
class _State:
    """What random numbers depend on, in one context."""

    share: tuple[int, int] = (0, 1)  # which of how many equal parts of the batch is being worked on
    seed: int = 0
    generators: dict[torch.device, torch.Generator] = field(default_factory=dict)
    seeded: set[torch.device] = field(default_factory=set)  # where the generator goes on from this seed


_states: ContextVar[_State] = ContextVar("random numbers")
_trainings: list[None] = []  # one for each that is under way
_outside = ExitStack()  # what they put back
_spare: dict[torch.device, list[torch.Generator]] = {}  # of contexts that are over: no round makes one anew
_default = RLock()  # who has it may use torch's default generator


def number(*key: object) -> int:
    """A seed that is a function of `key`, the same on every machine."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "little") >> 1


def seed(*key: object) -> None:
    """All random numbers of this context from here on are a function of `key`."""
    state = _state()
    state.seed = number(*key)
    state.seeded.clear()


def restart() -> None:
    """The same random numbers once more, from where they were last seeded."""
    _state().seeded.clear()


@contextmanager
def stepping(*key: object) -> Iterator[None]:
    """Inside, the default generator's numbers too are a function of `key`, and of the share. For trainings alone."""
    with _default:
        seed(*key)
        _seed_default(number(*key, _state().share))
        yield


@contextmanager
def building(*key: object) -> Iterator[None]:
    """Inside, networks get first weights that are a function of `key`; all random state is left as it was."""
    with _default, _put_back(), _own(_State(_state().share)):
        seed(*key)
        _seed_default(number(*key, _state().share))
        yield


@contextmanager
def apart(*key: object) -> Iterator[None]:
    """Inside, the numbers of this context are a function of `key` and of no share; after it they go on as before."""
    with _own(_State()):
        seed(*key)
        yield


@contextmanager
def _own(state: _State) -> Iterator[None]:
    """Inside, this state is the context's; after it the state before is, and others may have its generators."""
    token = _states.set(state)
    try:
        yield
    finally:
        _states.reset(token)
        for device, generator in state.generators.items():
            _spare.setdefault(device, []).append(generator)


@contextmanager
def preserved() -> Iterator[None]:
    """Around a training: at its end torch's default generators are as they were at its beginning.

    Of trainings that overlap, in several threads, the last to end puts back what the first one found.
    """
    with _default:
        if not _trainings:
            _outside.enter_context(_put_back())
        _trainings.append(None)
    try:
        yield
    finally:
        with _default:
            _trainings.pop()
            if not _trainings:
                _outside.close()


@contextmanager
def _put_back() -> Iterator[None]:
    before = torch.default_generator.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        torch.default_generator.set_state(before)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)


@contextmanager
def share(index: int, count: int) -> Iterator[None]:
    """Inside, draws are those of part `index` of `count` equal parts of the batch."""
    state = _state()
    before, state.share = state.share, (index, count)
    try:
        yield
    finally:
        state.share = before


def shares() -> int:
    """How many parts the batch is divided into."""
    return _state().share[1]


def index() -> int:
    """Which of these parts is being worked on, from 0 on."""
    return _state().share[0]


def randn(n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """This share's [n, …] of the whole batch's standard normal numbers."""
    return _part(torch.randn, n, shape, device)


def rand(n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """This share's [n, …] of the whole batch's uniform numbers in [0, 1)."""
    return _part(torch.rand, n, shape, device)


def randint(high: int, n: int, *shape: int, device: torch.device | str = "cpu") -> Tensor:
    """This share's [n, …] of the whole batch's integers in 0 … high - 1."""
    state = _state()
    whole = torch.randint(high, (n * state.share[1], *shape), device=device, generator=_generator(state, device))
    return _cut(state, whole, n)


def _state() -> _State:
    state = _states.get(None)
    if state is None:
        state = _State()
        _states.set(state)
    return state


def _seed_default(seed: int) -> None:
    """torch.manual_seed for the devices in use; for every other one that keeps a stack trace, at 1 ms a round."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)


def _part(draw: Any, n: int, shape: tuple[int, ...], device: torch.device | str) -> Tensor:
    state = _state()
    return _cut(state, draw(n * state.share[1], *shape, device=device, generator=_generator(state, device)), n)


def _cut(state: _State, whole: Tensor, n: int) -> Tensor:
    index, count = state.share
    return whole if count == 1 else whole[index * n : (index + 1) * n]


def _generator(state: _State, device: torch.device | str) -> torch.Generator:
    device = torch.device(device)
    if device not in state.generators:
        try:
            state.generators[device] = _spare.get(device, []).pop()
        except IndexError:
            state.generators[device] = torch.Generator(device)
    if device not in state.seeded:
        state.generators[device].manual_seed(state.seed)
        state.seeded.add(device)
    return state.generators[device]
