"""Features of filters that are patches of training images: they rank damage, and belong to these images."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from benchmarks.ranking import STRENGTHS, damages, images_of
from saddle.base.errors import UsageError
from saddle.metrics import evaluate, extractor
from saddle.metrics.features import Extractor
from saddle.metrics.fid import Frechet, Moments
from saddle.metrics.prdc import prdc
from saddle.metrics.reference import trained


@pytest.fixture(scope="module")
def photos() -> Tensor:
    return avg_pool2d(images_of("photos", "image", 300), 2)


@pytest.fixture(scope="module")
def look(photos: Tensor) -> Extractor:
    return extractor("own", train=trained(photos))


@pytest.fixture(scope="module")
def damaged(photos: Tensor) -> dict[str, list[Tensor]]:
    other = interpolate(images_of("digits", "image", 150), (32, 32)).expand(-1, 3, -1, -1)
    return damages(photos[150:], other)


@pytest.mark.parametrize("kind", STRENGTHS)
def test_the_stronger_the_damage_the_larger_the_distance(
    kind: str, photos: Tensor, look: Extractor, damaged: dict[str, list[Tensor]]
) -> None:
    distance = Frechet(Moments.of(look(photos[:150]).features))
    values = [distance(Moments.of(look(images).features)) for images in (photos[150:], *damaged[kind])]
    assert values == sorted(values)
    assert values[-1] > 2 * values[0]


def test_precision_falls_with_strange_samples_and_recall_with_missing_ones(
    photos: Tensor, look: Extractor, damaged: dict[str, list[Tensor]]
) -> None:
    real = look(photos[:150]).features
    whole = prdc(real, look(photos[150:]).features)
    strange = [prdc(real, look(damaged[kind][-1]).features).precision[0] for kind in ("noise", "mixed in")]
    missing = [prdc(real, look(damaged[kind][-1]).features).recall[0] for kind in ("dropped modes", "copies")]
    assert max(strange) < whole.precision[0] - 0.05
    assert max(missing) < whole.recall[0] - 0.2


def test_scores_of_networks_of_other_training_images_do_not_compare(photos: Tensor) -> None:
    first, second = photos.split(150)
    scores = [
        evaluate(lambda k: second[:k], first, ["precision"], "own", n=20, batch=20, train=train)["precision"]
        for train in (first, second, first.clone())
    ]
    marks = [score.fingerprint["extractor_hash"] for score in scores]
    assert marks[0] == marks[2] != marks[1]
    assert scores[0] == scores[2]


def test_the_same_features_come_of_the_same_images_whatever_was_drawn_before(photos: Tensor) -> None:
    found = []
    for seed in range(2):
        torch.manual_seed(seed)
        found.append(extractor("own", train=trained(photos))(photos[:3]).features)
    assert torch.equal(*found)
    assert found[0].shape == (3, 256)


@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 8, 8), (2, 20, 30), (4, 70, 90)])
def test_images_of_any_size_and_number_of_channels_have_features(shape: tuple[int, int, int]) -> None:
    images = torch.rand(6, *shape) * 2 - 1
    assert extractor("own", train=trained(images))(images).features.isfinite().all()


def test_a_constant_set_of_images_has_finite_features() -> None:
    flat = torch.zeros(4, 1, 16, 16)
    assert extractor("own", train=trained(flat))(flat).features.abs().max() == 0


def test_without_training_images_of_such_channels_there_is_nobody_to_look() -> None:
    with pytest.raises(UsageError, match="is made of training images, and they are not given"):
        extractor("own")(torch.zeros(2, 1, 16, 16))
    with pytest.raises(UsageError, match=r"looks at images, not at \(2,\); try 'pixels'"):
        extractor("own")(torch.zeros(3, 2))
    grey = torch.rand(6, 1, 8, 8)
    with pytest.raises(UsageError, match="made of images of 1 channels, and these have 3"):
        extractor("own", train=trained(grey))(grey.expand(-1, 3, -1, -1))
