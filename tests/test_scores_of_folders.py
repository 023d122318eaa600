"""A folder of one's own pictures is scored without being asked: there is a best checkpoint, exactly and as asked."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saddle.base.errors import UsageError
from saddle.metrics import reference
from saddle.runs import scoring, session
from saddle.runs.recipe import Recipe

FOUND = {"fid", "fid_floor", "precision", "recall", "swd", "swd_floor"}  # multiples want 100 images held out


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, chance = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for i in range(80):
        Image.fromarray(chance.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module", autouse=True)
def few() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "SAMPLES", 40)
        yield


def train(folder: Path, pictures: Path, **plan: Any) -> None:
    settings = {"rounds": 2, "batch": 4, "scores": 2, "pictures": 0, "samples": 40, "precision": "fp32"} | plan
    edits = {"data": f"folder:{pictures}", "data.cache": str(pictures.parent / "cache"), "game.z_dim": 4}
    recipe = Recipe.default("gan", f"folder:{pictures}")
    session.train(
        recipe.change(edits | {f"plan.{name}": value for name, value in settings.items()}), folder, quiet=True
    )


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "a"
    train(folder, pictures)
    return folder


def scored(run: Path) -> list[dict[str, Any]]:
    events = map(json.loads, (run / "events.jsonl").read_text("utf-8").splitlines())
    return [event for event in events if event["event"] == "score"]


def test_a_folder_has_scores_on_the_way_and_at_the_end_and_a_best_checkpoint(run: Path) -> None:
    assert [[*event["scores"]] for event in scored(run)] == [["fid", "swd"]] * 2
    final = json.loads((run / "scores.json").read_text("utf-8"))
    assert {score["name"] for score in final} == FOUND
    values = {event["round"]: event["scores"]["fid"]["value"] for event in scored(run)}
    assert final[0]["round"] == min(values, key=values.__getitem__)
    assert final[0]["fingerprint"]["extractor"] == "own"


def test_a_run_that_goes_on_has_the_scores_of_one_that_never_stopped(run: Path, pictures: Path, tmp_path: Path) -> None:
    again = tmp_path / "a"
    shutil.copytree(run, again)
    shutil.rmtree(next((again / "checkpoints").glob("round-*2")))
    (again / "scores.json").unlink()
    reference._seen.clear()  # as another process would begin
    train(again, pictures)
    assert len(scored(again)) == 3
    assert scored(again)[-1]["scores"] == scored(run)[-1]["scores"]
    assert (again / "scores.json").read_text("utf-8") == (run / "scores.json").read_text("utf-8")


def test_the_first_metric_that_the_plan_names_chooses_the_best_checkpoint(pictures: Path, tmp_path: Path) -> None:
    train(tmp_path / "b", pictures, metrics="swd,precision")
    assert [[*event["scores"]] for event in scored(tmp_path / "b")] == [["swd", "precision"]] * 2
    facts = [json.loads(file.read_text("utf-8")) for file in tmp_path.glob("b/checkpoints/round-*/facts.json")]
    assert {fact["score"]["name"] for fact in facts if "score" in fact} == {"swd"}


def test_a_metric_that_a_folder_cannot_have_stops_a_run_before_it_begins(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"plan\.metrics: the metric 'accuracy' needs .*; these data .* can have .*swd"
    ):
        train(tmp_path / "c", pictures, metrics="accuracy")
    assert not (tmp_path / "c").exists()
