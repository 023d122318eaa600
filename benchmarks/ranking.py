"""Do distances rank damage? Five kinds at three strengths, of digits, photographs and a folder of pictures.

python -m benchmarks.ranking [--only digits|photos|folder] [--extractor own] [--count 500]
python -m benchmarks.ranking runs/a runs/b [--extractor own] [--count 500]

Real images are divided into references and samples, and the samples are damaged. `!` stands behind a score that does
not grow worse with the strength, step by step, from the whole samples on. The time of a folder's scores is printed.

With folders of runs on the same data their samples are scored instead, and the table names the best run of each score,
if the score distinguishes them. Where one run draws smaller images, the others' are cut to that size: of crops at one
scale, such as those of `photos`, these are crops too.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, interpolate, pad

import saddle
from saddle.data import DataOptions, open_source
from saddle.data.source import ANY_IMAGES
from saddle.metrics import evaluate, rank

from .__main__ import processor

NAMES = ("fid", "precision", "recall", "swd")
OF_RUNS = ("fid", "fid_multiple", "precision", "recall", "swd", "swd_multiple")
OTHERS = {"digits": ("glyphs", "a"), "photos": ("faces", "image"), "folder": ("faces", "image")}
STRENGTHS = {
    "blur": (0.5, 1.0, 2.0),  # deviation in pixels
    "noise": (0.05, 0.1, 0.2),  # deviation, of values from -1 to 1
    "mixed in": (0.05, 0.1, 0.2),  # share of other images
    "dropped modes": (1, 3, 5),  # of ten
    "copies": (4, 16, 64),  # samples of one image
}


def blur(x: Tensor, deviation: float) -> Tensor:
    """Images [N, C, H, W], mirrored at their edges."""
    reach = int(3 * deviation + 0.5)
    line = torch.exp(-((torch.arange(-reach, reach + 1) / deviation) ** 2) / 2)
    line, planes = line / line.sum(), x.shape[1]
    x = conv2d(pad(x, [reach] * 4, "reflect"), line.view(1, 1, 1, -1).expand(planes, 1, 1, -1), groups=planes)
    return conv2d(x, line.view(1, 1, -1, 1).expand(planes, 1, -1, 1), groups=planes)


def modes(x: Tensor) -> Tensor:
    """Which of ten equal parts an image is of, by where it lies along what distinguishes images most: int64 [N]."""
    small = adaptive_avg_pool2d(x, 4).flatten(1)
    small = small - small.mean(0)
    order = (small @ torch.linalg.svd(small, full_matrices=False).Vh[0]).argsort().argsort()
    return order * 10 // len(x)


def damages(x: Tensor, other: Tensor) -> dict[str, list[Tensor]]:
    """By kind, images [N, C, H, W] at the three `STRENGTHS`; `other` are images [N, C, H, W] that do not belong."""
    chance, n, of = torch.Generator().manual_seed(0), len(x), modes(x)
    noise = torch.randn(x.shape, generator=chance)

    def only(kept: Tensor) -> Tensor:
        return x[kept.repeat(-(-n // len(kept)))[:n]]

    made: dict[str, Callable[[float], Tensor]] = {
        "blur": lambda s: blur(x, s),
        "noise": lambda s: (x + s * noise).clamp(-1, 1),
        "mixed in": lambda s: torch.cat([other[: int(s * n)], x[int(s * n) :]]),
        "dropped modes": lambda s: only(torch.nonzero(of >= s)[:, 0]),
        "copies": lambda s: only(torch.arange(n // int(s))),
    }
    return {kind: [made[kind](s) for s in strengths] for kind, strengths in STRENGTHS.items()}


def ranked(real: Tensor, samples: Tensor, other: Tensor, extractor: str, train: Tensor) -> Iterator[tuple[str, ...]]:
    """Lines of the table: kind, its three strengths, and each score of `NAMES`."""

    def scores(images: Tensor) -> dict[str, float]:
        at = iter(images.split(250))
        found = evaluate(lambda k: next(at), real, NAMES, extractor, n=len(images), train=train)
        return {name: score.value for name, score in found.items()}

    whole = scores(samples)
    yield "none", "", *(f"{whole[name]:.3g}" for name in NAMES)
    for kind, images in damages(samples, other).items():
        found = [whole, *map(scores, images)]
        yield (
            kind,
            _row(STRENGTHS[kind]),
            *(_row(each[name] for each in found[1:]) + _order(name, found) for name in NAMES),
        )


def of_runs(folders: Sequence[str], extractor: str, count: int) -> Iterator[tuple[str, ...]]:
    """Lines of a table: a score, its value of each run, and which run is best; SystemExit for runs on other data."""
    runs = [saddle.load(folder, device="cpu") for folder in folders]
    if len(kinds := {run.recipe.data.source for run in runs}) > 1:
        raise SystemExit(f"runs are compared on the same data, and these are of {', '.join(sorted(kinds))}")
    smallest = min(runs, key=lambda run: run.spec.shape[-1])
    height, width = smallest.spec.shape[-2:]
    source = smallest.source
    parts = [part.batch({"image": np.arange(len(part))})["image"] for part in (source.train, source.heldout) if part]
    found = []
    for run in runs:
        chance = torch.Generator().manual_seed(0)
        drawn = iter(cut(run.sample(count).float() / 127.5 - 1, height, width, chance).split(250))
        scores = evaluate(lambda k, at=drawn: next(at), parts[-1], OF_RUNS, extractor, n=count, train=parts[0])
        found.append(scores)
    for name in OF_RUNS:
        scores = [each[name] for each in found]
        best = {id(score) for score in rank(scores)[0]}
        names = [folder for folder, score in zip(folders, scores, strict=True) if id(score) in best]
        told = " ".join(names) if len(names) < len(folders) else "cannot be distinguished"
        yield name, *(f"{score.value:.4g} ± {score.uncertainty:.2g}" for score in scores), told


def cut(images: Tensor, height: int, width: int, chance: torch.Generator) -> Tensor:
    """A piece [N, C, height, width] of every image [N, C, H, W], somewhere in it."""
    corners = [
        torch.randint(s - t + 1, (len(images),), generator=chance)
        for s, t in ((images.shape[2], height), (images.shape[3], width))
    ]
    pieces = [x[:, i : i + height, j : j + width] for x, i, j in zip(images, *map(Tensor.tolist, corners), strict=True)]
    return torch.stack(pieces)


def _row(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def _order(name: str, values: list[dict[str, float]]) -> str:
    """A mark where the values do not get worse from each to the next."""
    row = [each[name] if name in ("fid", "swd") else -each[name] for each in values]
    return "" if all(a < b for a, b in pairwise(row)) else " !"


def images_of(source: str, key: str, n: int, cache: str | None = None) -> Tensor:
    """n training images, chosen by chance."""
    train = open_source(DataOptions(source=source, cache=cache)).train
    places = np.random.default_rng(0).permutation(len(train.columns[key]))[:n]
    return train.batch({key: places})[key]


def write_folder(path: Path) -> None:
    """A folder as a user may have it: 2,000 illustrations of 64 pixels, as PNG files."""
    column = open_source(DataOptions(source="illustrations")).train.columns["b"]
    for i, picture in enumerate(column[np.arange(2000)]):
        Image.fromarray(picture.transpose(1, 2, 0)).save(path / f"{i:04}.png")


def seconds(cache: str, source: str, names: tuple[str, ...]) -> float:
    """Of the processor, for these scores of 2,000 samples, with all that is made once."""
    data = open_source(DataOptions(source=source, cache=cache))
    parts = [part.batch({"image": np.arange(len(part))})["image"] for part in (data.train, data.heldout) if part]
    chance = iter((torch.rand(2000, *parts[0].shape[1:]) * 2 - 1).split(250))
    began = time.process_time()
    evaluate(lambda k: next(chance), parts[1], names, "own", n=2000, train=parts[0])
    return time.process_time() - began


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranking", description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="folders of runs to compare, of the same data")
    parser.add_argument("--extractor", default="own")
    parser.add_argument("--only", choices=OTHERS, help="these data alone")
    parser.add_argument("--count", type=int, default=500, help="references, and as many samples")
    args = parser.parse_args(argv)
    if args.runs:
        print("| score |", " | ".join(args.runs), "| best |\n|", "---|" * (2 + len(args.runs)))
        for line in of_runs(args.runs, args.extractor, args.count):
            print("|", " | ".join(line), "|", flush=True)
        return 0
    print("| data | damage | strengths |", " | ".join(NAMES), "|\n|", "---|" * (3 + len(NAMES)))
    with tempfile.TemporaryDirectory() as folder:
        (pictures := Path(folder, "pictures")).mkdir()
        write_folder(pictures)
        for name in [args.only] if args.only else OTHERS:
            other_source, key = OTHERS[name]
            source = f"folder:{pictures}" if name == "folder" else name
            images = images_of(source, "image", 2 * args.count, folder)
            other = images_of(other_source, key, args.count)
            other = interpolate(other, images.shape[2:], mode="bilinear", antialias=True)
            real, samples = images.split(args.count)
            for line in ranked(real, samples, other, args.extractor, images):
                print("|", " | ".join((name, *line)), "|", flush=True)
            if name == "folder":
                for names in (ANY_IMAGES.early, ANY_IMAGES.final):
                    print(f"{', '.join(names)}: {seconds(folder, source, names):.1f} s of {processor()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
