"""Options of the files that a command writes for images, their formats and names."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError
from . import _open, _works

if TYPE_CHECKING:
    from ..use.writing import Form


def inputs(parser: ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", type=_path, nargs="+", help="images, and folders of images")


def computing(parser: ArgumentParser, tiles: str) -> None:
    """How a network computes; `tiles` says what tiles give."""
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="by default fp32")
    parser.add_argument(
        "--tile",
        type=_open.whole(0),
        metavar="N",
        help=f"pixels a side: of tiles, {tiles}; 0: none; by default where memory asks for it",
    )


def files(parser: ArgumentParser, done: str, alpha: Sequence[str], meaning: str, ending: str = "") -> None:
    """How results are written: `done` is what is done to a file; `alpha`, the first by default, its opacity."""
    parser.add_argument(
        "--format", choices=("png", "jpg", "webp", "tiff", "same"), help="format of the files; by default png"
    )
    parser.add_argument("--depth", choices=("8", "16", "same"), default="same", help="bits a channel; by default same")
    parser.add_argument("--alpha", choices=alpha, default=alpha[0], help=meaning)
    parser.add_argument("--keep-exif", action="store_true", help="keep the camera's notes, which may tell places")
    parser.add_argument("--flat", action="store_true", help="all results in one folder, without sub-folders")
    parser.add_argument("--suffix", default="", metavar="TEXT", help=f"behind the name of a result{ending}")
    parser.add_argument("--skip-existing", action="store_true", help="leave out what has its result already")
    parser.add_argument("--strict", action="store_true", help=f"stop at the first file that cannot be {done}")


def looks(parser: ArgumentParser) -> None:
    """A page and scores of results."""
    parser.add_argument("--truth", type=Path, metavar="PATH", help="score results beside true images of the same names")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="a page, .html or .png, with inputs beside results")
    parser.add_argument("--sheet-max", type=_open.whole(1), default=50, metavar="N", help="inputs on the page")


def json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help='for programs: [{"input": …, "output": …}, …]')


def _path(text: str) -> Path:
    """A path; what is empty, as a variable of the shell that was never set, is none."""
    if not text:
        raise ArgumentTypeError("it wants an image or a folder; '' is neither")
    return Path(text)


def bits(args: Namespace) -> int | None:
    """Of a result's channels, as --depth says; None for those of the input."""
    return None if args.depth == "same" else int(args.depth)


def form(args: Namespace) -> "Form":
    """How results are written: as --format says, or the name of the one result."""
    from ..use import writing

    if "/" in args.suffix:
        raise UsageError(f"--suffix {args.suffix} is a part of a file's name, which has no /")
    suffix = None if args.format == "same" else writing.NAMED[args.format or "png"]
    named = args.out.suffix if args.out and not args.out.is_dir() else ""
    if args.format is None and named.lower() in writing.KINDS:
        suffix = named
    return writing.Form(suffix, args.depth, args.keep_exif)


def check(form: "Form", plan: _works.Plan, args: Namespace) -> None:
    """UsageError for names that say no format, or one that cannot hold what was asked for."""
    from ..use import writing

    _check_named(form, plan, args)
    for suffix in sorted({work.out.suffix for work in plan.works}):
        if suffix.lower() not in writing.KINDS:
            raise UsageError(f"--out {plan.out}: the name should end in {', '.join(writing.KINDS)}")
        writing.check(form, suffix)


def _check_named(form: "Form", plan: _works.Plan, args: Namespace) -> None:
    """UsageError for the name of a file where a folder is written, or one that says another format than --format."""
    from ..use import writing

    kind = writing.KINDS.get(plan.out.suffix.lower())
    if kind is None:
        return
    if plan.many and not plan.out.is_dir():
        raise UsageError(f"--out {plan.out}: several results go into a folder, and this is the name of a file")
    wanted = plan.works[0].name if plan.works else ""
    if not plan.many and args.format and writing.KINDS[form.of(wanted).lower()] != kind:
        raise UsageError(
            f"--out {plan.out} is the name of a {kind}, and --format says {args.format}; leave out one of them"
        )
