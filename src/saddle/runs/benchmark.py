"""Games side by side: the same data, several seeds, one table with its spread.

Every run is an ordinary run folder. A finished one is taken as it is, and one that was interrupted goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from ..base.errors import UsageError, near
from ..base.files import replace
from ..base.folder import RunFolder
from ..data import sources_with_modes
from ..report.samples import read_picture
from ..show import pictures
from . import registry
from .recipe import Recipe, shipped
from .run import Run
from .session import check, train

LABELLED = [5, 10, 50]  # labels of each class, of which the games that need few are given so many


Planned = tuple[Path, Recipe]  # a run folder and what is to be trained there


@dataclass(frozen=True)
class Entry:
    """What one run scored at its end."""

    game: str
    data: str
    seed: int
    run: str
    seconds: float  # of training
    scores: dict[str, float]


@dataclass(frozen=True)
class Bench:
    """What the tables have in common: which games, how often, where, and with which settings."""

    games: Sequence[str]  # none: every one that the table is for
    seeds: int  # each game is trained with the seeds 0 … seeds - 1
    folder: Path  # of the run folders
    edits: Mapping[str, Any]  # change all recipes alike
    device: str = "auto"
    say: Callable[[str], None] | None = None  # None: nothing is printed

    def check(self, runs: Sequence[Planned]) -> None:
        """UsageError for a run that would be refused at its start, which may come hours after that of the first one."""
        built: list[Recipe] = []
        for path, recipe in runs:
            recipe.settled(path).check_folder(path, "--out", may_grow=False)  # what was made longer is no longer alike
            alike = recipe.change({"plan.seed": 0})
            if alike not in built and RunFolder(path).status != "finished":
                check(recipe, path, self.device)
                built.append(alike)

    def scored(self, run: Planned, names: list[str], n: int) -> dict[str, Any]:
        """The run's seconds and scores as they were written down, or else those of the run once it is trained."""
        path, recipe = run
        if self.say:
            self.say(f"{path}")
        return _scored(recipe, path, self.device, self.say is None, names, n)


def modes(bench: Bench, sources: Sequence[str]) -> list[Entry]:
    """Train each game on each of the sources, and count the modes at the end.

    No game: every one that has a recipe for a source. The last checkpoint is scored, not the best, for the best
    high-quality share may well be that of a collapsed generator. Raises UsageError, before anything is trained, for a
    game without a recipe for any of the sources, for settings that do not go together, and for a folder with runs of
    other ones.
    """
    recipes = list(planned(bench.games, sources, bench.seeds, bench.edits))
    runs = [(bench.folder / f"{recipe.game}-{recipe.data.source}-{recipe.plan.seed}", recipe) for recipe in recipes]
    bench.check(runs)
    entries = []
    for path, recipe in runs:
        count = sources_with_modes()[recipe.data.source]
        scored = bench.scored((path, recipe), list(count.metrics), count.samples)
        entries.append(Entry(recipe.game, recipe.data.source, recipe.plan.seed, str(path), **scored))
    return entries


def labels(bench: Bench, counts: Sequence[int]) -> list[Entry]:
    """Train each game on its own data, with `counts` of each class labelled.

    Beside each the same classifier is trained for as many rounds on those labels alone, the baseline. An entry has
    the shares of held-out images that the two get wrong, `error` and `baseline_error`; the last checkpoints are scored.
    No game: every one that has such a baseline. Raises UsageError, before anything is trained, for one without.
    """
    pairs = []  # each game after its baseline
    for recipe in planned_labels(bench.games, counts, bench.seeds, bench.edits):
        path = bench.folder / f"{recipe.game}-{recipe.data.labelled}-{recipe.plan.seed}"
        baseline = registry.load(recipe.game).baseline
        supervised = recipe.change({f"game.{name}": value for name, value in baseline.items()})
        pairs.append([(path.with_name(f"{path.name}-baseline"), supervised), (path, recipe)])
    bench.check([run for pair in pairs for run in pair])
    entries = []
    for pair in pairs:
        path, recipe = pair[1]
        baseline, own = (bench.scored(run, ["error"], 2) for run in pair)
        scores = {"error": own["scores"]["error"], "baseline_error": baseline["scores"]["error"]}
        data = _labelled(recipe.data.labelled)
        entries.append(Entry(recipe.game, data, recipe.plan.seed, str(path), own["seconds"], scores))
    return entries


def planned_labels(
    games: Sequence[str], counts: Sequence[int], seeds: int, edits: Mapping[str, Any]
) -> Iterator[Recipe]:
    """The recipe of every semi-supervised run, in the order of the table."""
    for game in games:
        if not _has_baseline(game):
            others = ", ".join(filter(_has_baseline, registry.names()))
            raise UsageError(f"{game} has no supervised baseline; these have one: {others}")
    for count in counts:
        for game in games or filter(_has_baseline, registry.names()):
            for seed in range(seeds):
                kind = registry.load(game)
                own = {f"game.{name}": getattr(kind.Options(), name) for name in kind.baseline}
                changes = {"data.labelled": count, "plan.seed": seed, **own}
                yield Recipe.default(game).change({**edits, **changes})


def _has_baseline(game: str) -> bool:
    kind = registry.load(game)
    return kind.takes_unlabelled and bool(kind.baseline)


def _labelled(count: int) -> str:
    return f"{count} label{'s' * (count != 1)} a class"


def planned(games: Sequence[str], sources: Sequence[str], seeds: int, edits: Mapping[str, Any]) -> Iterator[Recipe]:
    """The recipe of every run, in the order of the table; a game is left out where it has none."""
    possible = sources_with_modes()
    for source in sources:
        if source not in possible:
            raise UsageError(
                f"no modes are known of '{source}'{near(source, possible)}; there are {', '.join(possible)}"
            )
    ready = {name: [source for source in sources if shipped(name, source)] for name in registry.names()}
    for game in games:
        registry.load(game)  # first of all, is it a game?
        if not ready[game]:
            raise UsageError(
                f"Saddle brings no recipe for {game} on {' or '.join(sources)}, only for "
                f"{', '.join(name for name in ready if ready[name]) or 'no game'}. With settings of yours: "
                f"saddle train {game}"
            )
    for source in sources:
        for game in (name for name in games or ready if source in ready[name]):
            for seed in range(seeds):
                yield Recipe.default(game, source).change({**edits, "plan.seed": seed})


def _scored(recipe: Recipe, folder: Path, device: str, quiet: bool, names: list[str], n: int) -> dict[str, Any]:
    """The run's seconds and scores as they were written down, or else those of the run once it is trained."""
    files = RunFolder(folder)
    if not (files.status == "finished" and not recipe.settled(folder).differences(Recipe.read(folder))):
        train(recipe, folder, device, quiet)  # refuses a folder with another recipe
    run = Run(folder, "last", device)
    result = files.benchmarked()
    if result.get("round") != run.round:
        scores = {name: score.value for name, score in run.evaluate(names, n).items()}
        result = {"round": run.round, "seconds": run.info()["seconds"], "scores": scores}
        replace(files.benchmark, json.dumps(result, indent=1).encode())
    return {"seconds": result["seconds"], "scores": result["scores"]}


def tables(entries: Sequence[Entry]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """For each source its name, the headings and a line for each game: median [least – greatest] over the seeds."""
    for source in dict.fromkeys(entry.data for entry in entries):
        names = sources_with_modes()[source].metrics
        here = [entry for entry in entries if entry.data == source]
        lines = []
        for game in dict.fromkeys(entry.game for entry in here):
            runs = [entry for entry in here if entry.game == game]
            columns = [[run.scores[name] for run in runs] for name in names]
            lines.append([game, *map(spread, columns), spread([run.seconds for run in runs]), str(len(runs))])
        yield source, ["game", *names, "seconds", "seeds"], lines


def label_table(entries: Sequence[Entry]) -> tuple[list[str], list[list[str]]]:
    """The headings and, for each game and number of labels, a line: errors, the baseline's, and % fewer mistakes."""
    lines = []
    for game, data in dict.fromkeys((entry.game, entry.data) for entry in entries):
        runs = [entry for entry in entries if (entry.game, entry.data) == (game, data)]
        own, baseline = ([run.scores[name] for run in runs] for name in ("error", "baseline_error"))
        fewer = [100 * (1 - a / b) if b else 0.0 for a, b in zip(own, baseline, strict=True)]
        columns = map(spread, (own, baseline, fewer, [run.seconds for run in runs]))
        lines.append([game, data, *columns, str(len(runs))])
    return ["game", "data", "error", "baseline error", "% fewer", "seconds", "seeds"], lines


def spread(values: Sequence[float]) -> str:
    """'7 [6 – 8]'; the number alone where all are the same."""
    least, middle, most = (f"{x:.3g}" if x < 1000 else f"{x:.0f}" for x in (min(values), median(values), max(values)))
    return middle if least == most else f"{middle} [{least} – {most}]"


def sheet(entries: Sequence[Entry]) -> Image.Image | None:
    """The last picture of every run: a row for each game and source, a column for each seed; None without pictures."""
    width = 240
    rows = dict.fromkeys((entry.data, entry.game) for entry in entries)
    seeds = sorted({entry.seed for entry in entries})
    last = {(e.data, e.game, e.seed): _last_picture(Path(e.run)) for e in entries}
    if not any(last.values()):
        return None
    canvas = Image.new("RGB", (len(seeds) * width, len(rows) * (width + 20)), pictures.PAPER)
    for i, row in enumerate(rows):
        pictures.caption(canvas, (8, i * (width + 20) + 10), f"{row[1]} on {row[0]}")
        for k, seed in enumerate(seeds):
            image = last.get((*row, seed))
            if image:
                image.thumbnail((width - 8, width), Image.Resampling.LANCZOS)
                canvas.paste(image, (k * width + 4, i * (width + 20) + 20))
    return canvas


def _last_picture(folder: Path) -> Image.Image | None:
    path = RunFolder(folder).last_picture()
    return read_picture(path) if path else None
