"""Restore images that are damaged, small or incomplete.

  saddle restore RUN old.png --out new.png
  saddle restore RUN photographs/ more/ --out restored/

An image comes back enlarged by the factor of the run, at its own depth, with its opacity; a folder with its
sub-folders.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _compared, _open, _restoring, _results, _use, _works
from ._targets import Target

if TYPE_CHECKING:
    from ..runs.run import Run
    from ..use.restoring import Restorer

SETTINGS = _open.SETTINGS
ALPHA = ("network", "bicubic", "flatten")  # as `use.restoring.Alpha`, which is not loaded for help


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    _results.inputs(parser)
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-restored, in the current folder")
    _of_images(parser)
    _use.arguments(parser, "Restoration")
    _results.files(
        parser, "restored", ALPHA, "opacity goes through the network too, is enlarged, or is laid on the background"
    )
    _results.looks(parser)
    _results.json(parser)


def _of_images(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--times",
        type=_open.whole(1),
        metavar="N",
        help="results as large as the input; by default as large as in training",
    )
    _results.computing(parser, "with the same result where they overlap by as much as the network looks")
    parser.add_argument(
        "--overlap",
        type=_open.whole(0),
        metavar="M",
        help="overlap of tiles, in pixels; by default as far as the network looks",
    )
    parser.add_argument(
        "--blend",
        type=_share,
        metavar="A",
        help="weight of the last stage's network in a mix with the first stage's, where a run kept both: 0 to 1",
    )
    parser.add_argument("--self-ensemble", action="store_true", help="the mean over 8 flips and rotations")
    parser.add_argument("--wrap", action="store_true", help="the image is a texture without seams, and stays one")
    parser.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="five points of each face, for a game that needs them: lines file,x1,y1,…,x5,y5",
    )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ArgumentTypeError(f"it wants a share from 0 to 1, not '{text}'")
    return share


def run(args: Namespace) -> None:
    opened = _open.opened(args)
    works = _restorer(opened, args)
    _compared.check(args)
    form = _results.form(args)
    names = _works.Names(args.out, "restored", form, args.flat, args.suffix, skip=args.skip_existing)
    plan = _works.plan(args.input, names, opened.recipe.data)
    targets = [Target(works, works.title)]
    _compared.check_places(args, plan, targets)
    _results.check(form, plan, args)
    if args.truth:
        _works.partners(plan.works, args.truth, "--truth")
    command = _restoring.Restoring(opened, targets, form, args, plan)
    command.end(command.all())


def _restorer(opened: "Run", args: Namespace) -> "Restorer":
    from ..runs import restoring

    names = ("times", "precision", "tile", "overlap", "blend", "self_ensemble", "wrap", "alpha")
    how: dict[str, Any] = {name: getattr(args, name) for name in names}
    return restoring.restorer(opened, bits=_results.bits(args), **how, **_use.given(args, "Restoration"))
