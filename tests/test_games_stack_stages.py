"""GAN-CLS, StackGAN and StackGAN++: stages and sizes, colours, texts, and what cannot be."""

from typing import Any

import pytest
import torch
from playing import images, play
from seeding import seed_all
from stacks import CAPTIONS, CONDITION, TINY, batch, losses, small, watch
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.games._text import TextToImage
from saddle.games.gan_cls import GANCLS
from saddle.games.stackgan import StackGAN
from saddle.games.stackgan_v2 import StackGANv2
from saddle.layers.colours import colour_law, recolouring
from saddle.layers.resample import enlarge, shrink
from saddle.losses import RelativisticAverage
from saddle.nets.text import CharCNNRNN
from saddle.spec import DataSpec

# Stages and sizes


def test_stage_two_leaves_stage_one_as_it_is():
    """Its batch norm's statistics too."""
    game = small(StackGAN)
    play(game, batch(), 2)
    game.progress = 0.8
    before = {k: t.clone() for k, t in [*game.generator[0].state_dict().items(), *rough(game)]}
    second = game.generator[1].decoder[0].weight.clone()
    play(game, batch(), 2)
    after = dict([*game.generator[0].state_dict().items(), *rough(game)])
    assert all(torch.equal(after[k], t) for k, t in before.items())
    assert not torch.equal(second, game.generator[1].decoder[0].weight)


def rough(game: StackGAN) -> list[tuple[str, Tensor]]:
    return [(f"judge.{k}", t) for k, t in game.discriminator[0].state_dict().items()]


def test_stage_two_goes_on_from_stage_ones_image_of_the_same_text_and_noise():
    game = small(StackGAN)
    game.progress = 0.8
    first, second = watch(game.generator[0], "forward"), watch(game.generator[1], "forward")
    losses(game)
    assert torch.equal(second.given[0][2], first.made[0].images[0])
    assert not second.given[0][2].requires_grad
    assert torch.equal(first.given[0][1], second.given[0][1])
    assert torch.equal(first.given[0][1], game.embed(CAPTIONS))


def test_real_images_come_at_the_size_of_the_stage():
    game = small(StackGAN)
    features = watch(game.discriminator[0], "features")
    losses(game)
    assert torch.equal(features.given[0][0], shrink(images(4, 3, 32, 32)))


def test_both_stages_are_drawn_and_before_the_second_the_first_is_enlarged():
    game = small(StackGAN)
    losses(game)
    game.eval()
    z = game.noise(4)
    (alone,) = game.images(z, CAPTIONS)
    assert torch.equal(game.decode(z, CAPTIONS), enlarge(alone))
    game.train().progress = 0.8
    losses(game)
    game.eval()
    assert [image.shape[-1] for image in game.images(z, CAPTIONS)] == [16, 32]
    assert torch.equal(game.images(z, CAPTIONS)[0], alone)
    assert game.decode(z, CAPTIONS).shape == (4, 3, 32, 32)


def test_a_stopped_run_remembers_its_stage():
    game = small(StackGAN)
    game.progress = 0.8
    losses(game)
    other = small(StackGAN)
    other.load_state_dict(game.state_dict())
    assert other.stage == 1


def test_the_tree_draws_every_size_and_its_discriminators_see_it():
    game = small(StackGANv2, branches=3)
    seen = [watch(judge, "features") for judge in game.discriminator]
    losses(game)
    assert [watched.given[0][0].shape[-1] for watched in seen] == [8, 16, 32]
    assert [watched.given[1][0].shape[-1] for watched in seen] == [8, 16, 32]
    assert [image.shape[-1] for image in game.images(game.noise(2), CAPTIONS[:2])] == [8, 16, 32]


# Colour consistency


def test_colour_consistency_knows_means_and_covariances_alone():
    image = images(2, 3, 8, 8)
    shuffled = image.flatten(2)[:, :, torch.randperm(64)].view_as(image)
    assert recolouring([image, shuffled]) < 1e-12
    assert recolouring([image, enlarge(image)]) < 1e-12
    assert recolouring([image, image + 0.1]).item() == pytest.approx(0.01, rel=1e-4)


def test_the_law_of_colours_is_that_of_the_pixels():
    image = images(2, 3, 8, 8)
    mean, covariance = colour_law(image)
    assert torch.allclose(mean, image.mean((2, 3)))
    assert torch.allclose(covariance[1], torch.cov(image[1].flatten(1), correction=0), atol=1e-6)


def test_the_covariance_counts_five_times():
    grey = torch.zeros(1, 1, 2, 2)
    striped = torch.tensor([[[[0.5, -0.5], [0.5, -0.5]]]])
    assert recolouring([grey, striped]).item() == pytest.approx(5 * 0.25**2)


def test_only_the_finer_image_is_recoloured():
    coarse, fine = (torch.rand(2, 3, side, side, requires_grad=True) for side in (4, 8))
    recolouring([coarse, fine]).backward()
    assert coarse.grad is None
    assert fine.grad.abs().sum() > 0


def test_colours_are_held_together_where_there_is_no_text():
    assert "generator/colour" not in losses(small(StackGANv2))
    assert losses(small(StackGANv2, DataSpec.of((3, 32, 32))))["generator/colour"] > 0
    assert losses(small(StackGANv2, colour_weight=1.0))["generator/colour"] > 0
    assert small(StackGANv2, DataSpec.of((3, 32, 32))).colour_weight == 50


# Texts


@pytest.mark.parametrize("kind", TINY)
def test_texts_are_learned_first_and_then_left_alone(kind: type):
    game = small(kind, text=CharCNNRNN(dims=5, length=66, filters=3, units=4))
    game.progress = 0.0
    (move,) = game.round(iter([batch()]))
    assert move.players == ("text_encoder", "image_encoder")
    assert list(move.losses) == ["joint"]
    game.progress = 0.3
    before = [p.clone() for p in game.text_encoder.parameters()]
    moves = play(game, batch(), 2)
    assert {name for move in moves for name in move.players} == {"generator", "discriminator"}
    assert all(torch.equal(p, q) for p, q in zip(before, game.text_encoder.parameters(), strict=True))
    assert not game.embed(CAPTIONS).requires_grad


def test_an_encoder_that_never_learns_is_no_player():
    game = small(GANCLS, text_share=0)
    game.progress = 0.0
    assert set(game.players()) == {"generator", "discriminator"}
    assert [move.players for move in game.round(iter([batch()]))] == [("discriminator",), ("generator",)]


@pytest.mark.parametrize("kind", TINY)
def test_captions_and_embedded_texts_draw_the_same(kind: type):
    game = small(kind)
    losses(game)
    game.eval()
    z = game.noise(4)
    image = game.decode(z, CAPTIONS)
    assert torch.equal(image, game.decode(z, game.embed(CAPTIONS)))
    assert image.shape == (4, 3, 32, 32)
    assert image.abs().max() <= 1
    assert torch.equal(game.decode(z, CAPTIONS), image), "a code is part of the noise"


@pytest.mark.parametrize("kind", TINY)
def test_samples_of_one_text_differ(kind: type):
    game = small(kind)
    losses(game)
    game.eval()
    seed_all("samples")
    image = game.sample(4, CAPTIONS[[0, 0, 0, 0]])
    assert image.std(0).max() > 0
    assert game.sample(3).shape == (3, 3, 32, 32), "of texts that the data have"


@pytest.mark.parametrize("at", [1, 2])
def test_the_noise_of_a_code_changes_the_image(at: int):
    """At both stages of a StackGAN: z alone would leave the augmentation without use."""
    game = small(StackGAN)
    game.progress = 0.8
    losses(game)
    game.eval()
    z = game.noise(2)
    moved = z.clone()
    part = slice(4, 7) if at == 1 else slice(7, 10)
    moved[:, part] += 1
    assert not torch.equal(game.decode(z, CAPTIONS[:2]), game.decode(moved, CAPTIONS[:2]))


def test_a_tree_without_texts_cannot_be_asked():
    game = small(StackGANv2, DataSpec.of((1, 32, 32), ("image", "label"), ("0", "1")))
    assert game.condition is None
    assert game.draw_label(3) is None
    assert game.noise(3).shape == (3, 4)
    assert not hasattr(game, "text_encoder")
    assert small(StackGANv2).condition == CONDITION


# What cannot be


@pytest.mark.parametrize("kind", [GANCLS, StackGAN])
def test_data_without_captions_are_refused(kind: type):
    with pytest.raises(UsageError, match="needs batches with image, caption"):
        small(kind, DataSpec.of((3, 32, 32), ("image", "label"), ("0", "1")))


def test_one_sample_has_no_wrong_text():
    small(GANCLS).check_batch(2)
    with pytest.raises(UsageError, match=r"GANCLS needs 2 samples or more at a time, .* this is 1; choose"):
        small(GANCLS).check_batch(1)


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (GANCLS, {"loss": RelativisticAverage()}, "RelativisticAverage compares .* choose a loss that is not relativ"),
        (GANCLS, {"text_share": 1.0}, "text_share is from 0 to below 1, not 1.0"),
        (GANCLS, {"interpolation": 1.5}, "interpolation is from 0 to 1, not 1.5"),
        (GANCLS, {"width": 0}, "width is at least 1, not 0"),
        (StackGAN, {"factor": 3}, "factor is even and from 2 to 4, not 3"),
        (StackGAN, {"second_from": 0.05}, "second_from is at least text_share, .*, not 0.05"),
        (StackGAN, {"blocks": 0}, "blocks is from 1 to 1,000, not 0"),
        (StackGANv2, {"branches": 0}, "branches is from 1 to 1,000, not 0"),
        (StackGANv2, {"branches": 4}, "StackGAN\\+\\+ cannot draw 32×32 images: a 8th of its sides"),
    ],
)
def test_settings_that_cannot_be_are_refused(kind: type[TextToImage], settings: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        small(kind, **settings)
