"""Numbers that this side knows as well as the device does: a round then never waits for a device to tell them.

Whoever reads a tensor of a GPU waits until all that was asked of it is done; and so does who sends it a new list.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from . import dist, rng

_read: Any = WeakIdKeyDictionary()  # tensor → (its version, the number in it)
_tables: Any = WeakIdKeyDictionary()  # owner → device → tensor


def known(count: Tensor | int) -> int:
    """The whole number, or truth, in a tensor []. The device is asked once for every change, which torch counts.

    In a copy that is exported it is a plain number already: see `settled`.
    """
    if isinstance(count, int):
        return count
    if count.is_inference():  # its changes are not counted
        return int(count)
    version, value = _read.get(count, (None, 0))
    if version != count._version:
        value = int(count)
        _read[count] = count._version, value
    return value


def put(count: Tensor, value: int) -> None:
    """Write the number into a tensor []; nobody needs to ask for it."""
    count.fill_(value)
    _read[count] = count._version, value


def constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    """These numbers, of the type of `like`, on its device; nobody may change them.

    K numbers, like of any shape → [K]
    """
    if torch.compiler.is_compiling():
        return torch.tensor(values, device=like.device, dtype=like.dtype)
    return _constant(values, like.device, like.dtype)


@cache
def _constant(values: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):  # who needs it first may not need gradients
        return torch.tensor(values, device=device, dtype=dtype)


def table(owner: object, device: torch.device, make: Callable[[], Tensor]) -> Tensor:
    """`make()` on a device, computed once for each `owner`, which does not change.  Of any shape"""
    tables = _tables.setdefault(owner, {})
    if device not in tables:
        with torch.inference_mode(False):
            tables[device] = make().to(device)
    return tables[device]


def sent(values: Sequence[int], device: torch.device) -> Tensor:
    """The numbers as int64 on the device, which takes them in turn, while we go on.  [K]"""
    tensor = torch.tensor(values, dtype=torch.long)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def listed(ours: Tensor) -> Any:
    """The numbers of a tensor on the CPU, as lists. ValueError for one on another device: reading it would wait.

    Of any shape
    """
    if ours.device.type != "cpu":
        raise ValueError(f"a tensor on the CPU is needed, not on {ours.device}")
    return ours.tolist()


def drawn(draw: Callable[[int], Tensor], n: int) -> Tensor:
    """What `draw(n)` gives this part of the batch in all processes, in their order; none has to tell the others.

    The same shape [n, …] as draw(n)
    """
    parts, together = rng.shares(), dist.world()
    first = rng.index() // together * together
    with rng.share(0, 1):
        whole = draw(n * parts)
    return whole[n * first : n * (first + together)]


def settled(module: nn.Module) -> nn.Module:
    """The module itself, with plain numbers in place of its buffers that hold one whole number: it counts no further.

    Where nothing may depend on what a tensor holds, as in torch.export, these decide the way through the layers.
    """
    for part in module.modules():
        whole = {
            name: x for name, x in part._buffers.items() if x is not None and x.ndim == 0 and not x.is_floating_point()
        }
        for name, count in whole.items():
            del part._buffers[name]
            setattr(part, name, int(count))
    return module
