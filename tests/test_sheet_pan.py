"""PAN: every line of its fact sheet on objective, order and use, with what proves it."""

import math

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, silence, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.pan import PAN
from saddle.losses import NonSaturating
from saddle.nets.pan import Perceptual
from saddle.optim import Adam, Constant
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec, Field
from saddle.views import DiffAugment, InstanceNoise, Packing

SHEET = Sheet(
    *("closed.equal-images", "closed.silent-judge", "distance.mean-absolute", "distance.weights"),
    *("distance.layers", "distance.sees-no-view", "objective.generator", "objective.judge"),
    *("objective.no-pixels", "objective.margin", "margin.beyond-it-no-gradient"),
    *("margin.below-it-the-judge-raises-the-distance", "margin.0-is-feature-matching"),
    *("sign.generator-lowers-the-distance", "order.judge-first", "order.same-fake-judged-anew"),
    *("gradient.every-weight-of-the-generator", "gradient.none-of-the-generator-in-the-judges-step", "adam"),
    *("batch.four", "fields.images-masks-maps", "recipes", "settings.refused"),
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
