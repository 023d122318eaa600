"""Label maps: which class each pixel of a file is of, and which classes there are in many files."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError, some
from ..spec import Field
from .decode import Unreadable
from .files import count
from .label_files import MOST_COLOURS, Form, LabelFile, Seen, read, seen_in
from .options import DataOptions
from .palettes import MOST, RGB, Table, hexed, numbered, table_of, without_care

NEAR = 8  # levels of a channel by which a colour may be off: brushes are smoothed, and some programs convert colours
By = Literal["value", "colour"]  # which of them says the class


def class_map(
    path: Path, of: Field, max_megapixels: float = DataOptions.max_megapixels, by: By | None = None
) -> NDArray[np.int64]:
    """The class of every pixel of a file, int64 [H, W], by the numbers and colours of the classes of a map's field.

    A colour off the table by at most 8 levels of each channel is the nearest class. Unreadable, with the place, for
    any other, for a number that is no class, and for what is no file of labels. `by` says what counts in a file that
    could be read either way; None: what the field says, else colours where all are in the table, as in a map that was
    painted with its palette.
    """
    file, table = read(path, max_megapixels), table_of(of)
    codes, inverse = np.unique(file.codes, return_inverse=True)
    seen = seen_in(file)
    if seen.further:
        raise Unreadable(_misfit(file, seen, table, codes))
    if by is None:
        by = of.by if of.by and _is_right(seen, table, of.by) else meant([seen], table)
    found = found_classes(codes, seen.colours, seen.form, table, by)
    if (found < 0).any():
        raise Unreadable(_misfit(file, seen, table, codes[found < 0]))
    return found[inverse].reshape(file.codes.shape)


def classes_in(seen: Mapping[str, Seen], table: Table | None, ignore: int | None) -> tuple[Table, By]:
    """The classes of files of labels, by path, and what says the class of a pixel.

    Without a table the numbers or the colours that occur are the classes. UsageError where there can be none.
    """
    forms = {each.form: path for path, each in [*seen.items()][::-1]}
    if {"colours", "numbers"} <= {*forms}:
        raise UsageError(f"{forms['numbers']} holds numbers and {forms['colours']} colours; save all label maps alike")
    if table is not None:
        by = meant([*seen.values()], table)
    else:
        table, by = _found_table(seen, ignore)
    return (table if ignore is None else without_care(table, ignore)), by


def meant(seen: Sequence[Seen], table: Table) -> By:
    """Do the numbers or the colours of these files say the class?

    Of palettes the colours, if all of them are in the table: painting programs put them in an order of their own. Grey
    that was saved as colours holds numbers.
    """
    if any(each.form == "colours" for each in seen):
        grey = all(red == green == blue for each in seen for red, green, blue in each.colours)
        right = {*table.values} >= {red for each in seen for red, _, _ in each.colours}
        exact = {*table.colours} >= {*chain.from_iterable(each.colours for each in seen)}
        return "value" if grey and right and not exact else "colour"
    indexed = [each for each in seen if each.form == "indexed"]
    if not indexed or len(indexed) < len(seen) or any(each.doubled for each in indexed):
        return "value"
    return "colour" if all((_nearest(each.colours, table) >= 0).all() for each in indexed) else "value"


def mixed(seen: Sequence[Seen], table: Table, by: By) -> bool:
    """Would one of these files, looked at alone, be read as other classes than it is among them all?"""
    for each in seen:
        alone = meant([each], table)
        if alone != by and _is_right(each, table, by) and _is_right(each, table, alone):
            one, other = (found_classes(each.codes, each.colours, each.form, table, way) for way in (by, alone))
            if (one != other).any():
                return True
    return False


def _is_right(seen: Seen, table: Table, by: By) -> bool:
    """Can a file be read so, and is every pixel then of a class?"""
    grey = all(red == green == blue for red, green, blue in seen.colours)
    if seen.form == "numbers" if by == "colour" else seen.form == "colours" and not grey:
        return False
    return bool((found_classes(seen.codes, seen.colours, seen.form, table, by) >= 0).all())


def found_classes(
    codes: Sequence[int] | NDArray[np.int64], colours: Sequence[RGB], form: Form, table: Table, by: By
) -> NDArray[np.int64]:
    """The class of each of these codes, int64 [M]; -1 for one that is none."""
    if by == "colour":
        return _nearest(colours, table)
    places = {value: i for i, value in enumerate(table.values)}
    numbers = np.asarray(codes, np.int64) >> (16 if form == "colours" else 0)
    return np.array([places.get(int(number), -1) for number in numbers], np.int64)


def misfits(root: Path, seen: Mapping[str, Seen], table: Table, by: By, options: DataOptions) -> dict[str, str]:
    """The files that hold what is no class, with what, how often, and where it is first."""
    bad = {}
    for path, each in seen.items():
        found = found_classes(each.codes, each.colours, each.form, table, by)
        if (found < 0).any() or each.further:
            wrong = np.array(each.codes)[found < 0] if (found < 0).any() else np.array(each.codes)
            bad[path] = _placed(root / path, each, table, wrong, options)
    return bad


def shares(seen: Sequence[Seen], table: Table, by: By) -> dict[str, float]:
    """Of all pixels of these files, the share of each class by name, the most frequent first."""
    counts = np.zeros(len(table.names), np.int64)
    for each in seen:
        np.add.at(counts, found_classes(each.codes, each.colours, each.form, table, by), each.counts)
    order = np.argsort(-counts, kind="stable")
    return {table.names[i]: float(counts[i] / max(counts.sum(), 1)) for i in order}


def _placed(path: Path, seen: Seen, table: Table, wrong: NDArray[np.int64], options: DataOptions) -> str:
    try:
        return _misfit(read(path, options.max_megapixels), seen, table, wrong)
    except Unreadable as error:  # it was changed meanwhile
        return str(error)


def _misfit(file: LabelFile, seen: Seen, table: Table, wrong: NDArray[np.int64]) -> str:
    """What stands in the file that is no class: of several the one with most pixels, with the first of these."""
    if seen.further:
        n = len(seen.codes) + seen.further
        return f"it has {n:,} different colours, which are no classes; a label map has one for each class, unsmoothed"
    counts = dict(zip(seen.codes, seen.counts, strict=True))
    worst = max(wrong.tolist(), key=lambda code: counts.get(code, 0))
    row, column = divmod(int((file.codes == worst).argmax()), file.codes.shape[1])
    others = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
    what, has = ("colour", f"#{worst:06x}") if file.form == "colours" else ("number", f"{worst}")
    names = [
        f"{value} {name}" if str(value) != name else name for value, name in zip(table.values, table.names, strict=True)
    ]
    if file.form == "colours":
        names = [f"{name} {hexed(colour)}" for name, colour in zip(table.names, table.colours, strict=True)]
    pixels = count(int((file.codes == worst).sum()), "pixel")
    return (
        f"the {what} {has} is no class{others}: {pixels}, the first in row {row}, "
        f"column {column}, counted from 0; the classes are {some(names, 8)}"
    )


def _found_table(seen: Mapping[str, Seen], ignore: int | None) -> tuple[Table, By]:
    """The classes of files of which no table says any: what occurs."""
    every = [*seen.values()]
    colours = {colour for each in every if each.form == "colours" for colour in each.colours}
    further = next((path for path, each in seen.items() if each.further), None)
    if further or len(colours) > MOST:
        least = f"more than {MOST_COLOURS if further else MOST:,}"
        raise UsageError(
            f"{further or next(iter(seen))}: {least} different colours are no classes; a label map has one colour for "
            "each class, unsmoothed. Name the classes with --data.palette FILE, and see that these are not photographs"
        )
    if any(red != green or green != blue for red, green, blue in colours):
        if ignore is not None:
            raise UsageError(
                f"data.ignore {ignore} is a number, and {next(iter(seen))} holds colours; give a --data.palette with "
                "an id for each class"
            )
        listed = sorted(colours)
        names = tuple(hexed(colour) for colour in listed)
        return Table(names, tuple(listed), tuple(range(len(listed)))), "colour"
    shift = 16 if colours else 0
    values = sorted({code >> shift for each in every for code in each.codes})
    if len(values) > MOST:
        raise UsageError(
            f"{len(values):,} different numbers stand in the label maps, {values[0]} to {values[-1]}, and a network "
            f"sees a plane for each: at most {MOST}. Numbers of objects belong into a folder of instances"
        )
    own = _palette(seen)
    return numbered(values, [own[value] for value in values] if own else ()), "value"


def _palette(seen: Mapping[str, Seen]) -> dict[int, RGB]:
    """The colours of numbers as the palettes of the files have them. UsageError if they are not of one mind."""
    found: dict[int, tuple[RGB, str]] = {}
    for path, each in seen.items():
        if each.form != "indexed":
            return {}
        for code, colour in zip(each.codes, each.colours, strict=True):
            before, other = found.setdefault(code, (colour, path))
            if before != colour:
                raise UsageError(
                    f"the number {code} is {hexed(before)} in {other} and {hexed(colour)} in {path}, so the "
                    "numbers of their palettes do not mean the same; save them as RGB, or with one palette"
                )
    return {code: colour for code, (colour, _) in found.items()}


def _nearest(colours: Sequence[RGB], table: Table) -> NDArray[np.int64]:
    """The class of each colour, int64 [M]: the nearest of those within 8 levels in every channel; -1 for none."""
    given, known = (np.array(each, np.int64).reshape(-1, 3) for each in (colours, table.colours))
    found = np.empty(len(given), np.int64)
    for start in range(0, len(given), 1024):
        apart = np.abs(given[start : start + 1024, None] - known[None])
        far = np.where((apart <= NEAR).all(2), (apart**2).sum(2), np.iinfo(np.int64).max)
        found[start : start + 1024] = np.where(far.min(1) <= 3 * NEAR**2, far.argmin(1), -1)
    return found
