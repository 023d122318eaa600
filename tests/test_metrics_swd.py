"""The sliced Wasserstein distance of patches, beside SciPy, and on images whose difference is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch.nn.functional import avg_pool2d

import saddle
from saddle.base.errors import SaddleError, UsageError
from saddle.data import Judged, open_source
from saddle.data.options import DataOptions
from saddle.data.source import OF_VECTORS
from saddle.metrics import evaluate
from saddle.metrics.swd import OF_AN_IMAGE, _wasserstein, all_patches, enlarged, patches, pyramid, swd
from saddle.runs import scoring

LINE = np.array([1, 4, 6, 4, 1]) / 16


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    source = open_source(DataOptions(source="photos", size=32))
    return source.train.take(slice(0, 400))["image"]


def test_a_pyramid_is_scipys_and_its_levels_sum_to_the_image(photos):
    image = photos[:2]
    levels = pyramid(image)
    assert [x.shape[-1] for x in levels] == [32, 16]
    kernel = LINE[:, None] * LINE * np.ones((1, 1, 1, 1))
    smaller = ndimage.convolve(image.numpy(), kernel, mode="mirror")[..., ::2, ::2]
    assert np.allclose(levels[1].numpy(), smaller, atol=1e-6)
    assert torch.allclose(enlarged(levels[1], image) + levels[0], image, atol=1e-6)
    assert [x.shape[-1] for x in pyramid(torch.randn(1, 1, 67, 67))] == [67, 34, 17]


def test_a_level_is_what_halving_takes_away():
    flat = torch.full((1, 3, 64, 64), 0.3)
    finest, finer, last = pyramid(flat)
    assert finest.abs().max() < 1e-6
    assert finer.abs().max() < 1e-6
    assert torch.allclose(last, torch.full((1, 3, 16, 16), 0.3))


@pytest.mark.parametrize("counts", [(300, 300), (300, 900), (900, 300)])
def test_along_a_line_it_is_scipys_distance(counts):
    chance = np.random.default_rng(0)
    a, b = (chance.normal(size=n) * scale for n, scale in zip(counts, (1, 1.5), strict=True))
    found = _wasserstein(*(torch.from_numpy(np.sort(x)[None]) for x in (a, b)))
    wanted = 1000 * stats.wasserstein_distance(a, b)
    assert found == pytest.approx(wanted, rel=1e-2 if counts[0] != counts[1] else 1e-9)


def test_patches_are_pieces_of_the_image():
    image = torch.arange(20 * 20.0).view(1, 1, 20, 20)
    found = patches(image)
    assert found.shape == (1, 1, OF_AN_IMAGE, 1, 49)
    corner = found[0, 0, :, 0, :1]
    steps = torch.arange(7)[:, None] * 20 + torch.arange(7)
    assert torch.equal(found[0, 0, :, 0], corner + steps.flatten())
    assert len(corner.unique()) > OF_AN_IMAGE // 2


def test_images_against_themselves_are_at_0_whatever_their_brightness_contrast_or_tint(photos):
    a = patches(photos)
    value, error, levels = swd(a, a)
    assert (value, set(levels.values()), set(levels)) == (0, {0}, {"level 1", "level 2"})
    tinted = photos * torch.tensor([0.5, 0.2, 0.9])[:, None, None] - 0.1
    assert swd(a, patches(tinted))[0] == pytest.approx(0, abs=0.1)
    assert error >= 0


def test_noise_and_blur_are_found_at_the_finest_level_and_lost_structure_at_the_coarsest(photos):
    a, fair = patches(photos[::2]), swd(patches(photos[::2]), patches(photos[1::2], seed=1))[2]
    noisy = swd(a, patches(photos[1::2] + 0.1 * torch.randn(200, 3, 32, 32)))[2]
    assert noisy["level 1"] > 3 * fair["level 1"]
    assert noisy["level 1"] > 3 * noisy["level 2"]
    shuffled = photos[1::2].flatten(2)[:, :, torch.randperm(32 * 32)].view(200, 3, 32, 32)
    assert swd(a, patches(shuffled))[2]["level 2"] > 3 * fair["level 2"]
    blurred = swd(a, patches(avg_pool2d(photos[1::2], 3, 1, 1)))[2]
    assert blurred["level 1"] > fair["level 1"]


def test_its_error_is_that_of_another_draw_of_samples():
    real = patches(torch.randn(200, 1, 16, 16).cumsum(2).cumsum(3))
    draws = [swd(real, patches(torch.randn(100, 1, 16, 16).cumsum(2), seed=k)) for k in range(8)]
    values, errors = (torch.tensor([draw[k] for draw in draws]) for k in (0, 1))
    assert 0.25 < float(errors.mean() / values.std()) < 4


@pytest.mark.parametrize("cut", [[25], [10, 10, 5], [1] * 25, [3, 7, 15]])
def test_of_many_images_evenly_spread_ones_are_looked_at(cut):
    numbered = torch.arange(25.0).view(-1, 1, 1, 1).expand(-1, 1, 16, 16)
    kept = all_patches(numbered.split(cut), most=10)[:, 0, 0, 0, 0]
    assert kept.tolist() == [0, 4, 8, 12, 16, 20, 24]
    assert len(all_patches(numbered.split(cut), most=25)) == 25


def test_evaluate_gives_it_by_name_and_training_images_score_their_floor(photos):
    train, heldout = photos[:200], photos[200:]
    names = ["swd", "swd_floor", "swd_multiple"]
    scores = evaluate(lambda k: train[:k], heldout, names, None, n=200, batch=200, train=train)
    assert scores["swd"].value == scores["swd_floor"].value > 0
    assert scores["swd_multiple"].value == 1
    assert set(scores["swd_multiple"].details) == {"level 1", "level 2"}
    rests_on = scores["swd"].fingerprint
    assert (rests_on["samples"], rests_on["reference_count"], rests_on["patches"]) == (200, 200, OF_AN_IMAGE)
    other = evaluate(lambda k: train[:k], heldout.flip(3), ["swd"], None, n=200, batch=200)["swd"].fingerprint
    assert other["reference_hash"] != rests_on["reference_hash"]


def test_photos_are_judged_by_it_and_other_images_are_told_of_it():
    source = open_source(DataOptions(source="photos", size=16))
    game = saddle.registry.load("gan")(source.spec).eval()
    assert scoring.defaults(game, source, final=False) == ["swd"]
    names = scoring.defaults(game, source, final=True)[:3]
    assert names == ["swd", "swd_floor", "swd_multiple"]
    scores = scoring.score(game, source, names, n=20)
    assert scores["swd_multiple"].value > 1
    with pytest.raises(UsageError, match=r"--metrics \S*swd\S*, or, with weights of yours"):
        scoring.score(game, replace(source, judged=Judged()))


def test_what_is_missing_is_named(photos):
    def sample(k: int) -> torch.Tensor:
        return photos[:k]

    with pytest.raises(UsageError, match="'swd' needs real images"):
        evaluate(sample, None, ["swd"], None, n=10)
    with pytest.raises(UsageError, match="'swd_multiple' needs the images that were trained on"):
        evaluate(sample, photos, ["swd_multiple"], None, n=10)
    with pytest.raises(SaddleError, match="the same images"):
        evaluate(sample, photos, ["swd_multiple"], None, n=10, train=photos)
    with pytest.raises(UsageError, match="1 levels of 3 channels, the samples 2 levels of 3"):
        evaluate(sample, photos[..., :16, :16], ["swd"], None, n=10)
    with pytest.raises(UsageError, match="7×7 pixels or more"):
        patches(torch.randn(5, 2))
    with pytest.raises(UsageError, match="no images"):
        all_patches([])


def gaussian(n: int, dims: int, seed: int) -> torch.Tensor:
    return torch.randn(n, dims, generator=torch.Generator().manual_seed(seed))


def test_of_numbers_on_a_line_it_is_their_shift_in_deviations():
    x = torch.linspace(-1, 1, 1000)[:, None]
    scale = float(x.std(correction=0))
    assert swd(x, x)[0] == 0
    assert swd(x, x + 0.3)[0] == pytest.approx(1000 * 0.3 / scale, rel=1e-4)
    assert swd(5 * x, 5 * (x + 0.3))[0] == pytest.approx(1000 * 0.3 / scale, rel=1e-4), "the unit is the data's own"


def test_of_vectors_a_shift_counts_by_the_mean_length_of_its_shadow():
    """Along random directions of the plane a shift by 1 is 2/π long on average."""
    x = gaussian(4000, 2, 0)
    found = swd(x, x + torch.tensor([1.0, 0.0]))[0]
    deviation = float((x - x.mean(0)).square().mean().sqrt())
    assert found == pytest.approx(1000 * 2 / np.pi / deviation, rel=0.05)


def test_of_vectors_place_scale_and_lost_modes_count_and_the_same_law_hardly():
    real, again = gaussian(2000, 8, 0), gaussian(2000, 8, 1)
    fair, error, details = swd(real, again)
    assert fair < 80
    assert details == {}
    assert 0 < error < fair
    for worse in (again + 1, again * 1.5, again[:, :1].expand(-1, 8), again.abs()):
        assert swd(real, worse)[0] > 3 * fair


def test_points_and_signals_are_scored_whole_by_name():
    signals = gaussian(300, 3 * 20, 0).view(300, 3, 20).cumsum(2)
    names = ["swd", "swd_floor", "swd_multiple", "precision", "recall"]
    scores = evaluate(lambda k: signals[:k], signals[100:], names, "pixels", n=100, batch=100, train=signals[:100])
    assert scores["swd"].value == scores["swd_floor"].value > 0
    assert scores["swd"].fingerprint["directions"] == 512
    assert "patches" not in scores["swd"].fingerprint
    assert scores["precision"].value > 0.3
    with pytest.raises(UsageError, match="real vectors are of 60 numbers and the samples of 20"):
        evaluate(lambda k: signals[:k, 0], signals, ["swd"], None, n=100)
    with pytest.raises(UsageError, match="images, with their patches, and vectors do not compare"):
        evaluate(lambda k: torch.zeros(k, 1, 8, 8), signals, ["swd"], None, n=100)


def test_vectors_of_the_users_are_judged_by_it():
    source = replace(open_source(DataOptions(source="swiss-roll")), name="mine", judged=OF_VECTORS)
    game = saddle.registry.load("gan")(source.spec).eval()
    assert scoring.defaults(game, source, final=False) == ["swd"]
    scores = scoring.score(game, source, n=300)
    assert list(scores) == ["precision", "recall", "swd"]
    assert all(np.isfinite(score.value) for score in scores.values())
