"""Find the latents of images: from which latents would the run draw them?

  saddle invert runs/dcgan-digits seven.png                 seven-latents.npy, float [1, z]
  saddle invert runs/dcgan-digits digits/ --restarts 16 --images again/     what the latents show, a PNG each
  saddle invert runs/biggan-digits seven.png --label 7
  saddle train encoder --from runs/dcgan-digits               a network that infers them at once
  saddle invert runs/encoder-digits digits/ --by encoder
  saddle sample runs/dcgan-digits --latents digits-latents.npy
  saddle interpolate runs/dcgan-digits --latents digits-latents.npy

By a search: Adam moves the latent until the generator's image is near the given one. It starts from several random
latents, and the best result counts. This works for every run that draws samples. In one with styles, such as stylegan2,
it searches for the style, and the file holds [N, 1, w]. --by encoder asks the encoder of a run that has one, such as
encoder or vae. It takes milliseconds in place of minutes, and most often a search comes nearer. The latents that it
finds for a run that was trained --from another one work in both of them. Images are brought to the size and the
channels that the run was trained with. An image's PSNR, in decibels, says how near its latent comes: 20 is similar, 30
is hard to distinguish.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import UsageError
from . import _codes, _images, _open
from ._show import json, line, table

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("inputs", metavar="IMAGE", nargs="+", type=Path, help="images, or folders of images")
    parser.add_argument(
        "--by",
        choices=("search", "encoder"),
        default="search",
        help="by a search or by an encoder; by default by search",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--label", help="what the images show, for a game that takes it")
    what.add_argument("--text", help="what the samples show, for a game that takes texts")
    parser.add_argument("--steps", type=_open.whole(1), help="steps of each search; by default 500")
    parser.add_argument("--restarts", type=_open.whole(1), help="searches of each image; by default 4")
    parser.add_argument("--lr", type=float, help="learning rate of the search; by default 0.05")
    parser.add_argument(
        "--seed", type=_open.whole(0), default=0, help="seed of the latents at which searches begin; by default 0"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help=".npy or .csv; by default NAME-latents.npy")
    parser.add_argument("--images", type=Path, metavar="DIR", help="write what the latents show, in a new folder")
    parser.add_argument("--json", action="store_true", help='for programs: {"images": [{image, psnr}], "files": […]}')


def run(args: Namespace) -> None:
    import torch

    from ..runs.latents import Inverted
    from ..runs.run import AT_ONCE
    from ..tasks import Synthesis
    from . import _write

    opened = _open.opened(args)
    opened.as_(Synthesis)  # asked before files are read
    out = args.out or Path(f"{_images.beside(args.inputs[0], 'latents')}.npy")
    _codes.check_name(out)
    if out.exists():  # a search takes long
        raise UsageError(f"{out} exists; choose another --out, so that nothing is overwritten")
    if args.images:
        _write.check_folder(args.images)
    _open.tell_doubt(opened, args.label)
    how = {name: getattr(args, name) for name in ("steps", "restarts", "lr") if getattr(args, name) is not None}
    names, parts = [], []
    for path in args.inputs:
        images = _images.read(opened, path)
        names += [name if len(args.inputs) == 1 else str(images.root / name) for name in images.names]
        portions = images.portions(AT_ONCE)
        parts += [opened.invert(x, args.label or args.text, args.by, args.seed, **how) for x in portions]
    found = Inverted(*(torch.cat(each) for each in zip(*parts, strict=True)))
    written = [_codes.write(found.latents, names, out)]
    written += _images.write(opened, [found.images], names, args.images, many=True) if args.images else []
    rows = [{"image": name, "psnr": decibels} for name, decibels in zip(names, found.psnr.tolist(), strict=True)]
    if args.json:
        json({"images": rows, "files": [str(path) for path in written]})
        return
    table(["image", "PSNR"], [(row["image"], f"{row['psnr']:.1f} dB") for row in rows])
    for path in written:
        line(str(path))
