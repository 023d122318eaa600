"""A translation does not look at its input. The rule looks at `diversity` of translations and restorations.

It warns in the last third below 0.15 of the wanted images'.
"""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 2, False
LEAST = 0.15
COMMANDS = ("saddle translate", "saddle restore")


def look(log: Log) -> Finding | None:
    if "saddle sample" in log.commands or not set(COMMANDS) & {*log.commands}:
        return None
    now = middle(tail(log.curve("signs", "diversity")))
    if not now < LEAST:
        return None
    return Finding(
        "blind",
        "results hardly depend on the input: all are alike",
        f"two results are {now:.2g} as different as two wanted images; below {LEAST} it warns",
        tuple(log.with_rate("generator", 0.1)),
    )
