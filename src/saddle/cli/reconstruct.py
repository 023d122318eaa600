"""Encode images and decode them again.

  saddle reconstruct runs/vae-digits seven.png --out again.png
  saddle reconstruct runs/vae-digits digits/ --out again/
  saddle reconstruct runs/cvae-digits seven.png --label 7

Images are brought to the size and the channels that the run was trained with. A folder gives a folder, one PNG each.
"""

from argparse import ArgumentParser, Namespace

from . import _images, _open, _write
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.arguments(parser, "PATH", "by default NAME-again, in the current folder")
    _open.bits(parser)


def run(args: Namespace) -> None:
    from ..runs.run import AT_ONCE

    opened = _images.encoder(args)
    out, many = _images.destination(opened, args, "again")
    _write.use_bits(opened, args.bits, ".png" if many else out.suffix, alone=True)
    images = _images.read(opened, args.input)
    made = (opened.reconstruct(portion, args.label) for portion in images.portions(AT_ONCE))
    paths(_images.write(opened, made, images.names, out, many), args.json)
