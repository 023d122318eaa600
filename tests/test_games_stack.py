"""GAN-CLS, StackGAN and StackGAN++: what their discriminators see, what their losses are, what stays as it is."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from playing import images, play
from torch import Tensor, nn

from saddle import rng
from saddle.errors import UsageError
from saddle.games._text import TextToImage, divergence, joined, mismatched
from saddle.games.gan_cls import GANCLS
from saddle.games.stackgan import StackGAN
from saddle.games.stackgan_v2 import StackGANv2
from saddle.layers.colours import colour_law, recolouring
from saddle.layers.resample import enlarge, shrink
from saddle.losses import NonSaturating, RelativisticAverage
from saddle.nets.text import BagOfWords, CharCNNRNN
from saddle.spec import DataSpec
from saddle.text import condition_of, to_bytes

TEXTS = ["a red circle", "a red circle", "a blue square", "a blue circle"]
CONDITION = condition_of(TEXTS)
CAPTIONS = to_bytes(TEXTS, CONDITION)
DATA = DataSpec((3, 32, 32), ("image", "caption"), condition=CONDITION, law=tuple(map(tuple, CAPTIONS.tolist())))
TINY: dict[type, dict[str, Any]] = {
    GANCLS: {"width": 2, "discriminator_width": 2, "read": 3},
    StackGAN: {"width": 2, "discriminator_width": 2, "code": 3, "blocks": 1, "factor": 2},
    StackGANv2: {"width": 2, "discriminator_width": 2, "code": 3, "blocks": 1, "branches": 2},
}
LN2 = math.log(2)


def small(kind: type, data: DataSpec = DATA, **settings: Any) -> Any:
    torch.manual_seed(0)
    options = {"z_dim": 4, "text": BagOfWords(dims=5)} | TINY[kind] | settings
    game = kind(data, kind.Options(**options))
    rng.seed("test")
    game.progress = 0.3  # it can read
    return game.train()


def batch() -> dict[str, Tensor]:
    return {"image": images(4, 3, 32, 32), "caption": CAPTIONS}


def losses(game: Any, given: dict[str, Tensor] | None = None) -> dict[str, float]:
    """Of both players in one round, without a step."""
    rng.seed("test")
    moves = game.round(iter([given or batch()]))
    return {f"{m.players[0]}/{name}": float(loss.detach()) for m in moves for name, loss in m.losses.items()}


def fix_logits(game: Any, joint: float = 0.0, alone: float = 0.0) -> None:
    """Every discriminator says these, whatever it sees."""
    judges = [game.discriminator] if isinstance(game, GANCLS) else list(game.discriminator)
    for judge in judges:
        heads = [(judge.head, joint)] if isinstance(game, GANCLS) else [(judge.joint, joint), (judge.alone, alone)]
        for head, value in heads:
            if head is not None:
                nn.init.zeros_(head[-2].weight)
                nn.init.constant_(head[-2].bias, value)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


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
    for game in (small(StackGANv2, DataSpec((3, 32, 32))), small(StackGANv2, alone=False)):
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


class Watched:
    """Notes what a function is given and makes."""

    def __init__(self, inner: Callable[..., Any]):
        self.inner, self.given, self.made = inner, [], []

    def __call__(self, *given: Tensor) -> Any:
        self.given.append(given)
        self.made.append(self.inner(*given))
        return self.made[-1]


def watch(owner: nn.Module, name: str) -> Watched:
    watched = Watched(getattr(owner, name))
    object.__setattr__(owner, name, watched)
    return watched


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
    judge = watch(game.discriminator[stage], "judge")
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
    assert losses(small(StackGANv2, DataSpec((3, 32, 32))))["generator/colour"] > 0
    assert losses(small(StackGANv2, colour_weight=1.0))["generator/colour"] > 0
    assert small(StackGANv2, DataSpec((3, 32, 32))).colour_weight == 50


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
    rng.seed("samples")
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
    game = small(StackGANv2, DataSpec((1, 32, 32), ("image", "label"), ("0", "1")))
    assert game.condition is None
    assert game.draw_label(3) is None
    assert game.noise(3).shape == (3, 4)
    assert not hasattr(game, "text_encoder")
    assert small(StackGANv2).condition == CONDITION


# What cannot be


@pytest.mark.parametrize("kind", [GANCLS, StackGAN])
def test_data_without_captions_are_refused(kind: type):
    with pytest.raises(UsageError, match="needs batches with image, caption"):
        small(kind, DataSpec((3, 32, 32), ("image", "label"), ("0", "1")))


def test_one_sample_has_no_wrong_text():
    small(GANCLS).check_batch(2)
    with pytest.raises(UsageError, match=r"GANCLS needs 2 samples or more at a time, .* this is 1; choose"):
        small(GANCLS).check_batch(1)


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (GANCLS, {"loss": RelativisticAverage()}, "RelativisticAverage compares .* choose a loss that is not relativ"),
        (GANCLS, {"text_share": 1.0}, "text_share is a share of the run, at least 0 and below 1, not 1.0"),
        (GANCLS, {"interpolation": 1.5}, "interpolation from 0 to 1, not 2, 2, 3 and 1.5"),
        (GANCLS, {"width": 0}, "width, discriminator_width and read ≥ 1"),
        (StackGAN, {"factor": 3}, "a factor of 2 or 4 and second_from from text_share to below 1, not 3 and 0.55"),
        (StackGAN, {"second_from": 0.05}, "not 2 and 0.05"),
        (StackGAN, {"blocks": 0}, "code, width, blocks and discriminator_width of at least 1"),
        (StackGANv2, {"branches": 0}, "branches, code, width, blocks, discriminator_width of at least 1"),
        (StackGANv2, {"branches": 4}, "StackGAN\\+\\+ cannot draw 32×32 images: a 8th of its sides"),
    ],
)
def test_settings_that_cannot_be_are_refused(kind: type[TextToImage], settings: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        small(kind, **settings)
