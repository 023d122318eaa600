"""Samples, drawn a batch at a time by all processes, of which only what the metrics need is kept."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..base import dist
from ..base.errors import SaddleError, UsageError
from . import attributes
from .digits import triples
from .features import Extractor
from .sharpness import laplacian_energy
from .swd import patches

Sample = Callable[[int], Tensor | tuple[Tensor, Tensor]]


@torch.no_grad()
def draw(sample: Sample, n: int, batch: int, look: Extractor | None, needs: set[str]) -> dict[str, Tensor]:
    """What is needed of `n` samples, drawn `batch` at a time by all processes together, in the order of the ranks."""
    if n < 2 or batch < 1:
        raise UsageError(f"scores of {n} samples, {batch} at a time: at least 2 samples, 1 at a time, are needed")
    parts: list[dict[str, Tensor]] = []
    for start in range(0, n, batch):
        share = -(-min(batch, n - start) // dist.world())
        drawn = sample(share)
        images, labels = drawn if isinstance(drawn, tuple) else (drawn, None)
        if len(images) != share:
            raise SaddleError(f"{share} samples were asked for and {len(images)} were drawn")
        seen = _look(images, labels, look, needs)
        parts.append({key: dist.gather(value)[: n - start][:batch] for key, value in seen.items()})
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}


def _look(images: Tensor, labels: Tensor | None, look: Extractor | None, needs: set[str]) -> dict[str, Tensor]:
    """What is needed of these samples, by name."""
    seen: dict[str, Tensor] = {}
    if look is not None and needs & {"features", "logits", "digits"}:
        seen = {key: value for key, value in look(images)._asdict().items() if value is not None}
    seen |= _as_asked(images, labels, needs)
    if "modes" in needs:
        seen["points"] = _of_shape(images, "modes are looked for among points [N, D]", images.ndim == 2)
    if "edges" in needs:
        seen["edges"] = laplacian_energy(images)
    if "patches" in needs:
        seen["patches"] = patches(images)
    if look is not None and "stacked" in needs:
        stacked = images.ndim == 4 and images.shape[1] == 3
        seen["triples"] = triples(look, _of_shape(images, "stacked digits are images of three channels", stacked))
    return seen


def _as_asked(images: Tensor, labels: Tensor | None, needs: set[str]) -> dict[str, Tensor]:
    """What is needed of samples and of the labels or captions that they were drawn for, by name."""
    if "labels" in needs and labels is None:
        raise UsageError("this metric needs samples drawn for a label or a code, and these have none")
    seen = {"labels": labels} if "labels" in needs and labels is not None else {}
    if "captions" not in needs:
        return seen
    if labels is None or labels.ndim != 2:
        raise UsageError("this metric needs samples drawn for captions, and these have none")
    return seen | {"found": attributes.shown(images), "wanted": attributes.asked(labels)}


def _of_shape(images: Tensor, wanted: str, right: bool) -> Tensor:
    if not right:
        raise UsageError(f"{wanted}, and the samples are of shape {tuple(images.shape[1:])}")
    return images
