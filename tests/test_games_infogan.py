"""infogan: what the code is worth, and whom its gradient reaches."""

import math

import pytest
import torch
from playing import images, play, values
from seeding import seed_all

from saddle.base.errors import UsageError
from saddle.games.infogan import Code, InfoGAN
from saddle.nets.infogan import CodeOutput
from saddle.spec import DataSpec

BATCH = {"image": images(6, 1, 8, 8)}


def small(**options) -> InfoGAN:
    torch.manual_seed(0)
    seed_all(0)
    return InfoGAN(DataSpec.of((1, 8, 8)), InfoGAN.Options(**{"z_dim": 4, "width": 4} | options))


def output(category: torch.Tensor, mean: torch.Tensor, log_std: torch.Tensor | None = None) -> CodeOutput:
    return CodeOutput(
        torch.zeros(len(category)), category, mean, torch.zeros_like(mean) if log_std is None else log_std
    )


def test_a_round_is_a_move_of_each_player_with_both_losses():
    moves = play(small(), BATCH, rounds=2)
    assert all(map(math.isfinite, values(moves)))
    assert [(move.players, set(move.losses)) for move in moves[:2]] == [
        (("discriminator",), {"adversarial", "information"}),
        (("generator",), {"adversarial", "information"}),
    ]


def test_a_q_that_knows_nothing_has_cross_entropy_log_10_and_information_0():
    game = small(continuous=0)
    with torch.no_grad():
        for p in game.discriminator.code[-1].parameters():
            p.zero_()
    move = next(game.round(iter([BATCH])))
    assert move.losses["information"].item() == pytest.approx(2.3025851)
    assert float(game.notes["information"]) == pytest.approx(0, abs=1e-6)


def test_a_q_that_knows_all_has_no_surprise_so_there_is_one_softmax_and_not_two():
    """With a softmax before the cross entropy, a certain and right answer would still cost 1.46."""
    game = small(continuous=0)
    code = game.codes(6)
    certain = 100.0 * torch.nn.functional.one_hot(code.category, 10)
    surprise = game.surprise(output(certain, torch.zeros(6, 0)), code)
    assert float(surprise) == pytest.approx(0, abs=1e-6)
    assert game.entropy() == pytest.approx(math.log(10))


def test_the_continuous_code_is_scored_by_a_gaussian():
    game = small()
    code = Code(torch.zeros(2, dtype=torch.long), torch.tensor([[0.5, -0.5], [1.0, 0.0]]))
    mean, log_std = torch.tensor([[0.5, 0.0], [0.0, 0.0]]), torch.full((2, 2), math.log(0.5))
    flat = torch.zeros(2, 10)
    fixed = float(game.surprise(output(flat, mean, log_std), code))
    assert fixed == pytest.approx(math.log(10) + (0.125 + 0.5) / 2 + math.log(2 * math.pi))
    learnt = float(small(learn_std=True).surprise(output(flat, mean, log_std), code))
    by_hand = -torch.distributions.Normal(mean, 0.5).log_prob(code.continuous).sum(1).mean()
    assert learnt == pytest.approx(math.log(10) + float(by_hand))


def test_the_information_never_exceeds_the_entropy_of_the_code():
    game = small()
    assert game.entropy() == pytest.approx(math.log(10) + 2 * math.log(2))
    play(game, BATCH, rounds=3)
    assert float(game.notes["information"]) <= game.entropy()


def test_the_gradient_of_the_information_reaches_the_generator():
    """Built from the values of losses, the term would have no gradient at all."""
    game = small()
    *_, move = game.round(iter([BATCH]))
    parameters = dict(game.generator.named_parameters())
    gradients = torch.autograd.grad(move.losses["information"], parameters.values())
    silent = [name for name, g in zip(parameters, gradients, strict=True) if not g.any()]
    assert silent == []


def test_the_gradient_of_the_information_reaches_trunk_and_q_in_the_discriminators_move():
    game = small()
    move = next(game.round(iter([BATCH])))
    judge = game.discriminator
    trunk, q = torch.autograd.grad(move.losses["information"], [judge.trunk[0].weight, judge.code[0].weight])
    assert trunk.any()
    assert q.any()


def test_fakes_are_detached_in_the_discriminators_move():
    game = small()
    sum(next(game.round(iter([BATCH]))).losses.values()).backward()
    assert all(p.grad is None for p in game.generator.parameters())


def test_the_code_is_part_of_the_noise_and_is_concatenated():
    game = small()
    code = Code(torch.tensor([3, 0]), torch.tensor([[0.25, -1.0], [0.5, 1.0]]))
    z = game.noise(2, code=code)
    assert z.shape == (2, 4 + 10 + 2)
    assert z[:, 4:14].argmax(1).tolist() == [3, 0]
    assert torch.equal(z[:, 14:], code.continuous)
    assert z[:, :4].abs().max() <= 1


def test_codes_cover_their_ranges_evenly():
    code = small().codes(4000)
    assert code.category.bincount(minlength=10).min() > 320
    assert code.continuous.shape == (4000, 2)
    assert code.continuous.abs().max() <= 1
    assert code.continuous.square().mean().item() == pytest.approx(1 / 3, abs=0.02)


def test_samples_of_a_given_code_differ_by_the_code_alone():
    game = small().eval()
    codes = [Code(torch.full((3,), c), torch.zeros(3, 2)) for c in (0, 0, 1)]
    drawn = []
    for code in codes:
        seed_all(5)
        drawn.append(game.decode(game.noise(3, code=code)).detach())
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert game.sample(2).shape == (2, 1, 8, 8)


def test_the_generator_learns_five_times_faster_than_discriminator_and_q():
    game = small()
    assert game.optim("generator").lr == 1e-3
    assert game.optim("discriminator").lr == 2e-4
    assert set(game.players()) == {"generator", "discriminator"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categories": 1}, "categories is at least 2, not 1"),
        ({"continuous": -1}, "continuous is at least 0, not -1"),
        ({"information_weight": -0.1}, "information_weight is at least 0"),
    ],
)
def test_a_code_that_cannot_be_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        InfoGAN.Options(**options)


def test_points_are_refused():
    with pytest.raises(UsageError, match="InfoGAN needs images"):
        InfoGAN(DataSpec.of((2,)))
