"""Draw new samples from a run.

  saddle sample runs/dcgan-digits                          a grid of 64, in the run's folder
  saddle sample runs/dcgan-digits -n 16 --seed 7 --out seven.png
  saddle sample runs/dcgan-digits -n 5000 --each digits/   one PNG each
  saddle sample runs/biggan-digits --label 7 --truncation 0.5
  saddle sample runs/gan-cls-captions --text "a small red circle at the left" --text "a large blue square at the top"
  saddle sample runs/dcgan-digits -n 5000 --out digits.npy uint8 [5000, C, H, W]; of points float [5000, D]
  saddle sample runs/singan-photo -n 4 --size 128x256      height and width, for a game that learned one image
  saddle sample runs/stackgan-captions --every-size        a grid for each size that the game draws
  saddle sample runs/sagan-digits --attention 16,8         beside each sample, what its pixel y,x looks at
  saddle sample runs/dcgan-digits --latents seven-latents.npy    from `saddle invert` or `saddle encode`

The same seed draws the same samples. A game that draws an image of several domains from one latent, such as cogan,
gives all of them: side by side in a grid, as a-0001.png and b-0001.png in a folder, as one array for each.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _attending, _codes, _open, _use
from ._show import paths

if TYPE_CHECKING:
    from ..runs.run import Run

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("-n", type=_open.whole(1), help="how many; by default 64, or 8 for each text")
    parser.add_argument("--label", help="what the samples show: a class, or columns such as 0.2,0.8 or smiling,young")
    _open.texts(parser, "what the samples are to show, for a game that is asked by texts; may be given several times")
    _use.arguments(parser, "Synthesis")
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="by default 0")
    parser.add_argument(
        "--every-size", action="store_true", help="for a game that draws several sizes: the same samples at each size"
    )
    parser.add_argument(
        "--attention",
        type=_open.pixel,
        metavar="Y,X",
        help="what this pixel looks at, in a generator with self-attention",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, metavar="FILE", help=".png, .npy or, for points, .csv")
    where.add_argument("--each", type=Path, metavar="DIR", help="one PNG for each image, in a new folder")
    _codes.argument(parser, "draw what these latents show, and no random ones")
    _open.bits(parser)
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    from ..base.errors import UsageError
    from ..base.files import safe_name
    from . import _together, _write

    opened = _open.opened(args)
    _write.check_name(args.out, opened.spec.main.kind)
    if args.each and not opened.spec.is_image:
        raise UsageError(f"--each writes images; {args.run} draws {opened.spec.main}, which --out writes into one file")
    if args.each:
        _write.check_channels(opened)
        _write.check_folder(args.each)
    texts = _open.read_texts(args)
    alone = args.n == 1 and not texts
    suffix = args.out.suffix if args.out else ".png"
    _write.use_bits(opened, args.bits, suffix, alone=alone or args.each is not None)
    name = f"sample-seed-{args.seed}" + (f"-label-{args.label}" if args.label else "") + _open.named(texts)
    use = _use.given(args, "Synthesis")
    name += _use.named(use)
    n = args.n or (8 if texts else 64)
    out = args.out or args.run / f"{safe_name(name)}.png"
    asked: dict[str, Any] = {"n": n, "seed": args.seed, "label": args.label, "texts": texts}
    _open.tell_doubt(opened, args.label)
    if args.attention or args.latents:
        return (_attending.write if args.attention else _given)(opened, args, bool(use or texts))
    if args.every_size or _together.several(opened):
        _together.check(opened, use, args)
        paths(_together.write(opened, asked, out, args), args.json)
        return
    asked |= use
    if args.each:
        written = _write.each(opened.portions(**asked), args.each)
    elif out.suffix == ".npy":
        written = [_write.array(opened.portions(**asked), n * (len(texts) or 1), out)]
    else:
        _write.check_size(opened.spec.main, n * (len(texts) or 1), out)
        exact = alone and ({*use} & {"size", "scale"} or args.bits == 16)  # pixel for pixel
        look = {"scale": 1, "padding": 0} if exact else {}
        written = [_write.samples(opened, opened.sample(**asked), out, texts, **look)]
    paths(written, args.json)


def _given(opened: "Run", args: Namespace, chosen: bool) -> None:
    """What the latents of a file show. UsageError if more than a label was `chosen`."""
    from ..base.errors import UsageError
    from ..base.files import safe_name
    from ..runs.latents import shown
    from . import _together, _write

    if chosen or args.n or args.every_size:
        raise UsageError("--latents says how many are drawn, and of what; of other options it takes --label alone")
    portions = shown(opened, _codes.read(args.latents), args.label)
    out = args.out or args.run / f"{safe_name(f'sample-{args.latents.stem}')}.png"
    several = _together.several(opened)
    if args.each and several:
        written = _together.each(portions, args.each, by_size=False)
    elif args.each:
        written = _write.each((next(iter(part.values())) for part in portions), args.each)
    elif several and out.suffix == ".npy":
        written = _together.arrays(opened, _together.joined(portions), out)
    else:
        made = _together.joined(portions)
        written = [_write.samples(opened, _together.paired(made) if several else next(iter(made.values())), out)]
    paths(written, args.json)
