"""The variational autoencoders: bounds, likelihoods and codes."""

import math

import pytest
import torch
from eights import BATCH, LABELLED, SMALL, normal
from playing import play
from seeding import seed_all

from saddle.base.errors import UsageError
from saddle.games._autoencoder import divergence, reparametrise
from saddle.games.cvae import CVAE
from saddle.games.vae import VAE
from saddle.layers.likelihood import Bernoulli, Gaussian
from saddle.runs.informing import count_parameters
from saddle.spec import DataSpec


def small_vae(kind=VAE, data=SMALL, **options):
    return kind(data, kind.Options(**{"z_dim": 3, "width": 5} | options))


@pytest.mark.parametrize(("width", "counts"), [(400, (652_824,)), (500, (412_540, 403_284))])
def test_vae_has_the_parameters_of_the_reference(width, counts):
    with torch.device("meta"):
        game = VAE(DataSpec.of((1, 28, 28)), VAE.Options(width=width, z_dim=20))
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
    game = VAE(DataSpec.of((1, 1, 4)), VAE.Options(z_dim=2, likelihood=Gaussian(std=0.5)))
    x, exact = linear_gaussian(game)
    assert torch.allclose(game.bound({"image": x}), exact, atol=1e-4)
    seed_all(0)
    elbos = []
    for _ in range(400):
        next(game.round(iter([{"image": x}])))
        elbos.append(game.notes["elbo"])
    assert float(torch.stack(elbos).mean()) == pytest.approx(float(exact.mean()), abs=0.1)


def test_the_bound_rises_with_the_draws_to_the_likelihood():
    game = VAE(DataSpec.of((1, 1, 4)), VAE.Options(z_dim=2, likelihood=Gaussian(std=0.5)))
    x, exact = linear_gaussian(game)
    game.posterior = lambda x, label=None: (torch.zeros(5, 2), torch.zeros(5, 2))  # the prior: a poor guess
    seed_all(0)
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
    seed_all(1)
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
    with pytest.raises(UsageError, match="with label too"):
        CVAE(SMALL)


def test_a_pixel_without_width_is_refused():
    with pytest.raises(UsageError, match="std is above 0, not 0"):
        Gaussian(std=0)
