"""The folder `games` is the registry: 'wgan-gp' is the one game in games/wgan_gp.py.

Names and summaries are read from the files, so that listing the games imports none of them, and no torch.
"""

from __future__ import annotations

import ast
from pathlib import Path

from .. import games
from ..base.files import parsed
from ..games._named import load, module_of, names

__all__ = ["load", "names", "source", "summary"]


def source(name: str) -> str:
    """The text of the game's file. UsageError for a name that is none."""
    file = f"{module_of(name)}.py"
    return next(path for path in (Path(folder, file) for folder in games.__path__) if path.exists()).read_text("utf-8")


def summary(name: str) -> str:
    """Title, authors, year and paper: the first paragraph of the game's file. UsageError for a name that is none."""
    text = ast.get_docstring(parsed(source(name))) or ""
    return " ".join(text.partition("\n\n")[0].split())
