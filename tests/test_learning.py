"""Every shipped recipe, trained as it is, reaches the scores that it says it does. Minutes each: `make learning`.

With SADDLE_SCORES=1 what was reached goes into docs/scores.json, of which `tools/tables.py` makes a page.
"""

import json
import os
import platform
from pathlib import Path
from typing import Any

import pytest
import torch

import saddle
from saddle import recipe as recipes
from saddle import scoring
from saddle.metrics.names import METRICS
from saddle.metrics.score import Score
from saddle.pictures import replace
from saddle.run import Run

FILES = sorted(Path(recipes.__file__).with_name("recipes").glob("*.yaml"))
SCORES = Path(__file__).resolve().parents[1] / "docs" / "scores.json"


def short_of(wanted: dict[str, float], scores: dict[str, Score]) -> list[str]:
    """What was not reached, in words: at most the wanted value where lower is better, else at least that."""
    said = []
    for name, bound in wanted.items():
        lower = METRICS[name].better == "lower"
        value = scores[name].value
        if not (value <= bound if lower else value >= bound):  # NaN reaches nothing
            said.append(f"{scores[name]} is not {'≤' if lower else '≥'} {bound}")
    return said


def test_a_bound_is_read_in_the_metrics_direction():
    scores = {name: Score(name, 0.5, 0.0, METRICS[name].better, {}) for name in ("fid", "recall")}
    assert short_of({"fid": 0.6, "recall": 0.4}, scores) == []
    assert short_of({"fid": 0.4, "recall": 0.6}, scores) == ["fid 0.5 ± 0 is not ≤ 0.4", "recall 0.5 ± 0 is not ≥ 0.6"]
    assert short_of({"fid": 1.0}, {"fid": Score("fid", float("nan"), 0.0, "lower", {})}) == ["fid nan ± 0 is not ≤ 1.0"]


@pytest.mark.learning
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recipe_reaches_the_scores_it_expects(file: Path, tmp_path: Path):
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # the fast tests take one
    game, _, source = file.stem.partition(".")
    run = saddle.train(game, data=source or None, run=tmp_path / "run", quiet=True)
    wanted = recipes.expected(game, source or None)
    names = list(dict.fromkeys([*scoring.defaults(run.game, run.source, final=True), *wanted]))
    scores = run.evaluate(names)
    print("\n".join(map(str, scores.values())))
    if os.environ.get("SADDLE_SCORES"):
        keep(file.stem, run, scores)
    assert wanted, f"{file.name} expects no score; write what it reached under 'expect:'"
    assert short_of(wanted, scores) == []


def keep(stem: str, run: Run, scores: dict[str, Score]) -> None:
    """Write what a recipe reached into docs/scores.json, beside the others."""
    facts = run.info()
    entry: dict[str, Any] = {
        "machine": f"{machine(run)}, PyTorch {torch.__version__}",
        "checkpoint": run.round,
        "rounds": facts["rounds"],
        "seconds": round(run.checkpoints.load(run.checkpoints.rounds()[-1]).facts["seconds"], 1),
        "parameters": sum(facts["parameters"].values()),
        "scores": {name: {"value": score.value, "uncertainty": score.uncertainty} for name, score in scores.items()},
    }
    known = json.loads(SCORES.read_text("utf-8")) if SCORES.exists() else {}
    replace(SCORES, (json.dumps(dict(sorted((known | {stem: entry}).items())), indent=1) + "\n").encode())


def machine(run: Run) -> str:
    if run.device.type == "cuda":
        return torch.cuda.get_device_name(run.device)
    threads = torch.get_num_threads()
    return f"{threads} thread{'s' if threads > 1 else ''} of a processor ({platform.machine()})"
