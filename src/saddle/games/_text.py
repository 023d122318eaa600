"""What games that draw what a text says have in common."""

from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import dist
from ..errors import UsageError
from ..game import Move, Synthesis
from ..losses import AdversarialLoss, NonSaturating
from ..optim import Adam, Optim
from ..precision import full
from ..spec import Batch, Condition, DataSpec


class TextToImage(Synthesis, ABC):
    """An encoder first learns to read, together with one for images; then it stays as it is, and the game begins.

    Wherever a game takes a text, it may be the bytes of a caption, int64 [N, length], or embedded, float [N, E].
    """

    needs = ("image", "caption")

    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        text_share: float = 0.1  # share of the run in which the text encoder learns to read, before the game begins
        loss: AdversarialLoss = NonSaturating()  # what the players make of the logits
        optim: Optim = Adam(lr=2e-4)  # of all players
        discriminator_optim: Optim | None = None  # where it differs, as in TTUR

        def __post_init__(self) -> None:
            super().__post_init__()
            if not 0 <= self.text_share < 1:
                raise UsageError(f"text_share is a share of the run, at least 0 and below 1, not {self.text_share}")
            if self.loss.relativistic:
                raise UsageError(
                    f"{type(self.loss).__name__} compares each fake with a real sample, but a discriminator of texts "
                    "also judges wrong pairs; choose a loss that is not relativistic, such as NonSaturating"
                )

    options: Options

    @property
    def condition(self) -> Condition | None:
        return self.data.condition

    def optim(self, player: str) -> Optim:
        own = self.options.discriminator_optim if player == "discriminator" else None
        return own or self.options.optim

    def check_batch(self, n: int) -> None:
        if n * dist.world() < 2:
            raise UsageError(
                f"{type(self).__name__} pairs each image with another one's text, so a batch has at least 2 samples, "
                f"not {n}; choose a larger --plan.batch, or fewer micro-batches"
            )

    def known(self, z: Tensor, label: Tensor | None) -> Tensor | None:
        """The embedded texts [N, E] of labels, or of the data's own law where none are given."""
        label = self.draw_label(len(z)) if label is None else label
        return None if label is None else self.embed(label)


def mismatched(caption: Tensor, told: Tensor) -> Tensor | None:
    """For each image what was `told` [N, …] of another, whose caption [N, length] differs: the next that does.

    Rolling a batch by one would now and then give an image its own caption. The batch is that of all processes; None if
    all its captions are the same.
    """
    _, kind = dist.gather(caption).unique(dim=0, return_inverse=True)  # of each caption
    own = torch.arange(len(caption), device=caption.device) + dist.rank() * len(caption)
    others = (own[:, None] + torch.arange(1, len(kind), device=caption.device)) % len(kind)  # [N, all others]
    differs = kind[others] != kind[own, None]
    if not differs.any():
        return None
    first = differs.int().argmax(1, keepdim=True)
    return dist.gather(told)[others.gather(1, first)[:, 0]]


def joined(*logits: Tensor | None) -> Tensor:
    """Those that there are, in one row: a mean over it weighs every kind alike, as there are N of each."""
    return torch.cat([full(x) for x in logits if x is not None])


def divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)), a mean over texts and, as in the codes of StackGAN, dimensions."""
    mean, log_var = full(mean), full(log_var)
    return (mean.square() + log_var.exp() - 1 - log_var).mean() / 2
