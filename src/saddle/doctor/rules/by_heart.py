"""The discriminator has memorised its images. It looks at `d_trained`, `d_heldout` and `d_made`, in the last third.

It warns where images that it never saw are judged more like samples than like those that it learned from, in 80 % of
the measurements.
"""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 8, False
MOST, SHARE = 0.5, 0.8  # of the way from trained images to samples; of the measurements
LEAST = 1e-3  # from trained images to samples: nearer ones are judged alike


def look(log: Log) -> Finding | None:
    trained, heldout, made = (tail(log.curve("signs", f"d_{name}")) for name in ("trained", "heldout", "made"))
    judged = [(at, a, b, c) for (at, a), (_, b), (_, c) in zip(trained, heldout, made, strict=False)]
    gaps = [(at, (a - b) / (a - c)) for at, a, b, c in judged if abs(a - c) > LEAST]
    if len(gaps) < max(3, SHARE * len(judged)) or sum(gap > MOST for _, gap in gaps) < SHARE * len(judged):
        return None
    now = middle(gaps)
    return Finding(
        "by_heart",
        "the discriminator has memorised its images: unseen ones look like samples to it",
        f"an unseen image is {now:.0%} of the way from the trained images to the samples; above {MOST:.0%} it warns",
        (
            log.again(
                "--game.views DiffAugment --game.views.DiffAugment.colour false --game.views.DiffAugment.cutout 0"
            ),
            log.again("--game.views ADA"),
            log.again("--data.flip true"),
        ),
    )
