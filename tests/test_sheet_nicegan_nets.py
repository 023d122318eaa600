"""The networks of NICE-GAN, line by line of the fact sheet: layers, counts, what a patch sees, norms and attention."""

import pytest
import torch
from playing import images
from seeding import seed_all
from sheets import Sheet, bare, count, kinds, span
from torch import nn
from torch.nn.functional import leaky_relu

from saddle.layers.instance_layer import AdaptiveMixedNorm, LearnedMixedNorm
from saddle.layers.spectral import SpectralNorm
from saddle.nets.nicegan import BLOCKS, Discriminator, Generator

SHEET = Sheet(
    *("count.generator-full", "count.generator-light", "count.judge", "count.judge-parts", "count.width"),
    *("field.local", "field.global", "out.local-and-global", "out.smaller-images", "judge.layers", "judge.biases"),
    *(
        "judge.spectral-everywhere-but-fusion",
        "cam.lambda-0",
        "cam.logit-of-means-and-maxima",
        "cam.weight-is-normalised",
    ),
    *("cam.fuses", "judge.encode-is-the-code", "generator.layers", "generator.biases", "generator.one-scale-for-all"),
    *(
        "generator.pixel-shuffle",
        "norm.shares-sum-to-1",
        "norm.start",
        "norm.unbiased",
        "norm.alone-is-instance-or-layer",
    ),
    *("norm.adaptive-has-no-weights", "norm.one-gamma-and-beta"),
)
proves = SHEET.proves


def shaped(side: int = 256, channels: int = 3, width: int = 64, light: bool = True) -> tuple[Generator, Discriminator]:
    with torch.device("meta"):
        return Generator((channels, side, side), width, light), Discriminator((channels, side, side), width)


def small(side: int = 24, channels: int = 1) -> tuple[Generator, Discriminator]:
    seed_all(0)
    torch.manual_seed(0)
    shape = (channels, side, side)
    return Generator(shape, 2, True), Discriminator(shape, 2)


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("count.generator-full")
def _the_full_generators_parameters_by_size():
    counts = {side: count(shaped(side, light=False)[0]) for side in (256, 128, 64, 32)}
    assert counts == {256: 276_474_560, 128: 75_147_968, 64: 24_816_320, 32: 12_233_408}


@proves("count.generator-light")
def _the_light_generators_parameters_at_every_size():
    assert {count(shaped(side)[0]) for side in (256, 64, 32)} == {8_104_640}
    assert count(shaped(64, channels=1)[0]) == 8_098_368


@proves("count.judge", "count.judge-parts")
def _the_judges_parameters():
    judge = shaped()[1]
    assert [count(judge), count(shaped(channels=1)[1])] == [46_874_433, 46_872_385]
    parts = judge.encoder, judge.attention, judge.fusion
    assert [*map(count, parts), judge.share.numel()] == [134_336, 256, 32_896, 1]


@proves("count.width")
def _width_scales_every_map():
    one, two = (shaped(width=width)[1] for width in (8, 16))
    assert count(two.trunk) == pytest.approx(4 * count(one.trunk), rel=0.01)
    assert [m.out_channels for m in one.large if isinstance(m, nn.Conv2d)] == [64, 128, 256, 1]


def plain(judge: Discriminator) -> Discriminator:
    """Without spectral norm, whose weights are computed."""
    for module in judge.modules():
        if hasattr(module, "parametrizations"):
            nn.utils.parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
    for module in judge.modules():
        if isinstance(module, nn.ReflectionPad2d):
            module.__class__, module.value = nn.ConstantPad2d, 0.0
    return judge


@proves("field.local", "field.global")
def _small_patches_have_70_pixels_and_large_ones_286():
    judge = plain(Discriminator((1, 576, 576), 1))
    for head, wanted in ((judge.small, 70), (judge.large, 286)):
        network = bare(nn.Sequential(judge.encoder, judge.trunk, head))
        assert span(network, 576) == [wanted, wanted]


@proves("out.local-and-global", "out.smaller-images")
def _an_image_of_256_has_30_by_30_small_patches_and_6_by_6_large_ones():
    heads, code = small(256)[1](images(1, 1, 256, 256))
    assert [tuple(head.shape) for head in heads] == [(1, 1, 30, 30), (1, 1, 6, 6), (1, 1)]
    assert code.shape == (1, 4, 64, 64)
    sides = {}
    for side in (24, 32, 48, 64, 96, 128):
        heads, _ = small(side)[1](images(1, 1, side, side))
        sides[side] = heads[0].shape[-1], heads[1].shape[-1]
    assert sides == {24: (1, 1), 32: (2, 2), 48: (4, 1), 64: (6, 2), 96: (10, 1), 128: (14, 2)}


def names(network: nn.Module) -> list[str]:
    return [kind for kind in kinds(network) if kind != "SpectralNorm"]


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d)]


@proves("judge.layers", "judge.biases")
def _the_judges_layers():
    judge = shaped()[1]
    widths = {
        "encoder": [(64, 2), (128, 2)],
        "trunk": [(256, 2)],
        "small": [(512, 1), (1, 1)],
        "large": [(512, 2), (1024, 2), (2048, 1), (1, 1)],
    }
    for name, wanted in widths.items():
        part = convolutions(judge.get_submodule(name))
        assert [(m.out_channels, m.stride[0]) for m in part] == wanted
        assert {m.kernel_size[0] for m in part} == {4}
        assert [m.bias is not None for m in part] == [m.out_channels > 1 for m in part]
    assert {m.negative_slope for m in judge.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert {m.padding[0] for m in judge.modules() if isinstance(m, nn.ReflectionPad2d)} == {1}
    assert judge.attention.bias is None


@proves("judge.spectral-everywhere-but-fusion")
def _all_layers_but_the_fusion_are_divided_by_their_largest_singular_value():
    judge = small()[1]
    layers = [m for m in judge.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    normed = [m for m in layers if hasattr(m, "parametrizations")]
    assert [m for m in layers if m not in normed] == [judge.fusion]
    assert {type(m.parametrizations.weight[0]) for m in normed} == {SpectralNorm}


@proves("cam.lambda-0", "judge.encode-is-the-code")
def _at_first_the_attention_leaves_the_code_alone_and_has_a_logit_that_learns():
    judge, x = small()[1].eval(), images(2, 1, 24, 24)
    maps = judge.encoder(x)
    heads, code = judge(x)
    assert not judge.share.any()
    assert torch.allclose(code, leaky_relu(maps, 0.2))
    assert torch.allclose(code, judge.encode(x))
    weight = judge.attention.parametrizations.weight.original
    (gradient,) = torch.autograd.grad(heads[2].square().sum(), weight)
    assert gradient.any()


@proves("cam.logit-of-means-and-maxima", "cam.weight-is-normalised", "cam.fuses")
def _the_attention_s_weights_are_the_normalised_ones():
    """The authors' code takes the first parameter, which is the weight before its norm."""
    judge, x = small()[1].eval(), images(2, 1, 24, 24)
    maps = judge.encoder(x)
    weight = judge.attention.weight
    before = judge.attention.parametrizations.weight.original
    assert not torch.allclose(weight, before)
    logit = torch.cat((maps.mean((2, 3)), maps.flatten(2).max(2)[0]), 1) @ weight.T
    assert torch.allclose(judge(x).heads[2], logit, atol=1e-6)
    nn.init.constant_(judge.share, 0.7)
    weighed = torch.cat((maps, maps), 1) * weight[0][:, None, None]
    assert torch.allclose(judge(x).code, leaky_relu(0.7 * judge.fusion(weighed) + maps, 0.2), atol=1e-6)


@proves("generator.layers", "generator.biases", "generator.pixel-shuffle")
def _the_generators_layers():
    generator = shaped()[0]
    assert names(generator.enter) == ["ReflectionPad2d", "Conv2d", "LearnedMixedNorm", "ReLU"]
    grow = [*names(generator.enter), "Conv2d", "PixelShuffle", "LearnedMixedNorm", "ReLU"]
    assert names(generator.leave) == [*2 * grow, "ReflectionPad2d", "Conv2d", "Tanh"]
    assert names(generator.look) == ["AdaptiveAvgPool2d", "Flatten", "Linear", "ReLU", "Linear", "ReLU"]
    outer = [*convolutions(generator.enter), *convolutions(generator.leave)]
    shapes = [(m.in_channels, m.out_channels, m.kernel_size[0], m.bias is not None) for m in outer]
    up = [(256, 128, 3, False), (128, 512, 1, True), (128, 64, 3, False), (64, 256, 1, True)]
    assert shapes == [(128, 256, 3, True), *up, (64, 3, 7, False)]
    assert len(generator.blocks) == BLOCKS == 6
    assert all(m.bias is None for m in convolutions(generator.blocks))
    assert all(m.bias is None for m in generator.modules() if isinstance(m, nn.Linear))


@proves("generator.one-scale-for-all", "norm.one-gamma-and-beta")
def _one_scale_and_one_shift_serve_all_blocks():
    generator = small()[0]
    given = []
    for block in generator.blocks:
        forward = block.forward
        block.forward = lambda x, scale, shift, forward=forward: (
            given.append((scale, shift)) or forward(x, scale, shift)
        )
    generator(torch.randn(2, 4, 6, 6))
    assert len(given) == 6
    assert all(scale is given[0][0] and shift is given[0][1] for scale, shift in given)
    assert given[0][0].shape == (2, 8)


@proves("norm.shares-sum-to-1", "norm.start")
def _shares_are_a_softmax_and_start_at_9_and_1_tenths():
    adaptive, learned = AdaptiveMixedNorm(5), LearnedMixedNorm(5)
    for norm, instance in ((adaptive, 0.9), (learned, 0.1)):
        shares = norm.rho.softmax(1)
        assert torch.allclose(shares.sum(1), torch.ones(5))
        assert float(shares[0, 0].detach()) == pytest.approx(instance, abs=1e-3)
    assert learned.scale.detach().flatten().tolist() == [1.0] * 5
    assert learned.shift.detach().flatten().tolist() == [0.0] * 5


@proves("norm.unbiased", "norm.alone-is-instance-or-layer")
def _with_one_share_alone_it_is_instance_or_layer_norm_of_unbiased_variances():
    x = images(2, 3, 4, 5)
    for place, axes in ((0, (2, 3)), (1, (1, 2, 3))):
        norm = LearnedMixedNorm(3)
        with torch.no_grad():
            norm.rho.copy_(torch.tensor([-40.0, -40.0]))
            norm.rho[:, place] = 40.0
        numbers = x.var(axes, unbiased=True, keepdim=True)
        wanted = (x - x.mean(axes, keepdim=True)) / (numbers + 1e-5).sqrt()
        assert torch.allclose(norm(x), wanted, atol=1e-5)
    biased = nn.functional.layer_norm(x, x.shape[1:])
    assert not torch.allclose(norm(x), biased, atol=1e-3)


@proves("norm.adaptive-has-no-weights")
def _the_adaptive_norm_takes_its_scale_and_shift_from_outside():
    norm, x = AdaptiveMixedNorm(3), images(2, 3, 4, 4)
    assert [*dict(norm.named_parameters())] == ["rho"]
    scale, shift = torch.full((2, 3), 2.0), torch.full((2, 3), 0.5)
    assert torch.allclose(norm(x, scale, shift), 2 * norm(x, torch.ones(2, 3), torch.zeros(2, 3)) + 0.5, atol=1e-6)
