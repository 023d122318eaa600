"""Scores of what was asked for, tried on generators whose scores are known: oracles, and ones that err in one way."""

import json
import math

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from saddle.base.errors import SaddleError, UsageError
from saddle.metrics import Score, evaluate, extractor
from saddle.metrics.ingredients import ReferenceLabels
from saddle.metrics.intra import intra_diversity, intra_fid, pairs

NAMES = tuple("0123456789")
INSIDE = ["intra_fid", "intra_fid_multiple", "intra_diversity", "class_precision", "class_recall"]


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    data = load_digits()
    images = F.interpolate(torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 8 - 1, 32, mode="bilinear")
    return images, torch.tensor(data.target)


class Oracle:
    """Shows real images of the class it is asked for; `sees` is what it understands by each label it is given."""

    def __init__(self, images: Tensor, labels: Tensor, sees=lambda label: label, each: int | None = None):
        self.by_class = [images[labels == k][:each] for k in range(10)]
        self.sees, self.chance = sees, torch.Generator().manual_seed(0)

    def __call__(self, n: int) -> tuple[Tensor, Tensor]:
        label = torch.randint(10, (n,), generator=self.chance)
        places = torch.rand(n, generator=self.chance)
        sets = [self.by_class[k] for k in self.sees(label)]
        return torch.stack([images[int(p * len(images))] for images, p in zip(sets, places, strict=True)]), label


def shuffled(label: Tensor) -> Tensor:
    return label[torch.randperm(len(label), generator=torch.Generator().manual_seed(1))]


@pytest.fixture(scope="module")
def scores(digits):
    """Scores by name of an oracle on the training part, which errs as told."""
    images, labels = digits
    reference = ReferenceLabels(NAMES, labels[1300:], labels[:1300])

    def told(names, n=1000, of=slice(1300), **error) -> dict[str, Score]:
        oracle = Oracle(images[of], labels[of], **error)
        return evaluate(oracle, images[1300:], names, "digits", n=n, train=images[:1300], reference_labels=reference)

    return told


def test_the_classifiers_own_error_is_known_and_an_oracle_scores_all_but_it(digits):
    images, labels = digits
    own = float((extractor("digits")(images[1300:]).logits.argmax(1) == labels[1300:]).float().mean())
    assert own > 0.97
    found = evaluate(Oracle(images[1300:], labels[1300:]), None, ["accuracy"], "digits", n=2000)["accuracy"]
    assert found.value == pytest.approx(own, abs=4 * found.uncertainty)


def test_an_oracle_on_what_the_classifier_learned_is_always_right(scores):
    assert scores(["accuracy"])["accuracy"].value > 0.995


def test_labels_shuffled_score_chance(scores):
    found = scores(["accuracy"], n=2000, sees=shuffled)["accuracy"]
    assert found.value == pytest.approx(0.1, abs=4 * found.uncertainty)


def test_an_oracle_is_as_good_as_real_images_inside_every_class(scores):
    found = scores(INSIDE)
    assert found["intra_fid_multiple"].value == pytest.approx(1, abs=0.15)
    assert 0.8 < found["intra_diversity"].value < 1  # what the classifier has learned lies closer in its features
    assert scores(["intra_diversity"], of=slice(1300, None))["intra_diversity"].value == pytest.approx(1, abs=0.03)
    assert found["class_precision"].value > 0.5
    assert found["class_recall"].value > 0.5
    for score in found.values():
        assert tuple(score.details) == NAMES
        assert 0 < score.uncertainty < math.inf


def test_what_is_asked_for_and_not_drawn_shows_inside_the_classes_though_all_together_look_real(scores):
    good, bad = (scores([*INSIDE, "fid"], sees=sees) for sees in (lambda label: label, shuffled))
    assert bad["fid"].value < 1.5 * good["fid"].value
    assert bad["intra_fid_multiple"].value > 5 * good["intra_fid_multiple"].value
    assert bad["class_precision"].value < 0.3
    assert bad["intra_diversity"].value > 1.2


def test_one_bad_class_is_found_among_good_ones(scores):
    """Asked for a 3, it draws an 8."""
    found = scores(["class_precision", "class_recall", "intra_fid"], sees=lambda k: torch.where(k == 3, 8, k))
    precision = found["class_precision"].details
    assert min(precision, key=precision.__getitem__) == "3"
    assert found["class_precision"].value == precision["3"] < 0.2
    assert max(found["intra_fid"].details.items(), key=lambda item: item[1])[0] == "3"


def test_one_picture_of_each_class_has_no_diversity_and_recalls_nothing(scores):
    found = scores([*INSIDE, "accuracy"], each=1)
    assert found["accuracy"].value > 0.9
    assert found["intra_diversity"].value == 0
    assert found["class_recall"].value < 0.05


def test_the_intra_fid_of_two_gaussians_is_the_distance_of_their_means():
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    real, fake = torch.cat([x, x]), torch.cat([x + 1, x + 2])
    label = torch.arange(2).repeat_interleave(50)
    value, error, details = intra_fid(pairs(real, label, fake, label, ["a", "b"]))
    assert details == pytest.approx({"a": 3, "b": 12})
    assert (value, error > 0) == (pytest.approx(7.5), True)


def test_diversity_is_in_parts_of_the_real_ones():
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    label = torch.arange(2).repeat(20)
    assert intra_diversity(pairs(x, label, x / 2, label, ["a", "b"]))[0] == pytest.approx(0.5)
    with pytest.raises(SaddleError, match="all alike"):
        intra_diversity(pairs(torch.ones(40, 3), label, x, label, ["a", "b"]))


def test_images_without_a_label_and_classes_without_images_are_left_out():
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    real, fake = torch.tensor([0, 2, -1]).repeat(10), torch.arange(3).repeat(10)
    found = pairs(x, real, x, fake, ["a", "b", "c"])
    assert list(found) == ["a", "c"]
    assert torch.equal(found["c"][0], x[1::3])
    assert torch.equal(found["c"][1], x[2::3])


def test_too_few_of_a_class_are_refused_by_name(digits, scores):
    x, label = torch.randn(20, 2), torch.zeros(20, dtype=torch.int64)
    with pytest.raises(UsageError, match="whose class is known, and there are none"):
        pairs(x, label - 1, x, label, ["a"])
    few = torch.tensor([1]).repeat(20).index_fill(0, torch.arange(5), 0)
    with pytest.raises(UsageError, match=r"and as many samples of each, and 'a' has 10 and 5; draw more"):
        pairs(x, torch.arange(2).repeat(10), x, few, ["a", "b"])
    with pytest.raises(UsageError, match="needs held-out images whose classes are known"):
        evaluate(Oracle(*digits), digits[0], ["intra_fid"], "digits", n=50)


def test_details_are_written_with_a_score_and_read_again(scores):
    score = scores(["class_recall"])["class_recall"]
    assert Score.from_dict(json.loads(json.dumps(score.to_dict()))) == score
    assert "details" not in Score("fid", 1.0, 0.1, "lower", {}).to_dict()
    assert Score.from_dict(Score("fid", 1.0, 0.1, "lower", {}).to_dict()).details == {}
