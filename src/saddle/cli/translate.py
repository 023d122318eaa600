"""Turn images of one domain into images of another.

  saddle translate runs/cyclegan-digits-inverted seven.png --out seven-inverted.png
  saddle translate runs/cyclegan-digits-inverted digits/ more/ --to a --out back/

An image comes back at its own size and depth, with its opacity, a folder with its sub-folders. Everything else is known
from the run.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError
from . import _compared, _film, _open, _translating, _works

if TYPE_CHECKING:
    from ..runs.run import Run
    from ..spec import Field
    from ..use.translating import Translator
    from ..use.writing import Form

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="INPUT", type=_path, nargs="+", help="images, and folders of images")
    parser.add_argument("--to", metavar="DOMAIN", help="the domain of the results; by default the last one")
    parser.add_argument("--from", dest="start", metavar="DOMAIN", help="that of the inputs; by default the first other")
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-DOMAIN, in the current folder")
    _of_images(parser)
    _of_files(parser)
    _of_looks(parser)
    parser.add_argument("--json", action="store_true", help='for programs: [{"input": …, "output": …}, …]')


def _of_images(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--size",
        type=_size,
        default="own",
        metavar="own|run|N|HxW",
        help="at which images are translated: their own (the default), the run's, a shorter side, a height and a width",
    )
    parser.add_argument("--restore-size", action="store_true", help="bring results of another size back to the input's")
    parser.add_argument(
        "-n", type=_open.whole(1), default=1, metavar="K", help="results for each input, of a game that draws at random"
    )
    parser.add_argument(
        "--seed", type=_open.whole(0), default=0, help="of what is random; the same seed, the same images"
    )
    parser.add_argument(
        "--mean", type=_open.whole(1), default=1, metavar="K", help="the mean of K results, of such a game"
    )
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="by default fp32")
    parser.add_argument(
        "--tile",
        type=_open.whole(0),
        metavar="N",
        help="pixels a side: of tiles, with the same result; 0: none; by default where memory asks for it",
    )
    parser.add_argument(
        "--mask", type=Path, metavar="PATH", help="white where a hole is to be filled: a file or a folder"
    )


def _of_files(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("png", "jpg", "webp", "tiff", "same"), help="of the files; by default png")
    parser.add_argument("--depth", choices=("8", "16", "same"), default="same", help="bits a channel; by default same")
    parser.add_argument(
        "--alpha", choices=("keep", "flatten"), default="keep", help="keep the opacity, or lay it on the background"
    )
    parser.add_argument("--keep-exif", action="store_true", help="keep the camera's notes, which may tell places")
    parser.add_argument("--flat", action="store_true", help="all results in one folder, without sub-folders")
    parser.add_argument("--suffix", default="", metavar="TEXT", help="behind the name of a result, such as -{to}")
    parser.add_argument("--skip-existing", action="store_true", help="leave out what has its result already")
    parser.add_argument("--strict", action="store_true", help="stop at the first file that cannot be translated")


def _of_looks(parser: ArgumentParser) -> None:
    parser.add_argument("--truth", type=Path, metavar="PATH", help="score results beside true images of the same names")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="a page, .html or .png, with inputs beside results")
    parser.add_argument(
        "--video",
        action="store_true",
        help="INPUT is a film: a folder of frames, a GIF, WebP or APNG, with ffmpeg an MP4",
    )
    parser.add_argument("--steady", action="store_true", help="of a film: hold the statistics of instance norm still")
    parser.add_argument("--sheet-max", type=_open.whole(1), default=50, metavar="N", help="results on the page")


def _path(text: str) -> Path:
    """A path; what is empty, as a variable of the shell that was never set, is none."""
    if not text:
        raise ArgumentTypeError("it wants an image or a folder; '' is neither")
    return Path(text)


def _size(text: str) -> str | int | tuple[int, int]:
    """own, run, 512 or 480x640."""
    if text in ("own", "run"):
        return text
    if text.isdecimal() and int(text):
        return int(text)
    try:
        return _open.size(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(f"it wants own, run, a shorter side such as 512, or 480x640, not '{text}'") from None


def run(args: Namespace) -> None:
    from ..runs import translating

    opened = _open.opened(args)
    works = translating.translator(
        opened,
        args.start,
        args.to,
        size=args.size,
        restore=args.restore_size,
        bits=None if args.depth == "same" else int(args.depth),
        mean=args.mean,
        precision=args.precision,
        tile=args.tile,
    )
    _check(opened, works, args)
    form = _form(args)
    if args.video:
        _film.check(args)
        _film.translate(opened, works, form, args)
        return
    title = works.game.title(works.way.to)
    suffix = args.suffix.replace("{to}", title)
    names = _works.Names(args.out, title, form, args.flat, suffix, args.n, args.skip_existing)
    plan = _works.plan(args.input, names, opened.recipe.data)
    _check_outs(form, plan, works.wanted, args)
    for what, place in (("--mask", args.mask), ("--truth", args.truth)):
        if place:
            _works.partners(plan.works, place, what)
    command = _translating.Translating(opened, works, form, args, plan)
    command.end(command.all())


def _check(opened: "Run", works: "Translator", args: Namespace) -> None:
    """UsageError for what this run cannot be asked, before a file is looked at."""
    from ..runs import translating

    game = works.game
    _compared.check(args)
    if not game.varies and (given := "-n" if args.n > 1 else "--mean" if args.mean > 1 else None):
        raise UsageError(
            f"{opened.recipe.game} draws nothing at random here: all results would be alike; leave out {given}"
        )
    if args.n > 1 and args.mean > 1:
        raise UsageError("-n gives several results and --mean one of several; leave out one of the two")
    if args.mask:
        translating.check_hole(opened)
        if args.size != "own" or args.depth != "same" or args.alpha != "keep":
            raise UsageError("--mask gives known pixels back as they are; leave out --size, --depth and --alpha")
    if args.steady and not args.video:
        raise UsageError("--steady holds the statistics of all frames of a film still; it goes with --video")
    if "/" in args.suffix:
        raise UsageError(f"--suffix {args.suffix} is a part of a file's name, which has no /")


def _form(args: Namespace) -> "Form":
    """How results are written: as --format says, or the name of the one result."""
    from ..use import writing

    suffix = None if args.format == "same" else writing.NAMED[args.format or "png"]
    named = args.out.suffix if args.out and not args.out.is_dir() else ""
    if args.format is None and named.lower() in writing.KINDS:
        suffix = named
    return writing.Form(suffix, args.depth, args.keep_exif)


def _check_outs(form: "Form", plan: _works.Plan, wanted: "Field", args: Namespace) -> None:
    """UsageError for names that say no format, or one that cannot hold what was asked for."""
    from ..use import writing

    _compared.check_places(args, plan)
    _check_named(form, plan, args)
    for suffix in sorted({work.out.suffix for work in plan.works}):
        if suffix.lower() not in writing.KINDS:
            raise UsageError(f"--out {plan.out}: the name should end in {', '.join(writing.KINDS)}")
        writing.check(form, suffix)
        kind = writing.KINDS[suffix.lower()]
        if args.mask and kind not in writing.EXACT:
            raise UsageError(
                f"--mask gives known pixels back as they are, and {kind} changes them; choose --format png"
            )
        if wanted.kind == "map" and kind != "PNG":
            raise UsageError(f"label maps are written as PNG, whose palette tells the classes, not as {kind}")


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
