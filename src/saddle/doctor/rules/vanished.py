"""The generator gets no gradient. It looks at `gradient/generator` in the last third: it warns below 0.00001."""

from ..finding import Finding
from ..log import Log, middle, tail

RANK, ALWAYS = 3, False
LEAST = 1e-5  # of the gradient's norm: living ones have 0.03 and more


def look(log: Log) -> Finding | None:
    curve = log.curve("signs", "gradient/generator")
    now = middle(tail(curve))
    if not now < LEAST:
        return None
    real, fake = (middle(tail(log.curve("notes", name))) for name in ("d_real", "d_fake"))
    apart = f"; D says {real:.3g} of data and {fake:.3g} of samples" if real == real and fake == fake else ""
    loss = str(log.settings.get("game.loss", ""))
    first = [log.again("--game.loss NonSaturating")] if loss == "Minimax" else []
    return Finding(
        "vanished",
        "the generator learns nothing: its gradient has vanished",
        f"the norm of its gradient is {now:.2g}, below {LEAST:g}{apart}",
        (*first, *log.with_rate("discriminator", 0.1), log.other("wgan-gp")),
    )
