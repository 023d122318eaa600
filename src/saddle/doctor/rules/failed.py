"""It stopped before its end. It looks at how the run stopped: the message says why, such as that memory ran out."""

from ...base.files import quoted
from ..finding import Finding
from ..log import Log

RANK, ALWAYS = 15, True
KNOWN = ("finished", "interrupted", "diverged")  # the last has a rule of its own


def look(log: Log) -> Finding | None:
    stop = log.stop
    if stop is None or stop.get("reason") in (None, *KNOWN):
        return None
    return Finding(
        "failed",
        f"the run stopped before its end: {stop['reason']}",
        str(stop.get("message", "")),
        (f"saddle train --run {quoted(log.path)}",),
    )
