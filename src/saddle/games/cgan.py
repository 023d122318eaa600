"""CGAN. Conditional Generative Adversarial Nets. Mirza and Osindero, 2014. https://arxiv.org/abs/1411.1784

Both players are given a label y beside their input. The value of the game is E log D(x | y) + E log(1 - D(G(z | y)))
(Eq. 2), and a fake is judged by the label that it was asked for.

`separate_heads` separates the question "is it real?", U(x), from "is it what y says?", J(x, y), as in StackGAN-v2
(https://arxiv.org/abs/1710.10916, Eq. 5 and 6). Real samples with the label of others are mismatches for J and still
real for U. With `mismatched` a single head refuses such pairs as it refuses fakes, half and half, as in GAN-CLS
(https://arxiv.org/abs/1605.05396, Algorithm 1). Settings of the paper's MNIST networks.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..base.errors import UsageError
from ..base.formulas import times
from ..base.precision import full
from ..base.ranges import Weight
from ..context import Context
from ..nets.conditional import TwoHeads, features_shape, match_head
from ..nets.maxout import ConditionalMaxout
from ..nets.network import Network
from ..optim import SGD, Exponential, Linear, Optim
from ..spec import DataSpec
from ..tasks import Prior
from ._adversarial import Duel
from ._conditional import mismatched
from ._two_player import TwoPlayer
from ._unit_noise import UnitNoise

DECAY = Exponential(factor=1 / 1.00004, floor=1e-5)  # of the learning rate, from 0.1 to 1e-6


class CGAN(UnitNoise, TwoPlayer):
    in_short = "Both players get the label of each sample, so you can ask for a label."
    group = "ask"
    start_here = True

    @dataclass(frozen=True)
    class Options(TwoPlayer.Options):
        prior: Prior = "uniform"  # distribution of a number of z: uniform in [0, 1), or normal
        network: Network = ConditionalMaxout()  # the architecture of both players
        conditional: bool = True  # give both players the label of each sample
        separate_heads: bool = False  # ask "is it real?" and "is it what the label says?" apart
        mismatched: bool = False  # the single head also refuses real samples under another's label, with weight 1/2
        match_weight: Weight = 1.0  # factor on the losses of the second head, if there is one
        optim: Optim = SGD(lr=0.1, schedule=DECAY, momentum=Linear(start=0.5, end=0.7))  # of both players

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.separate_heads and not self.conditional:
                raise UsageError("separate_heads asks whether a sample is what its label says; leave conditional true")
            if self.mismatched:
                self.check_pairs()

        def check_pairs(self) -> None:
            """UsageError unless there can be a third kind of pair."""
            reasons = [
                (not self.conditional, "tells a sample from what its label says; leave conditional true"),
                (self.separate_heads, "is for a single head: the second of separate_heads sees such pairs already"),
                (self.loss.relativistic, "refuses two to a real sample; choose a loss that is not relativistic"),
                (self.unroll > 0, "is no part of the steps that a generator looks ahead; leave unroll at 0"),
            ]
            for wrong, reason in reasons:
                if wrong:
                    raise UsageError(f"mismatched {reason}")

    options: Options

    def build_discriminator(self, data: DataSpec) -> nn.Module:
        if not self.options.separate_heads:
            return super().build_discriminator(data)
        discriminator = self.options.network.discriminator(data.unconditional())
        return TwoHeads(discriminator, match_head(features_shape(discriminator, data), data))

    def unreal_logits(self, context: Context) -> Tensor:
        other = None
        if self.options.mismatched:
            assert context.label is not None
            other = mismatched(context.label, context.label)
        if other is None:
            return super().unreal_logits(context)
        wrong = self.discriminate(context.real, other).logits
        self.note(d_wrong=self.options.loss.output(wrong))
        return torch.cat((wrong, context.fake_logits))

    def formulas(self, player: str) -> dict[str, str]:
        own = {
            "discriminator": "(-log J(x, y) - log(1 - J(x, y')) - log U(x) - log(1 - J(G(z), y))), y' another label",
            "generator": "-log J(G(z), y)",
        }
        match = {"match": times(self.options.match_weight, own[player])} if self.options.separate_heads else {}
        return super().formulas(player) | match

    def judgement(self, duel: Duel, side: str) -> dict[str, str]:
        told = super().judgement(duel, side)
        if self.options.mismatched and side == "discriminator":
            told["adversarial"] += "; half of the fakes are real samples under the label of another"
        return told

    def extras(self, player: str, context: Context, duel: int = 0) -> dict[str, Any]:
        paid = super().extras(player, context, duel)
        if self.options.separate_heads:
            paid["match"] = self.options.match_weight * self.match(player, context)
        return paid

    def match(self, player: str, context: Context) -> Tensor:
        """The player's loss [] for J, the answers to "is it what the label says?".

        A mismatch is a real sample under a label drawn from the data's distribution; a label that happens to be its own
        is none.
        """
        assert context.label is not None
        assert context.fake_output is not None
        of_fake = self.matches(context.fake_output.features, context.label)
        if player == "generator":
            return softplus(-of_fake).mean()
        assert context.real_output is not None
        other = self.draw_label(len(context.label))
        assert other is not None
        features, real_logits = context.real_output.features, context.real_output.logits
        differs = (other != context.label).flatten(1).any(1) if other.ndim > 1 else other != context.label
        of_others = softplus(self.matches(features, other)) + softplus(-real_logits)  # still real for U
        of_real = softplus(-self.matches(features, context.label))
        return of_real.mean() + (differs * of_others).mean() + softplus(of_fake).mean()

    def matches(self, features: Tensor, label: Tensor) -> Tensor:
        """J: logits [N] of "it is what the label says", for features [N, F] and labels [N, …]."""
        return full(self.discriminator.second(features, label)).flatten()
