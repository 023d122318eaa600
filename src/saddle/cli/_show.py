"""What the commands print: tables for people, JSON for programs."""

import sys
from collections.abc import Iterable, Sequence
from json import dumps
from typing import Any


def json(value: Any) -> None:
    print(dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def table(columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Lines under headings; whole words, wrapped to the terminal, or unwrapped where there is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for line in lines:
        grid.add_row(*(Text(str(cell)) for cell in line))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200).print(grid)


def heading(text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(file=sys.stdout).print(Text(text, style="bold"))
