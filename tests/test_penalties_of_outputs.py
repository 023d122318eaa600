"""Penalties on the discriminator's output for samples: drift, LeCam, consistency."""

from dataclasses import replace

import pytest
import torch
from critics import FAKE, FAKE_IMAGES, IMAGES, REAL, conv_critic, linear, value
from seeding import seed_all
from torch import nn
from torch.func import functional_call

from saddle.context import Context, Output
from saddle.penalties import BalancedConsistency, Drift, LatentConsistency, LeCam
from saddle.spec import DataSpec


def test_drift_is_the_mean_square_of_the_real_logits():
    assert value(Drift(), lambda x: x[:, 0]) == pytest.approx(1e-3 * float(REAL[:, 0].square().mean()))
    judged = Context(None, REAL, FAKE, Output(torch.full((16,), 3.0), REAL), Output(torch.zeros(16), FAKE))
    assert float(Drift(weight=1.0)(0, judged)) == 9.0


def judged(of_real, of_fake, memory=None, **facts) -> Context:
    """A context of logits alone."""
    outputs = [Output(torch.as_tensor(logits, dtype=torch.float32), None) for logits in (of_real, of_fake)]
    return Context(None, REAL, FAKE, *outputs, memory=memory, **facts)


def test_lecam_measures_the_way_to_the_others_average():
    penalty = LeCam(weight=1.0, decay=0.0)  # the averages are those of the round before
    memory = penalty.remember(nn.Module())
    assert float(penalty(0, judged([1.0, 3.0], [-1.0, -2.0], memory))) == 0  # nothing to compare with
    got = penalty(1, judged([0.0, -4.0], [1.0, 5.0], memory))  # a_R = 2, a_F = -1.5
    assert float(got) == pytest.approx((1.5**2 + 0) / 2 + (1**2 + 0) / 2)
    assert float(penalty(2, judged([2.0], [-9.0], memory))) == pytest.approx(0 + (-2 + 9.0) ** 2)  # a_R = -2, a_F = 3


def test_lecam_is_zero_where_real_lies_below_the_fakes_average_and_fakes_above_the_reals():
    penalty = LeCam()
    memory = penalty.remember(nn.Module())
    penalty(0, judged([1.0], [-1.0], memory))
    assert float(penalty(1, judged([-1.5, -7.0], [1.5, 8.0], memory))) == 0


def test_lecams_averages_decay_without_bias_and_have_no_gradient():
    penalty = LeCam(weight=1.0, decay=0.9)
    memory = penalty.remember(nn.Module())
    for rounds, logit in enumerate((1.0, 2.0, 4.0)):
        penalty(rounds, judged([logit], [0.0], memory))
    by_hand = (0.1 * (0.81 * 1 + 0.9 * 2 + 4)) / (1 - 0.9**3)
    (of_real, _), known = memory(3, torch.zeros(2))
    assert float(of_real) == pytest.approx(by_hand)
    assert bool(known)
    real = torch.tensor([3.0], requires_grad=True)
    penalty(4, judged(real, [0.0], memory)).backward()
    assert torch.isfinite(real.grad).all()
    assert not any(buffer.requires_grad for buffer in memory.buffers())


def test_all_micro_batches_of_a_round_see_the_same_averages():
    whole, parts = LeCam(decay=0.5), LeCam(decay=0.5)
    one, two = whole.remember(nn.Module()), parts.remember(nn.Module())
    logits = torch.randn(5, 2, 8)
    for rounds, (real, fake) in enumerate(logits):
        at_once = whole(rounds, judged(real, fake, one))
        in_parts = [parts(rounds, judged(real[rows], fake[rows], two)) for rows in (slice(0, 4), slice(4, 8))]
        assert float(at_once) == pytest.approx(float(sum(in_parts)) / 2, rel=1e-5, abs=1e-7)


def test_balanced_consistency_is_zero_for_a_critic_that_moving_does_not_change():
    assert value(BalancedConsistency(), lambda x: x.new_full((len(x),), 3.0), IMAGES, FAKE_IMAGES) == 0
    assert value(BalancedConsistency(shift=0.0), lambda x: x.sum((1, 2, 3)), IMAGES, FAKE_IMAGES) == pytest.approx(
        0, abs=1e-6
    )
    assert value(BalancedConsistency(), lambda x: x[:, 0, 0, 0], IMAGES, FAKE_IMAGES) > 0


def test_balanced_consistency_counts_real_and_fake_alike():
    left = torch.zeros(64, 1, 4, 4)
    left[..., 0] = 1.0  # mirrored: at the right
    flips = BalancedConsistency(weight=1.0, shift=0.0)

    def at_the_left(x):
        return x[:, 0, 0, 0]

    seed_all(0)
    both = value(flips, at_the_left, left, left)
    assert both == pytest.approx(1, abs=0.35)  # half are mirrored, of the real and of the fake
    assert value(flips, at_the_left, left, 0 * left) == pytest.approx(both / 2, abs=0.3)


def test_balanced_consistency_trains_the_discriminator_and_sends_nothing_to_the_generator():
    layer, fake = nn.Conv2d(3, 1, 8), FAKE_IMAGES.clone().requires_grad_()
    BalancedConsistency()(0, Context(lambda x: layer(x).flatten(), IMAGES, fake.detach())).backward()
    assert layer.weight.grad.abs().sum() > 0
    assert fake.grad is None


def test_balanced_consistency_refuses_points():
    game = nn.Module()
    game.data = DataSpec.of((2,))
    assert "these data are points" in BalancedConsistency().forbids(game)
    game.data = DataSpec.of((1, 8, 8))
    assert BalancedConsistency().forbids(game) is None


def zcr_scene(generator, mover: str) -> Context:
    z = torch.randn(6, 3)
    return Context(linear(3, 4), REAL[:6], generator(z), z=z, generate=generator, mover=mover)


def test_latent_consistency_of_linear_networks_is_known():
    """G(z) = z A has E (G(z) - G(z + ε))² = σ² ‖A‖² / D a pixel, and D(G(z)) changes by σ² ‖A w‖²."""
    torch.manual_seed(0)
    a, z = torch.randn(3, 2), torch.randn(50_000, 3)
    context = Context(linear(3, 4), z @ a, z @ a, z=z, generate=lambda z: z @ a)
    penalty = LatentConsistency(std=0.1)
    seed_all(0)
    assert float(penalty(0, replace(context, mover="discriminator"))) == pytest.approx(
        5 * 0.01 * float((a @ torch.tensor([3.0, 4.0])).square().sum()), rel=0.03
    )
    assert float(penalty(0, replace(context, mover="generator"))) == pytest.approx(
        -0.5 * 0.01 * float(a.square().mean() * 3), rel=0.03
    )


def test_latent_consistency_pushes_the_generators_neighbours_apart_and_only_in_its_own_move():
    generator = nn.Linear(3, 2)
    penalty = LatentConsistency(std=0.5)
    penalty(0, zcr_scene(generator, "generator")).backward()
    with torch.no_grad():
        before = generator.weight.norm()
        generator.weight -= 0.1 * generator.weight.grad
    assert generator.weight.norm() > before
    generator.zero_grad()
    critic = nn.Linear(2, 1)
    context = zcr_scene(generator, "discriminator")
    judge = replace(context, score=lambda x: critic(x).flatten(), fake=context.fake.detach())
    penalty(0, judge).backward()
    assert critic.weight.grad.abs().sum() > 0
    assert generator.weight.grad is None


DIFFERENTIATED = [BalancedConsistency(), LatentConsistency(std=0.5), LeCam(), Drift(1.0)]


@pytest.mark.parametrize("penalty", DIFFERENTIATED, ids=lambda p: p.name)
def test_the_gradient_of_a_penalty_on_outputs_agrees_with_finite_differences(penalty):
    critic, a = conv_critic(), torch.randn(5, 192).double()
    z, memory = torch.randn(2, 5).double(), penalty.remember(nn.Module())
    names = [name for name, _ in critic.named_parameters()]

    def generate(z):
        return (z @ a).unflatten(1, (3, 8, 8))

    def measured(rounds, *weights):
        seed_all(0)

        def score(x):
            return functional_call(critic, dict(zip(names, weights, strict=True)), (x,))

        return penalty(rounds, Context(score, IMAGES[:2].double(), generate(z), z=z, generate=generate, memory=memory))

    weights = tuple(critic.parameters())
    measured(0, *weights)  # LeCam's averages are those of the round before
    assert float(measured(1, *weights).detach()) > 0
    assert torch.autograd.gradcheck(lambda *weights: measured(1, *weights), weights)
