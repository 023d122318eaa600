"""Change what images show: add to their codes what a class has and others lack.

  saddle attribute runs/vaegan-digits seven.png --add 1
  saddle attribute runs/vaegan-faces photos/ --add smiling --subtract hats --weight 1.5 --out changed/

An attribute is a class of the run's own data: the mean code of its training images less the mean of all the others
(Larsen et al., 2015). Images are brought to the size and the channels that the run was trained with. A folder gives a
folder, one PNG each.
"""

from argparse import ArgumentParser, Namespace

from . import _images, _open, _write
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.arguments(parser, "PATH", "by default NAME-changed, in the current folder")
    parser.add_argument("--add", metavar="CLASS", help="the attribute that images are to have")
    parser.add_argument("--subtract", metavar="CLASS", help="the attribute that they are to lose")
    parser.add_argument("--weight", type=float, default=1.0, metavar="X", help="factor on what is added; by default 1")
    _open.bits(parser)


def run(args: Namespace) -> None:
    from ..runs.run import AT_ONCE

    opened = _images.encoder(args)
    out, many = _images.destination(opened, args, "changed")
    _write.use_bits(opened, args.bits, ".png" if many else out.suffix, alone=True)
    change = opened.direction(args.add, args.subtract)
    images = _images.read(opened, args.input)
    made = (opened.moved(portion, args.weight * change, args.label) for portion in images.portions(AT_ONCE))
    paths(_images.write(opened, made, images.names, out, many), args.json)
