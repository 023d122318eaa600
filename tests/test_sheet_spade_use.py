"""SPADE: every line of its fact sheet on styles, use and settings, with what proves it."""

import math

import pytest
import torch
from playing import images, play
from sheets import Sheet
from test_sheet_spade import SIDE, loud, small, town

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.games.spade import SPADE
from saddle.optim import Adam
from saddle.perceptual import SelfSupervised

SHEET = Sheet(
    *("style.reparametrised", "use.map-alone", "use.alone", "use.no-buffer-moves", "use.seed-draws-the-style"),
    *("use.style-of-an-image", "use.style-of-any-size", "use.same-without-encoder", "use.sizes"),
    *("settings.refused", "features.learned-first", "features.run-too-short"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("style.reparametrised")
def _in_training_a_style_is_drawn_around_what_the_encoder_says():
    game = small(encoder=True)
    game.encoder.forward = lambda x: (torch.full((len(x), 5), 2.0), torch.full((len(x), 5), -2.0))
    z = torch.cat([game.style(images(8, 3, SIDE, SIDE))[0] for _ in range(200)])
    assert float(z.mean()) == pytest.approx(2, abs=0.02)
    assert float(z.std()) == pytest.approx(math.exp(-1), rel=0.03)


@proves("use.map-alone")
def _a_painted_map_is_enough_its_classes_are_the_objects():
    game, batch = loud(small()), town()
    alone = game.translate({"a": batch["a"]}, "b")
    assert torch.equal(alone, game.translate({"a": batch["a"], "instances": batch["a"] + 7}, "b"))
    assert not torch.allclose(alone, game.translate({key: batch[key] for key in ("a", "instances")}, "b"), atol=1e-3)


@proves("use.alone", "use.no-buffer-moves")
def _a_translation_depends_on_its_map_alone_and_changes_nothing():
    game, batch = loud(small(encoder=True)), town()
    style = images(2, 3, SIDE, SIDE)
    play(game, batch)
    game.eval()
    before = {name: x.clone() for name, x in game.named_buffers()}
    both = game.translate({"a": batch["a"], "style": style}, "b")
    one = game.translate({"a": batch["a"][1:], "style": style[1:]}, "b")
    assert torch.allclose(both[1:], one, atol=1e-5)
    assert all(torch.equal(x, before[name]) for name, x in game.named_buffers())


@proves("use.seed-draws-the-style")
def _without_an_image_a_style_is_drawn_and_the_seed_says_which():
    game, given = loud(small(encoder=True)).eval(), {"a": town(1)["a"]}
    drawn = []
    for seed in (1, 1, 2):
        with rng.apart(seed):
            drawn.append(game.translate(given, "b"))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2], atol=1e-3)
    assert (game.styled, game.varies) == (True, True)


@proves("use.style-of-an-image")
def _an_image_says_the_style_without_any_chance():
    game, given = loud(small(encoder=True)).eval(), {"a": town(2)["a"]}
    one, other = images(2, 3, SIDE, SIDE)[:1], -images(2, 3, SIDE, SIDE)[1:]
    first = game.translate(given | {"style": one}, "b")
    assert torch.equal(first, game.translate(given | {"style": one}, "b"))
    assert not torch.allclose(first, game.translate(given | {"style": other}, "b"), atol=1e-3)
    mean, _ = game.encoder(one)
    assert torch.equal(first, game.generator(game.seen_of(given), mean.expand(2, -1)))


@proves("use.style-of-any-size")
def _an_image_of_any_size_can_say_it():
    game, given = loud(small(encoder=True)).eval(), {"a": town(1)["a"]}
    assert game.translate(given | {"style": images(1, 3, 40, 23)}, "b").shape == (1, 3, SIDE, SIDE)


@proves("use.same-without-encoder")
def _without_an_encoder_a_map_is_always_drawn_alike():
    game, given = loud(small()).eval(), {"a": town(1)["a"]}
    assert torch.equal(game.translate(given, "b"), game.translate(given, "b"))
    assert (game.styled, game.varies, game.averaged) == (False, False, ("generator",))
    assert small(encoder=True).averaged == ("generator", "encoder")


@proves("use.sizes")
def _maps_of_other_sizes_are_drawn_in_their_own():
    game = loud(small(encoder=True)).eval()
    assert (game.steps_up, game.multiple("a", "b"), game.smallest("a", "b")) == (2, 4, 8)
    for size in ((8, 8), (20, 36)):
        assert game.translate({"a": torch.zeros(1, *size, dtype=torch.int64)}, "b").shape == (1, 3, *size)


@proves("settings.refused")
def _settings_that_cannot_be_are_refused():
    for settings, said in (
        ({"width": 0}, "width is at least 1"),
        ({"kl_weight": -1.0}, "kl_weight is at least 0"),
        ({"perceptual_weight": -1.0}, "perceptual_weight is at least 0"),
        ({"doublings": 8}, "doublings is from 1 to 7 or none, not 8"),
        ({"doublings": 7, "width": 3}, "with 7 doublings width is even, not 3"),
        ({"scales": 2000}, "scales is from 1 to 1,000, not 2000"),
    ):
        with pytest.raises(UsageError, match=said):
            SPADE.Options(**settings)
    with pytest.raises(UsageError, match=r"SPADE cannot draw 16×16 images.*4 times"):
        small(doublings=4)


@proves("features.learned-first")
def _own_features_are_learned_in_the_first_rounds_and_asked_after_them_and_stay():
    game = small(perceptual=SelfSupervised(rounds=2, width=2, optim=Adam(lr=0.01)))
    moves = []
    for rounds in range(4):
        game.rounds = rounds
        moves.append(list(game.round(iter([town()]))))
    assert [[move.players[0] for move in each] for each in moves] == [
        ["features", "generator", "discriminator"],
        ["features", "generator", "discriminator"],
        ["generator", "discriminator"],
        ["generator", "discriminator"],
    ]
    assert [*moves[0][0].losses] == ["rotation", "position"]
    assert ["perceptual" in each[-2].losses for each in moves] == [False, False, True, True]
    gradients = torch.autograd.grad(moves[2][0].losses["perceptual"], game.generator.last.weight)
    assert gradients[0].any()
    assert game.optim("features").lr == 0.01
    assert game.trained_against == "features that the run learned from its own images"
    assert {*game.notes} >= {"rotation_right", "position_right"}


@proves("features.run-too-short")
def _a_run_that_ends_before_they_are_learned_is_refused():
    game = small(perceptual=SelfSupervised(rounds=100, width=2))
    game.rounds, game.progress = 1, 1 / 50
    with pytest.raises(
        UsageError, match="learns in the first 100 rounds and is asked after them, and the run has only 50"
    ):
        next(game.round(iter([town()])))
