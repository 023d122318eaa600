"""SRGAN: every line of its fact sheet on networks, also those of projection discriminators, with what proves it."""

import pytest
import torch
from playing import images
from seeding import seed_all
from sheets import Sheet, bare, count, kinds
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from saddle.base.errors import UsageError
from saddle.games.srgan import SRGAN
from saddle.layers.init import as_nearest
from saddle.nets import projected, srgan, srresnet
from saddle.nets.residual import RootPool
from saddle.nets.srresnet import SRResNet
from saddle.nets.vgg import places
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("count.srresnet", "count.slope-per-channel", "count.grey", "count.judge", "count.judge-of-other-sizes"),
    *("count.projected-judges", "count.projected-generator", "generator.layers", "generator.sixteen-blocks"),
    *(
        "generator.kernels-of-9-at-both-ends",
        "generator.no-activation-at-the-end",
        "generator.small-images-from-0-to-1",
    ),
    *("generator.epsilon", "generator.three-by-one-step", "generator.eight-by-three-steps", "generator.other-factors"),
    *("shuffle.order", "icnr", "skip.nearest", "skip.other-channels", "judge.layers", "judge.sees-one-size"),
    *("reach.40", "reach.other-depths", "reach.projected", "vgg.places", "projected.formula", "projected.V-is-0"),
    *("projected.linear-in-y", "projected.another-y", "projected.plain-is-told-nothing", "projected.pool"),
    *("projected.spectral-norm-everywhere", "projected.small-images", "projected.generator-layers"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def counts(channels: int, *times: int, **how) -> list[int]:
    with torch.device("meta"):
        return [count(SRResNet(channels, channels, each, **how)) for each in times]


@proves("count.srresnet", "count.slope-per-channel", "count.grey")
def _the_generator_has_the_published_parameters():
    assert counts(3, 2, 3, 4, 8) == [1_401_749, 1_586_389, 1_549_462, 1_697_175]
    assert counts(3, 2, 3, 4, 8, slope_per_channel=True) == [1_402_883, 1_587_523, 1_550_659, 1_698_435]
    assert counts(1, 4) == [1_528_724]


@proves("count.judge", "count.judge-of-other-sizes")
def _the_discriminator_has_the_published_parameters_and_those_of_its_formula():
    for height, width, places_ in ((96, 96, 36), (128, 128, 64), (48, 50, 12)):
        with torch.device("meta"):
            net = srgan.judge((3, height, width))
        dense = sum(count(layer) for layer in net if isinstance(layer, nn.Linear))
        assert count(net) - dense == 4_689_088
        assert dense == (512 * places_ + 1) * 1024 + 1025
        assert {96: 23_565_505, 128: 38_245_569}.get(height, count(net)) == count(net)


@proves("count.projected-judges", "count.projected-generator")
def _the_networks_of_projection_have_the_codes_parameters():
    told = {"product": 29_390_340, "beside": 29_401_557, "nothing": 29_386_881}
    with torch.device("meta"):
        assert {each: count(projected.Judge((3, 128, 128), 3, each)) for each in told} == told
        assert count(projected.enlarger(3, 3)) == 5_109_641
    added = told["product"] - told["nothing"]
    assert added == 128 * 3 * 9 + 3  # V, from the channels of the map to those of y


BLOCK = ["Conv2d", "BatchNorm2d", "PReLU", "Conv2d", "BatchNorm2d"]
ENLARGE = ["Conv2d", "PixelShuffle", "PReLU"]


@proves("generator.layers", "generator.sixteen-blocks", "generator.kernels-of-9-at-both-ends")
def _the_generators_layers_are_the_papers():
    """Well-known code has 5 blocks, or a first kernel of 3 and a last one of 1."""
    with torch.device("meta"):
        net = SRResNet(3, 3, 4)
    ends = ["Conv2d", "PReLU"], ["Conv2d", "BatchNorm2d"]
    assert kinds(net) == [*ends[0], *16 * BLOCK, *ends[1], *2 * ENLARGE, "Conv2d"]
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [m.kernel_size[0] for m in convolutions] == [9, *35 * [3], 9]
    assert [m.out_channels for m in convolutions[-3:]] == [256, 256, 3]
    assert SRGAN.Options().blocks == 16


def small(times: int = 4, **how) -> SRResNet:
    seed_all(0)
    torch.manual_seed(0)
    return SRResNet(3, 3, times, 2, 4, **how)


@proves("generator.no-activation-at-the-end", "generator.small-images-from-0-to-1", "generator.epsilon")
def _small_images_come_in_from_0_to_1_and_nothing_bends_what_comes_out():
    net, seen = small(), []
    net.first[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    nn.init.constant_(net.last.bias, 7.0)
    assert net(torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 3, 5, 6)).mean() > 5
    assert seen[0][:, 0, 0, 0].tolist() == [0.0, 0.5, 1.0]
    assert {m.eps for m in net.modules() if isinstance(m, nn.BatchNorm2d)} == {1e-5}


@proves("generator.three-by-one-step", "generator.eight-by-three-steps", "generator.other-factors")
def _factors_are_2_3_4_and_8_at_odd_sizes_too():
    for times, steps in ((2, [2]), (3, [3]), (4, [2, 2]), (8, [2, 2, 2])):
        net = small(times).eval()
        assert [m.upscale_factor for m in net.modules() if isinstance(m, nn.PixelShuffle)] == steps
        assert net(images(1, 3, 5, 7)).shape == (1, 3, 5 * times, 7 * times)
    for times, said in ((5, "5 times as many rows"), (1, "no more rows")):
        with pytest.raises(UsageError, match=f"SRResNet enlarges by 2, 3, 4, 8, .*{said}"):
            small(times)


@proves("shuffle.order")
def _channels_become_pixels_row_by_row():
    channels = torch.arange(4.0).view(1, 4, 1, 1)
    assert nn.PixelShuffle(2)(channels).tolist() == [[[[0, 1], [2, 3]]]]
    net = small(2).eval()
    seen: list[Tensor] = []
    net.up[0][1].register_forward_hook(lambda _, given, out: seen.extend((given[0], out)))
    net(images(1, 3, 5, 7))
    for c, i, j in ((0, 0, 1), (2, 1, 0), (3, 1, 1)):
        assert torch.equal(seen[1][0, c, i::2, j::2], seen[0][0, 4 * c + 2 * i + j])


@proves("icnr")
def _enlarging_begins_with_copies_of_pixels():
    for factor in (2, 3):
        convolution = as_nearest(nn.Conv2d(5, 4 * factor**2, 3, padding=1), factor)
        made = nn.functional.pixel_shuffle(convolution(images(2, 5, 6, 6)), factor)
        assert torch.equal(made, interpolate(made[..., ::factor, ::factor], scale_factor=factor))
        assert made.std() > 0.1
    first, plain = small(icnr=True).up[0][0].weight, small().up[0][0].weight
    assert torch.equal(first[0], first[3])
    assert not torch.equal(plain[0], plain[3])


@proves("skip.nearest", "skip.other-channels")
def _with_a_skip_it_begins_as_the_enlargement():
    x = images(2, 3, 5, 7)
    for skip in ("nearest", "bicubic"):
        net = small(skip=skip)
        assert torch.equal(net(x), interpolate(x, scale_factor=4, mode=skip))
        nn.init.normal_(net.last.weight)
        assert not torch.allclose(net(x), interpolate(x, scale_factor=4, mode=skip), atol=0.1)
    with pytest.raises(
        UsageError, match=r"game\.skip nearest adds to the enlarged image, and here 1 channels become 3"
    ):
        SRResNet(1, 3, 4, skip="nearest")


@proves("judge.layers", "judge.sees-one-size")
def _the_discriminators_layers_are_the_papers():
    with torch.device("meta"):
        net = srgan.judge((3, 96, 96))
    halving = ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert kinds(net) == ["Conv2d", "LeakyReLU", *7 * halving, "Flatten", "Linear", "LeakyReLU", "Linear"]
    convolutions = [m for m in net if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [m.stride[0] for m in convolutions] == 4 * [1, 2]
    assert {m.negative_slope for m in net if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert net[-3].in_features == 512 * 6 * 6
    with pytest.raises(RuntimeError, match="reduction dim"):
        net(torch.empty(1, 3, 128, 128, device="meta"))


def looks(net: nn.Module, channels: int, times: int, side: int) -> int:
    """How far a pixel of the large image looks, at most, in pixels of the small one."""
    x = torch.ones(1, channels, side, side, dtype=torch.float64, requires_grad=True)
    y, middle, found = net(x), side // 2, []
    for place in range(times * middle, times * (middle + 1)):
        (slope,) = torch.autograd.grad(y[0, 0, place, place], x, retain_graph=True)
        rows = (slope[0, 0] != 0).any(1).nonzero().flatten()
        found += [middle - int(rows[0]), int(rows[-1]) - middle]
    return max(found)


def straight(net: nn.Module) -> nn.Module:
    """`bare`, without PReLU's bends too."""
    for module in net.modules():
        if isinstance(module, nn.PReLU):
            nn.init.ones_(module.weight)
    return bare(net)


@proves("reach.40")
def _a_pixel_of_the_papers_network_looks_40_pixels_far():
    assert looks(straight(SRResNet(1, 1, 4, 16, 1)), 1, 4, 85) == srresnet.reach(4, 16) == 40


@proves("reach.other-depths")
def _a_pixel_looks_as_far_as_the_formula_says():
    for times, blocks in ((2, 1), (3, 2), (4, 3), (8, 1)):
        expected = srresnet.reach(times, blocks)
        assert looks(straight(SRResNet(1, 1, times, blocks, 1)), 1, times, 2 * expected + 3) == expected
    data = DataSpec({"image": Field("image", (3, 32, 32)), "damaged": Field("image", (3, 8, 8))})
    assert SRGAN(data, SRGAN.Options(blocks=3, width=2, discriminator_width=1)).reach == srresnet.reach(4, 3) == 14


@proves("reach.projected")
def _a_pixel_of_the_residual_generator_looks_12_pixels_far():
    torch.manual_seed(0)
    net = projected.enlarger(1, 1, 1).double().eval()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.1 / module.weight[0].numel())
    assert looks(net, 1, 4, 31) == projected.REACH == 12


@proves("vgg.places")
def _vgg_is_asked_after_the_activation_of_its_last_convolution():
    """Well-known code cuts it at [:18], which is relu3_4."""
    assert (places()["relu5_4"], places()["conv5_4"], places()["relu3_4"]) == (35, 34, 17)


def judge(told: projected.Told = "product", side: int = 32) -> projected.Judge:
    torch.manual_seed(0)
    net = projected.Judge((3, side, side), 3, told, 4)
    nn.init.normal_(net.far[-1].bias)
    return net.eval()


X, Y, OTHER = images(2, 3, 32, 32), images(2, 3, 8, 8), images(4, 3, 8, 8)[2:]


def unnormed(net: projected.Judge) -> nn.Conv2d:
    """V as it is used, without spectral norm, whose quotient is none where V is 0."""
    remove_parametrizations(net.compare, "weight")
    return net.compare


@proves("projected.formula", "projected.pool")
def _the_logit_is_the_formula():
    net = judge()
    v = unnormed(net)
    nn.init.normal_(v.bias)
    near = net.near(X)
    deep = net.far[:-2](near)
    pooled = deep.flatten(2).sum(2) / deep[0, 0].numel() ** 0.5
    local = (conv2d(near, v.weight, v.bias, padding=1) * Y).flatten(1).sum(1) / (3 * 8 * 8) ** 0.5
    assert near.shape == (2, 8, 8, 8)
    assert torch.allclose(net(X, Y), net.far[-1](pooled).flatten() + local, atol=1e-5)
    ones = torch.ones(1, 1, 4, 9)
    assert float(RootPool()(ones)) == pytest.approx(6)
    assert RootPool()(ones).norm() == pytest.approx(float(ones.norm()))  # of a flat map: as far as it was


@proves("projected.V-is-0", "projected.plain-is-told-nothing")
def _without_V_it_is_the_discriminator_that_is_told_nothing():
    net, plain = judge(), judge("nothing")
    plain.load_state_dict({key: value for key, value in net.state_dict().items() if not key.startswith("compare")})
    assert not torch.allclose(net(X, Y), plain(X, Y), atol=1e-3)
    for values in unnormed(net).parameters():
        nn.init.zeros_(values)
    assert torch.equal(net(X, Y), plain(X, Y))
    assert torch.equal(plain(X, Y), plain(X, OTHER))


@proves("projected.linear-in-y", "projected.another-y")
def _the_projection_is_linear_in_y_and_another_y_is_judged_otherwise():
    net = judge()
    nothing = net(X, torch.zeros_like(Y))
    mixed = net(X, 0.3 * Y - 2 * OTHER) - nothing
    assert torch.allclose(mixed, 0.3 * (net(X, Y) - nothing) - 2 * (net(X, OTHER) - nothing), atol=1e-5)
    for told in ("product", "beside"):
        one = judge(told)
        assert (one(X, Y) - one(X, OTHER)).abs().min() > 1e-4


@proves("projected.spectral-norm-everywhere")
def _every_layer_is_spectrally_normed_and_nothing_else_norms():
    for told in ("product", "beside", "nothing"):
        net = judge(told)
        layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        assert all(is_parametrized(layer, "weight") for layer in layers)
        assert not [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._NormBase)]


@proves("projected.small-images")
def _maps_are_halved_five_times_or_until_one_place_is_left():
    for side, last in ((128, 4), (64, 2), (32, 1), (16, 1), (8, 1)):
        net = projected.Judge((3, side, side), 3, "nothing", 1)
        assert net.far[:-2](net.near(torch.empty(1, 3, side, side))).shape[2:] == (last, last)


@proves("projected.generator-layers")
def _the_residual_generators_blocks_are_the_codes():
    with torch.device("meta"):
        net = projected.enlarger(3, 3)
    blocks: list[Tensor] = list(net)[:-1]
    assert [block.conv_1.in_channels for block in blocks] == [3, 256, 256, 256, 256, 128, 128, 64]
    assert [block.conv_1.out_channels for block in blocks] == [256, 256, 256, 256, 128, 128, 64, 64]
    shortcuts = [isinstance(block.shortcut, nn.Conv2d) for block in blocks]
    assert shortcuts == [True, False, False, False, True, False, True, False]
    assert kinds(net[-1]) == ["BatchNorm2d", "ReLU", "Conv2d", "Tanh"]
