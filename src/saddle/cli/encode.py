"""Find the codes of images.

  saddle encode runs/vae-digits seven.png                   seven-codes.npy, float [1, K]
  saddle encode runs/vae-digits digits/ --out codes.csv     a line for each image: its name and its code
  saddle encode runs/cvae-digits seven.png --label 7

Images are brought to the size and the channels that the run was trained with, and come in the order of their names.
`saddle sample` and `saddle interpolate` take the file with --latents, where the run draws samples.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _codes, _images, _open
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.arguments(parser, "FILE", ".npy or .csv; by default NAME-codes.npy")


def run(args: Namespace) -> None:
    import torch

    from ..runs.run import AT_ONCE

    opened = _images.encoder(args)
    out = args.out or Path(f"{_images.beside(args.input, 'codes')}.npy")
    _codes.check_name(out)
    images = _images.read(opened, args.input)
    codes = torch.cat([opened.encode(portion, args.label) for portion in images.portions(AT_ONCE)])
    paths([_codes.write(codes, images.names, out)], args.json)
