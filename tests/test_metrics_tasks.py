"""Scores of restoration and of detection, beside values by hand, scikit-learn's and repeated draws."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, Source, open_source
from saddle.data.source import Split
from saddle.metrics import evaluate
from saddle.metrics.auroc import Detected, auroc
from saddle.metrics.psnr import mean_psnr, psnr
from saddle.metrics.restored import Restored
from saddle.runs import scoring
from saddle.spec import Batch, DataSpec, Field
from saddle.tasks import Detection, Finding, Restoration

DICE = torch.Generator().manual_seed(0)


def test_an_error_of_a_hundredth_of_the_range_is_forty_decibels_and_none_at_all_is_finite() -> None:
    truth = torch.zeros(3, 1, 4, 4)
    off = torch.tensor([0.02, 0.2, 0.0])[:, None, None, None]
    assert psnr(truth + off, truth).tolist() == pytest.approx([40, 20, 106.02], abs=0.01)
    value, error = mean_psnr(Restored((truth + off)[:2], truth[:2]))
    assert (value, error) == (pytest.approx(30), pytest.approx(10))  # deviation 14.14, over √2


def test_what_lies_beyond_white_is_white_as_in_the_saved_picture() -> None:
    truth = torch.ones(1, 3, 4, 4)
    assert psnr(truth + 5, truth).item() == pytest.approx(106.02, abs=0.01)
    with pytest.raises(UsageError, match=r"shape \[1, 3, 4, 4\] and the true ones \[1, 3, 8, 8\]"):
        psnr(truth, torch.ones(1, 3, 8, 8))


@pytest.mark.parametrize("levels", [3, 10, 10_000])
def test_the_area_is_scikit_learns_with_ties_too(levels: int) -> None:
    scores = torch.randint(levels, (300,), generator=DICE).float()
    defective = torch.rand(300, generator=DICE) < 0.3 + 0.2 * (scores / levels)
    area, error = auroc(scores, defective)
    assert area == pytest.approx(roc_auc_score(defective.numpy(), scores.numpy()), abs=1e-12)
    assert 0.01 < error < 0.1


def test_its_error_is_that_of_other_draws() -> None:
    areas, errors = [], []
    defective = torch.arange(150) < 60
    for _ in range(200):
        area, error = auroc(torch.randn(150, generator=DICE) + defective.float(), defective)
        areas.append(area)
        errors.append(error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.2)


def test_a_perfect_detector_has_one_one_that_errs_always_zero_and_one_that_says_nothing_a_half() -> None:
    defective = torch.tensor([False, True, False, True])
    assert auroc(defective.float(), defective) == (1.0, 0.0)
    assert auroc(-defective.float(), defective)[0] == 0.0
    assert auroc(torch.zeros(4), defective)[0] == 0.5


def test_one_kind_of_images_and_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="0 are defective, 3 normal"):
        auroc(torch.arange(3.0), torch.zeros(3, dtype=torch.bool))
    with pytest.raises(SaddleError, match="1 of 2 images have no finite score"):
        auroc(torch.tensor([0.0, torch.nan]), torch.tensor([True, False]))


class Half(Restoration):
    """A game whose restored images are the damaged ones, twice as large."""

    device, dtype = torch.device("cpu"), torch.float32

    def round(self, batches):
        yield from ()

    def restore(self, batch: Batch) -> Tensor:
        return batch["damaged"].repeat_interleave(2, 2).repeat_interleave(2, 3)


class Bright(Detection):
    """A game that finds bright images unusual."""

    device, dtype = torch.device("cpu"), torch.float32

    def round(self, batches):
        yield from ()

    def detect(self, image: Tensor) -> Finding:
        return Finding(image.flatten(1).mean(1), image.mean(1, keepdim=True))


def damaged() -> Source:
    chance = np.random.default_rng(0)
    small = chance.integers(0, 255, (8, 1, 4, 4), dtype=np.uint8)
    whole = small.repeat(2, 2).repeat(2, 3)
    whole[:4] = np.where(whole[:4] < 128, whole[:4] + 51, whole[:4] - 51)  # by a fifth of the range
    fields = {"damaged": Field("image", (1, 4, 4)), "image": Field("image", (1, 8, 8))}
    split = Split({"damaged": small, "image": whole})
    return Source("damaged", DataSpec(fields), split, split, "")


def defects() -> Source:
    images = np.arange(0, 200, 20, dtype=np.uint8)[:, None, None, None].repeat(4, 2).repeat(4, 3)
    held_out = Split({"image": images, "defect": (np.arange(10) >= 5).astype(np.int64)})
    return Source("defects", DataSpec.of((1, 4, 4)), Split({"image": images[:5]}), held_out, "")


def test_a_restoration_is_scored_on_held_out_images_unasked_and_by_nothing_else() -> None:
    source = damaged()
    game = Half(source.spec)
    assert scoring.defaults(game, source, final=True) == ["psnr_y", "psnr", "sharpness_ratio"]
    assert scoring.defaults(game, source, final=False) == ["psnr_y", "psnr"]
    score = scoring.score(game, source)["psnr"]
    assert score.value == pytest.approx((10 * np.log10(25) + 106.02) / 2, abs=0.01)
    assert score.fingerprint.keys() == {"seed", "reference_count", "reference_hash", "peak"}
    assert score.fingerprint["reference_count"] == 8
    with pytest.raises(UsageError, match="'fid' needs a game that draws samples"):
        scoring.score(game, source, ["fid"])


def test_a_detection_is_scored_by_the_column_defect() -> None:
    source = defects()
    game = Bright(source.spec)
    assert scoring.defaults(game, source, final=False) == ["auroc"]
    score = scoring.score(game, source)["auroc"]
    assert (score.value, score.uncertainty) == (1.0, 0.0)
    assert score.fingerprint == {"seed": 0, "reference_count": 10, "defective_count": 5}


def test_without_images_of_both_kinds_there_is_no_such_score() -> None:
    source = defects()
    assert source.heldout is not None
    normal = Split({"image": source.heldout.columns["image"], "defect": np.zeros(10, np.int64)})
    for heldout in (normal, Split({"image": normal.columns["image"]}), None):
        bare = replace(source, heldout=heldout)
        assert scoring.defaults(Bright(bare.spec), bare, final=True) == []
        with pytest.raises(UsageError, match="'auroc' needs a game that finds what is unusual, and held-out images"):
            scoring.score(Bright(bare.spec), bare, ["auroc"])


def test_they_are_asked_of_games_that_restore_and_detect() -> None:
    with pytest.raises(UsageError, match="'psnr' needs a game that restores images"):
        evaluate(None, None, ["psnr"], None)
    found = evaluate(None, None, ["auroc"], None, detected=Detected(torch.arange(4.0), torch.arange(4) > 1))
    assert found["auroc"].value == 1.0
    source = open_source(DataOptions(source="digits", size=8))
    with pytest.raises(UsageError, match="'psnr' needs a game that restores images, and held-out damaged images"):
        scoring.score(Bright(source.spec), source, ["psnr"])


def test_scores_of_restored_or_detected_images_that_cannot_be_are_refused() -> None:
    none = torch.zeros(0, 1, 4, 4)
    with pytest.raises(UsageError, match="no image was restored"):
        mean_psnr(Restored(none, none))
    with pytest.raises(SaddleError, match="1 of 2 restored images are not finite"):
        mean_psnr(
            Restored(torch.stack([torch.full((1, 4, 4), torch.nan), torch.zeros(1, 4, 4)]), torch.zeros(2, 1, 4, 4))
        )
    assert math.isnan(mean_psnr(Restored(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)))[1]), "one tells no error"
    with pytest.raises(UsageError, match="3 scores are given, and of 2 images"):
        auroc(torch.zeros(3), torch.tensor([True, False]))
