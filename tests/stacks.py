"""Small GAN-CLS, StackGAN and StackGAN++, and what they are given."""

import math
from collections.abc import Callable
from typing import Any

import torch
from playing import images
from seeding import seed_all
from torch import Tensor, nn

from saddle.games.gan_cls import GANCLS
from saddle.games.stackgan import StackGAN
from saddle.games.stackgan_v2 import StackGANv2
from saddle.nets.text import BagOfWords
from saddle.spec import DataSpec
from saddle.spec.text import condition_of, to_bytes

TEXTS = ["a red circle", "a red circle", "a blue square", "a blue circle"]
CONDITION = condition_of(TEXTS)
CAPTIONS = to_bytes(TEXTS, CONDITION)
DATA = DataSpec.of(
    (3, 32, 32), ("image", "caption"), condition=CONDITION, distribution=tuple(map(tuple, CAPTIONS.tolist()))
)
TINY: dict[type, dict[str, Any]] = {
    GANCLS: {"width": 2, "discriminator_width": 2, "read": 3},
    StackGAN: {"width": 2, "discriminator_width": 2, "code": 3, "blocks": 1, "factor": 2},
    StackGANv2: {"width": 2, "discriminator_width": 2, "code": 3, "blocks": 1, "branches": 2},
}
LN2 = math.log(2)


def small(kind: type, data: DataSpec = DATA, **settings: Any) -> Any:
    torch.manual_seed(0)
    options = {"z_dim": 4, "text": BagOfWords(dims=5)} | TINY[kind] | settings
    game = kind(data, kind.Options(**options))
    seed_all("test")
    game.progress = 0.3  # it can read
    return game.train()


def batch() -> dict[str, Tensor]:
    return {"image": images(4, 3, 32, 32), "caption": CAPTIONS}


def losses(game: Any, given: dict[str, Tensor] | None = None) -> dict[str, float]:
    """Of both players in one round, without a step."""
    seed_all("test")
    moves = game.round(iter([given or batch()]))
    return {f"{m.players[0]}/{name}": float(loss.detach()) for m in moves for name, loss in m.losses.items()}


def fix_logits(game: Any, joint: float = 0.0, alone: float = 0.0) -> None:
    """Every discriminator says these, whatever it sees."""
    judges = [game.discriminator] if isinstance(game, GANCLS) else list(game.discriminator)
    for judge in judges:
        heads = [(judge.head, joint)] if isinstance(game, GANCLS) else [(judge.joint, joint), (judge.alone, alone)]
        for head, value in heads:
            if head is not None:
                nn.init.zeros_(head[-2].weight)
                nn.init.constant_(head[-2].bias, value)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


class Watched:
    """Notes what a function is given and makes."""

    def __init__(self, inner: Callable[..., Any]):
        self.inner, self.given, self.made = inner, [], []

    def __call__(self, *given: Tensor) -> Any:
        self.given.append(given)
        self.made.append(self.inner(*given))
        return self.made[-1]


def watch(owner: nn.Module, name: str) -> Watched:
    watched = Watched(getattr(owner, name))
    object.__setattr__(owner, name, watched)
    return watched
