"""Turn images of one domain into images of another.

  saddle translate runs/cyclegan-digits-inverted seven.png --out seven-inverted.png
  saddle translate runs/cyclegan-digits-inverted digits/ --to a --out back/

Images are brought to the size and the channels that the run was trained with. A folder gives a folder, one PNG each.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _images, _open, _write
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.inputs(parser)
    parser.add_argument("--to", metavar="DOMAIN", help="the domain wanted; by default the game's last one, such as b")
    parser.add_argument("--from", dest="start", metavar="DOMAIN", help="theirs; by default the first other one")
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-DOMAIN, in the current folder")
    _open.bits(parser)
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    from ..runs.run import AT_ONCE
    from ..tasks import Translation

    opened = _open.opened(args)
    start, to = opened.as_(Translation).way(args.start, args.to)  # asked before files are read
    out, many = _images.destination(opened, args, to)
    _write.use_bits(opened, args.bits, ".png" if many else out.suffix, alone=True)
    images = _images.read(opened, args.input, start)
    made = (opened.translate(portion, to, start) for portion in images.portions(AT_ONCE))
    paths(_images.write(opened, made, images.names, out, many), args.json)
