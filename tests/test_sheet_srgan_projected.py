"""SRGAN against a discriminator that is given the small image: every line of its training, with what proves it."""

import itertools

import pytest
import torch
from playing import images
from seeding import seed_all
from sheets import Sheet, value

from saddle.base.errors import UsageError
from saddle.games.srgan import SRGAN
from saddle.losses import Hinge
from saddle.nets import projected
from saddle.optim import Adam, Linear
from saddle.penalties import R1
from saddle.perceptual import RandomVGG19
from saddle.spec import DataSpec, Field
from saddle.views import InstanceNoise

SHEET = Sheet(
    *("projected.hinge-alone", "projected.five-steps", "projected.adam", "projected.told", "projected.gradient"),
    "projected.refused",
)
proves = SHEET.proves
BATCH = {"image": images(4, 3, 32, 32), "damaged": images(4, 3, 8, 8)}


def small(side: int = 8, **options) -> SRGAN:
    seed_all(0)
    torch.manual_seed(0)
    data = DataSpec({"image": Field("image", (3, 32, 32)), "damaged": Field("image", (3, side, side))})
    return SRGAN(data, SRGAN.Options(**{"width": 1, "discriminator_width": 2} | options))


def round_of(game: SRGAN) -> list:
    return [*game.round(itertools.repeat(BATCH))]


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("projected.hinge-alone", "projected.five-steps", "projected.adam")
def _with_a_residual_judge_the_training_is_that_of_projection():
    for told in ("plain", "concatenation", "projection"):
        game = small(discriminator=told)
        *judged, made = round_of(game)
        assert [move.players for move in judged] == 5 * [("discriminator",)]
        assert {name for move in (*judged, made) for name in move.losses} == {"adversarial"}
        with torch.no_grad():
            fake = game.generator(BATCH["damaged"])
            on_fake, on_real = (game.discriminator(x, BATCH["damaged"]) for x in (fake, BATCH["image"]))
        hinge = (1 - on_real).relu().mean() + (1 + on_fake).relu().mean()
        assert value(judged[-1].losses["adversarial"]) == pytest.approx(float(hinge), rel=1e-4)
        assert value(made.losses["adversarial"]) == pytest.approx(-float(on_fake.mean()), rel=1e-3, abs=1e-5)
        for player in ("generator", "discriminator"):
            assert game.optim(player) == Adam(lr=2e-4, betas=(0.0, 0.9), schedule=Linear(begin=0.5))
    assert SRGAN.Options().residual_loss == Hinge()


@proves("projected.told", "projected.gradient")
def _the_judge_is_told_the_small_image_and_teaches_every_weight():
    for told, companion in (("plain", ""), ("concatenation", "small image"), ("projection", "small image")):
        game = small(discriminator=told)
        assert isinstance(game.discriminator, projected.Judge)
        assert game.companion == companion
        one, other = (game.judged(y, BATCH["image"]).logits for y in (BATCH["damaged"], BATCH["damaged"].flip(0)))
        assert torch.equal(one, other) == (told == "plain")
        found = torch.autograd.grad(
            round_of(game)[-1].losses["adversarial"], [p for p in game.generator.parameters() if p.ndim > 1]
        )
        assert all(slope.any() for slope in found)
        judged = next(game.round(itertools.repeat(BATCH))).losses["adversarial"]
        assert set(torch.autograd.grad(judged, list(game.generator.parameters()), allow_unused=True)) == {None}


@proves("projected.refused")
def _what_cannot_be_with_a_residual_judge_is_said():
    with pytest.raises(UsageError, match="is for images 4 times as large, and these are 2 times"):
        small(16, discriminator="projection")
    with pytest.raises(UsageError, match=r"the adversarial loss is all there is; leave out game\.perceptual"):
        small(discriminator="plain", perceptual=RandomVGG19())
    with pytest.raises(UsageError, match="compares a large image with a small one, place by place, and InstanceNoise"):
        small(discriminator="projection", views=(InstanceNoise(),))
    game = small(discriminator="plain", views=(InstanceNoise(),), penalties=(R1(),))
    assert all(torch.isfinite(loss) for move in round_of(game) for loss in move.losses.values())
