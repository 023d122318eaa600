"""How the runs and the table of commit 03f7ea2 came to be. It is played with that commit's code, once:

    git worktree add ../old 03f7ea2
    PYTHONPATH=../old/src python tests/data/make_old_runs.py

The code of a later day must not write these files: they say what is promised to runs that began before it.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from saddle.errors import SaddleError
from saddle.events import Events

import saddle
from saddle.data import DataOptions, open_source, places

sys.path.append(str(Path(__file__).resolve().parents[1]))
from old_runs import (
    DATA,
    FINISHED,
    INTERRUPTED,
    ROOT,
    TABLE,
    checkpoint,
    digest,
    facts,
    losses,
    norms,
    tensors,
)

PICTURES, ARRAY = DATA / "pictures-03f7ea2", DATA / "array-03f7ea2.npz"
CLASSES = ("bright", "dark")
# Whatever has a memory: spectral norm, batch norm, the chance of ADA, the averages of LeCam, Adam and its schedule,
# averaged weights, coins that mirror images. The learning rate is high, so that a moment that is lost shows at once.
GAME = {
    "conditional": True,
    "z_dim": 4,
    "network": {"class": "Concatenation", "network": {"class": "DCGAN", "width": 4, "spectral": True}},
    "views": [{"class": "ADA", "every": 1, "images": 40, "target": -1.0}],
    "penalties": [{"class": "LeCam", "decay": 0.5}],
    "optim": {"class": "Adam", "lr": 0.01, "schedule": {"class": "Linear", "begin": 0.3}},
}
PLAN = {"batch": 4, "save_every": 3, "log_every": 1, "precision": "fp32", "ema_images": 8, "ema_ramp": None}
EMBEDDED = [
    *("digits", "digits-inverted", "stacked-digits", "captions", "photos", "photo", "photo:flower"),
    *("ring", "grid", "swiss-roll"),
]
OWN: list[dict[str, Any]] = [
    {"source": f"folder:{PICTURES}"},
    {"source": f"folder:{PICTURES}", "heldout": 0.25},
    {"source": f"folder:{PICTURES}", "labels": "folders"},
    {"source": f"folder:{PICTURES}", "labels": "folders", "labelled": 3},
    {"source": f"folder:{PICTURES}", "labels": "classes.csv"},
    {"source": f"folder:{PICTURES}", "labels": "numbers.csv"},
    {"source": f"folder:{PICTURES}", "labels": "switches.csv"},
    {"source": f"captioned:{PICTURES / 'captions.csv'}"},
    {"source": f"array:{ARRAY}"},
    {"source": f"array:{ARRAY}", "labelled": 3, "heldout": 0.25},
    {"source": f"photo:{PICTURES / 'bright' / '00.png'}"},
]


def make_pictures() -> None:
    """24 images of 16×16 pixels with eight levels of each colour, and what CSV files say of them."""
    chance = np.random.PCG64(0)  # raw bits: those are promised for ever
    bits = chance.random_raw(24 * 16 * 16 * 3).reshape(24, 16, 16, 3) >> np.uint64(61)
    lines: dict[str, list[str]] = {
        "captions": ["file,caption"],
        "classes": ["file,class"],
        "numbers": ["file,height,weight"],
        "switches": ["file,old,round"],
    }
    for i, picture in enumerate(bits.astype(np.uint8) * 16):
        name = f"{CLASSES[i % 2]}/{i:02}.png"
        (ROOT / PICTURES / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture + np.uint8(112 if i % 2 == 0 else 0)).save(ROOT / PICTURES / name, optimize=True)
        lines["captions"] += [
            f"{name},a {CLASSES[i % 2]} picture of noise",
            *([f"{name},Größe {i}"] if i % 5 == 0 else []),
        ]
        lines["classes"] += [f"{name},{('red', 'green', 'blue')[i % 3]}"] if i % 4 else []  # some are not labelled
        lines["numbers"] += [f"{name},{i / 8},{-i}"]
        lines["switches"] += [f"{name},{i % 2},{i // 2 % 2}"] if i % 7 else [f"{name},,"]
    for what, of in lines.items():
        (ROOT / PICTURES / f"{what}.csv").write_text("\n".join(of) + "\n", "utf-8")


def make_array() -> None:
    """40 grey images of 16×16 pixels, with four classes."""
    bits = np.random.PCG64(1).random_raw(40 * 16 * 16).reshape(40, 16, 16) >> np.uint64(60)
    label = np.arange(40) % 4
    image = bits.astype(np.uint8) * 8 + (label * 40).astype(np.uint8)[:, None, None]
    np.savez_compressed(ROOT / ARRAY, image=image, label=label)


def play_interrupted() -> None:
    """The run that SIGTERM stops: sent when round 3 is logged, it is answered at the end of that round."""
    write = Events.write

    def and_stop(self: Events, event: str, **fields: Any) -> None:
        write(self, event, **fields)
        if event == "round" and fields["round"] == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    Events.write = and_stop  # type: ignore[method-assign]
    settings = {"data.source": f"folder:{PICTURES}", "data.labels": "folders", "data.flip": True, "game": GAME}
    plan = PLAN | {"rounds": 6, "pictures": 2, "scores": 0}
    try:
        saddle.train("dcgan", settings=settings | {"plan": plan}, run=INTERRUPTED, quiet=True, device="cpu")
    except SaddleError as stopped:
        print(stopped)
    Events.write = write  # type: ignore[method-assign]


def play_finished() -> None:
    """A semi-supervised classifier of an array, which is scored on the way and at the end."""
    settings = {
        "data.source": f"array:{ARRAY}",
        "data.labelled": 4,
        "data.labelled_share": 0.5,
        "data.heldout": 0.2,
        "game": {"z_dim": 4, "network": {"class": "Improved", "width": 2, "generator_width": 2, "outputs": 4}},
        "plan": PLAN | {"rounds": 3, "pictures": 1, "scores": 1, "samples": 16},
    }
    saddle.train("sgan", settings=settings, run=FINISHED, quiet=True, device="cpu")


def told(run: Path, round_: int) -> dict[str, Any]:
    """What 03f7ea2 left in a checkpoint."""
    folder = checkpoint(run, round_)
    return {
        "tensors": {name: digest(tensor) for name, tensor in tensors(folder).items()},
        "facts": facts(folder),
    }


def next_samples(run: Path, round_: int, count: int) -> dict[str, Any]:
    """Which samples come next, by their places and as they are."""
    recipe, known = saddle.load(run, "last", "cpu").recipe, facts(checkpoint(run, round_))
    train, batch = open_source(recipe.data).train, recipe.plan.batch
    drawn = places(recipe.plan.seed, "image", len(train), known["batches_drawn"] * batch, count)
    samples = {name: digest(column) for name, column in train.take(drawn).items()}
    return {"places": drawn.tolist(), "samples": samples}


def played_on(run: Path) -> dict[str, Any]:
    """Of a copy that goes on to its end: the losses of its rounds, and the length of every tensor at the end."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(run, Path(scratch, "run")))
        saddle.train(run=copy, quiet=True, device="cpu")
        return {"losses": losses(copy), "norms": norms(tensors(checkpoint(copy, 6)))}


def fingerprints(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"options": each, "fingerprint": open_source(DataOptions(**each)).fingerprint} for each in asked]


def main() -> None:
    torch.set_num_threads(1)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SADDLE_CACHE"] = cache
        for run in (INTERRUPTED, FINISHED, PICTURES):
            shutil.rmtree(run, ignore_errors=True)
        make_pictures()
        make_array()
        play_interrupted()
        play_finished()
        for run in (INTERRUPTED, FINISHED):
            (run / "report.html").unlink()  # it only shows the rest, and is as large
        scored = saddle.load(FINISHED, "last", "cpu").evaluate(["swd", "error"], n=16, extractor="pixels")
        table = {
            "interrupted": told(INTERRUPTED, 3)
            | {"next": next_samples(INTERRUPTED, 3, 12), "played on": played_on(INTERRUPTED)},
            "finished": told(FINISHED, 3)
            | {
                "scores": json.loads((FINISHED / "scores.json").read_text()),
                "scored again": {name: [score.value, score.uncertainty] for name, score in scored.items()},
            },
            "embedded": fingerprints(
                [{"source": name} for name in EMBEDDED] + [{"source": "digits", "size": 16, "labelled": 10}]
            ),
            "own": fingerprints(OWN),
        }
    TABLE.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
