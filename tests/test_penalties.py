"""Penalties: exact on linear critics, per sample, and differentiable twice; and those that are not of gradients."""

import math
from dataclasses import replace

import pytest
import torch
from small import shipped
from torch import nn
from torch.func import functional_call

from saddle import rng
from saddle.errors import UsageError
from saddle.layers.norm import BatchNorm2d
from saddle.layers.spectral import spectral_norm
from saddle.penalties import (
    R1,
    R2,
    BalancedConsistency,
    Drift,
    GradientPenalty,
    HistoricalAveraging,
    InputPenalty,
    LatentConsistency,
    LeCam,
    NearDataPenalty,
    Orthogonal,
    Penalty,
    input_gradient,
)
from saddle.scene import Scene, Verdict
from saddle.spec import DataSpec

REAL, FAKE = torch.randn(16, 2), torch.randn(16, 2)
IMAGES, FAKE_IMAGES = torch.randn(6, 3, 8, 8), torch.randn(6, 3, 8, 8)
ON_INPUTS = [kind() for kind in shipped(Penalty).values() if issubclass(kind, InputPenalty)]
ON_NORMS = [GradientPenalty, NearDataPenalty]


def linear(*w: float):
    weight = torch.tensor(w)
    return lambda x: x @ weight.to(x)


def value(penalty, score=None, real=REAL, fake=FAKE, rounds: int = 0) -> float:
    return float(penalty(rounds, Scene(score or linear(3, 4), real, fake)))


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
    penalty = GradientPenalty(target=0.0)(0, Scene(flat, REAL, FAKE))
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
    penalty = GradientPenalty(weight=10.0)(0, Scene(layer, REAL, FAKE))
    penalty.backward()
    assert penalty.item() == 10.0
    assert torch.isfinite(layer.weight.grad).all()


def test_each_sample_has_one_place_of_its_own_between_fake_and_real():
    seen = []

    def score(x):
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    rng.seed(0)
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
    rng.seed(3)
    whole = value(GradientPenalty(), critic, IMAGES, FAKE_IMAGES)
    parts = []
    for part in range(2):
        with rng.share(part, 2):
            rng.seed(3)
            rows = slice(3 * part, 3 * part + 3)
            parts.append(value(GradientPenalty(), critic, IMAGES[rows], FAKE_IMAGES[rows]))
    assert whole == pytest.approx(sum(parts) / 2, rel=1e-5)


def test_a_lazy_penalty_makes_good_for_the_rounds_it_skips():
    lazy = R1(weight=1.0, every=4)
    given = [lazy(rounds, Scene(linear(3, 4), REAL, FAKE)) for rounds in range(8)]
    assert [penalty is None for penalty in given] == [False, True, True, True] * 2
    assert float(given[4]) == pytest.approx(4 * 12.5)


def test_no_gradient_reaches_the_samples():
    """An interpolate of fakes that are not detached would train the generator through the penalty."""
    layer, fake = nn.Linear(2, 1), FAKE.clone().requires_grad_()
    GradientPenalty()(0, Scene(lambda x: layer(x).square(), REAL, fake)).backward()
    assert fake.grad is None
    assert layer.weight.grad.abs().sum() > 0


def test_under_bf16_a_penalty_is_computed_in_fp32():
    critic = conv_critic().float()
    rng.seed(0)
    plain = value(GradientPenalty(), critic, IMAGES, FAKE_IMAGES)
    rng.seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        assert value(GradientPenalty(), critic, IMAGES, FAKE_IMAGES) == plain
        assert input_gradient(lambda x: x.sum(1), REAL).dtype == torch.float32


def conv_critic() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 2, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(18, 1), nn.Flatten(0)]
    return nn.Sequential(*layers).double()


@pytest.mark.parametrize("penalty", ON_INPUTS, ids=lambda p: type(p).__name__)
def test_the_gradient_of_a_penalty_agrees_with_finite_differences(penalty):
    critic = conv_critic()
    names = [name for name, _ in critic.named_parameters()]

    def measured(*weights):
        rng.seed(0)

        def score(x):
            return functional_call(critic, dict(zip(names, weights, strict=True)), (x,))

        return penalty(0, Scene(score, IMAGES[:2].double(), FAKE_IMAGES[:2].double()))

    assert torch.autograd.gradcheck(measured, tuple(critic.parameters()))


@pytest.mark.parametrize("penalty", ON_INPUTS, ids=lambda p: type(p).__name__)
def test_a_penalty_refuses_a_critic_with_batch_norm_and_names_the_layer(penalty):
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNorm2d(4))
    assert "batch norm ('1') mixes the samples" in penalty.forbids(nn.ModuleDict({"discriminator": critic}))
    assert penalty.forbids(nn.ModuleDict({"discriminator": conv_critic()})) is None


@pytest.mark.parametrize("settings", [{"weight": -1.0}, {"every": 0}])
def test_a_penalty_out_of_range_is_refused(settings):
    with pytest.raises(UsageError, match="weight ≥ 0 and every ≥ 1"):
        R1(**settings)


def places(penalty, real=IMAGES, fake=FAKE_IMAGES) -> torch.Tensor:
    """Where a penalty takes the gradient."""
    seen = []

    def score(x):
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    rng.seed(0)
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


def test_drift_is_the_mean_square_of_the_real_logits():
    assert value(Drift(), lambda x: x[:, 0]) == pytest.approx(1e-3 * float(REAL[:, 0].square().mean()))
    judged = Scene(None, REAL, FAKE, Verdict(torch.full((16,), 3.0), REAL), Verdict(torch.zeros(16), FAKE))
    assert float(Drift(weight=1.0)(0, judged)) == 9.0


def judged(of_real, of_fake, memory=None, **facts) -> Scene:
    """A scene of logits alone."""
    verdicts = [Verdict(torch.as_tensor(logits, dtype=torch.float32), None) for logits in (of_real, of_fake)]
    return Scene(None, REAL, FAKE, *verdicts, memory=memory, **facts)


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

    rng.seed(0)
    both = value(flips, at_the_left, left, left)
    assert both == pytest.approx(1, abs=0.35)  # half are mirrored, of the real and of the fake
    assert value(flips, at_the_left, left, 0 * left) == pytest.approx(both / 2, abs=0.3)


def test_balanced_consistency_trains_the_discriminator_and_sends_nothing_to_the_generator():
    layer, fake = nn.Conv2d(3, 1, 8), FAKE_IMAGES.clone().requires_grad_()
    BalancedConsistency()(0, Scene(lambda x: layer(x).flatten(), IMAGES, fake.detach())).backward()
    assert layer.weight.grad.abs().sum() > 0
    assert fake.grad is None


def test_balanced_consistency_refuses_points():
    game = nn.Module()
    game.data = DataSpec((2,))
    assert "these data are points" in BalancedConsistency().forbids(game)
    game.data = DataSpec((1, 8, 8))
    assert BalancedConsistency().forbids(game) is None


def zcr_scene(generator, mover: str) -> Scene:
    z = torch.randn(6, 3)
    return Scene(linear(3, 4), REAL[:6], generator(z), z=z, generate=generator, mover=mover)


def test_latent_consistency_of_linear_networks_is_known():
    """G(z) = z A has E (G(z) - G(z + ε))² = σ² ‖A‖² / D a pixel, and D(G(z)) changes by σ² ‖A w‖²."""
    torch.manual_seed(0)
    a, z = torch.randn(3, 2), torch.randn(50_000, 3)
    scene = Scene(linear(3, 4), z @ a, z @ a, z=z, generate=lambda z: z @ a)
    penalty = LatentConsistency(std=0.1)
    rng.seed(0)
    assert float(penalty(0, replace(scene, mover="discriminator"))) == pytest.approx(
        5 * 0.01 * float((a @ torch.tensor([3.0, 4.0])).square().sum()), rel=0.03
    )
    assert float(penalty(0, replace(scene, mover="generator"))) == pytest.approx(
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
    scene = zcr_scene(generator, "discriminator")
    judge = replace(scene, score=lambda x: critic(x).flatten(), fake=scene.fake.detach())
    penalty(0, judge).backward()
    assert critic.weight.grad.abs().sum() > 0
    assert generator.weight.grad is None


def orthogonal(player: nn.Module) -> torch.Tensor:
    return Orthogonal(weight=1.0)(0, Scene(None, REAL, FAKE, player=player))


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
        return penalty(rounds, Scene(None, REAL, FAKE, player=game["generator"], mover="generator", memory=memory))

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
        (lambda: LeCam(decay=1.0), r"the decay of LeCam's averages lies in \[0, 1\), not 1.0"),
        (lambda: BalancedConsistency(shift=0.6), "flips or shifts by up to 0.5 of an image, not by 0.6"),
        (lambda: BalancedConsistency(flip=False, shift=0.0), "flips or shifts"),
        (lambda: LatentConsistency(std=0.0), "LatentConsistency wants weights ≥ 0 and std > 0"),
        (lambda: NearDataPenalty(spread=-1.0), "spread"),
    ],
)
def test_a_setting_of_a_penalty_out_of_range_is_refused(build, message):
    with pytest.raises(UsageError, match=message):
        build()


def test_every_penalty_has_its_own_name_in_the_log():
    names = [kind().name for kind in shipped(Penalty).values()]
    assert len(set(names)) == len(names)
    assert {"r1", "gradient_penalty", "near_data_penalty", "historical_averaging"} <= set(names)
    assert all(math.isfinite(kind().weight) for kind in shipped(Penalty).values())
