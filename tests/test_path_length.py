"""Path lengths: what they are, what they are compared with, and what they belong to."""

from dataclasses import replace

import pytest
import torch
from playing import images
from seeding import seed_all
from styled import SMALL, STYLED, styled
from torch import nn

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.context import Context
from saddle.games.progan import ProGAN
from saddle.games.stylegan2 import StyleGAN2
from saddle.penalties import PathLength
from saddle.penalties.styles import path_lengths
from saddle.spec import DataSpec


class Linear(nn.Module):
    """Images that are linear in the styles: the sum of all styles, times a matrix."""

    def __init__(self, matrix: torch.Tensor):
        super().__init__()
        self.matrix = nn.Parameter(matrix)

    def forward(self, ws: torch.Tensor) -> torch.Tensor:
        return (ws.sum(1) @ self.matrix).view(len(ws), 1, 4, 4)


def test_path_lengths_of_a_linear_synthesis_are_known():
    """‖A y‖ for y normal with variance 1 / (H W), whatever the styles; its mean square is ‖A‖² / (H W)."""
    matrix = torch.randn(3, 16)
    seed_all(0)
    lengths = path_lengths(Linear(matrix), torch.randn(5000, 6, 3))
    assert lengths.square().mean().item() == pytest.approx(matrix.square().sum().item() / 16, rel=0.05)
    seed_all(0)
    y = rng.randn(5000, 1, 4, 4).flatten(1) / 4
    assert torch.allclose(lengths, (y @ matrix.T).norm(dim=1), atol=1e-5)


def path_scene(game: StyleGAN2, memory: nn.Module) -> Context:
    z = torch.randn(4, 5)
    return Context(lambda x: x, images(4, 1, 8, 8), game.decode(z), z=z, player=game.generator, memory=memory)


def test_the_path_length_penalty_compares_with_a_mean_that_includes_the_lengths_at_hand():
    game, penalty = styled(8), PathLength()
    memory = penalty.remember(game)
    context = path_scene(game, memory)
    seed_all(2)
    styles = game.generator.styles(context.z[::2])
    lengths = path_lengths(game.generator.synthesis, styles)
    seed_all(2)
    paid = penalty.measure(context)
    mean = 0.01 * lengths.mean()
    assert memory.mean.item() == pytest.approx(mean.item(), rel=1e-4)
    assert paid.item() == pytest.approx((lengths - mean).square().mean().item(), rel=1e-4)
    parameters = [*game.generator.synthesis.parameters()][:4]
    ours = torch.autograd.grad(paid, parameters, retain_graph=True, allow_unused=True)
    by_hand = torch.autograd.grad((lengths - mean).square().mean(), parameters, allow_unused=True)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in zip(ours, by_hand, strict=True) if a is not None)


def test_path_lengths_are_of_styles_and_not_of_latents():
    """Of z they would shrink as the latents grow, which the mapping normalises."""
    generator = styled(8, network=replace(STYLED, mixing=0.0)).generator

    def lengths(factor: float) -> torch.Tensor:
        seed_all(3)
        return path_lengths(generator.synthesis, generator.styles(factor * torch.ones(2, 5)))

    assert torch.allclose(lengths(1.0), lengths(10.0), rtol=1e-3)


def test_path_length_goes_with_styles_alone():
    game = ProGAN(DataSpec.of((1, 8, 8)), ProGAN.Options(z_dim=4, network=SMALL, penalties=()))
    assert "this generator has none" in PathLength().forbids(game)
    with pytest.raises(UsageError, match="use the network StyleGAN2"):
        ProGAN(DataSpec.of((1, 8, 8)), ProGAN.Options(z_dim=4, network=SMALL, penalties=(PathLength(),)))
