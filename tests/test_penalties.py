"""Penalties on gradients: exact on linear critics, per sample, and differentiable twice."""

import math
from types import SimpleNamespace

import pytest
import torch
from critics import FAKE, FAKE_IMAGES, IMAGES, REAL, conv_critic, linear, value
from seeding import seed_all
from small import shipped
from torch import nn
from torch.func import functional_call

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.context import Context, Output
from saddle.layers.norm import BatchNorm2d
from saddle.nets.dcgan import DCGAN
from saddle.penalties import R1, R2, GradientPenalty, InputPenalty, NearDataPenalty, Penalty, input_gradient
from saddle.spec import DataSpec
from saddle.views import Packing

ON_INPUTS = [kind() for kind in shipped(Penalty).values() if issubclass(kind, InputPenalty)]
ON_NORMS = [GradientPenalty, NearDataPenalty]


def test_penalties_of_a_linear_critic_are_known():
    assert value(GradientPenalty(weight=10.0)) == pytest.approx(160)
    assert value(GradientPenalty(weight=10.0, target=5.0)) == pytest.approx(0)
    assert value(NearDataPenalty(weight=10.0)) == pytest.approx(160)
    assert value(NearDataPenalty(weight=10.0, target=2.0)) == pytest.approx(90)
    assert value(R1(weight=1.0)) == pytest.approx(12.5)
    assert value(R2(weight=1.0)) == pytest.approx(12.5)


@pytest.mark.parametrize("kind", ON_NORMS)
def test_a_one_sided_penalty_leaves_small_gradients_alone(kind):
    one_sided = kind(weight=10.0, one_sided=True)
    assert value(one_sided, linear(0.3, 0.4)) == 0
    assert value(one_sided, linear(3, 4)) == pytest.approx(160)
    assert value(kind(weight=10.0), linear(0.3, 0.4)) == pytest.approx(2.5)


def test_a_target_of_zero_is_the_zero_centred_penalty():
    assert value(GradientPenalty(weight=1.0, target=0.0)) == pytest.approx(25)
    flat = nn.Linear(2, 1)
    nn.init.zeros_(flat.weight)
    penalty = GradientPenalty(target=0.0)(0, Context(flat, REAL, FAKE))
    penalty.backward()
    assert float(penalty.detach()) == 0
    assert torch.equal(flat.weight.grad, torch.zeros(1, 2))


@pytest.mark.parametrize("penalty", ON_INPUTS, ids=lambda p: type(p).__name__)
def test_penalties_of_a_linear_critic_do_not_depend_on_the_batch(penalty):
    """Each sample has the norm of the weights, whatever the samples and however many."""
    one = value(penalty, linear(3, 4), REAL[:1], FAKE[:1])
    assert value(penalty, linear(3, 4), 50 * REAL, FAKE - 9) == pytest.approx(one)


def test_r1_and_r2_together_are_the_squared_norm():
    assert value(R1()) + value(R2()) == pytest.approx(25)


@pytest.mark.parametrize("kind", ON_NORMS)
def test_the_norm_is_each_samples_and_not_the_batchs(kind):
    """One norm over a batch of 16 would give (√16 · 2 - 1)² = 49."""
    assert value(kind(weight=1.0), linear(2, 0)) == pytest.approx(1)


@pytest.mark.parametrize("kind", ON_NORMS)
def test_the_norm_runs_over_all_pixels_and_not_over_channels(kind):
    w = torch.randn(3, 8, 8)
    got = value(kind(weight=1.0), lambda x: (x * w).sum((1, 2, 3)), IMAGES, FAKE_IMAGES)
    assert got == pytest.approx(float((w.norm() - 1) ** 2), rel=1e-5)


def test_a_map_of_logits_counts_as_its_mean_and_not_as_its_sum():
    score = linear(3, 4)
    of_map = value(GradientPenalty(weight=10.0), lambda x: score(x).view(-1, 1, 1, 1).expand(-1, 1, 2, 2))
    assert of_map == pytest.approx(160)


def test_a_flat_critic_costs_the_whole_weight_and_has_a_finite_gradient():
    layer = nn.Linear(2, 1)
    nn.init.zeros_(layer.weight)
    penalty = GradientPenalty(weight=10.0)(0, Context(layer, REAL, FAKE))
    penalty.backward()
    assert penalty.item() == 10.0
    assert torch.isfinite(layer.weight.grad).all()


def test_each_sample_has_one_place_of_its_own_between_fake_and_real():
    seen = []

    def score(x):
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    seed_all(0)
    value(GradientPenalty(), score, IMAGES, FAKE_IMAGES)
    share = ((seen[0] - FAKE_IMAGES) / (IMAGES - FAKE_IMAGES)).flatten(1)
    assert ((share >= -1e-4) & (share <= 1 + 1e-4)).all()
    assert (share.std(1) < 1e-3).all(), "one ε a sample, not one a pixel"
    assert share.mean(1).std() > 0.1, "one ε a sample, not one a batch"


def test_r1_looks_at_real_samples_only_and_r2_at_fakes_only():
    def score(x):
        return x.square().sum(1)

    assert value(R1(), score, REAL, FAKE) == value(R1(), score, REAL, FAKE * 9)
    assert value(R2(), score, REAL, FAKE) == value(R2(), score, REAL * 9, FAKE)
    assert value(R1(), score, REAL, FAKE) == pytest.approx(float(2 * REAL.square().sum(1).mean()), rel=1e-5)


def test_the_penalty_of_a_batch_is_the_mean_of_its_parts():
    critic = conv_critic().float()
    parts = [value(R1(), critic, IMAGES[a:b], FAKE_IMAGES[a:b]) for a, b in ((0, 2), (2, 6))]
    assert value(R1(), critic, IMAGES, FAKE_IMAGES) == pytest.approx((2 * parts[0] + 4 * parts[1]) / 6, rel=1e-5)


def test_two_shares_make_the_penalty_of_one():
    critic = conv_critic().float()
    seed_all(3)
    whole = value(GradientPenalty(), critic, IMAGES, FAKE_IMAGES)
    parts = []
    for part in range(2):
        with rng.share(part, 2):
            seed_all(3)
            rows = slice(3 * part, 3 * part + 3)
            parts.append(value(GradientPenalty(), critic, IMAGES[rows], FAKE_IMAGES[rows]))
    assert whole == pytest.approx(sum(parts) / 2, rel=1e-5)


def test_a_lazy_penalty_makes_good_for_the_rounds_it_skips():
    lazy = R1(weight=1.0, every=4)
    given = [lazy(rounds, Context(linear(3, 4), REAL, FAKE)) for rounds in range(8)]
    assert [penalty is None for penalty in given] == [False, True, True, True] * 2
    assert float(given[4]) == pytest.approx(4 * 12.5)


def test_no_gradient_reaches_the_samples():
    """An interpolate of fakes that are not detached would train the generator through the penalty."""
    layer, fake = nn.Linear(2, 1), FAKE.clone().requires_grad_()
    GradientPenalty()(0, Context(lambda x: layer(x).square(), REAL, fake)).backward()
    assert fake.grad is None
    assert layer.weight.grad.abs().sum() > 0


def test_under_bf16_a_penalty_is_computed_in_fp32():
    critic = conv_critic().float()
    seed_all(0)
    plain = value(GradientPenalty(), critic, IMAGES, FAKE_IMAGES)
    seed_all(0)
    with torch.autocast("cpu", torch.bfloat16):
        assert value(GradientPenalty(), critic, IMAGES, FAKE_IMAGES) == plain
        assert input_gradient(lambda x: x.sum(1), REAL).dtype == torch.float32


@pytest.mark.parametrize("penalty", ON_INPUTS, ids=lambda p: type(p).__name__)
def test_the_gradient_of_a_penalty_agrees_with_finite_differences(penalty):
    critic = conv_critic()
    names = [name for name, _ in critic.named_parameters()]

    def measured(*weights):
        seed_all(0)

        def score(x):
            return functional_call(critic, dict(zip(names, weights, strict=True)), (x,))

        return penalty(0, Context(score, IMAGES[:2].double(), FAKE_IMAGES[:2].double()))

    assert torch.autograd.gradcheck(measured, tuple(critic.parameters()))


@pytest.mark.parametrize("penalty", ON_INPUTS, ids=lambda p: type(p).__name__)
def test_a_penalty_refuses_a_critic_with_batch_norm_and_names_the_layer(penalty):
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNorm2d(4))
    assert "batch norm ('1') mixes the samples" in penalty.forbids(nn.ModuleDict({"discriminator": critic}))
    assert penalty.forbids(nn.ModuleDict({"discriminator": conv_critic()})) is None
    game = nn.ModuleDict({"discriminator": critic})
    game.options = SimpleNamespace(network=DCGAN())
    assert "; --game.network.critic true leaves it out" in penalty.forbids(game)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"weight": -1.0}, "weight is at least 0, not -1.0"), ({"every": 0}, "every is at least 1, not 0")],
)
def test_a_penalty_out_of_range_is_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        R1(**settings)


def places(penalty, real=IMAGES, fake=FAKE_IMAGES) -> torch.Tensor:
    """Where a penalty takes the gradient."""
    seen = []

    def score(x):
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    seed_all(0)
    value(penalty, score, real, fake)
    return seen[0]


def test_near_the_data_fakes_play_no_part():
    assert torch.equal(places(NearDataPenalty()), places(NearDataPenalty(), fake=FAKE_IMAGES * 9))


def test_near_the_data_the_place_is_a_part_of_the_way_to_a_noisy_sample():
    """α for each sample, u for each pixel: the way is at most spread · std, and in one direction of each pixel."""
    real = torch.randn(400, 1, 4, 4) * 3 + 5
    way = ((places(NearDataPenalty(spread=0.5), real, real) - real) / (0.5 * real.std(correction=0))).flatten(1)
    assert way.min() >= -1e-5
    assert way.max() <= 1
    longest = way.amax(1)  # nearly α: the largest of 16 uniform numbers is nearly 1
    assert longest.mean() == pytest.approx(0.5 * 16 / 17, abs=0.05)
    assert longest.std() > 0.2, "one α a sample"
    assert (way / longest[:, None]).std(1).mean() > 0.2, "u differs from pixel to pixel"


def test_near_the_data_one_alpha_a_sample_and_not_one_a_pixel():
    """α · u of every pixel has the sample's α in it: with α a pixel, samples would be alike on average."""
    real = torch.zeros(200, 1, 16, 16)
    real[:, :, ::2] = 1.0
    shares = (places(NearDataPenalty(), real, real) - real).flatten(1).mean(1)
    assert shares.std() / shares.mean() > 0.4  # of a uniform α: 0.58; with α for each of 256 pixels: 0.05


def test_data_without_spread_are_penalised_where_they_are():
    real = torch.full((4, 1, 2, 2), 0.3)
    assert torch.allclose(places(NearDataPenalty(), real, real), real)


def test_every_penalty_has_its_own_name_in_the_log():
    names = [kind().name for kind in shipped(Penalty).values()]
    assert len(set(names)) == len(names)
    assert {"r1", "gradient_penalty", "near_data_penalty", "historical_averaging"} <= set(names)
    assert all(math.isfinite(kind().weight) for kind in shipped(Penalty).values())


def of_packs(penalty: Penalty, m: int, critic, real=IMAGES, fake=FAKE_IMAGES) -> float:
    """The penalty of a critic that is shown m samples as one, their channels on top of each other."""
    view = Packing(m).build(DataSpec.of(tuple(real.shape[1:])))

    def score(x):
        return critic(view(x, 0.0))

    outputs = (Output(score(x), x) for x in (real, fake))
    return float(penalty(0, Context(score, real, fake, *outputs)))


@pytest.mark.parametrize("penalty", ON_INPUTS, ids=lambda p: type(p).__name__)
def test_a_pack_of_samples_is_one_input_with_one_gradient(penalty):
    """PacGAN's critic is a function of the pack: the norm is that of all its samples together, not of each."""
    w = torch.randn(9, 8, 8)
    packed = [x.unflatten(0, (-1, 3)).flatten(1, 2) for x in (IMAGES, FAKE_IMAGES)]
    whole = value(penalty, lambda x: (x * w).sum((1, 2, 3)), *packed)
    assert of_packs(penalty, 3, lambda x: (x * w).sum((1, 2, 3))) == pytest.approx(whole, rel=1e-4)


def test_the_samples_of_a_pack_lie_at_the_same_share_of_their_lines():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    of_packs(GradientPenalty(), 3, critic)
    real, fake = (x.unflatten(0, (-1, 3)) for x in (IMAGES, FAKE_IMAGES))
    share = ((seen[-1].unflatten(1, (3, 3)) - fake) / (real - fake)).flatten(1)
    assert float(share.std(1).max()) < 1e-2
    assert abs(float(share[0].mean() - share[1].mean())) > 1e-3
