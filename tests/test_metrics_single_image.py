"""Scores of a game that learns one image, against values by hand."""

import pytest
import torch
from playing import images
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.games.singan import SinGAN
from saddle.metrics import evaluate
from saddle.metrics.single_image import OneImage, diversity, patch_distance, reconstruction_psnr
from saddle.runs import scoring


def looked_at(**parts: Tensor) -> OneImage:
    real = images(1, 3, 24, 24)
    drawn = {"real": real, "reconstruction": real, "samples": images(4, 3, 24, 24), "finer": real, "other": -real}
    return OneImage(**(drawn | parts))


def test_an_error_of_a_hundredth_of_the_range_is_forty_decibels():
    real = torch.zeros(1, 3, 8, 8)
    assert reconstruction_psnr(looked_at(real=real, reconstruction=real + 0.02))[0] == pytest.approx(40)


def test_the_diversity_of_copies_is_zero_and_of_two_opposites_known():
    real = torch.tensor([-1.0, 1.0]).repeat(32).view(1, 1, 8, 8)
    assert diversity(real.expand(10, -1, -1, -1), real)[0] == 0
    assert diversity(torch.cat([real, -real]), real)[0] == pytest.approx(1 / float(real.double().std()))


def test_intensity_is_the_mean_of_the_channels():
    """Colours that change at the same intensity are not diverse."""
    real = images(1, 3, 8, 8)
    turned = torch.cat([real, real.roll(1, 1), real.roll(2, 1)])
    assert diversity(turned, real)[0] == pytest.approx(0, abs=1e-6)


def test_patches_of_the_image_are_at_no_distance_and_those_of_the_other_photograph_at_one():
    one = looked_at()
    assert patch_distance(looked_at(samples=one.real.expand(3, -1, -1, -1)))[0] == pytest.approx(0, abs=1e-6)
    assert patch_distance(looked_at(samples=one.other.expand(3, -1, -1, -1)))[0] == pytest.approx(1)


def test_a_game_of_one_image_is_scored_by_itself():
    source = open_source(DataOptions(source="photo", size=40))
    game = SinGAN(source.spec, SinGAN.Options(width=4)).eval()
    scores = scoring.score(game, source)
    assert list(scores) == ["reconstruction_psnr", "diversity", "diversity_finer", "patch_distance"]
    assert all(score.value == score.value for score in scores.values())
    assert {"image_hash", "other_hash", "samples"} <= scores["diversity"].fingerprint.keys()
    assert scoring.defaults(game, source, final=False) == []


def test_other_games_have_no_such_scores():
    with pytest.raises(UsageError, match="'diversity' needs a game that learned one image, such as singan"):
        evaluate(lambda k: images(k, 1, 8, 8), None, ["diversity"], None)
