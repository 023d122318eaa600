"""pix2pixHD: every line of its fact sheet on objective, order and stages, with what proves it."""

import inspect

import pytest
import torch
from playing import images
from seeding import seed_all
from sheets import Sheet, silence, value

from saddle.base.errors import UsageError
from saddle.games import pix2pixhd
from saddle.games.pix2pixhd import COARSE, FINE, Pix2PixHD
from saddle.losses import HalfLeastSquares
from saddle.nets.scales import coarser, matching
from saddle.optim import Adam
from saddle.perceptual import SelfSupervised
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("closed.least-squares-at-0-summed", "objective.scales-are-summed", "objective.judge-is-halved"),
    *("objective.loss-is-least-squares", "objective.matching-of-the-same-is-0"),
    *("objective.matching-is-a-mean-of-scales", "objective.matching-leaves-logits-out"),
    *("objective.matching-factor", "objective.matching-detaches-real", "objective.weight-10"),
    *("objective.condition-is-seen", "objective.code-is-not-judged", "order.generator-first", "order.same-state"),
    *("order.one-forward", "order.fake-detached-for-the-judge", "order.fake-attached-for-the-generator"),
    *("order.encoder-moves-with-the-generator", "pool.none", "input.channels", "input.image-without-classes"),
    *("input.without-objects", "stages.half-images-first", "stages.enhancer-alone", "stages.jointly"),
    *("stages.optimizers-anew", "stages.two-of-three-judges-at-first", "stages.shares", "adam"),
    *("schedule.half-constant", "schedule.twice-with-the-enhancer", "batch.one"),
)
proves = SHEET.proves
SIDE = 32
NAMES, PALETTE = ("sky", "road", "car"), ((0, 0, 9), (9, 9, 9), (9, 0, 0))
TOWN = DataSpec(
    {
        "a": Field("map", (SIDE, SIDE), NAMES, PALETTE),
        "b": Field("image", (3, SIDE, SIDE)),
        "instances": Field("instances", (SIDE, SIDE)),
    }
)
PAIRS = DataSpec.of((3, SIDE, SIDE), ("a", "b"))


def street(n: int = 2) -> dict[str, torch.Tensor]:
    """Sky above a road with two cars, and a third that is less than a 64th of the image."""
    classes = torch.zeros(n, SIDE, SIDE, dtype=torch.int64)
    classes[:, 16:] = 1
    numbers = classes.clone()
    for k, (top, left, side) in enumerate([(18, 2, 6), (18, 16, 8), (2, 2, 4)]):
        classes[:, top : top + side, left : left + side] = 2
        numbers[:, top : top + side, left : left + side] = 2000 + k
    return {"a": classes, "b": images(n, 3, SIDE, SIDE), "instances": numbers}


def small(data: DataSpec = TOWN, **options) -> Pix2PixHD:
    seed_all(0)
    torch.manual_seed(0)
    tiny = {"width": 4, "blocks": 1, "enhancer_blocks": 1, "halvings": 2, "encoder_width": 2, "discriminator_width": 2}
    return Pix2PixHD(data, Pix2PixHD.Options(**{"enhancer": False, "patch_layers": 1} | tiny | options))


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.least-squares-at-0-summed", "objective.scales-are-summed", "objective.judge-is-halved")
def _least_squares_of_logits_of_0_grow_with_the_number_of_scales():
    for scales, judged, drawn in ((1, 0.5, 1.0), (2, 1.0, 2.0), (3, 1.5, 3.0)):
        game = small(scales=scales)
        silence(game.discriminator)
        first, second = game.round(iter([street()]))
        assert value(first.losses["adversarial"]) == drawn
        assert value(second.losses["adversarial"]) == judged


@proves("objective.loss-is-least-squares")
def _the_loss_is_that_of_least_squares():
    assert Pix2PixHD.Options().loss == HalfLeastSquares()


@proves("objective.matching-of-the-same-is-0")
def _the_same_images_have_the_same_maps():
    game, pairs = small(), images(2, 7, SIDE, SIDE)
    assert value(matching(game.judged(pairs), game.judged(pairs))) == 0


def heights(*of_scales: tuple[float, ...]) -> list[list[torch.Tensor]]:
    """Even maps of these heights, of each scale one of another size."""
    return [
        [torch.full((1, 2, 3 + k, 5), float(height)) for k, height in enumerate(of)] for of in of_scales
    ]  # fmt: skip


@proves("objective.matching-is-a-mean-of-scales", "objective.matching-leaves-logits-out", "objective.matching-factor")
def _matching_is_by_hand_what_the_code_computes():
    """Of four maps the sum, of two twice the sum; the mean over the scales, where the adversarial loss is a sum."""
    zero = heights((0, 0, 0, 0, 0), (0, 0, 0, 0, 0))
    assert value(matching(zero, heights((1, 2, 3, 4, 99), (0, 0, 0, 2, 99)))) == pytest.approx((10 + 2) / 2)
    assert value(matching(zero[:1], heights((1, 2, 3, 4, 99)))) == pytest.approx(10)
    assert value(matching(heights((0, 0, 0)), heights((1, 2, 99)))) == pytest.approx(4 / 2 * 3)


@proves("objective.matching-detaches-real")
def _true_images_have_no_gradient():
    game, real, fake = small(), images(1, 7, SIDE, SIDE).requires_grad_(), (-images(1, 7, SIDE, SIDE)).requires_grad_()
    of_real, of_fake = torch.autograd.grad(
        matching(game.judged(real), game.judged(fake)), (real, fake), allow_unused=True
    )
    assert of_real is None
    assert of_fake.any()


@proves("objective.weight-10")
def _matching_weighs_10():
    assert Pix2PixHD.Options().matching_weight == 10.0
    one, ten = (value(next(small(matching_weight=w).round(iter([street()]))).losses["matching"]) for w in (1, 10))
    assert ten == pytest.approx(10 * one)


@proves("objective.condition-is-seen", "objective.code-is-not-judged")
def _the_discriminator_sees_classes_outlines_and_the_image():
    game = small()
    assert game.generator[1].in_channels == 3 + 1 + 3
    assert game.discriminator[0][0].in_channels == 3 + 1 + 3
    wide = small(features=5)
    assert wide.generator[1].in_channels == 3 + 1 + 5
    assert wide.discriminator[0][0].in_channels == 3 + 1 + 3
    batch, other = street(), street()
    other["a"] = other["a"].flip(1)
    pairs = [game.pairs(game.seen_of(each), each["b"]) for each in (batch, other)]
    assert not torch.allclose(*(game.score(each) for each in pairs), atol=1e-4)


@proves("order.generator-first", "order.same-state", "order.one-forward", "order.fake-detached-for-the-judge")
def _both_sides_move_from_the_same_state():
    """What the discriminator is told of is the fake that was drawn before the generator moved."""
    game, drawn = small(), []
    game.generator.register_forward_hook(lambda _, __, fake: drawn.append(fake.detach().clone()))
    seen = []
    game.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
    round_ = game.round(iter([street()]))
    first = next(round_)
    assert first.players == ("generator", "encoder")
    with torch.no_grad():
        for p in [*game.generator.parameters(), *game.encoder.parameters()]:
            p.add_(0.1)
    second = next(round_)
    assert second.players == ("discriminator",)
    assert len(drawn) == 1
    assert torch.equal(seen[-1][:, -3:], drawn[0])
    assert len(seen) == 3  # the true pairs once for both
    others = [*game.generator.parameters(), *game.encoder.parameters()]
    found = torch.autograd.grad(second.losses["adversarial"], others, allow_unused=True)
    assert found == (None,) * len(others)
    with pytest.raises(StopIteration):
        next(round_)


@proves("order.fake-attached-for-the-generator", "order.encoder-moves-with-the-generator")
def _every_weight_of_generator_and_encoder_learns_from_the_discriminator():
    game = small(matching_weight=0.0)
    move = next(game.round(iter([street()])))
    assert list(move.losses) == ["adversarial"]
    last = [game.generator[-2].weight, game.encoder[-2].weight, game.generator[1].weight, game.encoder[1].weight]
    assert all(gradient.any() for gradient in torch.autograd.grad(move.losses["adversarial"], last))


@proves("pool.none")
def _no_fakes_are_remembered():
    assert "ImagePool" not in inspect.getsource(pix2pixhd)


@proves("input.channels")
def _classes_outlines_and_code_are_the_input():
    game, batch = small(), street()
    seen = game.seen_of(batch)
    assert seen.shape == (2, 4, SIDE, SIDE)
    assert torch.equal(seen[:, :3].argmax(1), batch["a"])
    assert set(seen[:, 3].unique().tolist()) == {0.0, 1.0}
    assert game.encoded(batch).shape == (2, 3, SIDE, SIDE)


@proves("input.image-without-classes")
def _an_image_may_be_the_input_too():
    game = small(PAIRS)
    assert game.needs == ("a", "b")
    assert (game.generator[1].in_channels, game.discriminator[0][0].in_channels) == (3, 6)
    assert not hasattr(game, "encoder")
    batch = {"a": images(2, 3, SIDE, SIDE), "b": -images(2, 3, SIDE, SIDE)}
    assert [move.players for move in game.round(iter([batch]))] == [("generator",), ("discriminator",)]
    assert game.network("a", "b") is game.generator
    assert not game.varies


@proves("input.without-objects")
def _objects_may_be_left_out_and_are_wanted_where_they_are_asked_for():
    game = small(instances=False)
    assert (game.needs, game.generator[1].in_channels) == (("a", "b"), 3)
    assert small(features=0).generator[1].in_channels == 4
    with pytest.raises(UsageError, match="asks for the numbers of objects, and these data have none"):
        small(PAIRS, instances=True)


def staged(progress: float, rounds: int = 1, stage: int = 0, **options) -> tuple[Pix2PixHD, list]:
    """A game with the enhancer that played this stage last, and its moves at this progress."""
    game = small(enhancer=True, **options)
    game.progress, game.rounds = progress, rounds
    game.stage.fill_(stage)
    return game, list(game.round(iter([street()])))


@proves("stages.half-images-first", "stages.two-of-three-judges-at-first")
def _at_first_the_global_generator_learns_alone_on_halves():
    """Halves are judged by those that see halves later on: two of three."""
    seen = []
    game = small(enhancer=True, patch_layers=1)
    game.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given))
    moves = list(game.round(iter([street()])))
    assert [move.players for move in moves] == [("generator", "encoder"), ("discriminator",)]
    assert {(tuple(x.shape), first) for x, first in seen} == {((2, 7, 16, 16), 1)}
    batch = street()
    assert torch.allclose(seen[0][0], coarser(torch.cat((game.seen_of(batch), batch["b"]), 1)), atol=1e-6)
    assert len(game.discriminator) == 3
    assert len(game.judged(seen[0][0])) == 2
    assert game.translate(batch, "b").shape == (2, 3, SIDE, SIDE)


@proves("stages.enhancer-alone", "stages.jointly", "stages.shares")
def _then_the_enhancer_learns_alone_and_then_both():
    o = Pix2PixHD.Options()
    assert (o.enhancer, o.coarse_share, o.fixed_share) == (True, 0.5, 0.025)
    players = {progress: staged(progress)[1][0].players for progress in (0.0, 0.49, 0.5, 0.524, 0.526, 1.0)}
    assert players == {
        **dict.fromkeys((0.0, 0.49), ("generator", "encoder")),
        **dict.fromkeys((0.5, 0.524), ("enhancer", "encoder")),
        **dict.fromkeys((0.526, 1.0), ("generator", "enhancer", "encoder")),
    }
    game, _ = staged(0.51, stage=FINE)
    assert [game.has_staged(progress) for progress in (0.0, 0.49, 0.5)] == [False, False, True]


@proves("stages.optimizers-anew")
def _optimizers_start_anew_with_the_enhancer_and_when_the_global_generator_joins():
    """The enhancer's is another training with all its optimizers; then only those that draw begin again."""

    def forgets(progress, stage):
        return [move.forget for move in staged(progress, stage=stage)[1]]

    assert forgets(0.2, COARSE) == [False, False]
    assert forgets(0.51, COARSE) == [True, True]
    assert forgets(0.51, FINE) == [False, False]
    assert forgets(0.6, FINE) == [True, False]
    assert forgets(0.6, 0) == [False, False]
    _, at_once = staged(0.51, stage=COARSE, fixed_share=0.0)  # the enhancer never learns alone
    assert [move.forget for move in at_once] == [True, True]
    game = small(enhancer=True)  # its first round begins nothing
    assert [move.forget for move in game.round(iter([street()]))] == [False, False]


@proves("adam")
def _adam_has_the_papers_constants():
    optim = Pix2PixHD.Options().optim
    assert isinstance(optim, Adam)
    assert (optim.lr, optim.betas) == (2e-4, (0.5, 0.999))


@proves("schedule.half-constant")
def _the_rate_is_constant_in_the_first_half_and_falls_to_0_in_the_second():
    optim = small().optim("generator")
    assert [optim.at(0, p)["lr"] for p in (0.0, 0.5, 0.75, 1.0)] == pytest.approx([2e-4, 2e-4, 1e-4, 0.0])


@proves("schedule.twice-with-the-enhancer")
def _both_trainings_have_the_whole_schedule():
    game = small(enhancer=True)
    for player in game.players():
        rates = [game.optim(player).at(0, p)["lr"] for p in (0.0, 0.25, 0.375, 0.5, 0.75, 0.875, 1.0)]
        assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 2e-4, 2e-4, 1e-4, 0.0])
    seen = small(enhancer=True, perceptual=SelfSupervised(rounds=3))  # what compares learns once, before both
    assert [seen.optim("features").at(0, p)["lr"] for p in (0.0, 0.5, 1.0)] == [1e-3, 1e-3, 1e-3]
    assert seen.optim("features") == SelfSupervised().optim
    alone = small(enhancer=True, coarse_share=0.0).optim("generator")
    assert [alone.at(0, p)["lr"] for p in (0.5, 0.75)] == pytest.approx([2e-4, 1e-4])


@proves("batch.one")
def _without_a_recipe_a_batch_is_one_pair():
    assert Pix2PixHD.batch == 1
