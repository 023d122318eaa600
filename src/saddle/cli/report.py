"""Write a run's report.html anew: curves, samples over time, settings and scores in one file.

  saddle report runs/dcgan-digits

It needs no network and no other file. Training writes it too, at the end.
"""

from argparse import ArgumentParser, Namespace

from . import _open
from ._show import line

SETTINGS: tuple[str, ...] = ()


def arguments(parser: ArgumentParser) -> None:
    _open.folder(parser)


def run(args: Namespace) -> None:
    from ..report import write

    line(str(write(args.run)))
