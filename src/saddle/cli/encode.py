"""Find the codes of images.

  saddle encode runs/vae-digits seven.png                   seven-codes.npy, float [1, K]
  saddle encode runs/vae-digits digits/ --out codes.csv     a line for each image: its name and its code
  saddle encode runs/cvae-digits seven.png --label 7
  saddle encode runs/dcgan-digits digits/ --features discriminator     digits-features.npy: its features of them

Features are the input of the discriminator's last layer, before a label is used: the mean of each map. They exist for
every run that draws samples, if its discriminator looks at images alone. `saddle evaluate RUN --metrics probe_accuracy`
measures how well they separate classes. Images are brought to the size and the channels that the run was
trained with, and come in the order of their names. `saddle sample` and `saddle interpolate` take a file of codes with
--latents, where the run draws samples.
"""

from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path

from ..base.errors import UsageError
from . import _codes, _images, _open
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.arguments(parser, "FILE", ".npy or .csv; by default NAME-codes.npy, or NAME-features.npy")
    parser.add_argument(
        "--features", choices=("discriminator",), help="features of the discriminator in place of codes"
    )


def run(args: Namespace) -> None:
    import torch

    from ..runs.run import AT_ONCE

    if args.features and args.label:
        raise UsageError("features of the discriminator are those of images alone; leave out --label")
    opened = _open.opened(args) if args.features else _images.encoder(args)
    word, find = ("features", opened.pooled) if args.features else ("codes", partial(opened.encode, label=args.label))
    out = args.out or Path(f"{_images.beside(args.input, word)}.npy")
    _codes.check_name(out)
    images = _images.read(opened, args.input)
    codes = torch.cat([find(portion) for portion in images.portions(AT_ONCE)])
    paths([_codes.write(codes, images.names, out)], args.json)
