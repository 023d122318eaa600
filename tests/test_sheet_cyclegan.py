"""CycleGAN: every line of its fact sheet on objective, order and use, with what proves it."""

import math

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, silence, value
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.cyclegan import CycleGAN
from saddle.layers.pool import ImagePool
from saddle.losses import HalfLeastSquares
from saddle.optim import Adam
from saddle.runs.recipe import expected
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("closed.least-squares-at-0", "closed.least-squares-at-half", "closed.identity-translators"),
    *("closed.pool-half-new", "closed.pool-once", "closed.pool-age", "objective.judge-alone-is-halved"),
    *("objective.weights", "objective.terms-are-summed", "objective.cycles-use-both"),
    *("objective.cycles-flow-through-fakes", "objective.identity-is-of-the-target"),
    *("objective.identity-needs-equal-channels", "order.translators-first", "order.one-step-for-both"),
    *("order.fakes-detached-for-the-judges", "order.fakes-attached-for-the-translators"),
    *("order.judges-stand-still", "adam", "schedule.half-constant", "pool.is-50", "pool.copies"),
    *("pool.image-by-image", "use.no-batch", "users.inversion", "users.channels-of-each-domain"),
    *("users.task-accuracy", "users.any-size"),
)
proves = SHEET.proves
DATA = DataSpec.of((1, 8, 8), keys=("a", "b"))
BATCH = {"a": images(4, 1, 8, 8), "b": -images(4, 1, 8, 8)}


def small(data: DataSpec = DATA, **options) -> CycleGAN:
    seed_all(0)
    torch.manual_seed(0)
    return CycleGAN(data, CycleGAN.Options(**{"blocks": 1, "width": 2, "patch_layers": 1, "pool_size": 6} | options))


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.least-squares-at-0", "objective.judge-alone-is-halved")
def _least_squares_of_logits_of_0():
    game = small()
    silence(game.judge_a)
    silence(game.judge_b)
    drawn, judged = game.round(iter([BATCH]))
    assert value(judged.losses["adversarial_a"]) == value(judged.losses["adversarial_b"]) == 0.5
    assert value(drawn.losses["adversarial_a"]) == value(drawn.losses["adversarial_b"]) == 1.0


@proves("closed.least-squares-at-half")
def _least_squares_of_logits_of_a_half():
    half = torch.full((4,), 0.5)
    assert (
        value(HalfLeastSquares().discriminator(half, half)) == value(HalfLeastSquares().generator(None, half)) == 0.25
    )


@proves("closed.identity-translators")
def _translators_that_change_nothing():
    game = small()
    game.a_to_b = game.b_to_a = nn.Identity()
    losses = next(game.round(iter([BATCH]))).losses
    assert value(losses["cycle"]) == value(losses["identity"]) == 0
    assert value(losses["adversarial_b"]) == pytest.approx(value((game.judge_b(BATCH["a"]) - 1).square().mean()))
    assert value(losses["adversarial_a"]) == pytest.approx(value((game.judge_a(BATCH["b"]) - 1).square().mean()))


def shown_by_a_pool(size: int = 50, queries: int = 4000) -> list[float]:
    seed_all(0)
    pool = ImagePool(size, (1, 1, 1))
    numbers = torch.arange(queries, dtype=torch.float32).view(-1, 1, 1, 1)
    return [float(pool(each)) for each in numbers.split(1)]


@proves("closed.pool-half-new")
def _half_of_what_a_pool_shows_is_new():
    late = [(query, image) for query, image in enumerate(shown_by_a_pool()) if query >= 500]
    assert sum(query == image for query, image in late) / len(late) == pytest.approx(0.5, abs=0.02)


@proves("closed.pool-once")
def _a_pool_shows_its_first_images_twice_and_every_other_one_once():
    shown = shown_by_a_pool(50, 1000)
    assert shown[:50] == list(range(50))
    assert len(set(shown[50:])) == len(shown[50:])


@proves("closed.pool-age")
def _old_images_are_100_queries_old_in_the_mean():
    ages = [query - image for query, image in enumerate(shown_by_a_pool()) if query >= 1000 and query != image]
    assert sum(ages) / len(ages) == pytest.approx(100, rel=0.1)


@proves("objective.weights")
def _weights_are_the_papers():
    o = CycleGAN.Options()
    assert (o.cycle_weight, o.identity_weight) == (10.0, 0.5 * 10.0)
    assert o.loss == HalfLeastSquares()


class Scaled(nn.Module):
    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


@proves("objective.cycles-flow-through-fakes")
def _a_cycle_teaches_the_way_there_too():
    game, made = small(), []
    for network in (game.a_to_b, game.b_to_a):
        network.register_forward_hook(lambda _, given, out: made.append(out))
    drawn = next(game.round(iter([BATCH])))
    gradients = torch.autograd.grad(drawn.losses["cycle"], made[:2])  # the fakes
    assert all(gradient.any() for gradient in gradients)


@proves("objective.terms-are-summed", "objective.cycles-use-both", "objective.identity-is-of-the-target")
def _both_directions_are_summed_and_each_cycle_goes_through_both_translators():
    """One collection takes their mean, which is half of it."""
    game = small()
    game.a_to_b, game.b_to_a = Scaled(3.0), Scaled(0.5)
    losses = next(game.round(iter([BATCH]))).losses
    a, b = (float(BATCH[key].abs().mean()) for key in "ab")
    assert value(losses["cycle"]) == pytest.approx(10 * (0.5 * a + 0.5 * b), rel=1e-5)
    assert value(losses["identity"]) == pytest.approx(5 * (0.5 * a + 2 * b), rel=1e-5)


def domains(a: Field, b: Field) -> DataSpec:
    return DataSpec({"a": a, "b": b}, domains=(("a",), ("b",)))


GREY, COLOUR = Field("image", (1, 8, 8)), Field("image", (3, 8, 8))
MAP = Field("map", (8, 8), ("sky", "ground"), ((0, 0, 255), (0, 255, 0)))


@proves("objective.identity-needs-equal-channels")
def _the_identity_loss_is_refused_between_grey_and_colour():
    with pytest.raises(UsageError, match=r"have 1 and 3 channels; set game\.identity_weight to 0"):
        small(domains(GREY, COLOUR))


@proves("users.channels-of-each-domain")
def _grey_images_become_coloured_ones_and_back_and_so_do_maps():
    for one, other in ((GREY, COLOUR), (COLOUR, GREY), (MAP, COLOUR), (Field("mask", (1, 8, 8)), MAP)):
        game = small(domains(one, other), identity_weight=0.0)
        batch = {
            key: x.argmax(1) if each.kind == "map" else x
            for key, each in (("a", one), ("b", other))
            for x in [images(4, each.planes, 8, 8)]
        }
        moves = play(game, batch, rounds=2)
        assert all(math.isfinite(value(loss)) for move in moves for loss in move.losses.values())
        assert game.translate({"a": batch["a"]}, "b").shape == (4, other.planes, 8, 8)
        assert game.translate({"b": batch["b"]}, "a").shape == (4, one.planes, 8, 8)
        assert {x.shape[1] for x in game.shown(lambda n: batch).values()} <= {1, 3}  # noqa: B023


@proves("order.translators-first", "order.one-step-for-both")
def _both_translators_move_and_then_both_judges():
    moves = play(small(), BATCH)
    assert [move.players for move in moves] == [("a_to_b", "b_to_a"), ("judge_a", "judge_b")]


@proves("order.fakes-attached-for-the-translators")
def _every_weight_of_the_translators_learns_from_the_judges():
    game = small(cycle_weight=0.0, identity_weight=0.0)
    drawn, _ = game.round(iter([BATCH]))
    loss = drawn.losses["adversarial_a"] + drawn.losses["adversarial_b"]
    weights = [p for way in (game.a_to_b, game.b_to_a) for name, p in way.named_parameters() if name.endswith("weight")]
    assert all(gradient.any() for gradient in torch.autograd.grad(loss, weights))


@proves("order.fakes-detached-for-the-judges")
def _the_judges_step_sends_nothing_to_the_translators():
    game = small()
    _, judged = game.round(iter([BATCH]))
    weights = [*game.a_to_b.parameters(), *game.b_to_a.parameters()]
    found = torch.autograd.grad(sum(judged.losses.values()), weights, allow_unused=True)
    assert found == (None,) * len(weights)


@proves("order.judges-stand-still")
def _the_translators_step_moves_no_judge():
    game = small()
    before = [p.clone() for p in game.judge_a.parameters()]
    optims = [game.optim(name).build(game.get_submodule(name).parameters()) for name in ("a_to_b", "b_to_a")]
    drawn = next(game.round(iter([BATCH])))
    sum(drawn.losses.values()).backward(inputs=[*game.a_to_b.parameters(), *game.b_to_a.parameters()])
    for optim in optims:
        optim.step()
    assert all(torch.equal(p, old) for p, old in zip(game.judge_a.parameters(), before, strict=True))
    assert all(p.grad is None for p in game.judge_a.parameters())


@proves("users.any-size")
def _a_run_translates_images_of_other_sizes_than_its_own():
    game = small()
    assert (game.multiple("a", "b"), game.smallest("a", "b")) == (4, 8)
    assert game.translate({"a": images(1, 1, 12, 20)}, "b").shape == (1, 1, 12, 20)
    assert game.network("a", "b") is game.a_to_b
    assert game.network("b", "a") is game.b_to_a


@proves("adam")
def _adam_has_the_papers_constants():
    optim = CycleGAN.Options().optim
    assert isinstance(optim, Adam)
    assert (optim.lr, optim.betas) == (2e-4, (0.5, 0.999))


@proves("schedule.half-constant")
def _the_rate_falls_to_nothing_in_the_second_half():
    """Of 200 epochs the authors' code leaves the last one 1/101 of the rate, or nothing in its later form."""
    optim = CycleGAN.Options().optim
    rates = {epoch: optim.at(0, epoch / 200)["lr"] / 2e-4 for epoch in (0, 99, 100, 150, 199, 200)}
    assert rates == pytest.approx({0: 1.0, 99: 1.0, 100: 1.0, 150: 0.5, 199: 0.01, 200: 0.0})


@proves("pool.is-50")
def _each_judge_has_a_history_of_50_fakes_of_its_domain():
    game = CycleGAN(domains(GREY, COLOUR), CycleGAN.Options(blocks=1, width=2, patch_layers=1, identity_weight=0))
    assert [tuple(pool.images.shape) for pool in (game.pool_a, game.pool_b)] == [(50, 1, 8, 8), (50, 3, 8, 8)]


@proves("pool.copies")
def _a_history_keeps_copies_without_a_gradient():
    pool, x = ImagePool(4, (1, 1, 1)), torch.ones(4, 1, 1, 1, requires_grad=True)
    shown = pool(x * 2)
    assert not shown.requires_grad
    assert not pool.images.requires_grad
    pool.images.zero_()
    assert shown.flatten().tolist() == [2.0] * 4


@proves("pool.image-by-image")
def _each_image_of_a_batch_is_swapped_or_not_by_itself():
    seed_all(0)
    pool, mixed = ImagePool(8, (1, 1, 1)), 0
    for query in range(40):
        x = torch.arange(8.0).view(8, 1, 1, 1) + 8 * query
        new = int((pool(x) == x).sum())
        mixed += 0 < new < 8
    assert mixed > 30


@proves("use.no-batch")
def _others_in_the_batch_change_nothing_whatever_the_mode():
    game, x = small().double(), BATCH["a"].double()
    for p in game.a_to_b.parameters():
        nn.init.normal_(p, std=0.3)
    together, alone = (game.train().translate({"a": x[:n]}, "b")[:1] for n in (4, 1))
    assert torch.allclose(together, alone, atol=1e-9)
    assert torch.equal(game.eval().translate({"a": x[:1]}, "b"), alone)


@proves("users.inversion")
def _an_inversion_costs_as_much_identity_loss_as_it_changes():
    """Two translators that both invert have no cycle loss: only the identity loss tells them from the right ones."""
    game = small()
    game.a_to_b = game.b_to_a = Scaled(-1.0)
    losses = next(game.round(iter([BATCH]))).losses
    changed = sum(2 * float(BATCH[key].abs().mean()) for key in "ab")
    assert value(losses["cycle"]) == pytest.approx(0, abs=1e-6)
    assert value(losses["identity"]) == pytest.approx(5 * changed, rel=1e-5)


@proves("users.task-accuracy")
def _what_the_recipe_expects_is_that_translated_digits_can_be_read():
    """A cycle can be closed by a hidden signal, and labels can be permuted: neither can a judge or a cycle tell."""
    assert expected("cyclegan")["accuracy"] >= 0.85
