"""GLN: every line of its fact sheet, which is our reading of its abstract, with what proves it."""

import itertools
import math

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, bare, count, kinds, silence, value
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from saddle.base.errors import UsageError
from saddle.games.gln import GLN
from saddle.losses import NonSaturating
from saddle.nets import gln
from saddle.optim import Adam
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("count.detail", "count.deconvolution", "count.local", "detail.code-of-256", "detail.rank-of-256", "detail.relu"),
    *("deconvolution.kernel", "deconvolution.bilinear", "deconvolution.to-the-edge", "deconvolution.learns"),
    *("deconvolution.moved", "start.exactly-bilinear", "local.two-maps", "local.kernels-and-widths"),
    *("local.4-6-8-layers", "local.mirrored-edges", "local.no-norm-last-linear", "sizes.8-wants-16", "sizes.10x12"),
    *("sizes.any", "sizes.one-a-run", "factors.2-4-8", "colours.one-by-one", "ablation.no-global"),
    *("ablation.no-global-any-size", "ablation.no-local", "ablation.neither", "objective.squares-first"),
    *("objective.squares-and-deception", "order.judge-first-same-fakes", "gradient.all-of-the-generator"),
    *("gradient.none-in-the-judges-step", "stages", "blend", "use.alone-as-in-any-batch", "settings", "refused"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def data(times: int = 4, size: tuple[int, int] = (8, 8), channels: int = 1) -> DataSpec:
    large = tuple(times * side for side in size)
    shapes = {"image": (channels, *large), "damaged": (channels, *size)}
    return DataSpec({key: Field("image", shape) for key, shape in shapes.items()})


BATCH = {"image": images(4, 1, 32, 32), "damaged": images(4, 1, 8, 8)}


def small(progress: float = 0.9, of: DataSpec | None = None, **options) -> GLN:
    seed_all(0)
    torch.manual_seed(0)
    game = GLN(of or data(), GLN.Options(**{"discriminator_width": 2, "layers": 4, "width": 2, "code": 8} | options))
    game.progress = progress
    return game


def round_of(game: GLN) -> list:
    return [*game.round(itertools.repeat(BATCH))]


@proves("count.detail", "count.deconvolution", "detail.code-of-256", "sizes.8-wants-16")
def _both_factors_have_their_parameters_and_one_code():
    for times, side, of_detail, of_kernel in ((4, 32, 4_473_088, 64), (8, 16, 4_276_480, 256)):
        with torch.device("meta"):
            net = GLN(data(times, (side, side))).generator
        assert (count(net.detail), count(net.enlarge)) == (of_detail, of_kernel)
        assert (net.detail[1].in_features, net.detail[1].out_features) == (side * side, 256)
        assert net.detail[3].out_features == 128 * 128


@proves("count.local", "local.kernels-and-widths", "local.4-6-8-layers", "local.no-norm-last-linear")
def _local_networks_have_4_6_or_8_layers():
    for layers, expected in ((4, 127_953), (6, 529_489), (8, 931_025)):
        with torch.device("meta"):
            net = gln.refinement(2, layers)
        assert kinds(net) == [*(layers - 1) * ["Conv2d", "ReLU"], "Conv2d"]
        found = [(m.kernel_size[0], m.out_channels) for m in net if isinstance(m, nn.Conv2d)]
        assert found == [(5, 16), (7, 32), *(layers - 3) * [(7, 64)], (5, 1)]
        assert count(net) == expected
    assert GLN.Options().layers == 8


@proves("detail.rank-of-256", "detail.relu")
def _all_that_detail_can_draw_spans_as_many_dimensions_as_the_code_has():
    torch.manual_seed(0)
    net = gln.detail((6, 6), 4, 5)
    assert kinds(net) == ["Flatten", "Linear", "ReLU", "Linear"]
    drawn = net(images(40, 1, 6, 6)) - net[3].bias
    assert int(torch.linalg.matrix_rank(drawn.double(), rtol=1e-4)) <= 5
    assert drawn.shape == (40, 24 * 24)


@proves("deconvolution.kernel", "deconvolution.bilinear", "deconvolution.to-the-edge", "factors.2-4-8")
def _the_deconvolution_begins_as_bilinear_interpolation():
    x = images(2, 1, 5, 7)
    for times in (2, 4, 8):
        net = gln.Bilinear(times)
        layer = net.deconvolution
        assert (layer.kernel_size[0], layer.stride[0], layer.padding[0]) == (2 * times, times, times // 2)
        assert float(layer.weight.detach().sum()) == pytest.approx(times**2)
        expected = interpolate(x, scale_factor=times, mode="bilinear")
        inner = slice(times, -times)
        alone = layer(x)  # without the continued edge
        assert alone.shape == expected.shape
        assert torch.allclose(alone[..., inner, inner], expected[..., inner, inner], atol=1e-6)
        assert (alone - expected).abs().max() > 0.1
        assert torch.allclose(net(x), expected, atol=1e-6)
    for times in (3, 16):
        with pytest.raises(UsageError, match="GLN enlarges by 2, 4, 8, and"):
            small(of=data(times, (4, 4)))


@proves("deconvolution.learns", "deconvolution.moved")
def _a_run_notes_how_far_the_deconvolution_has_moved():
    game = small(0.0)
    round_of(game)
    assert game.notes["moved"] == 0
    play(game, BATCH, 2)
    assert 0 < float(game.notes["moved"]) < 0.1
    with torch.no_grad():
        game.generator.enlarge.deconvolution.weight.mul_(1.5)
    assert float(game.generator.enlarge.moved()) == pytest.approx(0.5, abs=0.1)


def silent(net: gln.GLN) -> gln.GLN:
    """Without details, and a local network that lets the first of its maps through."""
    silence(net.detail[3])
    if net.local is not None:
        layer = nn.Conv2d(2, 1, 5, padding=2, bias=False)
        nn.init.zeros_(layer.weight)
        layer.weight.data[0, 0, 2, 2] = 1
        net.local = nn.Sequential(layer)
    return net


@proves("start.exactly-bilinear", "local.two-maps")
def _without_details_and_refinement_it_is_bilinear_enlargement():
    for layers in (0, 4):
        net = silent(small(layers=layers).generator)
        expected = interpolate(BATCH["damaged"], scale_factor=4, mode="bilinear")
        assert torch.allclose(net(BATCH["damaged"]), expected, atol=1e-6)
    net, seen = small().generator, []
    net.local.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net(BATCH["damaged"])
    assert seen[0].shape == (4, 2, 32, 32)
    assert torch.equal(seen[0][:, :1], net.enlarge(BATCH["damaged"]))
    assert torch.equal(seen[0][:, 1].flatten(1), net.detail(BATCH["damaged"]))


@proves("local.mirrored-edges")
def _edges_are_mirrored():
    net = gln.refinement(1, 4)
    assert {m.padding_mode for m in net if isinstance(m, nn.Conv2d)} == {"reflect"}
    even = torch.full((1, 1, 9, 9), 0.7)
    assert torch.allclose(net(even), net(even)[..., :1, :1].expand(1, 1, 9, 9), atol=1e-6)


@proves("sizes.10x12", "sizes.any", "sizes.one-a-run")
def _small_images_of_any_size_are_enlarged_if_it_is_the_trainings():
    for times, size in ((4, (10, 12)), (8, (10, 12)), (4, (7, 9)), (2, (5, 4))):
        game = small(of=data(times, size))
        made = game.restore({"damaged": images(2, 1, *size)})
        assert made.shape == (2, 1, size[0] * times, size[1] * times)
        assert (game.sized, game.reach) == (True, None)
        large = {"image": images(2, 1, *made.shape[2:]), "damaged": images(2, 1, *size)}
        assert len([*game.round(itertools.repeat(large))]) == 2


@proves("colours.one-by-one")
def _channels_go_through_the_same_networks_one_by_one():
    game = small(of=data(channels=3))
    x = images(2, 3, 8, 8)
    made = game.generator(x)
    assert torch.allclose(made[:, 1:2], game.generator(x[:, 1:2]), atol=1e-6)
    assert count(game.generator) == count(small().generator)
    fields = data(channels=3).fields | {"damaged": Field("image", (1, 8, 8))}
    with pytest.raises(UsageError, match="here 1 channels become 3"):
        small(of=DataSpec(fields))


def looks(net: nn.Module, times: int, side: int) -> int:
    """How far a pixel of the large image looks, at most, in pixels of the small one."""
    x = torch.ones(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    y, middle, found = net(x), side // 2, []
    for place in range(times * middle, times * (middle + 1)):
        (slope,) = torch.autograd.grad(y[0, 0, place, place], x, retain_graph=True)
        rows = (slope[0, 0] != 0).any(1).nonzero().flatten()
        found += [middle - int(rows[0]), int(rows[-1]) - middle]
    return max(found)


@proves("ablation.no-global", "ablation.no-global-any-size")
def _without_the_global_network_a_bilinear_image_is_refined():
    game = small(whole=False)
    assert game.generator.local[0].in_channels == 1
    assert [*game.generator.children()] == [game.generator.local]
    assert game.restore({"damaged": images(1, 1, 3, 5)}).shape == (1, 1, 12, 20)
    assert not game.sized
    assert "moved" not in small(whole=False).notes
    for times, layers in ((2, 4), (4, 4), (8, 6)):
        game = small(of=data(times), whole=False, layers=layers, width=1)
        far = looks(bare(game.generator), times, 2 * game.reach + 9)
        assert far == game.reach == gln.reach(times, layers)
        least = game.smallest()
        assert game.restore({"damaged": images(1, 1, least, least)}).shape[2] == times * least


@proves("ablation.no-local", "ablation.neither")
def _without_the_local_network_both_maps_are_added():
    net = small(layers=0).generator
    x = BATCH["damaged"]
    assert torch.allclose(net(x), net.enlarge(x) + net.detail(x).view(4, 1, 32, 32), atol=1e-6)
    with pytest.raises(UsageError, match="nothing is left that learns"):
        GLN.Options(whole=False, layers=0)


@proves("objective.squares-first")
def _first_the_generator_alone_goes_down_squared_differences():
    made = small(0.0).generator(BATCH["damaged"])
    (move,) = round_of(small(0.0))
    assert (move.players, move.optims, [*move.losses]) == (("generator",), ("pretraining",), ["distance"])
    assert value(move.losses["distance"]) == pytest.approx(value(mse_loss(made, BATCH["image"])), rel=1e-5)


@proves("objective.squares-and-deception")
def _then_it_also_has_to_deceive():
    game = small()
    silence(game.discriminator)
    judged, made = round_of(game)
    assert value(judged.losses["adversarial"]) == pytest.approx(2 * math.log(2))
    assert value(made.losses["adversarial"]) == pytest.approx(1e-3 * math.log(2))
    expected = mse_loss(game.generator(BATCH["damaged"]), BATCH["image"])
    assert value(made.losses["pixels"]) == pytest.approx(value(expected), rel=1e-5)


@proves("order.judge-first-same-fakes")
def _the_judge_moves_first_and_the_same_fakes_are_judged_anew():
    game, made = small(discriminator_steps=2), []
    game.generator.register_forward_hook(lambda _, __, x: made.append(x))
    assert [move.players[0] for move in round_of(game)] == ["discriminator", "discriminator", "generator"]
    assert len(made) == 2
    assert [x.requires_grad for x in made] == [False, True]


def slopes(loss: Tensor, player: nn.Module) -> list[Tensor | None]:
    return [*torch.autograd.grad(loss, list(player.parameters()), retain_graph=True, allow_unused=True)]


@proves("gradient.all-of-the-generator", "gradient.none-in-the-judges-step")
def _the_adversary_teaches_every_weight_of_the_generator_and_only_in_its_step():
    for options in ({}, {"layers": 0}, {"whole": False}):
        game = small(**options)
        judged, made = round_of(game)
        found = slopes(made.losses["adversarial"], game.generator)
        assert all(slope is not None and slope.any() for slope in found)
        assert set(slopes(judged.losses["adversarial"], game.generator)) == {None}


@proves("stages", "blend", "use.alone-as-in-any-batch")
def _both_stages_networks_blend_and_an_image_is_its_own():
    game = small()
    assert [small(progress).alone for progress in (0.0, 0.79, 0.81)] == [True, True, False]
    play(game, BATCH)
    assert game.blends
    mixed = game.network(0.5).enlarge.deconvolution.weight
    ends = [net.enlarge.deconvolution.weight for net in (game.pretrained, game.generator)]
    assert torch.allclose(mixed, (ends[0] + ends[1]) / 2, atol=1e-6)
    together = game.restore({"damaged": 3 * BATCH["damaged"]})
    alone = torch.cat([game.restore({"damaged": 3 * each}) for each in BATCH["damaged"].split(1)])
    assert torch.allclose(together, alone, atol=1e-5)
    assert together.abs().max() <= 1


@proves("settings", "refused")
def _what_was_decided_are_the_defaults_and_what_cannot_be_is_refused():
    o = GLN.Options()
    assert (o.loss, o.adversarial_weight, o.code, o.whole) == (NonSaturating(), 1e-3, 256, True)
    assert (o.optim, o.pretraining_optim) == (Adam(lr=1e-4, betas=(0.9, 0.999)), Adam(lr=1e-3, betas=(0.9, 0.999)))
    for name, wrong in (
        ("code", 0),
        ("width", 0),
        ("discriminator_width", 0),
        ("adversarial_weight", -1.0),
        ("pretraining", 2.0),
    ):
        with pytest.raises(UsageError, match=name):
            GLN.Options(**{name: wrong})
