"""ESRGAN: every line of its fact sheet on networks, with what proves it."""

from itertools import pairwise

import pytest
import torch
from playing import images
from sheets import Sheet, bare, count, kinds
from torch import nn
from torch.nn.functional import interpolate
from torch.nn.utils.parametrize import is_parametrized

from saddle.base.errors import UsageError
from saddle.nets import rrdb
from saddle.nets.esrgan import UNetJudge, judge
from saddle.nets.rrdb import RRDBNet
from saddle.nets.vgg import places

SHEET = Sheet(
    *("count.rrdbnet", "count.other-depths", "count.growth-32-not-64", "count.judge", "count.judge-of-other-sizes"),
    *("count.unet", "generator.layers", "generator.no-norm", "generator.linear-at-the-end", "generator.from-0-to-1"),
    *("generator.scaling", "generator.quiet-start", "generator.nearest", "generator.folds", "generator.factors"),
    *("dense.sees-all-before", "reach.349", "reach.other-factors", "judge.layers", "judge.too-small"),
    *("unet.spectral-norm-but-at-both-ends", "unet.sums-of-skips", "unet.maps", "unet.sizes", "vgg.places"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def counts(times: int = 4, *blocks: int, **how) -> list[int]:
    with torch.device("meta"):
        return [count(RRDBNet(3, 3, times, each, **how)) for each in blocks]


@proves("count.rrdbnet", "count.other-depths", "count.growth-32-not-64")
def _the_generator_has_the_published_parameters():
    """Well-known code has a growth of 64."""
    assert [counts(times, 23)[0] for times in (4, 2, 1)] == [16_697_987, 16_703_171, 16_723_907]
    assert counts(4, 6, 16) == [4_467_779, 11_662_019]
    (narrow,), (wide,) = counts(4, 1), counts(4, 1, growth=64)
    assert wide > 2 * narrow


@proves("count.judge", "count.judge-of-other-sizes")
def _the_discriminator_has_the_codes_parameters_and_those_of_its_formula():
    known = {128: 14_499_401, 256: 21_055_049}
    for height, width, halvings in ((128, 128, 5), (256, 256, 6), (48, 50, 3)):
        with torch.device("meta"):
            net = judge((3, height, width))
        widths = [64 * min(2**level, 8) for level in range(halvings)]
        pairs = [(64, 64, 16), *((a, b, 9) for a, b in pairwise(widths))]
        pairs += [(b, b, 16) for b in widths[1:]]
        convolutions = 3 * 64 * 9 + 64 + sum(a * b * k + 2 * b for a, b, k in pairs)
        seen = widths[-1] * (height >> halvings) * (width >> halvings)
        assert count(net) == convolutions + (seen + 1) * 100 + 101 == known.get(height, count(net))


@proves("count.unet")
def _the_u_net_has_real_esrgans_parameters():
    with torch.device("meta"):
        assert count(UNetJudge((3, 256, 256))) == 4_376_897


def small(times: int = 4, blocks: int = 1, **how) -> RRDBNet:
    torch.manual_seed(0)
    return RRDBNet(3, 3, times, blocks, 6, 4, **how)


@proves("generator.layers", "generator.no-norm")
def _the_generator_is_convolutions_of_three_pixels_alone():
    with torch.device("meta"):
        net = RRDBNet(3, 3, 4)
    assert kinds(net) == ["Conv2d"] * (1 + 23 * 15 + 1 + 2 + 1) + ["LeakyReLU", "Conv2d"]
    assert {m.kernel_size for m in net.modules() if isinstance(m, nn.Conv2d)} == {(3, 3)}


@proves("generator.linear-at-the-end", "generator.from-0-to-1")
def _images_lie_in_0_to_1_inside_and_nothing_bends_what_comes_out():
    net, seen = small(), []
    net.first.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    nn.init.constant_(net.last[-1].bias, 7.0)
    assert net(torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 3, 5, 6)).mean() > 10
    assert seen[0][:, 0, 0, 0].tolist() == [0.0, 0.5, 1.0]


@proves("generator.scaling")
def _a_fifth_of_what_a_block_makes_is_added():
    block, x = rrdb.Block(6, 4), images(1, 6, 5, 5)
    for layer in block.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
    assert torch.allclose(block(x), 1.2 * x)  # x + 0.2 · x
    for dense in block.body:
        nn.init.ones_(dense.layers[-1].bias)
    assert torch.allclose(block.body[0](x), x + 0.2)
    assert torch.allclose(block(x), x + 0.2 * (x + 3 * 0.2))


@proves("generator.quiet-start")
def _dense_blocks_begin_with_a_tenth_of_hes_weights():
    torch.manual_seed(0)
    dense = rrdb.Dense(64, 32)
    for layer in dense.layers:
        expected = 0.1 * (2 / (layer.in_channels * 9)) ** 0.5
        assert float(layer.weight.detach().std()) == pytest.approx(expected, rel=0.05)
        assert not layer.bias.any()


@proves("dense.sees-all-before")
def _every_layer_of_a_dense_block_sees_all_before_it():
    layers = rrdb.Dense(64, 32).layers
    assert [(m.in_channels, m.out_channels) for m in layers] == [(64, 32), (96, 32), (128, 32), (160, 32), (192, 64)]


@proves("generator.nearest")
def _a_convolution_follows_the_copies_of_pixels():
    net, seen = small(), []
    for layer in net.up:
        layer.register_forward_hook(lambda _, given, made: seen.append((given[0], made)))
    net(images(1, 3, 4, 5))
    (first, made), (second, _) = seen
    assert first.shape[2:] == (8, 10)
    assert torch.equal(first, interpolate(first[:, :, ::2, ::2], scale_factor=2))
    assert torch.equal(second, interpolate(nn.functional.leaky_relu(made, 0.2), scale_factor=2))


@proves("generator.folds", "generator.factors")
def _the_trunk_works_at_a_quarter_of_the_result():
    for times, folded in ((4, 1), (2, 2), (1, 4)):
        net, seen = small(times), []
        net.body.register_forward_hook(lambda _, given, made, seen=seen: seen.append(made.shape[2:]))
        assert net(images(1, 3, 8, 12)).shape == (1, 3, 8 * times, 12 * times)
        assert seen == [(8 // folded, 12 // folded)]
        assert net.first.in_channels == 3 * folded**2
    for times in (3, 8):
        with pytest.raises(UsageError, match=r"RRDBNet enlarges by 1, 2, 4, .* or srgan"):
            small(times)


def looks(net: nn.Module, times: int, side: int) -> int:
    """How far a pixel of the large image looks, at most, in pixels of the small one."""
    x = torch.ones(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    y, middle, found = net(x), side // 2 // 4 * 4, []
    for place in range(times * middle, times * (middle + 4)):
        (slope,) = torch.autograd.grad(y[0, 0, place, place], x, retain_graph=True)
        rows = (slope[0, 0] != 0).any(1).nonzero().flatten()
        found += [place // times - int(rows[0]), int(rows[-1]) - place // times]
    return max(found)


@proves("reach.349", "reach.other-factors")
def _a_pixel_looks_as_far_as_the_formula_says():
    assert [rrdb.reach(times, 23) for times in (4, 2, 1)] == [349, 698, 1396]
    for times, blocks, far in ((4, 1, 19), (4, 2, 34), (2, 1, 38), (1, 1, 76)):
        net = bare(RRDBNet(1, 1, times, blocks, 1, 1))
        assert looks(net, times, -(-(2 * far + 12) // 8) * 8) == rrdb.reach(times, blocks) == far


@proves("judge.layers", "judge.too-small")
def _pairs_of_convolutions_keep_and_halve():
    with torch.device("meta"):
        net = judge((3, 128, 128))
    normed = ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert kinds(net) == ["Conv2d", "LeakyReLU", *9 * normed, "Flatten", "Linear", "LeakyReLU", "Linear"]
    found = [(m.out_channels, m.kernel_size[0], m.stride[0]) for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert found == [(w, *how) for w in (64, 128, 256, 512, 512) for how in ((3, 1), (4, 2))]
    assert [m.bias is not None for m in net.modules() if isinstance(m, nn.Conv2d)] == [True, *9 * [False]]
    assert judge((1, 9, 15), 2)(images(2, 1, 9, 15)).shape == (2, 1)
    with pytest.raises(UsageError, match="8 pixels or more, not 7×9"):
        judge((3, 7, 9))


@proves("unet.spectral-norm-but-at-both-ends", "unet.sums-of-skips", "unet.maps", "unet.sizes")
def _the_u_net_says_something_of_every_pixel():
    torch.manual_seed(0)
    net = UNetJudge((3, 16, 24), 2)
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    plain = [m for m in layers if not is_parametrized(m, "weight")]
    assert plain == [net.first, net.last]
    assert [m for m in layers if m.bias is not None] == plain
    x = images(2, 3, 16, 24)
    maps = net.maps(x)
    assert [tuple(m.shape[1:]) for m in maps] == [
        *((2 << k, 16 >> k, 24 >> k) for k in (0, 1, 2, 3, 2, 1, 0)),
        *2 * [(2, 16, 24)],
        (1, 16, 24),
    ]
    assert torch.equal(net.eval()(x), net.maps(x)[-1])
    for layer in net.up:
        nn.init.zeros_(layer.parametrizations.weight.original)
        layer.parametrizations.weight[0].sigma = lambda weight: 1.0
    down, up = net.maps(x)[:3], net.maps(x)[4:7]
    assert all(torch.equal(one, other) for one, other in zip(up, reversed(down), strict=True))
    with pytest.raises(UsageError, match="sides of 20×24 pixels are no multiples of 8"):
        UNetJudge((3, 20, 24))


@proves("vgg.places")
def _vgg_is_asked_before_the_activation_of_its_last_convolution():
    assert (places()["conv5_4"], places()["relu5_4"]) == (34, 35)
