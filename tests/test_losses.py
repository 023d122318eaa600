"""Losses against values worked out by hand, and against the divergences that they measure."""

import math
from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
import torch
from small import shipped
from test_losses_divergences import LOG2, P, Q, best_critic
from torch import nn

from saddle.base.errors import UsageError
from saddle.losses import (
    AdversarialLoss,
    EnergyMargin,
    FDivergence,
    HalfLeastSquares,
    HalfNonSaturating,
    HalfRelativisticAverage,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Preference,
    RelativisticAverage,
    RelativisticPairing,
    TopK,
    Wasserstein,
)
from saddle.optim import Constant, Linear

RELATIVISTIC = [kind(base) for kind in (RelativisticPairing, RelativisticAverage) for base in get_args(Preference)]
PLAIN = [kind() for kind in shipped(AdversarialLoss).values() if not kind.relativistic and kind is not TopK]
ALL = [
    *PLAIN,
    *RELATIVISTIC,
    *(TopK(loss) for loss in PLAIN),
    *(kind(trick=False) for kind in shipped(FDivergence).values()),
    NonSaturating(real_target=0.9),
    NonSaturating(real_target=0.9, fake_target=0.1),
]

by_loss = pytest.mark.parametrize("loss", ALL, ids=str)
by_relativistic = pytest.mark.parametrize("loss", RELATIVISTIC, ids=str)


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
        (HalfNonSaturating(), 0.0, LOG2, LOG2),
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
    real, fake = torch.tensor([1.0, 1.5], requires_grad=True), torch.tensor([-1.0, -1.5], requires_grad=True)
    Hinge().discriminator(real, fake).backward()
    assert real.grad.tolist() == fake.grad.tolist() == [0.0, 0.0]


def test_a_critic_shifted_by_a_constant_has_the_same_wasserstein_loss():
    real, fake = torch.randn(8).double(), torch.randn(8).double()
    gap = Wasserstein().discriminator(real + 7, fake + 7) - Wasserstein().discriminator(real, fake)
    assert float(gap.abs()) < 1e-12


@by_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extreme_logits_give_finite_losses_and_gradients(loss, dtype):
    for of_real, of_fake in product((-1e4, -100.0, 1e4), (-1e4, 100.0, 1e4)):
        real, fake = (torch.full((4,), logit, dtype=dtype, requires_grad=True) for logit in (of_real, of_fake))
        total = loss.discriminator(real, fake) + loss.generator(real, fake)
        total.backward()
        assert torch.isfinite(total)
        assert torch.isfinite(real.grad).all()
        assert torch.isfinite(fake.grad).all()


@by_loss
def test_a_map_of_logits_counts_as_its_mean(loss):
    real, fake = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    assert torch.allclose(loss.discriminator(real, fake), loss.discriminator(real.flatten(), fake.flatten()))
    assert loss.generator(real, fake).ndim == 0


@by_loss
def test_a_generators_loss_falls_when_its_fakes_look_more_real(loss):
    fake = torch.linspace(-2, -0.5, 8).requires_grad_()
    (gradient,) = torch.autograd.grad(loss.generator(torch.zeros(8), fake), fake)
    assert (gradient <= 0).all()
    assert gradient.sum() < 0


def test_the_output_is_a_probability_where_the_paper_has_one():
    logits = torch.tensor([0.0])
    assert float(NonSaturating().output(logits)) == float(Minimax().output(logits)) == 0.5
    assert float(Wasserstein().output(torch.tensor([3.0]))) == 3.0


@pytest.mark.parametrize(("coding", "best"), [((0, 1, 1), (0, 1)), ((-1, 1, 0), (-1, 1))])
def test_the_best_least_squares_critic_mixes_the_targets(coding, best):
    v, _ = best_critic(LeastSquares(*coding))
    assert torch.allclose(v, (best[1] * P + best[0] * Q) / (P + Q), atol=1e-6)


def test_least_squares_in_the_second_coding_measure_pearsons_divergence():
    """E (C - c)² over p and q at the best C is χ² of p + q from 2q."""
    v, _ = best_critic(LeastSquares(-1, 1, 0))
    measured = float(((P + Q) * v**2).sum())
    assert measured == pytest.approx(float(((2 * Q - P - Q) ** 2 / (P + Q)).sum()), abs=1e-7)


def test_one_sided_smoothing_scales_the_best_discriminator_and_leaves_the_rest():
    v, _ = best_critic(NonSaturating(real_target=0.9))
    assert torch.allclose(v.sigmoid(), 0.9 * P / (P + Q), atol=1e-6)
    only_real = torch.tensor([math.log(9.0)], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(NonSaturating(0.9).discriminator(only_real, torch.tensor([-1e4])), only_real)
    assert float(gradient) == pytest.approx(0, abs=1e-12)  # D(x) = 0.9
    fake = torch.randn(5)
    assert torch.equal(NonSaturating(0.9).generator(None, fake), NonSaturating().generator(None, fake))


def test_smoothing_is_one_sided():
    """Smoothed fakes would put the data's shadow into D*: (α p + β q) / (p + q) pulls samples towards bad ones."""
    no_data = torch.tensor([-30.0], dtype=torch.float64, requires_grad=True)  # where only fakes are, D* = 0
    (gradient,) = torch.autograd.grad(NonSaturating(0.9).discriminator(torch.tensor([2.2]), no_data), no_data)
    assert float(gradient) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.1), (0.9, 0.1), (0.8, 0.3)])
def test_the_best_discriminator_of_smoothed_labels_mixes_both_targets(alpha, beta):
    loss = NonSaturating(real_target=alpha, fake_target=beta)
    v, _ = best_critic(loss)
    assert torch.allclose(v.sigmoid(), (alpha * P + beta * Q) / (P + Q), atol=1e-6)
    where_no_data_are = torch.tensor([math.log(beta / (1 - beta))], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss.discriminator(torch.tensor([0.0]), where_no_data_are), where_no_data_are)
    assert float(gradient) == pytest.approx(0, abs=1e-12)  # D(G(z)) = β, why the paper wants β = 0
    fake = torch.randn(5)
    assert torch.equal(loss.generator(None, fake), NonSaturating().generator(None, fake))


@by_relativistic
def test_a_relativistic_loss_does_not_see_a_shift_of_the_critic(loss):
    real, fake = torch.randn(2, 16).double()
    for player in (loss.discriminator, loss.generator):
        assert float(player(real + 7, fake + 7) - player(real, fake)) == pytest.approx(0, abs=1e-12)


@by_relativistic
def test_relativistic_players_swap_the_roles(loss):
    real, fake = torch.randn(2, 16).double()
    assert torch.equal(loss.generator(real, fake), loss.discriminator(fake, real))
    assert loss.relativistic


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (RelativisticPairing("standard"), LOG2),
        (RelativisticPairing("least-squares"), 1.0),
        (RelativisticPairing("hinge"), 1.0),
        (RelativisticAverage("standard"), 2 * LOG2),
        (HalfRelativisticAverage("standard"), LOG2),
        (RelativisticAverage("least-squares"), 2.0),
        (RelativisticAverage("hinge"), 2.0),
    ],
    ids=str,
)
def test_relativistic_losses_of_equal_logits_are_the_closed_forms(loss, value):
    assert float(loss.discriminator(at(3.0), at(3.0))) == pytest.approx(value)
    assert float(loss.generator(at(3.0), at(3.0))) == pytest.approx(value)


def test_relativistic_losses_match_values_by_hand():
    real, fake = torch.tensor([1.0, 3.0]).double(), torch.tensor([-1.0, 2.0]).double()  # means 2 and 0.5

    def sp(t: float) -> float:
        return math.log1p(math.exp(t))

    def of(loss: AdversarialLoss) -> tuple[float, float]:
        return float(loss.discriminator(real, fake)), float(loss.generator(real, fake))

    assert of(RelativisticPairing()) == pytest.approx(((sp(-2) + sp(-1)) / 2, (sp(2) + sp(1)) / 2))
    assert of(RelativisticAverage()) == pytest.approx(
        (
            (sp(-0.5) + sp(-2.5)) / 2 + (sp(-3) + sp(0)) / 2,
            (sp(3) + sp(0)) / 2 + (sp(0.5) + sp(2.5)) / 2,
        )
    )
    assert of(RelativisticAverage("least-squares")) == pytest.approx(
        ((0.25 + 2.25) / 2 + (4 + 1) / 2, (16 + 1) / 2 + (2.25 + 12.25) / 2)
    )
    assert of(RelativisticAverage("hinge")) == pytest.approx(
        ((0.5 + 0) / 2 + (0 + 1) / 2, (4 + 1) / 2 + (1.5 + 3.5) / 2)
    )


def test_an_energys_margin_is_each_samples_own():
    """A hinge on the mean energy would let one fake of high energy excuse the others."""
    loss, real = EnergyMargin(margin=10.0), torch.zeros(2)
    energies = torch.tensor([4.0, 30.0], requires_grad=True)
    value = loss.discriminator(real, -energies)
    (gradient,) = torch.autograd.grad(value, energies)
    assert float(value.detach()) == pytest.approx(3.0)
    assert gradient.tolist() == [-0.5, 0.0]


def test_the_closed_forms_of_the_energy_margin():
    loss = EnergyMargin(margin=10.0)
    assert float(loss.discriminator(-at(3.0), -at(0.0))) == 13.0  # E(x) + m
    assert float(loss.discriminator(-at(0.0), -at(12.0))) == 0.0
    assert float(loss.generator(None, -at(4.0))) == 4.0
    assert float(loss.output(-at(4.0))[0]) == 4.0


def test_an_energy_between_a_and_b_is_pushed_to_the_margin_or_to_zero():
    """a y + b max(0, m - y) is least at m if a < b, else at 0 (Zhao et al., 2017, Lemma 1)."""
    energy, loss = torch.linspace(0, 15, 31), EnergyMargin(margin=10.0)

    def least(a: int, b: int) -> float:
        """Where a real samples and b fakes have the same energy."""
        total = [a * loss.discriminator(-y, at(-20)) + b * loss.discriminator(at(0), -y) for y in energy]
        return float(energy[int(torch.stack(total).argmin())])

    assert least(1, 2) == 10.0
    assert least(2, 1) == 0.0


def test_top_k_teaches_the_generator_by_its_best_fakes_only():
    fake = torch.tensor([0.0, 3.0, -2.0, 1.0], requires_grad=True)
    loss = TopK(Wasserstein(), share=Constant(0.5))
    value = loss.generator(None, fake)
    value.backward()
    assert float(value) == -2.0
    assert fake.grad.tolist() == [0.0, -0.5, 0.0, -0.5]


def test_top_ks_share_shrinks_with_the_progress_and_the_discriminator_sees_all():
    loss, fake = TopK(Wasserstein(), share=Linear(start=1.0, end=0.25, finish=0.5)), torch.arange(8.0)
    assert [float(loss.at(t).generator(None, fake)) for t in (0.0, 0.25, 0.5, 1.0)] == [-3.5, -5.0, -6.5, -6.5]
    assert torch.equal(loss.at(1.0).discriminator(fake, fake - 1), Wasserstein().discriminator(fake, fake - 1))
    assert torch.equal(TopK(Hinge()).at(0).generator(None, fake), Hinge().generator(None, fake))


def test_top_k_of_one_sample_keeps_it():
    assert float(TopK(Wasserstein()).at(1.0).generator(None, torch.tensor([2.0]))) == -2.0


def test_top_k_passes_on_what_its_loss_says():
    class Choosy(Wasserstein):
        def forbids(self, game):
            return "no"

        def output(self, logits):
            return logits + 1

    assert TopK(Choosy()).forbids(nn.Identity()) == "no"
    assert float(TopK(Choosy()).output(torch.tensor(1.0))) == 2.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NonSaturating(real_target=0), "real_target is above 0 and up to 1, not 0"),
        (lambda: NonSaturating(real_target=1.1), "real_target is above 0 and up to 1, not 1.1"),
        (lambda: NonSaturating(0.9, 0.9), "fake_target is below real_target, 0.9, not 0.9"),
        (lambda: NonSaturating(fake_target=-0.1), "fake_target is from 0 to 1, not -0.1"),
        (lambda: EnergyMargin(end=0), "end is above 0 or none, not 0"),
        (lambda: EnergyMargin(margin=0), "margin is above 0, not 0"),
        (
            lambda: TopK(RelativisticAverage()),
            "TopK leaves out fakes, and RelativisticAverage has a place for every one",
        ),
        (lambda: TopK(TopK()), "choose a loss that judges each fake by itself, such as NonSaturating"),
        (lambda: TopK(share=Constant(0.0)), r"the share of TopK stays in \(0, 1\], not 0.0 to 0.0"),
        (lambda: replace(TopK(), share=Linear(1.0, 1.5)), r"stays in \(0, 1\], not 1.0 to 1.5"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_value(build, message):
    with pytest.raises(UsageError, match=message):
        build()
