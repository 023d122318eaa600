"""EBGAN, BEGAN, the variational autoencoders and iterated negative sampling: their papers' numbers, by hand."""

import math

import pytest
import torch
from playing import images, play
from torch import nn

from saddle import rng
from saddle.auxiliaries import PullAway
from saddle.errors import UsageError
from saddle.games._autoencoder import divergence, reparametrise
from saddle.games.began import BEGAN
from saddle.games.cvae import CVAE
from saddle.games.ebgan import EBGAN
from saddle.games.energy import Energy
from saddle.games.vae import VAE
from saddle.layers.ascent import ascend
from saddle.layers.likelihood import Bernoulli, Gaussian
from saddle.layers.memory import Memory
from saddle.losses import EnergyMargin, NonSaturating
from saddle.nets import ebgan
from saddle.nets.mlp import MLP
from saddle.nets.network import Discriminator, Network
from saddle.nets.winn import WINN, Starts
from saddle.optim import Adam
from saddle.run import count_parameters
from saddle.scene import Scene, Verdict
from saddle.spec import DataSpec

SMALL = DataSpec((1, 8, 8))
LABELLED = DataSpec((1, 8, 8), ("image", "label"), ("zero", "one", "two"))
BATCH = {"image": images(6, 1, 8, 8), "label": torch.tensor([0, 1, 2, 0, 1, 2])}


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def pull_away(features: torch.Tensor) -> torch.Tensor:
    x = torch.zeros(len(features), 1)
    return PullAway(weight=1).measure(Scene(lambda x: x, x, x, fake_verdict=Verdict(x, features)))


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        (torch.ones(4, 3), 1.0),
        (torch.tensor([[1.0, 2.0], [-1.0, -2.0]]), 1.0),  # the square: not -1, as without it
        (torch.eye(4), 0.0),  # the diagonal left out: not 1/4, nor 1/7 as when codes are normalised over the batch
    ],
)
def test_pull_away_is_one_for_parallel_codes_and_zero_for_orthogonal_ones(rows, value):
    assert float(pull_away(rows)) == pytest.approx(value, abs=1e-6)


def test_pull_away_does_not_see_the_length_or_the_sign_of_a_code():
    codes = normal(5, 7)
    scales = torch.tensor([2.0, -1.0, 0.1, -30.0, 1.0])[:, None]
    assert torch.isclose(pull_away(codes), pull_away(codes * scales), atol=1e-6)


def test_pull_away_and_its_gradient_are_those_of_the_double_sum():
    codes = normal(5, 7).double().requires_grad_()
    unit = codes / codes.norm(dim=1, keepdim=True)
    pairs = sum((unit[i] @ unit[j]) ** 2 for i in range(5) for j in range(5) if i != j) / 20
    mine = pull_away(codes)
    assert torch.isclose(mine, pairs)
    (expected,), (found,) = (torch.autograd.grad(x, codes, retain_graph=True) for x in (pairs, mine))
    assert torch.allclose(found, expected)


def test_pull_away_sees_a_code_of_maps_as_one_row():
    codes = normal(3, 2, 4, 4)
    assert torch.isclose(pull_away(codes), pull_away(codes.flatten(1)))


def small_ebgan(**options) -> EBGAN:
    return EBGAN(SMALL, EBGAN.Options(**{"network": ebgan.ConvAutoencoder(4, 4), "z_dim": 4} | options))


def test_the_margin_holds_for_each_sample_and_not_for_the_mean_of_the_batch():
    fake, real = -torch.tensor([0.0, 30.0]), -torch.tensor([1.0, 3.0])  # logits are minus energies
    assert float(EnergyMargin(margin=10).discriminator(real, fake)) == 2 + 5  # of the mean it would be 2
    assert float(EnergyMargin(margin=10).generator(None, fake)) == 15


def test_fakes_beyond_the_margin_send_no_gradient_to_the_discriminator():
    fake = torch.tensor([-12.0, -4.0], requires_grad=True)
    EnergyMargin(margin=10).discriminator(torch.zeros(2), fake).backward()
    assert fake.grad.tolist() == [0, 0.5]


def test_a_perfect_autoencoder_pays_the_margin():
    assert float(EnergyMargin(margin=7).discriminator(torch.zeros(3), torch.zeros(3))) == 7
    assert float(EnergyMargin(margin=7).discriminator(torch.full((3,), -2.0), torch.zeros(3))) == 9


def test_the_margin_shrinks_in_a_straight_line_if_asked():
    loss = EnergyMargin(margin=10, end=4)
    assert [loss.at(progress).margin for progress in (0, 0.5, 1)] == [10, 7, 4]
    assert EnergyMargin(margin=10).at(0.5).margin == 10


def test_the_energy_is_the_norm_of_the_error_over_a_whole_sample():
    energy = ebgan.Energy(nn.Identity(), nn.Linear(1, 1))
    nn.init.zeros_(energy.head.weight)
    nn.init.zeros_(energy.head.bias)
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1)
    assert energy(x).logits.tolist() == [-5]
    assert energy(x).features is not None


def test_the_gradient_of_an_energy_reaches_a_fake_as_target_too():
    """With the target detached, an autoencoder that ignores its input would send nothing at all."""
    energy = ebgan.Energy(nn.Identity(), nn.Linear(1, 1))
    nn.init.zeros_(energy.head.weight)
    nn.init.zeros_(energy.head.bias)
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1).requires_grad_()
    (-energy(x).logits.sum()).backward()
    assert x.grad.flatten().tolist() == pytest.approx([0.6, 0.8])


def test_pull_away_is_the_generators_alone_and_no_step_of_its_own():
    judged, drawn = play(small_ebgan(), BATCH)
    assert (judged.players, list(judged.losses)) == (("discriminator",), ["adversarial"])
    assert (drawn.players, list(drawn.losses)) == (("generator",), ["adversarial", "pull_away"])


def test_pretraining_reconstructs_data_and_leaves_the_generator_alone():
    game = small_ebgan(pretraining=0.5)
    (move,) = play(game, BATCH)
    assert (move.players, list(move.losses)) == (("discriminator",), ["reconstruction"])
    game.progress = 0.5
    assert [move.players for move in play(game, BATCH)] == [("discriminator",), ("generator",)]


def test_dense_players_have_the_sizes_of_the_papers_grid():
    network = ebgan.DenseAutoencoder(width=400, depth=2, code=128)
    data = DataSpec((1, 28, 28))
    counts = [
        sum(p.numel() for p in net.parameters()) for net in (network.generator(100, data), network.discriminator(data))
    ]
    assert counts == [100 * 400 + 400 + 400 * 400 + 400 + 400 * 784 + 784, 784 * 128 + 128 + 128 * 784 + 784]


def test_an_energy_loss_refuses_a_discriminator_without_energies():
    with pytest.raises(UsageError, match="EnergyMargin wants a discriminator that gives energies; use ConvAutoencoder"):
        EBGAN(SMALL, EBGAN.Options(network=MLP(4, 1)))


def test_pull_away_refuses_a_batch_of_one():
    small_ebgan().check_batch(2)
    small_ebgan(auxiliaries=()).check_batch(1)
    with pytest.raises(UsageError, match="1 at a time are too few"):
        small_ebgan().check_batch(1)


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
        game = BEGAN(DataSpec((3, size, size)), BEGAN.Options(width=width))
    assert count_parameters(game) == {"generator": counts[0], "discriminator": counts[1]}


def test_k_takes_the_step_of_its_equation():
    game = small_began(gamma=0.5, k_rate=0.25)
    game.k.fill_(0.3)
    game.error = fixed(real=0.8, fake=0.1)
    play(game, BATCH)
    assert float(game.k) == pytest.approx(0.3 + 0.25 * (0.5 * 0.8 - 0.1))
    assert float(game.notes["convergence"]) == pytest.approx(0.8 + abs(0.5 * 0.8 - 0.1))


def test_k_rests_where_the_errors_are_in_balance():
    game = small_began(gamma=0.5, k_rate=1.0)
    game.k.fill_(0.4)
    game.error = fixed(real=0.6, fake=0.3)
    play(game, BATCH)
    assert float(game.k) == pytest.approx(0.4)


@pytest.mark.parametrize(("real", "fake", "end"), [(0.1, 9.0, 0.0), (9.0, 0.1, 1.0)])
def test_k_stays_between_zero_and_one(real, fake, end):
    game = small_began(k_rate=1.0)
    game.k.fill_(0.5)
    game.error = fixed(real, fake)
    play(game, BATCH)
    assert float(game.k) == end


def fixed(real: float, fake: float):
    """Errors of data and fakes, whatever the players do; the first call of a round is that of data."""
    weight = torch.zeros((), requires_grad=True)
    calls = []

    def error(x: torch.Tensor) -> torch.Tensor:
        calls.append(x)
        return x.sum() * 0 + weight * 0 + (real if x is BATCH["image"] else fake)

    return error


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


def test_errors_of_began_are_absolute_and_not_squared():
    game = small_began()
    game.discriminator = nn.Identity()
    assert float(game.error(BATCH["image"])) == 0
    game.discriminator = nn.Threshold(2.0, 0.5)  # 0.5 everywhere
    x = torch.tensor([[-0.5, 0.5]])
    assert float(game.error(x)) == 0.5


def test_samples_of_began_are_cut_to_the_range_of_images():
    game = small_began()
    nn.init.constant_(game.generator[-1].bias, 5.0)
    assert game.sample(2).max() == 1


@pytest.mark.parametrize(
    "wrong", [{"gamma": 1.5}, {"width": 0}, {"k_rate": -1.0}], ids=lambda options: next(iter(options))
)
def test_settings_of_began_that_cannot_be_are_refused(wrong):
    with pytest.raises(UsageError, match="gamma between 0 and 1"):
        BEGAN.Options(**wrong)


def small_vae(kind=VAE, data=SMALL, **options):
    return kind(data, kind.Options(**{"z_dim": 3, "width": 5} | options))


@pytest.mark.parametrize(("width", "counts"), [(400, (652_824,)), (500, (412_540, 403_284))])
def test_vae_has_the_parameters_of_the_reference(width, counts):
    with torch.device("meta"):
        game = VAE(DataSpec((1, 28, 28)), VAE.Options(width=width, z_dim=20))
    found = count_parameters(game)
    assert counts in ((found["encoder"], found["generator"]), (sum(found.values()),))


def test_the_divergence_is_known_in_closed_form():
    zero = torch.zeros(1, 4)
    assert float(divergence(zero, zero)) == 0
    assert float(divergence(zero + 1, zero)) == 4 * 0.5  # summed over the dimensions: the mean would be 0.5
    by_torch = torch.distributions.kl_divergence(
        torch.distributions.Normal(zero + 0.3, math.exp(0.35)), torch.distributions.Normal(zero, 1.0)
    ).sum()
    assert torch.isclose(divergence(zero + 0.3, zero + 0.7), by_torch)  # of log σ², not log σ


def test_the_divergence_is_flat_at_the_prior():
    log_var = torch.zeros(1, 4, requires_grad=True)
    divergence(torch.zeros(1, 4), log_var).sum().backward()
    assert not log_var.grad.any()


def test_likelihoods_sum_over_pixels():
    x, output = BATCH["image"], normal(6, 1, 8, 8)
    pixels = torch.distributions.Normal(output, 0.5).log_prob(x)
    assert torch.allclose(Gaussian(std=0.5).log_prob(x, output), pixels.flatten(1).sum(1))
    whites = torch.distributions.Bernoulli(logits=output).log_prob((x > 0).float())
    assert torch.allclose(Bernoulli().log_prob(x.sign(), output), whites.flatten(1).sum(1), rtol=1e-4)


def test_a_bernoulli_reads_black_as_zero_and_white_as_one():
    """Images lie in [-1, 1]: as they are, cross-entropy has no bound."""
    sure = torch.full((1, 1, 1, 2), 30.0)
    assert float(Bernoulli().log_prob(torch.ones(1, 1, 1, 2), sure)) == pytest.approx(0, abs=1e-6)
    assert float(Bernoulli().log_prob(-torch.ones(1, 1, 1, 2), -sure)) == pytest.approx(0, abs=1e-6)
    assert Bernoulli().mean(torch.tensor([-30.0, 0.0, 30.0])).tolist() == [-1, 0, 1]


def test_unit_variance_leaves_half_the_squared_error_and_the_constant():
    x, output = torch.zeros(1, 1, 1, 3), torch.tensor([1.0, 2.0, 0.0]).view(1, 1, 1, 3)
    assert float(Gaussian().log_prob(x, output)) == pytest.approx(-2.5 - 1.5 * math.log(2 * math.pi))


def linear_gaussian(game: VAE) -> tuple[torch.Tensor, torch.Tensor]:
    """x = W z + noise: set both players to the exact model; returns x and log p(x)."""
    x, w, variance = normal(5, 4).view(5, 1, 1, 4), normal(4, 2), 0.25
    covariance = torch.linalg.inv(torch.eye(2) + w.T @ w / variance)
    assert torch.allclose(covariance, covariance.T)
    mean = x.flatten(1) @ (covariance @ w.T / variance).T
    values, vectors = torch.linalg.eigh(covariance)  # a diagonal posterior: turn the latent's axes
    turned = w @ vectors
    game.posterior = lambda x, label=None: (mean @ vectors, values.log().expand(5, 2))
    game.output = lambda z, label: (z @ turned.T).view(-1, 1, 1, 4)
    law = torch.distributions.MultivariateNormal(torch.zeros(4), w @ w.T + variance * torch.eye(4))
    return x, law.log_prob(x.flatten(1))


def test_the_elbo_of_a_linear_gaussian_model_is_its_likelihood():
    game = VAE(DataSpec((1, 1, 4)), VAE.Options(z_dim=2, likelihood=Gaussian(std=0.5)))
    x, exact = linear_gaussian(game)
    assert torch.allclose(game.bound({"image": x}), exact, atol=1e-4)
    rng.seed(0)
    elbos = []
    for _ in range(400):
        next(game.round(iter([{"image": x}])))
        elbos.append(game.notes["elbo"])
    assert float(torch.stack(elbos).mean()) == pytest.approx(float(exact.mean()), abs=0.1)


def test_the_bound_rises_with_the_draws_to_the_likelihood():
    game = VAE(DataSpec((1, 1, 4)), VAE.Options(z_dim=2, likelihood=Gaussian(std=0.5)))
    x, exact = linear_gaussian(game)
    game.posterior = lambda x, label=None: (torch.zeros(5, 2), torch.zeros(5, 2))  # the prior: a poor guess
    rng.seed(0)
    repeated = {"image": x}
    one, ten, many = (
        float(torch.stack([game.bound(repeated, draws) for _ in range(2000 // draws)]).mean()) for draws in (1, 10, 500)
    )
    assert one < ten < many
    assert many == pytest.approx(float(exact.mean()), abs=0.2)


def test_the_loss_is_the_negative_elbo_of_the_batch():
    game = small_vae()
    (move,) = play(game, BATCH)
    assert move.players == ("encoder", "generator")
    assert float(sum(move.losses.values()).detach()) == pytest.approx(-float(game.notes["elbo"]), rel=1e-5)


def test_codes_are_drawn_with_their_deviation_and_pass_the_gradient():
    mean, log_var = (
        torch.zeros(20000, 1, requires_grad=True),
        torch.full((20000, 1), math.log(0.25), requires_grad=True),
    )
    rng.seed(1)
    z, noise = reparametrise(mean, log_var)
    assert float(z.detach().std()) == pytest.approx(0.5, abs=0.02)
    gradients = torch.autograd.grad(z.sum(), (mean, log_var))
    assert torch.equal(gradients[0], torch.ones(20000, 1))
    assert torch.allclose(gradients[1], noise * 0.25)


def test_a_reconstruction_is_the_image_of_the_mean_code():
    game = small_vae().eval()
    x = BATCH["image"]
    assert torch.equal(game.encode(x), game.posterior(x)[0])
    assert torch.equal(game.reconstruct(x), game.decode(game.encode(x)))
    assert game.reconstruct(x).abs().max() <= 1


def test_cvae_hears_the_class_in_both_players():
    game = small_vae(CVAE, LABELLED).eval()
    x, z, label = BATCH["image"], torch.zeros(6, 3), BATCH["label"]
    assert game.labels == ("zero", "one", "two")
    for of in (lambda y: game.encode(x, y), lambda y: game.decode(z, y)):
        assert not torch.equal(of(label), of((label + 1) % 3))


def test_cvae_draws_every_class_where_none_is_asked_for():
    game = small_vae(CVAE, LABELLED)
    assert game.draw_label(3000).bincount().min() > 900
    assert game.sample(2).shape == (2, 1, 8, 8)


def test_cvae_does_not_guess_the_class_of_an_image():
    with pytest.raises(UsageError, match="say which with --label: zero, one, two"):
        small_vae(CVAE, LABELLED).encode(BATCH["image"])


def test_cvae_wants_labels():
    with pytest.raises(UsageError, match="label is missing"):
        CVAE(SMALL)


def test_a_pixel_without_width_is_refused():
    with pytest.raises(UsageError, match="the std of a pixel is greater than 0, not 0"):
        Gaussian(std=0)


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
    game = Energy(DataSpec((1,)), Energy.Options(**options))
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
    rng.seed(0)
    memory.keep(torch.arange(6.0)[:, None])
    assert int(memory.filled) == 4
    held = set(memory.samples.flatten().tolist())
    assert held & {4.0, 5.0}
    assert held & {0.0, 1.0, 2.0, 3.0}
    assert set(memory.draw(50).flatten().tolist()) == held


def test_the_discriminator_has_no_batch_norm_and_refuses_one():
    from saddle.nets.dcgan import DCGAN

    with pytest.raises(UsageError, match="batch norm"):
        Energy(DataSpec((1, 16, 16)), Energy.Options(network=DCGAN(4)))


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
    starts = Starts(8, DataSpec((3, 16, 16)))
    x = starts(normal(2, 8 * 4 * 4))
    assert x.shape == (2, 3, 16, 16)
    assert x.flatten(1).amin(1).tolist() == pytest.approx([-1, -1])
    assert x.flatten(1).amax(1).tolist() == pytest.approx([1, 1])
    assert not any(p.requires_grad for p in starts.parameters())


def test_winn_has_the_channels_of_the_paper():
    with torch.device("meta"):
        network = WINN().discriminator(DataSpec((3, 64, 64)))
    convolutions = [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert convolutions == [32, 64, 64, 128, 128, 256, 256, 512]
    assert network.head[1].in_features == 512 * 4 * 4


def test_points_climb_from_a_normal_start():
    game = small_energy(DataSpec((2,)), network=MLP(4, 1))
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
        ({"climb_rate": 0.0}, "climb_rate is greater than 0"),
    ],
)
def test_settings_of_a_climb_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        Energy.Options(**wrong)


def test_winn_draws_nothing_by_itself():
    with pytest.raises(UsageError, match="WINN has no generator"):
        WINN().generator(8, SMALL)
