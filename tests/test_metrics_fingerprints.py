"""A score's fingerprint keeps its content: what was measured before stays comparable with what is measured now."""

import json
from functools import cache
from pathlib import Path
from unittest.mock import patch

import measured
import pytest

from saddle.metrics import Score, evaluate, metric_names
from saddle.metrics.codes import Codes
from saddle.metrics.ingredients import ReferenceLabels
from saddle.metrics.single_image import OneImage

TABLE = Path(__file__).with_name("fingerprints.json")  # written before metrics had ingredients, from these very inputs
KEPT = json.loads(TABLE.read_text("utf-8"))
OF_PAIRS = {"psnr", "psnr_y", "ssim", "ms_ssim", "l1", "lpips", "sharpness_ratio", "luminance", "task_accuracy"}
OF_WAYS = {"cycle_psnr", "identity_change", "translation_fid", "translation_kid", "translation_swd"}
OF_SHADOWS = {"lab_error", "lab_error_shadow", "lab_error_outside", "ber"}
OF_MAPS = {f"{how}{name}" for how in ("", "reread_") for name in ("mean_accuracy", "miou")}
OF_MAPS |= {"pixel_accuracy", "reread_accuracy"}
OF_LABELS = {"attribute_accuracy", "attributes_kept", "label_accuracy"}
OF_CODES = {"probe_attribute", "probe_content", "pair_agreement", "pair_difference"}
OF_STYLES = {"style_following", "swap_attributes", "swap_labels"}
OF_ALL_THESE = OF_SHADOWS | OF_MAPS | OF_LABELS | OF_CODES | OF_STYLES
OF_RESTORED = {"ssim_y", "restored_accuracy", "rank1"}
OF_REFINED = {"refined_accuracy", "refined_error", "labels_kept"}
OF_DEFECTS = {"auroc", "average_precision", "f1_max", "recall_1", "recall_5", "pixel_auroc", "aupro", "query_ms"}
OF_LATENTS = {"parzen", "ppl", "ppl_end"}
LATER = (
    OF_LATENTS | OF_DEFECTS | OF_REFINED | OF_RESTORED | OF_PAIRS | OF_WAYS | OF_ALL_THESE
)  # metrics that came after the table


@cache
def table() -> dict[str, Score]:
    """Every score of the table, anew."""
    found: dict[str, Score] = {}

    def put(group: str, scores: dict[str, Score]) -> None:
        found.update({f"{name} of {group}": score for name, score in scores.items()})

    def named(group: str) -> list[str]:
        return [key.split(" of ")[0] for key in KEPT if key.endswith(f" of {group}")]

    d = measured.digits()
    bounds, labels = d["bounds"], ReferenceLabels(d["names"], d["real_labels"], d["train_labels"])
    more = {"bounds": bounds, "codes": Codes(**d["codes"], errors=d["errors"]), "predictions": d["predictions"]}
    put(
        "digits",
        evaluate(
            d["sample"],
            d["real"],
            named("digits"),
            "digits",
            n=400,
            batch=400,
            seed=3,
            train=d["train"],
            reference_labels=labels,
            **more,
        ),
    )
    put("nothing", evaluate(d["sample"], None, ["elbo"], None, bounds=bounds))
    c = measured.captions()
    drawn = {"unseen": c["unseen"], "smallest": c["sample"]}
    put("captions", evaluate(c["sample"], None, named("captions"), None, n=measured.N, **drawn))
    points, mixture = measured.ring()
    put("ring", evaluate(lambda k: points[:k], points.flip(0), named("ring"), "pixels", n=measured.N, mixture=mixture))
    stacked = measured.stacked()
    put("stacked", evaluate(lambda k: stacked[:k], None, named("stacked"), "digits", n=measured.N))
    put("one image", evaluate(None, None, named("one image"), None, single=OneImage(**measured.one_image())))
    train, heldout = measured.photos()
    # 60 references: the table is older than the bound
    with patch("saddle.metrics.multiple.FEWEST", 1), patch("saddle.metrics.evaluation.count_of", lambda *_: 100):
        put("photos", evaluate(lambda k: train[:k], heldout, named("photos"), None, n=30, batch=30, train=train))
    return found


@pytest.mark.parametrize("name", KEPT)
def test_a_fingerprint_holds_what_it_held_and_a_score_is_what_it_was(name: str) -> None:
    score = table()[name]
    assert score.fingerprint == KEPT[name]["fingerprint"]
    assert score.better == KEPT[name]["better"]
    assert score.value == pytest.approx(KEPT[name]["value"], rel=1e-4, abs=1e-5)
    assert score.uncertainty == pytest.approx(KEPT[name]["uncertainty"], rel=1e-3, abs=1e-5, nan_ok=True)
    assert score.details == pytest.approx(KEPT[name].get("details", {}), rel=1e-4, abs=1e-5)


def test_the_table_has_every_metric() -> None:
    assert {key.split(" of ")[0] for key in KEPT} == metric_names().keys() - LATER
