"""Write the classes of a run on label maps as a palette, to paint a map with in GIMP, Krita or Inkscape.

  saddle palette runs/pix2pix-town --out town.gpl
  saddle palette runs/pix2pix-town --out town.png     every class with its colour and number, to look at

saddle translate reads maps that are painted with it: a class by its colour, with an error of at most 8 levels. A .json
or .txt file holds the numbers of the classes too, and is a --data.palette.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import UsageError, some
from ..base.files import replace
from . import _open, _show

SETTINGS = _open.SETTINGS
SUFFIXES = (".gpl", ".json", ".txt", ".png")
SWATCH = (48, 96)  # height and width of a class's colour in a picture, in pixels
LINE = 6  # classes beside each other there


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help=", ".join(SUFFIXES))
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    from ..data.palettes import table_of, written
    from ..show import pictures

    if args.out.suffix not in SUFFIXES or args.out.is_dir():
        raise UsageError(f"--out {args.out}: the name should be a file's, and end in {some(SUFFIXES)}")
    opened = _open.opened(args)
    maps = {key: field for key, field in opened.spec.fields.items() if field.kind == "map"}
    if not maps:
        raise UsageError(f"{args.run} has no label maps, and so no palette; its data have {some(opened.spec.keys)}")
    table = table_of(next(iter(maps.values())))
    if args.out.suffix == ".png":
        from PIL import Image

        rows = zip(table.values, table.names, table.colours, strict=True)
        named = [
            (name if name == str(value) else f"{value} {name}", Image.new("RGB", SWATCH[::-1], colour))
            for value, name, colour in rows
        ]
        pictures.save(pictures.named([named[i : i + LINE] for i in range(0, len(named), LINE)]), args.out)
    else:
        replace(args.out, written(table, args.out.suffix).encode())
    _show.paths([args.out], args.json)
