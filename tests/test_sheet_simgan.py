"""SimGAN: every line of its fact sheet, with what proves it."""

import itertools
import math
from typing import Any

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, bare, count, kinds, reach, silence, span, value
from torch import Tensor, nn

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.games.simgan import SimGAN
from saddle.layers.history import History
from saddle.losses import NonSaturating
from saddle.nets import simgan
from saddle.optim import SGD
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    "closed.ln-2-a-patch",
    "closed.an-identity-changes-nothing",
    "objective.cross-entropy-of-two-logits",
    "objective.sum-over-patches",
    "objective.self-regularisation-on-the-mean",
    "objective.conversion-to-the-sum",
    "objective.mean-colour",
    "gradient.every-weight-by-the-adversary-alone",
    "gradient.none-of-the-refiner-in-the-judges-step",
    "order.refiner-first-as-in-algorithm-1",
    "order.k-g-and-k-d-steps-each-of-its-own-batch",
    "stages.self-regularisation-then-judge-then-both",
    "stages.shares",
    "history.whole-batch-at-the-start",
    "history.full-after-b-over-half-a-batch",
    "history.half-of-the-fakes-are-old",
    "history.exactly-half-a-batch-is-replaced",
    "history.ages-are-geometric",
    "history.never-stays-empty",
    "history.off",
    "history.parts-of-a-batch-agree",
    "history.is-saved",
    "history.wants-even-batches",
    "count.eyes",
    "count.hands",
    "count.other-channels",
    "nets.refiner",
    "nets.judges",
    "nets.logits-are-not-bent",
    "nets.no-norm",
    "field.judge-23-refiner-19",
    "size.126-patches",
    "size.hands",
    "settings.paper",
    "settings.refused",
    "data.refused",
    "use.one-way-any-size",
    "recipes",
)
proves = SHEET.proves


def data(given: int = 1, real: int = 1, sides: tuple[int, int] = (9, 11)) -> DataSpec:
    fields = {"a": Field("image", (given, *sides)), "b": Field("image", (real, *sides))}
    return DataSpec(fields, domains=(("a",), ("b",)))


BATCH = {"a": images(4, 1, 9, 11), "b": -images(4, 1, 9, 11)}
PLAYING = {"refiner_pretraining": 0.0, "discriminator_pretraining": 0.0}


def small(spec: DataSpec | None = None, **options: Any) -> SimGAN:
    seed_all(0)
    torch.manual_seed(0)
    return SimGAN(spec or data(), SimGAN.Options(**{"width": 4, "history": 8} | PLAYING | options))


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.ln-2-a-patch", "size.126-patches", "objective.sum-over-patches")
def _of_logits_that_are_0_a_patch_costs_ln_2_and_an_eye_has_126():
    eye = images(2, 1, 35, 55)
    game = small(data(sides=(35, 55)), refiner_steps=1)
    silence(game.discriminator)
    made, judged = game.round(itertools.repeat({"a": eye, "b": -eye}))
    assert game.discriminator(eye).shape == (2, 2, 9, 14)
    assert value(made.losses["adversarial"]) == pytest.approx(126 * math.log(2))
    assert value(judged.losses["adversarial"]) == pytest.approx(2 * 126 * math.log(2))


@proves("closed.an-identity-changes-nothing", "objective.self-regularisation-on-the-mean")
def _a_refiner_that_changes_nothing_pays_nothing_and_others_the_mean_of_what_they_change():
    """Black and white alone, for no other value is one of tanh's that its argument could be."""
    game = small(self_weight=10.0, refiner_steps=1)
    silence(game.refiner)
    first, last = game.refiner[0], game.refiner[-2]
    with torch.no_grad():
        first.weight[:2, 0, 1, 1] = torch.tensor([1.0, -1.0])  # what is bright, and what is dark
        last.weight[0, :2, 0, 0] = torch.tensor([20.0, -20.0])
    sharp = BATCH["a"].sign()
    made, _ = game.round(itertools.repeat({"a": sharp, "b": sharp}))
    assert value(made.losses["self_regularisation"]) == 0
    silence(game.refiner)
    made, _ = game.round(itertools.repeat(BATCH))
    assert value(made.losses["self_regularisation"]) == pytest.approx(10 * float(BATCH["a"].abs().mean()))


@proves("objective.conversion-to-the-sum")
def _half_of_the_sum_over_an_eye_is_the_weight_that_is_shipped():
    eye = images(2, 1, 35, 55)
    game = small(data(sides=(35, 55)), self_weight=SimGAN.Options().self_weight)
    refined = game.refiner(eye)
    summed = 0.5 * (refined - eye).abs().sum((1, 2, 3)).mean()
    assert value(game.change(eye, refined)) == pytest.approx(value(summed), rel=1e-5)


@proves("objective.mean-colour")
def _colours_may_change_where_their_mean_is_kept():
    game = small(data(3, 3), compared="mean-colour")
    x = images(2, 3, 9, 11)
    assert value(game.change(x, x.roll(1, 1))) == pytest.approx(0, abs=1e-4)
    assert value(small(data(3, 3)).change(x, x.roll(1, 1))) > 100
    grey = small(data(1, 3), compared="mean-colour")
    assert grey.translate({"a": images(2, 1, 9, 11)}, "b").shape == (2, 3, 9, 11)


@proves("objective.cross-entropy-of-two-logits", "nets.logits-are-not-bent")
def _the_losses_are_cross_entropies_of_the_softmax_over_refined_and_real():
    """Well-known code bends the two logits, which are then never below 0."""
    game = small(history=0)
    score = game.discriminator(BATCH["b"])
    assert isinstance(game.discriminator[-1], nn.Conv2d)
    assert (score < 0).any()
    n, expected = score[0, 0].numel(), 0.0
    for x, kind in (BATCH["b"], simgan.REAL), (game.refiner(BATCH["a"]).detach(), simgan.REFINED):
        logits = game.discriminator(x)
        wanted = torch.full((4, *logits.shape[2:]), kind)
        expected += n * value(nn.functional.cross_entropy(logits, wanted))
    judged = [*small(history=0).round(itertools.repeat(BATCH))][-1]
    assert value(judged.losses["adversarial"]) == pytest.approx(expected, rel=1e-4)


def slopes(loss: Tensor, player: nn.Module) -> list[Tensor | None]:
    return [*torch.autograd.grad(loss, list(player.parameters()), retain_graph=True, allow_unused=True)]


@proves("gradient.every-weight-by-the-adversary-alone", "gradient.none-of-the-refiner-in-the-judges-step")
def _the_refiner_learns_from_the_judge_in_its_own_step_alone():
    game = small(self_weight=0.0, refiner_steps=1)
    made, judged = game.round(itertools.repeat(BATCH))
    assert [*made.losses] == ["adversarial"]
    assert all(slope is not None and slope.any() for slope in slopes(made.losses["adversarial"], game.refiner))
    assert set(slopes(judged.losses["adversarial"], game.refiner)) == {None}


@proves("order.refiner-first-as-in-algorithm-1", "order.k-g-and-k-d-steps-each-of-its-own-batch")
def _first_the_refiner_steps_then_the_judge_each_on_a_batch_of_its_own():
    """Well-known code makes K_g · 2 steps of the refiner."""
    game, drawn = small(refiner_steps=3, discriminator_steps=2), []

    def batches():
        for number in itertools.count():
            drawn.append(number)
            yield {key: x.roll(number, 3) for key, x in BATCH.items()}

    moves = [*game.round(batches())]
    assert [move.players for move in moves] == 3 * [("refiner",)] + 2 * [("discriminator",)]
    assert len(drawn) == 5
    losses = [value(move.losses["self_regularisation"]) for move in moves[:3]]
    assert len({*losses}) == 3
    assert [len(play(small(), BATCH)), len(play(small(refiner_steps=50), BATCH))] == [3, 51]


@proves("stages.self-regularisation-then-judge-then-both", "stages.shares")
def _at_first_the_refiner_learns_to_change_nothing_then_the_judge_to_judge():
    game = small(refiner_pretraining=0.3, discriminator_pretraining=0.2)
    seen = {}
    for game.progress in (0.0, 0.29, 0.3, 0.49, 0.5, 1.0):
        moves = play(game, BATCH)
        seen[game.progress] = [(move.players[0], *move.losses) for move in moves]
    alone, judged = ("refiner", "self_regularisation"), ("discriminator", "adversarial")
    both = [*2 * [("refiner", "adversarial", "self_regularisation")], judged]
    assert seen == {0.0: [alone], 0.29: [alone], 0.3: [judged], 0.49: [judged], 0.5: both, 1.0: both}
    assert [game.has_staged(progress) for progress in (0.0, 0.29, 0.3, 0.6)] == [False, False, True, True]
    assert not small().has_staged(1.0)
    free = small(refiner_pretraining=0.3, self_weight=0.0)
    free.progress = 0.1
    assert len(play(free, BATCH)) == 3


def called(history: History, call: int, n: int = 8) -> Tensor:
    """The batch that the judge of this call is shown, of images that are its number."""
    rng.seed("history", call)
    new = history.halved(torch.full((n, 1, 1, 1), float(call)))
    shown = history.mixed(new)
    history.renew(new, n)
    return shown.flatten()


@proves("history.whole-batch-at-the-start", "history.full-after-b-over-half-a-batch", "history.never-stays-empty")
def _it_grows_by_half_a_batch_until_it_is_full():
    history = History(18, (1, 1, 1))
    lengths = []
    for call in range(1, 8):
        called(history, call)
        lengths.append(int(history.filled))
    assert lengths == [4, 8, 12, 16, 18, 18, 18]
    assert called(History(18, (1, 1, 1)), 3).tolist() == [3.0] * 8
    game = small()
    play(game, BATCH, rounds=5)
    assert int(game.history.filled) == 8
    assert game.history.samples.flatten(1).any(1).all()


@proves("history.half-of-the-fakes-are-old", "history.exactly-half-a-batch-is-replaced", "history.ages-are-geometric")
def _half_of_what_is_shown_is_old_and_then_as_many_others_are_replaced():
    history, ages, shown = History(16, (1, 1, 1)), [], []
    for call in range(1, 500):
        before = history.samples.clone()
        batch = called(history, call)
        if call > 20:
            assert int((batch < call).sum()) == 4
            assert int((history.samples != before).sum()) == 4
            ages += (call - history.samples.flatten()).int().tolist()
            shown += [call - number for number in batch.tolist() if number < call]
    for found, first in ((ages, 0), (shown, 1)):  # a chance of 4 / 16 to be replaced, call by call
        for age in range(4):
            share = sum(each == age + first for each in found) / len(found)
            assert share == pytest.approx(0.25 * 0.75**age, abs=0.025)


@proves("history.off")
def _of_no_size_it_shows_the_newest_alone():
    history = History(0, (1, 1, 1))
    assert [called(history, call).tolist() for call in (1, 2)] == [[1.0] * 8, [2.0] * 8]
    game, seen = small(history=0), []
    game.discriminator.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    made = game.refiner(BATCH["a"]).detach()
    [*game.round(itertools.repeat(BATCH))]
    assert torch.equal(seen[-1], made)


@proves("history.parts-of-a-batch-agree")
def _micro_batches_see_and_leave_what_the_whole_batch_would():
    whole, parts = History(10, (1, 1, 1)), History(10, (1, 1, 1))
    for call in range(8):
        batch = 8.0 * call + torch.arange(8.0).view(8, 1, 1, 1)
        rng.seed("history", call)
        new = whole.halved(batch)
        expected, news, got = whole.mixed(new), [], []
        rng.seed("history", call, "after")
        whole.renew(new, 8)
        for index in range(2):
            with rng.share(index, 2):
                rng.seed("history", call)
                news.append(parts.halved(batch[4 * index : 4 * index + 4]))
                got.append(parts.mixed(news[-1]))
        for index in range(2):
            with rng.share(index, 2):
                rng.seed("history", call, "after")
                parts.renew(news[index], 4)
        assert torch.equal(torch.cat(got), expected)
        assert torch.equal(parts.samples, whole.samples)


@proves("history.is-saved")
def _a_game_that_was_saved_goes_on_with_its_history():
    one, other = small(), small()
    play(one, BATCH, rounds=3)
    other.load_state_dict(one.state_dict())
    assert int(other.history.filled) == 6
    for game in (one, other):
        play(game, BATCH)
    assert all(torch.equal(x, other.state_dict()[name]) for name, x in one.state_dict().items())


@proves("history.wants-even-batches")
def _a_batch_that_cannot_be_halved_is_refused():
    with pytest.raises(UsageError, match=r"7 images at a time cannot be halved.*--plan\.batch.*game\.history 0"):
        small().check_batch(7)
    small(history=0).check_batch(7)
    small().check_batch(6)


def paper(channels: int, form: simgan.Form) -> tuple[nn.Module, nn.Module]:
    with torch.device("meta"):
        return simgan.refiner(channels, channels, form), simgan.discriminator(channels, form)


@proves("count.eyes", "count.hands", "count.other-channels")
def _the_networks_have_the_papers_parameters():
    assert [*map(count, paper(1, "eye"))] == [296_129, 75_906]
    assert [*map(count, paper(1, "hand"))] == [741_825, 178_050]
    assert [*map(count, paper(3, "eye"))] == [296_129 + 2 * 64 * (9 + 1) + 2, 75_906 + 2 * 9 * 96]
    assert [*map(count, paper(3, "hand"))] == [741_825 + 2 * 64 * (49 + 1) + 2, 178_050 + 2 * 49 * 96]


def shapes(network: nn.Module) -> list[tuple[int, int, int, int]]:
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    return [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in layers]


@proves("nets.refiner", "nets.judges", "nets.no-norm")
def _the_layers_are_the_papers():
    for form, kernel, blocks in (("eye", 3, 4), ("hand", 7, 10)):
        refiner, judge = paper(1, form)
        assert shapes(refiner) == [(1, 64, kernel, 1), *2 * blocks * [(64, 64, 3, 1)], (64, 1, 1, 1)]
        assert kinds(refiner) == ["Conv2d", "ReLU", *blocks * ["Conv2d", "ReLU", "Conv2d"], "Conv2d", "Tanh"]
        assert kinds(judge) == [*2 * ["Conv2d", "ReLU"], "MaxPool2d", *2 * ["Conv2d", "ReLU"], "Conv2d"]
    pool = {form: paper(1, form)[1][4] for form in ("eye", "hand")}
    assert {form: (each.kernel_size, each.stride) for form, each in pool.items()} == {"eye": (3, 1), "hand": (3, 2)}
    ends = [(64, 32, 3), (32, 32, 1), (32, 2, 1)]
    for form, first, last in (
        ("eye", [(1, 96, 3, 2), (96, 64, 3, 2)], 1),
        ("hand", [(1, 96, 7, 4), (96, 64, 5, 2)], 2),
    ):
        found = shapes(paper(1, form)[1])
        assert found == [*first, (*ends[0], last), (*ends[1], 1), (*ends[2], 1)]
    block = simgan.Residual(2)
    silence(block)
    x = images(2, 2, 5, 5)
    assert torch.equal(block(x), x.relu())  # the sum is bent


@proves("field.judge-23-refiner-19")
def _a_patch_has_23_pixels_and_a_refined_pixel_is_of_19():
    judge = simgan.discriminator(1, "eye", 2)
    judge[4] = nn.AvgPool2d(3, 1, 1)  # of a largest value the gradient goes one way alone
    assert span(bare(judge), 64) == [23, 23]
    assert reach(bare(simgan.refiner(1, 1, "eye", width=2)), 32, 1) == 9


@proves("size.hands")
def _a_hand_of_224_pixels_has_49_patches():
    with torch.device("meta"):
        assert simgan.discriminator(1, "hand")(torch.empty(1, 1, 224, 224)).shape == (1, 2, 7, 7)
        assert simgan.refiner(1, 1, "hand")(torch.empty(1, 1, 224, 224)).shape == (1, 1, 224, 224)


@proves("settings.paper")
def _the_settings_are_the_papers():
    o = SimGAN.Options()
    assert o.optim == SGD(lr=1e-3)
    assert SimGAN.batch == 512
    assert (o.refiner_steps, o.discriminator_steps, o.networks, o.compared) == (2, 1, "eye", "pixels")
    assert o.loss == NonSaturating()
    assert (o.refiner_pretraining * 10_000, o.discriminator_pretraining * 10_000) == (1000, 200)
    assert o.history == 50 * 512
    assert o.self_weight == 0.5 * 35 * 55


@proves("settings.refused")
def _settings_that_cannot_be_are_refused():
    for name, wrong in (("self_weight", -1.0), ("history", -1), ("refiner_steps", 0), ("blocks", 0), ("width", 1)):
        with pytest.raises(UsageError, match=f"^{name} is (at least|from) .*, not {wrong}$"):
            SimGAN.Options(**{name: wrong})
    with pytest.raises(UsageError, match=r"together less than 1, not 0\.9 and 0\.1: the game comes after them"):
        SimGAN.Options(refiner_pretraining=0.9, discriminator_pretraining=0.1)


@proves("data.refused")
def _other_channels_and_maps_are_refused():
    with pytest.raises(UsageError, match=r"1 and 3 channels.*data\.channels.*game\.compared mean-colour"):
        small(data(1, 3))
    classes = Field("map", (9, 11), ("sky", "sea"), ((0, 0, 0), (9, 9, 9)))
    for fields in ({"a": classes, "b": data().fields["b"]}, {"a": data().fields["a"], "b": classes}):
        with pytest.raises(UsageError, match="images"):
            small(DataSpec(fields, domains=(("a",), ("b",))))


@proves("use.one-way-any-size")
def _an_image_of_any_size_is_refined_by_itself():
    game = small().eval()
    assert game.ways == (("a", "b"),)
    assert game.network("a", "b") is game.refiner
    assert (game.multiple("a", "b"), game.sized, game.varies) == (1, False, False)
    x = images(3, 1, 14, 5)
    whole = game.translate({"a": x}, "b")
    assert torch.allclose(whole[:1], game.translate({"a": x[:1]}, "b"), atol=1e-6)
    with pytest.raises(UsageError, match="from a to b"):
        game.translate({"b": x}, "a")


@proves("recipes")
def _the_recipes_keep_the_papers_topology():
    for source in ("glyphs", "eyes"):
        o = Recipe.default("simgan", source).options
        assert (o.networks, o.blocks, o.refiner_steps, o.discriminator_steps) == ("eye", None, 2, 1)
        assert o.history >= 50 * Recipe.default("simgan", source).plan.batch
