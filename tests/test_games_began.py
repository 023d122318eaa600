"""BEGAN: balance, errors and settings."""

import pytest
import torch
from eights import BATCH, SMALL
from playing import play
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.began import BEGAN
from saddle.optim import Adam
from saddle.runs.informing import count_parameters
from saddle.spec import DataSpec


def small_began(**options) -> BEGAN:
    return BEGAN(SMALL, BEGAN.Options(**{"width": 4, "z_dim": 4} | options))


@pytest.mark.parametrize(
    ("size", "width", "counts"),
    [
        (32, 128, (1_421_443, 7_128_643)),
        (64, 64, (563_395, 4_011_651)),
        (64, 128, (1_716_611, 13_405_379)),
        (128, 128, (2_011_779, 23_221_443)),
    ],
)
def test_began_has_the_parameters_of_the_reference(size, width, counts):
    with torch.device("meta"):
        game = BEGAN(DataSpec.of((3, size, size)), BEGAN.Options(width=width))
    assert count_parameters(game) == {"generator": counts[0], "discriminator": counts[1]}


def test_k_takes_the_step_of_its_equation():
    game = small_began(gamma=0.5, k_rate=0.25)
    game.k.fill_(0.3)
    game.misses = fixed(real=0.8, fake=0.1)
    play(game, BATCH)
    assert float(game.k) == pytest.approx(0.3 + 0.25 * (0.5 * 0.8 - 0.1))
    assert float(game.notes["convergence"]) == pytest.approx(0.8 + abs(0.5 * 0.8 - 0.1))


def test_k_rests_where_the_errors_are_in_balance():
    game = small_began(gamma=0.5, k_rate=1.0)
    game.k.fill_(0.4)
    game.misses = fixed(real=0.6, fake=0.3)
    play(game, BATCH)
    assert float(game.k) == pytest.approx(0.4)


@pytest.mark.parametrize(("real", "fake", "end"), [(0.1, 9.0, 0.0), (9.0, 0.1, 1.0)])
def test_k_stays_between_zero_and_one(real, fake, end):
    game = small_began(k_rate=1.0)
    game.k.fill_(0.5)
    game.misses = fixed(real, fake)
    play(game, BATCH)
    assert float(game.k) == end


def fixed(real: float, fake: float):
    """Errors of data and fakes, whatever the players do; the first call of a round is that of data."""
    weight = torch.zeros((), requires_grad=True)
    calls = []

    def misses(x: torch.Tensor) -> torch.Tensor:
        calls.append(x)
        return x * 0 + weight * 0 + (real if x is BATCH["image"] else fake)

    return misses


def test_a_discriminator_with_k_at_zero_only_reconstructs():
    game = small_began()
    move = next(game.round(iter([BATCH])))
    assert float(move.losses["fake"].detach()) == 0
    assert torch.isclose(move.losses["real"], (BATCH["image"] - game.discriminator(BATCH["image"])).abs().mean())


def test_k_and_the_errors_pass_no_gradient_to_each_other():
    game = small_began(k_rate=1.0)
    play(game, BATCH)
    assert not game.k.requires_grad
    assert "k" in game.state_dict()


def test_players_of_began_may_learn_at_rates_of_their_own():
    game = small_began(optim=Adam(lr=1e-4), discriminator_optim=Adam(lr=1e-3))
    assert [game.optim(player).lr for player in ("generator", "discriminator")] == [1e-4, 1e-3]
    assert small_began(optim=Adam(lr=1e-4)).optim("discriminator").lr == 1e-4


def test_errors_of_began_are_absolute_and_not_squared():
    game = small_began()
    game.discriminator = nn.Identity()
    assert float(game.misses(BATCH["image"]).mean()) == 0
    game.discriminator = nn.Threshold(2.0, 0.5)  # 0.5 everywhere
    x = torch.tensor([[-0.5, 0.5]])
    assert float(game.misses(x).mean()) == 0.5


def test_samples_of_began_are_cut_to_the_range_of_images():
    game = small_began()
    nn.init.constant_(game.generator[-1].bias, 5.0)
    assert game.sample(2).max() == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"gamma": 1.5}, "gamma is from 0 to 1, not 1.5"),
        ({"width": 0}, "width is at least 1, not 0"),
        ({"k_rate": -1.0}, "k_rate is at least 0, not -1.0"),
    ],
)
def test_settings_of_began_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        BEGAN.Options(**wrong)
