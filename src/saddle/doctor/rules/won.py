"""The discriminator has won. It looks at `d_real` and `d_fake` where they are probabilities.

It warns where they are above 0.95 and below 0.05 in 80 % of the last third. The generator's loss need not rise: where
nothing that it tries has an effect, it wanders.
"""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 6, False
REAL, FAKE, SHARE = 0.95, 0.05, 0.8


def look(log: Log) -> Finding | None:
    if log.judgement != "probabilities":
        return None
    real, fake = (tail(log.curve("notes", name)) for name in ("d_real", "d_fake"))
    sure = [r > REAL and f < FAKE for (_, r), (_, f) in zip(real, fake, strict=False)]
    if len(sure) < 5 or sum(sure) < SHARE * len(sure):
        return None
    curve = log.curve("losses", "generator/adversarial")
    return Finding(
        "won",
        "the discriminator is never wrong, and the generator falls behind",
        f"D says {middle(real):.3g} of data and {middle(fake):.2g} of samples; the generator's loss is "
        f"{middle(tail(curve)):.3g}",
        (*log.with_rate("discriminator", 0.1), log.other("r3gan"), log.other("wgan-gp")),
    )
