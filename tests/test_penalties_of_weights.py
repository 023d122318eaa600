"""Penalties on parameters: orthogonality and historical averaging."""

import pytest
import torch
from critics import FAKE, REAL
from torch import nn

from saddle.base.errors import UsageError
from saddle.context import Context
from saddle.layers.spectral import spectral_norm
from saddle.penalties import (
    BalancedConsistency,
    HistoricalAveraging,
    LatentConsistency,
    LeCam,
    NearDataPenalty,
    Orthogonal,
)


def orthogonal(player: nn.Module) -> torch.Tensor:
    return Orthogonal(weight=1.0)(0, Context(None, REAL, FAKE, player=player))


def test_orthogonal_rows_of_any_norm_cost_nothing():
    layer = nn.Linear(5, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.linalg.qr(torch.randn(5, 3))[0].T * torch.tensor([[1.0], [20.0], [0.1]]))
    assert float(orthogonal(layer)) == pytest.approx(0, abs=1e-8)
    with torch.no_grad():
        layer.weight[0] = layer.weight[1]
    assert float(orthogonal(layer)) == pytest.approx(2 * 400.0**2, rel=1e-5)


@pytest.mark.parametrize("layer", [nn.Linear(4, 3), nn.Conv2d(2, 3, 2), nn.ConvTranspose2d(2, 3, 2)], ids=str)
def test_the_rows_are_the_outputs_of_each_kind_of_layer(layer):
    w = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
    rows = w.reshape(3, -1)
    crossed = sum((rows[i] @ rows[j]) ** 2 for i in range(3) for j in range(3) if i != j)
    assert float(orthogonal(layer)) == pytest.approx(float(crossed), rel=1e-5)


def test_orthogonal_sums_over_layers_and_leaves_tables_alone():
    first, second = nn.Linear(4, 3), nn.Conv2d(3, 2, 3)
    both = nn.Sequential(first, nn.BatchNorm2d(3), second, nn.Embedding(5, 4))
    assert float(orthogonal(both)) == pytest.approx(float(orthogonal(first) + orthogonal(second)), rel=1e-6)


def test_orthogonality_of_more_rows_than_columns_is_the_same_sum():
    layer = nn.Linear(3, 7, bias=False)
    product = layer.weight @ layer.weight.T
    crossed = (product - torch.diag(product.diagonal())).square().sum()
    assert float(orthogonal(layer)) == pytest.approx(float(crossed), rel=1e-5)


def test_orthogonality_is_asked_of_the_weights_before_spectral_norm():
    plain = nn.Linear(5, 4)
    before = float(orthogonal(plain))
    assert float(orthogonal(spectral_norm(plain))) == pytest.approx(before, rel=1e-6)


def test_the_gradient_of_orthogonality_is_the_true_one_and_not_half_of_it():
    """Autograd's, 4 (W Wᵀ ⊙ (1 - I)) W; the authors' code takes 2."""
    layer = nn.Linear(4, 3).double()
    orthogonal(layer).backward()
    w = layer.weight.detach()
    crossed = w @ w.T
    assert torch.allclose(layer.weight.grad, 4 * (crossed - torch.diag(crossed.diagonal())) @ w)


def test_who_pays_for_weights_is_a_setting():
    assert Orthogonal().players == ("generator",)
    assert Orthogonal(player="both").players == HistoricalAveraging().players == ("discriminator", "generator")


def history(penalty=None):
    """A game of one weight, and what historical averaging asks of it when it is `weight` in round `rounds`."""
    penalty = penalty or HistoricalAveraging(player="generator")
    game = nn.ModuleDict({"generator": nn.Linear(1, 1, bias=False)})
    memory = penalty.remember(game)

    def ask(rounds: int, weight: float) -> torch.Tensor:
        nn.init.constant_(game["generator"].weight, weight)
        return penalty(rounds, Context(None, REAL, FAKE, player=game["generator"], mover="generator", memory=memory))

    return game, ask


def test_historical_averaging_is_zero_at_first_and_then_the_way_to_the_mean():
    game, ask = history()
    assert float(ask(0, 3.0)) == 0
    assert float(ask(1, 5.0)) == pytest.approx(1.0)  # mean 4
    penalty = ask(2, 10.0)  # mean 6
    penalty.backward()
    assert float(penalty.detach()) == pytest.approx(16.0)
    assert float(game["generator"].weight.grad) == pytest.approx(8.0)


def test_micro_batches_of_a_round_enter_the_history_once():
    _, ask = history()
    ask(0, 3.0)
    ask(1, 5.0)
    assert float(ask(1, 5.0)) == pytest.approx(1.0)
    assert float(ask(2, 10.0)) == pytest.approx(16.0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LeCam(decay=1.0), "decay is from 0 to below 1, not 1.0"),
        (lambda: BalancedConsistency(shift=0.6), "shift is from 0 to 0.5, not 0.6"),
        (lambda: BalancedConsistency(flip=False, shift=0.0), "flips or shifts"),
        (lambda: LatentConsistency(std=0.0), "std is above 0, not 0.0"),
        (lambda: NearDataPenalty(spread=-1.0), "spread is at least 0, not -1.0"),
    ],
)
def test_a_setting_of_a_penalty_out_of_range_is_refused(build, message):
    with pytest.raises(UsageError, match=message):
        build()
