"""Make a run of weights that others trained and saved with their own code.

  saddle import latest_net_G.pth --as cyclegan                          one direction
  saddle import latest_net_G_A.pth --as cyclegan --back latest_net_G_B.pth    both

Pickles are read by a program that runs nothing of them, in a process that cannot open a file. What it does not know it
refuses by name. Names and shapes are checked before anything is copied. The folder holds safetensors and a model card
with the file's SHA-256, its source and its licence, and opens as a run does: saddle sample, saddle translate,
saddle.load. The file itself is not kept. docs/import.md has the kinds.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ._show import json, line

SETTINGS: tuple[str, ...] = ()


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what others saved: .pth, .bin, .pkl or .safetensors")
    parser.add_argument(
        "--as", required=True, dest="kind", metavar="KIND", help="what it holds, such as cyclegan; docs/import.md"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="a new folder; by default runs/KIND-FILE")
    parser.add_argument("--back", type=Path, metavar="FILE", help="of two translators: the file of the way back")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings that came with the file, as JSON")
    parser.add_argument("--size", type=int, metavar="N", help="side of images, where the network takes any; else 256")
    parser.add_argument(
        "--as-published", action="store_true", help="keep the known mistakes of the published code, named in the card"
    )
    parser.add_argument("--no-dropout", action="store_true", help="the network was used without dropout")
    parser.add_argument("--licence", default="", metavar="TEXT", help="of these weights, if it is not the usual one")
    parser.add_argument("--json", action="store_true", help="for programs: {folder, game, parameters, absent, notes}")


def run(args: Namespace) -> None:
    from ..foreign import adopt

    made = adopt(
        args.file,
        args.kind,
        args.out,
        back=args.back,
        size=args.size,
        config=args.config,
        as_published=args.as_published,
        dropout=not args.no_dropout,
        licence=args.licence,
    )
    if args.json:
        json(made.written())
        return
    for note in made.notes:
        line(note)
    counts = ", ".join(f"{name} {n:,}" for name, n in made.parameters.items())
    line(f"{made.game}: {counts} parameters; absent: {', '.join(made.absent)}")
    line(str(made.folder))
    line(made.follows)
