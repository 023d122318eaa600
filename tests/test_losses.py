"""Losses against values worked out by hand."""

import math

import pytest
import torch

from saddle.losses import HalfLeastSquares, Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein

ALL = [NonSaturating(), Minimax(), Wasserstein(), Hinge(), LeastSquares(), HalfLeastSquares()]
LOG2 = math.log(2)


def at(logit: float) -> torch.Tensor:
    return torch.full((4,), logit, dtype=torch.float64)


@pytest.mark.parametrize(
    ("loss", "logit", "of_discriminator", "of_generator"),
    [
        (NonSaturating(), 0.0, 2 * LOG2, LOG2),
        (Minimax(), 0.0, 2 * LOG2, -LOG2),
        (Wasserstein(), 0.0, 0.0, 0.0),
        (Wasserstein(), 3.0, 0.0, -3.0),
        (Hinge(), 0.0, 2.0, 0.0),
        (LeastSquares(), 0.0, 0.5, 0.5),
        (LeastSquares(), 0.5, 0.25, 0.125),
        (HalfLeastSquares(), 0.0, 0.5, 1.0),
        (HalfLeastSquares(), 0.5, 0.25, 0.25),
    ],
)
def test_losses_of_equal_logits_are_the_closed_forms(loss, logit, of_discriminator, of_generator):
    assert float(loss.discriminator(at(logit), at(logit))) == pytest.approx(of_discriminator, abs=1e-12)
    assert float(loss.generator(None, at(logit))) == pytest.approx(of_generator, abs=1e-12)


def test_losses_match_values_by_hand():
    real, fake = torch.tensor([1.0, 3.0]).double(), torch.tensor([-1.0, 2.0]).double()

    def sp(t: float) -> float:
        return math.log1p(math.exp(t))

    bce = (sp(-1) + sp(-3)) / 2 + (sp(-1) + sp(2)) / 2
    assert float(NonSaturating().discriminator(real, fake)) == pytest.approx(bce)
    assert float(Minimax().discriminator(real, fake)) == pytest.approx(bce)
    assert float(NonSaturating().generator(None, fake)) == pytest.approx((sp(1) + sp(-2)) / 2)
    assert float(Minimax().generator(None, fake)) == pytest.approx(-(sp(-1) + sp(2)) / 2)
    assert float(Wasserstein().discriminator(real, fake)) == pytest.approx(0.5 - 2.0)
    assert float(Hinge().discriminator(real, fake)) == pytest.approx(0.0 + (0 + 3) / 2)
    assert float(LeastSquares().discriminator(real, fake)) == pytest.approx(((0 + 4) / 2 + (1 + 4) / 2) / 2)
    assert float(LeastSquares(a=-1, b=1, c=0).generator(None, fake)) == pytest.approx((1 + 4) / 2 / 2)


@pytest.mark.parametrize("logit", [-5.0, -1.0, 0.0, 2.0])
def test_the_saturating_gradient_is_smaller_by_e_to_the_logit(logit):
    logits = [torch.tensor([logit], dtype=torch.float64, requires_grad=True) for _ in range(2)]
    NonSaturating().generator(None, logits[0]).backward()
    Minimax().generator(None, logits[1]).backward()
    probability = 1 / (1 + math.exp(-logit))
    assert float(logits[1].grad) == pytest.approx(-probability)
    assert float(logits[0].grad / logits[1].grad) == pytest.approx(math.exp(-logit))


def test_the_best_discriminator_measures_the_jensen_shannon_divergence():
    """p = (3/4, 1/4), q = (1/4, 3/4): D* = p / (p + q), V(D*) = -log 4 + 2 JSD."""
    odds = math.log(3)
    real = torch.tensor([odds, odds, odds, -odds], dtype=torch.float64, requires_grad=True)
    fake = torch.tensor([odds, -odds, -odds, -odds], dtype=torch.float64, requires_grad=True)
    jsd = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    loss = NonSaturating().discriminator(real, fake)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4) - 2 * jsd)
    assert float(real.grad[:3].sum() + fake.grad[0]) == pytest.approx(0, abs=1e-12)  # of the first outcome's logit


def test_least_squares_do_not_vanish_where_a_sigmoid_would():
    logits = torch.tensor([-10.0], requires_grad=True)
    LeastSquares().generator(None, logits).backward()
    assert float(logits.grad) == -11.0


def test_the_hinge_leaves_confident_logits_alone():
    real, fake = torch.tensor([1.5], requires_grad=True), torch.tensor([-1.5], requires_grad=True)
    Hinge().discriminator(real, fake).backward()
    assert float(real.grad) == float(fake.grad) == 0.0


def test_a_critic_shifted_by_a_constant_has_the_same_wasserstein_loss():
    real, fake = torch.randn(8).double(), torch.randn(8).double()
    gap = Wasserstein().discriminator(real + 7, fake + 7) - Wasserstein().discriminator(real, fake)
    assert float(gap.abs()) < 1e-12


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_extreme_logits_give_finite_losses_and_gradients(loss, dtype, logit):
    real, fake = (torch.full((4,), sign * logit, dtype=dtype, requires_grad=True) for sign in (1, -1))
    total = loss.discriminator(real, fake) + loss.generator(real, fake)
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(real.grad).all()
    assert torch.isfinite(fake.grad).all()


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: type(loss).__name__)
def test_a_map_of_logits_counts_as_its_mean(loss):
    real, fake = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    assert torch.allclose(loss.discriminator(real, fake), loss.discriminator(real.flatten(), fake.flatten()))
    assert loss.generator(None, fake).ndim == 0


def test_the_output_is_a_probability_where_the_paper_has_one():
    logits = torch.tensor([0.0])
    assert float(NonSaturating().output(logits)) == float(Minimax().output(logits)) == 0.5
    assert float(Wasserstein().output(torch.tensor([3.0]))) == 3.0
