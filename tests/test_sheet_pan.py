"""PAN: every line of its fact sheet, with what proves it."""

import math

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, count, kinds, silence, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.pan import PAN
from saddle.layers.norm import BatchNorm2d
from saddle.losses import NonSaturating
from saddle.nets.pan import Perceptual, Transformation
from saddle.optim import Adam, Constant
from saddle.penalties import R1
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec, Field
from saddle.views import DiffAugment, InstanceNoise, Packing

SHEET = Sheet(
    "closed.equal-images",
    "closed.silent-judge",
    "distance.mean-absolute",
    "distance.weights",
    "distance.layers",
    "distance.sees-no-view",
    "objective.generator",
    "objective.judge",
    "objective.no-pixels",
    "objective.margin",
    "margin.beyond-it-no-gradient",
    "margin.below-it-the-judge-raises-the-distance",
    "margin.0-is-feature-matching",
    "sign.generator-lowers-the-distance",
    "order.judge-first",
    "order.same-fake-judged-anew",
    "gradient.every-weight-of-the-generator",
    "gradient.none-of-the-generator-in-the-judges-step",
    "count.transformation",
    "count.judge",
    "count.channels",
    "count.sizes",
    "transformation.layers",
    "transformation.skips",
    "transformation.bends",
    "judge.layers",
    "judge.logit",
    "judge.sees-the-result-alone",
    "sizes.64-keep-the-topology",
    "sizes.one-pixel-is-refused",
    "norm.sides-apart",
    "norm.use",
    "norm.each-its-own",
    "range.tanh",
    "init.normal",
    "adam",
    "batch.four",
    "fields.images-masks-maps",
    "recipes",
    "settings.refused",
)
proves = SHEET.proves
DATA = DataSpec.of((3, 32, 32), ("a", "b"))
BATCH = {"a": images(4, 3, 32, 32), "b": -images(4, 3, 32, 32)}


def small(data: DataSpec = DATA, **options) -> PAN:
    seed_all(0)
    torch.manual_seed(0)
    return PAN(data, PAN.Options(**{"width": 4} | options))


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def given_back(game: PAN) -> PAN:
    """T gives back what it is given."""
    game.generator = nn.Module()
    game.generator.weight = nn.Parameter(torch.tensor(1.0))
    game.generator.forward = lambda x: game.generator.weight * x
    return game


@proves("closed.equal-images", "objective.margin")
def _of_equal_images_the_distance_is_0_and_the_judge_lacks_the_whole_margin():
    for options in ({}, {"margin": 0.7}):
        judged, drawn = given_back(small(**options)).round(iter([{"a": BATCH["a"], "b": BATCH["a"]}]))
        assert value(judged.losses["margin"]) == pytest.approx(options.get("margin", 3.0))
        assert value(drawn.losses["perceptual"]) == 0


@proves("closed.silent-judge")
def _of_a_judge_whose_weights_are_0():
    game = small()
    silence(game.discriminator)
    judged, drawn = game.round(iter([BATCH]))
    assert value(judged.losses["adversarial"]) == pytest.approx(2 * math.log(2))
    assert value(drawn.losses["adversarial"]) == pytest.approx(math.log(2))
    assert value(judged.losses["margin"]) == 3.0


@proves("distance.mean-absolute", "distance.weights")
def _the_distance_is_a_weighted_sum_of_mean_absolute_differences():
    """Well-known code leaves out the absolute values: differences of both signs would cancel."""
    assert PAN.Options().perceptual_weights == (5.0, 1.5, 1.5, 1.0)
    game, sign = small(), torch.tensor([1.0, -1.0]).repeat(8).view(2, 2, 2, 2)
    maps = [torch.zeros(2, 2, 2, 2) for _ in range(4)]
    far = [difference * sign for difference in (0.1, 0.2, 0.4, 0.8)]
    assert value(game.distance(maps, far).mean()) == pytest.approx(5 * 0.1 + 1.5 * 0.2 + 1.5 * 0.4 + 0.8)
    assert torch.equal(game.distance(far, maps), game.distance(maps, far))


@proves("distance.layers")
def _compared_are_the_maps_of_layers_1_4_6_and_8():
    net, made = Perceptual((3, 64, 64), 4, "batch"), []
    for layer in net.layers:
        layer.register_forward_hook(lambda _, __, x: made.append(x))
    _, maps = net(images(2, 3, 64, 64))
    assert all(one is made[number - 1] for one, number in zip(maps, (1, 4, 6, 8), strict=True))
    assert [(m.shape[1], m.shape[2]) for m in maps] == [(4, 64), (16, 16), (32, 8), (32, 4)]


@proves("distance.sees-no-view")
def _a_change_by_chance_is_no_distance():
    game = given_back(small(views=(DiffAugment(), InstanceNoise())))
    judged, drawn = game.round(iter([{"a": BATCH["a"], "b": BATCH["a"]}]))
    assert value(judged.losses["margin"]) == 3.0
    assert value(drawn.losses["perceptual"]) == 0
    assert not torch.equal(game.score(BATCH["a"]), game.score(BATCH["a"]))
    with pytest.raises(UsageError, match="no common true image to be near to"):
        small(views=(Packing(2),))


def looked(game: PAN) -> tuple[Tensor, Tensor, Tensor]:
    """What the discriminator says of the true and of the drawn images, and how far apart these are."""
    with torch.no_grad():
        (real, one), (fake, other) = game.discriminator(BATCH["b"]), game.discriminator(game.generator(BATCH["a"]))
        pairs = zip((5.0, 1.5, 1.5, 1.0), one, other, strict=True)
        distance = sum(weight * (x - y).abs().flatten(1).mean(1) for weight, x, y in pairs)  # of each image
    return real, fake, distance


@proves("objective.judge", "objective.no-pixels")
def _the_judge_goes_down_cross_entropy_and_what_lacks_to_the_margin():
    game = small()
    real, fake, distance = looked(game)
    judged, drawn = game.round(iter([BATCH]))
    bce = nn.functional.binary_cross_entropy_with_logits
    expected = bce(real, torch.ones(4)) + bce(fake, torch.zeros(4))
    assert value(judged.losses["adversarial"]) == pytest.approx(float(expected), rel=1e-5)
    assert value(judged.losses["margin"]) == pytest.approx(float((3.0 - distance).relu().mean()), rel=1e-5)
    assert set(judged.losses) == {"adversarial", "margin"}
    assert set(drawn.losses) == {"adversarial", "perceptual"}


@proves("objective.generator", "order.same-fake-judged-anew", "order.judge-first")
def _t_goes_down_what_deceives_and_the_distance_by_a_discriminator_that_has_moved():
    """Well-known code leaves the distance out of this step."""
    game, fakes = small(), []
    game.generator.register_forward_hook(lambda _, __, x: fakes.append(x))
    round_ = game.round(iter([BATCH]))
    assert next(round_).players == ("discriminator",)
    with torch.no_grad():
        for p in game.discriminator.parameters():
            p.mul_(1.5)
    drawn = next(round_)
    assert drawn.players == ("generator",)
    assert len(fakes) == 1
    _, fake, distance = looked(game)
    expected = nn.functional.binary_cross_entropy_with_logits(fake, torch.ones(4))
    assert value(drawn.losses["adversarial"]) == pytest.approx(float(expected), rel=1e-5)
    assert value(drawn.losses["perceptual"]) == pytest.approx(float(distance.mean()), rel=1e-5)


@proves("margin.beyond-it-no-gradient")
def _beyond_the_margin_the_distance_moves_nothing_of_the_judge():
    game = small(margin=1e-4)
    judged = next(game.round(iter([BATCH])))
    assert value(judged.losses["margin"]) == 0
    found = torch.autograd.grad(judged.losses["margin"], list(game.discriminator.parameters()), allow_unused=True)
    assert not any(gradient is not None and gradient.any() for gradient in found)


@proves("margin.below-it-the-judge-raises-the-distance")
def _below_the_margin_a_step_of_the_judge_raises_the_distance():
    game = small(margin=100.0)
    before = looked(game)[2].mean()
    judged = next(game.round(iter([BATCH])))
    descend(game.discriminator, judged.losses["margin"])
    assert looked(game)[2].mean() > before


@proves("sign.generator-lowers-the-distance")
def _a_step_of_t_lowers_the_distance():
    game = small()
    before = looked(game)[2].mean()
    _, drawn = game.round(iter([BATCH]))
    descend(game.generator, drawn.losses["perceptual"])
    assert looked(game)[2].mean() < before


def descend(player: nn.Module, loss: Tensor) -> None:
    weights = [p for p in player.parameters() if p.requires_grad]
    with torch.no_grad():
        for p, gradient in zip(weights, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
            if gradient is not None:
                p.sub_(1e-2 * gradient)


@proves("margin.0-is-feature-matching")
def _without_a_margin_the_judge_knows_of_no_distance():
    judged, drawn = small(margin=0.0).round(iter([BATCH]))
    assert set(judged.losses) == {"adversarial"}
    assert set(drawn.losses) == {"adversarial", "perceptual"}


@proves("gradient.every-weight-of-the-generator", "gradient.none-of-the-generator-in-the-judges-step")
def _the_adversary_alone_moves_every_weight_of_t_and_none_in_its_own_step():
    game = small(perceptual_weights=(0.0, 0.0, 0.0, 0.0))
    judged, drawn = game.round(iter([BATCH]))
    weights = list(game.generator.parameters())
    loss = judged.losses["adversarial"] + judged.losses["margin"]
    assert set(torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)) == {None}
    gradients = torch.autograd.grad(drawn.losses["adversarial"], weights)
    assert all(gradient.any() for gradient in gradients)


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


@proves("adam")
def _adam_has_the_papers_constants_and_the_loss_is_cross_entropy():
    o = PAN.Options()
    assert isinstance(o.optim, Adam)
    assert (o.optim.lr, o.optim.betas, o.optim.schedule) == (2e-4, (0.5, 0.999), Constant())
    assert (o.loss, o.margin, o.width) == (NonSaturating(), 3.0, 64)


@proves("batch.four")
def _without_a_recipe_a_batch_is_four_pairs():
    assert PAN.batch == 4
    assert Recipe.default("pan", "pairs:facades").plan.batch == 4


@proves("fields.images-masks-maps")
def _images_masks_and_maps_become_images_and_masks():
    sides = (32, 32)
    grey, mask = Field("image", (1, *sides)), Field("mask", (1, *sides))
    map_ = Field("map", sides, ("sky", "ground"), ((0, 0, 255), (0, 255, 0)))
    samples = {"image": images(4, 1, *sides), "mask": (images(4, 1, *sides) > 0).float()}
    samples["map"] = (images(4, *sides) > 0).long()
    for a in (grey, mask, map_):
        for b in (grey, mask):
            game = small(DataSpec({"a": a, "b": b}))
            moves = play(game, {"a": samples[a.kind], "b": samples[b.kind]})
            assert all(torch.isfinite(loss) for move in moves for loss in move.losses.values())
            assert game.translate({"a": samples[a.kind]}, "b").shape == (4, 1, *sides)
    with pytest.raises(UsageError, match=r"the wanted side \(b\) of these data is a label map"):
        small(DataSpec({"a": grey, "b": map_}))


@proves("recipes")
def _rain_holes_scenes_and_edges_have_a_recipe_each():
    for data in (None, "rain", "holes", "scenes", "edges"):
        recipe = Recipe.default("pan", data)
        assert recipe.data.source == data or (data is None and recipe.data.source == "rain")
        assert recipe.options.width < 64
        assert recipe.options.perceptual_weights == PAN.Options().perceptual_weights


@proves("settings.refused")
def _settings_that_cannot_be_are_refused():
    for options, words in (
        ({"margin": -1.0}, r"margin is at least 0, not -1\.0"),
        ({"levels": 0}, "levels is from 1 to 1,000 or none, not 0"),
        ({"width": 0}, "width is at least 1, not 0"),
        ({"perceptual_weights": (1.0, -1.0, 0.0, 0.0)}, r"perceptual_weights\[1\] is at least 0, not -1\.0"),
        ({"levels": 10**9}, "levels is from 1 to 1,000 or none, not 1000000000"),
    ):
        with pytest.raises(UsageError, match=words):
            small(**options)
