"""Penalties: what a player pays beside its adversarial loss, most of them for the gradient of its logits.

A penalty sees a `Scene`, one move with what was judged in it. A game of another shape builds its own scene:
`penalty(rounds, Scene(lambda x: self.discriminator(x).logits, real, fake))`.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from . import dist, rng
from .errors import UsageError
from .layers import jitter
from .layers.spectral import before_norm
from .optim import Constant, Schedule
from .precision import full, second_order
from .scene import Scene, Score


def input_gradient(score: Score, x: Tensor) -> Tensor:
    """∇ₓ score(x), one row per sample, itself differentiable.  [N, C·H·W]"""
    x = x.detach().requires_grad_()
    return gradient_at(x, score(x))


def gradient_at(x: Tensor, logits: Tensor) -> Tensor:
    """The same of logits that were already made of x."""
    logits = logits.flatten(1).mean(1) if logits.ndim > 1 else logits  # of a patch map, as its loss: the mean
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return gradient.flatten(1)


@dataclass(frozen=True)
class Penalty(ABC):
    """A weighted scalar in every `every`-th round, weighted up to make good for the others, else None."""

    players: ClassVar[tuple[str, ...]] = ("discriminator",)  # who pays it

    weight: float = 1.0  # factor on the penalty
    every: int = 1  # rounds from one penalty to the next; lazy ones count for the rounds between
    schedule: Schedule = Constant()  # a factor on the weight
    autocast: bool = False  # compute it in bf16 where the game plays in bf16, instead of in fp32

    def __post_init__(self) -> None:
        if self.every < 1 or self.weight < 0:
            raise UsageError(f"a penalty wants weight ≥ 0 and every ≥ 1, not {self.weight} and {self.every}")

    @property
    def name(self) -> str:
        """What the log calls it: the class's name in snake case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def __call__(self, rounds: int, scene: Scene) -> Tensor | None:
        if rounds % self.every:
            return None
        weight = self.weight * self.every * self.schedule(rounds, scene.progress)
        with second_order(scene.real, self.autocast):
            scene = replace(scene, rounds=rounds, real=full(scene.real), fake=full(scene.fake))
            return weight * self.measure(scene)

    @abstractmethod
    def measure(self, scene: Scene) -> Tensor:
        """The penalty before its weight."""

    def shares(self) -> bool:
        """Does it differentiate the scene's own logits by the samples?"""
        return False

    def remember(self, game: nn.Module) -> nn.Module | None:
        """The buffers that the penalty keeps from round to round, if it does; `Scene.memory` brings them back."""
        return None

    def forbids(self, game: nn.Module) -> str | None:
        """Why this penalty cannot go with this game's networks and settings, in one sentence; None if it can."""
        return None


@dataclass(frozen=True)
class InputPenalty(Penalty):
    """A penalty on the gradient of the discriminator with respect to each sample."""

    def forbids(self, game: nn.Module) -> str | None:
        for name, module in game.get_submodule("discriminator").named_modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                return (
                    f"{type(self).__name__} looks at each sample's own gradient, but the discriminator's batch norm "
                    f"('{name}') mixes the samples of a batch; use a network without it"
                )
        return None


@dataclass(frozen=True)
class NormPenalty(InputPenalty):
    """(‖∇C(x̂)‖ - target)², at places x̂ that the kinds of it choose."""

    weight: float = 10.0  # λ, factor on the penalty
    target: float = 1.0  # what the norm of the gradient is pulled to
    one_sided: bool = False  # let norms below the target pass

    def measure(self, scene: Scene) -> Tensor:
        excess = input_gradient(scene.score, self.places(scene)).norm(dim=1) - self.target
        return (relu(excess) if self.one_sided else excess).square().mean()

    @abstractmethod
    def places(self, scene: Scene) -> Tensor:
        """Where the gradient is taken, one place a sample.  [N, …]"""


@dataclass(frozen=True)
class GradientPenalty(NormPenalty):
    """(‖∇C(x̂)‖ - target)², x̂ uniform on lines from fake to real.  Gulrajani et al., 2017, Algorithm 1.

    One-sided, only norms above the target count: Petzka et al., 2018. https://arxiv.org/abs/1709.08894. With target 0
    it is the zero-centred penalty, ‖∇C(x̂)‖²: Thanh-Tung et al., 2019. https://arxiv.org/abs/1902.03984
    """

    def places(self, scene: Scene) -> Tensor:
        return torch.lerp(scene.fake.detach(), scene.real, one_each(scene.real))  # ε


@dataclass(frozen=True)
class NearDataPenalty(NormPenalty):
    """(‖∇C(x̂)‖ - target)², x̂ near the data.  Kodali et al., 2017, Algorithm 1. https://arxiv.org/abs/1705.07215

    x̂ is uniform on the line from a sample x to x + spread · std · u, with u uniform in [0, 1] for every number of x, as
    in the authors' code. std is that of the whole batch of data, over all processes, and a single number; of several
    micro-batches each has its own. Fakes play no part.
    """

    spread: float = 0.5  # how far from the data, in units of their standard deviation

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spread < 0:
            raise UsageError(f"the spread of a NearDataPenalty is at least 0, not {self.spread}")

    def places(self, scene: Scene) -> Tensor:
        real = scene.real
        mean = dist.mean(real.mean())
        std = dist.mean((real - mean).square().mean()).sqrt()
        noise = rng.rand(len(real), *real.shape[1:], device=real.device).to(real)
        return real + one_each(real) * self.spread * std * noise  # α


def one_each(x: Tensor) -> Tensor:
    """A number for each sample, uniform in [0, 1), to broadcast over it.  [N, 1, …]"""
    return rng.rand(len(x), *[1] * (x.ndim - 1), device=x.device).to(x)


@dataclass(frozen=True)
class ZeroCentred(InputPenalty):
    """‖∇C‖² / 2, on the samples of one side."""

    shared: bool = (
        False  # differentiate the logits of the adversarial loss, in the game's precision, instead of new ones
    )

    def shares(self) -> bool:
        return self.shared

    def of(self, scene: Scene, x: Tensor, logits: Tensor | None) -> Tensor:
        """The mean over samples x, which were judged by these logits."""
        if not self.shared:
            gradient = input_gradient(scene.score, x)
        elif logits is None or not x.requires_grad:
            raise UsageError(f"{self.name}.shared: this game does not judge its samples so that they can be shared")
        else:
            gradient = gradient_at(x, logits)
        return gradient.square().sum(1).mean() / 2


@dataclass(frozen=True)
class R1(ZeroCentred):
    """‖∇C(x)‖² / 2 on real samples.  Mescheder et al., 2018, Eq. 9. https://arxiv.org/abs/1801.04406"""

    def measure(self, scene: Scene) -> Tensor:
        return self.of(scene, scene.real, scene.real_logits)


@dataclass(frozen=True)
class R2(ZeroCentred):
    """‖∇C(G(z))‖² / 2 on fakes.  Mescheder et al., 2018, Eq. 10. https://arxiv.org/abs/1801.04406"""

    def measure(self, scene: Scene) -> Tensor:
        return self.of(scene, scene.fake, scene.fake_logits)


@dataclass(frozen=True)
class Drift(Penalty):
    """C(x)², which keeps the critic's output from drifting away.  Karras et al., 2018, Appendix A.1.

    https://arxiv.org/abs/1710.10196
    """

    weight: float = 1e-3  # ε_drift, factor on the penalty

    def measure(self, scene: Scene) -> Tensor:
        return logits_of(scene)[0].square().mean()


@dataclass(frozen=True)
class LeCam(Penalty):
    """max(0, C(x) - a_F)² + max(0, a_R - C(G(z)))².  Tseng et al., 2021, Eq. 4. https://arxiv.org/abs/2104.03310

    a_R and a_F are moving averages of the logits of real and fake samples over the rounds before, and never
    differentiated; in the first round there are none, and the penalty is 0.
    """

    weight: float = 0.3  # λ, factor on the penalty
    decay: float = 0.99  # of the moving averages, from round to round

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.decay < 1:
            raise UsageError(f"the decay of LeCam's averages lies in [0, 1), not {self.decay}")

    def remember(self, game: nn.Module) -> nn.Module:
        return Anchors(self.decay)

    def measure(self, scene: Scene) -> Tensor:
        assert scene.memory
        real, fake = logits_of(scene)
        (of_real, of_fake), known = scene.memory(scene.rounds, torch.stack((real.mean(), fake.mean())))
        return known * (relu(real - of_fake).square().mean() + relu(of_real - fake).square().mean())


class Anchors(nn.Module):
    """Moving averages, without bias, of what earlier rounds were given.

    What a round brings is kept apart until the next one, so that all micro-batches of a round see the same averages.
    """

    average: Tensor
    share: Tensor
    total: Tensor
    count: Tensor
    round: Tensor

    def __init__(self, decay: float):
        super().__init__()
        self.decay = decay
        for name, start in {
            "average": [0.0, 0.0],
            "share": 0.0,
            "total": [0.0, 0.0],
            "count": 0.0,
            "round": -1,
        }.items():
            self.register_buffer(name, torch.tensor(start))

    @torch.no_grad()
    def forward(self, rounds: int, now: Tensor) -> tuple[Tensor, Tensor]:
        """The averages [2], and whether there are any; `now` [2] counts from the next round on."""
        new = self.round != rounds
        step = (new & (self.count > 0)).to(self.average) * (1 - self.decay)
        self.average.lerp_(self.total / self.count.clamp(min=1), step)
        self.share.lerp_(torch.ones_like(self.share), step)
        for gathered in (self.total, self.count):
            gathered.masked_fill_(new, 0)
        self.total += dist.mean(now).to(self.total)
        self.count += 1
        self.round.fill_(rounds)
        known = self.share > 0
        return self.average / torch.where(known, self.share, 1), known


def logits_of(scene: Scene) -> tuple[Tensor, Tensor]:
    """Of the real and of the fake samples, as judged already or, in a scene without verdicts, judged now."""
    real = scene.score(scene.real) if scene.real_logits is None else scene.real_logits
    fake = scene.score(scene.fake) if scene.fake_logits is None else scene.fake_logits
    return full(real), full(fake)


@dataclass(frozen=True)
class BalancedConsistency(Penalty):
    """(C(x) - C(T(x)))² + (C(G(z)) - C(T(G(z))))², T a flip and a shift.  Zhao et al., 2021, Algorithm 1.

    bCR: https://arxiv.org/abs/2002.04724. The discriminator is to think the same of an image and of the image moved.
    """

    weight: float = 10.0  # λ, factor on the penalty
    flip: bool = True  # mirror left to right; not for letters and digits
    shift: float = 0.125  # move by up to this share of the image

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.shift <= 0.5 or not (self.flip or self.shift):
            raise UsageError(f"BalancedConsistency flips or shifts by up to 0.5 of an image, not by {self.shift}")

    def measure(self, scene: Scene) -> Tensor:
        before = torch.cat(logits_of(scene))
        moved = [scene.score(self.move(x)) for x in (scene.real, scene.fake)]
        return 2 * (before - torch.cat(moved)).square().mean()  # the sum of two means

    def move(self, x: Tensor) -> Tensor:
        x = jitter.flip(x) if self.flip else x
        return jitter.shift(x, self.shift) if self.shift else x

    def forbids(self, game: Any) -> str | None:
        if not game.data.is_image:
            return (
                "BalancedConsistency moves images, and these data are points; LatentConsistency moves latents instead"
            )
        return None


@dataclass(frozen=True)
class LatentConsistency(Penalty):
    """D: (C(G(z)) - C(G(z + ε)))².  G: -(G(z) - G(z + ε))².  Zhao et al., 2021, Algorithm 2.

    zCR: https://arxiv.org/abs/2002.04724. Neighbouring latents are to be judged alike, yet drawn differently. Of the
    generator's term the mean is over samples and pixels.
    """

    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")

    discriminator_weight: float = 5.0  # λ_dis, factor on the discriminator's term
    generator_weight: float = 0.5  # λ_gen, factor on the generator's
    std: float = 0.03  # σ of ε

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.discriminator_weight, self.generator_weight) < 0 or not self.std > 0:
            raise UsageError(
                f"LatentConsistency wants weights ≥ 0 and std > 0, not {self.discriminator_weight}, "
                f"{self.generator_weight} and {self.std}"
            )

    def measure(self, scene: Scene) -> Tensor:
        assert scene.z is not None
        assert scene.generate
        z = scene.z + self.std * rng.randn(*scene.z.shape, device=scene.z.device).to(scene.z)
        if scene.mover == "generator":
            return -self.generator_weight * (scene.fake - full(scene.generate(z))).square().mean()
        with torch.no_grad():
            neighbour = full(scene.generate(z))
        return self.discriminator_weight * (logits_of(scene)[1] - scene.score(neighbour)).square().mean()


Player = Literal["generator", "discriminator", "both"]


@dataclass(frozen=True)
class WeightPenalty(Penalty):
    """A penalty on the parameters of players."""

    player: Player = "both"  # who pays it

    @property
    def players(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("discriminator", "generator") if self.player == "both" else (self.player,)


@dataclass(frozen=True)
class Orthogonal(WeightPenalty):
    """‖W Wᵀ ⊙ (1 - I)‖², summed over the layers.  Brock et al., 2019, Eq. 3. https://arxiv.org/abs/1809.11096

    W has a row for each output of a layer; without the diagonal the rows' norms are free. Tables of embeddings have
    none to be orthogonal.
    """

    weight: float = 1e-4  # β, factor on the penalty
    player: Player = "generator"  # who pays it

    def measure(self, scene: Scene) -> Tensor:
        assert scene.player
        return torch.stack([crossed(w) for w in matrices(scene.player)]).sum()


def matrices(player: nn.Module) -> Iterator[Tensor]:
    """The weights of all layers that multiply, before spectral norm, one row for each output."""
    for module in player.modules():
        for kind, outputs in ((nn.Linear, 0), (nn.modules.conv._ConvTransposeNd, 1), (nn.modules.conv._ConvNd, 0)):
            if isinstance(module, kind):
                yield before_norm(module).transpose(0, outputs).flatten(1)
                break


def crossed(w: Tensor) -> Tensor:
    """‖W Wᵀ ⊙ (1 - I)‖². Where there are more rows than columns, from the smaller WᵀW, which is as long as W Wᵀ.  []"""
    rows, columns = w.shape
    if rows <= columns:
        return off_diagonal(w @ w.T).square().sum()
    return (w.T @ w).square().sum() - w.square().sum(1).square().sum()


def off_diagonal(square: Tensor) -> Tensor:
    return square - torch.diag(square.diagonal())


@dataclass(frozen=True)
class HistoricalAveraging(WeightPenalty):
    """‖θ - θ̄‖², θ̄ the mean of a player's parameters over all rounds.  Salimans et al., 2016, Section 3.3.

    https://arxiv.org/abs/1606.03498. θ̄ is not differentiated; in the first round it is θ itself, and the penalty 0.
    """

    def remember(self, game: nn.Module) -> nn.Module:
        return nn.ModuleDict({name: Mean(flat(game.get_submodule(name))) for name in self.players})

    def measure(self, scene: Scene) -> Tensor:
        assert scene.memory
        assert scene.player
        weights = flat(scene.player)
        return (weights - scene.memory.get_submodule(scene.mover)(scene.rounds, weights)).square().sum()


class Mean(nn.Module):
    """The mean of what it was given, one value a round: the first."""

    mean: Tensor
    count: Tensor
    round: Tensor

    def __init__(self, like: Tensor):
        super().__init__()
        self.register_buffer("mean", torch.zeros_like(like))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("round", torch.tensor(-1))

    @torch.no_grad()
    def forward(self, rounds: int, value: Tensor) -> Tensor:
        new = self.round != rounds
        self.count += new
        self.mean.lerp_(value, new.to(value) / self.count)
        self.round.fill_(rounds)
        return self.mean


def flat(player: nn.Module) -> Tensor:
    """All parameters of a player in a row."""
    return torch.cat([p.flatten() for p in player.parameters() if p.requires_grad])
