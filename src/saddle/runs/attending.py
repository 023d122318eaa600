"""What a place of each sample looks at, in a generator with self-attention."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..base.errors import UsageError, some
from ..base.settings import choices
from ..layers.attention import SelfAttention, watched
from ..nets.network import Network
from ..spec import conditions
from ..tasks import Synthesis

if TYPE_CHECKING:
    from .run import Run


@torch.no_grad()
def attended(
    run: Run, place: tuple[int, int], n: int, seed: int = 0, label: conditions.Asked | None = None
) -> tuple[Tensor, list[Tensor]]:
    """The samples that `run.sample` gives, uint8 [n, C, H, W], and what the pixel `place`, (y, x), looks at in each.

    That is a map [n, h, w] of numbers that sum to 1 for every attention layer of the generator, the first one first.
    UsageError for a place outside of the image, and of a run without such layers.
    """
    game = run.as_(Synthesis)
    layers = [name for name, module in game.named_modules() if isinstance(module, SelfAttention)]
    if not (layers and run.spec.is_image):
        raise UsageError(_without(game))
    height, width = run.spec.shape[-2:]
    if not (0 <= place[0] < height and 0 <= place[1] < width):
        raise UsageError(
            f"attention is asked of a pixel y,x, and the images are {height} pixels high and {width} wide: y goes from "
            f"0 to {height - 1} and x from 0 to {width - 1}, not {place[0]},{place[1]}"
        )
    maps: dict[int, list[Tensor]] = {}
    samples = []
    with watched(game, place[0] / height, place[1] / width) as seen:
        for part in run.portions(n, seed, label):
            samples.append(part)
            for layer, looks in enumerate(seen):
                maps.setdefault(layer, []).append(looks.float().cpu())
            seen.clear()
    if not maps:
        raise UsageError(_without(game))
    return torch.cat(samples), [torch.cat(parts) for parts in maps.values()]


def _without(game: Synthesis) -> str:
    networks = choices(Network).items()
    attending = [name for name, kind in networks if "attention" in {field.name for field in fields(kind)}]
    return (
        f"no place of this generator of {type(game).__name__} looks at others: it has no attention layer; train one "
        f"that has, with --game.network {some(attending, between=' or ')}"
    )
