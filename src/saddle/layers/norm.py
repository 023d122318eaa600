"""Batch normalisation whose statistics are those of the whole batch, however many processes share it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..base import dist


class _WholeBatch(nn.modules.batchnorm._BatchNorm):
    """Ioffe & Szegedy, 2015. torch's SyncBatchNorm does not run on processors, this does.

    One process uses torch's own kernel; several exchange two short messages of sums a layer.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and dist.world() > 1):
            return super().forward(x)
        axes = [axis for axis in range(x.ndim) if axis != 1]
        wide = x.double() if x.dtype == torch.float64 else x.float()
        count = x.numel() // x.shape[1] * dist.world()
        mean = dist.joint_total(wide.sum(axes)) / count
        shape = [1, -1] + [1] * (x.ndim - 2)
        variance = dist.joint_total((wide - mean.view(shape)).square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / max(count - 1, 1))
        out = (wide - mean.view(shape)) * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1  # type: ignore[operator, assignment]
        share = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)  # type: ignore[arg-type]
        self.running_mean.lerp_(mean.to(self.running_mean), share)  # type: ignore[union-attr]
        self.running_var.lerp_(variance.to(self.running_var), share)  # type: ignore[union-attr]


class BatchNorm1d(_WholeBatch, nn.BatchNorm1d):
    pass


class BatchNorm2d(_WholeBatch, nn.BatchNorm2d):
    pass


class BatchOfOneNorm2d(nn.InstanceNorm2d):
    """Batch norm as it is in training on one image at a time, however many there are, and in use: with weights.

    An image's statistics are its own, never those of others in its batch or of the past.
    """

    def __init__(self, channels: int):
        super().__init__(channels, affine=True)


class CalmInstanceNorm2d(nn.InstanceNorm2d):
    """Instance norm, without weights, that makes 0 of a map which is flat except for rounding, and sends no gradient
    back.

    torch's divides what rounding left by √ε = 0.003, and the gradient too. Behind mirrored edges a flat image stays
    flat from layer to layer, and twenty norms make a gradient of it that no float holds.

    [N, C, H, W] → same shape
    """

    FLAT = 1e-5  # the largest difference of two positions, in the units of what is normed

    def forward(self, x: Tensor) -> Tensor:
        low, high = x.detach().flatten(2).aminmax(dim=2)
        flat = (high - low <= self.FLAT)[..., None, None]
        return super().forward(x).masked_fill(flat, 0)


@contextmanager
def accumulating(network: nn.Module) -> Iterator[None]:
    """Inside, batch norm begins anew and remembers the plain mean over the batches that pass. Nothing else trains.

    BigGAN's standing statistics: those of samples as they are drawn in use. Brock et al., 2019, Appendix E.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    before = [(norm, norm.momentum, norm.training) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.train().momentum = None  # torch's word for a mean of all batches
    try:
        yield
    finally:
        for norm, momentum, training in before:
            norm.train(training).momentum = momentum
