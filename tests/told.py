"""Run folders as trainings leave them, written by hand, and their reports."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from saddle import report
from saddle.base.events import Events

START = {"rounds": 1000, "game": "dcgan", "data": "digits", "device": "cpu", "parameters": {"generator": 1234567}}
SCORE = {
    "name": "fid",
    "value": 7.4012,
    "uncertainty": 1.13,
    "better": "lower",
    "fingerprint": {"extractor": "abc", "n": 9},
}


def new_run(folder: Path, recipe: Any = None) -> Events:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe or {"game": "dcgan", "plan": {"rounds": 1000}}))
    return Events(folder / "events.jsonl")


def log_rounds(log: Events, start: int, stop: int, step: int = 10) -> None:
    rng = np.random.default_rng(start)
    for r in range(start + step, stop + 1, step):
        losses = {"discriminator/adversarial": rng.normal(1.3, 0.1), "generator/adversarial": rng.normal(0.7, 0.1)}
        notes = {"d_real": rng.uniform(), "d_fake": rng.uniform(), "ada_p": 0.1}
        log.write("round", round=r, images=r * 8, seconds=r / 2, images_per_second=16.0, losses=losses, notes=notes)


def written(folder: Path) -> str:
    path = report.write(folder)
    assert path == folder / "report.html"
    text = path.read_text("utf-8")
    assert "could not be written" not in text  # no section gave up
    return text
