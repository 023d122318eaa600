"""The page docs/scores.md: what recipes are expected to reach, what they reached, and what a trivial answer gets."""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from reference import table

from saddle.base.kinds import text
from saddle.base.settings import flat
from saddle.metrics.names import chosen, metric_names
from saddle.runs import recipe as recipes
from saddle.runs.recipe import Recipe

METRICS = chosen(metric_names())
DOCS = Path(__file__).resolve().parents[1] / "docs"
SCORES = DOCS / "scores.json"  # written by tests/test_learning.py
BASELINES = DOCS / "baselines.json"  # written by tools/baselines.py
LABELS = DOCS / "labels.json"  # written by saddle benchmark labels --json
ARROW = {"lower": "↓", "higher": "↑", "one": "→ 1", "none": ""}


def shipped() -> dict[str, Path]:
    """Every shipped recipe by the stem of its file; the recipe on a game's own data before the others."""
    return {path.stem: path for path in sorted(Path(recipes.__file__).parents[1].joinpath("recipes").glob("*.yaml"))}


def command(stem: str) -> str:
    game, _, source = stem.partition(".")
    return f"saddle train {game}" + (f" --data {source}" if source else "")


def scores_page() -> str:
    measured = json.loads(SCORES.read_text("utf-8")) if SCORES.exists() else {}
    return f"""# Scores

What each shipped recipe is expected to reach, and what it reached. Written by `python tools/tables.py --write` from
the recipes and from `docs/scores.json`, which this leaves:

```sh
SADDLE_SCORES=1 make learning
```

## Expected

{table(["command", "budget", "score", "reached"], [expected(stem, path, measured) for stem, path in shipped().items()])}

What is **bold** was missed: `make learning` fails there. What was tried is described on the page about
[what mattered](what-mattered.md).

## Measured

{measured_tables(measured) or "Not yet measured."}

## Labels, codes and words

Beside each kind of score stands what a trivial answer gets, as `python tools/baselines.py` measures it.

{beside_baselines(measured)}

### Few labels

`saddle benchmark labels --games sgan --seeds 1 --plan.rounds 3000 --game.prior uniform`: the shares of 497 held-out
digits that are named wrongly, beside those of the same classifier trained for as long on the labelled images alone. The
recipe plays 5,000 rounds with a normal z, and with ten labels makes 45 % and 23 % fewer mistakes, by the seed
([what mattered](what-mattered.md#few-labels)).

{few_labels()}
"""


def expected(stem: str, path: Path, measured: dict[str, Any]) -> list[str]:
    wanted = yaml.safe_load(path.read_text("utf-8")).get("expect", {})
    said = [f"{name} {'≤' if METRICS[name].better == 'lower' else '≥'} {value}" for name, value in wanted.items()]
    plan = Recipe.read(path).plan
    budget = f"{plan.minutes:g} minutes" if plan.minutes else f"{plan.fixed_rounds():,} rounds"
    scores = measured.get(stem, {}).get("scores", {})
    reached = [output(name, bound, scores[name]["value"]) for name, bound in wanted.items() if name in scores]
    return [f"`{command(stem)}`", budget, ", ".join(said), ", ".join(reached) or "not measured"]


def output(name: str, bound: float, value: float) -> str:
    """The value, bold if it misses the bound."""
    reached = value <= bound if METRICS[name].better == "lower" else value >= bound
    return number(value) if reached else f"**{number(value)}**"


def measured_tables(measured: dict[str, Any]) -> str:
    """What FID judges in one table; then one for each other set of scores, since runs on other data have others."""
    images = {stem: run for stem, run in measured.items() if "fid_multiple" in run["scores"]}
    tables = [table(IMAGES, [image_line(stem, run) for stem, run in sorted(images.items())])] if images else []
    others = [(stem, run) for stem, run in measured.items() if stem not in images]
    others.sort(key=lambda item: (list(item[1]["scores"]), item[0]))
    for names, group in groupby(others, key=lambda item: list(item[1]["scores"])):
        heads = [f"{name} {ARROW[METRICS[name].better]}" for name in names]
        lines = [[*facts(stem, run), *(value(run, name) for name in names)] for stem, run in group]
        tables.append(table([*FACTS, *heads], lines))
    machines = sorted({run["machine"] for run in measured.values()})
    return "\n\n".join([*tables, *([f"Machine: {'; '.join(machines)}."] if machines else [])])


THEMES = {  # what a game is for, and the scores that tell
    "The digit that was wanted": (
        "accuracy",
        "intra_fid_multiple",
        "intra_diversity",
        "class_precision",
        "class_recall",
    ),
    "Digits found without labels": ("purity",),
    "Digits classified": ("error",),
    "Codes": ("nn_accuracy", "probe_accuracy", "prior_kid", "prior_kid_train", "reconstruction", "sharpness"),
    "Drawn from captions": ("attributes", "attributes_all", "attributes_held_out", "attributes_held_out_all"),
}


def beside_baselines(measured: dict[str, Any]) -> str:
    """For every theme a table of the runs that have its first score, and below them the trivial answers."""
    trivial = json.loads(BASELINES.read_text("utf-8"))
    parts = []
    for theme, names in THEMES.items():
        lines = [[f"`{command(stem)}`", *(value(run, name) for name in names)] for stem, run in measured.items()]
        lines = [line for line in lines if line[1]]
        for answer, scores in trivial.items():
            known = [f"{scores[name]:.3g}" if name in scores else "" for name in names]
            lines += [[f"*{answer}*", *known]] if any(known) else []
        heads = [f"{name} {ARROW[METRICS[name].better]}" for name in names]
        parts.append(f"### {theme}\n\n{table(['command', *heads], lines)}")
    return "\n\n".join(parts)


def few_labels() -> str:
    """Errors of games that learn from images without labels too, beside those of the labels alone."""
    lines = []
    for entry in json.loads(LABELS.read_text("utf-8")):
        own, baseline = entry["scores"]["error"], entry["scores"]["baseline_error"]
        fewer = f"{1 - own / baseline:.0%}"
        lines.append([entry["game"], entry["data"], str(entry["seed"]), f"{own:.3f}", f"{baseline:.3f}", fewer])
    return table(["game", "labelled images", "seed", "error ↓", "of the labels alone ↓", "fewer mistakes ↑"], lines)


FACTS = ["command", "samples", "settings", "minutes", "parameters"]
QUALITY = ("fid", "fid_multiple", "precision", "recall", "classes")
ALSO = ("accuracy", "purity")  # of games that can be asked for a digit
TIMES = "seconds to 10, 5, 2.5, 1.5 floors"
IMAGES = [*FACTS, *(f"{name} {ARROW[METRICS[name].better]}" for name in QUALITY), "also", TIMES]


def image_line(stem: str, run: dict[str, Any]) -> list[str]:
    times = run.get("seconds_to", {})
    timed = ", ".join("–" if seconds is None else f"{seconds:.0f}" for seconds in times.values())
    also = ", ".join(f"{name} {value(run, name)}" for name in ALSO if name in run["scores"])
    return [*facts(stem, run), *(value(run, name) for name in QUALITY), also, timed]


def facts(stem: str, run: dict[str, Any]) -> list[str]:
    shown = f"![samples of {stem}]({run['picture']})" if "picture" in run else ""
    threads = run["machine"].partition(" of ")[0]
    minutes = f"{run['seconds'] / 60:.1f}" + ("" if threads == "1 thread" else f" ({threads})")
    return [f"`{command(stem)}`", shown, unlike_paper(stem), minutes, f"{run['parameters']:,}"]


def value(run: dict[str, Any], name: str) -> str:
    score = run["scores"].get(name)
    return f"{number(score['value'])} ± {score['uncertainty']:.1g}" if score else ""


def number(value: float) -> str:
    """Three digits, and no fewer than there are before the point."""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def unlike_paper(stem: str) -> str:
    """What the recipe sets of the game, where the paper's settings are not meant, and the size of its batches."""
    game = yaml.safe_load(shipped()[stem].read_text("utf-8"))["game"]
    changed = flat({name: part for name, part in game.items() if name != "name"}) if isinstance(game, dict) else {}
    said = [f"{name} {text(part)}" for name, part in changed.items()]
    return ", ".join([*said, f"batches of {Recipe.read(shipped()[stem]).plan.batch}"])
