"""Restore images: what is damaged, small or incomplete becomes whole.

  saddle restore runs/mine old.png --out new.png
  saddle restore runs/mine photographs/ --out restored/

Images are brought to the size and the channels that the run was trained with. A folder gives a folder, one PNG each.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _images, _open, _use
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.inputs(parser)
    _use.arguments(parser, "Restoration")
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-restored, in the current folder")
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    import torch

    from ..tasks import Restoration

    opened = _open.opened(args)
    key = opened.as_(Restoration).needs[0]  # asked before files are read
    out, many = _images.destination(args, "restored")
    images = _images.read(opened, args.input, key)
    made = opened.restore(torch.stack(list(images.values())), **_use.given(args, "Restoration"))
    paths(_images.write(opened, made, list(images), out, many), args.json)
