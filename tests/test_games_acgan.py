"""acgan: the classes that its discriminator names, of real and of fake images."""

import pytest
import torch
from playing import play
from test_games_labels import BATCH, LABEL, LN10, lost, silenced, small
from torch import nn

from saddle.context import Context, Output
from saddle.games.acgan import ACGAN
from saddle.games.sgan import SGAN


def test_a_class_head_that_knows_nothing_costs_ln_10_for_each_image_real_and_fake():
    game = small(ACGAN)
    silenced(game.discriminator.second)
    first, second = game.round(iter([BATCH]))
    assert lost(first)["classes"] == pytest.approx(2 * LN10)
    assert lost(second)["classes"] == pytest.approx(LN10)


def scene_of(real: torch.Tensor, fake: torch.Tensor, label=LABEL) -> Context:
    """Whose features are the logits of the classes themselves."""
    x, zeros = BATCH["image"], torch.zeros(len(label))
    return Context(abs, x, x, Output(zeros, real), Output(zeros, fake), label=label)


@pytest.fixture
def bare() -> ACGAN:
    game = small(ACGAN)
    game.discriminator.second = nn.Identity()
    return game


def test_the_discriminator_learns_the_classes_of_real_and_of_fake_images(bare):
    """On real ones alone it would be another system (ACGAN-Mod)."""
    right = 50.0 * nn.functional.one_hot(LABEL, 10).float()
    wrong = right.roll(1, 1)
    assert float(bare.class_loss("discriminator", scene_of(right, right))) == pytest.approx(0, abs=1e-6)
    assert float(bare.class_loss("discriminator", scene_of(right, wrong))) == pytest.approx(50)
    assert float(bare.class_loss("discriminator", scene_of(wrong, right))) == pytest.approx(50)
    assert float(bare.class_loss("generator", scene_of(wrong, right))) == pytest.approx(0, abs=1e-6)


def test_a_certain_right_answer_costs_nothing_so_there_is_one_softmax(bare):
    """Two in a row leave it at ln(e + 9) - 1 = 1.46 at best."""
    certain = 100.0 * nn.functional.one_hot(LABEL, 10).float()
    assert float(bare.class_loss("generator", scene_of(certain, certain))) == pytest.approx(0, abs=1e-6)
    assert bare.classes(certain).equal(certain)


def test_class_logits_count_by_their_differences_and_by_no_order(bare):
    logits, order = torch.randn(6, 10), torch.randperm(10)
    loss = bare.class_loss("generator", scene_of(logits, logits))
    shifted = bare.class_loss("generator", scene_of(logits, logits - 7))
    place = torch.argsort(order)
    permuted = bare.class_loss("generator", scene_of(logits, logits[:, order], place[LABEL]))
    torch.testing.assert_close(loss, shifted)
    torch.testing.assert_close(loss, permuted)


def test_both_losses_of_a_player_are_one_step():
    moves = play(small(ACGAN), BATCH)
    assert [(move.players, set(move.losses)) for move in moves] == [
        (("discriminator",), {"adversarial", "classes"}),
        (("generator",), {"adversarial", "classes"}),
    ]


def test_the_class_loss_reaches_every_generator_parameter():
    game = small(ACGAN)
    *_, move = game.round(iter([BATCH]))
    parameters = [p for p in game.generator.parameters() if p.ndim > 1]
    assert all(g.any() for g in torch.autograd.grad(move.losses["classes"], parameters))


def test_acgans_discriminator_is_not_told_the_class():
    game = small(ACGAN).eval()
    x = BATCH["image"]
    assert torch.equal(game.discriminate(x, LABEL).logits, game.discriminate(x).logits)


def test_weights_of_the_class_loss_are_each_players_own():
    weighed, plain = small(ACGAN, class_weight=3.0, generator_class_weight=0.1), small(ACGAN)
    context = scene_of(*(plain.discriminate(BATCH["image"]).features.detach() for _ in range(2)))
    for player, factor in (("discriminator", 3.0), ("generator", 0.1)):
        torch.testing.assert_close(weighed.class_loss(player, context), factor * plain.class_loss(player, context))


@pytest.mark.parametrize("kind", [ACGAN, SGAN])
def test_classify_gives_log_probabilities_of_the_classes(kind):
    game = small(kind).eval()
    told = game.classify(BATCH["image"])
    assert told.shape == (6, 10)
    torch.testing.assert_close(told.exp().sum(1), torch.ones(6))
    assert torch.equal(told, game.classify(BATCH["image"]))
