"""Self-attention between the places of a map. Zhang et al., 2019 (SAGAN), Section 3. https://arxiv.org/abs/1805.08318"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class SelfAttention(nn.Module):
    """x + γ·o: every place looks at all places of the map pooled 2×2, and adds what it finds.  [N, C, H, W]

    The sizes of the authors' code: queries and keys of C / 8 channels, values of C / 2, 1×1 convolutions without
    biases, no scaling of the products. γ begins at 0, so that the network first relies on what is near (Eq. 3).

    [N, C, H, W] → same shape
    """

    def __init__(self, channels: int):
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query, self.key = (nn.Conv2d(channels, narrow, 1, bias=False) for _ in range(2))
        self.value = nn.Conv2d(channels, half, 1, bias=False)
        self.out = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))
        for conv in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        value = max_pool2d(self.value(x), 2).flatten(2)  # [N, C/2, keys]
        attended = value @ self.attention(x).mT  # [N, C/2, queries]
        return x + self.gamma.to(x.dtype) * self.out(attended.unflatten(2, x.shape[2:]))

    def attention(self, x: Tensor) -> Tensor:
        """How much each place attends to each pooled one, of maps x [N, C, H, W].  [N, H·W, ⌊H/2⌋·⌊W/2⌋]

        Rows sum to 1, over the keys.
        """
        query = self.query(x).flatten(2)
        key = max_pool2d(self.key(x), 2).flatten(2)
        return (query.mT @ key).softmax(dim=2)

    def looks(self, x: Tensor, row: float, column: float) -> Tensor:
        """How much one place of maps [N, C, H, W] looks at each pooled one; they sum to 1.  [N, ⌊H/2⌋, ⌊W/2⌋]

        `row` and `column` say where the place lies, as shares of height and width, in [0, 1).
        """
        height, width = x.shape[2:]
        y, x_ = int(row * height), int(column * width)
        query = self.query(x[:, :, y : y + 1, x_ : x_ + 1]).flatten(2)
        key = max_pool2d(self.key(x), 2)
        return (query.mT @ key.flatten(2)).softmax(dim=2).unflatten(2, key.shape[2:])[:, 0]


@contextmanager
def watched(network: nn.Module, row: float, column: float) -> Iterator[list[Tensor]]:
    """Inside, each attention layer that is passed adds what `looks` says of this place to the list: [N, ⌊H/2⌋, ⌊W/2⌋].

    The output of the network stays the same to the bit.
    """
    seen: list[Tensor] = []

    def look(layer: Any, given: tuple[Tensor, ...], made: Tensor) -> None:
        seen.append(layer.looks(given[0].detach(), row, column))

    layers = [module for module in network.modules() if isinstance(module, SelfAttention)]
    hooks = [layer.register_forward_hook(look) for layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
