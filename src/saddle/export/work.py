"""A run becomes a folder for others: all or nothing, and nothing that was there is touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..base import guests
from ..base.errors import UsageError, near, some
from ..base.files import check_new, new_folder
from ..runs import releasing
from ..runs.recipe import portable
from ..runs.run import Run
from ..tasks import Form, Forms
from ..training.checkpoint import sha256
from . import card, facts, graph, half, parity, space
from .parity import Parity
from .traced import Graph, still, traced

FORMATS = {
    "pt2": "programs of torch.export, for PyTorch without Saddle",
    "onnx": "graphs of ONNX, for onnxruntime",
    "safetensors": "all weights as they are used, for saddle.load",
    "spaces": "a page of gradio over ONNX files, for a Space of Hugging Face",
}
PRECISIONS = ("fp32", "fp16")  # of the weights
MANIFEST, TOKENIZER = "saddle.json", "tokenizer.json"


@dataclass(frozen=True)
class Result:
    """What was written."""

    folder: Path
    files: dict[str, Parity]  # by name
    left_out: dict[str, str] = field(default_factory=dict)  # what could not be exported, and why

    def written(self) -> dict[str, Any]:
        """For programs."""
        files = {name: {"parity": each.largest, "limit": each.limit} for name, each in self.files.items()}
        return {"folder": str(self.folder), "files": files, "left_out": self.left_out}


def export(
    run: str | Path,
    to: str = "pt2",
    out: str | Path | None = None,
    *,
    tasks: Sequence[str] = (),
    checkpoint: str | int = "best",
    licence: str = "",
    precision: str = "fp32",
) -> Result:
    """Write what a run learned, in one of the FORMATS, to a new folder `out`: by default export-FORMAT in the run's.

    `tasks` are of its forms, such as sample; () means all. `precision` is of the weights: fp32, or fp16, which takes
    half the bytes. Each file is opened by a fresh process and compared with the run. UsageError for what cannot be;
    SaddleError where a file is not the run, and then nothing is left.
    """
    for given, known, what in ((to, FORMATS, "format"), (precision, PRECISIONS, "precision")):
        if given not in known:
            raise UsageError(f"no {what} '{given}'{near(given, known)}; there are {', '.join(known)}")
    folder = Path(out) if out else Path(run) / f"export-{to}"
    check_new(folder)
    if to in ("onnx", "spaces"):
        graph.check_there()
    opened = Run(run, checkpoint, "cpu")
    with new_folder(folder) as part:
        result = Work(opened, part, tasks, licence, precision == "fp16").write(to)
    return Result(folder, result.files, result.left_out)


class Work:
    """One export, into a folder that is not yet in its place."""

    def __init__(self, run: Run, folder: Path, tasks: Sequence[str], licence: str, half: bool = False):
        self.run, self.folder, self.licence, self.half = run, folder, licence, half
        self.game, self.kept = still(run.game)
        self.forms, self.left_out = chosen(self.game.forms(), tasks, run.recipe.game)

    def write(self, to: str) -> Result:
        writers: dict[str, Callable[[], dict[str, Parity]]] = {
            "pt2": self.programs,
            "onnx": self.onnx,
            "safetensors": self.weights,
            "spaces": self.space,
        }
        files = writers[to]()
        return Result(self.folder, files, self.left_out)

    def programs(self) -> dict[str, Parity]:
        return self.graphs("pt2", Graph.save)

    def onnx(self) -> dict[str, Parity]:
        return self.graphs("onnx", graph.save)

    def space(self) -> dict[str, Parity]:
        """The ONNX files, and a page over them."""
        space.check([facts.described(*each) for each in self.forms.items()], self.run.recipe.game)
        found = self.onnx()
        space.write(self.folder, card.title(self.run))
        return found

    def graphs(self, kind: str, save: Callable[[Graph, Path, str], None]) -> dict[str, Parity]:
        """A file for each form, with their facts inside and beside."""
        if not self.forms:
            raise UsageError(f"{self.run.recipe.game} has no form for {kind}: {_reasons(self.left_out)}")
        shared, entries = facts.of_run(self.run), {}
        tensors: dict[str, torch.Tensor] = {}
        for name, form in self.forms.items():
            own = traced(self.run.game, name)
            told = facts.of_form(name, own, form, self.kept) | self.threshold(name) | self.weights_are()
            if self.half:
                half.halved(own.program)
            save(own, self.folder / f"{name}.{kind}", json.dumps(shared | told))
            tensors |= parity.cases(name, form)
            entries[f"{name}.{kind}"] = told
        measured = parity.measure(kind, self.folder, tensors, self.half)
        found = {f"{name}.{kind}": each for name, each in measured.items()}
        self.describe(kind, found, shared, entries)
        return found

    def weights(self) -> dict[str, Parity]:
        """A folder that opens as a run does."""
        path = releasing.write(self.run, self.folder, self.half)
        tensors: dict[str, torch.Tensor] = {}
        for name, form in self.forms.items():
            tensors |= parity.cases(name, form)
        if not tensors:  # what it does is no function of tensors: its samples are compared
            tensors = {"draw.0.in.0": torch.tensor([4]), "draw.0.out.0": self.run.sample(4)}
        modules = guests.elsewhere(self.run.recipe.guests())
        measured = parity.measure("safetensors", self.folder, tensors, self.half, modules)
        found = {path.name: parity.farthest(measured.values())}
        self.describe("safetensors", found, facts.of_run(self.run), {path.name: self.weights_are()})
        return found

    def weights_are(self) -> dict[str, str]:
        return {"weights": half.SAID if self.half else "float32"}

    def describe(
        self, to: str, found: dict[str, Parity], shared: dict[str, Any], entries: dict[str, dict[str, Any]]
    ) -> None:
        """The facts beside the files, what turns texts into numbers, and the model card."""
        files = {
            name: told | {"sha256": sha256(self.folder / name), "parity": found[name].written()}
            for name, told in entries.items()
        }
        manifest = shared | {"files": files, "licence_of_data": self.licence or "unknown"}
        if to != "safetensors":  # which has the one that its weights belong to
            portable(self.run.recipe).write(self.folder / "recipe.yaml")
        card.write(self.run, self.folder, to, found, manifest)
        (self.folder / MANIFEST).write_text(json.dumps(manifest, indent=1, allow_nan=False) + "\n")
        for form in self.forms.values():
            if form.tokenizer:
                (self.folder / TOKENIZER).write_text(json.dumps(dict(form.tokenizer), indent=1) + "\n")

    def threshold(self, name: str) -> dict[str, Any]:
        """Of a detection that is calibrated: above which score an image is anomalous."""
        if name != "detect" or (known := self.run.calibration) is None:
            return {}
        return {
            "threshold": {
                "score": known.threshold,
                "map": known.pixels,
                "false_alarms": known.false_alarms,
                "says": "an image with a greater score is anomalous, and so is a pixel with a greater value",
            }
        }


def chosen(forms: Forms, tasks: Sequence[str], game: str) -> tuple[dict[str, Form], dict[str, str]]:
    """The forms that are wanted, all if none is named, and why others cannot be had.

    UsageError for a name that there is not, and for one that cannot be had.
    """
    able = {name: form for name, form in forms.items() if not isinstance(form, str)}
    unable = {name: reason for name, reason in forms.items() if isinstance(reason, str)}
    for task in tasks:
        if task in unable:
            raise UsageError(f"{game} cannot be exported for {task}: {unable[task]}")
        if task not in able:
            raise UsageError(f"{game} has no task '{task}'{near(task, able)} to export; there are {some(able)}")
    return {name: form for name, form in able.items() if not tasks or name in tasks}, {} if tasks else unable


def _reasons(left_out: dict[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "its task states none"
