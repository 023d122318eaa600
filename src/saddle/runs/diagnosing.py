"""The doctor's verdict in a training: said at the end, and, where the plan asks for it, a reason to stop."""

from __future__ import annotations

from ..base.errors import SaddleError
from ..base.folder import RunFolder
from ..doctor import STOPPING, Log, Verdict, examine


class Unwell(SaddleError):
    """The run was stopped, and saved, for what the doctor found in two windows running, or an observer saw."""


def verdict(folder: RunFolder) -> Verdict:
    """Of a run, as far as it got. UsageError for a folder that is none."""
    return examine(Log.of(folder))


class Watch:
    """What was found at the last signs, to be found again at the next ones."""

    def __init__(self, folder: RunFolder):
        self.folder = folder
        self.before: frozenset[str] = frozenset()

    def look(self) -> str:
        """Why the run should stop: a finding of two windows running, in a line; '' if it may go on."""
        found = verdict(self.folder)
        now = frozenset(finding.rule for finding in found.findings) & {*STOPPING}
        again, self.before = now & self.before, now
        return next((" ".join(f.lines()) for f in found.findings if f.rule in again), "")
