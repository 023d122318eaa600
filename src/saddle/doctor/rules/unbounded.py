"""The critic's output grows without bound. It looks at losses and judgements that are no probabilities.

It rings where the last losses are 10 times the first, still grow, and the judgement is beyond 30.
"""

from statistics import median

from ..finding import Finding
from ..log import Log, slope, tail

RANK, ALWAYS = 4, False
TIMES, MOST = 10.0, 30.0


def look(log: Log) -> Finding | None:
    if log.judgement not in ("scores", "distance"):
        return None
    judged = [abs(x) for name in ("d_real", "d_fake") for _, x in log.curve("notes", name)[-3:]]
    if not judged or median(judged) < MOST:
        return None
    for name in log.names("losses"):
        curve = [(at, abs(x)) for at, x in log.curve("losses", name)]
        if len(curve) < 6:
            continue
        first, last = (median(x for _, x in part) for part in (curve[:3], curve[-3:]))
        grows, errors = slope(tail(curve))
        if last > TIMES * max(first, 1e-12) and grows > 0 and errors > 2:
            return Finding(
                "unbounded",
                "the critic's output grows without bound",
                f"{name} is {last:.3g}, {last / max(first, 1e-12):.3g} times what it was at first, and grows; "
                f"judgements are {median(judged):.3g}",
                (log.other("wgan-gp"), log.other("wgan"), log.other("r3gan")),
            )
    return None
