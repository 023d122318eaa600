"""UNIT: every line of its fact sheet on what is shared, on judges and on use, with what proves it."""

import math
from dataclasses import replace
from math import log

import pytest
import torch
from playing import images, play
from sheets import Sheet, count, silence, value
from test_sheet_unit import BATCH, lively, losses_of, small
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.unit import UNIT
from saddle.losses import NonSaturating, RelativisticAverage
from saddle.spec import DataSpec, Field
from saddle.use import tiles

SHEET = Sheet(
    *("shared.one-player", "shared.is-shared", "shared.count", "shared.gradient"),
    *("shared.moves-the-other-domain", "shared.none", "shared.all", "shared.refused", "judges.one-player"),
    *("judges.kinds", "judges.refused", "codes.judge", "codes.opposed", "codes.no-judge", "use.within-a-domain"),
    *("use.code", "use.any-size", "use.no-batch", "use.tiles", "use.channels", "use.maps", "relativistic"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("shared.one-player", "judges.one-player")
def _what_is_shared_has_one_owner():
    assert [*small().players()] == ["autoencoders", "judges"]
    assert [*small(domain_weight=1.0).players()] == ["autoencoders", "judges", "code_judge"]
    assert UNIT.averaged == ("autoencoders",)


@proves("shared.is-shared")
def _both_encoders_end_and_both_decoders_begin_with_the_same_blocks():
    nets = small().autoencoders
    assert nets.encoder("a")[-1] is nets.encoder("b")[-1]
    assert nets.decoder("a")[0] is nets.decoder("b")[0]
    assert nets.encoder("a")[0] is not nets.encoder("b")[0]
    assert len(nets.encode_both) == len(nets.decode_both) == 1


@proves("shared.count")
def _there_are_fewer_parameters_than_in_four_networks():
    nets = small().autoencoders
    four = sum(count(part(key)) for part in (nets.encoder, nets.decoder) for key in "ab")
    assert count(nets) == four - count(nets.encode_both) - count(nets.decode_both) < four


@proves("shared.gradient")
def _a_loss_of_one_domain_reaches_the_tied_blocks_and_not_the_other_domains_own():
    nets = lively(small()).autoencoders
    loss = (nets.decoder("a")(nets.encoder("a")(BATCH["a"])) - BATCH["a"]).abs().mean()
    loss.backward()
    for tied in (nets.encode_both, nets.decode_both):
        assert all(p.grad.any() for name, p in tied.named_parameters() if name.endswith("weight"))
    assert all(p.grad is None for own in (nets.encode_b, nets.decode_b) for p in own.parameters())


def after_a_step_of_domain_a(**options) -> tuple[Tensor, Tensor]:
    """What becomes of an image of domain b, before and after a step that saw domain a alone."""
    game = lively(small(**options))
    before = game.reconstruct({"b": BATCH["b"]}, "b")
    optim = torch.optim.SGD(game.autoencoders.parameters(), lr=0.1)
    (game.drawn(game.mean(BATCH["a"], "a"), "a") - BATCH["a"]).abs().mean().backward()
    optim.step()
    return before, game.reconstruct({"b": BATCH["b"]}, "b")


@proves("shared.moves-the-other-domain")
def _what_one_domain_learns_changes_the_others_images():
    before, after = after_a_step_of_domain_a()
    assert not torch.equal(before, after)


@proves("shared.none")
def _without_shared_blocks_the_domains_are_two_vae_gans():
    """The authors' later code shares nothing."""
    before, after = after_a_step_of_domain_a(shared=0)
    assert torch.equal(before, after)
    assert not [*small(shared=0).autoencoders.encode_both]
    assert len(play(small(shared=0), BATCH)) == 2


@proves("shared.all")
def _all_blocks_can_be_shared():
    game = small(shared=2)
    assert len(game.autoencoders.encode_both) == len(game.autoencoders.decode_both) == 2
    assert len(play(game, BATCH)) == 2


@proves("shared.refused")
def _more_shared_blocks_than_there_are_are_refused():
    with pytest.raises(UsageError, match="of 4 blocks as many can be shared, not 5"):
        UNIT.Options(shared=5)
    for wrong, said in (
        ({"shared": -1}, "shared is at least 0, not -1"),
        ({"kl_weight": -1.0}, "kl_weight is at least"),
    ):
        with pytest.raises(UsageError, match=said):
            UNIT.Options(**wrong)
    with pytest.raises(UsageError, match="cycle_weight is at least 0, not nan"):
        UNIT.Options(cycle_weight=math.nan)


@proves("judges.kinds")
def _judges_of_every_kind_play():
    for kind, layers in (("shared", 3), ("scales", 1), ("apart", 2)):
        moves = play(small(judge=kind, judge_layers=layers), BATCH, rounds=2)
        assert all(math.isfinite(value(loss)) for move in moves for loss in move.losses.values())


@proves("judges.refused")
def _judges_that_would_share_nothing_are_refused():
    with pytest.raises(UsageError, match="judge_layers is at least 3 where the judge is shared, not 2"):
        UNIT.Options(judge_layers=2)
    UNIT.Options(judge="apart", judge_layers=1)


@proves("codes.judge")
def _the_judge_of_codes_learns_the_domains_from_their_means():
    game = small(domain_weight=1.0)
    assert [move.players for move in play(game, BATCH)] == [("judges", "code_judge"), ("autoencoders",)]
    judged, _ = losses_of(game)
    weights = [*game.code_judge.parameters()]
    assert all(g.any() for g in torch.autograd.grad(judged["codes"], weights))


@proves("codes.opposed")
def _the_autoencoders_pay_for_codes_that_are_told_apart():
    game = small(domain_weight=2.0)
    a, b = (game.mean(BATCH[key], key) for key in "ab")
    game.code_judge = nn.Identity()
    assert value(game.told_apart(torch.full_like(a, 9.0), torch.full_like(b, -9.0))) < 1e-3
    assert value(game.told_apart(torch.full_like(b, -9.0), torch.full_like(a, 9.0))) == pytest.approx(18, rel=1e-3)
    _, made = losses_of(game)
    assert value(made["codes"]) == pytest.approx(2 * value(game.told_apart(b, a)), rel=1e-5)


@proves("codes.no-judge")
def _without_a_weight_there_is_no_judge_of_codes():
    assert not hasattr(small(), "code_judge")


@proves("use.within-a-domain", "use.code")
def _a_reconstruction_is_the_own_decoders_image_of_the_code():
    game = lively(small())
    for key in "ab":
        code = game.code({key: BATCH[key]}, key)
        assert code.shape == (4, 8, 2, 2)
        assert not code.requires_grad
        assert torch.equal(code, game.mean(BATCH[key], key))
        assert torch.equal(game.reconstruct({key: BATCH[key]}, key), game.drawn(code, key))


@proves("use.any-size")
def _images_of_other_sizes_are_translated():
    game = small()
    assert (game.multiple("a", "b"), game.smallest("a", "b")) == (4, 8)
    assert game.translate({"a": images(1, 1, 12, 20)}, "b").shape == (1, 1, 12, 20)
    with pytest.raises(UsageError, match=r"UNIT's autoencoder cannot draw 9×12 images: .* multiples of 4"):
        small(DataSpec.of((1, 9, 12), keys=("a", "b")))


@proves("use.no-batch")
def _others_in_the_batch_change_nothing():
    game = lively(small()).double()
    x = BATCH["a"].double()
    together, alone = (game.translate({"a": x[:n]}, "b")[:1] for n in (4, 1))
    assert torch.allclose(together, alone, atol=1e-9)


@proves("use.tiles")
def _large_images_can_be_translated_in_tiles():
    for normed in (False, True):
        game = lively(small(normed=normed)).double().eval()
        x = images(1, 1, 64, 96).double()
        tiled = tiles.apply(game.network("a", "b"), x, tile=32)
        assert torch.allclose(tiled, game.translate({"a": x}, "b"), atol=1e-9)


def domains(a: Field, b: Field) -> DataSpec:
    return DataSpec({"a": a, "b": b}, domains=(("a",), ("b",)))


@proves("use.channels", "use.maps")
def _domains_may_have_other_channels_and_be_maps():
    grey, colour = Field("image", (1, 8, 8)), Field("image", (3, 8, 8))
    shown = Field("map", (8, 8), ("sky", "ground"), ((0, 0, 255), (0, 255, 0)))
    for a, b in ((grey, colour), (colour, grey), (shown, colour)):
        game = small(domains(a, b))
        batch = {
            key: x.argmax(1) if each.kind == "map" else x
            for key, each in (("a", a), ("b", b))
            for x in [images(2, each.planes, 8, 8)]
        }
        play(game, batch)
        assert game.translate({"a": batch["a"]}, "b").shape == (2, b.planes, 8, 8)
        assert game.translate({"b": batch["b"]}, "a").shape == (2, a.planes, 8, 8)


@proves("relativistic")
def _a_relativistic_loss_looks_at_images_in_both_steps():
    game = small(loss=RelativisticAverage())
    silence(game.judges)
    judged, made = losses_of(game)
    for losses in (judged, made):
        assert value(losses["adversarial_b"]) == pytest.approx(10 * 2 * log(2))
    assert replace(game.options, loss=NonSaturating()).loss == NonSaturating()
