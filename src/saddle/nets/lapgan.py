"""The networks of LAPGAN for CIFAR-10. Denton et al., 2015. https://arxiv.org/abs/1506.05751

The sizes of the smallest level's fully connected networks are not in the paper; here they have two layers of 1,200.
"""

import math

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..layers.conditional import shares
from ..layers.dropout import Dropout
from .shapes import refuse


def levels(height: int, width: int, smallest: int = 8) -> list[tuple[int, int]]:
    """Heights and widths of the pyramid, the smallest first, its shorter side `smallest` to twice that (exclusive).

    UsageError unless every halving is even and there is at least one.
    """

    def fits(height: int, width: int) -> bool:
        times = math.floor(math.log2(max(min(height, width) / smallest, 1)))
        return times >= 1 and height % 2**times == width % 2**times == 0

    if not fits(height, width):
        refuse("LAPGAN", height, width, fits, f"sides must halve evenly until the shorter is near {smallest} pixels")
    times = math.floor(math.log2(min(height, width) / smallest))
    return [(height >> time, width >> time) for time in reversed(range(times + 1))]


class ClassMap(nn.Module):
    """Labels int64 [N] → a plane for each, [N, 1, H, W]."""

    def __init__(self, classes: int, size: tuple[int, int]):
        super().__init__()
        self.classes = classes
        self.plane = nn.Sequential(nn.Linear(classes, math.prod(size)), nn.ReLU(), nn.Unflatten(1, (1, *size)))

    def forward(self, label: Tensor) -> Tensor:
        return self.plane(shares(label, self.classes).to(next(self.parameters())))


class LevelGenerator(nn.Module):
    """Draws the residual of an enlarged image: 218,179 parameters for colours; 232,579 with 10 classes at 32×32."""

    def __init__(self, channels: int, size: tuple[int, int], classes: int = 0, width: int = 64):
        super().__init__()
        self.class_map = ClassMap(classes, size) if classes else None
        self.body = nn.Sequential(
            nn.Conv2d(1 + bool(classes) + channels, width, 7, padding=3),
            nn.ReLU(),
            nn.Conv2d(width, width, 7, padding=3),
            nn.ReLU(),
            nn.Conv2d(width, channels, 5, padding=2),
        )

    def forward(self, noise: Tensor, coarse: Tensor, label: Tensor | None = None) -> Tensor:
        """A plane of noise [N, 1, H, W], an enlarged image [N, C, H, W] (and labels [N]) → a residual [N, C, H, W]."""
        return self.body(torch.cat([noise, *_planes(self.class_map, label), coarse], 1))


class LevelDiscriminator(nn.Module):
    """Judges images at a level's size: 116,545 parameters for 32×32 colours; 129,409 with 10 classes."""

    def __init__(self, channels: int, size: tuple[int, int], classes: int = 0, width: int = 64):
        super().__init__()
        self.class_map = ClassMap(classes, size) if classes else None
        left = math.prod((side - 9) // 2 + 1 for side in size)  # after 5×5 with stride 1, then 2, without padding
        self.body = nn.Sequential(
            nn.Conv2d(channels + bool(classes), width, 5),
            nn.ReLU(),
            nn.Conv2d(width, width, 5, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            Dropout(keep=0.5),
            nn.Linear(width * left, 1),
            nn.Flatten(0),
        )

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Residual + enlarged image, [N, C, H, W] (and labels [N]) → logits [N]."""
        return self.body(torch.cat([image, *_planes(self.class_map, label)], 1))


class SmallestGenerator(nn.Module):
    """Latents [N, z_dim] (and labels [N]) → the smallest images [N, C, H, W] in [-1, 1]."""

    def __init__(self, z_dim: int, shape: tuple[int, int, int], classes: int = 0, width: int = 1200):
        super().__init__()
        self.classes = classes
        self.body = nn.Sequential(
            nn.Linear(z_dim + classes, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, math.prod(shape)),
            nn.Tanh(),
            nn.Unflatten(1, shape),
        )

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.body(_with_class(z, label, self.classes))


class SmallestDiscriminator(nn.Module):
    """The smallest images [N, C, H, W] (and labels [N]) → logits [N]."""

    def __init__(self, shape: tuple[int, ...], classes: int = 0, width: int = 1200):
        super().__init__()
        self.classes = classes
        layers: list[nn.Module] = []
        for inputs in (math.prod(shape) + classes, width):
            layers += [nn.Linear(inputs, width), nn.ReLU(), Dropout(keep=0.5)]
        self.body = nn.Sequential(*layers, nn.Linear(width, 1), nn.Flatten(0))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        return self.body(_with_class(image.flatten(1), label, self.classes))


def _planes(class_map: nn.Module | None, label: Tensor | None) -> list[Tensor]:
    if (class_map is None) != (label is None):
        raise UsageError("labels are for networks that were built with classes, and those want them")
    return [] if class_map is None else [class_map(label)]


def _with_class(x: Tensor, label: Tensor | None, classes: int) -> Tensor:
    return torch.cat([x, shares(label, classes).to(x)], 1) if label is not None else x
