"""Penalties on what styles do to images."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..base import dist, rng
from ..context import Context
from .base import Penalty


class Styled(nn.Module, ABC):
    """A generator in two parts, latents → styles → images, of which the second is its `synthesis`."""

    synthesis: Any  # styles [N, styles, w_dim] → images [N, C, H, W]

    @abstractmethod
    def styles(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The styles [N, styles, w_dim] of all layers, of z [N, z_dim] and labels [N]."""


@dataclass(frozen=True)
class PathLength(Penalty):
    """(‖Jᵀy‖ - a)², J = ∂G(w) / ∂w, y normal noise, a the mean length so far.  Karras et al., 2020, Eq. 4.

    https://arxiv.org/abs/1912.04958. A small step in w changes the image by as much wherever it is taken. As in the
    code, every second sample of the batch will do, and a includes the lengths of this batch, whose gradients
    flow.
    """

    players = ("generator",)
    weight: float = 2.0  # factor on the penalty
    every: int = 4  # rounds from one penalty to the next; lazy ones count for the rounds between

    def measure(self, context: Context) -> Tensor:
        generator, mean, z, label = context.player, context.memory.mean, context.z, context.label  # type: ignore[union-attr]
        assert isinstance(generator, Styled)
        assert isinstance(mean, Tensor)
        assert z is not None
        styles = generator.styles(z[::2], None if label is None else label[::2])
        lengths = path_lengths(generator.synthesis, styles)
        now = torch.lerp(mean, dist.joint_mean(lengths.mean()).to(mean), 0.01)
        mean.copy_(now.detach())
        return (lengths - now).square().mean()

    def remember(self, game: Any) -> nn.Module:
        memory = nn.Module()
        memory.register_buffer("mean", torch.zeros(()))
        return memory

    def forbids(self, game: Any) -> str | None:
        if isinstance(game.get_submodule("generator"), Styled):
            return None
        return "PathLength measures how styles move the image, but this generator has none; use the network StyleGAN2"


def path_lengths(synthesis: Callable[[Tensor], Tensor], ws: Tensor) -> Tensor:
    """‖Jᵀy‖ of each sample: over the styles [N, styles, w_dim], the root of the mean of the squares.  [N]"""
    ws = ws if ws.requires_grad else ws.requires_grad_()
    image = synthesis(ws)
    y = rng.randn(*image.shape, device=image.device).to(image) * (image.shape[2] * image.shape[3]) ** -0.5
    (gradient,) = torch.autograd.grad((image * y).sum(), ws, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()
