"""Self-attention between the places of a map. Zhang et al., 2019 (SAGAN), Section 3. https://arxiv.org/abs/1805.08318"""

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
