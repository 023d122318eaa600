"""Which distance of features ranks damage where few images are held out, and so may choose checkpoints there?

python -m benchmarks.few [--draws 8]

150 pictures of a folder are damaged, five ways at three strengths, as in benchmarks.ranking, and compared with 6, 12
and 25 others, drawn again and again. A step to the next strength is ranked rightly if the score grows worse.
"""

import argparse
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from saddle.metrics.extractors import extractor
from saddle.metrics.features import Trained
from saddle.metrics.fid import fid
from saddle.metrics.kid import kid

from .ranking import OTHERS, damages, images_of, write_folder

COUNTS, SAMPLES, POOL = (6, 12, 25), 150, 350
NAMES = ("fid", "kid")


def shares(pool: Tensor, sets: list[list[Tensor]], train: Tensor, draws: int) -> dict[int, list[float]]:
    """By the number of references, drawn from `pool`, the share of steps in `sets` that each score ranks rightly."""
    look = extractor("own", train=Trained(lambda most: train[:most], lambda: "few"))
    seen = [[look(x).features for x in row] for row in sets]
    found = {}
    for count in COUNTS:
        right = torch.zeros(len(NAMES))
        for draw in range(draws):
            real = pool[torch.randperm(len(pool), generator=torch.Generator().manual_seed(draw))[:count]]
            of = look(real).features
            for row in seen:
                scores = [torch.tensor((fid(of, x, False)[0], kid(of, x, error=False)[0])) for x in row]
                right += sum((a < b).float() for a, b in pairwise(scores))
        found[count] = (right / (draws * sum(len(row) - 1 for row in seen))).tolist()
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few", description=__doc__)
    parser.add_argument("--draws", type=int, default=8, help="of the images that are compared with")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        (pictures := Path(folder, "pictures")).mkdir()
        write_folder(pictures)
        images = images_of(f"folder:{pictures}", "image", 2 * POOL + SAMPLES, folder)
        other = images_of(*OTHERS["folder"], SAMPLES)
    pool, train, samples = images.split([POOL, POOL, SAMPLES])
    other = interpolate(other, images.shape[2:], mode="bilinear", antialias=True)
    sets = [[samples, *levels] for levels in damages(samples, other).values()]
    print("| images to compare with |", " | ".join(NAMES), "|\n|", "---|" * (1 + len(NAMES)))
    for count, row in shares(pool, sets, train, args.draws).items():
        print("|", " | ".join((str(count), *(f"{share:.2f}" for share in row))), "|", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
