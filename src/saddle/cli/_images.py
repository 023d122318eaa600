"""Images from files, as a run's data were read, and back to files."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import remark, some
from ..base.files import safe_name, safe_names
from . import _open, _write

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.decode import Header
    from ..runs.run import Run
    from ..spec import Field


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


def destination(opened: "Run", args: Namespace, word: str) -> tuple[Path, bool]:
    """Where to write: --out, or NAME-word; and is it a folder, for many images? UsageError for what cannot be."""
    many = args.input.is_dir() or _pages(opened, args.input) > 1
    out = args.out or Path(beside(args.input, word) + ("" if many else ".png"))
    _write.check_folder(out) if many else _write.check_name(out)
    return out, many


def beside(path: Path, word: str) -> str:
    """NAME-word, for what comes of a folder or, without its suffix, of an image."""
    whole = Path(os.path.abspath(path))  # of . and .. too
    return safe_name(f"{whole.name if path.is_dir() else whole.stem}-{word}")


def _pages(opened: "Run", path: Path) -> int:
    """So many images are taken of this file."""
    from ..data import decode

    if opened.recipe.data.pages == "first" or not path.is_file():
        return 1
    try:
        with decode.reading():
            return decode.header(path, opened.recipe.data.max_megapixels, any_range=True).pages
    except decode.Unreadable:  # which is said when it is read
        return 1


def encoder(args: Namespace) -> "Run":
    """The opened run, asked first of all: a game that does not encode says so before files are read."""
    from ..tasks import Encoding

    opened = _open.opened(args)
    opened.as_(Encoding)
    _open.tell_doubt(opened, args.label)
    return opened


@dataclass(frozen=True)
class Images:
    """Files that hold images, each read anew when it is asked for: a few at a time, however many there are."""

    opened: "Run"
    root: Path
    names: Sequence[str]  # of the files, below the root; a further page is scan.tif#2
    field: "Field"  # whose channels, bits and size they are brought to

    def portions(self, most: int) -> "Iterator[Tensor]":
        """All, in order, as the run's data were read: float [N, C, H, W] in [-1, 1], at most so many at a time."""
        import torch

        from ..data import decode

        with decode.in_order():
            for start in range(0, len(self.names), most):
                with decode.reading():
                    portion = torch.stack([self.again(name) for name in self.names[start : start + most]])
                yield portion

    def again(self, name: str) -> "Tensor":
        """One that could be read before."""
        from ..base.errors import SaddleError
        from ..data.decode import Unreadable

        try:
            return self.read(name)
        except Unreadable as error:
            raise SaddleError(f"{self.root / name} changed while the images were worked on: {error}") from None

    def read(self, name: str) -> "Tensor":
        """One, float [C, H, W]. Unreadable says why not."""
        import torch

        from ..data import decode
        from ..data.files import page_of
        from ..data.source import decoded

        channels, *sides = self.field.shape
        file, page = page_of(name)
        options = self.opened.recipe.data
        picture = decode.sample(self.root / file, options, channels, self.field.bits, (*sides,), page)
        return decoded(torch.from_numpy(picture.transpose(2, 0, 1).copy()))


def read(opened: "Run", path: Path, key: str | None = None) -> Images:
    """The images in a file or a folder, with every page if the run was trained so; every one has been looked at.

    UsageError names every bad file. Pages that are left out are reported.
    They are brought to the size and the channels of this key of the run's batches; None: of its main one.
    """
    from ..base.errors import UsageError
    from ..data import decode
    from ..data.files import bad_lines, listing, scan
    from ..data.sources.folder import taken

    if not path.exists():
        raise UsageError(f"there is no {path}; give an image or a folder of images")
    field = opened.spec.fields[key or opened.spec.keys[0]]
    if field.kind != "image":
        raise UsageError(f"{opened.recipe.game} was trained on {field} here; files of images are of no use to it")
    files = scan(path)
    headers = taken(files, replace(opened.recipe.data, limit=None))
    images, bad = Images(opened, files.root, [*headers], field), files.bad
    good = []
    with decode.reading(), decode.in_order():
        for name in images.names:
            try:
                images.read(name)
                good.append(name)
            except decode.Unreadable as error:
                bad.append((name, str(error)))
    skips = opened.recipe.data.skip_bad  # the run leaves out bad files
    if not good or (bad and not skips):
        how = "Repair or remove them; only a run that was trained with --data.skip_bad true leaves such out"
        raise UsageError(f"cannot read:\n{listing(bad_lines(bad))}\n{how}" if bad else f"no image in {path}")
    tell_left_out(opened, {name: headers[name] for name in good})
    if bad:
        remark(f"left out, as data.skip_bad says:\n{listing(bad_lines(bad))}")
    return replace(images, names=good)


def tell_left_out(opened: "Run", headers: "Mapping[str, Header]") -> None:
    """Say on stderr which files have pages that are not taken, if any."""
    several = [name for name, head in headers.items() if head.pages > 1]
    if several and opened.recipe.data.pages == "first":
        remark(
            f"of {len(several):,} files with several pages or frames the first alone is taken ({some(several)}), as "
            "this run's data were read"
        )


def write(opened: "Run", made: "Iterable[Tensor]", names: Sequence[str], out: Path, many: bool) -> list[Path]:
    """One PNG a name in the folder `out` if there are `many`, else the one image as `out`; each as soon as it is made.

    `made` are uint8 [N, C, H, W], all images in portions.
    """
    if many:
        return _write.each(made, out, _file_names(names))
    return [_write.samples(opened, next(iter(made)), out, scale=1, padding=0)]


def _file_names(names: Sequence[str]) -> list[str]:
    """Of sub/seven.jpg, sub-seven, and of its page sub/seven.jpg#2, sub-seven-2; all stays if two would be one."""
    from ..data.files import page_of

    pages = [page_of(name) for name in names]
    short = [file.rpartition(".")[0] + (f"-{page + 1}" if page else "") for file, page in pages]
    flat = {name.replace("/", "-") for name in short}
    return safe_names(short if len(flat) == len(short) else names)
