"""Say how unusual images are, and where, with a run that learned normal images.

  saddle calibrate runs/mine good/                 first: above which score is an image anomalous?
  saddle detect runs/mine part.png
  saddle detect runs/mine parts/ --out today --overlays --masks
  saddle detect runs/mine part.png --json --fail-on-anomaly       for a production line: exit code 1
  saddle detect runs/wgan-gp-mine parts/ --by search --steps 200  what a run that draws samples cannot draw

Each image gets a score, higher for the more unusual, the share of good images with a lower score, and a verdict. They
stand in the table and in scores.csv; pictures lie beside it, in folders map, overlay, mask and side-by-side. Images are
brought to the size that the run was trained with, in the same way; maps come back at an image's own size. All heat maps
of a run have one scale: 0 is the median of good images, 1 is twice the threshold of a pixel.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError
from . import _detecting, _open, _use, _works

if TYPE_CHECKING:
    from ..runs.run import Run

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="IMAGES", type=Path, nargs="+", help="images, and folders of images")
    _detecting.arguments(parser)
    parser.add_argument(
        "--threshold",
        type=_threshold,
        metavar="auto|X|none",
        help="images above it are anomalous: auto (saddle calibrate's), a number or none: no verdicts; by default auto "
        "if the run is calibrated",
    )
    parser.add_argument("--fail-on-anomaly", action="store_true", help="leave with code 1 if an image is anomalous")
    parser.add_argument("--out", type=Path, metavar="DIR", help="a new folder; by default NAME-detected")
    parser.add_argument(
        "--maps",
        nargs="?",
        const="npy",
        choices=("npy", "png"),
        help="the value of every pixel: npy, float32 (the default), or png, 16 bits on the scale of heat maps",
    )
    parser.add_argument("--overlays", action="store_true", help="the heat map over each image")
    parser.add_argument("--masks", action="store_true", help="white where a pixel is above the calibrated threshold")
    parser.add_argument(
        "--side-by-side", action="store_true", help="the image, the normal one next to it, what they differ in, the map"
    )
    parser.add_argument(
        "--scale",
        choices=("run", "image"),
        help="scale of heat maps: the run's, the same for all images (the default), or each image's own, which is then "
        "written on it",
    )
    parser.add_argument(
        "--json", action="store_true", help="for programs: {images: [{file, score, …}], threshold, files}"
    )


def _threshold(text: str) -> str | float:
    """auto, none or a number."""
    try:
        return text if text in ("auto", "none") else float(text)
    except ValueError:
        raise ArgumentTypeError(f"it wants auto, none or a number, not '{text}'") from None


def run(args: Namespace) -> None:
    opened = _detecting.opened(args)
    by, scale = _checked(opened, args)
    from ..use import writing

    quiet = args.json and not args.out and not _pictures(args)  # a program reads what is printed, and nothing is kept
    names = _works.Names(args.out, "detected", writing.Form(None), skip=quiet, folder=True)
    plan = _works.plan(args.input, names, opened.recipe.data)
    command = _detecting.Detecting(opened, args, plan, by, scale, kept=not quiet)
    command.end(command.all())


def _pictures(args: Namespace) -> bool:
    return bool(args.maps or args.overlays or args.masks or args.side_by_side)


def _checked(opened: "Run", args: Namespace) -> "tuple[_detecting.By, _detecting.Scale]":
    """By what is judged and drawn. UsageError, before a file is looked at, for what this run cannot be asked."""
    from ..runs import calibration
    from ..tasks import Detection

    chosen = opened.use(Detection, _use.given(args, "Detection"))
    judge = calibration.judge(opened, args.threshold, chosen)
    known = judge.calibration or (calibration.known(opened) if _pictures(args) and args.scale != "image" else None)
    if args.fail_on_anomaly and judge.threshold is None:
        if args.threshold == "none":
            raise UsageError("--fail-on-anomaly wants verdicts, and --threshold none gives none; leave out one of them")
        raise calibration.missing(opened, "--fail-on-anomaly wants a threshold")
    drawn = args.overlays or args.side_by_side
    if args.scale and not drawn and args.maps != "png":
        raise UsageError(f"--scale {args.scale} is of heat maps; add --overlays or --side-by-side")
    if args.scale == "image" and args.maps == "png":
        raise UsageError("--maps png is on the run's one scale; --maps npy holds the values themselves")
    if args.masks and known is None:
        known = calibration.known(opened)
        if known is None:
            raise calibration.missing(opened, "--masks wants the threshold of a pixel")
    if known is None and args.scale != "image" and (drawn or args.maps == "png"):
        raise calibration.missing(opened, "heat maps have the scale of the run's good images (or, each, --scale image)")
    return _detecting.By(judge, chosen), _detecting.Scale(known, args.scale == "image")
