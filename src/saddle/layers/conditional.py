"""What a label changes in a network: batch norm's scale and shift, and the discriminator's logit."""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from .norm import BatchNorm2d


def shares(label: Tensor, classes: int) -> Tensor:
    """Labels int64 [N] as the share of each class, 1 or 0; shares float [N, classes] as they are: [N, classes]."""
    return label if label.is_floating_point() else one_hot(label, classes)


def rows_of(table: Tensor, label: Tensor) -> Tensor:
    """Of a table [K, F], the rows of labels int64 [N], or mixtures of rows by shares float [N, K]: [N, F]."""
    return label.to(table) @ table if label.is_floating_point() else table[label]


class ClassBatchNorm2d(nn.Module):
    """Batch norm with a scale and a shift for every class. Dumoulin et al., 2017; Miyato & Koyama, 2018, Appendix A.

    Without classes it is plain batch norm, called without labels. The statistics are those of all classes together.
    """

    def __init__(self, channels: int, classes: int = 0):
        super().__init__()
        self.norm = BatchNorm2d(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(max(classes, 1), channels))
        self.shift = nn.Parameter(torch.zeros(max(classes, 1), channels))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """x [N, C, H, W] and labels int64 [N], or shares of classes float [N, K] → [N, C, H, W]"""
        scale, shift = (table if label is None else rows_of(table, label) for table in (self.scale, self.shift))
        return _affine(self.norm(x), scale, shift)


class VectorBatchNorm2d(nn.Module):
    """Batch norm whose scale 1 + A·c and shift B·c are linear in a condition. Brock et al., 2019, Appendix B.

    In BigGAN c is the class embedding, shared by all layers, beside a piece of z.
    """

    def __init__(self, channels: int, condition: int):
        super().__init__()
        self.norm = BatchNorm2d(channels, affine=False)
        self.scale = nn.Linear(condition, channels, bias=False)
        self.shift = nn.Linear(condition, channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x [N, C, H, W] and conditions [N, condition] → [N, C, H, W]"""
        return _affine(self.norm(x), 1 + self.scale(condition), self.shift(condition))


class VectorInstanceNorm2d(nn.Module):
    """AdaIN whose scale and shift of a map are linear in a style. Huang & Belongie, 2017; Huang et al., 2018 (MUNIT).

    https://arxiv.org/abs/1804.04732. The statistics of each map of an image go, and those that the style says come.
    """

    def __init__(self, channels: int, style: int):
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels)
        self.scale, self.shift = nn.Linear(style, channels), nn.Linear(style, channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [N, C, H, W] and styles [N, style] → [N, C, H, W]"""
        return _affine(self.norm(x), 1 + self.scale(style), self.shift(style))


def _affine(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return torch.addcmul(shift.to(x)[..., None, None], x, scale.to(x)[..., None, None])


class Projection(nn.Module):
    """C(x, y) = l(h) + ⟨v_y, h⟩, h the features of x, v_y a vector for each class. Miyato & Koyama, 2018, Eq. 3.

    Without classes it is the linear l alone, which has a bias or none. https://arxiv.org/abs/1802.05637
    """

    def __init__(self, features: int, classes: int = 0, bias: bool = True):
        super().__init__()
        self.linear = nn.Linear(features, 1, bias)
        nn.init.xavier_uniform_(self.linear.weight)
        if bias:
            nn.init.zeros_(self.linear.bias)
        if classes:
            self.embedding = nn.Embedding(classes, features)
            nn.init.xavier_uniform_(self.embedding.weight)

    def forward(self, features: Tensor, label: Tensor | None = None) -> Tensor:
        """Features [N, F] and labels int64 [N] → logits [N]"""
        logits = self.linear(features).flatten()
        return logits if label is None else logits + (self.embedding(label) * features).sum(1)
