"""Damage as of photographs that are met with: each step beside values by hand, and the shares of its kinds."""

import numpy as np
import pytest
import torch
from scipy.special import j1
from scipy.stats import poisson

from saddle.data import blurs, real
from saddle.data.chance import Dice


def dice(number: int = 1) -> Dice:
    return Dice(np.uint64(number * 0x9E3779B97F4A7C15 % 2**64))


def test_numbers_of_a_sample_follow_from_its_bits_and_are_even():
    one, same, other = dice(1), dice(1), dice(2)
    first = [one.uniform(2, 4) for _ in range(2000)]
    assert first == [same.uniform(2, 4) for _ in range(2000)]
    assert first != [other.uniform(2, 4) for _ in range(2000)]
    assert np.mean(first) == pytest.approx(3, abs=0.04)
    assert (min(first), max(first)) == (pytest.approx(2, abs=0.01), pytest.approx(4, abs=0.01))
    chosen = np.bincount([one.choice([0.2, 0.7, 0.1]) for _ in range(2000)]) / 2000
    assert chosen == pytest.approx([0.2, 0.7, 0.1], abs=0.04)
    noises = one.noises((3, 50, 50))
    assert (noises.mean(), noises.std()) == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.03))


def test_a_round_blur_is_a_gaussian_and_a_turned_one_lies_across():
    at = np.arange(-5, 6)
    gaussian = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.7**2))
    assert blurs.bell(11, (1.7, 1.7), 0.3, 1.0) == pytest.approx(gaussian / gaussian.sum())
    long = blurs.bell(21, (3.0, 0.5), 0.0, 1.0)
    assert long[10, 14] > 100 * long[14, 10]
    assert blurs.bell(21, (3.0, 0.5), np.pi / 2, 1.0) == pytest.approx(long.T)
    squared = np.exp(-((at[:, None] ** 2 + at**2) ** 2) / (2 * 1.7**4))
    assert blurs.bell(11, (1.7, 1.7), 0.0, 2.0) == pytest.approx(squared / squared.sum())
    plateau = 1 / (1 + (at[:, None] ** 2 + at**2) / 1.7**2)
    assert blurs.bell(11, (1.7, 1.7), 0.0, 1.0, plateau=True) == pytest.approx(plateau / plateau.sum())


def test_a_low_pass_is_the_sinc_of_a_circle():
    kernel = blurs.low_pass(7, 2.0)
    beside = (2.0 * j1(2.0) / (2 * np.pi)) / (2.0**2 / (4 * np.pi))
    assert kernel[3, 4] / kernel[3, 3] == pytest.approx(beside)
    assert kernel.sum() == pytest.approx(1)


def test_blurs_come_in_their_shares_and_sizes():
    sizes, negative = [], 0
    for number in range(600):
        kernel = blurs.drawn(dice(number), (0.2, 3.0))
        assert kernel.sum() == pytest.approx(1)
        sizes.append(len(kernel))
        negative += kernel.min() < -1e-6
    assert set(sizes) == {7, 9, 11, 13, 15, 17, 19, 21}
    assert negative / 600 == pytest.approx(0.1, abs=0.04)  # sincs alone are below 0
    assert sum(blurs.SHARES["gaussian"]) == 0.45 + 0.25


def test_blurring_mirrors_the_image_without_its_edge_and_small_ones_more_than_once():
    x = torch.arange(12.0).view(1, 3, 4)
    shift = np.zeros((3, 3))
    shift[1, 0] = 1  # what lies to the left
    assert real.blurred(x, shift)[0, 0].tolist() == [1, 0, 1, 2]
    assert torch.allclose(real.blurred(torch.ones(2, 1, 2), blurs.bell(21, (3, 3), 0, 1)), torch.ones(2, 1, 2))


def test_noise_has_the_deviation_that_is_asked_for_and_grey_noise_is_one_in_all_channels():
    x = torch.full((3, 80, 80), 0.5)
    noise = real.gaussian_noise(x, 10, False, dice())
    assert noise.std().item() * 255 == pytest.approx(10, rel=0.03)
    assert not torch.equal(noise[0], noise[1])
    assert real.gaussian_noise(x, 10, True, dice()).shape == (1, 80, 80)


@pytest.mark.parametrize("most", [1, 16, 256])
def test_counts_are_poissons(most):
    chance = (np.arange(4000) + 0.5) / 4000
    for level in (0, 20, 128, 255):
        counts = real.counted(np.full(4000, level), most, chance)
        mean = most * level / 255
        assert counts == pytest.approx(poisson.ppf(chance, mean) if level else np.zeros(4000))


def test_counted_light_deviates_by_the_root_of_its_mean():
    levels = torch.arange(256).repeat(40, 1).view(1, 40, 256).float() / 255  # 256 levels occur: 256 counts at most
    noise = real.poisson_noise(levels, 1.0, False, dice())
    assert noise[..., 128:].var().item() == pytest.approx(levels[..., 128:].mean().item() / 256, rel=0.1)
    grey = real.poisson_noise(levels.expand(3, -1, -1), 2.0, True, dice())
    assert grey.shape == (1, 40, 256)
    assert grey[..., 128:].std() / noise[..., 128:].std() == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_jpeg_keeps_size_and_channels_and_loses_more_at_a_lower_quality(channels):
    x = torch.from_numpy(np.random.default_rng(0).random((channels, 17, 23))).float()
    good, bad = (real.jpeg(x, quality) for quality in (95, 30))
    assert good.shape == bad.shape == x.shape
    assert (good - x).abs().mean() < 0.9 * (bad - x).abs().mean()


@pytest.mark.parametrize(("shape", "times"), [((3, 32, 40), 4), ((1, 8, 8), 2), ((4, 24, 24), 1)])
def test_every_size_and_number_of_channels_comes_out_as_asked(shape, times):
    for number in range(6):
        made = real.damaged(torch.rand(shape), times, np.uint64(number + 1))
        assert made.shape == (shape[0], shape[1] // times, shape[2] // times)
        assert 0 <= made.min() <= made.max() <= 1


def test_another_sample_is_damaged_in_another_way_and_the_same_one_alike():
    image = torch.rand(3, 24, 24)
    made = [real.damaged(image, 2, np.uint64(number)) for number in (5, 5, 6)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_the_stages_are_those_of_the_authors_options():
    first, second = real.FIRST, real.SECOND
    assert (first.blurred, second.blurred) == (1.0, 0.8)
    assert (first.sigma, second.sigma) == ((0.2, 3), (0.2, 1.5))
    assert (first.resized, second.resized) == ((0.2, 0.7, 0.1), (0.3, 0.4, 0.3))
    assert (first.factor, second.factor) == ((0.15, 1.5), (0.3, 1.2))
    assert (first.gaussian, second.gaussian) == ((1, 30), (1, 25))
    assert (first.poisson, second.poisson) == ((0.05, 3), (0.05, 2.5))
    assert (real.QUALITY, real.GREY, real.LOW_PASS, blurs.SINC) == ((30, 95), 0.4, 0.8, 0.1)
