"""The discriminator is too weak. It looks at `d_real` and `d_fake`.

It warns where samples are judged at least as real as the data in 80 % of the last third.
"""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 7, False
SHARE = 0.8


def look(log: Log) -> Finding | None:
    if log.judgement in (None, "energies"):
        return None
    real, fake = (tail(log.curve("notes", name)) for name in ("d_real", "d_fake"))
    behind = [f >= r for (_, r), (_, f) in zip(real, fake, strict=False)]
    if len(behind) < 8 or sum(behind) < SHARE * len(behind):
        return None
    return Finding(
        "weak",
        "the discriminator cannot tell samples from data, so it teaches nothing",
        f"it judges samples {middle(fake):.3g} and data {middle(real):.3g}, "
        f"in {sum(behind)} of {len(behind)} lines the samples higher",
        (*log.with_rate("discriminator", 10), log.again("--game.discriminator_steps 2")),
    )
