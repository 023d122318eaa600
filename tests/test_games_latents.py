"""What z is: of which distribution its numbers are, and where there may be none."""

from dataclasses import fields

import pytest
import torch
from playing import images, play
from seeding import seed_all

from saddle.base.errors import UsageError
from saddle.games.biggan import BigGAN as BigGANGame
from saddle.games.cgan import CGAN
from saddle.games.dcgan import DCGAN
from saddle.games.fgan import FGAN
from saddle.games.gan import GAN
from saddle.games.lapgan import LAPGAN
from saddle.games.mgan import MGAN
from saddle.games.stylegan2 import StyleGAN2 as StyleGAN2Game
from saddle.games.vae import VAE
from saddle.layers.search import Descent
from saddle.nets import dcgan
from saddle.nets.biggan import BigGAN
from saddle.nets.biggan_deep import BigGANDeep
from saddle.nets.conditional import Concatenation
from saddle.nets.maxout import ConditionalMaxout
from saddle.nets.mlp import MLP
from saddle.nets.r3gan import R3GAN
from saddle.nets.sagan import SAGAN
from saddle.nets.sngan import SNResNet
from saddle.nets.stylegan2 import StyleGAN2
from saddle.penalties import LatentConsistency
from saddle.runs import registry
from saddle.spec import DataSpec
from saddle.tasks.searching import search

TEN = tuple("0123456789")
DIGITS = DataSpec.of((1, 16, 16), ("image", "label"), TEN)
POINTS = DataSpec.of((2,))
LABEL = torch.tensor([3, 1, 4, 1])
BATCH = {"image": images(4, 1, 16, 16), "label": LABEL}
TINY_STYLES = StyleGAN2(channel_base=128, channel_max=8, w_dim=8, mapping_layers=1)
TOLD = [
    Concatenation(dcgan.DCGAN(width=4)),
    ConditionalMaxout(),
    SNResNet(width=4),
    SAGAN(width=4),
    BigGAN(width=4),
    BigGANDeep(width=4),
    R3GAN(width=16, blocks=1),
    TINY_STYLES,
]


def small(kind, data=DIGITS, **options):
    torch.manual_seed(0)
    seed_all(0)
    return kind(data, kind.Options(**options))


@pytest.mark.parametrize("network", TOLD, ids=lambda network: type(network).__name__)
@pytest.mark.filterwarnings("error::UserWarning")
def test_a_generator_that_is_told_a_label_needs_no_z_and_draws_one_image_of_each(network):
    game = small(CGAN, network=network, z_dim=0)
    losses = [loss for move in play(game, BATCH) for loss in move.losses.values()]
    assert len(losses) == 2
    assert all(torch.isfinite(loss) for loss in losses)
    drawing = small(CGAN, network=network, z_dim=0).eval()
    with torch.no_grad():
        for p in drawing.generator.parameters():
            p.add_(0.05 * torch.randn_like(p))  # as trained a little: some tables begin alike for all classes
    one, same, other = drawing.sample(3, torch.tensor([3, 3, 1]))
    assert torch.allclose(one, same, atol=1e-6)
    assert (one - other).abs().max() > 1e-6


def test_without_a_label_there_is_a_z_and_without_a_z_nothing_to_search():
    with pytest.raises(UsageError, match="z_dim is at least 1, and 0 where the generator is given a label or a text"):
        CGAN.Options(conditional=False, z_dim=0)
    with pytest.raises(UsageError, match="z_dim is at least 0, not -1"):
        CGAN.Options(z_dim=-1)
    game = small(CGAN, network=TOLD[0], z_dim=0)
    with pytest.raises(UsageError, match="from no latent"):
        search(game, BATCH["image"], torch.dist, Descent(), label=LABEL[:1])
    with pytest.raises(UsageError, match="neighbouring latents"):
        small(CGAN, network=TOLD[0], z_dim=0, penalties=(LatentConsistency(),))


@pytest.mark.parametrize("name", registry.names())
def test_where_there_is_a_z_its_distribution_is_a_setting(name):
    named = {field.name for field in fields(registry.load(name).Options)}
    assert "prior" in named or "z_dim" not in named or name in ("spade", "tpgan")  # whose z is held to a normal one


@pytest.mark.parametrize(
    ("kind", "data", "options", "low", "high"),
    [
        (DCGAN, POINTS, {"network": MLP(8, 1)}, -1, 1),
        (GAN, POINTS, {"network": MLP(8, 1)}, -(3**0.5), 3**0.5),
        (FGAN, POINTS, {"network": MLP(8, 1)}, -1, 1),
        (CGAN, POINTS, {"network": MLP(8, 1), "conditional": False}, 0, 1),
        (MGAN, POINTS, {"width": 8}, -1, 1),
        (LAPGAN, DIGITS, {"width": 4, "smallest_width": 8}, -1, 1),
    ],
)
def test_z_is_uniform_between_its_bounds_or_standard_normal(kind, data, options, low, high):
    uniform, normal = (
        small(kind, data, z_dim=50, prior=prior, **options).noise(400)[:, :50] for prior in ("uniform", "normal")
    )
    assert low <= uniform.min() < low + 0.01
    assert high - 0.01 < uniform.max() <= high
    assert float(uniform.mean()) == pytest.approx((low + high) / 2, abs=0.02)
    assert float(uniform.var()) == pytest.approx((high - low) ** 2 / 12, rel=0.02)
    assert (float(normal.mean()), float(normal.std())) == pytest.approx((0, 1), abs=0.02)
    assert normal.abs().max() > 3


def test_what_lies_beside_a_uniform_z_stays_normal():
    game = small(DCGAN, POINTS, network=MLP(8, 1), z_dim=2, prior="uniform")
    both = game.draw_prior(4000, 2, beside=3)
    assert both[:, :2].abs().max() <= 1
    assert float(both[:, 2:].std()) == pytest.approx(1, abs=0.03)
    assert both[:, 2:].abs().max() > 2.5


def test_the_planes_of_a_pyramid_have_a_prior_of_their_own():
    game = small(LAPGAN, width=4, smallest_width=8, z_dim=2, plane_prior="normal")
    assert game.noise(40)[:, 2:].abs().max() > 2.5
    assert small(LAPGAN, width=4, smallest_width=8, z_dim=2).noise(40)[:, 2:].abs().max() <= 1


def test_a_second_style_is_of_a_latent_like_the_first():
    game, seen = small(StyleGAN2Game, network=TINY_STYLES, z_dim=200, prior="uniform", views=()), []
    game.generator.mapping.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    game.generator.train()(game.noise(8))
    assert len(seen) == 2
    assert all(z.abs().max() <= 1 for z in seen)


def test_a_prior_that_a_paper_has_no_room_for_is_refused():
    with pytest.raises(UsageError, match="the ELBO holds codes to a normal distribution"):
        VAE.Options(prior="uniform")
    game = small(BigGANGame, network=BigGAN(width=4), z_dim=4 * 3, prior="uniform")
    with pytest.raises(UsageError, match="leave truncation out"):
        game.sample(2, truncation=0.5)


@pytest.mark.parametrize("name", ["cvae", "bicogan", "aae"])
def test_a_game_whose_encoder_finds_z_says_why_there_must_be_one(name):
    kind = registry.load(name)
    assert kind.Options(z_dim=1).z_dim == 1
    with pytest.raises(
        UsageError, match="z_dim is at least 1, for z is what the encoder is to find of an image, not 0"
    ):
        kind.Options(z_dim=0)
