"""SPADE: every line of its fact sheet on its norm and its generator, with what proves it."""

from functools import cache

import pytest
import torch
from playing import images
from sheets import Sheet, count
from torch import nn
from torch.nn.functional import one_hot

from saddle.base.errors import UsageError
from saddle.layers.instances import edges
from saddle.layers.norm import BatchNorm2d
from saddle.layers.spade import SPADE
from saddle.layers.spectral import SpectralNorm
from saddle.nets.scales import Scales, coarser
from saddle.nets.spade import SpadeBlock, SpadeGenerator, StyleEncoder, doublings, spade_judges

SHEET = Sheet(
    *("closed.outlines-28", "closed.average-of-a-constant", "count.generator", "count.generator-with-z"),
    *("count.most", "count.cityscapes-more", "count.judges", "count.encoder", "spade.formula"),
    *("spade.norm-has-no-weights", "spade.nearest-map", "spade.shared-128", "spade.zero-is-plain-norm"),
    *("spade.constant-inside", "spade.gradient-of-the-map", "spade.batch-or-instance", "block.order"),
    *("block.middle-width", "block.learned-shortcut", "block.spectral", "generator.blocks"),
    *("generator.begins-with-the-map", "generator.begins-with-z", "generator.normal-more-most", "generator.last"),
    *("generator.fewer-of-small-images", "generator.any-size", "generator.refuses-odd-sizes"),
)
proves = SHEET.proves


@cache
def generator(classes: int, size: tuple[int, int] = (256, 256), doublings: int = 5, z_dim: int = 0) -> SpadeGenerator:
    with torch.device("meta"):
        return SpadeGenerator(classes, 3, size, doublings, z_dim=z_dim)


@cache
def judges(channels: int) -> Scales:
    with torch.device("meta"):
        return spade_judges((channels, 256, 256), 2, 3, 64)


def thin(doublings: int = 3, z_dim: int = 0, side: int = 16, **options) -> SpadeGenerator:
    torch.manual_seed(0)
    return SpadeGenerator(3, 3, (side, side), doublings, width=2, hidden=4, z_dim=z_dim, **options)


def a_map(n: int = 2, side: int = 16, classes: int = 3) -> torch.Tensor:
    labels = torch.randint(classes, (n, side, side), generator=torch.Generator().manual_seed(0))
    return one_hot(labels, classes).movedim(-1, 1).float()


def loud(network: nn.Module) -> nn.Module:
    """Weights that make a difference."""
    torch.manual_seed(1)
    for p in network.parameters():
        nn.init.normal_(p, std=0.3)
    return network


def is_spectral(layer: nn.Module) -> bool:
    return any(isinstance(m, SpectralNorm) for m in layer.modules())


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.outlines-28")
def _a_square_of_4_has_12_pixels_of_outline_inside_and_16_outside():
    numbers = torch.zeros(1, 8, 8, dtype=torch.int64)
    numbers[:, 2:6, 2:6] = 3
    found = edges(numbers)
    assert found.shape == (1, 1, 8, 8)
    assert float(found.sum()) == 28
    assert float(found[0, 0, 2:6, 2:6].sum()) == 12
    assert [float(found[0, 0, row, column]) for row in (1, 6) for column in (1, 6)] == [0] * 4
    assert not edges(torch.full((1, 5, 5), 7)).any()


@proves("closed.average-of-a-constant")
def _half_of_a_constant_image_is_that_constant_at_the_edges_too():
    assert torch.equal(coarser(torch.full((1, 1, 33, 31), 0.5)), torch.full((1, 1, 17, 16), 0.5))


@proves("count.generator")
def _the_generators_parameters():
    published = {184: 97_480_899, 151: 96_492_483, 36: 93_048_003}
    assert {k: count(generator(k)) for k in published} == published
    assert all(count(generator(k)) == 91_969_731 + 29_952 * k for k in (2, 13, 184))


@proves("count.generator-with-z")
def _the_generators_parameters_with_z():
    assert count(generator(184, z_dim=256)) == 112_626_883
    assert all(count(generator(k, z_dim=256)) == 108_811_459 + 20_736 * k for k in (2, 13, 184))


@proves("count.most")
def _the_generators_parameters_with_seven_doublings():
    assert count(generator(36, (512, 512), 7)) == 93_570_659


@proves("count.cityscapes-more")
def _the_generators_parameters_for_streets():
    """512 × 256 with six doublings: z becomes maps of 8 × 4."""
    streets = generator(36, (256, 512), 6, z_dim=256)
    assert (count(streets), streets.grid) == (101_136_579, (4, 8))


@proves("count.judges")
def _the_discriminators_parameters():
    published = {184: 5_904_514, 151: 5_836_930, 36: 5_601_410}
    assert {k: count(judges(k + 3)) for k in published} == published
    assert all(count(judges(k + 3)) == 5_527_682 + 2_048 * k for k in (2, 13))


@proves("count.encoder")
def _the_encoders_parameters():
    with torch.device("meta"):
        assert count(StyleEncoder((3, 256, 256))) == count(StyleEncoder((3, 256, 512))) == 10_463_424


@proves("spade.formula")
def _normed_features_are_scaled_and_shifted_pixel_by_pixel():
    layer, x, m = loud(SPADE(4, 3, 5)), images(2, 4, 8, 8), a_map(side=8)
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
    normed = (x - mean) / (variance + 1e-5).sqrt()
    seen = nn.functional.relu(layer.shared[0](m))
    assert torch.allclose(layer(x, m), normed * (1 + layer.scale(seen)) + layer.shift(seen), atol=1e-5)


@proves("spade.norm-has-no-weights")
def _the_norm_itself_has_no_weights():
    for norm in ("instance", "batch"):
        assert list(SPADE(4, 3, 5, norm).norm.parameters()) == []


@proves("spade.nearest-map")
def _the_map_is_never_mixed():
    layer, m = SPADE(4, 3, 5), a_map(side=16)
    seen = []
    layer.shared.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    layer(images(2, 4, 4, 4), m)
    assert torch.equal(seen[0], m[:, :, ::4, ::4])


@proves("spade.shared-128")
def _both_look_at_128_shared_channels():
    layer = SPADE(64, 36)
    assert [conv.weight.shape for conv in (layer.shared[0], layer.scale, layer.shift)] == [
        (128, 36, 3, 3),
        (64, 128, 3, 3),
        (64, 128, 3, 3),
    ]


@proves("spade.zero-is-plain-norm")
def _with_silent_convolutions_it_is_the_plain_norm():
    layer, x = SPADE(4, 3, 5), images(2, 4, 8, 8)
    for conv in (layer.scale, layer.shift):
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)
    assert torch.equal(layer(x, a_map(side=8)), nn.functional.instance_norm(x))


@proves("spade.constant-inside")
def _one_class_and_even_features_give_an_even_image_but_at_its_edges():
    network = loud(thin(doublings=1, side=32)).eval()
    m = one_hot(torch.ones(1, 96, 96, dtype=torch.int64), 3).movedim(-1, 1).float()
    inside = network(m)[..., 44:52, 44:52]
    assert torch.allclose(inside, inside[..., :1, :1].expand_as(inside), atol=1e-4)


@proves("spade.gradient-of-the-map")
def _gradients_reach_the_map():
    m = a_map().requires_grad_()
    loud(thin())(m).square().sum().backward()
    assert (m.grad.abs().sum((0, 2, 3)) > 0).all()


@proves("spade.batch-or-instance")
def _statistics_are_those_of_the_image_or_of_the_whole_batch():
    x, m = images(3, 4, 8, 8), a_map(3, 8)
    of_one, of_all = SPADE(4, 3, 5), SPADE(4, 3, 5, "batch")
    assert isinstance(of_all.norm, BatchNorm2d)
    assert torch.allclose(of_one(x, m)[:1], of_one(x[:1], m[:1]), atol=1e-6)
    assert not torch.allclose(of_all(x, m)[:1], of_all(x[:1], m[:1]), atol=1e-3)
    of_all.eval()
    before = of_all.norm.running_mean.clone()
    assert torch.allclose(of_all(x, m)[:1], of_all(x[:1], m[:1]), atol=1e-6)
    assert torch.equal(of_all.norm.running_mean, before)


@proves("block.order", "block.learned-shortcut")
def _a_block_is_norm_bend_convolution_twice_and_what_goes_past():
    """The learned way past has a norm and no activation, and its convolution no bias."""
    block, x, m = loud(SpadeBlock(6, 4, 3, 5, "instance")), images(2, 6, 8, 8), a_map(side=8)
    bend = nn.LeakyReLU(0.2)
    inner = block.conv_1(bend(block.norm_1(block.conv_0(bend(block.norm_0(x, m))), m)))
    assert torch.allclose(block(x, m), inner + block.conv_s(block.norm_s(x, m)))
    assert (block.conv_s.kernel_size, block.conv_s.bias) == ((1, 1), None)
    same = loud(SpadeBlock(6, 6, 3, 5, "instance"))
    inner = same.conv_1(bend(same.norm_1(same.conv_0(bend(same.norm_0(x, m))), m)))
    assert torch.allclose(same(x, m), x + inner)
    assert not hasattr(same, "conv_s")


@proves("block.middle-width")
def _a_block_is_as_narrow_inside_as_its_narrower_end():
    for inputs, outputs in ((6, 4), (4, 6)):
        assert SpadeBlock(inputs, outputs, 3, 5, "instance").conv_0.out_channels == 4


@proves("block.spectral")
def _spectrally_normed_are_the_blocks_convolutions_and_not_those_of_the_map():
    block = thin().blocks[3]
    assert all(is_spectral(conv) for conv in (block.conv_0, block.conv_1, block.conv_s))
    assert not any(is_spectral(norm) for norm in (block.norm_0, block.norm_1, block.norm_s))
    assert not is_spectral(thin().start)
    assert not is_spectral(thin().last)


@proves("generator.blocks")
def _blocks_have_the_papers_widths():
    blocks = generator(36).blocks
    ends = [(block.conv_0.in_channels, block.conv_1.out_channels) for block in blocks]
    assert ends == [(1024, 1024)] * 3 + [(1024, 512), (512, 256), (256, 128), (128, 64)]


@proves("generator.begins-with-the-map")
def _without_z_it_begins_with_the_map_in_8_by_8():
    network = generator(36)
    assert network.start.weight.shape == (1024, 36, 3, 3)
    assert network.beginning(torch.empty(1, 36, 256, 256, device="meta"), None).shape == (1, 1024, 8, 8)
    small, m = thin(doublings=2), a_map()
    assert torch.equal(small.beginning(m, None), small.start(m[:, :, ::4, ::4]))


@proves("generator.begins-with-z")
def _with_z_it_begins_with_that():
    network = generator(36, z_dim=256)
    assert network.start.weight.shape == (1024 * 8 * 8, 256)
    small = loud(thin(z_dim=5))
    one, other = small(a_map(1), torch.zeros(1, 5)), small(a_map(1), torch.ones(1, 5))
    assert not torch.allclose(one, other, atol=1e-3)


def sizes(network: SpadeGenerator, side: int) -> list[int]:
    """Of the maps that the blocks are given."""
    found: list[int] = []
    for block in network.blocks:
        block.register_forward_pre_hook(lambda _, given: found.append(given[0].shape[-1]))
    network(torch.zeros(1, 3, side, side))
    return found


@proves("generator.normal-more-most")
def _maps_are_doubled_where_the_code_does_it():
    """Normal: after the first block and before the last four. More: also between the middle ones. Most: once more."""
    assert sizes(thin(5, side=64), 64) == [2, 4, 4, 8, 16, 32, 64]
    assert sizes(thin(6, side=128), 128) == [2, 4, 8, 16, 32, 64, 128]
    assert sizes(thin(7, side=256), 256) == [2, 4, 8, 16, 32, 64, 128, 256]
    assert sizes(thin(4, side=32), 32) == [2, 2, 2, 4, 8, 16, 32]


@proves("generator.last")
def _the_last_layers_bend_convolve_and_squash():
    network, seen = loud(thin()), []
    network.last.register_forward_hook(lambda _, given, out: seen.append((given[0], out)))
    network.blocks[-1].register_forward_hook(lambda _, __, out: seen.append(out))
    image = network(a_map())
    maps, (given, out) = seen
    assert torch.equal(given, nn.functional.leaky_relu(maps, 0.2))
    assert torch.equal(image, out.tanh())
    assert (network.last.kernel_size, network.last.out_channels) == ((3, 3), 3)


@proves("generator.fewer-of-small-images")
def _small_images_are_doubled_less_often():
    """64 pixels four times. From 128 on five, the code's default."""
    found = {side: doublings(side, side) for side in (8, 16, 32, 48, 64, 128, 256, 512)}
    assert found == {8: 1, 16: 2, 32: 3, 48: 3, 64: 4, 128: 5, 256: 5, 512: 5}
    assert [doublings(256, 512, asked) for asked in (5, 6, 7)] == [5, 6, 7]


@proves("generator.any-size")
def _it_draws_images_of_other_sizes():
    for z_dim in (0, 5):
        network = loud(thin(z_dim=z_dim))
        z = torch.zeros(1, z_dim) if z_dim else None
        assert network(torch.zeros(1, 3, 24, 40), z).shape == (1, 3, 24, 40)


@proves("generator.refuses-odd-sizes")
def _sizes_that_do_not_halve_evenly_are_refused_with_the_next_ones():
    with pytest.raises(UsageError, match=r"SPADE cannot draw 33×33 images.*nearest sizes are 32×32"):
        doublings(33, 33)
    with pytest.raises(UsageError, match="halve evenly 6 times"):
        doublings(96, 96, 6)
