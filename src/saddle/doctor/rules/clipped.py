"""Weights are clipped, and the optimizer has momentum. It looks at the recipe: both together make a critic unstable.

Arjovsky et al., 2017 (https://arxiv.org/abs/1701.07875), Section 4: Adam with β₁ > 0 made their critic's loss blow up.
"""

from ..finding import Finding
from ..log import Log

RANK, ALWAYS = 13, False


def look(log: Log) -> Finding | None:
    settings = log.settings
    if settings.get("game.clip") is None:
        return None
    own = "game.discriminator_optim" if settings.get("game.discriminator_optim") not in (None, "none") else "game.optim"
    momentum = settings.get(f"{own}.momentum") or 0
    betas = settings.get(f"{own}.betas") or (0,)
    first = betas[0] if isinstance(betas, list | tuple) else 0
    if not max(momentum if isinstance(momentum, int | float) else 1, first) > 0:
        return None
    return Finding(
        "clipped",
        "the critic's weights are clipped, and its optimizer has momentum, which makes it unstable",
        f"game.clip is {settings['game.clip']}, {own} is {settings.get(own)} with momentum {max(float(first), 0):g}",
        (log.again(f"--{own} RMSprop --{own}.lr 0.00005"), log.other("wgan-gp")),
    )
