"""The endless stream of batches of a split, shared out among processes and micro-batches."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base import dist
from ..base.errors import UsageError
from ..spec import Batch, DataSpec, Field
from .augmentation import Augmentation
from .labels import are_known, epoch
from .sampler import apart, coins, draws, places
from .source import Split, Varied, decoded


class Stream:
    """Global batches of `batch_size` samples; what this process gets of each is a list of `micro_batches` batches.

    Micro-batch i of process r is part i · world + r of micro_batches · world equal parts: however the work is divided,
    the parts make up the same global batch.
    """

    def __init__(
        self,
        split: Split,
        spec: DataSpec,
        batch_size: int,
        seed: int,
        flip: bool = False,
        moves: Augmentation | None = None,
        device: torch.device | str = "cpu",
        micro_batches: int = 1,
        labelled_share: float = 0.0,
    ) -> None:
        rank, world = dist.rank(), dist.world()
        parts = micro_batches * world
        if parts < 1 or batch_size < 1 or batch_size % parts:
            raise UsageError(
                f"a batch of {batch_size} cannot be divided into {micro_batches} micro-batches on each of "
                f"{world} processes; the batch size must be a multiple of {max(parts, 1)}"
            )
        self.split, self.seed, self.device = split, seed, torch.device(device)
        self.flip, self.moves = flip, moves
        self.batch_size, self.share = batch_size, batch_size // parts
        self.parts = [i * world + rank for i in range(micro_batches)]
        self.fields = spec.fields
        self.domains = [[key for key in domain if key in spec.keys] for domain in split.domains]
        if moves:
            for keys in self.domains:
                check_sides({key: spec.fields[key] for key in keys})
        self.epoch: NDArray[np.int64] | None = None  # the places of one, where some come several times
        if labelled_share:
            if not spec.partial:
                raise UsageError(
                    f"data.labelled_share is {labelled_share}, but these data have no samples without a label; set "
                    "it to 0, or forget labels with data.labelled"
                )
            self.epoch = epoch(are_known(split.columns["label"][:]), labelled_share)

    def batches(self, start: int = 0) -> Iterator[list[Batch]]:
        """Global batches number start, start + 1, … without end: this process's micro-batches of each."""
        while True:
            yield [self._draw(start * self.batch_size + part * self.share) for part in self.parts]
            start += 1

    def _draw(self, first: int) -> Batch:
        """Draws first … first + share - 1 of every domain."""
        batch = {}
        for keys in filter(None, self.domains):
            among = self.epoch if "label" in keys else None
            n = len(self.split.columns[keys[0]]) if among is None else len(among)
            start = first if among is not None or not self._cut(keys) else apart(first, n, self.batch_size)
            index = places(self.seed, keys[0], n, start, self.share)
            index = index if among is None else among[index]
            coin = coins(self.seed, keys[0], first, self.share) if self.flip else None
            moved = self.moves.chosen(self.seed, keys[0], first, self.share) if self.moves else None
            bits = draws("which", self.seed, keys[0], first, self.share) if self._varies(keys) else None
            for key, stored in self.split.stored(dict.fromkeys(keys, index), bits).items():
                field, sample = self.fields[key], self._sent(stored)
                if coin is not None and field.is_spatial:
                    sample = _mirrored(sample, coin)
                sample = decoded(sample, field)
                batch[key] = moved(sample, kind=field.kind) if moved and field.is_spatial else sample
        return batch

    def _varies(self, keys: list[str]) -> bool:
        """Does a sample show something else each time that it is drawn?"""
        return any(isinstance(self.split.columns[key], Varied) for key in keys)

    def _cut(self, keys: list[str]) -> bool:
        """Are pieces of larger images drawn?"""
        return any(self.fields[key].free for key in keys)

    def _sent(self, stored: Tensor) -> Tensor:
        """On the device; images still as bytes, a quarter of the traffic of floats."""
        if self.device.type != "cuda":
            return stored.to(self.device)
        return stored.pin_memory().to(self.device, non_blocking=True)


def check_sides(fields: Mapping[str, Field]) -> None:
    """UsageError unless what moves together has sides that are whole multiples of the smallest one's."""
    sides = {key: field.shape[-2:] for key, field in fields.items() if field.is_spatial}
    low = min(sides.values(), default=(1, 1))
    for key, (height, width) in sides.items():
        if height % low[0] or height * low[1] != width * low[0]:
            sizes = ", ".join(f"{name} {high}×{wide}" for name, (high, wide) in sides.items())
            raise UsageError(
                f"{key} does not move together with the others of its pair, whose sizes are {sizes}: sides must be "
                "whole multiples of the smallest one's; leave out data.rotate, data.scale and data.shift"
            )


def _mirrored(stored: Tensor, coin: NDArray[np.bool_]) -> Tensor:
    """What is kept, […, W], left to right where the coin [N] says so."""
    heads = torch.from_numpy(np.flatnonzero(coin)).to(stored.device)
    bits = stored.view(torch.int16) if stored.dtype == torch.uint16 else stored  # torch cannot flip uint16
    return bits.index_copy(0, heads, bits[heads].flip(-1)).view(stored.dtype)
