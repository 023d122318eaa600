"""Scores of label maps: of maps that a game makes, and of images made from maps as a segmenter reads them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from making import Paired, game_on, scored

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.data import Source
from saddle.data.source import Split
from saddle.metrics import learned, segmentation
from saddle.metrics.segmentation import REAL, confusion, mean_accuracy, miou, pixel_accuracy, segmenter, shrunk
from saddle.metrics.translated import COLOURS, INPUT, MEAN
from saddle.runs import scoring, teaching
from saddle.spec import DataSpec, Field
from saddle.spec.field import CARE

CHANCE = np.random.default_rng(0)
PALETTE = ((0, 0, 0), (255, 0, 0), (0, 0, 255))
COLOUR = np.array([[40, 60, 90], [200, 100, 0], [0, 220, 90]])
READ = ["reread_accuracy", "reread_mean_accuracy", "reread_miou"]
SAID = ["pixel_accuracy", "mean_accuracy", "miou"]


def painted(names: tuple[str, ...] = ("sky", "road", "car"), turned: bool = False) -> Source:
    """Blocks of three classes in colours with noise: 48 to train on, 12 held out."""
    maps = np.kron(CHANCE.integers(0, 3, (60, 4, 4)), np.ones((4, 4), int))
    images = (COLOUR[maps] + CHANCE.integers(-30, 30, (60, 16, 16, 3))).clip(0, 255).astype(np.uint8)
    columns = {"a": maps, "b": images.transpose(0, 3, 1, 2)}
    fields = {"a": Field("map", (16, 16), names, PALETTE, title="map"), "b": Field("image", (3, 16, 16), title="photo")}
    if turned:
        fields, columns = ({"a": x["b"], "b": x["a"]} for x in (fields, columns))
    parts = (Split({key: x[rows] for key, x in columns.items()}) for rows in (slice(48), slice(48, None)))
    return Source("painted", DataSpec(fields), *parts, f"mark of {names}")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation, "STEPS", 60)


def test_accuracies_and_the_union_are_those_by_hand() -> None:
    truth = torch.tensor([[[0, 0, 0, 1], [1, 1, 2, 2]]])
    said = torch.tensor([[[0, 0, 1, 1], [1, 0, 0, 2]]])
    rows = confusion(said, truth, 4)
    assert rows[0].tolist() == [[2, 1, 0, 0], [1, 2, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert pixel_accuracy(rows) == 5 / 8
    assert mean_accuracy(rows) == pytest.approx((2 / 3 + 2 / 3 + 1 / 2) / 3), "class 3 does not occur"
    assert miou(rows) == pytest.approx((2 / 5 + 2 / 4 + 1 / 2) / 3)
    two = confusion(said.repeat(2, 1, 1), torch.cat([truth, said]), 4)
    assert two[0].equal(rows[0])
    assert two[1].tolist() == torch.diag(torch.tensor([4, 3, 1, 0])).tolist()
    assert pixel_accuracy(two) == 13 / 16, "of all pixels together"


def test_unions_are_scikit_learns() -> None:
    from sklearn.metrics import confusion_matrix, jaccard_score

    said, truth = torch.from_numpy(CHANCE.integers(0, 5, (2, 3, 6, 7)))
    rows = confusion(said, truth, 5)
    assert (rows.sum(0).numpy() == confusion_matrix(truth.flatten(), said.flatten())).all()
    assert miou(rows) == pytest.approx(jaccard_score(truth.flatten(), said.flatten(), average="macro"))


def test_what_nobody_cares_for_is_left_out() -> None:
    truth, said = torch.tensor([[[0, 1, 2, 2]]]), torch.tensor([[[0, 0, 1, 2]]])
    rows = confusion(said, truth, 3, ignored=2)
    assert rows.sum() == 2
    assert pixel_accuracy(rows) == 0.5
    source = painted(("sky", "road", CARE), turned=True)
    assert source.spec.fields["b"].ignored == 2
    true = torch.from_numpy(source.heldout.columns["b"])
    wrong_there = torch.where(true == 2, 0, true)
    game = game_on(source, Paired, b=lambda x: torch.nn.functional.one_hot(wrong_there, 3).movedim(3, 1).float())
    assert {name: score.value for name, score in scored(game, source, *SAID).items()} == dict.fromkeys(SAID, 1)


def test_maps_that_are_made_are_compared_class_by_class_and_tables_stand_beside() -> None:
    source = painted(turned=True)
    assert {*SAID} <= {*scoring.defaults(game_on(source, Paired), source, final=True)}
    logits = torch.tensor([0.0, 1, 0]).view(1, 3, 1, 1)
    found = scored(game_on(source, Paired, b=lambda x: logits.expand(len(x), 3, 16, 16)), source, *SAID)
    true = source.heldout.columns["b"]
    assert found["pixel_accuracy"].value == pytest.approx((true == 1).mean())
    assert found["mean_accuracy"].value == pytest.approx(1 / 3)
    assert found["miou"].value == pytest.approx((true == 1).mean() / 3)
    assert set(found["miou"].beside) == {MEAN, COLOURS}
    assert found["miou"].beside[COLOURS] > 0.9, "colours tell these classes"
    commonest = np.stack([(source.train.columns["b"] == k).mean(0) for k in range(3)]).argmax(0)
    assert found["pixel_accuracy"].beside[MEAN] == pytest.approx((true == commonest).mean())
    assert 0 < found["pixel_accuracy"].uncertainty < 0.1


def test_images_made_from_maps_are_read_by_a_segmenter_whose_own_score_stands_beside() -> None:
    source = painted()
    colour = torch.from_numpy(COLOUR).float() / 127.5 - 1
    right = game_on(source, Paired, b=lambda x: colour[x].movedim(3, 1))
    wrong = game_on(source, Paired, b=lambda x: colour[(x + 1) % 3].movedim(3, 1))
    assert {*READ} <= {*scoring.defaults(right, source, final=True)}
    assert not {*READ} & {*scoring.defaults(right, source, final=False)}
    good, bad = (scored(game, source, *READ) for game in (right, wrong))
    for name in READ:
        assert good[name].value > 0.9 > 0.1 > bad[name].value
        assert good[name].beside[REAL] > 0.9
        assert {INPUT, MEAN, COLOURS, REAL} == set(good[name].beside)
        assert good[name].fingerprint == bad[name].fingerprint
        assert good[name].fingerprint["segmenter"]


def test_a_segmenter_is_the_same_of_the_same_pairs_and_disturbs_nobody() -> None:
    source = painted()
    lesson = teaching.map_lesson(game_on(source, Paired), source)
    rng.seed(5)
    expected = rng.rand(3), torch.rand(3)
    nets = []
    for _ in range(2):
        learned._learned.clear()
        torch.manual_seed(1)
        before = torch.default_generator.get_state()
        with torch.no_grad():
            nets.append(segmenter(lesson))
        assert torch.default_generator.get_state().equal(before)
    rng.seed(5)
    assert rng.rand(3).equal(expected[0])
    assert all(a.equal(b) for a, b in zip(nets[0].state_dict().values(), nets[1].state_dict().values(), strict=True))
    assert segmenter(lesson) is nets[1], "it is kept"
    assert lesson.digest != replace(lesson, mark="other").digest


def test_large_images_are_read_small_and_maps_keep_their_classes() -> None:
    maps = torch.tensor([[[0, 0, 2, 2]] * 2 + [[1, 1, 0, 0]] * 2])
    assert shrunk(maps, (2, 2)).tolist() == [[[0, 2], [1, 0]]]
    net = segmentation.Segmenter(3, 4).eval()
    assert net.read(torch.zeros(2, 3, 128, 160)).shape == (2, 64, 80)
    assert net.read(torch.zeros(2, 3, 30, 17)).shape == (2, 30, 17)


def test_without_training_pairs_there_is_no_segmenter() -> None:
    source = painted()
    apart = replace(source.train, domains=(("a",), ("b",)))
    bare = replace(source, train=apart)
    assert teaching.map_lesson(game_on(bare, Paired), bare) is None
    with pytest.raises(UsageError, match="'reread_miou' needs a game that makes images from label maps, training"):
        scored(game_on(bare, Paired), bare, "reread_miou")
