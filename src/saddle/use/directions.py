"""What a class or a label changes in the codes of images, and what a game draws while one code changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..base.errors import UsageError, near, some
from ..spec import Batch, DataSpec
from ..tasks import Encoding, Sweep, Traversal

if TYPE_CHECKING:
    from ..data.source import Source


def swept(game: Traversal, z: Tensor, label: Tensor | None, sweep: Sweep) -> Tensor:
    """The samples of latent z [1, K] and its label [1, …] while one code is swept.  [values, …]"""
    z = z.repeat(len(sweep.values), 1)
    if sweep.slot is None:
        return game.decode(z, sweep.values)
    z[:, sweep.slot] = sweep.values
    beside = label if game.condition_beside else None
    return game.decode(z, None if beside is None else beside.expand(len(z), *beside.shape[1:]))


@torch.no_grad()
def direction(game: Encoding, source: Source, add: str | None, subtract: str | None) -> Tensor:
    """The mean code of the training images that have an attribute less that of those that have not, [K].

    One attribute is added and another subtracted; either may be None. Larsen et al., 2015, Section 4.2.
    https://arxiv.org/abs/1512.09300. UsageError for an attribute that the data lack.
    """
    if add is None and subtract is None:
        raise UsageError("say what to change: an attribute to add, one to subtract, or both")
    batch = source.train.take(slice(None)) if source.spec.condition else {}
    parts = [(sign, *having(source.spec, batch, name)) for sign, name in ((1, add), (-1, subtract)) if name is not None]
    needs_label = game.encodes_with_label
    pairs = zip(batch["image"].split(250), batch["label"].split(250), strict=True)
    codes = torch.cat(
        [
            game.encode(image.to(game.device, game.dtype), label.to(game.device) if needs_label else None).float().cpu()
            for image, label in pairs
        ]
    )
    return torch.stack([sign * (codes[has].mean(0) - codes[lacks].mean(0)) for sign, has, lacks in parts]).sum(0)


def having(data: DataSpec, batch: Batch, name: str) -> tuple[Tensor, Tensor]:
    """Which images of a batch have an attribute and which have not, bool [N] each; of some it is not known."""
    condition = data.condition
    if condition is None or condition.kind not in ("class", "labels"):
        raise UsageError(f"attributes are classes or labels of 0 and 1; these data have {condition or 'no labels'}")
    if name not in condition.names:
        raise UsageError(f"no attribute '{name}'{near(name, condition.names)}; there are {some(condition.names)}")
    label, index = batch["label"], condition.names.index(name)
    if condition.kind == "class":
        has, lacks = label == index, (label >= 0) & (label != index)
    else:
        has, lacks = label[:, index] > 0.5, label[:, index] <= 0.5
    if not (has.any() and lacks.any()):
        raise UsageError(f"of the images that were trained on, all or none have the attribute '{name}'")
    return has, lacks
