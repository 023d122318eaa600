"""ESRGAN: every line of its fact sheet on losses, stages and use, with what proves it."""

import itertools
import math

import pytest
import torch
from enlarged import BATCH, data
from playing import images, play
from seeding import seed_all
from sheets import Sheet, silence, value
from torch import Tensor, nn
from torch.nn.functional import l1_loss, softplus

from saddle.base.errors import UsageError
from saddle.games.esrgan import ESRGAN
from saddle.losses import HalfRelativisticAverage, NonSaturating, RelativisticAverage
from saddle.nets.rrdb import RRDBNet
from saddle.optim import Optim
from saddle.perceptual import VGG19, RandomVGG19
from saddle.spec import DataSpec
from saddle.training.averages import decay

SHEET = Sheet(
    *("objective.absolute-pixels-first", "objective.relativistic-average", "objective.ln-2", "objective.mean-of-two"),
    *("objective.weights", "objective.in-vgg-before-the-activation", "objective.vgg-needs-a-file"),
    *("objective.in-maps-of-the-judge", "objective.other-losses", "order.generator-first", "order.same-fakes"),
    *("order.more-steps", "gradient.from-both-terms", "gradient.all-of-the-generator-by-the-adversary"),
    *("gradient.none-in-the-judges-step", "gradient.judge-is-not-weighted", "stages.shares", "stages.rates"),
    *("stages.own-optimizer", "adam", "averages.999", "blend.mix", "unet.a-logit-a-pixel", "unet.maps"),
    *("use.alone-as-in-any-batch", "use.no-buffer-changes", "use.odd-sizes", "use.multiples", "use.reach"),
    *("use.grey", "batch.sixteen", "settings.refused", "factors.refused"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


TINY = {"width": 4, "growth": 2, "blocks": 1, "discriminator_width": 2}


def small(progress: float = 0.9, of: DataSpec | None = None, **options) -> ESRGAN:
    seed_all(0)
    torch.manual_seed(0)
    game = ESRGAN(of or data(), ESRGAN.Options(**TINY | options))
    game.progress = progress
    return game


def round_of(game: ESRGAN) -> list:
    return [*game.round(itertools.repeat(BATCH))]


@proves("objective.absolute-pixels-first", "stages.own-optimizer")
def _first_the_generator_alone_goes_down_absolute_differences_of_pixels_from_0_to_1():
    made = small(0.0).generator(BATCH["damaged"])
    (move,) = round_of(small(0.0))
    assert (move.players, move.optims, [*move.losses]) == (("generator",), ("pretraining",), ["distance"])
    expected = l1_loss((made + 1) / 2, (BATCH["image"] + 1) / 2)
    assert value(move.losses["distance"]) == pytest.approx(value(expected), rel=1e-5)


@proves("objective.ln-2", "objective.weights")
def _a_silent_judge_gives_ln_2_to_both():
    game = small(matching_weight=0.0)
    silence(game.discriminator)
    made, judged = round_of(game)
    assert value(judged.losses["adversarial"]) == pytest.approx(math.log(2))
    assert value(made.losses["adversarial"]) == pytest.approx(5e-3 * math.log(2))
    pixels = 1e-2 * l1_loss(game.generator(BATCH["damaged"]), BATCH["image"]) / 2
    assert value(made.losses["pixels"]) == pytest.approx(value(pixels), rel=1e-4)
    o = ESRGAN.Options()
    assert (o.perceptual_weight, o.adversarial_weight, o.pixel_weight) == (1.0, 5e-3, 1e-2)


@proves("objective.relativistic-average", "objective.mean-of-two")
def _the_loss_is_the_papers_by_hand_halved():
    real, fake = torch.tensor([1.0, 4.0, -2.0]), torch.tensor([0.5, -3.0, 2.0])

    def cross(better: Tensor, worse: Tensor) -> Tensor:
        of_better, of_worse = (better - worse.mean()).sigmoid(), (worse - better.mean()).sigmoid()
        return -of_better.log().mean() - (1 - of_worse).log().mean()

    loss = ESRGAN.Options().loss
    assert loss == HalfRelativisticAverage()
    assert value(loss.discriminator(real, fake)) == pytest.approx(value(cross(real, fake)) / 2, rel=1e-5)
    assert value(loss.generator(real, fake)) == pytest.approx(value(cross(fake, real)) / 2, rel=1e-5)
    whole = RelativisticAverage()
    assert value(whole.generator(real, fake)) == pytest.approx(2 * value(loss.generator(real, fake)))


@proves("gradient.from-both-terms")
def _fakes_learn_from_the_term_of_true_images_too():
    """Well-known code has the fakes' term alone."""
    real, fake = torch.tensor([1.0, 4.0]), torch.tensor([0.5, -3.0], requires_grad=True)
    (slope,) = torch.autograd.grad(ESRGAN.Options().loss.generator(real, fake), fake)
    of_true = -(real - fake.detach().mean()).sigmoid().mean() / 2  # of softplus(real - E fake), by each of two fakes
    of_fake = -(-(fake.detach() - real.mean())).sigmoid() / 2
    assert torch.allclose(slope, (of_true + of_fake) / 2, atol=1e-6)
    assert of_true < -0.3


@proves("objective.in-vgg-before-the-activation", "objective.vgg-needs-a-file")
def _with_vgg_images_are_compared_before_its_last_activation():
    how = {"layers": ("conv5_4",), "weights": (1.0,), "normalise": True}
    game = small(perceptual=RandomVGG19(width=2, **how))
    assert game.options.perceptual.distance == "l1"
    made = round_of(game)[0]
    assert [*made.losses] == ["adversarial", "perceptual", "pixels"]
    expected = game.features(game.generator(BATCH["damaged"]), BATCH["image"])
    assert value(made.losses["perceptual"]) == pytest.approx(value(expected), rel=1e-4)
    assert min(float(each.min()) for each in game.features.network(BATCH["image"])) < 0  # a ReLU had cut these
    with pytest.raises(UsageError, match="VGG19 wants a file of weights"):
        small(perceptual=VGG19(**how))


@proves("objective.in-maps-of-the-judge", "unet.maps")
def _without_another_network_images_are_compared_in_the_maps_of_the_judge():
    for judge, maps in (("vgg", 7), ("unet", 9)):
        game = small(matching_weight=0.5, discriminator=judge)
        made = round_of(game)[0]
        assert [*made.losses] == ["adversarial", "matching", "pixels"]
        with torch.no_grad():
            one, other = (game.judged(x).features for x in (BATCH["image"], game.generator(BATCH["damaged"])))
        assert len(one) == len(other) == maps + 1
        apart = sum(value(l1_loss(a, b)) for a, b in zip(one[:-1], other[:-1], strict=True))
        assert value(made.losses["matching"]) == pytest.approx(0.5 * 4 / maps * apart, rel=1e-3)


@proves("objective.other-losses")
def _a_loss_may_judge_each_image_by_itself():
    game = small(loss=NonSaturating(), matching_weight=0.0)
    silence(game.discriminator)
    made, judged = round_of(game)
    assert value(judged.losses["adversarial"]) == pytest.approx(2 * math.log(2))
    assert value(made.losses["adversarial"]) == pytest.approx(5e-3 * math.log(2))


@proves("order.generator-first", "order.same-fakes")
def _the_generator_moves_first_and_the_judge_sees_the_same_fakes():
    game, made = small(matching_weight=0.0), []
    game.generator.register_forward_hook(lambda _, __, x: made.append(x.detach()))
    rounds = game.round(iter([BATCH]))
    assert next(rounds).players == ("generator",)
    with torch.no_grad():
        for p in game.generator.parameters():
            p.mul_(1.5)
    judged = next(rounds)
    assert judged.players == ("discriminator",)
    assert next(rounds, None) is None
    assert len(made) == 1
    logits = [game.logits(x) for x in (BATCH["image"], made[0])]
    expected = HalfRelativisticAverage().discriminator(*logits)
    assert value(judged.losses["adversarial"]) == pytest.approx(value(expected), rel=1e-4)


@proves("order.more-steps")
def _further_steps_of_the_judge_have_batches_of_their_own():
    game, dealt = small(discriminator_steps=3), []

    def dealing():
        while True:
            dealt.append(BATCH)
            yield BATCH

    moves = [*game.round(dealing())]
    assert [move.players[0] for move in moves] == ["generator", *3 * ["discriminator"]]
    assert len(dealt) == 3


def slopes(loss: Tensor, player: nn.Module) -> list[Tensor | None]:
    return [*torch.autograd.grad(loss, list(player.parameters()), retain_graph=True, allow_unused=True)]


@proves("gradient.all-of-the-generator-by-the-adversary")
def _the_adversary_alone_teaches_every_weight():
    for judge in ("vgg", "unet"):
        game = small(matching_weight=0.0, discriminator=judge)
        found = slopes(round_of(game)[0].losses["adversarial"], game.generator)
        assert all(slope is not None and slope.any() for slope in found)


@proves("gradient.none-in-the-judges-step", "gradient.judge-is-not-weighted")
def _the_judges_step_sends_nothing_to_the_generator_and_has_no_weight():
    found = []
    for weight in (5e-3, 1.0):
        game = small(adversarial_weight=weight)
        judged = round_of(game)[1]
        assert set(slopes(sum(judged.losses.values()), game.generator)) == {None}
        found.append(value(judged.losses["adversarial"]))
    assert found[0] == found[1]


@proves("stages.shares")
def _a_million_updates_alone_and_400_000_together():
    assert ESRGAN.Options().pretraining == pytest.approx(1_000_000 / 1_400_000)
    assert [small(progress).alone for progress in (0.0, 0.7, 0.72)] == [True, True, False]


def rates(optim: Optim, *progress: float) -> list[float]:
    return [optim.at(0, each)["lr"] for each in progress]


@proves("stages.rates", "adam")
def _the_rates_halve_when_the_papers_do():
    game, first = small(), 5 / 7
    at = [first + (1 - first) * each / 400 for each in (1, 51, 101, 201, 301)]
    for player in ("generator", "discriminator"):
        expected = [1e-4, 5e-5, 2.5e-5, 1.25e-5, 6.25e-6]
        assert rates(game.optim(player), *at) == pytest.approx(expected)
    assert rates(game.optim("pretraining"), 0.0, 0.29 * first, 0.99 * first) == pytest.approx([2e-4, 1e-4, 1.25e-5])
    assert game.options.optim.betas == (0.9, 0.999)


@proves("averages.999")
def _the_averages_of_the_code_have_this_half_life():
    assert decay(1_000_000_000, 16, 11_090, 0.05) == pytest.approx(0.999, abs=1e-6)
    assert ESRGAN.averaged == ("generator",)


@proves("blend.mix")
def _both_stages_networks_are_mixed_parameter_by_parameter():
    game = small()
    play(game, BATCH)
    first, last, mixed = (net.state_dict() for net in (game.pretrained, game.generator, game.network(0.2)))
    assert game.blends
    assert not torch.equal(first["first.weight"], last["first.weight"])
    for name, found in mixed.items():
        assert torch.allclose(found, 0.8 * first[name] + 0.2 * last[name], atol=1e-6)


@proves("unet.a-logit-a-pixel")
def _real_esrgans_judge_has_a_logit_for_every_pixel():
    game = small(discriminator="unet")
    assert game.logits(BATCH["image"]).shape == (4, 32 * 32)
    assert small().logits(BATCH["image"]).shape == (4,)
    made, judged = round_of(game)
    fake, real = game.logits(game.generator(BATCH["damaged"])), game.logits(BATCH["image"])
    expected = (softplus(real.mean() - fake).mean() + softplus(real - fake.mean()).mean()) / 2
    assert value(made.losses["adversarial"]) == pytest.approx(5e-3 * value(expected), rel=1e-2)
    assert value(judged.losses["adversarial"]) > 0


@proves("use.alone-as-in-any-batch", "use.no-buffer-changes", "use.odd-sizes")
def _an_image_by_itself_is_as_in_any_batch_and_nothing_is_learned():
    game = small()
    play(game, BATCH)
    before = {key: x.clone() for key, x in game.state_dict().items()}
    x = 3 * images(3, 3, 5, 7)
    together = game.restore({"damaged": x})
    assert together.shape == (3, 3, 20, 28)
    assert together.abs().max() <= 1
    alone = torch.cat([game.restore({"damaged": each}) for each in x.split(1)])
    assert torch.allclose(together, alone, atol=1e-5)
    assert all(torch.equal(x, before[key]) for key, x in game.state_dict().items())


@proves("use.multiples", "use.grey", "use.reach")
def _smaller_factors_want_even_sides():
    for times, multiple, side in ((4, 1, 5), (2, 2, 6), (1, 4, 12)):
        game = small(of=data(times, 16, 1))
        assert (game.multiple(), game.smallest(), game.sized) == (multiple, multiple, False)
        assert game.restore({"damaged": images(1, 1, side, side)}).shape == (1, 1, side * times, side * times)
        assert game.reach == 19 * multiple
    assert small(blocks=23).reach == 349


@proves("batch.sixteen")
def _the_papers_settings_are_the_defaults():
    o = ESRGAN.Options()
    assert (ESRGAN.batch, o.blocks, o.width, o.growth, o.discriminator_width) == (16, 23, 64, 32, 64)
    assert isinstance(small().generator, RRDBNet)


@proves("settings.refused", "factors.refused")
def _settings_and_data_that_cannot_be_are_refused():
    for name in ("blocks", "width", "growth", "discriminator_width"):
        with pytest.raises(UsageError, match=name):
            ESRGAN.Options(**{name: 0})
    for name in ("adversarial_weight", "matching_weight", "pixel_weight", "perceptual_weight"):
        with pytest.raises(UsageError, match=name):
            ESRGAN.Options(**{name: -1.0})
    with pytest.raises(UsageError, match="RRDBNet enlarges by 1, 2, 4, and"):
        small(of=data(8))
    with pytest.raises(UsageError, match="no multiples of 8"):
        small(of=data(4, 20), discriminator="unet")
