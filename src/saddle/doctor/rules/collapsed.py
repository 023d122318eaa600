"""All samples are alike. It looks at `diversity` in the last third: it warns below 0.15 of the data's."""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 2, False
LEAST = 0.15  # of the data's: healthy runs have 0.7 and more, collapsed ones up to 0.11


def look(log: Log) -> Finding | None:
    if "saddle sample" not in log.commands:
        return None
    now = middle(tail(log.curve("signs", "diversity")))
    if not now < LEAST:
        return None
    return Finding(
        "collapsed",
        "all samples are alike, however fair the losses look",
        f"two samples are {now:.2g} as different as two images of the data; below {LEAST} is a collapse",
        (*log.with_rate("generator", 0.1), log.other("wgan-gp"), log.other("r3gan")),
    )
