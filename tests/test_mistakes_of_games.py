"""Mistakes that popular implementations of one game or network make, and that their parameter counts do not show."""

import math

import pytest
import torch
from eights import BATCH
from eights import SMALL as EIGHT
from playing import images
from small import GAMES, make_trainer
from torch import nn

from saddle.games.began import BEGAN
from saddle.games.ebgan import EBGAN
from saddle.games.infogan import InfoGAN
from saddle.games.mgan import MGAN
from saddle.layers.likelihood import Gaussian
from saddle.nets import mgan
from saddle.nets.biggan_deep import BigGANDeep
from saddle.nets.dcgan import DCGAN
from saddle.nets.ebgan import ConvAutoencoder
from saddle.nets.resnet import down, up
from saddle.nets.sngan import SNCNN
from saddle.spec import DataSpec

FOUR = MGAN.Options(z_dim=3, generators=4, latents=4, width=8)
RISING = ["ConvTranspose2d", "BatchNorm2d", "ReLU"]


def kinds(network: nn.Module) -> list[str]:
    return [type(module).__name__.removeprefix("Strided") for module in network.modules() if not [*module.children()]]


def test_dcgans_layers_stand_in_the_papers_order():
    """Others leave out the first ReLU, norm the image or behind the activation, or end in a leaky ReLU."""
    data = DataSpec.of((3, 64, 64))
    with torch.device("meta"):
        generator, judge = DCGAN(4).generator(9, data), DCGAN(4).discriminator(data)
    assert kinds(generator) == ["Unflatten", *4 * RISING, "ConvTranspose2d", "Tanh"]
    assert kinds(judge.trunk) == ["Conv2d", "LeakyReLU", *3 * ["Conv2d", "BatchNorm2d", "LeakyReLU"]]
    assert kinds(judge.head) == ["Conv2d"]
    assert {m.negative_slope for m in judge.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}


def test_sngans_plain_generator_norms_and_bends_its_first_map_too():
    with torch.device("meta"):
        generator = SNCNN(4).generator(9, DataSpec.of((3, 32, 32)))
    assert kinds(generator) == ["Linear", "Unflatten", "BatchNorm2d", "ReLU", *3 * RISING, "Conv2d", "Tanh"]


def test_residual_maps_double_by_repeating_pixels_and_halve_by_means():
    """Bilinear doubling is another network with as many parameters."""
    x = torch.randn(2, 3, 4, 6)
    assert torch.equal(up(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.allclose(down(x), x.unflatten(3, (3, 2)).unflatten(2, (2, 2)).mean((3, 5)), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in GAMES if name != "wgan"])
def test_no_game_but_wgan_changes_a_weight_other_than_by_its_optimizer(name):
    """One collection's LSGAN clips its discriminator."""
    game = (trainer := make_trainer(name)).game
    [*game.round(trainer.deal()[0])]  # the first batch may set scales
    with torch.no_grad():
        for p in game.parameters():  # a weight that was clipped before would not change
            p += 0.3 * torch.randn_like(p)
    game.rounds, before = 1, {path: p.clone() for path, p in game.named_parameters() if p.requires_grad}
    [*game.round(trainer.deal()[0])]
    learned = dict(game.named_parameters())
    assert [path for path, p in before.items() if not torch.equal(p, learned[path])] == []


def test_the_gradient_of_began_s_error_reaches_a_fake_as_target_too():
    game = BEGAN(EIGHT, BEGAN.Options(width=4, z_dim=4))
    game.discriminator = nn.Threshold(2.0, 0.5)  # 0.5 everywhere, whatever it is shown
    x = torch.tensor([[-0.5, 1.0]]).requires_grad_()
    game.misses(x).mean().backward()
    assert x.grad.tolist() == [[-0.5, 0.5]]


def test_what_ebgan_notes_of_the_data_is_their_energy_and_not_the_whole_loss():
    """One collection adds the fakes' part to the tensor that it logs."""
    game = EBGAN(EIGHT, EBGAN.Options(network=ConvAutoencoder(4, 4), z_dim=4))
    move = next(game.round(iter([BATCH])))
    energy = float(-game.discriminate(BATCH["image"]).logits.mean().detach())
    assert float(game.notes["d_real"]) == pytest.approx(energy, rel=1e-4)
    assert float(move.losses["adversarial"].detach()) > energy


def test_a_judge_that_knows_every_generator_is_never_confused():
    """With a softmax before the cross-entropy a certain and right answer would still cost ln(e + 3) - 1 = 0.74."""
    game, origin = MGAN(DataSpec.of((2,)), FOUR), torch.arange(4).repeat_interleave(4)

    def certain(x):
        return mgan.OriginOutput(0 * x[:, 0], 100.0 * nn.functional.one_hot(origin[: len(x)], 4) + 0 * x[:, :1])

    game.discriminator.forward = certain
    moves = [*game.round(iter([{"image": torch.randn(16, 2)}]))]
    assert [float(m.losses["confusion"].detach()) for m in moves] == pytest.approx([0, 0], abs=1e-6)


def test_mgan_s_generators_gain_from_being_told_apart_with_the_papers_weight():
    game = MGAN(DataSpec.of((2,)), FOUR)
    nn.init.zeros_(game.discriminator.origin.weight)
    nn.init.zeros_(game.discriminator.origin.bias)
    moves = [*game.round(iter([{"image": torch.randn(16, 2)}]))]
    assert [float(m.losses["confusion"].detach()) for m in moves] == pytest.approx([math.log(4), 0.01 * math.log(4)])


def test_infogan_s_adversarial_loss_is_cross_entropy_and_no_squared_error():
    game = InfoGAN(DataSpec.of((1, 8, 8)), InfoGAN.Options(z_dim=4, width=4))
    for p in game.discriminator.logit.parameters():
        nn.init.zeros_(p)
    lost = [float(move.losses["adversarial"].detach()) for move in game.round(iter([BATCH]))]
    assert lost == pytest.approx([2 * math.log(2), math.log(2)])


def test_one_sample_at_its_own_place_has_parzens_density():
    """A window of width .2 over 784 pixels: -784 log(.2 √2π)."""
    x = images(1, 1, 28, 28)
    assert float(Gaussian(std=0.2).log_prob(x, x)) == pytest.approx(541.3515, abs=1e-3)


@pytest.mark.parametrize(("side", "parameters"), [(128, 50_388_609), (256, 55_880_833), (512, 56_163_905)])
def test_biggan_deep_has_the_published_count_with_128_colours_of_which_3_are_seen(side, parameters):
    """The published weights draw 128 channels and cut off 125."""
    data = DataSpec.of((3, side, side), classes=tuple(map(str, range(1000))))
    with torch.device("meta"):
        generator = BigGANDeep().generator(128, data)
    last = [m for m in generator.last.modules() if isinstance(m, nn.Conv2d)][-1]
    unseen = (128 - 3) * (9 * last.in_channels + 1)
    assert sum(p.numel() for p in generator.parameters()) + unseen == parameters
