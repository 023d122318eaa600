"""Turn images of one domain into images of another.

  saddle translate runs/cyclegan-digits-inverted seven.png --out seven-inverted.png
  saddle translate runs/cyclegan-digits-inverted digits/ more/ --to a --out back/
  saddle translate runs/simgan-eyes drawn/ --labels drawn.csv --out refined/

An image comes back at its own size and depth, with its opacity; a folder with its sub-folders. Everything else comes
from the run.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError, remark
from . import _compared, _editing, _film, _labels, _open, _results, _targets, _translating, _works

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..runs.run import Run
    from ..use.translating import Translator
    from ..use.writing import Form
    from ._targets import Target

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    _results.inputs(parser)
    _targets.arguments(parser)
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-DOMAIN, in the current folder")
    _of_images(parser)
    _editing.arguments(parser)
    _results.files(
        parser,
        "translated",
        ("keep", "flatten"),
        "keep the opacity, or lay it on the background",
        ", such as -{to}",
    )
    _of_films(parser)
    _results.looks(parser)
    _results.json(parser)


def _of_images(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--size",
        type=_size,
        default="own",
        metavar="own|run|N|HxW",
        help="size of images in the network: their own (the default), the run's, a shorter side, a height and a width",
    )
    parser.add_argument("--restore-size", action="store_true", help="bring results of another size back to the input's")
    parser.add_argument(
        "--mean", type=_open.whole(1), default=1, metavar="K", help="the mean of K results, for such a game"
    )
    _results.computing(parser, "with the same result")
    parser.add_argument(
        "--mask", type=Path, metavar="PATH", help="white where a hole, or a shadow, is: a file or a folder"
    )
    parser.add_argument(
        "--instances", type=Path, metavar="PATH", help="a number for every object of a map: a file or a folder"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="a table of what inputs show, .csv or .jsonl, for their results too"
    )


def _of_films(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--video",
        action="store_true",
        help="INPUT is a film: a folder of frames, a GIF, WebP or APNG, with ffmpeg an MP4",
    )
    parser.add_argument(
        "--steady", action="store_true", help="for a film: the same statistics of instance norm in all frames"
    )


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
        bits=_results.bits(args),
        mean=args.mean,
        precision=args.precision,
        tile=args.tile,
    )
    _check(opened, args)
    form = _results.form(args)
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


def _check_outs(form: "Form", plan: _works.Plan, targets: "Sequence[Target[Translator]]", args: Namespace) -> None:
    """UsageError for names that say no format, or one that cannot hold what was asked for."""
    from ..runs import translating
    from ..use import writing

    _compared.check_places(args, plan, targets)
    exact = args.mask and translating.fills(targets[0].works.game)
    _results.check(form, plan, args)
    for kind in sorted({writing.KINDS[work.out.suffix.lower()] for work in plan.works}):
        if exact and kind not in writing.EXACT:
            raise UsageError(
                f"--mask gives known pixels back as they are, and {kind} changes them; choose --format png"
            )
        if kind != "PNG" and any(target.wanted.kind == "map" for target in targets):
            raise UsageError(f"label maps are written as PNG, whose palette tells the classes, not as {kind}")
