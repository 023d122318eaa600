"""Turn images into the other domain.

  saddle translate runs/cyclegan-digits-inverted seven.png --out seven-inverted.png
  saddle translate runs/cyclegan-digits-inverted digits/ --to a --out back/

Images are brought to the size and the channels that the run was trained with. A folder gives a folder, one PNG each.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from . import _open
from ._show import paths

if TYPE_CHECKING:
    from torch import Tensor

    from ..run import Run

SETTINGS: tuple[str, ...] = ()


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="INPUT", type=Path, help="an image, or a folder of images")
    parser.add_argument("--to", metavar="DOMAIN", help="the domain wanted; by default the game's last one, such as b")
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-DOMAIN, in the current folder")
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    import torch

    from . import _write

    opened = _open.opened(args)
    domains = opened.translation.needs  # asked first: a game that does not translate says so before files are read
    to, many = args.to or domains[-1], args.input.is_dir()
    out = args.out or Path(f"{args.input.name}-{to}" if many else f"{args.input.stem}-{to}.png")
    _write.check_folder(out) if many else _write.check_name(out, is_image=True)
    images = read(opened, args.input)
    made = opened.translate(torch.stack(list(images.values())), to)[to]
    if many:
        written = _write.each(made, out, _file_names(list(images)))
    else:
        written = [_write.samples(opened, made, out, scale=1, padding=0)]
    paths(written, args.json)


def _file_names(names: list[str]) -> list[str]:
    """Of sub/seven.jpg, sub-seven; the suffix stays if two would be one."""
    flat = [name.replace("/", "-") for name in names]
    short = [name.rpartition(".")[0] for name in flat]
    return short if len(set(short)) == len(short) else flat


def read(opened: "Run", path: Path) -> "dict[str, Tensor]":
    """The images by name, as the run's data were read: float [C, H, W] in [-1, 1]. UsageError names every bad file."""
    import torch

    from ..data import decode
    from ..data.files import bad_lines, listing, scan
    from ..data.source import decoded
    from ..errors import UsageError

    if not path.exists():
        raise UsageError(f"there is no {path}; give an image or a folder of images")
    options, (channels, height, width) = opened.recipe.data, opened.spec.shape
    found, images, bad = scan(path), {}, []
    with decode.reading():
        for name in found.images:
            try:
                picture = decode.pixels(found.root / name, decode.colour(options.background), options.max_megapixels)
            except decode.Unreadable as error:
                bad.append((name, str(error)))
                continue
            picture = decode.fitted(decode.with_channels(picture, channels), height, width)
            images[name] = decoded(torch.from_numpy(picture.transpose(2, 0, 1).copy()))
    bad += found.bad
    if bad or not images:
        raise UsageError(f"no image in {path}" if not bad else f"cannot read:\n{listing(bad_lines(bad))}")
    return images
