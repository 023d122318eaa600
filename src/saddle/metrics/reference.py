"""Real data as the scores see it: features once, kept in memory, known by the hash of the images."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor

from ..base import dist
from ..base.errors import UsageError
from .features import Extractor, Features, Trained

_KEPT = 4  # references of the last runs; an FID reference of 50,000 is 400 MB
_seen: OrderedDict[tuple[str, str], Features] = OrderedDict()


@dataclass(frozen=True)
class Reference:
    """Features of a part of the real data, and where they come from."""

    label: str  # such as "held-out"
    hash: str  # SHA-256 of the images
    seen: Features
    patches: Tensor | None = None  # of the images, for `swd`, where they were kept

    @property
    def count(self) -> int:
        return len(self.seen.features)

    @classmethod
    def of(cls, images: Tensor | Iterable[Tensor], extractor: Extractor, label: str = "held-out") -> "Reference":
        """Of images [N, C, H, W] in [-1, 1], or chunks of them; every process gives all and looks at its share.

        Chunks are read twice, for the hash and for the features; an iterator that can't be is held in memory.
        """
        chunks: Iterable[Tensor] = images.split(1024) if isinstance(images, Tensor) else images
        chunks = list(chunks) if iter(chunks) is chunks else chunks
        key = content_hash(chunks), extractor.hash
        if key not in _seen:
            _seen[key] = _joined([_look(extractor, chunk) for chunk in chunks])
        _seen.move_to_end(key)
        while len(_seen) > _KEPT:
            _seen.popitem(last=False)
        return cls(label, key[0], _seen[key])


def trained(images: Tensor | Iterable[Tensor]) -> Trained:
    """Training images [N, C, H, W], or chunks that can be read again, for an extractor that is made of some."""
    chunks = [images] if isinstance(images, Tensor) else images

    def take(most: int) -> Tensor:
        whole = torch.cat(list(chunks))
        return whole[:: -(-len(whole) // most)]

    return Trained(take, lambda: content_hash(chunks))


def content_hash(chunks: Iterable[Tensor]) -> str:
    """SHA-256 of the rows, as float32, however they are cut into chunks; UsageError where there are none.

    Each chunk is [n, …].
    """
    digest, count = sha256(), 0
    for chunk in chunks:
        if not count:
            digest.update(str(tuple(chunk.shape[1:])).encode())
        digest.update(chunk.detach().cpu().float().contiguous().numpy().tobytes())
        count += len(chunk)
    if not count:
        raise UsageError("the reference holds no image: there is nothing to compare with")
    return digest.hexdigest()


def _look(extractor: Extractor, images: Tensor) -> Features:
    """Each process looks at every world-th image; all get all features, in order."""
    count, world = len(images), dist.world()
    if world == 1:
        return extractor(images)
    padded = torch.cat([images, images[:1].expand(-count % world, *images.shape[1:])])
    seen = extractor(padded[dist.rank() :: world])

    def whole(x: Tensor) -> Tensor:
        return dist.gather(x).unflatten(0, (world, -1)).transpose(0, 1).flatten(0, 1)[:count]

    return Features(whole(seen.features), None if seen.logits is None else whole(seen.logits))


def _joined(parts: list[Features]) -> Features:
    logits = [part.logits for part in parts if part.logits is not None]
    return Features(torch.cat([part.features for part in parts]), torch.cat(logits) if logits else None)
