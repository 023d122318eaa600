"""From images to the features that scores are computed in: the base of every extractor."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ..base.errors import SaddleError, UsageError
from .ranges import checked


class Features(NamedTuple):
    """What an extractor sees in N images."""

    features: Tensor  # float32 [N, D]
    logits: Tensor | None = None  # float32 [N, K], where the extractor is a classifier


@dataclass(frozen=True)
class Trained:
    """Training images that an extractor may be made of."""

    take: Callable[[int], Tensor]  # at most so many [N, C, H, W] in [-1, 1], spread over all; asked when needed
    mark: Callable[[], str]  # which ones they are: others have another


@dataclass(frozen=True)
class Kept:
    """What an extractor that is made of images came to, as a file has it."""

    hash: str  # of the extractor
    parts: Mapping[str, Tensor]


class Extractor(nn.Module, ABC):
    """Images, float [N, C, H, W] in [-1, 1], to `Features`: without gradients, in float32, `chunk` images at a time.

    UsageError for values outside of [-1, 1]. Points [N, D] and signals [N, C, T] are for `pixels` alone, as they are.
    """

    name: ClassVar[str]
    resize: ClassVar[str]  # how images of another size are brought to the extractor's
    dims: ClassVar[int | None] = None  # features of an image; None where it depends on the image
    chunk: ClassVar[int] = 256
    classifies: ClassVar[bool] = True  # does it give logits?
    places: ClassVar[bool] = True  # does it see where in an image things are?

    @abstractmethod
    def look(self, images: Tensor) -> Features:
        """The features of one chunk [n, C, H, W], on this extractor's device and in [-1, 1]."""

    def parts(self) -> dict[str, Tensor]:
        """Of one that is made of images, what another process needs to see the same; of any other, nothing."""
        return {}

    @property
    def hash(self) -> str:
        """SHA-256 of the name, the resize and every weight: two extractors with one hash give one score."""
        digest = sha256(f"{self.name}: {self.resize}".encode())
        for key, tensor in sorted(self.state_dict().items()):
            digest.update(f"{key} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def forward(self, images: Tensor) -> Features:
        """Features of every image, on this extractor's device; SaddleError where a value is not finite."""
        if not images.is_floating_point():
            raise UsageError(
                f"features come from floats in [-1, 1], not from {images.dtype}: divide by 127.5, subtract 1"
            )
        with torch.autocast(self._device(images).type, enabled=False):
            parts = [self.look(self._ready(part)) for part in images.split(self.chunk)]
        logits = [part.logits for part in parts if part.logits is not None]
        return Features(torch.cat([part.features for part in parts]), torch.cat(logits) if logits else None)

    def _ready(self, images: Tensor) -> Tensor:
        bad = int((~images.flatten(1).isfinite().all(1)).sum())
        if bad:
            raise SaddleError(f"{bad} of {len(images)} images hold NaN or infinite values: there is nothing to score")
        return checked(images).to(self._device(images), torch.float32)

    def _device(self, images: Tensor) -> torch.device:
        return next((tensor.device for tensor in self.state_dict().values()), images.device)
