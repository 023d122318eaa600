"""The discriminator has memorised its images. It looks at `d_trained`, `d_heldout` and `d_made`, in the last third.

It warns where the discriminator judges unseen images more like samples than like those that it learned from, in 80 %
of the measurements.
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
    chance = "" if log.judgement == "probabilities" else " --game.views.ADA.p 0.2"  # ADA steers it by logits around 0
    return Finding(
        "by_heart",
        "the discriminator has memorised its images: it judges unseen ones like samples",
        f"an unseen image is {now:.0%} of the way from the trained images to the samples; above {MOST:.0%} it warns",
        (
            log.again(
                "--game.views DiffAugment --game.views.DiffAugment.colour false --game.views.DiffAugment.cutout 0"
            ),
            log.again(f"--game.views ADA{chance}"),
            log.again("--data.flip true"),
        ),
    )
