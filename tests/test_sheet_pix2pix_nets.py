"""pix2pix: every line of its fact sheet on networks, with what proves it."""

from functools import cache
from itertools import chain

import pytest
import torch
from playing import images
from seeding import seed_all
from sheets import Sheet, bare, count, kinds, span
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.pix2pix import Pix2Pix
from saddle.layers.dropout import Dropout
from saddle.layers.norm import BatchOfOneNorm2d
from saddle.nets.patch import patch_discriminator
from saddle.nets.translator import translator
from saddle.nets.unet import UNet
from saddle.spec import DataSpec

SHEET = Sheet(
    "closed.batch-of-1-is-instance-norm",
    "closed.relu-of-leaky-skip",
    "field.patch",
    "field.whole-image",
    "size.patch-maps",
    "size.smallest-patch",
    "count.unet",
    "count.unet-channels",
    "count.unet-instance",
    "count.patch",
    "count.patch-channels",
    "count.pixel",
    "count.resnet-batch",
    "unet.widths",
    "unet.order",
    "unet.no-norm-outside",
    "unet.no-norm-at-the-bottleneck",
    "unet.dropout-1-2-3",
    "unet.no-bias-under-batch-norm",
    "unet.deconvolution",
    "unet.takes-256-and-512",
    "unet.refuses-200",
    "patch.order",
    "patch.no-sigmoid",
    "init.normal",
)
proves = SHEET.proves


@cache
def unet(levels: int = 8, inputs: int = 3, outputs: int = 3, norm: str = "batch-of-one") -> UNet:
    with torch.device("meta"):
        return UNet(inputs, outputs, levels, 64, norm, 0.5)


def patch(layers: int, channels: int = 6, norm: str = "batch-of-one", side: int = 256) -> nn.Sequential:
    with torch.device("meta"):
        return patch_discriminator((channels, side, side), layers, norm=norm)


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.batch-of-1-is-instance-norm")
def _batch_norm_of_one_image_is_instance_norm():
    two, own, of_batch = images(2, 5, 6, 7), BatchOfOneNorm2d(5), nn.BatchNorm2d(5)
    for norm in (own, of_batch):
        nn.init.constant_(norm.weight, 3.0)
        nn.init.constant_(norm.bias, 0.5)
    assert torch.equal(own(two[:1]), of_batch(two[:1]))
    assert torch.equal(own(two), torch.cat([of_batch(each) for each in two.split(1)]))
    assert not torch.allclose(own(two), of_batch(two), atol=1e-3)


@proves("closed.relu-of-leaky-skip")
def _what_a_skip_hands_on_may_be_bent_or_not():
    x = images(2, 3, 4, 4)
    assert torch.equal(nn.functional.relu(nn.functional.leaky_relu(x, 0.2)), x.relu())
    assert all(isinstance(step[0], nn.ReLU) for step in unet().up)


@proves("field.patch")
def _a_patch_has_70_pixels_and_not_94():
    """Well-known code halves four times and pads by hand; its count is the same, its patch is 94."""
    for layers, side in enumerate((1, 16, 34, 70, 142)):
        assert span(bare(patch_discriminator((1, 256, 256), layers, 1, "batch-of-one")), 256) == [side, side]
    assert span(bare(patch_discriminator((1, 320, 320), 5, 1, "batch-of-one")), 320) == [286, 286]


@proves("field.whole-image")
def _a_pixel_of_the_unet_sees_the_whole_image():
    assert span(bare(UNet(1, 1, 8, 1, "batch-of-one", 0.5)), 256) == [256, 256]


@proves("size.patch-maps")
def _maps_have_the_papers_sizes():
    maps = {256: 30, 255: 29, 257: 30, 286: 33, 128: 14, 70: 6, 64: 6, 48: 4, 32: 2, 31: 1, 24: 1}
    for side, expected in maps.items():
        x = torch.empty(1, 6, side, side, device="meta")
        assert patch(3, norm="instance", side=side)(x).shape == (1, 1, expected, expected)
    assert patch(0, norm="instance")(torch.empty(1, 6, 9, 5, device="meta")).shape == (1, 1, 9, 5)


@proves("size.smallest-patch")
def _smaller_images_than_24_are_refused():
    with pytest.raises(UsageError, match="wants images of 24×24 or more, not 23×23"):
        patch(3, side=23)


@proves("count.unet")
def _the_unets_parameters():
    counts = {5: 16_659_075, 6: 29_244_035, 7: 41_828_995, 8: 54_413_955}
    assert {levels: count(unet(levels)) for levels in counts} == counts


@proves("count.unet-channels")
def _the_unets_parameters_for_other_channels():
    for inputs, outputs in ((1, 1), (3, 1), (1, 3), (12, 3), (3, 2)):
        expected = 54_413_955 + 1_024 * (inputs - 3) + 2_049 * (outputs - 3)
        assert count(unet(8, inputs, outputs)) == expected
    assert (count(unet(8, 1, 1)), count(unet(8, 3, 1)), count(unet(8, 1, 3))) == (54_407_809, 54_409_857, 54_411_907)


@proves("count.unet-instance")
def _the_unets_parameters_with_instance_norm():
    assert count(unet(norm="instance")) == 54_409_603


@proves("count.patch")
def _the_patch_discriminators_parameters():
    counts = {1: 139_585, 2: 666_433, 3: 2_768_705, 4: 6_964_033, 5: 11_159_361}
    assert {layers: count(patch(layers)) for layers in counts} == counts


@proves("count.patch-channels")
def _the_patch_discriminators_parameters_for_other_channels():
    for channels in (1, 3, 4, 6, 7, 39):
        assert count(patch(3, channels)) == 2_762_561 + 1_024 * channels
        assert count(patch(3, channels, "instance")) == 2_761_665 + 1_024 * channels


@proves("count.pixel")
def _the_pixel_discriminators_parameters():
    """9,024 and not 9,025: under batch norm the last convolution has no bias either."""
    for channels in (1, 6, 7):
        assert count(patch(0, channels)) == 8_640 + 64 * channels
        assert count(patch(0, channels, "instance")) == 8_513 + 64 * channels
    assert (count(patch(0)), count(patch(0, norm="instance"))) == (9_024, 8_897)


@proves("count.resnet-batch")
def _the_residual_translators_parameters_with_batch_norm():
    with torch.device("meta"):
        assert [count(translator((3, 256, 256), n, norm="batch-of-one")) for n in (9, 6)] == [11_383_427, 7_841_411]


@proves("unet.widths")
def _maps_on_the_way_down_and_up_have_the_papers_channels():
    downs = [next(m for m in step if isinstance(m, nn.Conv2d)) for step in unet().down]
    ups = [step[1] for step in unet().up]
    assert [conv.out_channels for conv in downs] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [conv.in_channels for conv in ups] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    assert [conv.out_channels for conv in ups] == [512, 512, 512, 512, 256, 128, 64, 3]


@proves("unet.order", "unet.no-norm-outside", "unet.no-norm-at-the-bottleneck")
def _layers_stand_in_the_papers_order():
    """A norm at the bottleneck makes its one pixel 0: the paper's first code did."""
    down = [kinds(step) for step in unet().down]
    assert down[0] == ["Conv2d"]
    assert down[1:-1] == [["LeakyReLU", "Conv2d", "BatchOfOneNorm2d"]] * 6
    assert down[-1] == ["LeakyReLU", "Conv2d"]
    up, whole = [kinds(step) for step in unet().up], ["ReLU", "ConvTranspose2d", "BatchOfOneNorm2d"]
    assert up == [[*whole, "Dropout"]] * 3 + [whole] * 4 + [["ReLU", "ConvTranspose2d", "Tanh"]]
    assert {m.negative_slope for m in unet().modules() if isinstance(m, nn.LeakyReLU)} == {0.2}


@proves("unet.dropout-1-2-3")
def _dropout_stands_behind_the_norms_of_the_first_three_steps_up():
    """The authors' later code has it in steps 2 to 4."""
    places = [step for step, layers in enumerate(unet().up) if any(isinstance(m, Dropout) for m in layers)]
    assert places == [0, 1, 2]
    assert kinds(unet().up[0])[2:] == ["BatchOfOneNorm2d", "Dropout"]
    assert {m.keep for m in unet().modules() if isinstance(m, Dropout)} == {0.5}
    shallow = [any(isinstance(m, Dropout) for m in layers) for layers in UNet(3, 3, 3, 2, "batch-of-one", 0.5).up]
    assert shallow == [True, True, False]


@proves("unet.no-bias-under-batch-norm")
def _only_what_no_norm_follows_has_a_bias_and_it_starts_at_0():
    biased = [name for name, _ in unet().named_parameters() if name.endswith("bias")]
    norms = [f"{name}.bias" for name, m in unet().named_modules() if isinstance(m, BatchOfOneNorm2d)]
    assert sorted(set(biased) - set(norms)) == ["up.7.1.bias"]
    assert not UNet(3, 3, 3, 2, "batch-of-one", 0.5).up[-1][1].bias.any()


@proves("unet.deconvolution")
def _images_grow_by_transposed_convolutions_of_4():
    """One collection repeats pixels and pads instead."""
    convolutions = [m for m in unet().modules() if isinstance(m, nn.modules.conv._ConvNd)]
    assert {(m.kernel_size, m.stride, m.padding) for m in convolutions} == {((4, 4), (2, 2), (1, 1))}
    assert sum(isinstance(m, nn.ConvTranspose2d) for m in convolutions) == 8


@proves("unet.takes-256-and-512")
def _it_draws_images_of_256_and_512_pixels():
    with torch.device("meta"):
        net = UNet(3, 3, 8, 64, "batch-of-one", keep=1.0)
    for side in (256, 512):
        assert net(torch.empty(1, 3, side, side, device="meta")).shape == (1, 3, side, side)


@proves("unet.refuses-200")
def _images_of_200_pixels_are_refused_before_any_training():
    with pytest.raises(UsageError, match="the U-Net cannot draw 200×200 images"):
        Pix2Pix(DataSpec.of((3, 200, 200), ("a", "b")), Pix2Pix.Options(levels=8))


@proves("patch.order", "patch.no-sigmoid")
def _the_discriminators_layers_stand_in_the_papers_order():
    whole = ["Conv2d", "BatchOfOneNorm2d", "LeakyReLU"]
    net = patch(3)
    assert kinds(net) == ["Conv2d", "LeakyReLU", *3 * whole, "Conv2d"]
    convolutions = [m for m in net if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 512, 1]
    assert [m.stride[0] for m in convolutions] == [2, 2, 2, 1, 1]
    assert {(m.kernel_size, m.padding) for m in convolutions} == {((4, 4), (1, 1))}
    assert kinds(patch(0)) == ["Conv2d", "LeakyReLU", *whole, "Conv2d"]
    assert {m.kernel_size for m in patch(0) if isinstance(m, nn.Conv2d)} == {(1, 1)}


@proves("init.normal")
def _weights_start_with_a_deviation_of_02_and_scales_about_1():
    seed_all(0)
    game = Pix2Pix(DataSpec.of((3, 32, 32), ("a", "b")), Pix2Pix.Options(width=24))
    for module in chain(game.generator.modules(), game.discriminator.modules()):
        if isinstance(module, nn.modules.conv._ConvNd) and module.weight.numel() > 10_000:
            assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
        if isinstance(module, BatchOfOneNorm2d):
            assert abs(float(module.weight.detach().mean()) - 1) < 0.02
            assert 0.005 < float(module.weight.detach().std()) < 0.04
