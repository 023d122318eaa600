"""What a translation is asked for, in words or as it comes: domains, classes, labels, a style, what stands beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..base.errors import SaddleError, UsageError, some
from ..data import decode, label_files
from ..spec import changes
from ..spec.changes import ALL
from ..tasks import Translation
from ..use.original import Original
from ..use.translating import Translator

To = str | Sequence[str] | None  # domains and what a result is to show; None: what the game writes by default


@dataclass(frozen=True)
class Wish:
    """One result of each image."""

    start: str  # key of the domain of the images
    to: str
    title: str  # of the result, for people
    label: Tensor | None = None  # what it is asked to show


def wishes(game: Translation, start: str | None = None, to: To = None) -> list[Wish]:
    """All results that are asked for. `all` is every domain, or all that a game can be asked for, one after the other.

    UsageError for what there is not, for one that is asked for twice, and where the images would be of two domains.
    """
    words = [to] if isinstance(to, str) else list(to or ()) if isinstance(to, Sequence | None) else [to]
    if not all(isinstance(word, str) for word in words):
        raise UsageError(f"a domain, or what a result is to show, is said in words, not {to!r}")
    found = [wish for word in words for wish in _of_word(game, start, word)] if words else _usual(game, start)
    if len({wish.start for wish in found}) > 1:
        titles = some(sorted({game.title(wish.start) for wish in found}), between=" or ")
        raise UsageError(f"these results are of images of {titles}; say which of them these are with --from")
    for i, wish in enumerate(found):
        if any(_alike(wish, other) for other in found[:i]):
            raise UsageError(f"'{wish.title}' is asked for twice; ask once")
    return found


def _usual(game: Translation, start: str | None) -> list[Wish]:
    """Where nothing is asked for."""
    if game.asked is not None and not game.styled and stays(game):
        raise UsageError(f"without --to an image would stay as it is; say what it is to show: {game.asked}")
    if start is None:
        return [_domain(game, None, to) for to in game.written]
    start = game.way(start)[0]
    written = [_domain(game, start, to) for to in game.written if (start, to) in game.ways]
    return written or [_domain(game, start, None)]


def _of_word(game: Translation, start: str | None, word: str) -> list[Wish]:
    condition = game.asked
    named = condition is not None and word in condition.names
    if not named and word in {name for domain in game.domains for name in (domain, game.title(domain))}:
        return [_domain(game, start, word)]
    if condition is None and word == ALL:
        first, _ = game.way(start)
        return [_domain(game, first, to) for begin, to in game.ways if begin == first]
    if condition is None:
        return [_domain(game, start, word)]
    a, b = game.way(start)
    if word == ALL and not named:
        return [Wish(a, b, name, changes.read(condition, asked)) for name, asked in changes.every(condition)]
    try:
        return [Wish(a, b, word, changes.read(condition, word))]
    except UsageError as error:
        raise UsageError(f"--to {word}: {error}") from None


def _domain(game: Translation, start: str | None, to: str | None) -> Wish:
    if to is not None and game.styled and stays(game) and to not in {*game.domains, *map(game.title, game.domains)}:
        raise UsageError(
            f"{type(game).__name__} cannot be asked for '{to}' in words; give an image that shows it as the style, "
            "--style FILE"
        )
    start, to = game.way(start, to)
    return Wish(start, to, game.title(to))


def _alike(a: Wish, b: Wish) -> bool:
    labels = [each for each in (a.label, b.label) if each is not None]
    same = len(labels) != 1 and (not labels or torch.equal(*(each.double().nan_to_num(-1) for each in labels)))
    return a.to == b.to and same


def labelled(wish: Wish, game: Translation, labels: Any) -> Wish:
    """The same, of which a result shows what Python asks for. UsageError for a game that cannot be asked."""
    if labels is None:
        return wish
    if game.asked is None:
        raise UsageError(f"{type(game).__name__} cannot be asked what a result is to show; leave out labels")
    if wish.label is not None:
        raise UsageError(f"to says '{wish.title}', and labels are given too; give one of the two")
    return replace(wish, label=changes.read(game.asked, labels))


def asked(works: Translator, wish: Wish, style: Tensor | None = None) -> Translator:
    """A translator that gives what is wished for; `style` is a code [K] of a style, if one is asked for."""
    way = replace(works.way, start=wish.start, to=wish.to)
    return replace(works, way=way, asked=replace(works.asked, label=wish.label, style=style))


def stays(game: Translation) -> bool:
    """Does an image stay as it is where nothing else is asked for?"""
    return all(start == to for start, to in game.ways)


def check_styled(game: Translation) -> None:
    """UsageError for a game whose results are not asked to look like an image."""
    if not game.styled:
        raise UsageError(
            f"{type(game).__name__} takes no style: what its results look like comes from the input alone; leave out "
            "--style"
        )


def style_of(works: Translator, original: Original) -> Tensor:
    """An image of the domain wanted as planes [1, K, h, w], at its own size unless the game takes one size alone."""
    reading = works.reader
    size = reading.given.shape[-2:] if works.game.sized else original.size
    pixels = reading.sized(reading.seen(original), (size[0], size[1]), works.options.fit)
    return reading.given.as_planes(reading.batch(pixels))


def key_beside(game: Translation, kind: str) -> str | None:
    """The key of this kind that a game looks at beside its images, if it does."""
    return next((key for key in game.beside if game.data.fields[key].kind == kind), None)


def check_instances(game: Translation) -> str:
    """The key of the instances that a game looks at. UsageError if it looks at none."""
    key = key_beside(game, "instances")
    if key is None:
        raise UsageError(f"{type(game).__name__} looks at no instances here; leave them out")
    return key


def check_clusters(game: Translation, instances: Any) -> None:
    """UsageError for a game whose objects have no looks to choose from, and where nobody says which the objects are."""
    check_instances(game)
    if not game.looks():
        raise UsageError(
            f"{type(game).__name__} here has learned no looks of objects to choose from; leave out clusters"
        )
    if instances is None:
        raise UsageError("clusters are of objects by their numbers; give instances, the number of every pixel's object")


def instances_of(given: Any, of: Original, works: Translator) -> dict[str, np.ndarray]:
    """A number for every object, as a path or an array [H, W], by its key.

    UsageError for a game that looks at none, and for another size than the image's.
    """
    key = check_instances(works.game)
    if isinstance(given, str | Path):
        try:
            with decode.reading():
                numbers = label_files.read(Path(given), works.options.max_megapixels).codes
        except decode.Unreadable as error:
            raise SaddleError(f"{given}: {error}") from None
    else:
        numbers = given.cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
    if numbers.dtype.kind not in "iu" or numbers.ndim != 2:
        raise UsageError(
            f"instances are a path or whole numbers [H, W], one for each object, not {numbers.dtype} {[*numbers.shape]}"
        )
    check_size("the map of instances has", numbers, of)
    return {key: numbers.astype(np.int64)}


def check_size(what: str, numbers: np.ndarray, of: Original) -> None:
    """UsageError for what stands beside an image and has another size."""
    if numbers.shape[:2] != of.size:
        sizes = ("×".join(map(str, shape)) for shape in (numbers.shape[:2], of.size))
        raise UsageError("{} {} pixels (height × width) and its image {}".format(what, *sizes))


def each_or_all(given: Any, n: int, what: str, several: bool) -> list[Any]:
    """One for each of n images: a list has one for each, anything else is that of all."""
    if not (several and isinstance(given, list | tuple)):
        return [given] * n
    if len(given) != n:
        raise UsageError(f"there are {n} images and {len(given)} {what}; give one for each, or one for all")
    return [*given]


def label_batch(game: Translation, labels: Any, wish: Wish, n: int) -> Tensor | None:
    """Labels [n, …] for n images of a tensor: of `to`, or as they are given, for all or for each."""
    per_image = 1 if game.asked is not None and game.asked.kind == "class" else 2
    if isinstance(labels, Tensor | np.ndarray) and labels.ndim == per_image:
        rows: list[Any] = [*torch.as_tensor(labels)]
        if len(rows) != n:
            raise UsageError(f"there are {n} images and {len(rows)} labels; give one for each, or one for all")
    else:
        rows = each_or_all(labels, n, "labels", several=_for_each(labels))
    each = [label for row in rows if (label := labelled(wish, game, row).label) is not None]
    return torch.stack(each) if each else None


def _for_each(labels: Any) -> bool:
    return isinstance(labels, list | tuple) and not all(isinstance(value, int | float) for value in labels)
