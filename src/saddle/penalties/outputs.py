"""Penalties on the discriminator's output for samples: how large, how far from before, how alike for neighbours."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ..base import dist, rng
from ..base.errors import UsageError
from ..base.precision import full
from ..base.ranges import PositiveFloat, ShareBelowOne, Weight, between
from ..context import Context
from ..layers import jitter
from .base import Penalty


@dataclass(frozen=True)
class Drift(Penalty):
    """C(x)².  Karras et al., 2018, Appendix A.1. https://arxiv.org/abs/1710.10196

    It keeps the critic's output from drifting away.
    """

    weight: float = 1e-3  # ε_drift, factor on the penalty

    def measure(self, context: Context) -> Tensor:
        return logits_of(context)[0].square().mean()


@dataclass(frozen=True)
class LeCam(Penalty):
    """max(0, C(x) - a_F)² + max(0, a_R - C(G(z)))², a_R ← δ · a_R + (1 - δ) · C(x), a_F likewise.  Tseng et al., 2021.

    Eq. 4. https://arxiv.org/abs/2104.03310. a_R and a_F are moving averages of the logits of real and fake
    samples over the rounds before, and never differentiated; in the first round there are none, and the penalty is 0.
    """

    weight: float = 0.3  # λ, factor on the penalty
    decay: ShareBelowOne = 0.99  # δ: of the moving averages, from round to round

    def remember(self, game: Any) -> nn.Module:
        return Anchors(self.decay)

    def measure(self, context: Context) -> Tensor:
        assert context.memory
        real, fake = logits_of(context)
        (of_real, of_fake), ready = context.memory(context.rounds, torch.stack((real.mean(), fake.mean())))
        return ready * (relu(real - of_fake).square().mean() + relu(of_real - fake).square().mean())


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
        ready = self.share > 0
        return self.average / torch.where(ready, self.share, 1), ready


def logits_of(context: Context) -> tuple[Tensor, Tensor]:
    """The logits of the real and of the fake samples, both [N] or [N, 1, h, w]: the context's, or else computed now."""
    real = context.score(context.real) if context.real_logits is None else context.real_logits
    fake = context.score(context.fake) if context.fake_logits is None else context.fake_logits
    return full(real), full(fake)


@dataclass(frozen=True)
class BalancedConsistency(Penalty):
    """(C(x) - C(T(x)))² + (C(G(z)) - C(T(G(z))))², T a chance flip and a move.  Zhao et al., 2021, Algorithm 1.

    bCR: https://arxiv.org/abs/2002.04724. The discriminator is to think the same of an image and of the image moved.
    """

    weight: float = 10.0  # λ, factor on the penalty
    flip: bool = True  # mirror left to right; not for letters and digits
    shift: Annotated[float, between(0, 0.5)] = 0.125  # move by up to this share of the image

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.flip or self.shift):
            raise UsageError("BalancedConsistency flips or shifts: choose flip, or a shift above 0")

    def unweighted(self, mover: str) -> str:
        moves = ["a flip by chance"] * self.flip + [f"a move by up to {self.shift:g} of a side"] * (self.shift > 0)
        return f"{super().unweighted(mover).partition(', T')[0]}, T {' and '.join(moves)}"

    def measure(self, context: Context) -> Tensor:
        before = torch.cat(logits_of(context))
        moved = [context.score(self.move(x)) for x in (context.real, context.fake)]
        return 2 * (before - torch.cat(moved)).square().mean()  # the sum of two means

    def move(self, x: Tensor) -> Tensor:
        """Images [N, C, H, W], flipped and shifted as the settings say → same shape."""
        x = jitter.flip(x) if self.flip else x
        return jitter.shift(x, self.shift) if self.shift else x

    def forbids(self, game: Any) -> str | None:
        if not game.data.is_image:
            return (
                "BalancedConsistency moves images, and these data are points or are judged as such; LatentConsistency "
                "moves latents instead"
            )
        return None


@dataclass(frozen=True)
class LatentConsistency(Penalty):
    """D: λ_dis · (C(G(z)) - C(G(z + σ ε)))².  G: -λ_gen · (G(z) - G(z + σ ε))².  Zhao et al., 2021, Algorithm 2.

    zCR: https://arxiv.org/abs/2002.04724. Neighbouring latents are to be judged alike, yet drawn differently. Of the
    generator's term the mean is over samples and pixels.
    """

    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")

    discriminator_weight: Weight = 5.0  # λ_dis, factor on the discriminator's term
    generator_weight: Weight = 0.5  # λ_gen, factor on the generator's
    std: PositiveFloat = 0.03  # σ of the noise σ ε, ε normal

    def measure(self, context: Context) -> Tensor:
        assert context.z is not None
        assert context.generate
        z = context.z + self.std * rng.randn(*context.z.shape, device=context.z.device).to(context.z)
        if context.mover == "generator":
            return -self.generator_weight * (context.fake - full(context.generate(z))).square().mean()
        with torch.no_grad():
            neighbour = full(context.generate(z))
        return self.discriminator_weight * (logits_of(context)[1] - context.score(neighbour)).square().mean()

    def forbids(self, game: Any) -> str | None:
        if not game.moves_latents:
            return "LatentConsistency draws fakes of neighbouring latents, and here no fake is made of a latent alone"
        return None
