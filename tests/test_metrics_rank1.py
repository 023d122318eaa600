"""Rank-1: whose face it is, by hand and by a network that learns."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from saddle.base.errors import UsageError
from saddle.metrics import evaluate
from saddle.metrics.judged import REAL
from saddle.metrics.rank1 import known, right
from saddle.metrics.reading import ReadLesson
from saddle.metrics.restored import Restorations, Restored
from saddle.metrics.traits import Traits
from saddle.metrics.translated import INPUT
from saddle.spec import Condition

LABELS = torch.tensor([4, 2, 4, 2, 2])


def test_the_nearest_of_those_known_names_the_others_by_hand():
    first = known(LABELS)
    assert first.tolist() == [1, 0]  # of person 2, of person 4
    gallery = torch.tensor([[1.0, 0], [0, 1], [9, 9], [9, 9], [9, 9]], dtype=torch.float64)
    asked = torch.tensor([[9.0, 9], [9, 9], [0.9, 0.1], [0.8, 0.2], [0.1, 0.9]], dtype=torch.float64)
    assert right(asked, gallery, LABELS, first).tolist() == [1, 0, 1]


def test_people_of_whom_nobody_is_left_to_ask_for_are_refused():
    for labels in (torch.tensor([0, 1, 2]), torch.tensor([3, 3, 3])):
        with pytest.raises(UsageError, match="it takes two people, and two images of somebody"):
            known(labels)


def painted(labels: Tensor, seed: int) -> Tensor:
    """Images of people who are distinguished by their colours."""
    dice = torch.Generator().manual_seed(seed)
    colour = normalize(torch.randn(12, 3, generator=torch.Generator().manual_seed(0)))[labels]
    return (0.8 * colour[:, :, None, None] + 0.1 * torch.randn(len(labels), 3, 16, 16, generator=dice)).clamp(-1, 1)


def test_a_network_that_learned_other_people_tells_strangers_apart(monkeypatch):
    monkeypatch.setattr("saddle.metrics.rank1.STEPS", 40)
    asked_for: list[np.ndarray] = []
    trained = torch.arange(80) % 8

    def take(places: np.ndarray) -> tuple[Tensor, Tensor]:
        asked_for.append(places)
        return painted(trained, 1)[places], trained[places, None]

    strangers = 8 + torch.arange(40) % 4
    truth = painted(strangers, 2)
    lesson = ReadLesson("a test", 80, take, 3, Traits(Condition("class", tuple(map(str, range(12))))))
    wrong = truth.clone()
    wrong[strangers == 11] = truth[0]
    restored = Restored(wrong, truth, {INPUT: truth.roll(1, 0)}, 1, strangers)
    given = Restorations(40, (3, 16, 16), 1, lambda n, beside: restored, labelled=True)
    score = evaluate(None, None, ["rank1"], restorations=given, class_lessons={"image": lesson})["rank1"]
    assert score.beside == {INPUT: 0.0, REAL: 1.0}
    assert score.value == pytest.approx(0.75)
    assert score.uncertainty == pytest.approx((0.75 * 0.25 / 36) ** 0.5)
    assert sorted(np.concatenate(asked_for)) == [*range(80)], "each training image is drawn once"
