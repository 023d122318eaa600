"""GAN-CLS, StackGAN and StackGAN++: what their losses are, which pairs their discriminators see, GAN-INT."""

import math

import pytest
import torch
from playing import images, play
from stacks import CAPTIONS, LN2, TINY, batch, fix_logits, losses, small, softplus, watch
from torch import nn

from saddle.games._conditional import mismatched
from saddle.games._text import divergence, joined
from saddle.games.gan_cls import GANCLS
from saddle.games.stackgan import StackGAN
from saddle.games.stackgan_v2 import StackGANv2
from saddle.losses import NonSaturating
from saddle.spec import DataSpec

# What the losses are


def test_the_matching_aware_loss_at_zero_logits_is_2_ln_2():
    game = small(GANCLS)
    fix_logits(game)
    assert losses(game) == pytest.approx({"discriminator/adversarial": 2 * LN2, "generator/adversarial": LN2})


@pytest.mark.parametrize(("progress", "generator"), [(0.3, LN2), (0.8, 2 * LN2)])
def test_both_stages_lose_2_ln_2_at_zero_logits(progress: float, generator: float):
    game = small(StackGAN)
    game.progress = progress
    fix_logits(game)
    found = losses(game)
    assert found["discriminator/adversarial"] == pytest.approx(2 * LN2)
    assert found["generator/adversarial"] == pytest.approx(generator)


def test_each_discriminator_of_the_tree_loses_6_ln_2_and_the_generator_2_ln_2_a_size():
    game = small(StackGANv2)
    fix_logits(game)
    found = losses(game)
    for size in ("size_16", "size_32"):
        assert found[f"discriminator/{size}"] == pytest.approx(6 * LN2)
        assert found[f"generator/{size}"] == pytest.approx(2 * LN2)


def test_the_tree_loses_2_ln_2_without_texts_or_without_a_look_at_the_image_alone():
    for game in (small(StackGANv2, DataSpec.of((3, 32, 32))), small(StackGANv2, alone=False)):
        fix_logits(game)
        found = losses(game)
        assert found["discriminator/size_32"] == pytest.approx(2 * LN2)
        assert found["generator/size_32"] == pytest.approx(LN2)


@pytest.mark.parametrize("kind", [GANCLS, StackGAN])
def test_wrong_texts_and_fakes_count_half_each(kind: type):
    """Not 1 : 1 : 1, as a well-known port has it."""
    game = small(kind)
    fix_logits(game, joint=1.5)
    assert losses(game)["discriminator/adversarial"] == pytest.approx(softplus(-1.5) + softplus(1.5))


def test_stage_two_weighs_two_kinds_of_real_and_three_of_unreal():
    game = small(StackGAN)
    game.progress = 0.8
    fix_logits(game, joint=1.0, alone=-2.0)
    expected = (softplus(-1) + softplus(2)) / 2 + (2 * softplus(1) + softplus(-2)) / 3
    assert losses(game)["discriminator/adversarial"] == pytest.approx(expected)


def test_an_image_with_a_wrong_text_is_a_real_image_by_itself():
    game = small(StackGANv2)
    fix_logits(game, joint=0.0, alone=1.0)
    expected = 3 * LN2 + 2 * softplus(-1) + softplus(1)
    assert losses(game)["discriminator/size_16"] == pytest.approx(expected)


def test_the_divergence_is_a_mean_over_dimensions():
    assert divergence(torch.ones(4, 6), torch.zeros(4, 6)).item() == pytest.approx(0.5)
    assert divergence(torch.zeros(4, 6), torch.zeros(4, 6)) == 0
    game = small(StackGAN)
    law = game.generator[0].augmentation.law[0]
    nn.init.zeros_(law.weight)
    law.bias.data = torch.tensor([1.0] * 3 + [0.0] * 3)
    assert losses(game)["generator/kl"] == pytest.approx(2 * 0.5)


def test_kinds_of_logits_weigh_alike():
    assert joined(torch.zeros(3), None, torch.ones(3)).mean() == 0.5


# Which pairs the discriminators see


def test_a_wrong_text_is_the_next_one_that_differs():
    assert mismatched(CAPTIONS, torch.arange(4)).tolist() == [2, 2, 3, 0]  # rolled by one, image 0 would keep its own


def test_a_wrong_text_never_equals_the_right_one():
    captions = torch.randint(3, (50, 2), generator=torch.Generator().manual_seed(0))
    told = mismatched(captions, captions)
    assert (told != captions).any(1).all()


def test_a_batch_of_one_caption_has_no_wrong_pairs():
    assert mismatched(CAPTIONS[:2], torch.arange(2)) is None
    for kind in TINY:
        game = small(kind)
        fix_logits(game, joint=1.0)
        found = losses(game, {"image": images(2, 3, 32, 32), "caption": CAPTIONS[:2]})
        assert all(math.isfinite(loss) for loss in found.values())
        if kind is GANCLS:
            assert found["discriminator/adversarial"] == pytest.approx(softplus(-1) + softplus(1))


@pytest.mark.parametrize("kind", TINY)
def test_a_quiet_encoder_is_heard_as_well_as_a_loud_one(kind: type):
    game, quiet = small(kind), small(kind)
    quiet.text_encoder.register_forward_hook(lambda module, given, made: made / 100)
    text = game.embed(CAPTIONS)
    assert torch.allclose(text.square().mean(1), torch.ones(len(CAPTIONS)))
    assert torch.allclose(text, quiet.embed(CAPTIONS), atol=1e-5)
    assert game.embed(text) is text, "what is embedded already stays as it is"


def test_gan_cls_judges_right_pairs_fake_pairs_and_real_images_with_wrong_texts():
    game, given = small(GANCLS), batch()
    text, other = game.embed(CAPTIONS), game.embed(CAPTIONS[[2, 2, 3, 0]])
    features, match = watch(game.discriminator, "features"), watch(game.discriminator, "match")
    drawn = watch(game.generator, "forward")
    losses(game, given)
    (real,), (fake,) = features.given[0], features.given[1]
    assert torch.equal(real, given["image"])
    assert torch.equal(fake, drawn.made[0])
    pairs = [(by.data_ptr(), told) for by, told in match.given[:3]]
    shown = {image.data_ptr(): image for image in features.made}
    assert [image for image, _ in pairs] == [features.made[0].data_ptr(), features.made[1].data_ptr(), pairs[0][0]]
    assert len(shown) >= 2
    for (_, told), right in zip(pairs, (text, text, other), strict=True):
        assert torch.equal(told, right)
    assert torch.equal(drawn.given[0][1], text), "fakes are drawn of the texts that they are judged with"


@pytest.mark.parametrize(("kind", "stage"), [(StackGAN, 0), (StackGAN, 1), (StackGANv2, 0), (StackGANv2, 1)])
def test_the_stacked_discriminators_know_a_text_by_its_mean(kind: type, stage: int):
    """Not by the code that was drawn, which would tell a fake from a real image; and no gradient goes that way."""
    game = small(kind)
    game.progress = 0.8 if stage else 0.3
    judge = watch(game.discriminator[stage], "match")
    losses(game)
    augmentation = game.generator[stage].augmentation if kind is StackGAN else game.generator.augmentation
    mean = augmentation.law(game.embed(CAPTIONS)).chunk(2, 1)[0]
    told = [c for _, c in judge.given]
    assert len(told) == 4  # wrong, right, fake; and the fake again
    for c, expected in zip(told, (mean[[2, 2, 3, 0]], mean, mean, mean), strict=True):
        assert torch.allclose(c, expected)
        assert not c.requires_grad
    features = [by.data_ptr() for by, _ in judge.given]
    assert features[0] == features[1] != features[2], "the wrong pair's image is the real one"


def test_permuted_texts_raise_the_loss_of_real_pairs_after_a_few_rounds():
    game = small(GANCLS, discriminator_width=8)
    play(game, batch(), 10)
    real, text = images(4, 3, 32, 32), game.embed(CAPTIONS)
    right, wrong = (game.discriminator(real, told) for told in (text, text[[2, 2, 3, 0]]))
    assert NonSaturating().discriminator(right, right * 0) < NonSaturating().discriminator(wrong, right * 0)


# GAN-INT


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_the_generator_also_learns_from_half_as_many_texts_between_two(beta: float):
    game = small(GANCLS, interpolation=beta)
    draw, judge = watch(game.generator, "forward"), watch(game.discriminator, "match")
    losses(game)
    text, other = game.embed(CAPTIONS), game.embed(CAPTIONS[[2, 2, 3, 0]])
    expected = torch.cat([text, (beta * text + (1 - beta) * other)[::2]])
    assert torch.allclose(draw.given[1][1], expected)
    assert torch.allclose(judge.given[-1][1], expected)
    assert all(len(told) == 4 for _, told in judge.given[:-1]), "the discriminator learns from texts that exist"


def test_without_interpolation_the_generator_sees_the_batchs_texts_alone():
    game = small(GANCLS, interpolate=False)
    draw = watch(game.generator, "forward")
    losses(game)
    assert torch.equal(draw.given[1][1], game.embed(CAPTIONS))
