"""SRGAN: every line of its fact sheet on losses, stages and use, with what proves it."""

import itertools
import math

import pytest
import torch
from enlarged import BATCH, data
from playing import images, play
from seeding import seed_all
from sheets import Sheet, silence, value
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss, softplus

from saddle.base.errors import UsageError
from saddle.games.srgan import SRGAN
from saddle.losses import NonSaturating, RelativisticAverage
from saddle.metrics.psnr import psnr
from saddle.nets.scales import maps_of
from saddle.nets.srresnet import SRResNet
from saddle.optim import Adam, Linear, Optim
from saddle.perceptual import VGG19, RandomVGG19, SelfSupervised
from saddle.spec import DataSpec, Field
from saddle.training.plan import Plan
from saddle.training.trainer import Trainer

SHEET = Sheet(
    *(
        "objective.squared-pixels-first",
        "objective.cross-entropy",
        "objective.weights",
        "objective.in-maps-of-the-judge",
    ),
    *("objective.in-vgg", "objective.vgg-needs-a-file", "objective.pixels-too", "objective.relativistic"),
    *(
        "order.judge-first-one-step-each",
        "order.same-fakes-judged-anew",
        "gradient.all-of-the-generator-by-the-adversary",
    ),
    *("gradient.none-in-the-judges-step", "stages.generator-alone", "stages.both", "stages.shares", "stages.rates"),
    *("stages.own-optimizer", "stages.own-features-first", "first.is-no-player", "first.is-the-mean-of-its-stage"),
    *("first.once-a-round", "first.is-in-the-checkpoint", "first.names-its-rate", "blend.mix", "blend.refused"),
    *("use.alone-as-in-any-batch", "use.no-buffer-changes", "use.odd-sizes", "use.range", "use.grey", "psnr.shift"),
    *("adam", "batch.sixteen", "settings.refused"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


TINY = {"width": 4, "blocks": 2, "discriminator_width": 2}


def small(progress: float = 0.9, of: DataSpec | None = None, **options) -> SRGAN:
    seed_all(0)
    torch.manual_seed(0)
    width = {"width": 1} if "discriminator" in options else {}  # of a residual generator, which has four times as many
    game = SRGAN(of or data(), SRGAN.Options(**TINY | width | options))
    game.progress = progress
    return game


def round_of(game: SRGAN) -> list:
    return [*game.round(itertools.repeat(BATCH))]


@proves("objective.squared-pixels-first", "stages.generator-alone")
def _first_the_generator_alone_goes_down_the_squared_differences_of_pixels():
    game = small(0.0)
    made = game.generator(BATCH["damaged"])
    (move,) = round_of(small(0.0))
    assert (move.players, move.optims, [*move.losses]) == (("generator",), ("pretraining",), ["distance"])
    assert value(move.losses["distance"]) == pytest.approx(value((made - BATCH["image"]).square().mean()), rel=1e-5)


@proves("objective.cross-entropy", "objective.weights")
def _a_silent_judge_gives_cross_entropies_of_one_half():
    game = small(matching_weight=0.0)
    silence(game.discriminator)
    judged, made = round_of(game)
    assert value(judged.losses["adversarial"]) == pytest.approx(2 * math.log(2))
    assert value(made.losses["adversarial"]) == pytest.approx(1e-3 * math.log(2))
    o = SRGAN.Options()
    assert (o.loss, o.adversarial_weight, o.pixel_weight) == (NonSaturating(), 1e-3, 0.0)
    assert o.perceptual_weight == pytest.approx(1 / 12.75**2, abs=2e-4)


@proves("objective.in-maps-of-the-judge")
def _without_another_network_images_are_compared_in_the_maps_of_the_judge():
    game = small(matching_weight=0.5)
    game.discriminator.eval()
    rounds = game.round(itertools.repeat(BATCH))
    next(rounds)
    made = next(rounds)
    assert [*made.losses] == ["adversarial", "matching"]
    with torch.no_grad():
        ones, others = (maps_of(game.discriminator, x)[:-1] for x in (BATCH["image"], game.generator(BATCH["damaged"])))
    assert len(ones) == 9
    apart = sum(float((one - other).abs().mean()) for one, other in zip(ones, others, strict=True))
    assert value(made.losses["matching"]) == pytest.approx(0.5 * 4 / 9 * apart, rel=1e-4)


def last_maps(**how) -> RandomVGG19:
    return RandomVGG19(layers=("relu5_4",), weights=(1.0,), distance="l2", width=2, **how)


@proves("objective.in-vgg", "objective.vgg-needs-a-file")
def _with_vgg_images_are_compared_in_its_last_maps_and_nowhere_else():
    game = small(perceptual=last_maps(normalise=True))
    made = round_of(game)[-1]
    assert [*made.losses] == ["adversarial", "perceptual"]
    fake = game.generator(BATCH["damaged"])
    assert value(made.losses["perceptual"]) == pytest.approx(
        0.006 * value(game.features(fake, BATCH["image"])), rel=1e-4
    )
    assert game.trained_against == "VGG19 with random weights of seed 0"
    with pytest.raises(UsageError, match="VGG19 wants a file of weights"):
        small(perceptual=VGG19(layers=("relu5_4",), weights=(1.0,), distance="l2"))


@proves("objective.pixels-too")
def _squared_differences_of_pixels_can_stay_in_the_second_stage():
    game = small(pixel_weight=2.0, matching_weight=0.0)
    made = round_of(game)[-1]
    assert [*made.losses] == ["adversarial", "pixels"]
    expected = 2 * mse_loss(game.generator(BATCH["damaged"]), BATCH["image"])
    assert value(made.losses["pixels"]) == pytest.approx(float(expected), rel=1e-4)


@proves("objective.relativistic")
def _a_loss_may_compare_with_the_true_images():
    game = small(loss=RelativisticAverage(), matching_weight=0.0)
    silence(game.discriminator)
    judged, made = round_of(game)
    assert value(judged.losses["adversarial"]) == pytest.approx(2 * math.log(2))
    assert value(made.losses["adversarial"]) == pytest.approx(2e-3 * math.log(2))


@proves("order.judge-first-one-step-each", "order.same-fakes-judged-anew", "stages.both")
def _the_judge_moves_first_and_then_judges_the_same_fakes_anew():
    game, made = small(matching_weight=0.0), []
    game.generator.register_forward_hook(lambda _, __, x: made.append(x))
    round_ = game.round(iter([BATCH]))
    assert next(round_).players == ("discriminator",)
    with torch.no_grad():
        for p in game.discriminator.parameters():
            p.mul_(1.5)
    drawn = next(round_)
    assert (drawn.players, drawn.optims) == (("generator",), ("generator",))
    assert next(round_, None) is None
    assert len(made) == SRGAN.Options().discriminator_steps == 1
    logits = game.discriminator(made[0])
    assert value(drawn.losses["adversarial"]) == pytest.approx(
        1e-3 * float(softplus(-logits.detach()).mean()), rel=1e-4
    )


def slopes(loss: Tensor, player: nn.Module) -> list[Tensor | None]:
    return [*torch.autograd.grad(loss, list(player.parameters()), retain_graph=True, allow_unused=True)]


def taught(game: SRGAN) -> set[str]:
    """Parameters of the generator that the adversarial loss alone changes."""
    found = slopes(round_of(game)[-1].losses["adversarial"], game.generator)
    names = [name for name, _ in game.generator.named_parameters()]
    return {name for name, slope in zip(names, found, strict=True) if slope is not None and slope.any()}


@proves("gradient.all-of-the-generator-by-the-adversary")
def _the_adversary_alone_teaches_every_weight():
    for options in ({}, {"slope_per_channel": True, "icnr": True}):
        game = small(matching_weight=0.0, **options)
        assert {name for name, _ in game.generator.named_parameters()} == taught(game)


@proves("gradient.none-in-the-judges-step")
def _the_judges_step_sends_nothing_to_the_generator():
    game = small()
    judged = next(game.round(itertools.repeat(BATCH)))
    assert set(slopes(sum(judged.losses.values()), game.generator)) == {None}


@proves("stages.shares")
def _a_million_updates_alone_and_200_000_together():
    o = SRGAN.Options()
    assert o.pretraining == pytest.approx(1_000_000 / 1_200_000)
    game = small(0.0)
    assert [game.has_staged(progress) for progress in (0.0, 0.8, 0.84)] == [False, False, True]
    for share, found in ((0.0, [False, False, False]), (1.0, [True, True, True]), (0.5, [True, False, False])):
        game, alone = small(pretraining=share), []
        for game.progress in (0.0, 0.5, 1.0):
            alone.append(game.alone)
        assert alone == found


def rates(optim: Optim, *progress: float) -> list[float]:
    return [optim.at(0, each)["lr"] for each in progress]


@proves("stages.rates")
def _the_rate_falls_to_a_tenth_in_the_middle_of_the_second_stage():
    game = small()
    assert rates(game.optim("pretraining"), 0.0, 0.5, 0.83) == pytest.approx([1e-4, 1e-4, 1e-4])
    for player in ("generator", "discriminator"):
        assert rates(game.optim(player), 0.84, 0.91, 0.92, 1.0) == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5])
    game = small(pretraining=0.5, pretraining_optim=Adam(lr=1.0, schedule=Linear()))
    assert rates(game.optim("pretraining"), 0.0, 0.25, 0.5) == pytest.approx([1.0, 0.5, 0.0])


class Dealt:
    """The same batch for ever, as a trainer's stream; by halves where the batch has two parts."""

    def __init__(self, parts: int = 1):
        self.dealt = [{key: x[i::parts] for key, x in BATCH.items()} for i in range(parts)]

    def batches(self, start: int):
        return itertools.repeat(self.dealt)


def trainer(rounds: int = 4, parts: int = 1, **options) -> Trainer:
    game = small(0.0, **{"pretraining": 0.5} | options)
    return Trainer(game, Dealt(parts), Plan(rounds=rounds, batch=4, micro_batches=parts))


@proves("stages.own-optimizer")
def _the_second_stage_begins_with_moments_of_its_own():
    training = trainer()
    for steps in ((1, 0), (2, 0), (2, 1)):
        training.play_round()
        found = tuple(
            max((int(state["step"]) for state in training.optims[name].state.values()), default=0)
            for name in ("pretraining", "generator")
        )
        assert found == steps


@proves("stages.own-features-first")
def _features_that_the_run_learns_itself_are_learned_in_its_first_rounds_and_then_asked():
    game = small(0.0, perceptual=SelfSupervised(rounds=2, width=2))
    assert [move.players for move in round_of(game)] == [("features",), ("generator",)]
    game.progress, game.rounds = 0.9, 2
    assert [*round_of(game)[-1].losses] == ["adversarial", "perceptual"]


@proves("first.is-no-player", "first.is-the-mean-of-its-stage", "first.is-in-the-checkpoint")
def _the_first_stages_network_is_kept_and_does_not_learn_on():
    training = trainer(rounds=8)
    game, seen = training.game, []
    assert set(game.players()) == {"generator", "discriminator"}
    for _ in range(4):
        training.play_round()
        seen.append(game.generator.last.weight.detach().clone())
    kept = game.pretrained.last.weight.clone()
    mean = seen[0]
    for rounds, weight in enumerate(seen[1:], start=2):  # a round counts half after a twentieth of those so far
        mean = mean + (1 - 0.5 ** (20 / rounds)) * (weight - mean)
    assert torch.allclose(kept, mean, atol=1e-6)
    training.play_round()
    assert game.discriminator[0].weight.grad is None
    assert not torch.equal(game.generator.last.weight, seen[-1])
    assert torch.equal(game.pretrained.last.weight, kept)
    assert torch.equal(training.state().tensors["game"]["pretrained.last.weight"], kept)
    assert int(game.kept) == 4


@proves("first.once-a-round")
def _two_parts_of_a_batch_are_one_round():
    one, two = trainer(), trainer(parts=2)
    for training in (one, two):
        training.play_round()
        assert int(training.game.kept) == 1
    for training in (one, two):
        training.play_round()
        seen = training.game.pretrained.last.weight - training.game.generator.last.weight
        assert 0 < float(seen.abs().max()) < 1e-3


@proves("first.names-its-rate")
def _a_run_that_goes_wrong_in_a_stage_names_the_rate_of_that_stage():
    training = trainer(pretraining_optim=Adam(lr=3e-3), optim=Adam(lr=2e-3))
    training.rounds = 4
    assert training.rates(["discriminator"]) == {"game.optim.lr": 2e-3}
    assert training.rates(["generator"]) == {"game.optim.lr": 2e-3, "game.pretraining_optim.lr": 3e-3}


@proves("blend.mix", "blend.refused")
def _both_stages_networks_are_mixed_parameter_by_parameter():
    game = small()
    for mean in game.pretrained.state_dict().values():
        if mean.is_floating_point():
            mean.copy_(torch.rand_like(mean) + 0.5)
    first, last, mixed = (net.state_dict() for net in (game.pretrained, game.generator, game.network(0.25)))
    assert any("running_var" in name for name in mixed)
    for name, found in mixed.items():
        if found.is_floating_point():
            assert torch.allclose(found, 0.75 * first[name] + 0.25 * last[name], atol=1e-6)
    assert game.network(1.0) is game.network() is game.generator
    assert torch.equal(game.network(0.0).last.weight, game.pretrained.last.weight)
    assert game.blends
    for game in (small(pretraining=0.0), small(pretraining=1.0), small(discriminator="plain")):
        assert not game.blends
        with pytest.raises(UsageError, match="has one stage, and so no other network to blend"):
            game.network(0.5)
    with pytest.raises(UsageError, match=r"blend is a share from 0.* not 1\.5"):
        game.network(1.5)


@proves("use.alone-as-in-any-batch", "use.no-buffer-changes", "use.odd-sizes", "use.range")
def _an_image_by_itself_is_as_in_any_batch_and_nothing_is_learned():
    for options in ({}, {"discriminator": "projection"}, {"skip": "bicubic"}):
        game = small(**options)
        play(game, BATCH, 2)
        for training in (True, False):
            game.train(training)
            before = {key: x.clone() for key, x in game.state_dict().items()}
            x = 3 * images(3, 3, 5, 7)
            together = game.restore({"damaged": x})
            assert together.shape == (3, 3, 20, 28)
            assert together.abs().max() <= 1
            alone = torch.cat([game.restore({"damaged": each}) for each in x.split(1)])
            assert torch.allclose(together, alone, atol=1e-5)
            assert all(torch.equal(x, before[key]) for key, x in game.state_dict().items())
            assert all(m.training == training for m in game.generator.modules())


@proves("use.grey")
def _grey_images_stay_grey():
    game = small(of=data(2, 16, 1))
    assert game.restore({"damaged": images(1, 1, 3, 4)}).shape == (1, 1, 6, 8)
    assert game.times == 2


@proves("psnr.shift")
def _one_grey_level_everywhere_is_48_decibels():
    whole = (torch.randint(0, 255, (1, 3, 16, 16)).float()) / 127.5 - 1
    assert float(psnr(whole + 1 / 127.5, whole)) == pytest.approx(48.13, abs=0.005)


@proves("adam", "batch.sixteen")
def _the_papers_settings_are_the_defaults():
    o = SRGAN.Options()
    assert (o.optim.lr, o.optim.betas, o.pretraining_optim) == (1e-4, (0.9, 0.999), Adam(lr=1e-4, betas=(0.9, 0.999)))
    assert (SRGAN.batch, o.width, o.discriminator_width, o.skip, o.icnr) == (16, 64, 64, "none", False)
    assert isinstance(small().generator, SRResNet)


@proves("settings.refused")
def _settings_that_cannot_be_are_refused():
    for name, wrong in (
        ("pretraining", 1.5),
        ("blocks", 0),
        ("width", 0),
        ("pixel_weight", -1.0),
        ("residual_steps", 0),
    ):
        with pytest.raises(UsageError, match=name):
            SRGAN.Options(**{name: wrong})
    uneven = {"image": Field("image", (3, 30, 32)), "damaged": Field("image", (3, 8, 8))}
    with pytest.raises(UsageError, match="enlarges by a whole number"):
        SRGAN(DataSpec(uneven))
    nearest = small(skip="nearest", pretraining=1.0)
    x = BATCH["damaged"]
    assert torch.equal(nearest.restore({"damaged": x}), interpolate(x, scale_factor=4))


def test_decibels_choose_no_checkpoint_of_the_first_stage_where_another_follows():
    assert small().early_scores is None
    assert (small(pretraining=1.0).early_scores or ("",))[0] == "psnr_y"
