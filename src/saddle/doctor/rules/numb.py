"""A detector finds nothing. It looks at the score `auroc`: it warns below 0.7, where 0.5 is chance."""

from ..finding import Finding
from ..log import Log

RANK, ALWAYS = 12, False
LEAST = 0.7


def look(log: Log) -> Finding | None:
    now = log.final("auroc")
    if now is None or now >= LEAST:
        return None
    longer = [log.again(f"--plan.rounds {2 * log.planned}")] if log.planned else []
    return Finding(
        "numb",
        "defective images look as normal as the others to it",
        f"auroc is {now:.3g}; 0.5 is chance, below {LEAST} it warns",
        (*longer, *log.with_rate("encoder", 1 / 3)),
    )
