"""PAN: every line of its fact sheet on networks, with what proves it."""

import math

import pytest
import torch
from playing import images, play
from sheets import Sheet, count, kinds
from test_sheet_pan import BATCH, small
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.pan import PAN
from saddle.layers.norm import BatchNorm2d
from saddle.nets.pan import Perceptual, Transformation
from saddle.penalties import R1
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("count.transformation", "count.judge", "count.channels", "count.sizes", "transformation.layers"),
    *("transformation.skips", "transformation.bends", "judge.layers", "judge.logit"),
    *("judge.sees-the-result-alone", "sizes.64-keep-the-topology", "sizes.one-pixel-is-refused"),
    *("norm.sides-apart", "norm.use", "norm.each-its-own", "range.tanh", "init.normal"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def transformation(channels: int = 3, outputs: int = 3, levels: int = 6) -> Transformation:
    with torch.device("meta"):
        return Transformation(channels, outputs, levels, 64, "batch")


def judge(channels: int = 3, height: int = 256, width: int = 256) -> Perceptual:
    with torch.device("meta"):
        return Perceptual((channels, height, width), 64, "batch")


@proves("count.transformation", "count.judge")
def _the_networks_have_the_papers_parameters():
    with torch.device("meta"):
        game = PAN(DataSpec.of((3, 256, 256), ("a", "b")))
    assert (count(game.generator), count(game.discriminator)) == (16_831_875, 7_050_249)


@proves("count.channels")
def _parameters_for_other_channels():
    for inputs, outputs in ((1, 3), (9, 3), (3, 1), (1, 1)):
        assert count(transformation(inputs, outputs)) == 16_831_875 + 576 * (inputs - 3) + 1_025 * (outputs - 3)
        assert count(judge(outputs)) == 7_050_249 + 576 * (outputs - 3)


@proves("count.sizes")
def _parameters_for_other_sizes():
    """The logit is made of the whole last map, 8 channels of a 32nd of each side."""
    for height, width in ((64, 64), (64, 128), (100, 36), (512, 256)):
        assert count(judge(3, height, width)) == 7_049_737 + 8 * math.ceil(height / 32) * math.ceil(width / 32)
        with torch.device("meta"):
            assert judge(3, height, width)(torch.empty(2, 3, height, width, device="meta"))[0].shape == (2,)


@proves("transformation.layers")
def _ts_layers_are_the_papers():
    net = transformation()
    downs = [next(m for m in step.modules() if isinstance(m, nn.Conv2d)) for step in net.down]
    ups = [step[1] for step in net.up]
    assert [conv.out_channels for conv in downs] == [64, 128, 256, 512, 512, 512]
    assert {(conv.kernel_size, conv.stride, conv.padding) for conv in downs} == {((3, 3), (2, 2), (1, 1))}
    assert [conv.out_channels for conv in ups] == [512, 256, 128, 64, 64, 3]
    assert [conv.in_channels for conv in ups] == [512, 1024, 768, 384, 192, 64]
    assert {(conv.kernel_size, conv.stride, conv.padding) for conv in ups} == {((4, 4), (2, 2), (1, 1))}
    assert all(conv.bias is not None for conv in (*downs, *ups))


@proves("transformation.skips")
def _the_first_map_is_not_shown_on_the_way_up_and_all_others_are():
    net, shown = Transformation(3, 3, 4, 4, "batch"), []
    for layer in net.up:
        layer.register_forward_pre_hook(lambda _, given: shown.append(given[0]))
    maps = []
    for layer in net.down:
        layer.register_forward_hook(lambda _, __, x: maps.append(x))
    net(images(2, 3, 64, 64))
    assert shown[0] is maps[3]
    assert torch.equal(shown[1][:, -maps[2].shape[1] :], maps[2])
    assert torch.equal(shown[2][:, -maps[1].shape[1] :], maps[1])
    assert shown[3].shape == (2, 4, 32, 32)


@proves("transformation.bends")
def _maps_bend_leakily_on_the_way_down_and_not_on_the_way_up():
    net = transformation()
    assert [kinds(step) for step in net.down] == [["Conv2d"], *[["LeakyReLU", "Conv2d", "BatchNorm2d"]] * 5]
    up = ["ReLU", "ConvTranspose2d", "BatchNorm2d"]
    assert [kinds(step) for step in net.up] == [["LeakyReLU", *up[1:]], *[up] * 4, [*up[:2], "Tanh"]]
    slopes = {m.negative_slope for each in (net, judge()) for m in each.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.2}


@proves("judge.layers")
def _the_judges_layers_are_the_papers():
    net = judge()
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [conv.out_channels for conv in convolutions] == [64, 128, 128, 256, 256, 512, 512, 512, 8]
    assert [conv.stride[0] for conv in convolutions] == [1, 2, 1, 2, 1, 2, 1, 2, 2]
    assert {(conv.kernel_size, conv.padding) for conv in convolutions} == {((3, 3), (1, 1))}
    assert [kinds(layer) for layer in net.layers] == [
        ["Conv2d", "LeakyReLU"],
        *[["Conv2d", "BatchNorm2d", "LeakyReLU"]] * 7,
    ]


@proves("judge.logit")
def _a_logit_is_one_number_an_image_of_the_whole_last_map_and_no_probability():
    assert kinds(judge().verdict) == ["Conv2d", "LeakyReLU", "Flatten", "Linear"]
    assert judge().verdict[-1].in_features == 8 * 8 * 8
    assert small().score(BATCH["a"]).shape == (4,)


@proves("judge.sees-the-result-alone")
def _the_judge_does_not_see_what_was_given():
    game = small(DataSpec({"a": Field("image", (1, 32, 32)), "b": Field("image", (3, 32, 32))}))
    assert game.discriminator.layers[0][0].in_channels == 3
    assert game.generator.down[0].in_channels == 1


@proves("sizes.64-keep-the-topology")
def _smaller_images_are_halved_less_often_to_maps_of_4_to_7_pixels():
    for side, levels in ((256, 6), (512, 6), (128, 5), (64, 4), (96, 4), (32, 3)):
        with torch.device("meta"):
            game = PAN(DataSpec.of((3, side, side), ("a", "b")))
        assert (len(game.generator.down), game.multiple("a", "b")) == (levels, 2**levels)
        ups = [step[1].out_channels for step in game.generator.up]
        assert ups == [512, 256, 128, 64, 64, 3][-levels:]
        assert len(game.discriminator.layers) == 8
    with pytest.raises(UsageError, match="sides must halve evenly"):
        small(DataSpec.of((3, 100, 100), ("a", "b")))


@proves("sizes.one-pixel-is-refused")
def _a_map_of_one_pixel_is_refused_before_any_training():
    with pytest.raises(UsageError, match=r"5 halvings leave one pixel of 32×32.*game\.levels 4 or less"):
        small(levels=5)
    with pytest.raises(UsageError, match=r"16×16 would leave one pixel; choose larger images, of 17 pixels"):
        small(DataSpec.of((3, 16, 16), ("a", "b")))
    small(levels=4)


@proves("norm.sides-apart")
def _batch_norm_never_sees_true_and_drawn_images_at_once():
    game, seen = small(), []
    game.discriminator.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    play(game, BATCH)
    assert seen == [4, 4, 4, 4]


@proves("norm.use")
def _in_use_a_result_depends_on_nothing_but_its_image_and_changes_no_statistics():
    game = small()
    assert any(isinstance(m, BatchNorm2d) for m in game.generator.modules())
    play(game, BATCH, rounds=2)
    game.eval()
    before = {name: buffer.clone() for name, buffer in game.named_buffers()}
    together = game.translate(BATCH, "b")
    alone = torch.cat([game.translate({"a": each}, "b") for each in BATCH["a"].split(1)])
    assert torch.allclose(together, alone, atol=1e-6)
    assert all(torch.equal(buffer, before[name]) for name, buffer in game.named_buffers())
    assert game.translate({"a": images(1, 3, 8, 24)}, "b").shape == (1, 3, 8, 24)


@proves("norm.each-its-own")
def _with_norms_of_one_image_each_it_has_a_gradient_of_its_own_in_training_too():
    with pytest.raises(UsageError, match="batch norm"):
        small(penalties=(R1(),))
    game = small(norm="batch-of-one", penalties=(R1(),))
    assert not [name for name, _ in game.generator.named_buffers()]
    x = BATCH["a"].clone().requires_grad_()
    (slope,) = torch.autograd.grad(game.score(x)[0], x)
    assert slope[0].any()
    assert not slope[1:].any()
    assert torch.isfinite(next(game.round(iter([BATCH]))).losses["r1"])
    assert game.smallest("a", "b") == 2 * game.multiple("a", "b")


@proves("range.tanh")
def _images_lie_between_minus_1_and_1_as_a_tanh_draws_them():
    """Well-known code draws by a tanh what it compares with images between 0 and 1."""
    drawn = small().generator(100 * BATCH["a"]).detach()
    assert isinstance(small().generator.up[-1][-1], nn.Tanh)
    assert -1 <= float(drawn.min()) < 0 < float(drawn.max()) <= 1


@proves("init.normal")
def _weights_start_with_a_deviation_of_02():
    game = small(DataSpec.of((3, 64, 64), ("a", "b")), width=16)
    for module in (*game.generator.modules(), *game.discriminator.modules()):
        if isinstance(module, nn.modules.conv._ConvNd) and module.weight.numel() > 10_000:
            assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
            assert not module.bias.any()
