"""Three discriminators for enlarged digits, each trained for as many rounds: nothing of the small image is given to it,
or it is given by concatenation, or by projection (Miyato & Koyama, 2018, Section 5.2.
https://arxiv.org/abs/1802.05637). A table.

python -m benchmarks.told [--rounds N] [--folder FOLDER]

Digits of 4 pixels become digits of 16. There are two scores of held-out digits. One is similarity over five scales,
which takes 176 pixels, of mosaics of 12 × 12 digits and the same mosaics of the true ones. The other is the share that
a support vector machine reads rightly, with its standard error. The machine learned from true training digits. One seed
each: what seeds differ by is not in it. A run that is there goes on, or is only read.
"""

import argparse
import sys
from pathlib import Path

import torch
from sklearn.svm import SVC
from torch import Tensor
from torch.nn.functional import interpolate

import saddle
from saddle.data import open_source
from saddle.metrics.ssim import ms_ssim
from saddle.runs.recipe import Recipe
from saddle.spec import Batch

TOLD = ("plain", "concatenation", "projection")
SIDE = 12  # digits of a mosaic's side
QUIET = {"plan.scores": 0, "plan.pictures": 0, "plan.samples": 2}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.told", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1500, help="of each run, by default 1,500")
    parser.add_argument("--folder", type=Path, default=Path("runs/told"), help="by default runs/told")
    args = parser.parse_args(argv)
    recipe = Recipe.default("srgan", "digits")
    source = open_source(recipe.data)
    assert source.heldout is not None
    train, held = (split.take(slice(None)) for split in (source.train, source.heldout))
    reader = SVC(C=10).fit(train["image"].flatten(1).numpy(), train["label"].numpy())
    print(row("enlarged", "MS-SSIM", "read rightly"), row(*["---"] * 3), sep="\n")
    print(measured("the true digits", held["image"], held, reader))
    small = interpolate(held["damaged"], scale_factor=recipe.data.times, mode="bicubic").clamp(-1, 1)
    print(measured("bicubic", small, held, reader))
    for told in TOLD:
        settings = QUIET | {"game.discriminator": told}
        place = args.folder / f"{args.rounds}-rounds" / told
        run = saddle.train("srgan", "digits", place, rounds=args.rounds, settings=settings, device="cpu", quiet=True)
        made = run.restore(held["damaged"]).float() / 127.5 - 1
        print(measured(f"`{told}`", made, held, reader), flush=True)
    print(f"\nAfter {args.rounds} rounds, one seed; ± is over held-out digits alone.")
    return 0


def measured(name: str, images: Tensor, held: Batch, reader: SVC) -> str:
    """The row of what became of the held-out digits."""
    alike = ms_ssim(mosaics(images), mosaics(held["image"])).mean()
    right = torch.from_numpy(reader.predict(images.flatten(1).numpy())) == held["label"]
    share = float(right.double().mean())
    return row(name, f"{float(alike):.3f}", f"{share:.3f} ± {(share * (1 - share) / len(right)) ** 0.5:.3f}")


def mosaics(images: Tensor) -> Tensor:
    """[N, C, H, W] → as many whole mosaics as there are images for, [M, C, 12·H, 12·W]."""
    whole = images[: len(images) // SIDE**2 * SIDE**2].unflatten(0, (-1, SIDE, SIDE))  # [M, rows, columns, C, H, W]
    return whole.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
