"""The deviation within a batch as a feature. Karras et al., 2018 (ProGAN), Section 3. https://arxiv.org/abs/1710.10196"""

import torch
from torch import Tensor, nn

from ..base import dist
from ..base.errors import UsageError
from ..base.precision import full


def minibatch_std(x: Tensor, group: int = 4, eps: float = 1e-8) -> Tensor:
    """How much the samples of its group differ, one number for every sample: a batch without variety shows.  [N]

    Standard deviations over the group, averaged over channels and pixels. Of G groups, a group is every G-th sample of
    `x` [N, C, …]. The population's variance, with ε inside the root: equal samples give √ε. UsageError unless groups of
    `group`, or of the whole batch if that is smaller, divide the batch.
    """
    size = group_size(len(x), group)
    grouped = full(x).unflatten(0, (size, -1))  # [size, groups, C, …]
    variance = (grouped - grouped.mean(0)).square().mean(0)
    deviation = (variance + eps).sqrt().flatten(1).mean(1)  # [groups]
    return deviation.repeat(size)


def group_size(n: int, group: int) -> int:
    """`group`, or n if that is less. UsageError unless it divides n."""
    size = min(group, n)
    if n % size:
        raise UsageError(
            f"the discriminator compares samples in groups of {group}, into which the {n} of a batch's part do not "
            "divide evenly; choose another --plan.batch"
        )
    return size


class MinibatchStd(nn.Module):
    """`minibatch_std` as one more map: [N, C, H, W] → [N, C + 1, H, W]. Groups are those of all processes' samples."""

    def __init__(self, group: int = 4):
        super().__init__()
        self.group = group

    def check(self, n: int) -> None:
        """UsageError if batches of n samples, those of all processes, cannot be compared."""
        if group_size(n, self.group) < 2:
            raise UsageError("the discriminator compares samples, and the batch's part is one alone; choose 2 or more")

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        first = dist.rank() * n
        deviation = minibatch_std(dist.joint_gather(full(x)), self.group)[first : first + n]
        return torch.cat((x, deviation.to(x.dtype)[:, None, None, None].expand(n, 1, height, width)), dim=1)

    def extra_repr(self) -> str:
        return f"group={self.group}"
