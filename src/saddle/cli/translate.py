"""Turn images of one domain into images of another.

  saddle translate runs/cyclegan-digits-inverted seven.png --out seven-inverted.png
  saddle translate runs/cyclegan-digits-inverted digits/ more/ --to a --out back/
  saddle translate runs/simgan-eyes drawn/ --labels drawn.csv --out refined/

An image comes back at its own size and depth, with its opacity, a folder with its sub-folders. Everything else is known
from the run.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError, remark
from . import _compared, _editing, _film, _labels, _open, _targets, _translating, _works

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..runs.run import Run
    from ..use.writing import Form
    from ._targets import Target

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="INPUT", type=_path, nargs="+", help="images, and folders of images")
    _targets.arguments(parser)
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-DOMAIN, in the current folder")
    _of_images(parser)
    _editing.arguments(parser)
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
        "--mask", type=Path, metavar="PATH", help="white where a hole, or a shadow, is: a file or a folder"
    )
    parser.add_argument(
        "--instances", type=Path, metavar="PATH", help="a number for every object of a map: a file or a folder"
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
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="a table of what inputs show, .csv or .jsonl, for their results too"
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="a page, .html or .png, with inputs beside results")
    parser.add_argument(
        "--video",
        action="store_true",
        help="INPUT is a film: a folder of frames, a GIF, WebP or APNG, with ffmpeg an MP4",
    )
    parser.add_argument("--steady", action="store_true", help="of a film: hold the statistics of instance norm still")
    parser.add_argument("--sheet-max", type=_open.whole(1), default=50, metavar="N", help="inputs on the page")


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
    opened = _open.opened(args)
    targets = _targets.targets(
        opened,
        args,
        size=args.size,
        restore=args.restore_size,
        bits=None if args.depth == "same" else int(args.depth),
        mean=args.mean,
        precision=args.precision,
        tile=args.tile,
    )
    _check(opened, args)
    form = _form(args)
    if args.video:
        _film.check(args, targets)
        _film.translate(opened, targets[0].works, form, args)
        return
    word = _targets.word(targets)
    endings = [target.ending for target in targets]
    suffix = args.suffix.replace("{to}", "" if any(endings) else word)  # else the endings say it
    names = _works.Names(args.out, word, form, args.flat, suffix, endings, args.skip_existing)
    plan = _works.plan(args.input, names, opened.recipe.data)
    _check_outs(form, plan, targets, args)
    for what, place in (("--mask", args.mask), ("--instances", args.instances), ("--truth", args.truth)):
        if place:
            _works.partners(plan.works, place, what)
    table = _labels.Table(args.labels, args.input[0], plan, targets, args.skip_existing) if args.labels else None
    command = _translating.Translating(opened, targets, form, args, plan, table)
    command.end(command.all())


def _check(opened: "Run", args: Namespace) -> None:
    """UsageError for what this run cannot be asked, before a file is looked at."""
    from ..runs import asking, translating
    from ..tasks import Translation

    game = opened.as_(Translation)
    _compared.check(args)
    _editing.check(game, args)
    if args.mask:
        translating.check_mask(opened)
    if args.mask and translating.fills(game) and (args.size, args.depth, args.alpha) != ("own", "same", "keep"):
        raise UsageError("--mask gives known pixels back as they are; leave out --size, --depth and --alpha")
    if args.instances:
        asking.check_instances(game)
    if not args.mask and translating.fills(game):
        remark("without --mask no pixel is taken for lost, and all of an image is painted anew")
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


def _check_outs(form: "Form", plan: _works.Plan, targets: "Sequence[Target]", args: Namespace) -> None:
    """UsageError for names that say no format, or one that cannot hold what was asked for."""
    from ..runs import translating
    from ..use import writing

    _compared.check_places(args, plan, targets)
    exact = args.mask and translating.fills(targets[0].works.game)
    _check_named(form, plan, args)
    for suffix in sorted({work.out.suffix for work in plan.works}):
        if suffix.lower() not in writing.KINDS:
            raise UsageError(f"--out {plan.out}: the name should end in {', '.join(writing.KINDS)}")
        writing.check(form, suffix)
        kind = writing.KINDS[suffix.lower()]
        if exact and kind not in writing.EXACT:
            raise UsageError(
                f"--mask gives known pixels back as they are, and {kind} changes them; choose --format png"
            )
        if kind != "PNG" and any(target.wanted.kind == "map" for target in targets):
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
