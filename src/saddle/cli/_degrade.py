"""saddle data degrade: small or damaged images of whole ones, as files that can be looked at and trained on."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import telling
from ..base.errors import SaddleError, UsageError, remark, some
from . import _progress
from ._show import json, line

if TYPE_CHECKING:
    import numpy as np

    from ..data import DataOptions
    from ..use.original import Original
    from ..use.writing import Form
    from . import _works

GIVEN = ("degrade", "times", "out", "whole", "seed")  # what no other question about data takes


def arguments(parser: ArgumentParser) -> None:
    from typing import get_args

    from ..data.options import Degrade

    about = parser.add_argument_group("degrade")
    about.add_argument("--degrade", choices=get_args(Degrade), help="the kind of damage; by default bicubic")
    about.add_argument("--times", type=int, metavar="N", help="factor by which sides become smaller: 4, or 1 for none")
    about.add_argument("--out", type=Path, metavar="DIR", help="a new folder; by default NAME-degraded")
    about.add_argument("--whole", type=Path, metavar="DIR", help="write the whole images too, cut to multiples of N")
    about.add_argument("--seed", type=int, metavar="S", help="seed of all random numbers; by default 0")


def degrade(args: Namespace) -> None:
    """Every image of a folder, its sub-folders kept; a file that cannot be read is reported at the end."""
    from ..use.writing import Form
    from . import _works  # which imports torch, and a list of sources needs none

    options, form = _options(args), Form(keep_exif=False)
    plan = _works.plan([Path(args.path)], _works.Names(args.out, "degraded", form), options)
    wholes = _works.plan([Path(args.path)], _works.Names(args.whole, "whole", form), options) if args.whole else None
    if wholes and _works.key(wholes.out) == _works.key(plan.out):
        raise UsageError("--whole and --out are one folder; choose two")
    bad, cut, done = dict(plan.bad), list[str](), list[str]()
    with _progress.shown("degrading"):
        for i, work in enumerate(plan.works):
            telling.now("degrading", i, len(plan.works))
            whole = wholes.works[i].out if wholes else None
            if reason := _one(work, whole, options, args.seed or 0, form, cut):
                bad[str(work.path)] = reason
            else:
                done.append(str(work.out))
    if cut and not wholes:
        remark(
            f"{some(cut, 5)}: no multiple of {options.times}, so the last rows and columns were left out; --whole DIR "
            "writes the whole images as they were cut, which pairs: takes beside the small ones"
        )
    if args.json:
        json({"files": done, "bad": bad})
    else:
        of = f"1/{options.times} of the size" if options.times > 1 else "the size kept"
        where = f", in {plan.out}" if done else ""
        line(f"{len(done):,} of {len(done) + len(bad):,} images: {options.degrade}, {of}{where}")
    if bad:
        reasons = "\n".join(f"  {path}: {reason}" for path, reason in bad.items())
        raise SaddleError(f"not degraded:\n{reasons}")


def _options(args: Namespace) -> "DataOptions":
    from ..base.settings import nest, restore
    from ..data import DataOptions

    edits = ({"data": {}} | nest(args.settings))["data"]
    asked = {"degrade": args.degrade or edits.get("degrade") or "bicubic"}
    asked |= {} if args.times is None else {"times": args.times}
    return restore(DataOptions, edits | asked, "data")


def _one(
    work: "_works.Work", whole: Path | None, options: "DataOptions", seed: int, form: "Form", cut: list[str]
) -> str:
    """Write what becomes of one file, or say why nothing does; those that had to be cut are noted in `cut`."""
    import numpy as np

    from ..data.decode import Unreadable
    from ..use import original, writing

    try:
        given = original.alone(work.path, work.page, options.max_megapixels)
        if given.pixels.dtype not in (np.uint8, np.uint16):
            return "its numbers are neither of 8 nor of 16 bits"
        height, width = (side // options.times * options.times for side in given.size)
        if not min(height, width):
            return f"{given.size[1]}×{given.size[0]} pixels, of which nothing is left"
    except Unreadable as error:
        return str(error)
    if (height, width) != given.size:
        cut.append(work.name)
        alpha = None if given.alpha is None else given.alpha[:height, :width]
        given = replace(given, pixels=given.pixels[:height, :width], alpha=alpha)
    small, alpha = _small(given, options, seed, work.name)
    for path, pixels, opacity in ((work.out, small, alpha), (whole, given.pixels, given.alpha)):
        if path is not None:
            writing.write(path, pixels, opacity, given, form)
    return ""


def _small(given: "Original", options: "DataOptions", seed: int, name: str) -> "tuple[np.ndarray, np.ndarray | None]":
    """The pixels [h, w, C] and the opacity [h, w]: a function of the image, the seed and the file's name."""
    import numpy as np

    from ..base.rng import number
    from ..data.degradations import degraded

    assert options.degrade is not None
    bits = np.array([number("degrade files", seed, name)], np.uint64)
    small = degraded(given.pixels.transpose(2, 0, 1)[None], options.degrade, options.times, bits)[0].transpose(1, 2, 0)
    if given.alpha is None:
        return small, None
    plain = "box" if options.degrade == "real" else options.degrade  # nobody makes noise of opacity
    return small, degraded(given.alpha[None, None], plain, options.times, bits)[0, 0]
