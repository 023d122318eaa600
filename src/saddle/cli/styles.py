"""Draw the looks that objects of each class can have: the clusters of saddle translate --style.

  saddle styles runs/pix2pixhd-scenes --out styles.png
  saddle translate runs/pix2pixhd-scenes map.png --instances objects.png --style 5000=3

A row is a class: a held-out map, and the image of it if its largest object of that class has look 0, 1, 2, …
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import UsageError
from . import _open, _show

SETTINGS = _open.SETTINGS
LEAST = 96  # pixels of a picture's shorter side on the sheet


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("styles.png"), metavar="FILE.png", help="by default styles.png"
    )
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="seed of the looks of all other objects")
    parser.add_argument("--json", action="store_true", help='for programs: {"file": …, "styles": {"car": [[…], …], …}}')


def run(args: Namespace) -> None:
    from ..runs import styles
    from ..show import pictures

    if args.out.suffix != ".png" or args.out.is_dir():
        raise UsageError(f"--out {args.out}: the name should be a file's, and end in .png")
    found = styles.looks(_open.opened(args), args.seed)
    rows = []
    for each in found:
        whole = [(each.name, each.given), *((str(k), x[None]) for k, x in enumerate(each.drawn))]
        scale = -(-LEAST // min(each.drawn.shape[-2:]))
        rows.append([(name, pictures.grid(x, padding=0, scale=scale)) for name, x in whole])
    pictures.save(pictures.named(rows), args.out)
    if args.json:
        _show.json({"file": str(args.out), "styles": {each.name: each.centres.tolist() for each in found}})
        return
    _show.table(("class", "looks"), [(each.name, f"0 to {len(each.centres) - 1}") for each in found])
    _show.paths([args.out], False)
