"""The results for held-out images of a game that detects, and of simple detectors beside it."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..base import rng
from ..data.anomalies import detectors
from ..metrics.detected import Detected, Told
from ..spec import Batch
from ..tasks import Detection, Game

if TYPE_CHECKING:
    from ..data.source import Source, Split

CHUNK = 64  # images at a time


def detected(game: Detection, source: Source, seed: int) -> Detected:
    """How unusual held-out images are by the game and by simple detectors, which are defective, where, and how fast."""
    assert source.heldout is not None
    key = game.needs[0]
    simple = detectors(source.train, key)
    found, rivals = list[Told](), {name: list[Told]() for name in simple}
    seconds, defective, masks = list[float](), list[Tensor](), list[Tensor]()
    with rng.apart(seed, "detected"):
        for batch in _batches(source.heldout, key):
            image, start = batch[key].to(game.device, game.dtype), perf_counter()
            finding = game.detect(image)
            found.append(Told(finding.score.float().cpu(), finding.map.float().cpu()))
            seconds.append((perf_counter() - start) / len(image))  # after the copy, so the device has finished
            defective.append(batch["defect"] > 0)
            masks += [batch["mask"] > 0] if "mask" in batch else []
            for name, detector in simple.items():
                score, map_ = detector(batch[key])
                rivals[name].append(Told(score, map_.float()))
    told, each = _joined(found), {name: _joined(parts) for name, parts in rivals.items()}
    mask = torch.cat(masks) if masks else None
    return Detected(told.scores, torch.cat(defective), told.maps, mask, each, torch.tensor(seconds))


def both_kinds(game: Game, source: Source) -> bool:
    """Are some of the held-out images defective, and some not?"""
    if source.heldout is None or "defect" not in source.heldout.columns:
        return False
    defective = source.heldout.columns["defect"][:] > 0
    return bool(defective.any() and not defective.all())


def normal(game: Game, source: Source) -> int:
    """How many of the held-out images are normal, where some are not."""
    if not both_kinds(game, source) or source.heldout is None:
        return 0
    return int((source.heldout.columns["defect"][:] == 0).sum())


def _joined(parts: list[Told]) -> Told:
    scores, maps = zip(*parts, strict=True)
    return Told(torch.cat(scores), torch.cat(maps))


def _batches(split: Split, key: str) -> Iterator[Batch]:
    keys = [each for each in (key, "defect", "mask") if each in split.columns]
    for places in torch.arange(len(split.columns[key])).split(CHUNK):
        yield split.batch(dict.fromkeys(keys, places.numpy()))
