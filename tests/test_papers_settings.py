"""The papers' weights, rates and counts of numbers are the defaults, where no other test says so."""

import pytest

from saddle.auxiliaries import PullAway
from saddle.games.began import BEGAN
from saddle.games.biggan import BigGAN
from saddle.games.ebgan import EBGAN
from saddle.games.energy import Energy
from saddle.games.esrgan import ESRGAN
from saddle.games.gan_cls import GANCLS
from saddle.games.improved_gan import ImprovedGAN
from saddle.games.lapgan import EPOCH, LAPGAN
from saddle.games.mgan import MGAN
from saddle.games.pan import PAN
from saddle.games.pix2pix import Pix2Pix
from saddle.games.pix2pixhd import Pix2PixHD
from saddle.games.progan import ProGAN
from saddle.games.projection import Projection
from saddle.games.sagan import SAGAN
from saddle.games.singan import SinGAN
from saddle.games.sngan import SNGAN
from saddle.games.spade import SPADE
from saddle.games.srgan import SRGAN
from saddle.games.st_cgan import STCGAN
from saddle.games.stackgan import StackGAN
from saddle.games.stylegan2 import StyleGAN2
from saddle.losses import Hinge
from saddle.penalties import R1, Drift, GradientPenalty, Orthogonal, PathLength
from saddle.runs.recipe import Recipe


def test_the_papers_settings_are_the_defaults():
    assert EBGAN.Options().auxiliaries == (PullAway(0.1),)
    o = MGAN.Options()
    assert (o.generators, o.diversity_weight, o.latents, o.optim.lr, o.optim.betas[0]) == (10, 0.01, 12, 2e-4, 0.5)
    assert StyleGAN2.Options().views == ()  # ADA is of a later paper
    for o in (SNGAN.Options(), Projection.Options()):
        assert (o.generator_batch, o.network.bias) == (2, False)
    o = ProGAN.Options()
    assert o.penalties == (GradientPenalty(10.0), Drift(1e-3))
    assert (o.optim.lr, o.optim.betas, o.optim.eps) == (1e-3, (0.0, 0.99), 1e-8)
    o = StyleGAN2.Options()
    assert o.penalties == (R1(10.0, every=16), PathLength(2.0, every=4))
    assert (o.optim.lr, o.optim.betas, o.optim.eps) == (2e-3, (0.0, 0.99), 1e-8)
    o = BigGAN.Options()
    assert (o.loss, o.penalties) == (Hinge(), (Orthogonal(1e-4),))
    assert (o.optim.betas, o.optim.eps, o.discriminator_optim.eps) == ((0.0, 0.999), 1e-6, 1e-6)
    assert SAGAN.Options().optim.betas == SNGAN.Options().optim.betas == (0.0, 0.9)
    o = SinGAN.Options()
    assert (o.reconstruction_weight, o.gradient_penalty_weight, o.noise, o.optim.lr) == (10.0, 0.1, 0.1, 5e-4)
    o = BEGAN.Options()
    assert (o.gamma, o.k_rate, o.z_dim) == (0.5, 1e-3, 64)
    rates = [o.optim.at(rounds, 0.0)["lr"] for rounds in (0, 100_000, 200_000, 10**7)]
    assert rates == pytest.approx([8e-5, 4e-5, 2e-5, 2e-5])
    o = ImprovedGAN.Options()
    assert [o.optim.at(0, p)["lr"] for p in (0.0, 2 / 3, 5 / 6, 1.0)] == pytest.approx([3e-4, 3e-4, 1.5e-4, 0.0])
    o = Pix2Pix.Options()
    assert (o.adversarial_weight, o.l1_weight, o.dropout, o.patch_layers, o.width) == (1.0, 100.0, 0.5, 3, 64)
    assert [Recipe.default(game, "pairs:facades").plan.batch for game in ("pix2pix", "cyclegan")] == [1, 1]
    o = PAN.Options()
    assert (o.perceptual_weights, o.margin, o.width, o.optim.lr) == ((5.0, 1.5, 1.5, 1.0), 3.0, 64, 2e-4)
    o = SPADE.Options()
    assert (o.width, o.hidden, o.z_dim, o.scales, o.patch_layers, o.encoder) == (64, 128, 256, 2, 3, False)
    assert (o.matching_weight, o.perceptual_weight, o.kl_weight, o.perceptual) == (10.0, 10.0, 0.05, None)
    assert (o.optim.lr, o.discriminator_optim.lr, o.optim.betas) == (1e-4, 4e-4, (0.0, 0.9))
    o = STCGAN.Options()
    assert (o.removal_weight, o.adversarial_weights, o.width, o.optim.lr) == (5.0, (0.1, 0.1), 64, 2e-4)
    o = ESRGAN.Options()
    assert (o.adversarial_weight, o.perceptual_weight, o.pixel_weight, o.optim.lr) == (5e-3, 1.0, 1e-2, 1e-4)
    assert (o.blocks, o.growth, o.width, o.pretraining, o.pretraining_optim.lr) == (23, 32, 64, 5 / 7, 2e-4)
    o = SRGAN.Options()
    assert (o.adversarial_weight, o.perceptual_weight, o.pretraining, o.optim.lr) == (1e-3, 0.006, 5 / 6, 1e-4)
    assert (o.residual_steps, o.residual_optim.lr, o.residual_optim.betas) == (5, 2e-4, (0.0, 0.9))
    o = Pix2PixHD.Options()
    assert (o.matching_weight, o.perceptual_weight, o.halvings, o.blocks, o.enhancer_blocks) == (10.0, 10.0, 4, 9, 3)
    assert (o.features, o.clusters, o.encoder_width, o.width, o.discriminator_width) == (3, 10, 16, 64, 64)
    o = Energy.Options()
    assert (o.optim.lr, o.optim.betas, o.climb_rate, o.climb, o.cascades) == (1e-4, (0.0, 0.9), 0.01, 2000, 4)


def test_rates_change_on_the_way_as_in_the_papers():
    optim = LAPGAN.Options().optim
    assert optim.at(10 * EPOCH, 0.0)["lr"] == pytest.approx(0.02 / (1 + 4e-5) ** 10)
    epochs = {0: 0.5, 10: 0.508, 375: 0.8, 1000: 0.8}  # by 0.0008 each
    assert [optim.at(k * EPOCH, 0.3)["momentum"] for k in epochs] == pytest.approx([*epochs.values()])
    halves = [2e-4 * 0.5**k for k in range(6)]
    middles = [(k + 0.5) / 6 for k in range(6)]  # of the hundreds of 600 epochs
    assert [GANCLS.Options().optim.at(0, 0.1 + 0.9 * at)["lr"] for at in middles] == pytest.approx(halves)
    o = StackGAN.Options()
    for begin, end in ((o.text_share, o.second_from), (o.second_from, 1.0)):
        assert [o.optim.at(0, begin + (end - begin) * at)["lr"] for at in middles] == pytest.approx(halves)
