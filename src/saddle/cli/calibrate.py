"""Set the score above which an image is anomalous, from good images that the run has never seen.

  saddle calibrate runs/mine good/ --false-alarms 0.01
  saddle calibrate runs/mine good/ --best f1 --defects scratched/ dented/

The threshold is the ⌈(n + 1)(1 - α)⌉-th smallest of n scores of good images. Of new good images that are made in the
same way, at most the share α is above it. That takes at least 1/α - 1 images, 99 for 1 %. The threshold of a pixel is
the same quantile of the greatest value of each map. `saddle detect` takes them from the run's calibration.json.

Images that the run was trained on, or that its scores are measured with, are refused by their pixels.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError, remark, some
from . import _detecting, _open, _progress, _show, _use, _works

if TYPE_CHECKING:
    from ..runs.calibrating import Item
    from ..runs.run import Run

SETTINGS = _open.SETTINGS
GOOD = ("good", "normal", "ok")  # names of folders of good images


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="GOOD", type=Path, nargs="+", help="good images, and folders of them")
    parser.add_argument(
        "--false-alarms",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="share of good images that may be called anomalous; by default 0.01",
    )
    parser.add_argument(
        "--best", choices=("f1",), help="with --defects: the threshold with the largest F1, instead of the quantile"
    )
    parser.add_argument(
        "--defects", metavar="BAD", type=Path, nargs="+", default=(), help="images with defects, and folders of them"
    )
    _detecting.arguments(parser)
    parser.add_argument("--json", action="store_true", help="for programs: {threshold, pixels, false_alarms, …}")


def run(args: Namespace) -> None:
    from ..runs import calibrating
    from ..tasks import Detection

    opened = _detecting.opened(args)
    opened.as_(Detection)
    for path in args.input:
        _check_good(path)
    good, defects = _items(opened, args.input), _items(opened, args.defects)
    with _progress.shown("images"):
        use = _use.given(args, "Detection")
        found = calibrating.of_items(opened, good, args.false_alarms, defects, args.best, use)
    if args.json:
        told = {name: value for name, value in found.written().items() if name not in ("scores", "images")}
        _show.json({**told, "good": len(found.scores), "file": str(opened.files.calibration)})
        return
    by = f"by the best F1 of {len(found.images) - len(found.scores):,} defects and" if args.best else "by"
    share = sum(score > found.threshold for score in found.scores) / len(found.scores)
    lines = [
        ("threshold of an image", f"{found.threshold:.4g}", f"{by} {len(found.scores):,} good images"),
        ("threshold of a pixel", f"{found.pixels:.4g}", f"for {100 * found.false_alarms:.4g} % of false alarms"),
        ("good images above", f"{100 * share:.4g} %", f"the highest score is {found.scores[-1]:.4g}"),
    ]
    _show.table(["", "value", ""], lines)
    if copies := len(good) + len(defects) - len(found.images):
        remark(f"{copies:,} images are copies of others, pixel by pixel, and count once")
    _show.line(str(opened.files.calibration))


def _check_good(path: Path) -> None:
    """UsageError for a folder that has good images in a sub-folder of their own, and others beside them."""
    if not path.is_dir():
        return
    folders = sorted(each.name for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
    named = [name for name in folders if name.lower() in GOOD]
    if named and len(folders) > 1:
        others = some((name for name in folders if name not in named), 5)
        raise UsageError(
            f"{path} holds more than good images: {named[0]}, and {others}; give the good ones alone: {path / named[0]}"
        )


def _items(opened: "Run", inputs: Sequence[Path]) -> "list[Item]":
    """The images of these inputs. UsageError for files that hold none."""
    from ..base.errors import SaddleError
    from ..data.files import bad_lines, count, listing
    from ..runs import calibrating, finding
    from ..use.detecting import Seen

    if not inputs:
        return []
    works, bad = _works.listed(inputs, opened.recipe.data)
    if bad:
        told = f"{count(len(bad), 'file')} cannot be read:\n{listing(bad_lines(bad))}"
        raise UsageError(f"{told}\nRepair or remove them")
    sight = finding.view(opened)

    def see(work: _works.Work) -> "Seen":
        from ..data.decode import Unreadable

        try:
            return sight.see(finding.stored(opened, work.path, work.page))
        except Unreadable as error:
            raise SaddleError(str(error)) from None

    return [calibrating.Item(work.title, lambda work=work: see(work)) for work in works]  # type: ignore[misc]
