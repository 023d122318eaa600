"""The discriminator is too weak. It looks at `d_real` and `d_fake`.

It warns where samples are judged at least as real as the data in 80 % of the last third. A fair coin must show that
less than once in 1,000 times: where samples are as good as the data, which is judged higher is chance.
"""

from math import comb

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 7, False
SHARE = 0.8
CHANCE = 0.001  # of so many heads


def look(log: Log) -> Finding | None:
    if log.judgement in (None, "energies"):
        return None
    real, fake = (tail(log.curve("notes", name)) for name in ("d_real", "d_fake"))
    behind = [f >= r for (_, r), (_, f) in zip(real, fake, strict=False)]
    if sum(behind) < SHARE * len(behind) or _chance(sum(behind), len(behind)) > CHANCE:
        return None
    return Finding(
        "weak",
        "the discriminator cannot tell samples from data, so it teaches nothing",
        f"it judges samples {middle(fake):.3g} and data {middle(real):.3g}, "
        f"in {sum(behind)} of {len(behind)} lines the samples higher",
        (*log.with_rate("discriminator", 10), log.again("--game.discriminator_steps 2")),
    )


def _chance(heads: int, tosses: int) -> float:
    """Of so many heads or more, from a fair coin."""
    return sum(comb(tosses, k) for k in range(heads, tosses + 1)) / 2**tosses
