"""Rounds wait for data. It looks at seconds waited in the last third: it warns above 20 % of the time."""

from ..finding import Finding
from ..log import Log, tail

RANK, ALWAYS = 14, False
MOST = 0.2


def look(log: Log) -> Finding | None:
    waited, seconds = (tail(log.column(name)) for name in ("waited", "seconds"))
    spent = seconds[-1][1] - seconds[0][1] if len(seconds) > 1 else 0.0
    share = sum(x for _, x in waited[1:]) / spent if spent > 0 else 0.0
    if share <= MOST:
        return None
    source = log.settings.get("data.source", "")
    return Finding(
        "slow_data",
        "rounds wait for data",
        f"{share:.0%} of the time went into reading; above {MOST:.0%} it warns",
        (f"saddle data check {source}",),
    )
