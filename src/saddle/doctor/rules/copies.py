"""Samples are copies of training images. It looks at the score `copying`: it warns above 0.8, where 0.5 is fair."""

from ...base.files import quoted
from ..finding import Finding
from ..log import Log

RANK, ALWAYS = 11, False
MOST = 0.8  # good runs have up to 0.75


def look(log: Log) -> Finding | None:
    now = log.final("copying")
    if now is None or now <= MOST:
        return None
    return Finding(
        "copies",
        "samples are copies of training images",
        f"in {now:.0%} of cases a sample is nearer to the training images than an unseen one is; 50 % is fair",
        (
            f"saddle evaluate {quoted(log.path)} --metrics copying --checkpoint best",
            log.again(
                "--game.views DiffAugment --game.views.DiffAugment.colour false --game.views.DiffAugment.cutout 0"
            ),
            log.again("--data.scale 0.05 --data.outside black"),
        ),
    )
