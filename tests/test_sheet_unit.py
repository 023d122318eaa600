"""UNIT: every line of its fact sheet on objective, noise and order, with what proves it."""

import math
from math import log

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, silence, value
from torch import Tensor, nn

from saddle.games.unit import UNIT, surprise
from saddle.losses import NonSaturating
from saddle.optim import Adam, Constant
from saddle.spec import DataSpec

SHEET = Sheet(
    *("closed.kl", "closed.bce-at-0", "closed.scales-are-summed", "closed.codes-at-0", "closed.perfect"),
    *("objective.weights", "objective.optim", "objective.terms", "objective.kl-of-both"),
    *("objective.kl-of-cycles", "objective.kl-of-means", "objective.cycle-flows-through-translations"),
    *("order.judges-see-translations", "objective.l1", "objective.cycle-is-drawn-back"),
    *("objective.weight-of-the-judges", "noise.in-training", "noise.in-the-judges-step", "noise.is-normal"),
    *("noise.one-for-both-decoders", "noise.none-in-use", "order.judges-first", "order.own-forward"),
    *("order.fakes-detached", "order.fakes-attached", "use.way-by-way"),
)
proves = SHEET.proves
DATA = DataSpec.of((1, 8, 8), keys=("a", "b"))
BATCH = {"a": images(4, 1, 8, 8), "b": -images(4, 1, 8, 8) / 2}


def small(data: DataSpec = DATA, **options) -> UNIT:
    seed_all(0)
    return UNIT(data, UNIT.Options(**{"width": 2, "blocks": 2, "judge_layers": 3} | options))


def lively(game: UNIT) -> UNIT:
    """With weights that keep the size of what passes."""
    for p in game.autoencoders.parameters():
        nn.init.normal_(p, std=0.2)
    return game


def losses_of(game: UNIT, batch: dict[str, Tensor] = BATCH) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    seed_all("round")
    judged, made = game.round(iter([batch]))
    return judged.losses, made.losses


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


class Plain(nn.Module):
    """Autoencoders that hand on what they are given, each domain times its own number."""

    def __init__(self, **factors: float):
        super().__init__()
        self.factors = {"encode_a": 1.0, "encode_b": 1.0, "decode_a": 1.0, "decode_b": 1.0} | factors

    def encoder(self, domain: str) -> nn.Module:
        return Times(self.factors[f"encode_{domain}"])

    def decoder(self, domain: str) -> nn.Module:
        return Times(self.factors[f"decode_{domain}"])


class Times(nn.Module):
    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def quiet(game: UNIT, **factors: float) -> UNIT:
    """A game whose codes are images, without noise."""
    game.autoencoders, game.noisy = Plain(**factors), lambda mean: mean
    return game


@proves("closed.kl")
def _a_mean_of_1_costs_1():
    assert value(surprise(torch.ones(2, 3, 4, 4))) == 1
    assert value(surprise(torch.full((2, 3, 4, 4), -3.0))) == 9


@proves("closed.bce-at-0", "objective.weight-of-the-judges")
def _logits_of_0_cost_a_judge_2_log_2_and_the_other_side_log_2_times_10():
    game = small()
    silence(game.judges)
    judged, made = losses_of(game)
    for key in "ab":
        assert value(judged[f"adversarial_{key}"]) == pytest.approx(10 * 2 * log(2))
        assert value(made[f"adversarial_{key}"]) == pytest.approx(10 * log(2))


@proves("closed.scales-are-summed")
def _three_scales_cost_three_times_as_much():
    """Each is a mean over its own patches, of which the largest has the most."""
    game = small(judge="scales", judge_layers=1)
    silence(game.judges)
    judged, _ = losses_of(game)
    assert value(judged["adversarial_a"]) == pytest.approx(3 * 10 * 2 * log(2))
    game.judges.a[1][-1].bias.data.fill_(5.0)  # the middle scale alone
    judged, _ = losses_of(game)
    likes = math.log1p(math.exp(-5)) + math.log1p(math.exp(5))
    assert value(judged["adversarial_a"]) == pytest.approx(10 * (2 * 2 * log(2) + likes), rel=1e-5)


@proves("closed.codes-at-0")
def _logits_of_0_cost_the_judge_of_codes_2_log_2():
    game = small(domain_weight=3.0)
    silence(game.code_judge)
    judged, made = losses_of(game)
    assert value(judged["codes"]) == pytest.approx(2 * log(2))
    assert value(made["codes"]) == pytest.approx(3 * 2 * log(2))


@proves("closed.perfect")
def _autoencoders_that_change_nothing_lose_nothing_but_their_codes():
    _, made = losses_of(quiet(small()))
    assert value(made["reconstruction"]) == value(made["cycle"]) == 0
    squares = sum(value(BATCH[key].square().mean()) for key in "ab")
    assert value(made["kl"]) == value(made["cycle_kl"]) == pytest.approx(0.1 * squares)


@proves("objective.weights")
def _the_weights_are_those_of_the_authors_code():
    o = UNIT.Options()
    weights = (o.adversarial_weight, o.reconstruction_weight, o.cycle_weight, o.kl_weight, o.cycle_kl_weight)
    assert weights == (10.0, 100.0, 100.0, 0.1, 0.1)
    assert (o.domain_weight, o.blocks, o.shared, o.width, UNIT.batch) == (0.0, 4, 1, 64, 1)
    assert (o.judge, o.judge_layers, o.loss) == ("shared", 6, NonSaturating())


@proves("objective.optim")
def _the_optimizer_is_that_of_the_authors_code():
    assert UNIT.Options().optim == Adam(lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4, schedule=Constant())


@proves("objective.terms")
def _the_losses_have_their_names():
    judged, made = losses_of(small())
    assert set(judged) == {"adversarial_a", "adversarial_b"}
    others = {"reconstruction", "kl", "cycle", "cycle_kl"}
    assert set(made) == {"adversarial_a", "adversarial_b", *others}


@proves("objective.l1", "objective.kl-of-both", "objective.kl-of-cycles", "objective.cycle-is-drawn-back")
def _each_term_goes_the_way_that_the_paper_says():
    """a is encoded times 2 and decoded times 3, b times 5 and times 7."""
    _, made = losses_of(quiet(small(), encode_a=2.0, decode_a=3.0, encode_b=5.0, decode_b=7.0))
    a, b = (value(BATCH[key].abs().mean()) for key in "ab")
    a2, b2 = (value(BATCH[key].square().mean()) for key in "ab")
    assert value(made["reconstruction"]) == pytest.approx(100 * ((6 - 1) * a + (35 - 1) * b), rel=1e-5)
    assert value(made["kl"]) == pytest.approx(0.1 * (4 * a2 + 25 * b2), rel=1e-5)
    there, back = 2 * 7, 5 * 3  # from a to b, from b to a
    assert value(made["cycle"]) == pytest.approx(100 * (there * back - 1) * (a + b), rel=1e-5)
    expected = 0.1 * ((there * 5) ** 2 * a2 + (back * 2) ** 2 * b2)
    assert value(made["cycle_kl"]) == pytest.approx(expected, rel=1e-5)


@proves("objective.kl-of-means")
def _a_code_costs_what_its_mean_does_whatever_its_noise():
    game = quiet(small(), encode_a=2.0, encode_b=5.0)
    _, still = losses_of(game)
    game.noisy = lambda mean: mean + 3.0 * torch.randn_like(mean)
    _, loud = losses_of(game)
    assert value(loud["kl"]) == value(still["kl"])


@proves("objective.cycle-flows-through-translations")
def _a_cycle_teaches_the_way_there_too():
    game, made = small(), []
    game.drawn = lambda code, domain: made.append(UNIT.drawn(game, code, domain)) or made[-1]
    _, losses = losses_of(game)
    fakes = made[2:4]  # the first two are the judges'
    for term in ("cycle", "cycle_kl"):
        assert all(g.any() for g in torch.autograd.grad(losses[term], fakes, retain_graph=True))


@proves("order.judges-see-translations")
def _what_the_judges_are_shown_as_fakes_are_translations_in_both_steps():
    """a is encoded times 2 and decoded times 3, b times 5 and times 7."""
    game, seen = quiet(small(), encode_a=2.0, decode_a=3.0, encode_b=5.0, decode_b=7.0), []
    context = game.context
    game.context = lambda domain, real, fake, *rest: (
        seen.append((domain, real, fake)) or context(domain, real, fake, *rest)
    )
    losses_of(game)
    a, b = BATCH["a"], BATCH["b"]
    assert [domain for domain, *_ in seen] == ["a", "b"] * 2
    for (_, of_a, in_a), (_, of_b, in_b) in (seen[:2], seen[2:]):
        assert torch.equal(of_a, a)
        assert torch.equal(of_b, b)
        assert torch.allclose(in_a, 15 * b)
        assert torch.allclose(in_b, 14 * a)


@proves("noise.in-training", "noise.in-the-judges-step")
def _both_steps_decode_noisy_codes():
    game, drawn = small(), []
    game.drawn = lambda code, domain: drawn.append(code) or UNIT.drawn(game, code, domain)
    means = [game.mean(BATCH[key], key) for key in "ab"]
    judged = game.round(iter([BATCH]))
    next(judged)
    assert len(drawn) == 2  # of the judges' step
    next(judged)
    assert len(drawn) == 2 + 6
    assert not any(torch.equal(code, mean) for code in drawn for mean in means)


@proves("noise.is-normal")
def _the_noise_is_standard_normal_whatever_the_code():
    seed_all(0)
    mean = torch.full((4, 8, 32, 32), 7.0)
    noise = small().noisy(mean) - mean
    assert value(noise.mean()) == pytest.approx(0, abs=0.02)
    assert value(noise.std()) == pytest.approx(1, abs=0.02)


@proves("noise.one-for-both-decoders")
def _an_image_and_its_translation_are_drawn_from_the_same_code():
    game, drawn = small(), []
    game.drawn = lambda code, domain: drawn.append((code, domain)) or UNIT.drawn(game, code, domain)
    list(game.round(iter([BATCH])))
    made = drawn[2:]
    codes = {domain: [code for code, to in made[:4] if to == domain] for domain in "ab"}
    assert all(any(torch.equal(one, other) for other in codes["b"]) for one in codes["a"])


@proves("noise.none-in-use", "use.way-by-way")
def _a_translation_decodes_the_mean_with_the_other_decoder():
    game = lively(small())
    for start, to in (("a", "b"), ("b", "a")):
        expected = game.autoencoders.decoder(to)(game.autoencoders.encoder(start)(BATCH[start]))
        for _ in range(2):
            assert torch.equal(game.train().translate({start: BATCH[start]}, to), expected)
    assert not game.varies


@proves("order.judges-first", "order.own-forward")
def _the_judges_move_and_then_the_autoencoders_each_with_its_own_noise():
    game, noises = small(), []
    game.noisy = lambda mean: noises.append(UNIT.noisy(game, mean) - mean) or mean + noises[-1]
    moves = play(game, BATCH)
    assert [move.players for move in moves] == [("judges",), ("autoencoders",)]
    assert len(noises) == 2 + 4
    assert not any(torch.equal(noises[i], noises[j]) for i in range(6) for j in range(i))


@proves("order.fakes-detached")
def _the_judges_step_sends_nothing_to_the_autoencoders():
    game = small(domain_weight=1.0)
    judged, _ = losses_of(game)
    weights = [*game.autoencoders.parameters()]
    assert torch.autograd.grad(sum(judged.values()), weights, allow_unused=True) == (None,) * len(weights)


@proves("order.fakes-attached")
def _every_weight_learns_from_the_judges_alone():
    game = small()
    _, made = losses_of(game)
    weights = [p for name, p in game.autoencoders.named_parameters() if name.endswith("weight")]
    found = torch.autograd.grad(made["adversarial_a"] + made["adversarial_b"], weights)
    assert all(gradient.any() for gradient in found)
