"""The residual networks of SNGAN, SAGAN and BigGAN: the published sizes, where labels and attention come in."""

import pytest
import torch
from torch import nn

from saddle.base.errors import UsageError
from saddle.layers import norm
from saddle.layers.attention import SelfAttention
from saddle.layers.conditional import ClassBatchNorm2d, Projection
from saddle.layers.spectral import SpectralNorm
from saddle.nets.biggan import BigGAN
from saddle.nets.biggan_deep import BigGANDeep
from saddle.nets.dcgan import DCGAN
from saddle.nets.mlp import MLP
from saddle.nets.network import Network
from saddle.nets.resnet import ResNet
from saddle.nets.sagan import SAGAN
from saddle.nets.sngan import SNCNN, SNResNet
from saddle.spec import DataSpec


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def spec(side: int, classes: int = 0, channels: int = 3) -> DataSpec:
    return DataSpec.of((channels, side, side), classes=tuple(map(str, range(classes))))


PUBLISHED = [
    (SNCNN(), 128, spec(32), 3_813_379, 2_935_873),
    (SNResNet(), 128, spec(32), 4_276_739, 1_053_825),
    (SNResNet(), 128, spec(32, 10), 4_304_387, 1_055_105),
    (SNResNet(bias=False), 128, spec(32, 10), 4_304_387, 1_055_104),
    (SNResNet(), 128, spec(48), 4_878_083, 10_141_441),
    (SNResNet(), 128, spec(64), 12_220_675, 10_141_441),
    (SNResNet(), 128, spec(128), 32_150_787, 29_017_857),
    (SNResNet(), 128, spec(128, 1000), 41_996_931, 30_041_857),
    (SAGAN(), 128, spec(32, 10), 4_386_308, 1_075_586),
    (SAGAN(), 128, spec(128, 1000), 42_017_412, 39_448_258),
    (SAGAN(attention=32), 128, spec(128, 1000), 42_078_852, 39_463_618),
    (BigGAN(width=64, shared=0, attention=0), 128, spec(32, 10), 4_304_387, 4_207_361),
    (BigGAN(width=64, attention=64), 100, spec(64, 1000), 31_804_676, 20_566_721),
    (BigGAN(width=64), 120, spec(128, 1000), 31_978_628, 39_448_258),
    (BigGAN(), 120, spec(128, 1000), 70_433_988, 87_982_370),
    (BigGAN(), 140, spec(256, 1000), 82_235_844, 99_225_890),
    (BigGANDeep(), 128, spec(128, 1000), 50_244_484, 34_590_210),
    (BigGANDeep(), 128, spec(256, 1000), 55_736_708, 38_247_426),
]


@pytest.mark.parametrize(("network", "z_dim", "data", "of_generator", "of_discriminator"), PUBLISHED)
def test_networks_have_the_published_parameter_counts(network, z_dim, data, of_generator, of_discriminator):
    with torch.device("meta"):
        assert count(network.generator(z_dim, data)) == of_generator
        assert count(network.discriminator(data)) == of_discriminator


@pytest.mark.parametrize(
    ("side", "mirrored", "maps"),
    [
        (64, False, [(1, 64), (2, 32), (4, 16), (8, 8), (16, 4)]),
        (32, False, [(4, 32), (4, 16), (4, 8), (4, 8)]),
        (128, False, [(1, 128), (2, 64), (4, 32), (8, 16), (16, 8), (16, 4)]),
        (64, True, [(2, 64), (4, 32), (8, 16), (16, 8), (16, 4)]),
        (32, True, [(4, 32), (4, 16), (4, 8), (4, 4)]),
    ],
)
def test_a_deep_discriminator_has_the_published_widths_at_every_size(side, mirrored, maps):
    """Channels, in units of the width, and side of the map after the first convolution and after every level."""
    discriminator = BigGANDeep(width=2, depth=1, attention=0, mirrored=mirrored).discriminator(spec(side, 3))
    x, seen = torch.zeros(1, 3, side, side), []
    for layer in discriminator.trunk[:-2]:
        x = layer(x)
        seen.append((x.shape[1] // 2, x.shape[2]))
    assert seen == maps


SMALL = [SNResNet(2), SNCNN(2), SAGAN(2), BigGAN(2, shared=4), BigGAN(2, shared=0), BigGANDeep(2, shared=4)]
LABELLED = [network for network in SMALL if network.takes_labels]
by_network = pytest.mark.parametrize("network", SMALL, ids=str)


def built(network: Network, data: DataSpec, z_dim: int = 12) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return network.generator(z_dim, data), network.discriminator(data)


@by_network
@pytest.mark.parametrize("size", [(8, 8), (28, 28), (32, 48), (48, 48), (64, 64)])
def test_any_size_that_halves_evenly_is_drawn_and_judged(network, size):
    data = DataSpec.of((2, *size))
    pieces = {8: 12, 28: 12, 32: 12, 48: 12, 64: 15}[size[0]]
    generator, discriminator = built(network, data, pieces)
    fake = generator(torch.randn(2, pieces))
    assert fake.shape == (2, 2, *size)
    assert fake.abs().max() <= 1
    output = discriminator(fake)
    assert output.logits.shape == (2,)
    assert output.features.shape[0] == 2


@pytest.mark.parametrize("network", LABELLED, ids=str)
def test_labels_change_what_is_drawn_and_how_it_is_judged(network):
    generator, discriminator = built(network, spec(8, classes=3, channels=1))
    for table in (m for m in generator.modules() if isinstance(m, ClassBatchNorm2d)):
        nn.init.normal_(table.shift)  # as trained: tables begin alike for all classes
    z, one, two = torch.randn(4, 12), torch.zeros(4, dtype=torch.int64), torch.full((4,), 2)
    x = generator(z, one)
    assert not torch.allclose(x, generator(z, two))
    assert not torch.allclose(discriminator(x, one).logits, discriminator(x, two).logits)


@by_network
def test_the_discriminator_is_normalised_in_every_layer_and_has_no_batch_norm(network):
    data = spec(8, classes=3 if network.takes_labels else 0)
    discriminator = built(network, data)[1]
    layers = [m for m in discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
    assert all(isinstance(layer.parametrizations.weight[0], SpectralNorm) for layer in layers)
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in discriminator.modules())
    assert any(isinstance(m, nn.Embedding) for m in layers) == network.takes_labels


def normalised(generator: nn.Module) -> set[bool]:
    layers = [m for m in generator.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return {"parametrizations" in dict(layer.named_children()) for layer in layers}


def test_the_generator_is_normalised_from_sagan_on():
    data = spec(8, classes=3)
    assert [normalised(built(network, data)[0]) for network in LABELLED] == [{False}] + [{True}] * 4


def test_neither_tables_of_scales_nor_the_shared_embedding_of_classes_are_normalised():
    tables = built(SAGAN(2), spec(8, classes=3))[0]
    assert isinstance(tables.blocks[0].norm_1.scale, nn.Parameter)
    for network in (BigGAN(2, shared=4), BigGANDeep(2, shared=4)):
        assert isinstance(built(network, spec(8, classes=3))[0].embedding.weight, nn.Parameter)


def test_biggan_starts_with_orthogonal_weights_which_are_set_before_they_are_normalised():
    generator, discriminator = built(BigGAN(2, shared=4, attention=0), spec(16, classes=3), 9)
    for layer in (generator.blocks[0].conv_1, generator.blocks[0].norm_1.scale, discriminator.trunk[1].conv_1):
        weight = layer.parametrizations.weight.original.detach().flatten(1)
        product = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
        assert torch.allclose(product, torch.eye(len(product)), atol=1e-5)


def test_features_are_summed_over_the_image():
    """Their mean would divide the logits, and what the discriminator's slope may be, by the number of places."""
    pool = built(SNResNet(2), spec(8))[1].trunk[-1]
    assert pool(torch.ones(2, 3, 4, 4)).tolist() == [[16.0] * 3] * 2


@pytest.mark.parametrize(("side", "where"), [(None, [16]), (8, [8]), (16, [16]), (32, [32]), (0, [])])
def test_maps_of_the_asked_side_attend_in_the_generator(side, where):
    generator = built(SAGAN(2, attention=side), spec(32))[0]
    found, h = [], generator.first(torch.randn(1, 12)).unflatten(1, (-1, 4, 4))
    for block in generator.blocks:
        h = block(h)
        found += [h.shape[-1]] if isinstance(block.attention, SelfAttention) else []
    assert found == where


@pytest.mark.parametrize("network", [SAGAN(2), BigGAN(2), BigGANDeep(2)], ids=str)
def test_the_discriminator_attends_at_the_same_side(network):
    trunk, seen = built(network, spec(32))[1].trunk, []
    for module in trunk.modules():
        if isinstance(module, SelfAttention):
            module.register_forward_pre_hook(lambda _, x: seen.append(x[0].shape[-1]))
    trunk(torch.randn(1, 3, 32, 32))
    assert seen == [16]


@pytest.mark.parametrize("network", [SAGAN(2, 12), BigGAN(2, attention=12), BigGANDeep(2, attention=12)], ids=str)
def test_a_side_that_no_map_has_is_refused_with_those_that_there_are(network):
    for build in (lambda data: network.generator(12, data), network.discriminator):
        with pytest.raises(UsageError, match="can attend have sides of 8, 16, 32; 0 is none; not 12"):
            build(spec(32))


def test_a_latent_that_does_not_divide_is_refused_with_the_nearest_that_do():
    with pytest.raises(UsageError, match=r"4 equal pieces.*; 121 numbers do not divide so; choose z_dim 120 or 124"):
        BigGAN(2).generator(121, spec(32))
    with pytest.raises(UsageError, match="3 numbers do not divide so; choose z_dim 4 or 8"):
        BigGAN(2).generator(3, spec(32))


def test_each_block_of_biggan_sees_its_own_piece_of_z():
    generator = built(BigGAN(2, shared=4), spec(16), 9)[0].eval()
    seen = []
    for block in generator.blocks:
        block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    z = torch.arange(9.0)[None]
    generator(z)
    assert torch.equal(torch.cat(seen, 1), z[:, 3:])


def test_biggan_deep_shows_all_of_z_to_every_block():
    generator = built(BigGANDeep(2, shared=4), spec(16, classes=3), 9)[0]
    seen = []
    for level in generator.levels:
        for block in level:
            block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    z, label = torch.randn(2, 9), torch.tensor([0, 2])
    generator(z, label)
    assert len(seen) == 4
    assert all(torch.equal(each, torch.cat((generator.embedding(label), z), 1)) for each in seen)


@pytest.mark.parametrize("network", [DCGAN, ResNet, MLP])
def test_spectral_norm_is_a_setting_of_the_general_networks(network):
    data = spec(8)
    plain, normed = (network(width=4, spectral=spectral).discriminator(data) for spectral in (False, True))
    assert count(plain) == count(normed)
    layers = sum(isinstance(m, nn.Linear | nn.Conv2d) for m in plain.modules())
    assert [sum(isinstance(m, SpectralNorm) for m in net.modules()) for net in (plain, normed)] == [0, layers]


def test_wrapping_keeps_dcgans_small_normal_start():
    torch.manual_seed(0)
    weight = DCGAN(32, spectral=True).discriminator(spec(32)).trunk[2].parametrizations.weight.original
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)


@by_network
def test_batch_norm_is_that_of_the_whole_batch(network):
    for net in built(network, spec(8)):
        for module in net.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                assert isinstance(module, norm._WholeBatch)
                assert (module.eps, module.momentum) == (1e-5, 0.1)


@by_network
def test_networks_work_in_float64_and_under_bf16(network):
    data = spec(8, classes=3 if network.takes_labels else 0)
    generator, discriminator = built(network, data)
    label = [torch.tensor([0, 2])] if data.classes else []
    with torch.autocast("cpu", torch.bfloat16):
        assert discriminator(generator(torch.randn(2, 12), *label), *label).logits.isfinite().all()
    fake = generator.double()(torch.randn(2, 12).double(), *label)
    assert discriminator.double()(fake, *label).logits.dtype == torch.float64


@pytest.mark.parametrize(
    "build",
    [
        lambda: SNResNet(0),
        lambda: SNCNN(0),
        lambda: SAGAN(0),
        lambda: BigGAN(0),
        lambda: BigGAN(shared=-1),
        lambda: BigGANDeep(shared=0),
        lambda: BigGANDeep(depth=0),
    ],
)
def test_sizes_below_the_least_are_refused(build):
    with pytest.raises(UsageError, match=r"^(width|shared|depth) is (at least [01]|from 1 to 1,000), not (0|-1)$"):
        build()


def test_projection_begins_with_one_vector_for_each_class_as_long_as_the_features():
    head = built(SNResNet(2), spec(64, classes=7))[1].head
    assert isinstance(head, Projection)
    assert head.embedding.weight.shape == (7, 32)
