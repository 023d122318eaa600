"""Virtual batch normalisation. Salimans et al., 2016, Section 3.5. https://arxiv.org/abs/1606.03498

Each sample is normalised by the statistics of a reference batch, chosen once at the start, and of itself, so that it
does not depend on what else is in its batch.
"""

import torch
from torch import Tensor, nn

from ..base import dist

REFERENCE = 64  # samples in the reference batch


class VirtualBatchNorm(nn.Module):
    """Normalises channels of [REFERENCE + N, C, …], whose first rows are the reference batch; see `Virtual`.

    With n = REFERENCE: mean = (n · mean of the reference + mean of the sample) / (n + 1), the mean square likewise.
    The reference itself is normalised by its own.

    Returns the same shape.
    """

    def __init__(self, channels: int, eps: float = 1e-5):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x if x.dtype == torch.float64 else x.float()
        places = [axis for axis in range(2, x.ndim)]
        mean, square = wide, wide.square()
        if places:
            mean, square = mean.mean(places, keepdim=True), square.mean(places, keepdim=True)  # [R + N, C, 1, …]
        mean, square = self._blend(mean), self._blend(square)
        shape = [1, -1] + [1] * len(places)
        out = (wide - mean) * torch.rsqrt((square - mean.square()).clamp_min(0) + self.eps)
        return (out * self.weight.view(shape) + self.bias.view(shape)).to(x.dtype)

    @staticmethod
    def _blend(statistic: Tensor) -> Tensor:
        reference, own = statistic[:REFERENCE], statistic[REFERENCE:]
        mean = reference.mean(0, keepdim=True)
        return torch.cat((mean.expand_as(reference), (REFERENCE * mean + own) / (REFERENCE + 1)))


class Virtual(nn.Module):
    """Runs `layers`, among them `VirtualBatchNorm`, on a reference batch and the inputs together.

    The reference is the first batch that it ever sees, that of all processes, cut or repeated to REFERENCE samples: for
    a discriminator the first real samples, for a generator the first latents.

    Inputs [N, …] → the layers' output for them, [N, …].
    """

    reference: Tensor
    ready: Tensor

    def __init__(self, layers: nn.Module, shape: tuple[int, ...]):
        super().__init__()
        self.layers = layers
        self.register_buffer("reference", torch.zeros(REFERENCE, *shape))
        self.register_buffer("ready", torch.tensor(False))

    def forward(self, x: Tensor) -> Tensor:
        if not self.ready:
            self._refer_to(x)
        return self.layers(torch.cat((self.reference.to(x.dtype), x)))[REFERENCE:]

    @torch.no_grad()
    def _refer_to(self, x: Tensor) -> None:
        whole = dist.gather(x)
        self.reference.copy_(whole[torch.arange(REFERENCE, device=x.device) % len(whole)])
        self.ready.fill_(True)
