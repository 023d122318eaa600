"""Every check and every known mistake of the fact sheet of NICE-GAN and of its users, line by line."""

import math
import re

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.nicegan import NICEGAN
from saddle.losses import LeastSquares, RelativisticAverage
from saddle.optim import Adam
from saddle.penalties import Drift
from saddle.spec import DataSpec, Field
from saddle.views import InstanceNoise, Packing

SHEET = Sheet(
    *("closed.squares-at-0", "closed.squares-at-half", "closed.identity-networks", "objective.weights"),
    *("objective.three-heads", "objective.terms-are-summed", "objective.cycle-goes-through-both"),
    *("objective.reconstruction-stays-in-its-domain", "decoupled.judges-step-changes-the-encoder"),
    *(
        "decoupled.generators-step-leaves-it",
        "decoupled.gradient-flows-through",
        "decoupled.encoder-learns-of-fakes-too",
    ),
    *("decoupled.encoder-of-its-own-domain", "order.judges-first", "order.encoded-anew", "order.fakes-detached"),
    *("order.every-weight-learns-from-the-judges", "use.code-is-of-raw-images", "use.light-takes-any-size"),
    *(
        "use.full-takes-one",
        "use.light-by-default-but-at-256",
        "use.no-tiles",
        "use.no-batch",
        "use.code",
        "use.averages",
    ),
    *("adam", "weight-decay-of-biases", "schedule.second-half", "channels.of-each-domain", "views.no-packing"),
    *("parts.penalties", "parts.relativistic", "sizes.refused"),
)
proves = SHEET.proves
DATA = DataSpec.of((1, 24, 24), ("a", "b"), domains=(("a",), ("b",)))
BATCH = {"a": images(2, 1, 24, 24), "b": -images(2, 1, 24, 24)}
HEADS = 3


def small(data: DataSpec = DATA, **options) -> NICEGAN:
    seed_all(0)
    torch.manual_seed(0)
    return NICEGAN(data, NICEGAN.Options(**{"width": 2} | options))


def silent(game: NICEGAN) -> NICEGAN:
    """All logits 0; weights of 0 have no spectral norm."""
    heads = game.heads
    game.heads = lambda domain, x: tuple(0 * head for head in heads(domain, x))
    return game


def state(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.squares-at-0", "objective.three-heads")
def _logits_of_0_cost_1_of_each_head_in_both_steps():
    game = silent(small())
    judged, drawn = game.round(iter([BATCH]))
    for key in "ab":
        assert value(judged.losses[f"adversarial_{key}"]) == pytest.approx(HEADS * 1.0)
        assert value(drawn.losses[f"adversarial_{key}"]) == pytest.approx(HEADS * 1.0)


@proves("closed.squares-at-half")
def _logits_of_a_half_cost_half_of_it_and_a_quarter():
    half, o = torch.full((4,), 0.5), NICEGAN.Options()
    assert o.adversarial_weight * value(o.loss.discriminator(half, half)) == pytest.approx(0.25 + 0.25)
    assert o.adversarial_weight * value(o.loss.generator(None, half)) == pytest.approx(0.25)


class Whole(nn.Module):
    """An encoder and a generator that change nothing but by a factor."""

    def __init__(self, factor: float = 1.0):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


def plain(game: NICEGAN, to_b: float = 1.0, to_a: float = 1.0, of_a: float = 1.0, of_b: float = 1.0) -> NICEGAN:
    """Codes are images, times a factor of each network."""
    game.a_to_b, game.b_to_a = Whole(to_b), Whole(to_a)
    game.encode = lambda domain, x: {"a": of_a, "b": of_b}[domain] * x
    return game


@proves("closed.identity-networks")
def _networks_that_change_nothing_pay_nothing_for_it():
    _, drawn = plain(small()).round(iter([BATCH]))
    assert value(drawn.losses["cycle"]) == value(drawn.losses["reconstruction"]) == 0


@proves(
    *("objective.terms-are-summed", "objective.cycle-goes-through-both"),
    "objective.reconstruction-stays-in-its-domain",
)
def _both_domains_are_summed_and_each_term_goes_through_its_networks():
    _, drawn = plain(small(), to_b=3.0, to_a=0.5, of_a=2.0, of_b=0.25).round(iter([BATCH]))
    a, b = (float(BATCH[key].abs().mean()) for key in "ab")
    there_and_back = abs(3 * 0.5 * 2 * 0.25 - 1)
    assert value(drawn.losses["cycle"]) == pytest.approx(10 * there_and_back * (a + b), rel=1e-5)
    again = abs(0.5 * 2 - 1) * a + abs(3 * 0.25 - 1) * b
    assert value(drawn.losses["reconstruction"]) == pytest.approx(10 * again, rel=1e-5)


@proves("objective.weights", "adam", "schedule.second-half")
def _constants_are_the_papers():
    o = NICEGAN.Options()
    assert (o.loss, o.adversarial_weight, o.cycle_weight, o.reconstruction_weight) == (LeastSquares(), 2.0, 10.0, 10.0)
    assert isinstance(o.optim, Adam)
    assert (o.optim.lr, o.optim.betas, o.optim.weight_decay, NICEGAN.batch) == (1e-4, (0.5, 0.999), 1e-4, 1)
    rates = [o.optim.at(0, progress)["lr"] / 1e-4 for progress in (0.0, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([1, 1, 0.5, 0])


@proves("weight-decay-of-biases")
def _the_decay_is_a_loss_of_all_weights_in_adam_biases_too():
    game = small()
    optim = game.optim("judge_a").build(game.judge_a.parameters())
    assert isinstance(optim, torch.optim.Adam)
    assert not isinstance(optim, torch.optim.AdamW)
    assert [group["weight_decay"] for group in optim.param_groups] == [1e-4]
    held = {id(p) for group in optim.param_groups for p in group["params"]}
    assert {id(p) for p in game.judge_a.parameters()} == held


def after(game: NICEGAN, steps: int) -> dict[str, bool]:
    """Which networks so many moves of a round have changed: generators, and encoders of the discriminators."""
    parts = {"a_to_b": game.a_to_b, "b_to_a": game.b_to_a, "a": game.judge_a.encoder, "b": game.judge_b.encoder}
    before = {name: state(part) for name, part in parts.items()}
    optims = {name: game.optim(name).build(player.parameters()) for name, player in game.players().items()}
    moves = game.round(iter([BATCH]))
    for _ in range(steps):
        move = next(moves)
        weights = [p for name in move.players for p in game.get_submodule(name).parameters()]
        sum(move.losses.values()).backward(inputs=weights)
        if _ == steps - 1:
            for name in move.players:
                optims[name].step()
        game.zero_grad()
    return {name: not torch.equal(state(part), before[name]) for name, part in parts.items()}


@proves("decoupled.judges-step-changes-the-encoder", "decoupled.generators-step-leaves-it")
def _the_encoders_learn_in_the_judges_step_and_stand_still_in_the_other():
    assert after(small(), 1) == {"a_to_b": False, "b_to_a": False, "a": True, "b": True}
    assert after(small(), 2) == {"a_to_b": True, "b_to_a": True, "a": False, "b": False}


@proves("decoupled.gradient-flows-through")
def _what_the_cycle_asks_of_a_generator_passes_through_the_other_domains_encoder():
    game, drawn = small(), []
    draw = game.draw
    game.draw = lambda domain, code: drawn.append(draw(domain, code)) or drawn[-1]
    *_, move = game.round(iter([BATCH]))
    fakes = drawn[2:4]  # of the generators' step; what comes behind them is drawn of their codes
    gradients = torch.autograd.grad(move.losses["cycle"], fakes)
    assert all(gradient.any() for gradient in gradients)
    assert not any(fake.requires_grad for fake in drawn[:2])


@proves("decoupled.encoder-learns-of-fakes-too", "decoupled.encoder-of-its-own-domain")
def _an_encoder_learns_from_images_and_fakes_of_its_own_domain():
    game, heads = small(), {}
    judge = game.heads
    game.heads = lambda domain, x: heads.setdefault((domain, len(heads)), judge(domain, x))
    judged = next(game.round(iter([BATCH])))
    others = [*game.judge_b.parameters()]
    found = torch.autograd.grad(judged.losses["adversarial_a"], others, allow_unused=True, retain_graph=True)
    assert found == (None,) * len(others)
    assert [domain for domain, _ in heads] == ["a", "a", "b", "b"]  # each its images, then its fakes
    weights = [p for p in game.judge_a.encoder.parameters() if p.ndim > 1]
    for of in [*heads.values()][:2]:
        grads = torch.autograd.grad(sum(head.square().mean() for head in of), weights, retain_graph=True)
        assert all(grad.any() for grad in grads)


@proves("order.judges-first", "order.encoded-anew")
def _the_judges_move_first_and_images_are_encoded_anew_behind_them():
    game, codes = small(), []
    encode = game.encode
    game.encode = lambda domain, x: codes.append(encode(domain, x)) or codes[-1]
    moves = play(game, BATCH)
    assert [move.players for move in moves] == [("judge_a", "judge_b"), ("a_to_b", "b_to_a")]
    assert len(codes) == 6  # both domains, again after the step, and both fakes on their way back
    assert not torch.equal(codes[0], codes[2])


@proves("order.fakes-detached", "order.every-weight-learns-from-the-judges")
def _generators_learn_from_the_judges_in_their_own_step_alone():
    game = small(cycle_weight=0.0, reconstruction_weight=0.0)
    weights = [*game.a_to_b.parameters(), *game.b_to_a.parameters()]
    judged, drawn = game.round(iter([BATCH]))
    assert torch.autograd.grad(sum(judged.losses.values()), weights, allow_unused=True) == (None,) * len(weights)
    assert {*drawn.losses} == {"adversarial_a", "adversarial_b"}
    grads = torch.autograd.grad(sum(drawn.losses.values()), [p for p in weights if p.ndim > 1])
    assert all(grad.any() for grad in grads)


@proves("use.code-is-of-raw-images")
def _what_judges_are_shown_is_noisy_and_what_is_encoded_is_not():
    game = small(views=(InstanceNoise(),))
    seen = []
    forward = game.judge_a.encoder.forward
    game.judge_a.encoder.forward = lambda x: seen.append(x) or forward(x)
    next(game.round(iter([BATCH])))
    assert torch.equal(seen[0], BATCH["a"])
    assert not torch.equal(seen[1], BATCH["a"])


@proves("use.light-takes-any-size", "use.code")
def _a_light_generator_translates_other_sizes_too():
    game = small().eval()
    assert (game.sized, game.multiple("a", "b"), game.smallest("a", "b")) == (False, 4, 8)
    for height, width in ((24, 24), (8, 12), (40, 28)):
        x = {"a": images(1, 1, height, width)}
        assert game.translate(x, "b").shape == (1, 1, height, width)
        assert game.code(x, "a").shape == (1, 4, height // 4, width // 4)


@proves("use.full-takes-one")
def _a_full_generator_translates_the_trainings_size_alone_and_says_why():
    game = small(light=False).eval()
    assert game.sized
    assert game.translate({"a": BATCH["a"]}, "b").shape == (2, 1, 24, 24)
    with pytest.raises(UsageError, match=r"reads all of a map at once .* \(24, 24\), not \(24, 28\).*game\.light true"):
        game.translate({"a": images(1, 1, 24, 28)}, "b")


@proves("use.light-by-default-but-at-256")
def _the_full_form_is_the_usual_one_of_the_papers_size_alone():
    for side, light in ((128, True), (256, False), (260, True)):
        with torch.device("meta"):
            assert NICEGAN(DataSpec.of((3, side, side), ("a", "b"))).light == light
    assert small(light=True).light
    assert not small(light=False).light


@proves("use.no-tiles")
def _no_network_translates_alone_and_both_ways_are_there():
    """The encoder is the judge's, and the generator's scale and shift are of the whole map."""
    game = small()
    assert game.network("a", "b") is None
    assert game.ways == (("a", "b"), ("b", "a"))
    with torch.no_grad():
        codes = game.encode("b", BATCH["b"])
        assert torch.equal(game.translate({"b": BATCH["b"]}, "a"), game.b_to_a(codes))


@proves("use.no-batch")
def _an_image_is_translated_alone_and_nothing_is_remembered():
    game = small().eval()
    before = {name: buffer.clone() for name, buffer in game.named_buffers()}
    whole, alone = (game.translate({"a": BATCH["a"][:n]}, "b") for n in (2, 1))
    assert torch.allclose(whole[:1], alone, atol=1e-5)
    assert all(torch.equal(buffer, before[name]) for name, buffer in game.named_buffers())


@proves("use.averages")
def _averaged_generators_read_the_codes_of_averaged_encoders():
    assert {*NICEGAN.averaged} == {*small().players()}


@proves("channels.of-each-domain")
def _grey_images_become_coloured_ones_and_back():
    grey, colour = Field("image", (1, 24, 24)), Field("image", (3, 24, 24))
    game = small(DataSpec({"a": grey, "b": colour}, domains=(("a",), ("b",))))
    given = BATCH | {"b": images(2, 3, 24, 24)}
    assert all(math.isfinite(value(loss)) for move in play(game, given, rounds=2) for loss in move.losses.values())
    assert game.translate({"a": given["a"]}, "b").shape == given["b"].shape
    assert game.translate({"b": given["b"]}, "a").shape == given["a"].shape


@proves("views.no-packing")
def _several_images_have_no_common_code():
    with pytest.raises(UsageError, match=re.escape("which have no common code")):
        small(views=(Packing(2),))


@proves("parts.penalties")
def _penalties_are_of_each_judge():
    assert {*next(small(penalties=(Drift(),)).round(iter([BATCH]))).losses} == {
        *("adversarial_a", "adversarial_b", "drift_a", "drift_b")
    }


@proves("parts.relativistic")
def _a_relativistic_loss_compares_head_by_head():
    game = silent(small(loss=RelativisticAverage()))
    for move in game.round(iter([BATCH])):
        assert value(move.losses["adversarial_a"]) == pytest.approx(2 * HEADS * 2 * math.log(2))


@proves("sizes.refused")
def _sizes_that_no_judge_takes_are_refused_with_the_nearest_ones():
    with pytest.raises(UsageError, match=r"multiples of 4, and 24 or more; the nearest sizes are 24×24 and 28×24"):
        small(DataSpec.of((1, 26, 24), ("a", "b")))
