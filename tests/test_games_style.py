"""ProGAN and StyleGAN2: the papers' sizes, growth, styles, and mistakes that others made."""

from dataclasses import replace

import pytest
import torch
from playing import images, play
from seeding import seed_all
from styled import SMALL, STYLED, growing, styled
from torch import nn

from saddle.base.errors import UsageError
from saddle.context import Context
from saddle.games.progan import ProGAN
from saddle.games.stylegan2 import StyleGAN2
from saddle.layers.pixel_norm import PixelNorm
from saddle.layers.resample import enlarge, shrink
from saddle.nets import progan, stylegan2
from saddle.nets.dcgan import DCGAN
from saddle.penalties import R1
from saddle.spec import DataSpec
from saddle.views import Shown, View

CLASSES = tuple("0123456789")
CIFAR = stylegan2.StyleGAN2(mapping_layers=2, architecture="orig", group=32)
HALF = stylegan2.StyleGAN2(channel_base=16384, group=8)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("network", "side", "classes", "of_generator", "of_discriminator"),
    [
        (progan.ProGAN(), 32, (), 20_719_628, 20_726_785),
        (progan.ProGAN(), 64, (), 22_490_383, 22_498_049),
        (progan.ProGAN(), 128, (), 22_933_394, 22_941_313),
        (progan.ProGAN(), 256, (), 23_044_309, 23_052_353),
        (progan.ProGAN(), 512, (), 23_072_120, 23_080_225),
        (progan.ProGAN(), 1024, (), 23_079_115, 23_087_249),
        (CIFAR, 32, (), 19_947_539, 20_720_641),
        (CIFAR, 32, CLASSES, 20_215_315, 23_089_664),
        (HALF, 256, (), 24_767_458, 24_001_089),
        (replace(HALF, mapping_layers=2), 256, (), 23_191_522, 24_001_089),
        (stylegan2.StyleGAN2(), 256, (), 30_034_338, 28_864_129),
        (stylegan2.StyleGAN2(), 512, (), 30_276_583, 28_982_849),
        (stylegan2.StyleGAN2(), 1024, (), 30_370_060, 29_012_513),
    ],
)
def test_networks_have_the_papers_parameter_counts(network, side, classes, of_generator, of_discriminator):
    with torch.device("meta"):
        data = DataSpec.of((3, side, side), classes=classes)
        assert count(network.generator(512, data)) == of_generator
        assert count(network.discriminator(data)) == of_discriminator


def test_mapping_and_synthesis_have_the_papers_sizes():
    with torch.device("meta"):
        cifar = CIFAR.generator(512, DataSpec.of((3, 32, 32)))
        full = stylegan2.StyleGAN2().generator(512, DataSpec.of((3, 1024, 1024)))
    assert (count(cifar.mapping), count(cifar.synthesis), cifar.synthesis.styles) == (525_312, 19_422_227, 8)
    assert (count(full.mapping), full.synthesis.styles) == (2_101_248, 18)


@pytest.mark.parametrize("network", [SMALL, STYLED], ids=["progan", "stylegan2"])
@pytest.mark.parametrize("side", [8, 16, 64])
def test_squares_of_a_power_of_two_are_drawn_and_judged(network, side):
    data = DataSpec.of((3, side, side))
    fake = network.generator(5, data)(torch.randn(4, 5))
    assert fake.shape == (4, 3, side, side)
    assert network.discriminator(data)(fake).logits.shape == (4,)


@pytest.mark.parametrize("network", [SMALL, STYLED], ids=["ProGAN", "StyleGAN2"])
@pytest.mark.parametrize(
    ("size", "nearest"),
    [((28, 28), "16×16 and 32×32"), ((64, 96), "64×64"), ((4, 4), "8×8"), ((100, 60), "32×32 and 64×64")],
)
def test_other_sizes_are_refused_with_the_nearest(network, size, nearest):
    for build in (lambda data: network.generator(5, data), network.discriminator):
        with pytest.raises(UsageError, match=rf"cannot draw {size[0]}×{size[1]}.*power of two.*sizes are {nearest}$"):
            build(DataSpec.of((3, *size)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: progan.ProGAN(channel_max=0), "channel_max is at least 1, not 0"),
        (lambda: stylegan2.StyleGAN2(w_dim=0), "w_dim is at least 1, not 0"),
        (lambda: stylegan2.StyleGAN2(mixing=1.1), "mixing is from 0 to 1, not 1.1"),
        (lambda: ProGAN.Options(grown_at=0.0), "grown_at is above 0 and up to 1, not 0.0"),
    ],
)
def test_impossible_settings_are_refused(build, message):
    with pytest.raises(UsageError, match=message):
        build()


@pytest.mark.parametrize("game", [ProGAN, StyleGAN2])
def test_a_network_of_another_kind_is_refused(game):
    with pytest.raises(UsageError, match=r"wants a network (that grows|with styles), not DCGAN"):
        game(DataSpec.of((1, 16, 16)), game.Options(network=DCGAN(4), penalties=()))


@pytest.mark.parametrize("game", [growing, styled])
def test_a_batch_that_does_not_divide_into_groups_is_refused(game):
    game().check_batch(8)
    with pytest.raises(UsageError, match="in groups of 4"):
        game().check_batch(6)


# ProGAN: growth


def test_every_level_fades_in_as_long_as_it_then_is_left_alone():
    game = growing()  # levels of 4, 8, 16 and 32 pixels: 6 stretches in 0.8 of the run
    growth = []
    for game.progress in (0, 0.13, 0.2, 0.27, 0.39, 0.4 + 0.2 / 3, 0.6, 0.7, 0.8, 0.95, 1):
        growth.append(round(game.growth(), 3))
    assert growth == [0, 0, 0.5, 1, 1, 1.5, 2, 2.25, 3, 3, 3]


def test_a_level_is_all_there_before_the_next_begins():
    """α must reach exactly 1."""
    game, stages = growing(), []
    for step in range(1001):
        game.progress = step / 1000
        game.grow()
        level, share = game.generator.stage()
        stages.append((level, 1.0 if share is None else float(share)))
    assert stages == sorted(stages)
    assert {level for level, share in stages if share == 1} == {0, 1, 2, 3}
    assert stages[-1] == (3, 1.0)


def test_adam_starts_afresh_when_a_level_begins_to_fade_in_and_when_it_has():
    game, batch = growing(16), {"image": images(4, 1, 16, 16)}
    begun = []
    for step in range(21):
        game.progress = step / 20
        moves = play(game, batch)
        assert len({move.forget for move in moves}) == 1
        begun.append(moves[0].forget)
    assert sum(begun) == 4
    assert not begun[0]
    assert not any(begun[17:])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_new_level_begins_as_the_old_image_enlarged_and_ends_as_its_own(level):
    generator, z = growing().generator, torch.randn(4, 6)
    generator.grow(level)
    old = generator(z)
    generator.grow(level + 1)
    new = generator(z)
    assert old.shape[2] == 4 << level
    generator.grow(level + 0.25)
    assert torch.allclose(generator(z), 0.75 * enlarge(old) + 0.25 * new, atol=1e-5)
    generator.grow(level + 1 / progan.UNIT)
    assert torch.allclose(generator(z), enlarge(old), atol=1e-3)


def test_the_discriminator_mirrors_the_growth():
    game, x = growing(), images(4, 1, 16, 16)
    trunk = game.discriminator.trunk
    trunk.grow(0.25)
    with torch.no_grad():
        x = shrink(x)
        h = 0.75 * trunk.from_image[0](shrink(x)) + 0.25 * trunk.blocks[1](trunk.from_image[1](x))
        assert torch.allclose(trunk(x), trunk.blocks[0](h), atol=1e-6)


def test_real_images_are_faded_in_as_the_fakes_are():
    game, real = growing(16), images(4, 1, 16, 16)
    for growth, size in ((0, 4), (1, 8), (1.5, 16), (2, 16)):
        game.generator.grow(growth)
        shown = game.show(real)
        assert shown.shape[2] == size
        coarse = shrink(real, 16 // size)
        if growth == 1.5:
            coarse = (real + enlarge(shrink(real))) / 2
        assert torch.allclose(shown, coarse)


def test_the_critic_sees_real_and_fake_at_the_same_resolution():
    game, seen = growing(16), []
    game.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape)))
    for game.progress, size in ((0.0, 4), (0.3, 8), (0.9, 16)):
        seen.clear()
        play(game, {"image": images(4, 1, 16, 16)})
        assert set(seen) == {(4, 1, size, size)}


def test_samples_of_a_growing_network_have_the_full_size_and_its_present_pixels():
    game = growing().eval()
    for level in range(4):
        game.generator.grow(level)
        made = game.sample(2)
        assert made.shape == (2, 1, 32, 32)
        assert torch.allclose(enlarge(shrink(made, 8 >> level), 8 >> level), made, atol=1e-6)


def test_averaged_weights_grow_with_their_player():
    from saddle.training.averages import Averages

    game = growing()
    averages = Averages(game)
    game.generator.grow(1.5)
    averages.update(beta=0.999)
    assert averages.copies["generator"].stage() == game.generator.stage()


def test_pixel_norm_stands_behind_the_activation_and_nothing_normalises_the_critic():
    game = growing()
    for block in game.generator.blocks:
        layers = [type(layer) for layer in block]
        assert all(layers[i - 1] is nn.LeakyReLU for i, layer in enumerate(layers) if layer is PixelNorm and i)
        assert layers.count(PixelNorm) >= 2
    assert not any(isinstance(m, PixelNorm) for m in game.discriminator.modules())


def test_the_first_layer_is_dense_with_a_bias_for_every_channel():
    first = growing().generator.blocks[0]
    layer, z = first[2], torch.randn(3, 6)
    dense = z @ layer.weight.flip(2, 3).permute(1, 0, 2, 3).flatten(1) * (2**0.5 / 4 / 6**0.5)
    assert torch.allclose(layer(z[:, :, None, None]).flatten(1), dense, atol=1e-5)


# StyleGAN2: styles


def test_styles_cross_over_where_they_are_told():
    w, other = torch.randn(3, 4), torch.randn(3, 4)
    mixed = stylegan2.cross(w, other, torch.tensor([0, 2, 6]), styles=6)
    assert torch.equal(mixed[0], other[0].expand(6, 4))
    assert torch.equal(mixed[1], torch.cat((w[1].expand(2, 4), other[1].expand(4, 4))))
    assert torch.equal(mixed[2], w[2].expand(6, 4))


def test_training_images_mix_styles_with_their_chance_and_never_in_the_first_layer():
    for mixing in (0.0, 0.9, 1.0):
        generator = styled(network=replace(STYLED, mixing=mixing)).generator
        z = torch.randn(2000, 5)
        styles, w = generator.styles(z), generator.mapping(z)
        assert torch.allclose(styles[:, 0], w, atol=1e-6)
        mixed = (styles[:, -1] - w).abs().amax(1) > 1e-6
        assert mixed.float().mean().item() == pytest.approx(mixing, abs=0.03)


def test_the_mapping_takes_latents_of_any_length_for_the_same():
    mapping, z = styled().generator.mapping, torch.randn(3, 5)
    assert torch.allclose(mapping(z), mapping(10 * z), atol=1e-5)


def test_no_truncation_leaves_samples_and_full_truncation_makes_them_one():
    game = styled().eval()
    game.generator.w_mean.normal_()

    def drawn(psi: float | None) -> torch.Tensor:
        seed_all(1)
        return game.sample(4, truncation=psi)

    alike = drawn(0.0)  # except for rounding: a row's place in a batch may choose how it is summed
    assert torch.allclose(alike, alike[:1].expand(4, -1, -1, -1), atol=1e-5)
    assert torch.allclose(drawn(1.0), drawn(None), atol=1e-5)
    assert drawn(1.0).std(0).mean() > drawn(0.5).std(0).mean() > 0


@pytest.mark.parametrize("psi", [-0.1, 1.5])
def test_a_truncation_beyond_its_range_is_refused(psi):
    with pytest.raises(UsageError, match="ψ, from 0"):
        styled().eval().sample(2, truncation=psi)


def test_the_mean_style_follows_the_styles_while_training_alone():
    generator, z = styled().generator, torch.randn(8, 5)
    w = generator.mapping(z).mean(0)
    generator(z)
    assert torch.allclose(generator.w_mean, 0.005 * w, atol=1e-6)
    generator.eval()(z)
    assert torch.allclose(generator.w_mean, 0.005 * w, atol=1e-6)


def test_noise_is_of_each_training_image_and_an_image_in_use_is_a_function_of_its_latent():
    game = styled(network=replace(STYLED, mixing=0.0))
    z = torch.randn(1, 5).expand(2, 5)
    with torch.no_grad():
        same = game.decode(z)
        assert torch.allclose(same[0], same[1], atol=1e-5)  # a strength of zero to begin with
        for module in game.generator.modules():
            if isinstance(module, stylegan2.StyledConv):
                module.noise_strength.fill_(1.0)
        different = game.decode(z)
        assert (different[0] - different[1]).abs().max() > 0.01
        assert torch.equal(game.eval().decode(z), game.decode(z))


def test_labels_reach_both_players():
    data = DataSpec.of((1, 8, 8), keys=("image", "label"), classes=CLASSES)
    game = styled(data=data, conditional=True).eval()
    label = torch.tensor([0, 1, 1])
    with torch.no_grad():
        made = game.decode(torch.randn(1, 5).expand(3, 5), label)
        output = game.discriminate(made[:1].expand(3, -1, -1, -1), label)
    assert (made[0] - made[1]).abs().max() > 1e-4
    assert torch.allclose(made[1], made[2], atol=1e-5)
    assert output.logits[0] != output.logits[1]
    assert game.labels == CLASSES
    assert game.sample(4).shape == (4, 1, 8, 8)


def test_a_conditional_round_pays_all_its_penalties():
    data = DataSpec.of((1, 8, 8), keys=("image", "label"), classes=CLASSES)
    batch = {"image": images(4, 1, 8, 8), "label": torch.tensor([0, 3, 3, 9])}
    of_d, of_g = play(styled(data=data, conditional=True), batch)
    assert set(of_d.losses) == {"adversarial", "r1"}
    assert set(of_g.losses) == {"adversarial", "path_length"}
    assert all(loss.isfinite() for loss in (of_d.losses | of_g.losses).values())


# StyleGAN2: penalties


def test_lazy_penalties_are_paid_in_every_16th_and_4th_round():
    moves = play(styled(8), {"image": images(4, 1, 8, 8)}, rounds=17)
    r1 = [round_ for round_, move in enumerate(moves[::2]) if "r1" in move.losses]
    path = [round_ for round_, move in enumerate(moves[1::2]) if "path_length" in move.losses]
    assert (r1, path) == ([0, 16], [0, 4, 8, 12, 16])


class Doubled(Shown):
    def forward(self, x: torch.Tensor, progress: float) -> torch.Tensor:
        return 2 * x


class Doubling(View):
    def build(self, data: DataSpec) -> Shown:
        return Doubled()


def test_r1_is_half_gamma_and_of_the_image_before_it_is_augmented():
    game = styled(8, views=(Doubling(),))
    game.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(64, 1, bias=False))
    weight = game.discriminator[1].weight
    context = Context(
        lambda x: game.discriminator(game.views[0](x, 0.0)).flatten(), images(4, 1, 8, 8), images(4, 1, 8, 8)
    )
    assert R1(weight=10.0)(0, context).item() == pytest.approx(5 * 4 * weight.square().sum().item(), rel=1e-4)
