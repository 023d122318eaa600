"""The results of a command for each image: domains, what a result is to show, styles, and several draws of each."""

import re
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from ..base.errors import SaddleError, UsageError, remark
from ..base.files import safe_name
from . import _editing, _open

if TYPE_CHECKING:
    from torch import Tensor

    from ..runs.asking import Wish
    from ..runs.run import Run
    from ..spec import Field
    from ..use.imaging import Imaging
    from ..use.translating import Translator


W = TypeVar("W", bound="Imaging", covariant=True)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        metavar="WHAT",
        action="append",
        help="a domain, by default the last one; or what results are to show, such as blond,-male (--to=-male begins "
        "with a dash); all: each in turn. May be given several times",
    )
    parser.add_argument(
        "--from", dest="start", metavar="DOMAIN", help="domain of the inputs; by default the first other one"
    )
    parser.add_argument(
        "--style",
        metavar="FILE",
        action="append",
        help="an image of the domain of the results, which they are to look like; may be given several times. "
        "ID=CLUSTER,…: how objects of --instances are to look, by the clusters of saddle styles",
    )
    parser.add_argument(
        "-n",
        type=_open.whole(1),
        default=1,
        metavar="K",
        help="number of results for each input, for a game that draws at random",
    )
    parser.add_argument(
        "--seed", type=_open.whole(0), default=0, help="seed of all random numbers: the same seed gives the same images"
    )


@dataclass(frozen=True)
class Target(Generic[W]):
    """One result of every image."""

    works: W
    title: str  # what it is, for people
    draw: int = 0  # of several with random numbers
    ending: str = ""  # behind the name of its file

    @property
    def wanted(self) -> "Field":
        return self.works.wanted


def targets(opened: "Run", args: Namespace, **way: object) -> "list[Target[Translator]]":
    """All results of every image, each with an ending of its own if there are several. UsageError for what cannot be.

    `way` has the settings of a `use.translating.Way`.
    """
    from ..runs import asking, translating
    from ..tasks import Translation

    wishes = asking.wishes(opened.as_(Translation), args.start, args.to)
    works = translating.translator(opened, wishes[0].start, wishes[0].to, **way)
    paths = _paths(args)
    _check(opened, works, wishes, paths, args)
    found = []
    styles: list[Path | None] = [*paths] or [None]
    for wish, path, k in product(wishes, styles, range(args.n)):
        each = asking.asked(works, wish, None if path is None else _style(asking.asked(works, wish), path))
        parts = [wish.title] * (len(wishes) > 1) + ([path.stem] if path and len(paths) > 1 else [])
        title = " in ".join(parts) or wish.title
        found.append(Target(each, title, k, "".join(f"-{_name(part)}" for part in parts) + f"-{k + 1}" * (args.n > 1)))
    return _apart(found)


def word(targets: "Sequence[Target[Imaging]]") -> str:
    """What the command makes, in names that are not given."""
    titles = {target.title for target in targets}
    return _name(titles.pop()) if len(titles) == 1 else "translated"


def _paths(args: Namespace) -> list[Path]:
    """The images of --style. UsageError for one that is not there."""
    paths = [Path(text) for text in args.style or () if not _editing.is_clusters(text)]
    if missing := next((path for path in paths if not path.is_file()), None):
        raise UsageError(f"--style {missing}: there is no such file; give an image")
    return paths


def _check(
    opened: "Run", works: "Translator", wishes: "Sequence[Wish]", paths: Sequence[Path], args: Namespace
) -> None:
    """UsageError for what this run cannot be asked, before a file is looked at."""
    from ..runs import asking

    if paths:
        asking.check_styled(works.game)
    elif works.game.styled and asking.stays(works.game) and all(wish.label is None for wish in wishes):
        remark("without --style an image keeps its own look: the result is the image as the network draws it again")
    if not works.game.varies and (given := "-n" if args.n > 1 else "--mean" if args.mean > 1 else None):
        raise UsageError(
            f"{opened.recipe.game} draws nothing at random here: all results would be alike; leave out {given}"
        )
    if args.n > 1 and args.mean > 1:
        raise UsageError("-n gives several results and --mean one of several; leave out one of the two")
    if len(wishes) > 1 and args.truth:
        raise UsageError("--truth has true images of one kind of result; ask for one with --to")


def _style(works: "Translator", path: Path) -> "Tensor":
    from ..data.decode import Unreadable
    from ..runs import asking, reading

    try:
        return asking.style_of(works, reading.read_file(works.reader, path))
    except Unreadable as error:
        raise SaddleError(f"--style {path}: {error}") from None


def _name(title: str) -> str:
    """A title within a name of a file: blond,-male becomes blond-not-male."""
    plain = re.sub(r"(^|,)\s*-", r"\1not ", title)
    return safe_name(re.sub(r"[\s,]+", "-", plain.strip()))


def _apart(found: list[Target[W]]) -> list[Target[W]]:
    """The same, with numbers behind endings that two would have."""
    often = Counter(target.ending.casefold() for target in found)
    if max(often.values()) == 1:
        return found
    return [
        replace(target, ending=f"{target.ending}-{i + 1}") if often[target.ending.casefold()] > 1 else target
        for i, target in enumerate(found)
    ]
