"""Views: what the discriminator is shown instead of the samples themselves, real and fake alike.

A view is a setting; the module that it builds is applied before every judgement, and gradients flow through it.
Random numbers are drawn for each sample through `rng`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from .base import dist, rng
from .base.errors import UsageError
from .base.ranges import PositiveFloat, PositiveInt, Share, between
from .base.settings import Settings
from .layers.changes import change_colour, change_geometry, cut_out, per_sample, shift
from .losses import AdversarialLoss
from .optim import Linear, Schedule
from .spec import DataSpec


class Shown(nn.Module, ABC):
    """A view at work. What it must remember is a buffer."""

    def begin(self, rounds: int) -> None:
        """Called before every judgement, with the rounds played so far: the same within a round."""

    @abstractmethod
    def forward(self, x: Tensor, progress: float) -> Tensor:
        """What is shown of samples [N, …] at this progress (0 to 1) of the run.  Returns [N, …]."""

    def adapt(self, real_logits: Tensor) -> None:
        """After a step of the discriminator: learn from its logits of the real samples, [N] or, of patches, [N, …]."""


@dataclass(frozen=True)
class View(Settings, ABC):
    """What the discriminator is shown."""

    def shows(self, data: DataSpec) -> DataSpec:
        """What the discriminator must be built for."""
        return data

    @abstractmethod
    def build(self, data: DataSpec) -> Shown:
        """The view at work on samples of these data."""

    def least(self) -> int:
        """How many samples it wants at a time; batches are multiples of it."""
        return 1

    def forbids(self, game: Any) -> str | None:
        """Why this view cannot go with a player that judges and its game's settings, in one sentence; None if it can.

        `game` has their `options`, `data`, `criterion`, `companion` and `get_submodule`: see games/_adversarial.py.
        """
        return None


@dataclass(frozen=True)
class InstanceNoise(View):
    """x + σ ε, fresh for every judgement, so that data and fakes overlap. Arjovsky & Bottou, 2017.

    https://arxiv.org/abs/1701.04862; Sønderby et al., 2017, https://arxiv.org/abs/1610.04490, who let σ go to 0.
    """

    std: Schedule = Linear(start=0.1, end=0.0)  # σ, in units of samples whose range is [-1, 1]

    def build(self, data: DataSpec) -> Shown:
        return _Noisy(self.std)


class _Noisy(Shown):
    def __init__(self, std: Schedule):
        super().__init__()
        self.std = std

    def forward(self, x: Tensor, progress: float) -> Tensor:
        std = self.std(0, progress)
        return x + std * rng.randn(len(x), *x.shape[1:], device=x.device).to(x) if std else x


@dataclass(frozen=True)
class Packing(View):
    """`samples` samples at a time, judged as one: a generator that drops modes gives itself away. Lin et al., 2018.

    PacGAN, https://arxiv.org/abs/1712.04086: the channels of neighbours in the batch lie on top of each other.
    """

    samples: PositiveInt = 2  # m, that are judged together

    def shows(self, data: DataSpec) -> DataSpec:
        return data.with_shape((data.shape[0] * self.samples, *data.shape[1:]))

    def build(self, data: DataSpec) -> Shown:
        return _Packed(self.samples)

    def least(self) -> int:
        return self.samples

    def forbids(self, game: Any) -> str | None:
        if game.companion:
            return (
                f"Packing judges several samples as one, which have no common {game.companion}; leave it out "
                "(game.views none) or, where there is that choice, game.conditional"
            )
        return None


class _Packed(Shown):
    def __init__(self, samples: int):
        super().__init__()
        self.samples = samples

    def forward(self, x: Tensor, progress: float) -> Tensor:
        return x.unflatten(0, (-1, self.samples)).flatten(1, 2)


@dataclass(frozen=True)
class ImageView(View):
    """A view of images alone."""

    def build(self, data: DataSpec) -> Shown:
        if not data.is_image:
            raise UsageError(f"{type(self).__name__} changes images, and what it would be shown are {data.main}")
        return self.build_for_images()

    @abstractmethod
    def build_for_images(self) -> Shown: ...


@dataclass(frozen=True)
class DiffAugment(ImageView):
    """The same random changes for real and fake images, in both players' moves. Zhao et al., 2020.

    https://arxiv.org/abs/2006.10738. An augmentation of the real images alone would be learnt by the generator.
    """

    colour: bool = (
        True  # brightness ± 0.5, saturation × 0 to 2 about a pixel's mean, contrast × 0.5 to 1.5 about the image's
    )
    translation: Share = 0.125  # how far an image moves at most, as a share of its side; what comes in is 0
    cutout: Share = 0.5  # side of the square that is set to 0, as a share of the image's

    def build_for_images(self) -> Shown:
        return _DiffAugmented(self)


class _DiffAugmented(Shown):
    def __init__(self, settings: DiffAugment):
        super().__init__()
        self.settings = settings

    def forward(self, x: Tensor, progress: float) -> Tensor:
        x = self._colour(x) if self.settings.colour else x
        x = self._move(x) if self.settings.translation else x
        return self._cut(x) if self.settings.cutout else x

    def _colour(self, x: Tensor) -> Tensor:
        brightness, saturation, contrast = rng.rand(len(x), 3, device=x.device).unbind(1)
        x = x + per_sample(x, brightness - 0.5)
        x = torch.lerp(x.mean(1, keepdim=True), x, 2 * per_sample(x, saturation))
        return torch.lerp(x.mean((1, 2, 3), keepdim=True), x, 0.5 + per_sample(x, contrast))

    def _move(self, x: Tensor) -> Tensor:
        down, right = (int(self.settings.translation * side + 0.5) for side in x.shape[2:])
        dx = rng.randint(2 * right + 1, len(x), device=x.device) - right
        return shift(x, dx, rng.randint(2 * down + 1, len(x), device=x.device) - down)

    def _cut(self, x: Tensor) -> Tensor:
        """The rectangle's centre lies anywhere in the image, so that a part of it may lie outside."""
        height, width = (int(self.settings.cutout * side + 0.5) for side in x.shape[2:])
        left = rng.randint(x.shape[3] + 1 - width % 2, len(x), device=x.device) - width // 2
        top = rng.randint(x.shape[2] + 1 - height % 2, len(x), device=x.device) - height // 2
        return cut_out(x, left, top, width, height)


@dataclass(frozen=True)
class ADA(ImageView):
    """As many random changes as keep the discriminator from memorising the data. Karras et al., 2020.

    https://arxiv.org/abs/2006.06676: flips, quarter turns, translation, scale, rotation and colour, each applied to an
    image with chance p; p rises while the mean sign of the logits of real images is above `target` and falls below.
    Images are resampled bilinearly, without the paper's wavelet filter, and reflected at their edges.
    """

    p: Share | None = None  # a chance that stays, instead of one that adapts
    target: Annotated[float, between(-1, 1)] = 0.6
    """of E sign(C(x)): 0 if the discriminator cannot distinguish, 1 if it has memorised the data"""
    images: PositiveFloat = 500_000.0  # after which p has gone from 0 to 1 if it always rises
    every: PositiveInt = 4  # rounds from one adjustment to the next

    def build_for_images(self) -> Shown:
        return _Adaptive(self)

    def forbids(self, game: Any) -> str | None:
        loss = game.criterion
        if self.p is None and not (loss and abs(indifference(loss)) < 0.3):
            return (
                "ADA reads from the sign of the real logits how much the discriminator has memorised, and "
                f"{type(loss).__name__ if loss else 'an error'} does not part real from fake at 0; fix the chance, as "
                "in game.views.ADA.p 0.2, leave ADA out (game.views none), or choose another loss"
            )
        return None


def indifference(loss: AdversarialLoss) -> float:
    """The logit for real and fake alike that costs the discriminator least; not a number where all cost the same."""
    logits = torch.linspace(-2, 2, 41, dtype=torch.float64, device="cpu")  # numbers, where a network is only drafted
    costs = torch.stack([loss.discriminator(c.view(1), c.view(1)) for c in logits])
    flat = costs - costs.min() < 1e-9
    return float("nan") if flat.all() else float(logits[flat].mean())


class _Adaptive(Shown):
    """All micro-batches of a round see the same p: what they tell of it counts from the next round on."""

    p: Tensor
    signs: Tensor
    seen: Tensor
    rounds: Tensor

    def __init__(self, settings: ADA):
        super().__init__()
        self.settings = settings
        self.register_buffer("p", torch.tensor(settings.p or 0.0))
        self.register_buffer("signs", torch.tensor(0.0))  # their sum since p was last adjusted
        self.register_buffer("seen", torch.tensor(0.0))  # logits in that sum
        self.register_buffer("rounds", torch.tensor(0))  # since p was last adjusted
        self._round: int | None = None
        self.register_load_state_dict_post_hook(lambda *_: setattr(self, "_round", None))  # it may be an earlier one

    def begin(self, rounds: int) -> None:
        if self.settings.p is None and rounds != self._round:
            self._adjust()
            self._round = rounds

    def forward(self, x: Tensor, progress: float) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # places in bf16 would be off by pixels
            return change_colour(change_geometry(x, self.p), self.p)

    @torch.no_grad()
    def adapt(self, real_logits: Tensor) -> None:
        signs = real_logits.sign()
        signs = signs.flatten(1).mean(1) if signs.ndim > 1 else signs  # of patches, or of several heads: the mean
        self.signs += dist.total(signs.sum().to(self.signs))
        self.seen += len(signs) * dist.world()

    @torch.no_grad()
    def _adjust(self) -> None:
        due = (self.rounds >= self.settings.every).to(self.p)
        step = (self.signs / self.seen.clamp_min(1) - self.settings.target).sign() * self.seen / self.settings.images
        self.p.add_(due * step).clamp_(0, 1)
        self.signs *= 1 - due
        self.seen *= 1 - due
        self.rounds.mul_(1 - due.long()).add_(1)
