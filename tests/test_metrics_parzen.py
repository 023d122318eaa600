"""The Parzen window's log-likelihood: by hand, beside scipy, and its two known faults."""

import math

import pytest
import torch
from scipy.stats import gaussian_kde
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.metrics import evaluate
from saddle.metrics.parzen import STEP, fitted, log_likelihood, parzen, rows_of


def normal(n: int, d: int, seed: int, std: float = 1.0) -> Tensor:
    return std * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor, Tensor]:
    """Digits in [0, 1]: to draw from, to validate with, to test with."""
    images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order].split([1297, 250, 250])  # type: ignore[return-value]


@pytest.fixture(scope="module")
def centres(digits: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Of 400 clusters of the digits to draw from."""
    return torch.tensor(KMeans(400, n_init=1, max_iter=10, random_state=0).fit(digits[0].numpy()).cluster_centers_)


@pytest.mark.parametrize("copies", [1, 7])
def test_a_sample_at_the_image_itself_gives_the_known_value_however_often(copies: int) -> None:
    x = torch.rand(1, 784)
    assert log_likelihood(x, x.expand(copies, -1), 0.2).item() == pytest.approx(541.3515, abs=5e-5)


def test_it_is_the_density_of_scipys_kernel_estimate() -> None:
    samples, x = normal(40, 3, seed=0), normal(9, 3, seed=1)
    theirs = gaussian_kde(samples.double().numpy().T, 0.3)
    theirs.covariance = 0.09 * torch.eye(3).double().numpy()  # spherical, as here
    theirs.cho_cov = 0.3 * torch.eye(3).double().numpy()
    theirs.log_det = 2 * math.log(2 * math.pi * 0.09) * 3 / 2
    expected = theirs.logpdf(x.double().numpy().T)
    assert log_likelihood(x, samples, 0.3).tolist() == pytest.approx(expected.tolist(), rel=1e-9)


def test_along_a_line_the_density_adds_up_to_one() -> None:
    line = torch.linspace(-5, 5, 4001)[:, None]
    density = log_likelihood(line, torch.tensor([[-1.0], [0.5], [2.0]]), 0.3).exp()
    assert float(density.sum() * 10 / 4000) == pytest.approx(1, abs=1e-6)


def test_images_far_from_all_samples_have_a_finite_likelihood() -> None:
    assert log_likelihood(torch.full((1, 10), 100.0), torch.zeros(5, 10), 0.01).item() == pytest.approx(
        -(10 * 100**2) / (2 * 0.01**2) - 10 * math.log(0.01 * math.sqrt(2 * math.pi))
    )


@pytest.mark.parametrize("std", [0.005, 0.3, 40.0])
def test_sigma_is_the_best_of_its_steps_within_the_papers_ten_and_beyond(std: float) -> None:
    samples, validation = normal(200, 2, 0, std), normal(100, 2, 1, std)
    sigma = fitted(validation, samples)
    means = [log_likelihood(validation, samples, s).mean() for s in (sigma / STEP, sigma, sigma * STEP)]
    assert means[1] == max(means)
    assert math.log(sigma, STEP) == pytest.approx(round(math.log(sigma, STEP)), abs=1e-6)


def test_samples_that_are_the_validation_data_end_the_search_for_sigma() -> None:
    x = normal(20, 2, seed=0)
    assert fitted(x, x) == pytest.approx(0.001)


def test_its_first_fault_the_centres_of_k_means_score_above_real_data(
    digits: tuple[Tensor, Tensor, Tensor], centres: Tensor
) -> None:
    real, validation, test = digits
    prototypes, true = parzen(centres, validation, test), parzen(real[:400], validation, test)
    assert prototypes.value > true.value + 5 * max(prototypes.uncertainty, true.uncertainty)


def test_its_second_fault_the_estimate_stays_far_below_the_truth_however_many_samples_there_are() -> None:
    """Of a normal distribution in 36 directions as unlike each other as those of small patches of photographs."""
    std = 1 / torch.arange(1.0, 37)
    truth = -sum(math.log(s * math.sqrt(2 * math.pi * math.e)) for s in std.tolist())
    validation, test = normal(50, 36, seed=1) * std, normal(100, 36, seed=2) * std
    few, more, many = (parzen(normal(n, 36, seed=3) * std, validation, test).value for n in (40, 400, 4000))
    assert few < more < many < truth - 10
    assert truth - many > 0.5 * (truth - few)  # of a hundred times as many


def test_evaluate_scores_held_out_images_beside_training_images(
    digits: tuple[Tensor, Tensor, Tensor], centres: Tensor
) -> None:
    train, validation, test = (x.view(-1, 1, 8, 8) * 2 - 1 for x in digits)
    real = torch.stack([test, validation], 1).flatten(0, 1)  # every other one chooses σ
    score = evaluate(lambda k: train[:k] * 0 - 1, real, ["parzen"], None, n=50, train=train)["parzen"]
    own = parzen(digits[0][:: 1297 // 50 + 1], digits[1], digits[2])
    assert score.beside["training images"] == pytest.approx(own.value)
    assert score.value < own.value
    assert score.note == ""
    assert (score.fingerprint["reference_count"], score.fingerprint["validation_count"]) == (250, 250)
    assert score.details["sigma"] > 0
    prototypes = centres.view(-1, 1, 8, 8) * 2 - 1
    praised = evaluate(lambda k: prototypes[:k], real, ["parzen"], None, n=400, batch=400, train=train)["parzen"]
    assert "no praise" in praised.note


def test_images_are_brought_to_0_to_1_and_points_are_not() -> None:
    assert rows_of(torch.tensor([[[[-1.0, 1.0]]]])).tolist() == [[0, 1]]
    assert rows_of(torch.tensor([[-1.0, 1.0]])).tolist() == [[-1, 1]]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UsageError, match=r"of one width.*\[3, 2\], \[3, 4\]"):
        parzen(torch.zeros(3, 2), torch.zeros(3, 4), torch.zeros(3, 2))
    with pytest.raises(UsageError, match="at least one of each"):
        parzen(torch.zeros(0, 2), torch.zeros(3, 2), torch.zeros(3, 2))
    with pytest.raises(UsageError, match="wants 3 references, and there are 2: one of them chooses σ"):
        evaluate(lambda k: torch.zeros(k, 2), torch.zeros(2, 2), ["parzen"], None, n=10)


def test_more_samples_than_memory_should_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saddle.metrics.parzen.NUMBERS", 19)
    with pytest.raises(UsageError, match="ask for fewer with -n"):
        evaluate(lambda k: torch.zeros(k, 2), torch.randn(9, 2), ["parzen"], None, n=10)
