"""Averaged players: the half-life in images, its ramp, and statistics that belong to the averaged weights."""

import pytest
import torch
from small import make_trainer

from saddle.training.averages import Averages, decay


def test_the_half_life_is_in_images():
    assert decay(1e9, 32, 10_000, None) == pytest.approx(0.9977844, abs=1e-7)
    assert decay(1e9, 64, 500_000, None) == pytest.approx(0.9999113, abs=1e-7)
    assert decay(1e9, 10_000, 10_000, None) == 0.5


def test_a_ramp_shortens_the_half_life_of_young_runs_only():
    assert decay(1_000, 50, 10_000, 0.05) == 0.5  # half-life: 50 images
    assert decay(10**7, 32, 10_000, 0.05) == decay(10**7, 32, 10_000, None)
    assert decay(0, 32, 10_000, 0.05) == 0.0  # nothing yet: the player itself


def test_averages_follow_weights_and_batch_norms_statistics_alike(play):
    trainer = make_trainer("dcgan")
    game, averages = trainer.game, Averages(trainer.game)
    before = {k: v.clone() for k, v in averages.copies["generator"].state_dict().items()}
    trainer.play_round()
    averages.update(0.75)
    now = game.generator.state_dict()
    assert any("running_var" in key for key in now)
    for key, mean in averages.copies["generator"].state_dict().items():
        if mean.is_floating_point():
            assert torch.allclose(mean, 0.75 * before[key] + 0.25 * now[key], atol=1e-6), key
        else:
            assert torch.equal(mean, now[key]), f"{key} is a whole number, and is copied"


def test_without_memory_the_average_is_the_player():
    trainer = make_trainer("dcgan")
    averages = Averages(trainer.game)
    trainer.play_round()
    averages.update(0.0)
    own = trainer.game.generator.state_dict()
    assert all(torch.equal(t, own[k]) for k, t in averages.copies["generator"].state_dict().items())


def test_averages_play_only_inside(play):
    trainer = make_trainer("dcgan")
    player = trainer.game.generator
    with trainer.averages.playing(trainer.game) as game:
        assert game.generator is trainer.averages.copies["generator"]
        assert not game.training
    assert trainer.game.generator is player
    assert trainer.game.training
    assert not any(p.requires_grad for p in trainer.averages.parameters())
