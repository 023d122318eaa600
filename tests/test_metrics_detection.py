"""Scores of defects that are found: beside scikit-learn's and SciPy's, values by hand, and simple detectors."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import label
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score
from torch import Tensor

from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, Source, open_source
from saddle.data.anomalies import detectors
from saddle.games.dcgan import DCGAN
from saddle.layers.simple_detectors import Mean, Nearest, Principal, area
from saddle.metrics import evaluate
from saddle.metrics.alarms import average_precision, best_f1, conformal, needed, recall
from saddle.metrics.detected import Detected, Told
from saddle.metrics.localised import aupro, pixel_auroc
from saddle.nets import dcgan as nets
from saddle.runs import ingredients, scoring
from saddle.spec import DataSpec
from saddle.tasks import Detection, Finding

DICE = torch.Generator().manual_seed(0)


def drawn(levels: int, count: int = 200) -> tuple[Tensor, Tensor]:
    scores = torch.randint(levels, (count,), generator=DICE).float()
    return scores, torch.rand(count, generator=DICE) < 0.2 + 0.5 * scores / levels


@pytest.mark.parametrize("levels", [3, 20, 10_000])
def test_average_precision_and_f1_are_scikit_learns_with_ties_too(levels: int) -> None:
    scores, defective = drawn(levels)
    assert average_precision(scores, defective) == pytest.approx(
        average_precision_score(defective.numpy(), scores.numpy()), abs=1e-12
    )
    precision, found, _ = precision_recall_curve(defective.numpy(), scores.numpy())
    f1, threshold = best_f1(scores, defective)
    assert f1 == pytest.approx(float((2 * precision * found / np.maximum(precision + found, 1e-9)).max()), abs=1e-12)
    said = scores > threshold
    right = (said & defective).sum()
    assert f1 == pytest.approx(float(2 * right / (said.sum() + defective.sum()))), "the threshold has this F1"
    assert threshold not in scores.tolist()


def test_scores_by_hand() -> None:
    scores, defective = torch.tensor([1.0, 2, 3, 4]), torch.tensor([False, True, False, True])
    assert average_precision(scores, defective) == pytest.approx((1 + 2 / 3) / 2)
    assert best_f1(scores, defective) == (pytest.approx(0.8), 1.5), "three alarms, of which two are right"
    assert best_f1(torch.tensor([1.0, 9.0]), torch.tensor([False, True])) == (1.0, 5.0)
    f1, threshold = best_f1(torch.tensor([5.0, 1.0]), torch.tensor([False, True]))
    assert f1 == pytest.approx(2 / 3)
    assert threshold < 1, "all images raise an alarm"


def test_without_defects_f1_is_undefined_and_that_is_said() -> None:
    with pytest.raises(UsageError, match=r"none of 3 images is defective, so F1 is undefined: .* quantile"):
        best_f1(torch.arange(3.0), torch.zeros(3, dtype=torch.bool))
    for measure in (average_precision, best_f1):
        with pytest.raises(UsageError, match="3 are defective, 0 normal"):
            measure(torch.arange(3.0), torch.ones(3, dtype=torch.bool))
        with pytest.raises(SaddleError, match="1 of 2 images have no finite score"):
            measure(torch.tensor([torch.nan, 1.0]), torch.tensor([True, False]))


def test_a_threshold_is_the_conformal_quantile_of_normal_scores_or_there_are_too_few() -> None:
    assert conformal(torch.arange(1, 100).float(), 0.01) == 99, "⌈100 · 0.99⌉ = 99th of 99"
    assert conformal(torch.arange(1, 200).float(), 0.01) == 198
    assert conformal(torch.arange(1, 20).float(), 0.05) == 19
    assert (needed(0.01), needed(0.05), needed(0.1)) == (99, 19, 9)
    for alpha, n in ((0.01, 98), (0.05, 18)):
        with pytest.raises(UsageError, match=f"takes {n + 1} normal images, not {n}"):
            conformal(torch.arange(float(n)), alpha)


def test_new_normal_images_raise_as_many_false_alarms_as_was_asked_for() -> None:
    alarms = [
        float(x[-1]) > conformal(x[:-1], 0.05) for x in torch.randn(2000, 40, generator=DICE)
    ]  # 39 + 1: exactly 2 of 40 are above
    assert abs(np.mean(alarms) - 0.05) < 3 * (0.05 * 0.95 / 2000) ** 0.5


def test_recall_is_the_share_of_defects_above_that_threshold() -> None:
    scores = torch.cat([torch.arange(1, 100), torch.tensor([50, 99, 99.5, 200])]).float()
    defective = torch.arange(103) >= 99
    assert [recall(scores, defective, share)[0] for share in (0.01, 0.05)] == [0.5, 0.75]


def test_the_error_of_recall_is_of_the_draw_of_defects_and_of_normal_images() -> None:
    normal = torch.randn(99, generator=DICE)
    far, near = (torch.cat([normal, normal.max() + torch.tensor([-9.0, -9.0, apart, apart])]) for apart in (9.0, 0.01))
    defective = torch.arange(103) >= 99
    assert recall(far, defective, 0.01) == (0.5, 0.25), "whatever normal images are drawn, two of four stand out"
    assert recall(near, defective, 0.01) == (0.5, 0.25), "a lower threshold finds no more"
    at_it = torch.cat([normal, normal.max() - torch.tensor([9.0, 9.0, 1e-4, 1e-4])])
    share, error = recall(at_it, defective, 0.01)
    assert share == 0
    assert error > 0.2, "with the greatest normal image left out, which a third of draws do, half of them stand out"


def test_the_area_over_pixels_is_scikit_learns_in_the_size_of_the_masks() -> None:
    masks = torch.rand(6, 1, 9, 12, generator=DICE) < 0.1
    maps = torch.randint(8, (6, 1, 9, 12), generator=DICE) + 3.0 * masks
    assert pixel_auroc(maps, masks) == pytest.approx(
        roc_auc_score(masks.flatten().numpy(), maps.flatten().numpy()), abs=1e-12
    )
    small = torch.tensor([[[[0.0, 1.0]]]])
    wide = torch.tensor([[[[False, False, False, True]]]])
    assert pixel_auroc(small, wide) == 1.0, "0, 0.25, 0.75, 1 by bilinear enlargement"
    assert pixel_auroc(small, torch.tensor([[[[False, False, True, False]]]])) == pytest.approx(2 / 3)


def by_force(maps: np.ndarray, masks: np.ndarray, limit: float) -> float:
    """AUPRO with a loop over all thresholds and all components."""
    parts = [
        (i, found == k)
        for i, mask in enumerate(masks)
        for found, n in [label(mask, np.ones((3, 3)))]
        for k in range(1, n + 1)
    ]
    points = [(0.0, 0.0)]
    for threshold in sorted({*maps.flat}, reverse=True):
        said = maps >= threshold
        points.append(((said & ~masks).sum() / (~masks).sum(), np.mean([said[i][part].mean() for i, part in parts])))
    x, y = np.array(points).T
    fine = np.unique(np.append(x[x < limit], limit))
    last = {a: b for a, b in points if a < limit}  # the highest of equal false alarms leads on
    k = int(np.argmax(x >= limit))
    at = y[k - 1] + (y[k] - y[k - 1]) * (limit - x[k - 1]) / (x[k] - x[k - 1])
    first = {a: b for a, b in reversed(points) if a < limit}
    total = 0.0
    for a, b in pairwise(fine):
        total += (b - a) * (last[a] + (at if b == limit else first[b])) / 2
    return total / limit


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("levels", [4, 1000])
def test_the_overlap_of_regions_is_that_of_a_loop_over_thresholds(levels: int, limit: float) -> None:
    masks = torch.rand(4, 1, 7, 8, generator=DICE) < 0.15
    maps = torch.randint(levels, (4, 1, 7, 8), generator=DICE).float() + levels * 0.3 * masks
    expected = by_force(maps.numpy()[:, 0].round(6), masks.numpy()[:, 0], limit)
    assert aupro(maps.double().round(decimals=6), masks, limit) == pytest.approx(expected, abs=1e-9)


def test_overlap_by_hand_counts_every_region_alike_and_joins_pixels_at_corners() -> None:
    mask = torch.zeros(1, 1, 4, 5, dtype=torch.bool)
    mask[0, 0, :2, :2] = torch.tensor([[True, False], [False, True]])  # one region, touching at a corner
    mask[0, 0, 3, 4] = True  # another one
    large = torch.zeros(1, 1, 4, 5)
    large[0, 0, 0, 0] = large[0, 0, 1, 1] = 1
    # The first region whole, the second not: 1/2 at no false alarm, and on a straight line to (1, 1).
    assert aupro(large, mask) == pytest.approx(0.5 + 0.5 * 0.3 / 2)
    assert aupro(mask.float(), mask) == 1.0
    assert aupro(torch.zeros(1, 1, 4, 5), mask) == pytest.approx(0.15), "nothing said: overlap = false alarms"
    half = large.clone()
    half[0, 0, 0, 0] = 0
    assert aupro(half, mask) == pytest.approx(0.25 + 0.75 * 0.3 / 2), "half of one of two"
    assert auc([0, 0.3], [0.25, 0.25 + 0.75 * 0.3]) / 0.3 == pytest.approx(aupro(half, mask))


def test_maps_and_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="2 maps are given, and 3 masks"):
        aupro(torch.zeros(2, 1, 4, 4), torch.zeros(3, 1, 4, 4) > 0)
    for masks in (torch.zeros(1, 1, 4, 4) > 0, torch.zeros(1, 1, 4, 4) > -1):
        with pytest.raises(UsageError, match="of 16 pixels are of a defect; there must be others too"):
            pixel_auroc(torch.zeros(1, 1, 4, 4), masks)


def test_simple_detectors_by_hand() -> None:
    normal = torch.tensor([[0.0, 0], [2, 0], [4, 0]])[:, None, None]  # [3, 1, 1, 2], along a line
    asked = torch.tensor([[2.0, 3.0]])[:, None, None]
    assert Principal(normal, 1)(asked)[0].tolist() == pytest.approx([4.5]), "3² / 2 off the line"
    assert Principal(normal, 1)(torch.tensor([[[[9.0, 0]]]]))[0].tolist() == pytest.approx([0], abs=1e-9)
    assert Mean(normal)(asked)[1].flatten().tolist() == [0.0, 9.0]
    assert Nearest(normal)(asked)[1].flatten().tolist() == [0.0, 9.0]
    assert Nearest(normal)(torch.tensor([[[[3.5, 0]]]]))[0].tolist() == [0.125]
    assert Principal(normal[:1])(asked)[0].tolist() == Mean(normal[:1])(asked)[0].tolist(), "one image has no direction"
    assert math.isnan(area(torch.arange(3.0), torch.zeros(3, dtype=torch.bool)))


def test_principal_components_are_scikit_learns() -> None:
    from sklearn.decomposition import PCA

    normal, asked = torch.randn(60, 1, 5, 6, generator=DICE), torch.randn(9, 1, 5, 6, generator=DICE)
    machine = PCA(7).fit(normal.flatten(1).double().numpy())
    x = asked.flatten(1).double().numpy()
    left = x - machine.inverse_transform(machine.transform(x))
    assert Principal(normal, 7)(asked)[0].numpy() == pytest.approx((left**2).mean(1), rel=1e-6)


def found(rival: float) -> Detected:
    """Of 200 images, every other one defective, told by scores with noise; and by a rival with more or less of it."""
    defective = torch.arange(200) % 2 > 0
    masks = (torch.rand(200, 1, 6, 6, generator=DICE) < 0.2) & defective[:, None, None, None]
    scores, maps = (
        defective + 0.7 * torch.randn(200, generator=DICE),
        masks + torch.randn(200, 1, 3, 3).repeat(1, 1, 2, 2),
    )
    other = Told(defective + rival * torch.randn(200, generator=DICE), masks + rival * torch.randn(200, 1, 6, 6))
    return Detected(scores, defective, maps, masks, {"PCA-32": other}, torch.tensor([0.001, 0.003]))


ALL = ["auroc", "average_precision", "f1_max", "recall_1", "recall_5", "pixel_auroc", "aupro", "query_ms"]


def test_simple_detectors_stand_beside_every_score_and_a_sentence_says_where_one_is_better() -> None:
    flags = dict.fromkeys(("masked", "normal_99", "normal_19"), True)
    worse, better = (
        evaluate(None, None, ALL, None, detected=found(rival), **flags) for rival in (50.0, 0.0)
    )  # fmt: skip
    for name in ALL[:-1]:
        assert worse[name].beside["PCA-32"] < worse[name].value
        assert worse[name].note == ""
        assert better[name].beside["PCA-32"] == pytest.approx(1)
        assert better[name].note.startswith(f"{name}: a simple detector is better than the game, which reaches 0.")
        assert better[name].note.endswith("PCA-32 reaches 1.000")
        assert 0 < better[name].uncertainty < 0.1
    assert better["aupro"].fingerprint["limit"] == 0.3
    assert better["aupro"].fingerprint["connectivity"] == 8
    assert better["pixel_auroc"].fingerprint["mask_height"] == 6
    assert 0 < better["f1_max"].details["threshold"] < 1
    assert better["recall_1"].fingerprint["threshold"] == "conformal quantile of the held-out normal images"
    assert (better["query_ms"].value, better["query_ms"].uncertainty) == (pytest.approx(2), pytest.approx(1))
    assert better["query_ms"].better == "none"


def test_the_error_of_the_jackknife_is_that_of_other_draws() -> None:
    values, errors = [], []
    for _ in range(60):
        defective = torch.arange(150) < 60
        images = Detected(torch.randn(150, generator=DICE) + defective, defective)
        score = evaluate(None, None, ["average_precision"], None, detected=images)["average_precision"]
        values.append(score.value)
        errors.append(score.uncertainty)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.35)


class Far(Detection):
    """A game that finds unusual what is far from grey, in maps of half the size."""

    device, dtype = torch.device("cpu"), torch.float32

    def round(self, batches):
        yield from ()

    def detect(self, image: Tensor) -> Finding:
        map_ = image[..., ::2, ::2].square().mean(1, keepdim=True)
        return Finding(map_.flatten(1).mean(1), map_)


@pytest.fixture(scope="module")
def source() -> Source:
    return open_source(DataOptions(source="defects", size=16))


def test_a_game_that_detects_is_scored_beside_simple_detectors_on_the_same_images(source: Source) -> None:
    assert source.heldout is not None
    game = Far(source.spec)
    assert scoring.defaults(game, source, final=True) == ALL
    assert scoring.defaults(game, source, final=False) == ["auroc"]
    scores = scoring.score(game, source)
    held = source.heldout.take(slice(None))
    own = game.detect(held["image"])
    assert scores["auroc"].value == pytest.approx(
        roc_auc_score((held["defect"] > 0).numpy(), own.score.numpy()), abs=1e-9
    )
    assert scores["pixel_auroc"].value == pytest.approx(pixel_auroc(own.map, held["mask"]))
    assert {*scores["auroc"].beside} == {"PCA-32", "mean image", "1-NN"}
    told, map_ = detectors(source.train)["PCA-32"](held["image"])
    assert scores["auroc"].beside["PCA-32"] == pytest.approx(area(told, held["defect"] > 0))
    assert scores["pixel_auroc"].beside["PCA-32"] == pytest.approx(pixel_auroc(map_, held["mask"]), abs=1e-6)
    assert "PCA-32 reaches 1.000" in scores["auroc"].note
    assert scores["query_ms"].value > 0


def test_samples_are_compared_with_normal_images_alone(source: Source) -> None:
    assert source.heldout is not None
    game = DCGAN(source.spec, DCGAN.Options(network=nets.DCGAN(width=4), z_dim=4)).eval()
    real = torch.cat([*ingredients.of(game, source)["real"]])
    assert torch.equal(real, source.heldout.take(slice(0, None, 2))["image"]), "every other one has a defect"


def test_what_the_data_do_not_have_is_not_asked_for_and_said_if_it_is(source: Source) -> None:
    assert source.heldout is not None
    few = source.heldout.take(slice(0, 60))
    columns = {"image": source.heldout.columns["image"][:60], "defect": few["defect"].numpy()}
    less = replace(source, heldout=type(source.heldout)(columns))
    game = Far(DataSpec.of((1, 16, 16)))
    assert scoring.defaults(game, less, final=True) == [*ALL[:3], "recall_5", "query_ms"]
    with pytest.raises(UsageError, match=r"'aupro' needs .* masks of their defects"):
        scoring.score(game, less, ["aupro"])
    with pytest.raises(UsageError, match=r"'recall_1' needs .* 99 or more normal ones"):
        scoring.score(game, less, ["recall_1"])
