"""The discriminator knows its images by heart. It looks at `d_trained`, `d_heldout` and `d_made`, in the last third.

It rings where images that it never saw are judged more like samples than like those that it learned from.
"""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 8, False
MOST = 0.5  # of the way from trained images to samples


def look(log: Log) -> Finding | None:
    trained, heldout, made = (log.curve("signs", f"d_{name}") for name in ("trained", "heldout", "made"))
    gaps = [(at, (a - b) / (a - c)) for (at, a), (_, b), (_, c) in zip(trained, heldout, made, strict=False) if a != c]
    apart = middle(tail([(at, a - c) for (at, a), (_, c) in zip(trained, made, strict=False)]))
    now = middle(tail(gaps))
    if not (now > MOST and abs(apart) > 1e-3):
        return None
    return Finding(
        "by_heart",
        "the discriminator knows its images by heart: unseen ones look like samples to it",
        f"an unseen image is {now:.0%} of the way from the trained images to the samples; above {MOST:.0%} rings",
        (
            log.again(
                "--game.views DiffAugment --game.views.DiffAugment.colour false --game.views.DiffAugment.cutout 0"
            ),
            log.again("--game.views ADA"),
            log.again("--data.flip true"),
        ),
    )
