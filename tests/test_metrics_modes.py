"""Modes, classes and labels: closed forms, and what an oracle and a blind guesser score."""

import math

import pytest
import torch
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.metrics.classes import conditional_accuracy, rarest_class
from saddle.metrics.modes import assign, covered, high_quality, mode_kl

RING = torch.tensor([[math.cos(i * math.pi / 4), math.sin(i * math.pi / 4)] for i in range(8)])
GRID = torch.cartesian_prod(*[torch.arange(-4.0, 5.0, 2.0)] * 2)


def mixture(centres: Tensor, std: float, n: int) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    chosen = torch.randint(len(centres), (n,), generator=chance)
    return centres[chosen] + std * torch.randn(n, 2, generator=chance)


@pytest.mark.parametrize(("centres", "std"), [(RING, 0.01), (GRID, 0.05)], ids=["ring", "grid"])
def test_real_points_cover_every_mode_with_the_known_share_of_high_quality(centres: Tensor, std: float) -> None:
    mode, good = assign(mixture(centres, std, 20_000), centres, std)
    assert covered(mode[good], len(centres))[0] == len(centres)
    share, error = high_quality(good)
    assert share == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert error == pytest.approx(math.sqrt(share * (1 - share) / 20_000))
    assert mode_kl(mode, len(centres))[0] == pytest.approx((len(centres) - 1) / 40_000, abs=1e-3)


def test_one_point_again_and_again_covers_one_mode() -> None:
    mode, good = assign(RING[3:4].expand(2500, -1), RING, 0.01)
    assert bool(good.all())
    assert covered(mode, 8)[0] == 1
    assert mode_kl(mode, 8)[0] == pytest.approx(math.log(8))


def test_points_between_the_modes_cover_none_and_are_as_bad_as_one_mode() -> None:
    mode, good = assign(torch.zeros(100, 2), RING, 0.01)
    assert high_quality(good)[0] == 0
    assert covered(mode[good], 8)[0] == 0
    assert mode_kl(mode[good], 8)[0] == pytest.approx(math.log(8))


def test_high_quality_ends_at_three_standard_deviations() -> None:
    _, good = assign(torch.tensor([[1.0299, 0.0], [1.0301, 0.0]]), RING, 0.01)
    assert good.tolist() == [True, False]


def test_equal_shares_have_no_divergence_and_a_few_modes_that_of_their_number() -> None:
    assert mode_kl(torch.arange(1000).repeat(3), 1000)[0] == pytest.approx(0, abs=1e-12)
    assert mode_kl(torch.arange(150).repeat(3), 1000)[0] == pytest.approx(math.log(1000 / 150))
    assert mode_kl(torch.zeros(50, dtype=torch.long), 1000)[0] == pytest.approx(6.9078, abs=1e-4)


def test_uniform_draws_of_triples_have_the_known_floor() -> None:
    drawn = torch.randint(1000, (26_000,), generator=torch.Generator().manual_seed(0))
    assert covered(drawn, 1000) == (1000, 0)
    value, error = mode_kl(drawn, 1000)
    assert value == pytest.approx(999 / 52_000, abs=3 * error + 0.002)


def test_the_rarest_class_is_its_share_and_none_if_one_is_missing() -> None:
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)
    assert rarest_class(torch.eye(3)[labels])[0] == pytest.approx(0.2)
    share, error = rarest_class(torch.eye(4)[labels])
    assert share == 0
    assert error == pytest.approx(1 / 200, rel=0.1), "half of a sample, of 100"


def test_labels_are_met_by_an_oracle_and_by_a_blind_guesser_at_chance() -> None:
    labels = torch.randint(10, (5000,), generator=torch.Generator().manual_seed(0))
    logits = torch.eye(10)[labels]
    assert conditional_accuracy(logits, labels)[0] == 1
    shuffled = labels[torch.randperm(5000, generator=torch.Generator().manual_seed(1))]
    share, error = conditional_accuracy(logits, shuffled)
    assert share == pytest.approx(0.1, abs=4 * error)


def test_labels_of_another_number_are_refused() -> None:
    with pytest.raises(UsageError, match="one label a sample"):
        conditional_accuracy(torch.zeros(5, 10), torch.zeros(4))
