"""CycleGAN: every line of its fact sheet on networks, with what proves it."""

import math

import pytest
import torch
from seeding import seed_all
from sheets import Sheet, bare, count, kinds, reach, span
from test_sheet_cyclegan import small
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.cyclegan import CycleGAN
from saddle.nets.patch import patch_discriminator
from saddle.nets.translator import translator
from saddle.spec import DataSpec

SHEET = Sheet(
    *("field.patch", "field.resnet-6", "field.resnet-9", "count.resnet", "count.resnet-channels", "count.patch"),
    *("net.layers", "net.reflected-where", "net.norm-is-instance", "net.grows-by-deconvolution"),
    *("net.blocks-by-size", "net.sides-of-4", "net.refuses-others", "patch.layers", "patch.norm-is-instance"),
    *("init.normal", "norm.eps"),
)
proves = SHEET.proves


BLOCK = ["ReflectionPad2d", "Conv2d", "InstanceNorm2d", "ReLU", "ReflectionPad2d", "Conv2d", "InstanceNorm2d"]


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def net(blocks: int = 9, inputs: int = 3, outputs: int = 3) -> nn.Sequential:
    with torch.device("meta"):
        return translator((inputs, 256, 256), blocks, outputs=outputs)


@proves("field.patch")
def _a_patch_has_70_pixels_and_not_94():
    assert span(bare(patch_discriminator((1, 160, 160), 3, 1)), 160) == [70, 70]


@proves("field.resnet-6")
def _a_pixel_of_a_translator_of_6_blocks_sees_60_pixels_to_either_side():
    assert reach(bare(translator((1, 160, 160), 6, 1)), 160, 4) == 60


@proves("field.resnet-9")
def _a_pixel_of_a_translator_of_9_blocks_sees_84_pixels_to_either_side():
    assert reach(bare(translator((1, 200, 200), 9, 1)), 200, 4) == 84


@proves("count.resnet")
def _the_translators_parameters():
    assert [count(net(blocks)) for blocks in (9, 6)] == [11_378_179, 7_837_699]


@proves("count.resnet-channels")
def _the_translators_parameters_for_other_channels():
    for inputs, outputs in ((1, 1), (1, 3), (3, 1), (12, 3)):
        more = 3_136 * inputs + 3_137 * outputs
        counts = [count(net(blocks, inputs, outputs)) for blocks in (9, 6)]
        assert counts == [11_359_360 + more, 7_818_880 + more]


@proves("count.patch")
def _the_discriminators_parameters():
    with torch.device("meta"):
        assert count(patch_discriminator((3, 256, 256))) == 2_764_737
        assert count(patch_discriminator((1, 256, 256))) == 2_762_689


@proves("net.layers", "net.grows-by-deconvolution")
def _a_translators_layers_stand_in_the_papers_order():
    """One collection repeats pixels on the way up; its count is the same."""
    whole = ["Conv2d", "InstanceNorm2d", "ReLU"]
    expected = ["ReflectionPad2d", *3 * whole, *6 * BLOCK]
    expected += [*2 * ["ConvTranspose2d", "InstanceNorm2d", "ReLU"], "ReflectionPad2d", "Conv2d", "Tanh"]
    assert kinds(net(6)) == expected
    outer = [m for m in net(6) if isinstance(m, nn.modules.conv._ConvNd)]
    shapes = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in outer]
    rising = [(256, 128, 3, 2), (128, 64, 3, 2), (64, 3, 7, 1)]
    assert shapes == [(3, 64, 7, 1), (64, 128, 3, 2), (128, 256, 3, 2), *rising]


@proves("net.reflected-where")
def _the_large_kernels_and_the_blocks_are_reflected_and_the_halvings_padded_with_0():
    pads = [m.padding[0] for m in net(1).modules() if isinstance(m, nn.ReflectionPad2d)]
    assert pads == [3, 1, 1, 3]
    assert [m.padding[0] for m in net(1).modules() if isinstance(m, nn.Conv2d)] == [0, 1, 1, 0, 0, 0]


@proves("net.norm-is-instance", "patch.norm-is-instance", "norm.eps")
def _norms_are_of_each_image_and_have_no_weights_and_convolutions_are_biased():
    game = small()
    norms = [m for m in game.modules() if isinstance(m, nn.modules.batchnorm._NormBase)]
    assert {(type(m), m.affine, m.track_running_stats, m.eps) for m in norms} == {
        (nn.InstanceNorm2d, False, False, 1e-5)
    }
    assert all(m.bias is not None for m in game.modules() if isinstance(m, nn.modules.conv._ConvNd))


@proves("net.blocks-by-size")
def _images_of_more_than_128_pixels_have_9_blocks():
    for side, blocks in ((128, 6), (256, 9)):
        with torch.device("meta"):
            game = CycleGAN(DataSpec.of((3, side, side), keys=("a", "b")))
        assert sum(type(m).__name__ == "Residual" for m in game.a_to_b) == blocks


@proves("net.sides-of-4")
def _other_sides_would_come_back_larger():
    for side in (32, 33, 34):
        back = net(1)(torch.empty(1, 3, side, side, device="meta")).shape[2]
        assert back == 4 * math.ceil(side / 4)


@proves("net.refuses-others")
def _other_sides_are_refused_with_the_nearest_ones():
    with pytest.raises(UsageError, match=r"cannot draw 33×40 images: .* multiples of 4.* are 32×40 and 36×40"):
        CycleGAN(DataSpec.of((3, 33, 40), keys=("a", "b")))


@proves("patch.layers")
def _a_judges_layers_stand_in_the_papers_order():
    with torch.device("meta"):
        judge = patch_discriminator((3, 256, 256))
    assert kinds(judge) == ["Conv2d", "LeakyReLU", *3 * ["Conv2d", "InstanceNorm2d", "LeakyReLU"], "Conv2d"]
    assert [m.stride[0] for m in judge if isinstance(m, nn.Conv2d)] == [2, 2, 2, 1, 1]


@proves("init.normal")
def _weights_start_with_a_deviation_of_02():
    seed_all(0)
    for network in (translator((3, 32, 32), 1, 32), patch_discriminator((3, 32, 32), 3, 16)):
        for module in network.modules():
            if isinstance(module, nn.modules.conv._ConvNd):
                assert not module.bias.any()
                if module.weight.numel() > 10_000:
                    assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
