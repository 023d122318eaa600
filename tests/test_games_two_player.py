"""gan, dcgan, wgan, wgan-gp: the order of moves, what each move sees, and the mistakes that others made."""

import math
from dataclasses import replace

import pytest
import torch
from playing import images, play, values
from seeding import seed_all
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.dcgan import DCGAN
from saddle.games.gan import GAN
from saddle.games.wgan import WGAN
from saddle.games.wgan_gp import WGANGP
from saddle.losses import AdversarialLoss, Hinge, Minimax, NonSaturating
from saddle.nets import dcgan
from saddle.nets.mlp import MLP
from saddle.nets.network import Discriminator
from saddle.nets.resnet import ResNet
from saddle.penalties import GradientPenalty
from saddle.spec import DataSpec

SMALL = DataSpec.of((1, 8, 8))
POINTS = DataSpec.of((2,))
BATCH = {"image": images(6, 1, 8, 8)}
PLANE = {"image": images(6, 2)}
TINY = {DCGAN: dcgan.DCGAN(width=4), WGAN: dcgan.DCGAN(width=4), WGANGP: ResNet(width=4), GAN: MLP(8, 1)}


def small(kind, data=SMALL, **options):
    torch.manual_seed(0)
    seed_all(0)
    return kind(data, kind.Options(**{"network": TINY[kind], "z_dim": 4} | options))


@pytest.mark.parametrize("kind", TINY)
def test_a_round_has_finite_losses_and_ends_with_the_generator(kind):
    game = small(kind)
    moves = play(game, BATCH, rounds=2)
    assert all(map(math.isfinite, values(moves)))
    assert moves[-1].players == ("generator",)
    assert game.sample(3).shape == (3, 1, 8, 8)


def test_the_maxout_game_plays_as_it_comes():
    game = GAN(SMALL)
    assert all(map(math.isfinite, values(play(game, BATCH))))


@pytest.mark.parametrize("kind", [WGAN, WGANGP])
def test_the_generator_moves_after_five_steps_of_the_critic_and_not_after_one(kind):
    """Updating the generator at batches 0, 5, 10 … would let it move after the very first step."""
    players = [move.players[0] for move in play(small(kind), BATCH, rounds=2)]
    assert players == (["discriminator"] * 5 + ["generator"]) * 2


@pytest.mark.parametrize("kind", TINY)
def test_fakes_are_detached_in_the_discriminators_move(kind):
    game = small(kind)
    move = next(game.round(iter([BATCH] * 9)))
    sum(move.losses.values()).backward()
    assert all(p.grad is None for p in game.generator.parameters())


@pytest.mark.parametrize("kind", TINY)
def test_real_and_fake_are_judged_apart(kind):
    """A mixed batch would mix its statistics in batch norm."""
    game = small(kind)
    sizes = []
    game.discriminator.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    play(game, BATCH)
    assert set(sizes) == {6}


@pytest.mark.parametrize(("fresh", "drawn"), [(False, 1), (True, 2)])
def test_dcgans_generator_answers_for_the_fakes_just_judged_unless_asked_for_fresh_ones(fresh, drawn, monkeypatch):
    game, sizes = small(DCGAN, fresh_fakes=fresh), []
    deal = game.noise
    monkeypatch.setattr(game, "noise", lambda n, label=None: sizes.append(n) or deal(n))
    moves = play(game, BATCH)
    assert sizes == [6] * drawn
    assert [move.players[0] for move in moves] == ["discriminator", "generator"]
    assert not DCGAN.Options().fresh_fakes


def test_the_answer_for_old_fakes_is_judged_by_the_new_discriminator():
    game = small(DCGAN)
    moves = game.round(iter([BATCH]))
    next(moves)
    with torch.no_grad():
        for p in game.discriminator.parameters():
            p.zero_()
    assert float(next(moves).losses["adversarial"]) == pytest.approx(math.log(2))


def test_the_generators_gradient_is_that_of_the_non_saturating_loss():
    game = small(DCGAN)
    *_, move = game.round(iter([BATCH]))
    z_layer = game.generator[1].weight
    (got,) = torch.autograd.grad(move.losses["adversarial"], z_layer)
    seed_all(0)
    (by_hand,) = torch.autograd.grad(
        torch.nn.functional.softplus(-game.discriminator(game.generator(game.noise(6))).logits).mean(), z_layer
    )
    assert torch.allclose(got, by_hand, atol=1e-7)


def test_gan_deals_uniform_noise_of_variance_one():
    z = small(GAN, z_dim=100).noise(400)
    assert z.abs().max() <= math.sqrt(3)
    assert z.std().item() == pytest.approx(1, abs=0.01)
    assert z.mean().item() == pytest.approx(0, abs=0.02)


def test_gans_step_size_and_momentum_follow_the_mnist_code():
    """The code halves the discriminator's loss: with SGD, half the step."""
    game = small(GAN)
    first, last = (game.optim("generator").at(rounds, progress) for rounds, progress in ((0, 0.0), (10**8, 1.0)))
    assert first == {"lr": 0.1, "momentum": 0.5}
    assert last == pytest.approx({"lr": 1e-6, "momentum": 0.7})
    assert game.optim("generator").at(1000, 0.0)["lr"] == pytest.approx(0.1 * 1.000004**-1000)
    assert game.optim("discriminator").at(0, 0.0)["lr"] == 0.05


@pytest.mark.parametrize(("loss", "of_generator"), [(NonSaturating(), math.log(2)), (Minimax(), -math.log(2))])
def test_gan_has_both_losses_of_the_paper(loss, of_generator):
    game = small(GAN, loss=loss)
    for p in game.discriminator.parameters():
        nn.init.zeros_(p)
    discriminator, generator = (move.losses["adversarial"] for move in game.round(iter([BATCH])))
    assert float(discriminator) == pytest.approx(2 * math.log(2))
    assert float(generator) == pytest.approx(of_generator)


def test_the_clip_holds_after_each_critic_step_and_for_every_parameter():
    game = small(WGAN, data=POINTS, network=MLP(8, 1), clip=0.02)
    steps = 0
    for move in play_slowly(game, PLANE):
        if steps:  # the generator's own move comes after the critic's last clip
            assert max(p.abs().max() for p in game.discriminator.parameters()) <= 0.02
        steps += move.players == ("discriminator",)
    assert steps == 5


def play_slowly(game, batch):
    """The moves of a round, each given before it is made, so that what came before can be looked at."""
    optims = {name: game.optim(name).build(player.parameters()) for name, player in game.players().items()}
    for move in game.round(iter([batch] * 9)):
        yield move
        parameters = [*game.get_submodule(move.players[0]).parameters()]
        sum(move.losses.values()).backward(inputs=parameters)
        optims[move.players[0]].step()
        optims[move.players[0]].zero_grad()


def test_a_linear_critic_climbs_to_the_clip_times_the_distance_of_the_means():
    game = small(WGAN, data=POINTS, network=MLP(8, 1), clip=0.1, discriminator_steps=40)
    game.discriminator = Discriminator(nn.Identity(), nn.Linear(2, 1))
    game.generator = nn.Linear(4, 2)
    with torch.no_grad():
        game.generator.weight.zero_()
    game.options = replace(game.options, optim=replace(game.options.optim, lr=0.01))
    real = torch.tensor([[1.0, -2.0]]).expand(6, 2)
    distance = float((real[0] - game.generator.bias).abs().sum())
    play(game, {"image": real})
    assert float(game.notes["distance"]) == pytest.approx(0.1 * distance, rel=1e-4)


def test_wgan_warms_up_as_the_authors_code_only_if_asked_to():
    def steps(rounds: int, **options) -> int:
        game = small(WGAN, **options)
        game.rounds = rounds
        return game.steps()

    assert [steps(rounds, warm_up=True) for rounds in (0, 24, 25, 499, 500, 501)] == [100, 100, 5, 5, 100, 5]
    assert [steps(rounds) for rounds in (0, 500)] == [5, 5]


def test_the_noted_distance_is_that_of_the_means():
    game = small(WGANGP)
    moves = game.round(iter([BATCH] * 9))
    move = next(moves)
    assert float(game.notes["distance"]) == pytest.approx(-float(move.losses["adversarial"]), abs=1e-6)


def test_wgan_gp_refuses_a_critic_with_batch_norm():
    with pytest.raises(UsageError, match=r"GradientPenalty looks at each sample's own gradient, but .* batch norm"):
        small(WGANGP, data=DataSpec.of((1, 16, 16)), network=dcgan.DCGAN(width=4))


def test_the_penalty_is_part_of_the_critics_own_step():
    """Stepped by itself it would share Adam's moments with another loss."""
    moves = play(small(WGANGP), BATCH)
    assert [set(move.losses) for move in moves] == [{"adversarial", "gradient_penalty"}] * 5 + [{"adversarial"}]


def test_a_one_sided_penalty_is_a_setting_of_the_penalty():
    game = small(WGANGP, penalties=(GradientPenalty(one_sided=True),))
    assert all(map(math.isfinite, values(play(game, BATCH))))


@pytest.mark.parametrize("kind", [WGAN, WGANGP, GAN])
def test_points_are_played_with_an_mlp(kind):
    game = small(kind, data=POINTS, network=MLP(8, 2), z_dim=2)
    assert all(map(math.isfinite, values(play(game, PLANE))))
    assert game.sample(5).shape == (5, 2)


def test_the_loss_is_a_setting():
    assert all(map(math.isfinite, values(play(small(DCGAN, loss=Hinge()), BATCH))))


def test_a_relativistic_loss_is_shown_the_real_logits():
    class Paired(AdversarialLoss):
        relativistic = True

        def discriminator(self, real, fake):
            return nn.functional.softplus(fake - real).mean()

        def generator(self, real, fake):
            return nn.functional.softplus(real - fake).mean()

    assert all(map(math.isfinite, values(play(small(DCGAN, loss=Paired()), BATCH))))


def test_the_papers_settings_are_the_defaults():
    o = WGANGP.Options()
    assert (o.optim.lr, o.optim.betas, o.discriminator_steps, o.penalties[0].weight, o.z_dim) == (
        1e-4,
        (0, 0.9),
        5,
        10,
        128,
    )
    o = WGAN.Options()
    assert (o.optim.lr, type(o.optim).__name__, o.clip, o.discriminator_steps) == (5e-5, "RMSprop", 0.01, 5)
    o = DCGAN.Options()
    assert (o.optim.lr, o.optim.betas, o.z_dim) == (2e-4, (0.5, 0.999), 100)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: WGAN.Options(clip=0), "clip is above 0, not 0"),
        (lambda: WGAN.Options(discriminator_steps=0), "discriminator_steps is at least 1, not 0"),
        (
            lambda: GAN.Options(z_dim=0),
            "z_dim is at least 1, and 0 where the generator is given a label or a text, not 0",
        ),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_value(build, message):
    with pytest.raises(UsageError, match=message):
        build()


def test_float64_stays_float64():
    for kind in TINY:
        game = small(kind).double()
        (first, *_) = play(game, {"image": BATCH["image"].double()})
        assert {loss.dtype for loss in first.losses.values()} == {torch.float64}


def test_the_generator_may_step_down_the_mean_over_more_fakes_than_there_are_real_samples():
    game, sizes = small(WGANGP, generator_batch=2, discriminator_steps=1), []
    game.generator.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    play(game, BATCH)
    assert sizes == [6, 12]
    with pytest.raises(UsageError, match="generator_batch is 1 where fresh_fakes is false, not 2"):
        WGANGP.Options(generator_batch=2, fresh_fakes=False)


def test_a_part_of_the_batch_draws_as_many_fakes_beside_its_own_samples_as_the_whole_does():
    game = small(WGANGP, generator_batch=3)
    real, label = game.for_generator(torch.arange(4.0)[:, None], torch.tensor([5, 6, 7, 8]))
    parts = [game.for_generator(torch.arange(4.0)[at, None], torch.tensor([5, 6, 7, 8])[at]) for at in ([0, 1], [2, 3])]
    assert torch.equal(real, torch.cat([part[0] for part in parts]))
    assert torch.equal(label, torch.cat([part[1] for part in parts]))
