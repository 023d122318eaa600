"""The critic's output grows without bound. It looks at losses and judgements that are no probabilities.

It warns where the losses of the last third are 10 times the first one, and judgements are beyond 30.
"""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 4, False
TIMES, MOST, LEAST = 10.0, 30.0, 0.1


def look(log: Log) -> Finding | None:
    if log.judgement not in ("scores", "distance"):
        return None
    judged = max(middle(_sizes(tail(log.curve("notes", name)))) for name in ("d_real", "d_fake"))
    if not judged > MOST:
        return None
    for name in log.names("losses"):
        curve = _sizes(log.curve("losses", name))
        first, last = max(curve[0][1], LEAST) if curve else LEAST, middle(tail(curve))
        if last > TIMES * first:
            return Finding(
                "unbounded",
                "the critic's output grows without bound",
                f"{name} is {last:.3g}, {last / first:.3g} times what it was at first; judgements are {judged:.3g}",
                (log.other("wgan-gp"), log.other("wgan"), log.other("r3gan")),
            )
    return None


def _sizes(curve: list[tuple[int, float]]) -> list[tuple[int, float]]:
    return [(at, abs(x)) for at, x in curve]
