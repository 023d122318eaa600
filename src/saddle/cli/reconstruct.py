"""Make images again from their codes: what the run remembers of them.

  saddle reconstruct runs/vae-digits seven.png --out again.png
  saddle reconstruct runs/vae-digits digits/ --out again/
  saddle reconstruct runs/cvae-digits seven.png --label 7

Images are brought to the size and the channels that the run was trained with. A folder gives a folder, one PNG each.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _open
from ._show import paths

SETTINGS: tuple[str, ...] = ()


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="IMAGES", type=Path, help="an image, or a folder of images")
    parser.add_argument("--label", help="what the images show, for a game that is told")
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-again, in the current folder")
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    import torch

    from . import _images, _write

    opened = _open.opened(args)
    opened.encoding  # noqa: B018  asked first: a game that does not encode says so before files are read
    many = args.input.is_dir()
    out = args.out or Path(f"{args.input.name}-again" if many else f"{args.input.stem}-again.png")
    _write.check_folder(out) if many else _write.check_name(out, is_image=True)
    images = _images.read(opened, args.input)
    made = opened.reconstruct(torch.stack(list(images.values())), args.label)
    paths(_images.write(opened, made, list(images), out, many), args.json)
