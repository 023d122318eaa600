"""Networks: the papers' sizes, any image size, and what they say of the rest."""

import pytest
import torch
from seeding import seed_all
from torch import nn

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.layers import norm
from saddle.layers.dropout import Dropout
from saddle.nets import infogan
from saddle.nets.dcgan import DCGAN
from saddle.nets.lsgan import LSGAN
from saddle.nets.maxout import Maxout, MaxoutLayer, MixtureMaxout
from saddle.nets.mlp import MLP
from saddle.nets.patch import patch_discriminator
from saddle.nets.resnet import Block, ResNet
from saddle.nets.translator import translator
from saddle.spec import DataSpec


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


PAPERS = [
    (DCGAN(), 100, (3, 64, 64), 3_576_704, 2_765_568),
    (DCGAN(kernel=5), 100, (3, 64, 64), 5_126_720, 4_315_584),
    (DCGAN(128, kernel=5), 100, (3, 64, 64), 18_855_040, 17_232_768),
    (Maxout(), 100, (1, 28, 28), 2_503_984, 1_231_441),
    (ResNet(), 128, (3, 32, 32), 1_204_483, 1_053_825),
    (MLP(), 2, (2,), 527_874, 527_361),
    (MixtureMaxout(), 2, (2,), 484_802, 405_201),
]


@pytest.mark.parametrize(("network", "z_dim", "shape", "of_generator", "of_discriminator"), PAPERS)
def test_networks_have_the_papers_parameter_counts(network, z_dim, shape, of_generator, of_discriminator):
    with torch.device("meta"):
        data = DataSpec.of(shape)
        assert count(network.generator(z_dim, data)) == of_generator
        assert count(network.discriminator(data)) == of_discriminator


@pytest.mark.parametrize(
    "network",
    [
        *(DCGAN(4), DCGAN(4, norm="none"), DCGAN(4, critic=True), DCGAN(4, critic=True, minibatch="stddev")),
        *(LSGAN(4), LSGAN(4, critic=True), ResNet(4), Maxout()),
    ],
    ids=str,
)
def test_a_discriminator_has_thresholds_of_its_own_with_norms_and_without(network):
    """Without biases and shifts of norms an image twice as strong has twice the logit, and a black one always 0."""
    torch.manual_seed(0)
    judge = network.discriminator(DataSpec.of((1, 16, 16))).eval()
    for parameter in judge.parameters():
        nn.init.normal_(parameter, 0.1, 0.2)
    assert (judge(torch.zeros(2, 1, 16, 16)).logits.abs() > 1e-3).all()


@pytest.mark.parametrize(("packed", "parameters"), [(1, 405_201), (2, 407_201), (3, 409_201), (4, 411_201)])
def test_a_discriminator_of_packed_points_has_pacgans_parameter_count(packed, parameters):
    with torch.device("meta"):
        assert count(MixtureMaxout().discriminator(DataSpec.of((2 * packed,)))) == parameters


def test_the_mixtures_generator_has_no_bias_before_its_batch_norm():
    names = [n for n, _ in MixtureMaxout(width=4).generator(2, DataSpec.of((2,))).named_parameters()]
    assert [n for n in names if n.endswith("bias")] == ["1.bias", "4.bias", "7.bias", "10.bias", "12.bias"]


def test_mixture_networks_without_units_are_refused():
    with pytest.raises(UsageError, match="units is at least 1, not 0"):
        MixtureMaxout(units=0)


def test_infogan_has_the_papers_parameter_counts():
    with torch.device("meta"):
        data = DataSpec.of((1, 28, 28))
        judge = infogan.Discriminator(data, categories=10, continuous=2)
        assert count(infogan.generator(62 + 10 + 2, data)) == 6_652_481
        assert count(judge.trunk) == 6_558_144
        assert count(judge.trunk) + count(judge.logit) == 6_559_169
        assert count(judge.code) == 133_262


def test_translation_networks_have_the_papers_parameter_counts():
    with torch.device("meta"):
        assert count(translator((3, 256, 256), blocks=9)) == 11_378_179
        assert count(translator((3, 128, 128), blocks=6)) == 7_837_699
        assert count(patch_discriminator((3, 256, 256))) == 2_764_737


SIZES = [(28, 28), (32, 32), (48, 48), (64, 96), (8, 8), (96, 64), (20, 36)]


@pytest.mark.parametrize(
    "network", [DCGAN(width=4), DCGAN(4, kernel=5), ResNet(width=4), MLP(width=8), Maxout()], ids=lambda n: str(n)
)
@pytest.mark.parametrize("size", SIZES)
def test_any_size_that_halves_evenly_is_drawn_and_judged(network, size):
    data = DataSpec.of((2, *size))
    fake = network.generator(5, data)(torch.randn(3, 5))
    assert fake.shape == (3, 2, *size)
    assert fake.abs().max() <= 1
    assert network.discriminator(data)(fake).logits.shape == (3,)


@pytest.mark.parametrize("side", [28, 32, 48, 64, 96, 128])
def test_the_smallest_map_has_4_to_7_pixels(side):
    with torch.device("meta"):
        generator = DCGAN(width=2).generator(5, DataSpec.of((3, side, side)))
    assert 4 <= generator[1].kernel_size[0] <= 7


@pytest.mark.parametrize("network", [DCGAN(), ResNet()], ids=["DCGAN", "ResNet"])
@pytest.mark.parametrize(
    ("size", "nearest"), [((30, 30), "28×28 and 32×32"), ((27, 28), "28×28"), ((5, 6), "8×8"), ((64, 90), "64×96")]
)
def test_a_size_that_does_not_halve_evenly_is_refused_with_the_nearest_that_do(network, size, nearest):
    for build in (lambda data: network.generator(5, data), network.discriminator):
        with pytest.raises(UsageError, match=f"cannot draw {size[0]}×{size[1]} images.*nearest sizes are.*{nearest}"):
            build(DataSpec.of((3, *size)))


@pytest.mark.parametrize("network", [DCGAN(), ResNet()], ids=["DCGAN", "ResNet"])
def test_an_image_network_refuses_points_and_names_one_that_takes_them(network):
    with pytest.raises(UsageError, match=r"draws images; .*points of shape \(2,\); choose --game.network MLP"):
        network.generator(5, DataSpec.of((2,)))


@pytest.mark.parametrize("network", [MLP(width=8), Maxout()], ids=["MLP", "Maxout"])
def test_points_are_drawn_without_bounds(network):
    data = DataSpec.of((2,))
    generator = network.generator(5, data)
    assert not any(isinstance(layer, nn.Tanh) for layer in generator)
    assert network.discriminator(data)(generator(torch.randn(3, 5))).logits.shape == (3,)


@pytest.mark.parametrize(
    "build", [lambda: DCGAN(width=0), lambda: ResNet(width=0), lambda: MLP(width=0), lambda: MLP(depth=0)]
)
def test_a_network_without_units_is_refused(build):
    with pytest.raises(UsageError, match=r"^(width is at least 1|depth is from 1 to 1,000), not 0$"):
        build()


def test_a_kernel_that_neither_of_dcgans_codes_has_is_refused():
    with pytest.raises(UsageError, match="kernel is from 4 to 5, not 3"):
        DCGAN(kernel=3)


EVERY = [
    *(n.generator(4, DataSpec.of((1, 8, 8))) for n in (DCGAN(4), ResNet(4), Maxout(), MLP(8, 1))),
    *(n.discriminator(DataSpec.of((1, 8, 8))) for n in (DCGAN(4), ResNet(4), Maxout(), MLP(8, 1))),
    infogan.generator(4, DataSpec.of((1, 8, 8)), 4),
    infogan.Discriminator(DataSpec.of((1, 8, 8)), 3, 1, 4),
    translator((1, 8, 8), 1, 4),
    patch_discriminator((1, 8, 8), 1, 4),
]


@pytest.mark.parametrize("net", EVERY, ids=lambda net: f"{type(net).__name__}-{count(net)}")
def test_batch_norm_is_that_of_the_whole_batch_and_its_second_number_is_not_eps(net):
    """`BatchNorm2d(c, 0.8)` sets eps."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            assert isinstance(module, norm._WholeBatch)
            assert (module.eps, module.momentum) == (1e-5, 0.1)


def test_the_resnet_critic_has_no_batch_norm_and_its_generator_has():
    data = DataSpec.of((3, 32, 32))
    norms = [
        [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for net in (ResNet(4).generator(8, data), ResNet(4).discriminator(data))
    ]
    assert [len(found) for found in norms] == [7, 0]


def test_networks_work_in_float64_and_under_bf16():
    data = DataSpec.of((1, 8, 8))
    for network in (DCGAN(4), ResNet(4), Maxout(), MLP(8)):
        generator, judge = network.generator(4, data), network.discriminator(data)
        with torch.autocast("cpu", torch.bfloat16):
            assert judge(generator(torch.randn(3, 4))).logits.isfinite().all()
        assert judge.double()(generator.double()(torch.randn(3, 4).double())).logits.dtype == torch.float64


def test_dcgan_starts_with_small_normal_weights():
    torch.manual_seed(0)
    generator = DCGAN(32).generator(100, DataSpec.of((3, 32, 32)))
    assert generator[1].weight.std().item() == pytest.approx(0.02, rel=0.05)
    scale = torch.cat([m.weight for m in generator if isinstance(m, nn.BatchNorm2d)])
    assert scale.mean().item() == pytest.approx(1.0, abs=0.01)
    assert scale.std().item() == pytest.approx(0.02, rel=0.3)


def test_maxout_networks_start_with_the_papers_uniform_weights():
    torch.manual_seed(0)
    data = DataSpec.of((1, 28, 28))
    for net, bound in ((Maxout().generator(100, data), 0.05), (Maxout().discriminator(data), 0.005)):
        weights = torch.cat([p.flatten() for name, p in net.named_parameters() if "weight" in name])
        assert bound * 0.999 < weights.abs().max() <= bound
        assert all(not p.any() for name, p in net.named_parameters() if "bias" in name)


def test_a_maxout_unit_is_the_largest_of_its_pieces():
    layer = MaxoutLayer(1, units=2, pieces=2)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.tensor([[1.0], [-1.0], [2.0], [3.0]]))
        layer.linear.bias.zero_()
    assert layer(torch.tensor([[2.0], [-2.0]])).tolist() == [[2.0, 6.0], [2.0, -4.0]]


def test_dropout_keeps_the_mean_and_sleeps_in_use():
    seed_all(0)
    layer, x = Dropout(keep=0.8), torch.ones(100, 100)
    dropped = layer(x)
    assert sorted(dropped.unique().tolist()) == [0.0, 1.25]
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.02)
    assert torch.equal(layer.eval()(x), x)


def test_dropout_draws_the_same_mask_however_the_batch_is_divided():
    layer, x = Dropout(keep=0.5), torch.ones(6, 10)
    seed_all(0)
    whole = layer(x)
    parts = []
    for part in range(2):
        with rng.share(part, 2):
            seed_all(0)
            parts.append(layer(x[part * 3 : part * 3 + 3]))
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("scale", ["up", "down"])
def test_a_residual_shortcut_at_the_lower_resolution_is_the_same_function(scale):
    block, x = Block(4, scale), torch.randn(2, 4, 8, 8)
    from saddle.nets.resnet import down, up

    for conv in (block.conv_1, block.conv_2):
        nn.init.zeros_(conv.weight)
    published = block.shortcut(up(x)) if scale == "up" else down(block.shortcut(x))
    assert torch.allclose(block(x), published, atol=1e-6)


@pytest.mark.parametrize(
    ("side", "layers", "out"), [(256, 3, 30), (255, 3, 29), (70, 3, 6), (64, 3, 6), (48, 3, 4), (32, 3, 2), (24, 3, 1)]
)
def test_patch_maps_have_the_published_sizes(side, layers, out):
    with torch.device("meta"):
        net = patch_discriminator((3, side, side), layers, width=2)
        assert net(torch.empty(1, 3, side, side)).shape == (1, 1, out, out)


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_has_the_published_receptive_field(layers, field):
    """A discriminator with the same number of parameters may see 94 pixels; count what has a gradient."""
    net = patch_discriminator((1, 160, 160), layers, width=2)
    for m in net:
        if isinstance(m, nn.Conv2d):
            nn.init.constant_(m.weight, 1.0)
    linear = nn.Sequential(*(m for m in net if isinstance(m, nn.Conv2d)))
    x = torch.zeros(1, 1, 160, 160, requires_grad=True)
    scores = linear(x)
    middle = scores.shape[-1] // 2
    scores[0, 0, middle, middle].backward()
    assert int((x.grad[0, 0].abs().sum(0) > 0).sum()) == field


def test_images_too_small_for_patches_are_refused():
    with pytest.raises(UsageError, match=r"3 layers wants images of 24×24 or more, not 23×30; choose fewer layers"):
        patch_discriminator((3, 23, 30))


@pytest.mark.parametrize("size", [(8, 8), (28, 32), (36, 20)])
def test_a_translator_gives_back_the_size_it_took(size):
    assert translator((3, *size), 1, 2)(torch.zeros(1, 3, *size)).shape == (1, 3, *size)


@pytest.mark.parametrize(("size", "nearest"), [((30, 30), "28×28 and 32×32"), ((4, 4), "8×8")])
def test_a_translator_refuses_sizes_that_would_come_back_larger(size, nearest):
    with pytest.raises(UsageError, match=f"multiples of 4, and 8 or more; the nearest sizes are {nearest}"):
        translator((3, *size), 1, 2)


def test_an_infogan_verdict_has_a_logit_for_each_image_and_the_code_in_its_parts():
    net = infogan.Discriminator(DataSpec.of((1, 8, 8)), categories=10, continuous=2, width=4)
    output = net(torch.zeros(3, 1, 8, 8))
    assert [part.shape for part in output] == [(3,), (3, 10), (3, 2), (3, 2)]
