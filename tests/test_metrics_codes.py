"""Scores of codes, of clusters and of sharpness, on data whose score is known."""

import math

import pytest
import torch
from torch.nn.functional import avg_pool2d, one_hot

from saddle.base.errors import UsageError
from saddle.metrics import evaluate
from saddle.metrics.classes import information
from saddle.metrics.codes import Codes, nn_accuracy, prior_kid, probe_accuracy, reconstruction
from saddle.metrics.ingredients import ReferenceLabels
from saddle.metrics.sharpness import laplacian_energy, sharpness

DICE = torch.Generator().manual_seed(0)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=DICE)


def codes(train, heldout, errors=None, prior=None) -> Codes:
    given = prior if prior is not None else normal(400, train.shape[1])
    return Codes(train, heldout, given, errors if errors is not None else torch.zeros(2))


def classes(train: torch.Tensor, heldout: torch.Tensor) -> ReferenceLabels:
    return ReferenceLabels(["a", "b"], heldout, train)


def clusters(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two clouds apart from each other along the first of three axes."""
    label = torch.arange(n) % 2
    return normal(n, 3) * 0.1 + label[:, None] * torch.tensor([4.0, 0.0, 0.0]), label


def test_codes_that_hold_the_class_score_1_and_shuffled_labels_chance():
    (train, a), (heldout, b) = clusters(200), clusters(100)
    of = codes(train, heldout)
    assert nn_accuracy(of, classes(a, b)) == probe_accuracy(of, classes(a, b)) == (1.0, 1 / 200)
    shuffled = classes(*(label[torch.randperm(len(label), generator=DICE)] for label in (a, b)))
    for score in (nn_accuracy, probe_accuracy):
        share, error = score(of, shuffled)
        assert 0.3 < share < 0.7
        assert error == pytest.approx((share * (1 - share) / 100) ** 0.5)


def test_the_nearest_neighbour_sees_what_a_linear_probe_cannot():
    x = torch.tensor([[0.0], [1.0], [2.0]]).repeat(20, 1) + normal(60, 1) * 0.01
    label = torch.tensor([0, 1, 0]).repeat(20)
    of, labels = codes(x, x + 0.001), classes(label, label)
    assert nn_accuracy(of, labels)[0] == 1
    assert probe_accuracy(of, labels)[0] == pytest.approx(2 / 3)


def test_codes_without_a_label_teach_nobody():
    (train, label), (heldout, b) = clusters(40), clusters(20)
    few = torch.where(torch.arange(40) < 6, label, -1)
    poisoned = torch.where((few < 0)[:, None], heldout.repeat(2, 1) + 1e-6, train)
    assert nn_accuracy(codes(poisoned, heldout), classes(few, b))[0] == 1


def test_the_distance_to_the_prior_is_nothing_within_noise_for_its_own_draws():
    (value, error), (far, _) = (
        prior_kid(codes(normal(2, 4), normal(400, 4) + shift, prior=normal(1600, 4))) for shift in (0.0, 1.0)
    )
    assert abs(value) < 4 * error / math.sqrt(4)  # subsets of half the codes: they are not independent
    assert far > 20 * error
    learned = codes(normal(400, 4) + 1, normal(400, 4), prior=normal(1600, 4))
    assert prior_kid(learned, "train")[0] > 20 * error > prior_kid(learned)[0]
    heldout, prior = normal(400, 4), normal(1600, 4)
    five, one = (prior_kid(codes(heldout, s * heldout, prior=s * prior))[0] for s in (5.0, 1.0))
    assert five == pytest.approx(one)  # in units of the prior's deviation


def test_reconstruction_is_the_mean_of_the_images_errors():
    value, error = reconstruction(codes(normal(2, 1), normal(2, 1), errors=torch.tensor([0.1, 0.3])))
    assert value == pytest.approx(0.2)
    assert error == pytest.approx(0.1)


def test_information_of_a_code_is_log_k_or_nothing():
    code = torch.arange(400) % 4
    assert information(one_hot(code, 4).float(), code) == (pytest.approx(math.log(4)), pytest.approx(0, abs=1e-9))
    renamed = information(one_hot((code + 1) % 4, 10).float(), code)[0]
    assert renamed == pytest.approx(math.log(4))  # which class a code stands for is for it to choose
    merged = information(one_hot(code // 2, 4).float(), code)[0]
    assert merged == pytest.approx(math.log(2))
    value, error = information(one_hot(torch.arange(400) // 4 % 4, 4).float(), code)
    assert value == pytest.approx(0, abs=1e-9)
    assert error >= 0


def test_flat_and_evenly_sloping_images_have_no_edges_and_a_dot_has():
    slope = torch.linspace(-1, 1, 8).expand(2, 1, 8, 8)
    assert laplacian_energy(slope).tolist() == pytest.approx([0, 0], abs=1e-12)
    dot = torch.zeros(1, 3, 5, 5)
    dot[:, :, 2, 2] = 1.0
    assert laplacian_energy(dot).item() == pytest.approx((1 + 4 / 16) / 9)


def test_blurred_images_are_less_sharp_than_real_ones_and_real_ones_score_1():
    real = normal(50, 1, 12, 12)
    energy = laplacian_energy(real)
    value, error = sharpness(energy, energy)
    assert value == 1
    assert 0 < error < 0.1
    assert sharpness(laplacian_energy(avg_pool2d(real, 3, 1, 1)), energy)[0] < 0.3


def test_points_have_no_sharpness():
    with pytest.raises(UsageError, match="images of 3×3 pixels or more"):
        laplacian_energy(torch.zeros(4, 2))


def test_evaluate_gives_them_by_name_and_says_what_is_missing():
    real = normal(40, 1, 8, 8).clamp(-1, 1)
    (train, a), (heldout, b) = clusters(60), clusters(40)
    names = ["sharpness", "nn_accuracy", "probe_accuracy", "prior_kid", "prior_kid_train", "reconstruction"]
    scores = evaluate(
        lambda k: real[:k], real, names, None, n=40, codes=codes(train, heldout), reference_labels=classes(a, b)
    )
    assert scores["sharpness"].value == pytest.approx(1)
    assert scores["nn_accuracy"].value == 1
    assert scores["nn_accuracy"].fingerprint["train_count"] == 60
    assert scores["prior_kid"].fingerprint["subset_size"] == 20
    assert scores["prior_kid_train"].fingerprint["subset_size"] == 30
    for wanted, given, message in (
        ("nn_accuracy", None, "needs a game that encodes images"),
        ("probe_accuracy", codes(train, heldout), "needs codes of images whose classes are known"),
    ):
        with pytest.raises(UsageError, match=message):
            evaluate(lambda k: real[:k], real, [wanted], None, n=40, codes=given)
    with pytest.raises(UsageError, match="'sharpness' needs real images"):
        evaluate(lambda k: real[:k], None, ["sharpness"], None, n=40)
