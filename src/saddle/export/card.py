"""The model card of an exported run: README.md, made of what the run's folder holds, and of nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base import guests
from ..base.files import quoted
from ..doctor import Log, examine
from ..runs import registry
from ..runs.recipe import named, portable
from ..runs.run import Run
from ..show import pictures
from ..show.scores import told
from . import snippet
from .parity import Parity

PICTURE, SHOWN = "samples.png", 16
OPENED = """```python
import saddle

{plugins}run = saddle.load(".")
```

Every command of Saddle on a run works on this folder too."""


def write(run: Run, folder: Path, to: str, files: Mapping[str, Parity], manifest: Mapping[str, Any]) -> Path:
    """README.md and, where there is one to show, a picture beside it."""
    picture = _picture(run, folder)
    licence = manifest["licence_of_data"]
    parts = [
        *_front(licence),
        f"# {title(run)}",
        f"{registry.in_short(type(run.game))} It is for {_purpose(run, to)}.",
        *([f"Paper: {registry.summary(run.recipe.game)}"] if run.recipe.game in registry.names() else []),
        *([f"![{picture}]({PICTURE})", picture] if picture else []),
        "## Use",
        *_uses(to, files, manifest, run.recipe.guests()),
        "## How it was made",
        *_made(run),
        "## Scores",
        *_scores(run),
        "## What the doctor found",
        " ".join(examine(Log.of(run.files)).lines()),
        "## Data and licence",
        f"Data: {named(run.recipe.data.source)}. Licence of the data: {licence}."
        + (" Ask whoever made the data before you publish this." if licence == "unknown" else ""),
        "## Limits",
        *_limits(run),
    ]
    path = folder / "README.md"
    path.write_text("\n\n".join(parts) + "\n")
    return path


def title(run: Run) -> str:
    """The game and its data, without where they lie: dcgan on photos for folder:/path/to/photos."""
    return f"{run.recipe.game} on {named(run.recipe.data.source)}"


def _purpose(run: Run, to: str) -> str:
    """What it is for; with the commands that do it, where they work on the folder."""
    described = type(run.game).described()
    return described if to not in snippet.LIBRARY else re.sub(r" \(saddle [^)]*\)", "", described)


def _front(licence: str) -> list[str]:
    """What a hub of models reads first."""
    named = f"license_name: {licence!r}\n" if licence != "unknown" else ""
    return [f"---\nlicense: {'other' if named else 'unknown'}\n{named}library_name: saddle-gan\ntags: [gan]\n---"]


def _picture(run: Run, folder: Path) -> str:
    """Write a picture; what it shows, in words, or nothing if there is none."""
    forms = run.game.forms()
    if not isinstance(forms.get("sample", ""), str) and run.spec.is_image:
        pictures.save(pictures.grid(run.sample(SHOWN)), folder / PICTURE)
        return f"{SHOWN} samples of this checkpoint, seed 0, not chosen"
    last = run.files.last_picture()
    if last is None or not last.is_file():
        return ""
    shutil.copyfile(last, folder / PICTURE)
    return "What the training showed last"


def _uses(to: str, files: Mapping[str, Parity], manifest: Mapping[str, Any], modules: Sequence[str]) -> list[str]:
    lines = []
    plugins = "".join(f'saddle.plugin("{module}")  # what defines the parts of this run\n' for module in modules)
    for name, parity in files.items():
        entry = manifest["files"][name]
        if to in snippet.LIBRARY:
            lines.append(snippet.of(to, name, entry))
            lines += [_table("in", entry["inputs"]), _table("out", entry["outputs"])]
        else:
            lines.append(OPENED.format(plugins=plugins))
        lines.append(
            f"A fresh process opened {name} and computed {sum(parity.batches)} inputs, {_batches(parity)} at a time: "
            f"the largest difference from the run was {parity.largest:.1e} (limit {parity.limit:g})."
        )
    return [*lines, "`saddle.json` has all of this for programs."]


def _batches(parity: Parity) -> str:
    *first, last = map(str, parity.batches)
    return f"{', '.join(first)} and {last}"


def _table(way: str, ports: list[dict[str, Any]]) -> str:
    """Inputs or outputs, a line each."""
    lines = [f"| {way} | shape | what it is |", "|---|---|---|"]
    for port in ports:
        shape = " × ".join(map(str, port.get("shape", []))) or "–"
        lines.append(f"| `{port['name']}` | {shape} | {port['says']}{_more(port)} |")
    return "\n".join(lines)


def _more(port: Mapping[str, Any]) -> str:
    more = [f"names: {', '.join(port['names'])}"] if port.get("names") else []
    more += [f"{part['size']} numbers, {part['distribution']} ({part['name']})" for part in port.get("parts", [])]
    return "".join(f"; {each}" for each in more).replace("|", "\\|")


def _made(run: Run) -> list[str]:
    if origin := run.state.facts.get("imported"):
        files = ", ".join(f"`{name}` (SHA-256 `{sha256}`)" for name, sha256 in origin["files"].items())
        notes = [f"- {note}" for note in origin["notes"]]
        return [f"Imported from {files}, of {origin['source']}. Licence: {origin['licence']}.", "\n".join(notes)]
    facts, starts = run.state.facts, run.files.events("start")
    seconds, device = facts.get("seconds"), starts[-1].get("device") if starts else None
    where = f" on {device}" if device else ""
    took = f" It took {seconds:,.0f} seconds{where}." if isinstance(seconds, int | float) else ""
    images = run.round * run.recipe.plan.batch
    against = f" Its losses compare images in {run.game.trained_against}." if run.game.trained_against else ""
    return [
        f"Round {run.round:,}, after {images:,} images.{took}{against} "
        "The same again, with Saddle and `recipe.yaml` of this folder:",
        f"```sh\nsaddle train --config recipe.yaml --run {quoted(Path('runs') / run.files.path.resolve().name)}"
        f"{guests.options(run.recipe.guests())}\n```",
        f"```yaml\n{portable(run.recipe).to_yaml()}```",
    ]


def _scores(run: Run) -> list[str]:
    scores = run.files.latest_scores()
    if not scores:
        return ["The run was not scored."]
    of = "The final ones; they are of the checkpoint that was the best, or the last, when the training ended."
    return [of, "\n".join(f"- {told(score)}" for score in scores)]


def _limits(run: Run) -> list[str]:
    lines = [
        "It draws what its data show, with their gaps and their slant. No score tells whether that is right for you."
    ]
    if run.spec.is_image:
        height, width = run.spec.shape[-2:]
        lines.append(f"It was trained on images of {height}×{width} pixels.")
    if run.round == 0 and "imported" not in run.state.facts:
        lines.append("Nothing has been learned yet: this is round 0.")
    return lines
