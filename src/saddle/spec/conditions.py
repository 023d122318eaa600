"""What samples are asked to show: drawn as the data have it, and read from what a user wrote."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..base.errors import UsageError, near, some
from ..base.known import table
from .field import Condition
from .spec import DataSpec
from .text import to_texts

Asked = str | int | Sequence[float]  # what a user writes for one condition
MOST_ROWS = 1000  # of a distribution; so many are enough to draw from, and few enough to be kept with every checkpoint


def distribution(condition: Condition, labels: Tensor) -> tuple[Any, ...]:
    """For `DataSpec`: the share of every class among labels int64 [N], or rows of columns and texts [N, K].

    Labels that are not known, -1 or a row with NaN, are left out, unless no row is known whole: then each is completed,
    see `completed`. Of more than 1,000 rows it has 1,000, evenly spaced.
    """
    if condition.kind == "class":
        counts = torch.bincount(labels[labels >= 0], minlength=len(condition.names)).double()
        return tuple((counts / counts.sum().clamp(min=1)).tolist())
    unknown = labels.isnan().any(1)
    rows = completed(labels) if unknown.all() else labels[~unknown]
    places = torch.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).round().long()
    return tuple(map(tuple, rows[places].tolist()))


def completed(rows: Tensor) -> Tensor:
    """Rows float [N, K] whose unknown columns, NaN, are those of the next row that knows them.

    After the last row comes the first. Each column keeps its distribution, and so do columns that are known together.
    [0, K] if one is known of no row.
    """
    n = len(rows)
    places = torch.arange(n).unsqueeze(1).expand_as(rows)
    known = torch.where(rows.isnan(), n, places)
    following = known.flip(0).cummin(0).values.flip(0)  # which row that is, or n after the last one
    following = torch.where(following < n, following, known.amin(0))
    return rows.gather(0, following) if bool((following < n).all()) else rows[:0]


def pick(data: DataSpec, uniform: Tensor) -> Tensor:
    """Conditions of the data's distribution from uniform numbers in [0, 1): float [N] → int64 [N], or rows [N, K].

    Without a distribution all classes have the same probability.
    """
    if data.condition is None:
        raise UsageError("these data have no labels to draw from")
    if data.condition.kind == "class":
        ends = table(data, uniform.device, lambda: _ends(data)).to(uniform)
        return torch.searchsorted(ends, uniform, right=True).clamp(max=len(data.classes) - 1)
    rows = table(data, uniform.device, lambda: torch.tensor(data.distribution))  # float of columns, int64 of texts
    return rows[(uniform * len(rows)).long().clamp(max=len(rows) - 1)]


def _ends(data: DataSpec) -> Tensor:
    """Where in [0, 1] the share of each class ends, [K]."""
    shares = torch.tensor(data.distribution or [1 / len(data.classes)] * len(data.classes), dtype=torch.float64)
    return shares.cumsum(0) / shares.sum()


def read(condition: Condition, asked: Asked) -> Tensor:
    """One condition from what a user wrote: a label int64 [], or columns float [K].

    A class is given by its name, or by its number, from 0, where no class has that name. Columns are given by as many
    numbers, or, if they are 0 or 1, by the names of those that are 1. UsageError says what is possible.
    """
    text = ",".join(map(str, asked)) if isinstance(asked, list | tuple) else str(asked)
    if condition.kind == "text":
        raise UsageError("this game is asked by a text; write --text instead of --label")
    if condition.kind == "class":
        return torch.tensor(_class(condition.names, text.strip()))
    words = [word.strip() for word in text.split(",") if word.strip()]
    if condition.kind == "labels" and not (words and all(map(_is_number, words))):
        return _switched_on(condition, words)
    return _columns(condition, words, text)


def doubt(condition: Condition | None, asked: Asked) -> str | None:
    """What was taken for what, where a class has the number of another place as its name; else None."""
    text = str(asked).strip()
    if condition is None or condition.kind != "class" or not text.isdecimal() or text not in condition.names:
        return None
    place = condition.names.index(text)
    return None if place == int(text) else f"label {text} is the class of that name, which is number {place}"


def captions(condition: Condition, labels: Tensor) -> list[str]:
    """Columns float [N, K] or texts int64 [N, L] in words."""
    return to_texts(labels) if condition.kind == "text" else [in_words(condition, row) for row in labels]


def example(condition: Condition, data: DataSpec) -> tuple[str, ...]:
    """Words of a command that ask for something that the data show: `--label cat`; none where it is not known."""
    known = data.distribution if condition == data.condition else ()
    if condition.kind == "class":
        return option("--label", condition.names[next((k for k, share in enumerate(known) if share), 0)])
    if not known:
        return ()
    if condition.kind == "text":
        return option("--text", to_texts(torch.tensor(known[:1]))[0])
    row = next((row for row in known if any(row)), known[0])
    on = [name for name, value in zip(condition.names, row, strict=True) if value >= 0.5]
    named = condition.kind == "labels" and on and not any("," in name or _is_number(name) for name in on)
    return option("--label", ",".join(on if named else [f"{value:g}" for value in row]))


def option(name: str, value: str) -> tuple[str, ...]:
    """In one word where the value alone would be taken for an option."""
    return (f"{name}={value}",) if value.startswith("-") else (name, value)


def in_words(condition: Condition, columns: Tensor) -> str:
    """Columns float [K] in words: the names of the labels that are on, or every name with its number."""
    values = list(zip(condition.names, columns.tolist(), strict=True))
    if condition.kind == "labels":
        return ", ".join(name for name, value in values if value >= 0.5) or "none"
    return ", ".join(f"{name} {value:.3g}" for name, value in values)


def _class(names: Sequence[str], text: str) -> int:
    if text in names:
        return names.index(text)
    if text.isdecimal() and int(text) < len(names):
        return int(text)
    numbers = f", or the numbers 0 to {len(names) - 1}" if _is_number(text) else ""
    raise UsageError(f"no label '{text}'{near(text, names)}; there are {some(names)}{numbers}")


def _switched_on(condition: Condition, words: list[str]) -> Tensor:
    names = condition.names
    for word in words:
        if word not in names:
            raise UsageError(
                f"no label '{word}'{near(word, names)}; name those that are to be on, of {some(names)}, "
                f"or write {len(names)} numbers with commas between"
            )
    for group in condition.groups:
        if len(both := [name for name in group if name in words]) > 1:
            raise UsageError(f"{' and '.join(both)} exclude each other; name one of {some(group)}")
    return torch.tensor([float(name in words) for name in names])


def _columns(condition: Condition, words: list[str], text: str) -> Tensor:
    wanted = f"it wants {len(condition.names)} with commas between, for {some(condition.names)}"
    if not all(map(_is_number, words)):
        raise UsageError(f"--label {text} is not numbers; {wanted}")
    if len(words) != len(condition.names):
        raise UsageError(f"--label {text} has {len(words)} number{'s' * (len(words) != 1)}; {wanted}")
    values = [float(word) for word in words]
    if condition.kind == "labels" and not all(0 <= value <= 1 for value in values):
        raise UsageError(f"--label {text}: each is 0, 1 or something between; {wanted}")
    return torch.tensor(values)


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
