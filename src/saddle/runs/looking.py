"""The game's result for every image of its data: its codes, or what its discriminator sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..base import rng
from ..data.source import Split
from ..metrics.codes import Codes, Read
from ..tasks import Encoding, Synthesis
from .chunks import batches, held_out_of, ready

if TYPE_CHECKING:
    from ..data.source import Source


@torch.no_grad()
def codes(game: Any, source: Source, seed: int) -> Codes:
    """z of every image, the same on every process, without the class that a code may end in."""
    own = game.own_numbers
    with rng.apart(seed, "codes"):
        train, _ = _encoded(game, source.train)
        heldout, errors = _encoded(game, held_out_of(source))
        prior = game.noise(4 * len(heldout)).float()
    return Codes(train[:, :own], heldout[:, :own], prior[:, :own], errors)


def sees(game: Synthesis, source: Source) -> bool:
    """Has this game no codes, but a discriminator whose features can stand for them?"""
    return source.heldout is not None and Encoding not in type(game).tasks() and game.trunk is not None


@torch.no_grad()
def seen(game: Synthesis, source: Source, seed: int) -> Read:
    """What the discriminator sees of every image; the same on every process."""
    with rng.apart(seed, "codes"):
        return Read(_pooled(game, source.train), _pooled(game, held_out_of(source)))


def _encoded(game: Any, split: Split) -> tuple[Tensor, Tensor]:
    """Codes [N, K], and the mean squared errors [N] of the images made of them."""
    told = game.condition.key if game.condition else "label"
    encoded, errors = [], []
    for batch in batches(split):
        batch = ready(game, batch)
        image, label = batch[game.data.keys[0]], batch[told] if game.encodes_with_label else None
        encoded.append(game.encode(image, label).float())
        errors.append((game.reconstruct(image, label) - image).float().square().flatten(1).mean(1))
    return torch.cat(encoded), torch.cat(errors)


def _pooled(game: Synthesis, split: Split) -> Tensor:
    return torch.cat([game.pooled(ready(game, batch)[game.data.keys[0]]).float() for batch in batches(split)])
