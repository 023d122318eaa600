"""Change one code at a time: each row sweeps one code and keeps the others.

  saddle traverse runs/infogan-digits                      all values of the category, then each number
  saddle traverse runs/vae-digits --codes z0,z3 --steps 12 --reach 2
  saddle traverse runs/cvae-digits --codes label           the same latent as every class
  saddle traverse runs/aae-digits --label 7 --out sevens.gif

The first ten codes unless --codes names others; all rows start from one latent, which the seed draws. A game that takes
labels keeps one, a random one unless it is given. As .gif all rows move at once, there and back.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from . import _open
from ._show import json, line

if TYPE_CHECKING:
    from torch import Tensor

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("--codes", metavar="A,B,…", help="the codes to sweep, one row each; by default the first ten")
    parser.add_argument("--steps", type=_open.whole(2), default=10, help="steps of a number, both ends included")
    parser.add_argument(
        "--reach", type=float, metavar="X", help="sweep a code from -X to X; by default as far as latents lie"
    )
    parser.add_argument("--label", help="class or label of all samples, for a game that takes one")
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="by default 0")
    parser.add_argument("--out", type=Path, metavar="FILE", help=".png or .gif; by default in the run's folder")
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […], "codes": […]}')


def run(args: Namespace) -> None:
    from ..base.errors import UsageError

    out = args.out or args.run / f"traverse-seed-{args.seed}.png"
    if out.suffix not in (".png", ".gif"):
        raise UsageError(f"--out {out}: the name should end in .png, .gif")
    codes = [name.strip() for name in args.codes.split(",")] if args.codes else []
    opened = _open.opened(args)
    _open.tell_doubt(opened, args.label)
    swept = opened.traverse(codes, args.steps, args.reach, args.seed, args.label)
    _write(swept, out)
    if args.json:
        json({"files": [str(out)], "codes": [*swept]})
    else:
        line(f"{out}: {', '.join(swept)}")


def _write(swept: "dict[str, Tensor]", out: Path) -> None:
    """A row a code, or a film of all; a code of fewer values than others stays at its last."""
    import torch

    from ..show import pictures

    most = max(map(len, swept.values()))
    rows = torch.stack([torch.cat([row, row[-1:].expand(most - len(row), -1, -1, -1)]) for row in swept.values()])
    if out.suffix == ".png":
        pictures.save(pictures.grid(rows.flatten(0, 1), columns=most), out)
        return
    there = [pictures.grid(rows[:, step]) for step in range(most)]
    pictures.animation([*there, *there[-2:0:-1]], out)
