"""Walk from one sample to another: each row is one walk.

  saddle interpolate runs/dcgan-digits
  saddle interpolate runs/dcgan-digits --rows 4 --steps 12 --out walk.png
  saddle interpolate runs/biggan-digits --label 7
  saddle interpolate runs/biggan-digits --label 3 --label 8    from one label to another
  saddle interpolate runs/dcgan-digits --latents digits-latents.npy    between images, which `saddle invert` found
  saddle interpolate runs/gan-cls-captions --text "a red circle at the left" --text "a blue one at the top"

Steps lie on the great circle between two latents, on which latents keep the length of normal noise. --linear takes the
straight line instead. A game that takes labels keeps one label in a row, a random one unless it is given. Between two
labels or texts the latent stays, and the label, or the embedded text, goes in a straight line. A game that draws an
image of several domains from one latent, such as cogan, has a row for each of them.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from . import _codes, _open
from ._show import paths

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("--rows", type=_open.whole(1), help="walks; by default 8")
    _codes.argument(parser, "walk from each of these latents to the next")
    parser.add_argument("--steps", type=_open.whole(2), default=10, help="samples on each, both ends included")
    parser.add_argument("--label", action="append", help="class or label of all samples; given twice, from and to")
    _open.texts(parser, "likewise, for a game that is asked by texts")
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="by default 0")
    parser.add_argument(
        "--linear", action="store_true", help="a straight line between two latents, not the great circle"
    )
    _open.bits(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help=".png, .npy or, for points, .csv")
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    import torch

    from ..base.errors import UsageError
    from ..base.files import safe_name
    from . import _together, _write

    labels, texts = args.label or [], _open.read_texts(args)
    if len(labels) + len(texts) > 2:
        given = "--text" if texts else "--label"
        times = len(labels) + len(texts)
        raise UsageError(f"{given} is given once, or twice for a way from one to the other, not {times} times")
    opened = _open.opened(args)
    _write.check_name(args.out, opened.spec.main.kind)
    _write.use_bits(opened, args.bits, args.out.suffix if args.out else ".png", alone=False)
    _open.tell_doubt(opened, *labels)
    if args.latents and args.rows:
        raise UsageError("--latents has a walk from each latent to the next; leave out --rows")
    begun: dict[str, Any] = {"latents": _codes.read(args.latents)} if args.latents else {}
    walk = (args.rows or 8, args.steps, args.seed, not args.linear, *labels, *opened.asked_by(texts))
    start = args.latents.stem if args.latents else f"seed-{args.seed}"
    name = f"interpolate-{start}" + (f"-label-{'-to-'.join(labels)}" if labels else "") + _open.named(texts)
    out = args.out or args.run / f"{safe_name(name + '-linear' * args.linear)}.png"
    if not _together.several(opened):
        written = [_write.samples(opened, opened.interpolate(*walk, **begun), out, columns=args.steps)]
    elif out.suffix == ".npy":
        written = _together.arrays(opened, _together.joined(opened.walks(*walk, **begun)), out)
    else:
        rows = [_together.alike(each) for each in opened.walks(*walk, **begun)]
        written = [_write.samples(opened, torch.cat(rows), out, columns=args.steps)]
    paths(written, args.json)
