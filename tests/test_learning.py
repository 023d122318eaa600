"""Every shipped recipe, trained as it is, reaches the scores that it says it does. Minutes each: `make learning`.

With SADDLE_SCORES=1 what was reached goes into docs/scores.json, of which `tools/tables.py` makes a page. With
SADDLE_LOGS=tests/data/logs the log of every recipe goes there, for the tests of the doctor, who finds nothing wrong.
"""

import json
import os
import platform
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

import saddle
from benchmarks import broken
from saddle.base.files import replace
from saddle.metrics.names import chosen
from saddle.metrics.score import Score
from saddle.runs import recipe as recipes
from saddle.runs import scoring
from saddle.runs.diagnosing import verdict
from saddle.runs.run import Run
from saddle.show.pictures import save

SHOWN = {  # by recipe: what it is there to show, as its first lines say, and the doctor may find
    "gan.ring": {"dropped"},
    "gan.grid": {"dropped"},
    "improved-gan.grid": {"dropped", "won"},
}
FILES = sorted(Path(recipes.__file__).parents[1].joinpath("recipes").glob("*.yaml"))
SCORES = Path(__file__).resolve().parents[1] / "docs" / "scores.json"


def short_of(wanted: dict[str, float], scores: dict[str, Score]) -> list[str]:
    """What was not reached, in words: at most the wanted value where lower is better, else at least that."""
    said = []
    for name, bound in wanted.items():
        lower = chosen([name])[name].better == "lower"
        value = scores[name].value
        if not (value <= bound if lower else value >= bound):  # NaN reaches nothing
            said.append(f"{scores[name]} is not {'≤' if lower else '≥'} {bound}")
    return said


def test_a_bound_is_read_in_the_metrics_direction():
    scores = {name: Score(name, 0.5, 0.0, chosen([name])[name].better, {}) for name in ("fid", "recall")}
    assert short_of({"fid": 0.6, "recall": 0.4}, scores) == []
    assert short_of({"fid": 0.4, "recall": 0.6}, scores) == ["fid 0.5 ± 0 is not ≤ 0.4", "recall 0.5 ± 0 is not ≥ 0.6"]
    assert short_of({"fid": 1.0}, {"fid": Score("fid", float("nan"), 0.0, "lower", {})}) == ["fid nan ± 0 is not ≤ 1.0"]


@pytest.mark.parametrize("side", [64, 700])
def test_the_picture_of_a_run_is_small_and_lies_where_the_page_looks_for_it(side: int, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(__name__ + ".SCORES", tmp_path / "docs" / "scores.json")
    noise = Image.effect_noise((side, side), 99).convert("RGB")
    for at, image in ((9, Image.new("RGB", (side, side))), (10, noise)):
        save(image, tmp_path / f"samples/round-{at:07d}.png")
    path = tmp_path / "docs/images/scores/x.png"
    assert picture(SimpleNamespace(folder=tmp_path), path) == "images/scores/x.png"  # type: ignore[arg-type]
    assert path.stat().st_size <= 60_000
    with Image.open(path) as kept:
        assert kept.size[0] <= min(side, 400)
        assert len(kept.convert("RGB").getcolors(1 << 20)) > 9


@pytest.mark.learning
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recipe_reaches_the_scores_it_expects(file: Path, tmp_path: Path):
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # the fast tests take one
    game, _, named = file.stem.partition(".")
    recipe = recipes.Recipe.read(file)
    source = named and recipe.data.source  # digits-only:3 of digits-only
    start = tmp_path / "start" if recipe.options.needs_run else None
    if start:
        saddle.train("dcgan", "digits", start, quiet=True)
    run = saddle.train(game, data=source or None, run=tmp_path / "run", start=start, quiet=True)
    wanted = recipes.expected(game, source or None)
    names = list(dict.fromkeys([*scoring.defaults(run.game, run.source, final=True), *wanted]))
    scores = run.evaluate(names)
    print("\n".join(map(str, scores.values())))
    if os.environ.get("SADDLE_SCORES"):
        keep(file.stem, run, scores)
    if (place := os.environ.get("SADDLE_LOGS")) and file.stem not in SHOWN:
        broken.written(broken.kept(run.files), Path(place) / f"good-{file.stem}.json")
    assert wanted, f"{file.name} expects no score; write what it reached under 'expect:'"
    assert short_of(wanted, scores) == []
    assert {finding.rule for finding in verdict(run.files).findings} <= SHOWN.get(file.stem, set())


FORMS = [  # of which a game has several, each of which is to reach what its recipe expects
    ("fgan", {"game.loss": "KL"}),
    ("fgan", {"game.loss": "PearsonChi2"}),
    ("fgan", {"game.loss": "GANDivergence"}),
    ("fgan", {"game.loss": "SquaredHellinger", "game.loss.trick": False}),
    ("fgan", {"game.loss": "ReverseKL", "game.loss.trick": False}),
    ("ragan", {"game.loss": "RelativisticPairing", "plan.rounds": 2500}),
    ("ragan", {"game.loss.base": "least-squares", "plan.rounds": 2500}),
    ("ragan", {"game.loss.base": "hinge", "plan.rounds": 2500}),
    (
        "ragan",
        {
            "game.penalties": "GradientPenalty",
            "game.network.critic": True,
            "game.discriminator_optim.lr": 8e-4,
        },
    ),
]


@pytest.mark.learning
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("game", "settings"), FORMS, ids=str)
def test_every_form_of_a_game_reaches_the_scores_of_its_recipe(game: str, settings: dict[str, Any], tmp_path: Path):
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    run = saddle.train(game, run=tmp_path / "run", settings=settings, quiet=True)
    wanted = recipes.expected(game, None)
    assert short_of(wanted, run.evaluate(list(wanted))) == []


def keep(stem: str, run: Run, scores: dict[str, Score]) -> None:
    """Write what a recipe reached into docs/scores.json, beside the others."""
    facts = run.info()
    entry: dict[str, Any] = {
        "machine": f"{machine(run)}, PyTorch {torch.__version__}",
        "checkpoint": run.round,
        "rounds": facts["rounds"],
        "seconds": round(run.checkpoints.load(run.checkpoints.rounds()[-1]).facts["seconds"], 1),
        "parameters": sum(facts["parameters"].values()),
        "seconds_to": facts["seconds_to"],
        "picture": picture(run, SCORES.with_name("images") / "scores" / f"{stem}.png"),
        "scores": {name: {"value": score.value, "uncertainty": score.uncertainty} for name, score in scores.items()},
    }
    known = json.loads(SCORES.read_text("utf-8")) if SCORES.exists() else {}
    replace(SCORES, (json.dumps(dict(sorted((known | {stem: entry}).items())), indent=1) + "\n").encode())


def picture(run: Run, path: Path, most: int = 60_000) -> str:
    """The run's last picture as a PNG of at most `most` bytes at `path`; its place as docs/scores.md sees it."""
    with Image.open(max((run.folder / "samples").glob("round-*.png"))) as file:
        image = file.convert("RGB")
    image.thumbnail((400, 400), Image.Resampling.LANCZOS)
    while True:
        save(image.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE), path)
        if path.stat().st_size <= most:
            return str(path.relative_to(SCORES.parent))
        image.thumbnail((image.width * 4 // 5, image.height * 4 // 5), Image.Resampling.LANCZOS)


def machine(run: Run) -> str:
    if run.device.type == "cuda":
        return torch.cuda.get_device_name(run.device)
    threads = torch.get_num_threads()
    return f"{threads} thread{'s' if threads > 1 else ''} of a processor ({platform.machine()})"
