"""Make images again from their codes: what the run remembers of them.

  saddle reconstruct runs/vae-digits seven.png --out again.png
  saddle reconstruct runs/vae-digits digits/ --out again/
  saddle reconstruct runs/cvae-digits seven.png --label 7

Images are brought to the size and the channels that the run was trained with. A folder gives a folder, one PNG each.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _images, _open
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.arguments(parser, "PATH", "by default NAME-again, in the current folder")


def run(args: Namespace) -> None:
    import torch

    from . import _write

    opened = _images.encoder(args)
    many = args.input.is_dir()
    out = args.out or Path(f"{args.input.name}-again" if many else f"{args.input.stem}-again.png")
    _write.check_folder(out) if many else _write.check_name(out)
    images = _images.read(opened, args.input)
    made = opened.reconstruct(torch.stack(list(images.values())), args.label)
    paths(_images.write(opened, made, list(images), out, many), args.json)
