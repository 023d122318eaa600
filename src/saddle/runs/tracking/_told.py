"""What trackers take from an event and from a run's folder, in the words that all of them use."""

from __future__ import annotations

from pathlib import Path

from ...base.folder import RunFolder
from ...base.plain import is_number
from ...base.settings import flat, text
from ..observing import Logged

GROUPS = ("losses", "notes", "signs")


def numbers(event: Logged) -> dict[str, float]:
    """Every number worth a curve: losses/NAME, notes/NAME, signs/NAME, scores/NAME, images_per_second.

    The standard error of a score is errors/NAME; the last scores, of the checkpoint that is kept and of more samples,
    are final/NAME and final_errors/NAME.
    """
    found = {f"{group}/{name}": value for group in GROUPS for name, value in (event.get(group) or {}).items()}
    final = "final" if event.get("final") else ""
    for name, score in (event.get("scores") or {}).items():
        found[f"{final or 'scores'}/{name}"] = score["value"]
        found[f"{final}{'_' * bool(final)}errors/{name}"] = score.get("uncertainty")
    found["images_per_second"] = event.get("images_per_second")
    return {name: float(value) for name, value in found.items() if is_number(value)}


def settings(run: Path) -> dict[str, str]:
    """The recipe of a run by dotted names, as one writes its values on the command line."""
    return {name: text(value) for name, value in flat(RunFolder(run).settings()).items()}
