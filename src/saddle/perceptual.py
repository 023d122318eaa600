"""Perceptual losses: images are compared in the features of a network that the game does not play with.

Perceptual Losses for Real-Time Style Transfer and Super-Resolution. Johnson et al., 2016.
https://arxiv.org/abs/1603.08155

Which network that is, is a setting, and nothing ever takes another's place unasked: a file that is missing or wrong is
an error. `none` leaves it at the features of the game's own discriminator.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .base.errors import SaddleError, UsageError, near, some
from .base.precision import full
from .base.ranges import Few, PositiveInt, Weight
from .base.settings import Settings
from .metrics.weights import digest, read
from .nets.pretext import SMALLEST, Lesson, Pretext
from .nets.vgg import VGG, places, random_weights, shapes, smallest
from .optim import Adam, Optim
from .spec import Field

FILE = "torchvision's vgg19-dcbb9e9d.pth, or the same weights as .safetensors"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's images in [0, 1]
FIVE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")  # of pix2pixHD and SPADE


class Compared(nn.Module, ABC):
    """A feature network at work: (images that were made, true ones), [N, C, H, W] in [-1, 1] → their distance, [].

    The true ones get no gradient.
    """

    rounds = 0  # of the run, its first ones, in which the network learns; it is asked after them
    optim: Optim | None = None  # of a network that learns

    @property
    @abstractmethod
    def told(self) -> str:
        """Which network it is, for a run's facts."""

    def prepare(self, like: Tensor) -> None:
        """Have everything that it takes, where and as `like` is. UsageError for what is missing or wrong.

        `like` is an image batch [N, C, H, W].
        """

    def lessons(self, images: Tensor) -> dict[str, Lesson]:
        """The losses of a network that learns within the run, in one of its rounds, by name.  images [N, C, H, W]"""
        return {}

    @abstractmethod
    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """The distance, [], of images made from real ones; both are [N, C, H, W] in [-1, 1]."""


@dataclass(frozen=True)
class Perceptual(Settings, ABC):
    """In which network's features images are compared."""

    @abstractmethod
    def build(self, images: Field) -> Compared:
        """The network at work on such images. UsageError if it cannot look at them."""


@dataclass(frozen=True)
class _VGG19(Perceptual):
    """The features of VGG19, whatever its weights are."""

    layers: tuple[str, ...] = FIVE  # where images are compared: conv1_1 to conv5_4 and, after the activation, relu…
    weights: tuple[Weight, ...] = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # of the layers, in their order
    distance: Literal["l1", "l2"] = "l1"  # mean absolute or mean squared differences of features
    normalise: bool = False  # bring images to ImageNet's mean and deviation first; pix2pixHD and SPADE do not
    width: Few = 64  # channels of its first layers; VGG19 has 64

    def __post_init__(self) -> None:
        super().__post_init__()
        known = [name for name in places() if not name.startswith("pool")]
        if wrong := [layer for layer in self.layers if layer not in known]:
            raise UsageError(f"VGG19 has no layer '{wrong[0]}'{near(wrong[0], known)}; there are {some(known, 40)}")
        if not self.layers or len({*self.layers}) < len(self.layers) or len(self.layers) != len(self.weights):
            raise UsageError(
                f"layers are different ones with a weight for each, not {some(self.layers) or 'none'} with "
                f"{some(map(str, self.weights)) or 'none'}"
            )

    @abstractmethod
    def load(self) -> tuple[Mapping[str, Tensor], str]:
        """The weights by torchvision's names, of any shape, and their SHA-256."""

    @abstractmethod
    def named(self, sha256: str) -> str:
        """Which network it is, for a run's facts."""

    def build(self, images: Field) -> Compared:
        if images.kind != "image" or images.planes not in (1, 3) or min(images.shape[-2:]) < smallest(self.layers):
            least = smallest(self.layers)
            raise UsageError(
                f"VGG19's {self.layers[-1]} looks at grey or colour images of {least} pixels or more, and these are "
                f"{images}; choose game.perceptual none, SelfSupervised, or, of smaller images, earlier layers"
            )
        return InVGG19(self)


@dataclass(frozen=True)
class VGG19(_VGG19):
    """VGG19 with the weights of a file in the user's hands. Its SHA-256 is kept, and a run takes no other one."""

    file: str = ""  # torchvision's vgg19-dcbb9e9d.pth, or the same weights as .safetensors

    def build(self, images: Field) -> Compared:
        if not self.file:
            raise UsageError(
                f"VGG19 wants a file of weights: --game.perceptual.file FILE, {FILE}. Without one there are "
                "game.perceptual none, SelfSupervised and RandomVGG19"
            )
        return super().build(images)

    def load(self) -> tuple[Mapping[str, Tensor], str]:
        """The weights of the file by name, and their SHA-256. UsageError for a file that does not fit."""
        try:
            found = read(self.file, FILE)
        except SaddleError as error:
            raise UsageError(f"game.perceptual.file: {error}") from None
        for name, shape in shapes(19, self.width).items():
            if name not in found or tuple(found[name].shape) != shape or not found[name].is_floating_point():
                there = f"its shape is {[*found[name].shape]}" if name in found else "it is missing"
                raise UsageError(
                    f"game.perceptual.file: {self.file} does not hold the weights of VGG19: {name} has the shape "
                    f"{[*shape]}, and there {there}; wanted is {FILE}"
                )
            if not found[name].isfinite().all():
                raise UsageError(f"game.perceptual.file: {self.file}: {name} holds numbers that are not finite")
        return found, digest(self.file)

    def named(self, sha256: str) -> str:
        return f"VGG19 of SHA-256 {sha256}"


@dataclass(frozen=True)
class RandomVGG19(_VGG19):
    """VGG19 with weights that nobody has trained: it tells textures apart, and knows nothing of what images show."""

    seed: int = 0  # of its weights

    def load(self) -> tuple[Mapping[str, Tensor], str]:
        """Random weights by name, and no SHA-256."""
        return random_weights(self.seed, self.width), ""

    def named(self, sha256: str) -> str:
        return f"VGG19 with random weights of seed {self.seed}"


class InVGG19(Compared):
    """Σ w · |φ(made) - φ(real)| over the layers φ of VGG19. Its weights are read before the first comparison."""

    mean: Tensor
    std: Tensor

    def __init__(self, setting: _VGG19):
        super().__init__()
        self.setting, self.network = setting, VGG(setting.layers)
        self.sha256, self.ready = "", False
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    @property
    def told(self) -> str:
        return self.setting.named(self.sha256)

    def prepare(self, like: Tensor) -> None:
        if not self.ready:
            weights, sha256 = self.setting.load()
            self._check(sha256)
            self.network.put(weights, like)
            self.sha256, self.ready = sha256, True

    def _check(self, sha256: str) -> None:
        if self.sha256 and sha256 != self.sha256:
            raise UsageError(
                f"this run began with VGG19 of SHA-256 {self.sha256}, and game.perceptual.file now holds {sha256}; "
                "bring that file back, or train in another run folder"
            )

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        self.prepare(made)
        total = made.new_zeros(())
        with torch.no_grad():
            wanted = self.network(self._seen(real))
        for weight, one, other in zip(self.setting.weights, self.network(self._seen(made)), wanted, strict=True):
            gap = full(one) - full(other)
            total = total + weight * (gap.abs() if self.setting.distance == "l1" else gap.square()).mean()
        return total

    def _seen(self, x: Tensor) -> Tensor:
        x = x.expand(-1, 3, -1, -1)  # grey as colour
        return ((x + 1) / 2 - self.mean) / self.std if self.setting.normalise else x

    # Which file it is belongs to a checkpoint; what is in it does not.

    def get_extra_state(self) -> Tensor:
        """The SHA-256 of the weights as bytes, uint8 [B]; zeros before they are read."""
        return torch.tensor([*bytes.fromhex(self.sha256 or "0" * 64)], dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Take over a SHA-256, uint8 [B]. UsageError if other weights are loaded."""
        kept = bytes(state.tolist())
        if any(kept):
            now, self.sha256 = self.sha256, kept.hex()
            if self.ready:
                self._check(now)


@dataclass(frozen=True)
class SelfSupervised(Perceptual):
    """A small network that learns from the same images, in the run's first rounds, how they are turned and laid out.

    Until then nothing is compared, and after that it stays as it is. No score asks it, or anything that it learned.
    """

    rounds: PositiveInt = 1000  # in which it learns, the first ones of the run
    width: Few = 32  # channels of its first maps; the last ones have four times as many
    optim: Optim = Adam(lr=1e-3, betas=(0.9, 0.999))  # of this network

    def build(self, images: Field) -> Compared:
        if images.kind != "image" or min(images.shape[-2:]) < SMALLEST:
            raise UsageError(
                f"SelfSupervised learns from images of {SMALLEST} pixels or more, and these are {images}; choose "
                "game.perceptual none"
            )
        return InOwn(self, images.planes)


class InOwn(Compared):
    """The mean absolute difference of the maps of a network that has taught itself, over its stages."""

    def __init__(self, setting: SelfSupervised, channels: int):
        super().__init__()
        self.rounds, self.optim, self.network = setting.rounds, setting.optim, Pretext(channels, setting.width)

    @property
    def told(self) -> str:
        return "features that the run learned from its own images"

    def lessons(self, images: Tensor) -> dict[str, Lesson]:
        return self.network.lessons(images)

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.network(real)
        gaps = [(one - other).abs().mean() for one, other in zip(self.network(made), wanted, strict=True)]
        return torch.stack(gaps).mean()
