"""What the commands print: tables for people, JSON for programs."""

import sys
from collections.abc import Iterable, Sequence
from io import StringIO
from json import dumps
from math import isfinite
from pathlib import Path
from typing import Any

from ..base.errors import visible


def json(value: Any) -> None:
    """One JSON value; a number that is not finite becomes null, for JSON has none."""
    few = not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    text = dumps(_finite(value), indent=2, ensure_ascii=few, allow_nan=False)
    print("".join(f"\\u{ord(c):04x}" if visible(c) != c else c for c in text) if visible(text) != text else text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def table(columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Lines under headings, all cells but the first wrapped to the terminal; 200 columns wide where there is none."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for i, column in enumerate(columns):
        grid.add_column(Text(visible(column)), no_wrap=i == 0, overflow="fold")
    for line in lines:
        grid.add_row(*(Text(visible(str(cell))) for cell in line))
    _print(grid)


def listed(lines: Iterable[tuple[str, str]], width: int) -> None:
    """Names, in a column of this width, each with what there is to say of it; wrapped as a table is."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
    grid.add_column(no_wrap=True, min_width=width)
    grid.add_column(overflow="fold")
    for name, words in lines:
        grid.add_row(Text(visible(name)), Text(visible(words)))
    _print(grid)


def heading(text: str) -> None:
    from rich.text import Text

    _print(Text(visible(text), style="bold"))


def _print(what: Any) -> None:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    # Of a stream of its own: rich would flush standard output on its way, and leave with code 1 if its reader has gone.
    console = Console(file=StringIO(), force_terminal=terminal or None, width=None if terminal else 200)
    with console.capture() as shown:
        console.print(what)
    print("\n".join(line.rstrip() for line in shown.get().splitlines()))


def paths(written: Sequence[Path], as_json: bool) -> None:
    """Which files were written: the file, or how many in which folder."""
    if as_json:
        json({"files": [str(path) for path in written]})
    elif len(written) == 1:
        line(str(written[0]))
    else:
        line(f"{len(written)} files in {written[0].parent}")


def line(text: str) -> None:
    """A line, or several, with names of the user's in it."""
    print(visible(text))
