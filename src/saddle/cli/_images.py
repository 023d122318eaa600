"""Images from files, as a run's data were read, and back to files."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from . import _open, _write

if TYPE_CHECKING:
    from torch import Tensor

    from ..runs.run import Run


def arguments(parser: ArgumentParser, metavar: str, out: str) -> None:
    """Of a command that takes a run and images: `out` says what --out is, and what it is by default."""
    _open.arguments(parser)
    parser.add_argument("input", metavar="IMAGES", type=Path, help="an image, or a folder of images")
    parser.add_argument("--label", help="what the images show: a class, or columns such as 0.2,0.8 or smiling,young")
    parser.add_argument("--out", type=Path, metavar=metavar, help=out)
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def inputs(parser: ArgumentParser) -> None:
    """Of a command that takes a run and images, and nothing else in common with others."""
    _open.arguments(parser)
    parser.add_argument("input", metavar="INPUT", type=Path, help="an image, or a folder of images")


def destination(args: Namespace, word: str) -> tuple[Path, bool]:
    """Where to write: --out, or NAME-word; and is it a folder, for many images? UsageError for what cannot be."""
    many = args.input.is_dir()
    out = args.out or Path(f"{args.input.name}-{word}" if many else f"{args.input.stem}-{word}.png")
    _write.check_folder(out) if many else _write.check_name(out)
    return out, many


def encoder(args: Namespace) -> "Run":
    """The opened run, asked first of all: a game that does not encode says so before files are read."""
    from ..tasks import Encoding

    opened = _open.opened(args)
    opened.as_(Encoding)
    return opened


def read(opened: "Run", path: Path, key: str | None = None) -> "dict[str, Tensor]":
    """The images by name, as the run's data were read: float [C, H, W] in [-1, 1]. UsageError names every bad file.

    They are brought to the size and the channels of this key of the run's batches; None: of its main one.
    """
    import torch

    from ..base.errors import UsageError
    from ..data import decode
    from ..data.files import bad_lines, listing, scan
    from ..data.source import decoded

    if not path.exists():
        raise UsageError(f"there is no {path}; give an image or a folder of images")
    options, field = opened.recipe.data, opened.spec.fields[key or opened.spec.keys[0]]
    if field.kind != "image":
        raise UsageError(f"{opened.recipe.game} was trained on {field} here; files of images are of no use to it")
    channels, height, width = field.shape
    files, images, bad = scan(path), {}, []
    with decode.reading():
        for name in files.images:
            try:
                picture = decode.sample(files.root / name, options, channels, field.bits, (height, width))
            except decode.Unreadable as error:
                bad.append((name, str(error)))
                continue
            images[name] = decoded(torch.from_numpy(picture.transpose(2, 0, 1).copy()))
    bad += files.bad
    if bad or not images:
        raise UsageError(f"no image in {path}" if not bad else f"cannot read:\n{listing(bad_lines(bad))}")
    return images


def write(opened: "Run", made: "Tensor", names: list[str], out: Path, many: bool) -> list[Path]:
    """One PNG a name in the folder `out` if there are `many`, else the one image as `out`."""
    if many:
        return _write.each(made, out, _file_names(names))
    return [_write.samples(opened, made, out, scale=1, padding=0)]


def _file_names(names: list[str]) -> list[str]:
    """Of sub/seven.jpg, sub-seven; the suffix stays if two would be one."""
    flat = [name.replace("/", "-") for name in names]
    short = [name.rpartition(".")[0] for name in flat]
    return short if len(set(short)) == len(short) else flat
