"""GANILLA: every line of its fact sheet with what proves it; its rounds are CycleGAN's."""

import math
import re
from itertools import pairwise

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, count, kinds, silence, value
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.cyclegan import CycleGAN
from saddle.games.ganilla import GANILLA
from saddle.layers.norm import CalmInstanceNorm2d
from saddle.losses import HalfLeastSquares
from saddle.nets.ganilla import Ganilla, Joined
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("closed.least-squares-at-0", "count.whole", "count.parts", "count.channels", "count.judge"),
    *("game.is-cyclegans", "game.weights", "game.optim", "game.pool", "net.first", "net.pool", "net.layers"),
    *("net.blocks-join", "net.short-cuts", "net.biases", "net.reflected", "net.norm", "net.pyramid", "net.head"),
    *("net.no-dropout", "init.normal", "pyramid.order", "pyramid.once", "pyramid.deepest-alone", "pyramid.refused"),
    *("size.multiples-of-16", "size.others-fail", "size.refused-before-training", "use.any-size", "use.no-batch"),
    *("norm.is-instance-norm", "norm.flat-images"),
    *("pitfall.grey", "pitfall.pads-are-3", "pitfall.head-follows-width", "order.adversarial-gradient"),
)
proves = SHEET.proves
DATA = DataSpec.of((1, 32, 32), keys=("a", "b"))
BATCH = {"a": images(2, 1, 32, 32), "b": -images(2, 1, 32, 32)}


def small(data: DataSpec = DATA, **options) -> GANILLA:
    seed_all(0)
    return GANILLA(data, GANILLA.Options(**{"width": 2, "patch_layers": 1} | options))


def net(inputs: int = 3, outputs: int = 3, width: int = 64) -> Ganilla:
    with torch.device("meta"):
        return Ganilla((inputs, 256, 256), outputs, width)


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d)]


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.least-squares-at-0")
def _least_squares_of_logits_of_0():
    game = small()
    silence(game.judge_a)
    silence(game.judge_b)
    drawn, judged = game.round(iter([BATCH]))
    assert [value(drawn.losses[f"adversarial_{key}"]) for key in "ab"] == [1.0, 1.0]
    assert [value(judged.losses[f"adversarial_{key}"]) for key in "ab"] == [0.5, 0.5]


@proves("count.whole")
def _the_translators_parameters():
    assert count(net()) == 7_228_419


@proves("count.parts")
def _the_parameters_of_its_parts():
    whole = net()
    assert count(whole.first) == 9_472
    assert [count(layer) for layer in whole.layers] == [294_912, 1_114_112, 1_196_032, 4_456_448]
    assert count(whole.laterals) + count(whole.smooth) == 148_032
    assert count(whole.head) == 9_411


@proves("count.channels")
def _only_the_first_and_the_last_layer_know_the_channels():
    for inputs, outputs in ((1, 1), (1, 3), (3, 1), (12, 3)):
        assert count(net(inputs, outputs)) == 7_228_419 + 3_136 * (inputs - 3) + 3_137 * (outputs - 3)


@proves("count.judge")
def _its_judges_are_the_papers_patches_of_70_pixels():
    with torch.device("meta"):
        game = GANILLA(DataSpec.of((3, 256, 256), keys=("a", "b")))
    assert count(game.judge_a) == count(game.judge_b) == 2_764_737


@proves("game.is-cyclegans")
def _its_rounds_are_cyclegans_with_another_network():
    assert GANILLA.round is CycleGAN.round
    assert GANILLA.deceive is CycleGAN.deceive
    assert GANILLA.refuse is CycleGAN.refuse
    moves = play(small(), BATCH)
    assert [move.players for move in moves] == [("a_to_b", "b_to_a"), ("judge_a", "judge_b")]
    assert set(moves[0].losses) == {"adversarial_a", "adversarial_b", "cycle", "identity"}
    assert all(math.isfinite(value(loss)) for move in moves for loss in move.losses.values())


@proves("game.weights", "game.optim", "game.pool")
def _its_constants_are_cyclegans():
    for kind in (GANILLA, CycleGAN):
        o = kind.Options()
        assert (o.loss, o.cycle_weight, o.identity_weight, o.pool_size) == (HalfLeastSquares(), 10.0, 0.5 * 10.0, 50)
        assert (o.patch_layers, o.width, kind.batch) == (3, 64, 1)
    assert GANILLA.Options().optim == CycleGAN.Options().optim


@proves("net.first")
def _it_begins_with_64_channels_at_full_size():
    assert kinds(net().first) == [
        "ReflectionPad2d",
        "Conv2d",
        "CalmInstanceNorm2d",
        "ReLU",
        "ReflectionPad2d",
        "MaxPool2d",
    ]
    first = net().first[1]
    assert (first.out_channels, first.kernel_size, first.stride) == (64, (7, 7), (1, 1))


@proves("net.pool")
def _the_halving_takes_the_largest_of_3_by_3_behind_a_mirrored_edge():
    pad, pool = net().first[4:]
    assert (pad.padding[0], pool.kernel_size, pool.stride, pool.padding) == (1, 3, 2, 0)
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert pool(pad(x)).flatten().tolist() == [5.0, 7.0, 13.0, 15.0]


@proves("net.layers")
def _four_layers_of_two_blocks_have_the_papers_widths_and_strides():
    blocks = [[*layer] for layer in net().layers]
    assert [[type(block) for block in layer] for layer in blocks] == [[Joined, Joined]] * 4
    firsts = [[convolutions(block.body)[0] for block in layer] for layer in blocks]
    assert [[conv.out_channels for conv in layer] for layer in firsts] == [[w, w] for w in (64, 128, 128, 256)]
    assert [[conv.stride[0] for conv in layer] for layer in firsts] == [[1, 1], [2, 1], [2, 1], [2, 1]]


@proves("net.blocks-join")
def _a_block_reads_its_input_beside_what_it_made_of_it():
    block = Joined(2, 2).double()
    x = images(1, 2, 8, 8).double()
    assert convolutions(block.join)[0].in_channels == 4
    made = block.join(torch.cat((block.body(x), x), 1))
    assert torch.equal(block(x), made)
    nn.init.zeros_(convolutions(block.join)[0].weight[:, 2:])  # without the part that reads the input …
    assert torch.equal(block(x), block.join(torch.cat((block.body(x), 7 * x), 1)))  # … it says nothing
    order = [
        "ReflectionPad2d",
        "Conv2d",
        "CalmInstanceNorm2d",
        "ReLU",
        "ReflectionPad2d",
        "Conv2d",
        "CalmInstanceNorm2d",
    ]
    assert kinds(block.body) == order
    assert kinds(block.join) == ["ReflectionPad2d", "Conv2d", "CalmInstanceNorm2d", "ReLU"]


@proves("net.short-cuts")
def _a_short_cut_is_the_input_itself_where_it_can_be():
    found = [[kinds(block.short) for block in layer] for layer in net().layers]
    assert found == [[["Sequential"], ["Sequential"]], *[[["Conv2d", "CalmInstanceNorm2d"], ["Sequential"]]] * 3]


@proves("net.biases")
def _convolutions_of_blocks_have_no_bias_and_all_others_have_one():
    whole = net()
    inside = {conv for layer in whole.layers for conv in convolutions(layer)}
    assert all((conv.bias is None) == (conv in inside) for conv in convolutions(whole))


@proves("net.reflected", "pitfall.pads-are-3")
def _edges_are_mirrored_by_3_pixels_and_by_1_whatever_the_channels():
    """In the authors' code the two wide edges are as wide as an image has channels, which breaks grey ones."""
    for inputs, outputs in ((3, 3), (1, 1), (12, 1)):
        whole = net(inputs, outputs)
        assert all(conv.padding == (0, 0) for conv in convolutions(whole))
        pads = {conv: m.padding for m in whole.modules() if isinstance(m, nn.Sequential) for conv, m in _padded(m)}
        assert {conv.kernel_size[0]: pad[0] for conv, pad in pads.items()} == {3: 1, 7: 3}
        assert len(pads) == sum(conv.kernel_size != (1, 1) for conv in convolutions(whole))


def _padded(layers: nn.Sequential) -> list[tuple[nn.Conv2d, nn.ReflectionPad2d]]:
    children = list(layers)
    return [
        (conv, pad)
        for pad, conv in pairwise(children)
        if isinstance(pad, nn.ReflectionPad2d) and isinstance(conv, nn.Conv2d)
    ]


@proves("net.norm")
def _norms_are_of_each_image_and_have_no_weights():
    norms = [m for m in net().modules() if isinstance(m, nn.modules.batchnorm._NormBase)]
    assert {(type(m), m.affine, m.track_running_stats) for m in norms} == {(CalmInstanceNorm2d, False, False)}


@proves("norm.is-instance-norm")
def _what_is_not_flat_is_normed_as_torch_does():
    x = images(2, 3, 8, 8)
    assert torch.equal(CalmInstanceNorm2d(3)(x), nn.InstanceNorm2d(3)(x))
    x[0, 1] = 0.7 + 1e-6 * x[0, 1]
    made = CalmInstanceNorm2d(3)(x)
    assert not made[0, 1].any()
    assert made.flatten(2).any(2).sum() == 5


@proves("norm.flat-images")
def _a_flat_image_sends_no_gradient_that_no_float_holds():
    """A white piece of a page, in data for illustrations, would end a run with torch's own norm."""
    game = small(DataSpec.of((3, 64, 64), keys=("a", "b")), width=16)
    flat = {"a": torch.full((2, 3, 64, 64), 0.6), "b": torch.ones(2, 3, 64, 64)}
    drawn = next(game.round(iter([flat])))
    sum(drawn.losses.values()).backward(inputs=[*game.a_to_b.parameters(), *game.b_to_a.parameters()])
    assert max(float(p.grad.abs().max()) for p in game.a_to_b.parameters()) < 100


@proves("net.pyramid")
def _the_pyramid_has_128_channels_and_ends_with_64():
    whole = net()
    assert [(m.in_channels, m.out_channels, m.kernel_size) for m in whole.laterals] == [
        (width, 128, (1, 1)) for width in (64, 128, 128, 256)
    ]
    assert kinds(whole.smooth) == ["ReflectionPad2d", "Conv2d"]
    assert (whole.smooth[1].in_channels, whole.smooth[1].out_channels) == (128, 64)


@proves("net.head", "pitfall.head-follows-width")
def _the_head_reads_what_the_pyramid_gives_whatever_the_width():
    for width in (64, 16):
        assert kinds(net(width=width).head) == ["ReflectionPad2d", "Conv2d", "Tanh"]
        assert (net(width=width).head[1].in_channels, net(width=width).head[1].kernel_size) == (width, (7, 7))


@proves("net.no-dropout")
def _nothing_is_dropped():
    assert not any("Dropout" in kind for kind in kinds(net()))


@proves("init.normal")
def _weights_start_with_a_deviation_of_02_and_biases_at_0():
    seed_all(0)
    for conv in convolutions(Ganilla((3, 32, 32), 3, 32)):
        assert conv.bias is None or not conv.bias.any()
        if conv.weight.numel() > 10_000:
            assert float(conv.weight.detach().std()) == pytest.approx(0.02, rel=0.05)


def linear_pyramid(weights: tuple[float, ...]) -> float:
    """What comes out of the pyramid of layers that hand on 1, 10, 100 and 1000, the first layer's being 1."""

    class Constant(nn.Module):
        def __init__(self, number: float):
            super().__init__()
            self.number = number

        def forward(self, x):
            return torch.full_like(x[:, :1], self.number)

    whole = Ganilla((1, 32, 32), 1, 1, weights)
    whole.laterals = nn.ModuleList(Constant(10.0**level) for level in range(4))
    whole.smooth = whole.head = nn.Identity()
    made = whole(images(1, 1, 32, 32)).unique()
    assert len(made) == 1
    return float(made)


@proves("pyramid.order", "pyramid.once")
def _the_factors_begin_with_the_deepest_layer_and_each_counts_once():
    """The authors' code multiplies the last layer by two of them."""
    assert linear_pyramid((1, 1, 1, 1)) == 1111
    assert linear_pyramid((2, 3, 4, 5)) == 2000 + 300 + 40 + 5


@proves("pyramid.deepest-alone")
def _without_its_other_layers_the_pyramid_still_draws():
    seed_all(0)
    whole = Ganilla((1, 32, 32), 1, 4, (1, 0, 0, 0))
    for p in whole.parameters():
        nn.init.normal_(p, std=0.2)
    one, other = whole(images(1, 1, 32, 32)), whole(-images(1, 1, 32, 32))
    assert one.shape == (1, 1, 32, 32)
    assert not torch.allclose(one, other, atol=1e-3)


@proves("pyramid.refused")
def _factors_that_leave_nothing_are_refused():
    for wrong, told in {
        (1.0, 1.0): "pyramid wants a list of 4 numbers of at least 0",
        (0.0, 0.0, 0.0, 0.0): "pyramid has a factor above 0, or nothing is left",
        (1.0, -1.0, 1.0, 1.0): "pyramid[1] is at least 0, not -1",
        (math.nan, 1.0, 1.0, 1.0): "pyramid[0] is at least 0, not nan",
    }.items():
        with pytest.raises(UsageError, match=re.escape(told)):
            GANILLA.Options(pyramid=wrong)


@proves("size.multiples-of-16")
def _images_come_back_in_their_own_size():
    for side in (32, 64, 80):
        x = torch.empty(1, 3, side, 2 * side, device="meta")
        assert net()(x).shape == x.shape


@proves("size.others-fail")
def _two_levels_of_the_pyramid_would_not_fit():
    for side in (65, 72):
        with pytest.raises(RuntimeError, match="size of tensor"):
            Ganilla((1, 32, 32), 1, 2)(images(1, 1, side, side))


@proves("size.refused-before-training")
def _other_sides_are_refused_with_the_nearest_ones():
    with pytest.raises(UsageError, match=r"cannot draw 72×72 images: .* multiples of 16.* are 64×64 and 80×80"):
        GANILLA(DataSpec.of((3, 72, 72), keys=("a", "b")))


@proves("use.any-size")
def _images_of_other_sizes_are_given_an_edge_of_so_many_pixels():
    game = small()
    assert (game.multiple("a", "b"), game.smallest("a", "b")) == (16, 32)
    assert game.translate({"a": images(1, 1, 48, 64)}, "b").shape == (1, 1, 48, 64)
    assert game.network("a", "b") is None  # a pyramid is no chain of layers, which tiles need


@proves("use.no-batch")
def _others_in_the_batch_change_nothing():
    game, x = small().double(), images(3, 1, 32, 32).double()
    together, alone = (game.translate({"b": x[:n]}, "a")[:1] for n in (3, 1))
    assert torch.allclose(together, alone, atol=1e-9)


@proves("pitfall.grey")
def _grey_images_become_coloured_ones_and_back():
    fields = {"a": Field("image", (1, 32, 32)), "b": Field("image", (3, 32, 32))}
    game = small(DataSpec(fields, (("a",), ("b",))), identity_weight=0.0)
    batch = {"a": images(2, 1, 32, 32), "b": images(2, 3, 32, 32)}
    play(game, batch)
    assert game.translate({"a": batch["a"]}, "b").shape == (2, 3, 32, 32)
    assert game.translate({"b": batch["b"]}, "a").shape == (2, 1, 32, 32)


@proves("order.adversarial-gradient")
def _every_weight_learns_from_the_judges_and_the_judges_step_sends_nothing_back():
    game = small(cycle_weight=0.0, identity_weight=0.0, width=4)
    weights = [p for way in (game.a_to_b, game.b_to_a) for name, p in way.named_parameters() if "weight" in name]
    drawn, judged = game.round(iter([BATCH]))
    found = torch.autograd.grad(sum(judged.losses.values()), weights, allow_unused=True, retain_graph=True)
    assert found == (None,) * len(weights)
    assert all(g.any() for g in torch.autograd.grad(sum(drawn.losses.values()), weights))
