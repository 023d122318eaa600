"""How much memory a network takes for a whole image, before it takes it."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WORKING = 1.5  # what kernels take beside what layers take and make


@torch.no_grad()
def cost(network: nn.Module, channels: int, height: int, width: int) -> int:
    """About how many bytes of memory the image [1, channels, height, width] takes at once, beside the weights.

    Of any network; nothing is computed. What the layers hold at the worst moment, and half of that for their kernels.
    """
    state = {name: x.to("meta") for name, x in (*network.named_parameters(), *network.named_buffers())}
    dtype = next((x.dtype for x in network.parameters()), torch.float32)
    image = torch.empty(1, channels, height, width, device="meta", dtype=dtype)
    with _Watch() as watch:
        watch.add(image)
        torch.func.functional_call(network, state, (image,))
    return int(WORKING * watch.peak)


class _Watch(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, in this thread."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if not any(value.alias_info for value in func._schema.returns):  # else what was there already
            for x in tree_leaves(made):
                if isinstance(x, Tensor):
                    self.add(x)
        return made

    def add(self, x: Tensor) -> None:
        size = x.numel() * x.element_size()
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(x, self._less, size)

    def _less(self, size: int) -> None:
        self.now -= size
