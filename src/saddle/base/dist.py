"""Many processes, one game. Without a process group every function here does nothing.

Gradients are averaged after the backward pass rather than by DistributedDataParallel, whose hooks miss parameters
that a gradient penalty leaves out of the graph (pytorch#47562) and which is silently wrong with a static graph.
"""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as td
from torch import Tensor, nn

from .errors import SaddleError, UsageError
from .watch import ProcessLost, watched

_JOIN = timedelta(minutes=10)  # for the processes to find each other
_WAIT = timedelta(hours=2)  # for one that is busy; who is gone is noticed by the watch
_LOST = ("gloo/transport", "ncclRemoteError", "remote process exited", "collective operation timeout", "was aborted")
_groups = itertools.count()


def rank() -> int:
    return td.get_rank() if td.is_initialized() else 0


def world() -> int:
    return td.get_world_size() if td.is_initialized() else 1


def local_rank() -> int:
    """Which of this machine's devices is ours."""
    return _whole("LOCAL_RANK") if "LOCAL_RANK" in os.environ else 0


def _whole(name: str, least: int = 0, most: int = 1 << 20) -> int:
    """A number that torchrun puts into the environment. UsageError for what another program left there."""
    value = os.environ[name]
    if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
        raise UsageError(
            f"{name} in the environment is {value!r}, and torchrun sets it to a whole number from {least} to {most:,}; "
            f"start with torchrun, or unset {name}"
        )
    return int(value)


def _started_by_torchrun() -> bool:
    """Is there more than this process, or might there be? UsageError where the environment says so by half."""
    if "WORLD_SIZE" not in os.environ:
        return False
    size = _whole("WORLD_SIZE", least=1)
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
    if missing and size > 1:
        raise UsageError(
            f"the environment has WORLD_SIZE={size} and no {missing[0]}: start with torchrun, or unset WORLD_SIZE"
        )
    if not missing:
        _whole("RANK", most=size - 1)
        _whole("MASTER_PORT", most=65535)
    return not missing


@contextmanager
def processes(device: torch.device) -> Iterator[None]:
    """Inside, the processes that torchrun started are one group: nccl between GPUs, gloo between processors."""
    if td.is_initialized() or not _started_by_torchrun():
        yield
        return
    # Its default arguments keep whatever group there is when it is imported, and torch.compile imports it: a group that
    # outlives `destroy_process_group` has threads that may abort a process on its way out (pytorch#190489).
    import torch.distributed.nn.functional  # noqa: F401

    with lost_in_words(), ExitStack() as stack:
        store, rank_, world_ = _join(stack)
        backend = "nccl" if device.type == "cuda" else "gloo"
        td.init_process_group(backend, store=store, rank=rank_, world_size=world_, timeout=_WAIT)
        stack.callback(td.destroy_process_group)
        yield
        barrier()  # who leaves first could be missed


def _join(stack: ExitStack) -> tuple[td.Store, int, int]:
    """Meet the other processes: the store that all see, our rank, how many there are. All are watched from now on."""
    try:
        store, rank_, world_ = next(iter(td.rendezvous("env://", timeout=_JOIN)))
        # torchrun keeps its store when it restarts the processes: without a name of their own, they would find the
        # addresses of those that are gone.
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = td.PrefixStore(f"attempt {attempt}, group {next(_groups)}", store)
        stack.enter_context(watched(store, rank_, world_, _JOIN.total_seconds()))
    except (td.DistError, OSError) as error:
        place = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        said = str(error).partition("\n")[0]
        raise SaddleError(f"the processes of this training did not come together at {place}: {said}") from error
    return store, rank_, world_


@contextmanager
def lost_in_words() -> Iterator[None]:
    """Inside, a message to other processes that fails because one of them ended is ProcessLost."""
    try:
        yield
    except RuntimeError as error:
        connection = isinstance(error, td.DistNetworkError | td.DistStoreError)
        if not connection and not any(words in str(error) for words in _LOST):
            raise
        raise ProcessLost("the connection to it broke") from error


@torch.no_grad()
def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Mean of every gradient over the processes, in one message."""
    if world() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]  # the same ones on every process
    flat = mean(torch.cat([g.flatten() for g in gradients]))
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def mean(x: Tensor) -> Tensor:
    """Mean over the processes.  Any shape → same shape"""
    x = x.detach()
    return total(x) / world() if world() > 1 else x


def total(x: Tensor) -> Tensor:
    """Sum over the processes.  Any shape → same shape"""
    x = x.detach()
    if world() > 1:
        x = x.clone()
        td.all_reduce(x)
    return x


class _Sum(torch.autograd.Function):
    """Its gradient is a sum too, and can itself be differentiated, as penalties on gradients do."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.clone()
        td.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return _Sum.apply(gradient)


def joint_total(x: Tensor) -> Tensor:
    """Sum over the processes, for a loss that all of them compute: each one's gradient reaches all.

    Any shape → same shape
    """
    return _Sum.apply(x) if world() > 1 else x


def joint_mean(x: Tensor) -> Tensor:
    """Mean over the processes, for a loss that all of them compute: each one's gradient reaches all.

    Any shape → same shape
    """
    return joint_total(x) / world()


def joint_gather(x: Tensor) -> Tensor:
    """Every process's rows, [world · N, …], for a loss that all of them compute: each one's gradient reaches all."""
    if world() == 1:
        return x
    parts = [x if index == rank() else torch.zeros_like(x) for index in range(world())]
    return joint_total(torch.cat(parts))


def largest(x: Tensor) -> Tensor:
    """Maximum over the processes, element by element.  Any shape → same shape"""
    x = x.detach()
    if world() > 1:
        x = x.clone()
        td.all_reduce(x, td.ReduceOp.MAX)
    return x


@torch.no_grad()
def gather(x: Tensor) -> Tensor:
    """Every process's rows, in the order of the ranks: [world · N, …]. No gradient flows.  Each part is [n, …]."""
    x = x.detach().contiguous()
    if world() == 1:
        return x
    parts = [torch.empty_like(x) for _ in range(world())]
    td.all_gather(parts, x)
    return torch.cat(parts)


@torch.no_grad()
def share_state(module: nn.Module) -> None:
    """Rank 0's parameters and buffers for everyone."""
    if world() > 1:
        for tensor in [*module.buffers(), *module.parameters()]:
            td.broadcast(tensor.detach(), src=0)  # `data` would hide the change


def barrier() -> None:
    if world() > 1:
        td.barrier()


def means(values: dict[str, Tensor]) -> dict[str, float]:
    """The mean over the processes of each number, in one message."""
    if not values:
        return {}
    over_all = mean(torch.stack([v.detach().float() for v in values.values()]))
    return dict(zip(values, over_all.tolist(), strict=True))
