"""FID, KID and the Inception Score against closed forms, scipy and torchmetrics."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from saddle.base.errors import SaddleError, UsageError
from saddle.metrics import blocks
from saddle.metrics.evaluation import evaluate
from saddle.metrics.fid import Frechet, Moments, fid
from saddle.metrics.inception_score import inception_score
from saddle.metrics.kid import kid, mmd, subset_size
from saddle.metrics.uncertainty import jackknife


def gaussian(mean: list[float], covariance: list[list[float]]) -> Moments:
    """Moments whose unbiased covariance is the given one."""
    return Moments(torch.tensor(101.0).double(), torch.tensor(mean).double(), 100 * torch.tensor(covariance).double())


def normal(n: int, d: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + shift


class Flat(nn.Module):
    """A feature extractor for torchmetrics that gives the pixels [N, 1, 2, 4] back as [N, 8]."""

    num_features = 8

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def test_fid_of_two_gaussians_on_a_line_is_known() -> None:
    assert Frechet(gaussian([1], [[4]]))(gaussian([3], [[0.25]])) == pytest.approx(6.25)


def test_fid_of_diagonal_covariances_is_the_sum_of_squared_differences_of_std() -> None:
    a, b = gaussian([0, 0], [[4, 0], [0, 9]]), gaussian([0, 0], [[1, 0], [0, 25]])
    assert Frechet(a)(b) == pytest.approx((2 - 1) ** 2 + (3 - 5) ** 2)


def test_fid_with_itself_is_zero_even_with_fewer_samples_than_features() -> None:
    x = normal(40, 64, seed=0)
    assert fid(x, x)[0] < 1e-4


def test_fid_is_symmetric_and_does_not_see_a_rotation() -> None:
    x, y = normal(200, 6, seed=0), normal(300, 6, seed=1, shift=0.3) @ normal(6, 6, seed=2)
    turn = torch.linalg.qr(normal(6, 6, seed=3).double()).Q
    assert fid(x, y)[0] == pytest.approx(fid(y, x)[0])
    assert fid(x.double() @ turn, y.double() @ turn)[0] == pytest.approx(fid(x, y)[0])


def test_a_shift_adds_its_squared_length_to_fid() -> None:
    x = normal(500, 3, seed=0).double()
    assert fid(x, x + torch.tensor([3.0, 4.0, 0.0]))[0] == pytest.approx(25)


def test_fid_equals_the_formula_with_scipys_matrix_root() -> None:
    x, y = normal(300, 12, seed=0).numpy(), (normal(400, 12, seed=1) @ normal(12, 12, seed=2)).numpy()
    a, b = np.cov(x.astype(float), rowvar=False), np.cov(y.astype(float), rowvar=False)
    apart = x.astype(float).mean(0) - y.astype(float).mean(0)
    expected = apart @ apart + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    assert fid(torch.tensor(x), torch.tensor(y))[0] == pytest.approx(expected, rel=1e-8)


def test_fid_equals_torchmetrics() -> None:
    real, fake = normal(300, 8, seed=0), normal(200, 8, seed=1, shift=0.5)
    oracle = FrechetInceptionDistance(feature=Flat(), input_img_size=(1, 2, 4), normalize=True).set_dtype(torch.float64)
    oracle.update(real.view(-1, 1, 2, 4), real=True)
    oracle.update(fake.view(-1, 1, 2, 4), real=False)
    assert fid(real, fake)[0] == pytest.approx(float(oracle.compute()), rel=1e-4)


def test_moments_in_parts_are_the_moments_of_the_whole() -> None:
    x = normal(100, 5, seed=0, shift=1000.0)
    whole = Moments.of(x)
    parts = Moments.of(x[:1]).update(x[1:40]).update(x[40:40]).merge(Moments.of(x[40:]))
    assert parts.count == 100
    torch.testing.assert_close(parts.mean, whole.mean)
    torch.testing.assert_close(parts.covariance, whole.covariance)
    torch.testing.assert_close(whole.covariance, torch.tensor(np.cov(x.double().numpy(), rowvar=False)))


def test_moments_without_a_part_are_those_of_the_rest() -> None:
    x = normal(100, 5, seed=0, shift=10.0)
    rest = Moments.of(x).without(Moments.of(x[70:]))
    torch.testing.assert_close(rest.mean, Moments.of(x[:70]).mean)
    torch.testing.assert_close(rest.covariance, Moments.of(x[:70]).covariance)


def test_the_error_of_fid_is_about_its_spread_over_fresh_samples() -> None:
    real = normal(500, 4, seed=0)
    drawn = [fid(real, normal(300, 4, seed=seed, shift=0.5)) for seed in range(1, 60)]
    spread = float(torch.tensor([value for value, _ in drawn]).std())
    told = float(torch.tensor([error for _, error in drawn]).mean())
    assert told == pytest.approx(spread, rel=0.35)


def test_without_its_error_an_fid_takes_one_decomposition_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(60, 8, seed=0), normal(50, 8, seed=1, shift=0.5)
    value, error = fid(real, fake)
    taken = []
    decompose = torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda x: taken.append(x) or decompose(x))
    assert fid(real, fake, error=False)[0] == value
    assert len(taken) == 1
    assert error > 0
    assert math.isnan(fid(real, fake, error=False)[1])


def test_only_an_fid_of_many_features_may_go_without_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    images = normal(40, 16, seed=0).view(40, 1, 4, 4).clamp(-1, 1)

    def error(errors: bool) -> float:
        return evaluate(lambda k: images[:k], images.flip(0), ["fid"], "pixels", n=40, errors=errors)["fid"].uncertainty

    assert error(False) == error(True) > 0
    monkeypatch.setattr("saddle.metrics.fid.QUICK", 15)
    assert error(True) > 0
    assert math.isnan(error(False))


def test_moments_do_not_depend_on_the_size_of_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    x = normal(101, 5, seed=0, shift=1000.0)
    whole = Moments.of(x)
    monkeypatch.setattr("saddle.metrics.fid.PART_BYTES", 8 * 5 * 7)
    torch.testing.assert_close(Moments.of(x).mean, whole.mean, rtol=1e-14, atol=0)
    torch.testing.assert_close(Moments.of(x).scatter, whole.scatter, rtol=1e-12, atol=1e-12)


def test_no_copy_of_all_features_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("saddle.metrics.fid.double", lambda x: seen.append(x.numel() * 8) or x.double())
    monkeypatch.setattr("saddle.metrics.fid.PART_BYTES", 4096)
    Moments.of(normal(1000, 16, seed=0))
    assert max(seen) <= 4096
    assert sum(seen) == 2 * 8 * 16 * 1000  # for the mean, and for the scatter


def test_one_sample_has_no_covariance() -> None:
    with pytest.raises(SaddleError, match="two samples at least, and there are 1"):
        fid(normal(1, 4, seed=0), normal(10, 4, seed=1))


def test_kid_equals_torchmetrics_where_a_subset_is_everything() -> None:
    real, fake = normal(60, 8, seed=0), normal(60, 8, seed=1, shift=0.5)
    oracle = KernelInceptionDistance(feature=Flat(), subsets=2, subset_size=60, normalize=True)
    oracle.update(real.view(-1, 1, 2, 4), real=True)
    oracle.update(fake.view(-1, 1, 2, 4), real=False)
    assert kid(real, fake, subsets=2, size=60)[0] == pytest.approx(float(oracle.compute()[0]), rel=1e-4)


def test_the_error_of_a_kid_is_known_where_every_subset_is_everything() -> None:
    real, fake = normal(4, 8, seed=0), normal(4, 8, seed=1)
    assert kid(real, fake, size=4)[1] == pytest.approx(_jackknifed(real, fake))
    assert math.isnan(kid(real, fake[:2], size=2)[1])


def _jackknifed(real: Tensor, fake: Tensor) -> float:
    return jackknife([mmd(real, fake[torch.arange(len(fake)) != i]) for i in range(len(fake))])


def test_kid_is_unbiased_and_often_below_zero_for_equal_laws() -> None:
    values = torch.tensor([mmd(normal(50, 8, 2 * i), normal(50, 8, 2 * i + 1)) for i in range(300)])
    assert abs(values.mean()) < 3 * values.std() / 300**0.5
    assert 0.3 < (values < 0).float().mean() < 0.8


def test_kid_of_a_set_with_itself_is_below_zero() -> None:
    x = normal(50, 8, seed=0)
    assert mmd(x, x) < -0.1


def test_kid_does_not_depend_on_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(60, 8, seed=0).double(), normal(70, 8, seed=1).double()
    whole = mmd(real, fake)
    monkeypatch.setattr("saddle.metrics.blocks.BLOCK_BYTES", 8 * 70 * 7)
    assert mmd(real, fake) == pytest.approx(whole, rel=1e-12)


def test_kid_multiplied_in_float32_is_that_of_float64() -> None:
    real, fake = (normal(300, 64, seed=i, shift=0.5).relu() for i in range(2))
    assert mmd(real, fake) == pytest.approx(mmd(real.double(), fake.double()), abs=1e-9)


def test_a_kid_without_its_error_is_the_same() -> None:
    real, fake = normal(60, 8, seed=0), normal(50, 8, seed=1)
    value, error = kid(real, fake, error=False)
    assert value == kid(real, fake)[0]
    assert math.isnan(error)


def test_products_on_a_gpu_have_all_digits_of_float32_though_networks_may_have_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen, before, multiply = [], torch.get_float32_matmul_precision(), Tensor.__matmul__
    torch.set_float32_matmul_precision("medium")
    try:
        monkeypatch.setattr(
            Tensor, "__matmul__", lambda x, y: seen.append(torch.get_float32_matmul_precision()) or multiply(x, y)
        )
        blocks._in_full(normal(3, 4, seed=0), normal(4, 5, seed=1))
        assert [*seen, torch.get_float32_matmul_precision()] == ["highest", "medium"]
    finally:
        torch.set_float32_matmul_precision(before)


def test_kid_is_the_same_for_the_same_seed_and_not_for_another() -> None:
    real, fake = normal(60, 8, seed=0), normal(60, 8, seed=1)
    assert kid(real, fake, seed=1) == kid(real, fake, seed=1) != kid(real, fake, seed=2)


def test_kid_subsets_leave_half_out_or_are_a_thousand() -> None:
    assert subset_size(497, 2000) == 248
    assert subset_size(50_000, 50_000) == 1000
    with pytest.raises(UsageError, match="from 2 to the smaller set, 10"):
        kid(normal(10, 2, 0), normal(20, 2, 1), size=11)


def test_inception_score_of_constant_predictions_is_one() -> None:
    assert inception_score(torch.zeros(100, 10))[:2] == pytest.approx((1, 0))


def test_inception_score_of_sure_and_uniform_predictions_is_the_number_of_classes() -> None:
    sure = torch.full((1000, 10), -torch.inf)
    sure[torch.arange(1000), torch.arange(1000) % 10] = 0.0
    assert inception_score(sure, splits=1)[0] == pytest.approx(10)


def test_inception_score_lies_between_one_and_the_number_of_classes() -> None:
    mean, *_ = inception_score(5 * normal(500, 7, seed=0))
    assert 1 < mean < 7


def test_a_class_twice_leaves_the_inception_score() -> None:
    logits = normal(100, 5, seed=0)
    twice = torch.cat([logits, logits], 1)  # each class halved
    assert inception_score(twice, splits=1)[0] == pytest.approx(inception_score(logits, splits=1)[0])


def test_splits_of_one_sample_score_one() -> None:
    assert inception_score(normal(20, 5, seed=0), splits=20)[0] == pytest.approx(1)


def test_inception_score_shuffles_a_sampler_that_draws_its_classes_in_order() -> None:
    logits = torch.full((1000, 10), -20.0)
    logits[torch.arange(1000), torch.arange(1000) // 100] = 20.0
    assert inception_score(logits)[0] > 9


def test_an_inception_score_tells_its_two_parts_in_nats() -> None:
    thirds = torch.tensor([0.5, 0.25, 0.25]).log()
    found = inception_score(torch.stack([thirds, thirds.roll(1), thirds.roll(2)]).repeat(40, 1), splits=1)
    assert found.details["H(y|x)"] == pytest.approx(1.5 * math.log(2))
    assert found.details["H(y)"] == pytest.approx(math.log(3))
    assert found.value == pytest.approx(math.exp(found.details["H(y)"] - found.details["H(y|x)"]))
    assert "H(y|x) = 1.04 nats, confidence" in found.note
    assert "H(y) = 1.1 nats, variety (up to 1.1" in found.note


def test_inception_score_equals_torchmetrics() -> None:
    logits = 3 * normal(400, 8, seed=0)
    oracle = InceptionScore(feature=Flat(), splits=1)
    oracle.update(logits.view(-1, 1, 2, 4))
    assert inception_score(logits, splits=1)[0] == pytest.approx(float(oracle.compute()[0]), rel=1e-5)
    assert math.isfinite(inception_score(logits)[1])


def test_more_splits_than_samples_are_refused() -> None:
    with pytest.raises(UsageError, match="5 samples in 10 splits"):
        inception_score(torch.zeros(5, 3))
