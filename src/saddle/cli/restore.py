"""Restore images: what is damaged, small or incomplete becomes whole.

  saddle restore runs/mine old.png --out new.png
  saddle restore runs/mine photographs/ --out restored/

Images are brought to the size and the channels that the run was trained with. A folder gives a folder, one PNG each.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _images, _open, _use, _write
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.inputs(parser)
    _use.arguments(parser, "Restoration")
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-restored, in the current folder")
    _open.bits(parser)
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    from ..runs.run import AT_ONCE
    from ..tasks import Restoration

    opened = _open.opened(args)
    key = opened.as_(Restoration).needs[0]  # asked before files are read
    out, many = _images.destination(opened, args, "restored")
    _write.use_bits(opened, args.bits, ".png" if many else out.suffix, alone=True)
    images = _images.read(opened, args.input, key)
    use = _use.given(args, "Restoration")
    made = (opened.restore(portion, **use) for portion in images.portions(AT_ONCE))
    paths(_images.write(opened, made, images.names, out, many), args.json)
