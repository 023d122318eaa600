"""Iterated negative sampling: climbs, goals, memory and cascades, by hand."""

import pytest
import torch
from eights import BATCH, SMALL, normal
from playing import play
from seeding import seed_all
from small import shipped
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.energy import Energy
from saddle.layers.ascent import ascend
from saddle.layers.memory import Memory
from saddle.losses import NonSaturating
from saddle.nets.mlp import MLP
from saddle.nets.network import Discriminator, Network
from saddle.nets.winn import WINN, Starts
from saddle.optim import Adam, Linear
from saddle.penalties import R1, HistoricalAveraging, Orthogonal, Penalty
from saddle.spec import DataSpec


class Line(Network):
    """A logistic regression."""

    def generator(self, z_dim, data):
        raise NotImplementedError

    def discriminator(self, data):
        return Discriminator(nn.Flatten(), nn.Linear(1, 1))


def small_energy(data=SMALL, **options) -> Energy:
    small = {"z_dim": 2, "network": WINN(2), "discriminator_steps": 2, "memory": 20, "cascades": 1, "climb": 5}
    return Energy(data, Energy.Options(**small | options))


def test_one_exact_round_turns_the_prior_into_the_data():
    """p₀ = N(0, 1), data N(2, 1): the logit is 2x - 2, and p₀ exp(logit) is N(2, 1) again."""
    options = {"loss": NonSaturating(), "penalties": (), "network": Line(), "optim": Adam(lr=0.05, betas=(0.9, 0.999))}
    game = Energy(DataSpec.of((1,)), Energy.Options(**options))
    data, noise = normal(20000, 1) + 2, torch.randn(20000, 1, generator=torch.Generator().manual_seed(4))
    optim = game.optim("discriminator").build(game.discriminator.parameters())
    for _ in range(300):
        optim.zero_grad()
        game.options.loss.discriminator(game.discriminator(data), game.discriminator(noise)).backward()
        optim.step()
    weight, bias = (p.item() for p in game.discriminator.parameters())
    assert weight == pytest.approx(2, abs=0.1)
    assert bias == pytest.approx(-2, abs=0.2)
    share = game.discriminator(noise).detach().softmax(0)
    mean = (share * noise[:, 0]).sum()
    variance = (share * (noise[:, 0] - mean).square()).sum()
    assert [float(mean), float(variance)] == pytest.approx([2, 1], abs=0.2)


def bowl(x: torch.Tensor) -> torch.Tensor:
    return -x.square().flatten(1).sum(1)


def test_a_climb_ends_as_soon_as_the_goal_is_reached():
    start, goal = torch.full((3, 2), 2.0), torch.tensor([-2.0, -0.5, -100.0])
    end = ascend(bowl, start, goal, steps=500, lr=0.01)
    assert (bowl(end) >= goal).all()
    assert (bowl(end)[:2] < goal[:2] + 0.1).all()  # and not beyond it
    assert torch.equal(end[2], start[2])  # it was there already


def test_a_climb_has_a_last_step():
    end = ascend(bowl, torch.full((1, 1), 2.0), torch.tensor([0.0]), steps=3, lr=0.01)
    assert float(end) == pytest.approx(1.97, abs=1e-3)


def test_each_climb_begins_without_a_memory_of_the_last():
    start, goal = torch.full((1, 1), 2.0), torch.tensor([0.0])
    assert torch.equal(*(ascend(bowl, start, goal, 3, 0.01) for _ in range(2)))


def test_a_climb_stays_within_the_range_of_images():
    end = ascend(lambda x: x.sum(1), torch.zeros(1, 2), torch.tensor([9.0]), 300, 0.01, (-1, 1))
    assert end.max() == 1


def test_a_climb_sends_no_gradient_to_the_discriminator():
    game = small_energy()
    game.discriminator.mean.fill_(5.0)
    samples = game.sample(3)
    assert not samples.requires_grad
    assert all(p.grad is None for p in game.discriminator.parameters())


def test_new_negatives_score_as_data_did_before_the_discriminator_learns_of_them():
    game = small_energy(climb=300, climb_rate=0.02)
    play(game, BATCH, rounds=3)
    z = game.noise(8)
    goal = game.discriminator.mean + game.discriminator.std * z[:, -1]
    made = game.discriminator(game.decode(z)).detach()
    started = game.discriminator(game.start(z[:, :-1])).detach()
    assert ((made >= goal) | (started < made)).all()
    assert (made >= goal - 1e-4).float().mean() > 0.5


def test_old_negatives_are_kept():
    game = small_energy(memory=20)
    play(game, BATCH, rounds=2)
    first = game.memory.samples[:6].clone()
    assert int(game.memory.filled) == 12
    play(game, BATCH, rounds=4)
    assert int(game.memory.filled) == 20
    assert any((game.memory.samples == sample).flatten(1).all(1).any() for sample in first)


def test_a_full_memory_forgets_by_chance():
    memory = Memory(4, (1,))
    assert not memory
    seed_all(0)
    memory.keep(torch.arange(6.0)[:, None])
    assert int(memory.filled) == 4
    held = set(memory.samples.flatten().tolist())
    assert held & {4.0, 5.0}
    assert held & {0.0, 1.0, 2.0, 3.0}
    assert set(memory.draw(50).flatten().tolist()) == held


def test_the_discriminator_has_no_batch_norm_and_refuses_one():
    from saddle.nets.dcgan import DCGAN

    with pytest.raises(UsageError, match="batch norm"):
        Energy(DataSpec.of((1, 16, 16)), Energy.Options(network=DCGAN(4)))


def test_a_cascade_leaves_its_discriminator_behind_for_later_climbs():
    game = small_energy(cascades=2)
    play(game, BATCH)
    assert int(game.cascade) == 0
    left = {k: v.clone() for k, v in game.discriminator.state_dict().items()}
    game.progress = 0.5
    play(game, BATCH)
    assert int(game.cascade) == 1
    assert all(torch.equal(v, left[k]) for k, v in game.past[0].state_dict().items())
    assert set(game.players()) == {"discriminator"}


def test_a_judge_knows_how_data_score():
    game = small_energy()
    game.discriminator.calibrate(BATCH["image"])
    scores = game.discriminator(BATCH["image"]).detach()
    assert torch.isclose(game.discriminator.mean, scores.mean())
    assert torch.isclose(game.discriminator.std, scores.std(correction=0), atol=1e-5)


def test_starts_fill_the_range_of_images_and_do_not_learn():
    starts = Starts(8, DataSpec.of((3, 16, 16)))
    x = starts(normal(2, 8 * 4 * 4))
    assert x.shape == (2, 3, 16, 16)
    assert x.flatten(1).amin(1).tolist() == pytest.approx([-1, -1])
    assert x.flatten(1).amax(1).tolist() == pytest.approx([1, 1])
    assert not any(p.requires_grad for p in starts.parameters())


def test_winn_has_the_channels_of_the_paper():
    with torch.device("meta"):
        network = WINN().discriminator(DataSpec.of((3, 64, 64)))
    convolutions = [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert convolutions == [32, 64, 64, 128, 128, 256, 256, 512]
    assert network.head[1].in_features == 512 * 4 * 4


def test_points_climb_from_a_normal_start():
    game = small_energy(DataSpec.of((2,)), network=MLP(4, 1))
    assert game.noise(5).shape == (5, 3)
    assert game.sample(5).shape == (5, 2)


def test_the_same_noise_climbs_to_the_same_sample():
    game = small_energy()
    z = game.noise(2)
    assert torch.equal(game.decode(z), game.decode(z))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"climb": 0}, "climb is at least 1, not 0"),
        ({"memory": 0}, "memory is at least 1"),
        ({"climb_rate": 0.0}, "climb_rate is above 0, not 0.0"),
    ],
)
def test_settings_of_a_climb_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        Energy.Options(**wrong)


def test_winn_draws_nothing_by_itself():
    with pytest.raises(UsageError, match="WINN has no generator"):
        WINN().generator(8, SMALL)


PENALTIES = [kind() for kind in shipped(Penalty).values()]


@pytest.mark.parametrize("penalty", [p for p in PENALTIES if "generator" not in p.players], ids=lambda p: p.name)
def test_every_penalty_on_a_discriminator_plays(penalty):
    moves = play(small_energy(penalties=(penalty,)), BATCH, rounds=2)
    assert all(torch.isfinite(loss) for move in moves for loss in move.losses.values())
    assert any(penalty.name in move.losses for move in moves)


@pytest.mark.parametrize("penalty", [p for p in PENALTIES if "generator" in p.players], ids=lambda p: p.name)
def test_a_penalty_on_a_generator_is_refused_since_there_is_none(penalty):
    with pytest.raises(UsageError, match="is a penalty on a generator, and energy has none"):
        small_energy(penalties=(penalty,))


def test_penalties_of_parameters_may_be_the_discriminators():
    for penalty in (Orthogonal(player="discriminator"), HistoricalAveraging(player="discriminator")):
        moves = play(small_energy(penalties=(penalty,)), BATCH, rounds=2)
        assert torch.isfinite(moves[-1].losses[penalty.name])


def test_a_penalty_follows_its_schedule():
    game = small_energy(penalties=(R1(schedule=Linear(end=0.0, finish=0.5)),))
    first, later = [], []
    for game.progress, losses in ((0.0, first), (0.5, later)):
        losses += [move.losses["r1"].item() for move in play(game, BATCH)]
    assert min(first) > 0
    assert later == [0.0, 0.0]
