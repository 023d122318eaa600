"""f-divergences: the best critic reproduces each of them."""

import math

import pytest
import torch
from small import shipped
from torch import Tensor

from saddle.losses import (
    KL,
    AdversarialLoss,
    FDivergence,
    GANDivergence,
    JensenShannon,
    Minimax,
    NonSaturating,
    PearsonChi2,
    ReverseKL,
    SquaredHellinger,
)
from saddle.losses.divergences import exp

LOG2 = math.log(2)
COUNTS = torch.tensor([[40, 30, 20, 10], [10, 15, 25, 50]])  # of 100: p and q on four outcomes
P, Q = (COUNTS / 100).double()


def best_critic(loss: AdversarialLoss) -> tuple[Tensor, float]:
    """The logits of the four outcomes that minimise the discriminator's loss, and the loss then."""
    v = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optim = torch.optim.LBFGS(
        [v], max_iter=200, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def value() -> Tensor:
        optim.zero_grad()
        total = loss.discriminator(*(v.repeat_interleave(counts) for counts in COUNTS))
        total.backward()
        return total

    optim.step(value)
    return v.detach(), float(value().detach())


def divergence(f, p: Tensor = P, q: Tensor = Q) -> float:
    """Σ q f(p/q)."""
    return float((q * f(p / q)).sum())


DIVERGENCES = [  # loss, f, T* as a function of u = p/q, f'(1): the rows of Table 1 and those derived from them
    (KL(), lambda u: u * u.log(), lambda u: 1 + u.log(), 1.0),
    (ReverseKL(), lambda u: -u.log(), lambda u: -1 / u, -1.0),
    (PearsonChi2(), lambda u: (u - 1) ** 2, lambda u: 2 * (u - 1), 0.0),
    (SquaredHellinger(), lambda u: (u.sqrt() - 1) ** 2, lambda u: 1 - u**-0.5, 0.0),
    (
        JensenShannon(),
        lambda u: u * u.log() - (u + 1) * ((u + 1) / 2).log(),
        lambda u: (2 * u / (1 + u)).log(),
        0.0,
    ),
    (GANDivergence(), lambda u: u * u.log() - (u + 1) * (u + 1).log(), lambda u: (u / (1 + u)).log(), -LOG2),
]
by_divergence = pytest.mark.parametrize(
    ("loss", "f", "best", "threshold"), DIVERGENCES, ids=[str(row[0]) for row in DIVERGENCES]
)


def test_every_f_divergence_is_proved_below():
    assert {type(loss) for loss, *_ in DIVERGENCES} == set(shipped(FDivergence).values())


@by_divergence
def test_the_best_critic_found_by_optimisation_reproduces_the_divergence(loss, f, best, threshold):
    v, least = best_critic(loss)
    assert -least == pytest.approx(divergence(f), abs=1e-6)
    assert torch.allclose(loss.output(v), best(P / Q), atol=1e-4)


@by_divergence
def test_where_p_is_q_the_critic_is_the_threshold(loss, f, best, threshold):
    """T* = f'(1), and the bound is f(1): 0, except for the GAN's row, whose f is shifted by log 4."""
    v = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optim = torch.optim.LBFGS([v], max_iter=100, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def value() -> Tensor:
        optim.zero_grad()
        total = loss.discriminator(v, v)
        total.backward()
        return total

    optim.step(value)
    assert float(loss.output(v.detach())) == pytest.approx(threshold, abs=1e-5)
    assert -float(value().detach()) == pytest.approx(-2 * LOG2 if isinstance(loss, GANDivergence) else 0, abs=1e-9)


def test_the_gans_row_gives_twice_the_jensen_shannon_divergence_minus_log_4():
    mean = (P + Q) / 2
    jsd = (divergence(lambda u: u * u.log(), P, mean) + divergence(lambda u: u * u.log(), Q, mean)) / 2
    assert -best_critic(GANDivergence())[1] == pytest.approx(2 * jsd - 2 * LOG2, abs=1e-8)
    assert -best_critic(JensenShannon())[1] == pytest.approx(2 * jsd, abs=1e-8)
    assert -best_critic(NonSaturating())[1] == pytest.approx(2 * jsd - 2 * LOG2, abs=1e-8)


def test_the_gans_row_is_the_first_gans_loss_in_both_forms():
    real, fake = torch.randn(9), torch.randn(9)
    for trick, loss in ((True, NonSaturating()), (False, Minimax())):
        row = GANDivergence(trick=trick)
        assert torch.allclose(row.discriminator(real, fake), loss.discriminator(real, fake))
        assert torch.allclose(row.generator(None, fake), loss.generator(None, fake))


@pytest.mark.parametrize("loss", shipped(FDivergence).values())
def test_without_the_trick_the_generator_minimises_what_the_critic_maximises(loss):
    real, fake = torch.randn(9), torch.randn(9)
    honest = loss(trick=False)
    assert torch.allclose(honest.generator(None, fake), -honest.conjugate(fake).mean())
    bound = -honest.discriminator(real, fake)
    assert torch.allclose(bound, honest.generator(None, fake) + honest.activation(real).mean(), atol=1e-6)


@by_divergence
def test_composed_forms_are_the_conjugates_of_the_activations(loss, f, best, threshold):
    """f*(t) = max over u of u t - f(u), which is attained where f'(u) = t: the table's, found without it."""
    v = torch.linspace(-1.5, 1.5, 7, dtype=torch.float64)
    t = loss.activation(v)
    u = torch.logspace(-6, 6, 400_001, dtype=torch.float64)
    by_search = torch.stack([(u * each - f(u)).max() for each in t])
    assert torch.allclose(loss.conjugate(v), by_search, atol=1e-6)


def test_the_exponential_is_exact_up_to_10_and_then_its_tangent():
    t = torch.tensor([-50.0, 0.0, 9.9, 10.0, 12.0], dtype=torch.float64, requires_grad=True)
    value = exp(t)
    value.sum().backward()
    assert torch.equal(value[:4], t[:4].exp())
    assert float(value[4].detach()) == pytest.approx(3 * math.exp(10))
    assert t.grad.tolist() == pytest.approx([math.exp(x) for x in (-50, 0, 9.9, 10, 10)])
