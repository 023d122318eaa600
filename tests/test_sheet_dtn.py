"""DTN: every line of its fact sheet on objective, order and use, with what proves it."""

import math
from dataclasses import replace

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, silence, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.dtn import DTN, real_margin, total_variation
from saddle.optim import Adam
from saddle.penalties import R1, Drift, LeCam
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("closed.ternary-judge", "closed.ternary-drawn", "closed.constancy-of-a-copy"),
    *("closed.third-class-is-the-logit", "closed.total-variation", "closed.cosine", "weights"),
    *("f.pretrained-first", "f.needs-a-stage", "f.weights-stand-still", "f.statistics-stand-still"),
    *("f.head-is-of-the-stage-alone", "f.gradient-flows-through", "f.same-code-for-both", "order.judge-first"),
    *("order.drawn-once", "order.fakes-detached-for-the-judge", "order.all-of-g-learns-from-the-judge"),
    *("objective.terms", "objective.constancy-off", "objective.identity-falls", "objective.two-kinds-of-fakes"),
    *("channels.grey-is-repeated", "channels.grey-source", "channels.others-refused", "data.wants-labels"),
    *("data.labels-of-the-first-domain", "use.no-batch", "use.one-way", "use.one-size", "use.code"),
    *("use.resumes-fixed", "parts.penalties", "stage.no-longer-begins-anew"),
)
proves = SHEET.proves
GREY, COLOUR, FOUR = (Field("image", (channels, 16, 16)) for channels in (1, 3, 4))
LABEL = Field("class", (), ("x", "y", "z"))
SMALL = {"width": 2, "code": 5}


def data(a: Field = GREY, b: Field = GREY) -> DataSpec:
    return DataSpec({"a": a, "label_a": LABEL, "b": b}, domains=(("a", "label_a"), ("b",)))


def batch(a: Field = GREY, b: Field = GREY) -> dict[str, Tensor]:
    return {"a": images(4, *a.shape), "b": -images(4, *b.shape), "label_a": torch.tensor([0, 1, 2, 0])}


BATCH = batch()


def small(spec: DataSpec | None = None, progress: float = 0.5, **options) -> DTN:
    seed_all(0)
    torch.manual_seed(0)
    game = DTN(spec or data(), DTN.Options(**SMALL | options))
    game.progress = progress
    return game


def learned(game: DTN) -> DTN:
    """With statistics that are not those of the start."""
    game.progress = 0.0
    play(game, BATCH, rounds=3)
    game.progress = 0.5
    return game


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.ternary-judge", "closed.ternary-drawn")
def _three_classes_that_are_all_alike_cost_3_ln_3_and_2_ln_3():
    game = small()
    silence(game.discriminator)
    judged, drawn = game.round(iter([BATCH]))
    assert value(judged.losses["adversarial"]) == pytest.approx(3 * math.log(3))
    assert value(drawn.losses["adversarial"]) == pytest.approx(2 * math.log(3))


@proves("closed.third-class-is-the-logit")
def _the_margin_of_the_third_class_has_its_probability():
    logits = torch.randn(20, 3, dtype=torch.float64)
    assert torch.allclose(real_margin(logits).sigmoid(), logits.softmax(1)[:, 2])


@proves("closed.constancy-of-a-copy", "objective.terms", "weights")
def _a_copy_keeps_its_code_and_the_terms_have_the_papers_weights():
    game = learned(small(smooth_weight=0.05))
    codes = game.encoder.eval()(torch.cat((BATCH["a"], BATCH["b"]))).detach()
    game.generator = Giving(torch.cat((BATCH["a"], BATCH["b"])), codes)
    drawn = [*game.round(iter([BATCH]))][-1].losses
    assert value(drawn["constancy"]) == pytest.approx(0, abs=1e-10)
    assert value(drawn["identity"]) == 0
    game.generator = Giving(torch.cat((BATCH["b"], BATCH["b"] / 2)), codes)
    drawn = [*game.round(iter([BATCH]))][-1].losses
    apart = (codes[4:] - codes[:4]).square().mean()
    assert value(drawn["constancy"]) == pytest.approx(15 * float(apart), rel=1e-4)
    assert value(drawn["identity"]) == pytest.approx(15 * float((BATCH["b"] / 2).square().mean()), rel=1e-5)
    both = torch.cat((BATCH["b"], BATCH["b"] / 2))
    assert value(drawn["smooth"]) == pytest.approx(0.05 * float(total_variation(both)), rel=1e-5)
    o = DTN.Options()
    weights = o.constancy_weight, o.identity_weight, o.smooth_weight, o.distance
    assert weights == (15.0, 15.0, 0.0, "mse")


class Giving(nn.Module):
    """Draws what it was told, whatever the codes, of which it counts how often they came."""

    def __init__(self, image: Tensor, codes: Tensor):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.image, self.codes, self.calls = image, codes, 0

    def forward(self, code: Tensor) -> Tensor:
        assert torch.allclose(code, self.codes, atol=1e-5)
        self.calls += 1
        return self.weight * self.image


@proves("closed.cosine")
def _the_cosine_is_0_for_codes_of_one_direction_and_2_for_opposite_ones():
    game = small(distance="cosine")
    code = game.encoder.eval()(BATCH["a"]).detach()
    for factor, wanted in ((0.5, 0), (-2.0, 2)):
        assert value(game.apart(factor * code, BATCH["a"])) == pytest.approx(wanted, abs=1e-5)


@proves("closed.total-variation")
def _one_edge_of_height_1_has_a_variation_of_its_length():
    x = torch.zeros(2, 1, 9, 9)
    x[:, :, :, 4:] = 1
    assert value(total_variation(x)) == pytest.approx(8, abs=0.02)  # the last row has no next one
    assert value(total_variation(torch.ones(2, 1, 9, 9))) == pytest.approx(0, abs=0.02)


@proves("f.pretrained-first")
def _in_the_first_part_the_encoder_alone_learns_to_name_the_classes():
    game = small(progress=0.0, width=8, code=16, optim=Adam(lr=3e-3))
    moves = play(game, BATCH, rounds=20)
    assert {move.players for move in moves} == {("encoder",)}
    assert [*moves[0].losses] == ["classes"]
    assert value(moves[-1].losses["classes"]) < 0.7 * value(moves[0].losses["classes"])
    assert float(game.notes["named_rightly"]) > 0.5


@proves("f.needs-a-stage")
def _the_stage_is_a_share_of_the_run_and_cannot_be_left_out():
    with pytest.raises(UsageError, match="pretraining is above 0 and below 1, not"):
        DTN.Options(pretraining=0.0)
    game = small(pretraining=0.3)
    assert (game.has_staged(0.29), game.has_staged(0.3)) == (False, True)


def encoder_state(game: DTN) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in game.encoder.state_dict().items()}


@proves("f.weights-stand-still", "f.statistics-stand-still", "f.head-is-of-the-stage-alone")
def _afterwards_the_encoder_is_the_same_to_the_last_bit():
    """One re-implementation trains it on the constancy too, which it can then fulfil by forgetting."""
    game = learned(small())
    before = encoder_state(game)
    game.train()
    moves = play(game, BATCH, rounds=4)
    assert {player for move in moves for player in move.players} == {"discriminator", "generator"}
    after = game.encoder.state_dict()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    assert any(name.endswith("running_mean") and tensor.any() for name, tensor in before.items())


@proves("use.resumes-fixed")
def _training_mode_between_rounds_does_not_move_its_statistics():
    game = learned(small())
    before = encoder_state(game)
    game.eval()
    game.translate({"a": BATCH["a"]}, "b")
    game.train()
    play(game, BATCH, rounds=1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in game.encoder.state_dict().items())


@proves("f.gradient-flows-through")
def _the_constancy_reaches_the_decoder_through_the_encoder_which_stands_still():
    game = learned(small())
    drawn = [*game.round(iter([BATCH]))][-1]
    grads = torch.autograd.grad(drawn.losses["constancy"], [*game.generator.parameters()], allow_unused=True)
    assert all(grad is not None for grad in grads)
    assert all(grad.any() for grad in grads if grad.ndim > 1)


@proves("f.same-code-for-both")
def _code_and_constancy_are_of_the_encoder_as_it_is_in_use():
    game = learned(small())
    game.encoder.eval()
    alone = game.encoder(BATCH["a"][:1]).detach()
    given = []
    forward = game.generator.forward
    game.generator.forward = lambda code: given.append(code) or forward(code)
    [*game.round(iter([BATCH]))]
    assert torch.allclose(given[0][:1], alone, atol=1e-6)
    assert len(given[0]) == 8


@proves("order.judge-first", "order.drawn-once")
def _the_judge_moves_first_and_the_same_fakes_deceive_it_then():
    game = small()
    calls = []
    forward = game.generator.forward
    game.generator.forward = lambda code: calls.append(len(code)) or forward(code)
    moves = play(game, BATCH)
    assert [move.players for move in moves] == [("discriminator",), ("generator",)]
    assert calls == [8]


@proves("order.fakes-detached-for-the-judge", "order.all-of-g-learns-from-the-judge")
def _only_in_its_own_step_the_decoder_learns_and_all_of_it_from_the_judge():
    game = small(constancy_weight=0.0, identity_weight=0.0)
    judged, drawn = game.round(iter([BATCH]))
    assert [*drawn.losses] == ["adversarial"]
    weights = [*game.generator.parameters()]
    assert torch.autograd.grad(judged.losses["adversarial"], weights, allow_unused=True) == (None,) * len(weights)
    grads = torch.autograd.grad(drawn.losses["adversarial"], [p for p in weights if p.ndim > 1])
    assert all(grad.any() for grad in grads)


@proves("objective.constancy-off")
def _without_constancy_nothing_ties_an_image_to_what_becomes_of_it():
    """The wrong way: any image of the target will do."""
    game = small(constancy_weight=0.0)
    losses = [*game.round(iter([BATCH]))][-1].losses
    assert "constancy" not in losses
    assert "identity" in losses


@proves("objective.identity-falls")
def _images_of_the_target_learn_to_stay_as_they_are():
    game = small(width=16, code=32, optim=Adam(lr=3e-3))
    moves = play(game, BATCH, rounds=30)
    losses = [value(move.losses["identity"]) for move in moves if "identity" in move.losses]
    assert losses[-1] < 0.7 * losses[0]


@proves("objective.two-kinds-of-fakes")
def _the_judge_tells_what_was_drawn_of_the_source_from_what_was_drawn_of_the_target():
    game = small()
    rows = {0: [9.0, 0, 0], 1: [0, 9.0, 0], 2: [0, 0, 9.0]}
    answers = [torch.tensor([rows[kind]] * 4) for kind in (0, 1, 2)]
    given = iter(answers)
    game.discriminator.forward = lambda x: next(given) + 0 * x.sum((1, 2, 3))[:, None]
    judged = next(game.round(iter([BATCH])))
    assert value(judged.losses["adversarial"]) == pytest.approx(3 * math.log(1 + 2 * math.exp(-9)), rel=1e-3)
    given = iter([answers[1], answers[0], answers[2]])
    judged = next(game.round(iter([BATCH])))
    assert value(judged.losses["adversarial"]) > 17


@proves("channels.grey-is-repeated", "channels.grey-source")
def _grey_images_of_the_target_are_repeated_for_an_encoder_of_colours_and_coloured_ones_are_their_mean():
    for a, b in ((COLOUR, GREY), (GREY, COLOUR)):
        game, given = small(data(a, b)), batch(a, b)
        assert all(math.isfinite(value(loss)) for move in play(game, given) for loss in move.losses.values())
        assert game.translate({"a": given["a"]}, "b").shape == (4, *b.shape)
        seen = game.as_source(given["b"])
        assert seen.shape[1] == a.shape[0]
        assert torch.allclose(seen, given["b"].mean(1, keepdim=True).expand_as(seen))


@proves("channels.others-refused")
def _channels_that_do_not_match_are_refused():
    with pytest.raises(UsageError, match=r"these have 3 and 4; bring them to as many with data\.channels"):
        small(data(COLOUR, FOUR))


@proves("data.wants-labels", "data.labels-of-the-first-domain")
def _without_classes_of_the_first_domain_it_says_which_data_have_some():
    bare = DataSpec.of((1, 16, 16), ("a", "b"), domains=(("a",), ("b",)))
    other = DataSpec({"a": GREY, "b": GREY, "label_b": LABEL}, domains=(("a",), ("b", "label_b")))
    one = replace(data(), fields={**data().fields, "label_a": Field("class", (), ("x",))})
    for spec in (bare, other, one):
        with pytest.raises(UsageError, match=r"label_a of a batch.*--data\.labels true.*--data\.labels folders"):
            small(spec)


@proves("use.no-batch", "use.one-way", "use.one-size", "use.code")
def _in_use_an_image_is_translated_alone_and_one_way():
    game = learned(small()).eval()
    before = {name: buffer.clone() for name, buffer in game.named_buffers()}
    whole, alone = (game.translate({"a": BATCH["a"][:n]}, "b") for n in (4, 1))
    assert torch.allclose(whole[:1], alone, atol=1e-6)
    assert all(torch.equal(buffer, before[name]) for name, buffer in game.named_buffers())
    assert (game.domains, game.ways, game.sized, game.network("a", "b")) == (("a", "b"), (("a", "b"),), True, None)
    with pytest.raises(UsageError, match="from a to b"):
        game.translate({"b": BATCH["b"]}, "a")
    codes = [game.code(BATCH, domain) for domain in "ab"]
    assert [code.shape for code in codes] == [(4, 5), (4, 5)]
    assert torch.equal(game.generator(codes[0]), whole)


@proves("parts.penalties")
def _penalties_see_the_third_class_as_the_logit():
    moves = play(small(penalties=(Drift(), LeCam())), BATCH, rounds=2)
    assert {*moves[0].losses} == {"adversarial", "drift", "le_cam"}
    with pytest.raises(UsageError, match="batch norm"):
        small(penalties=(R1(),))
    assert all(math.isfinite(value(loss)) for move in moves for loss in move.losses.values())


@proves("stage.no-longer-begins-anew")
def _a_run_that_goes_beyond_its_end_does_not_learn_the_classes_again():
    game = small(progress=1.0)
    assert play(game, BATCH)[0].players == ("discriminator",)
