"""Who judges what translations show: the classifier of digits that comes with Saddle, or a run that classifies."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..base.errors import UsageError, near
from ..layers.resize import resized
from ..metrics.extractors import EXTRACTORS
from ..metrics.extractors import extractor as extractor_named
from ..metrics.judged import Judge
from ..metrics.tones import grey
from ..tasks import Classification

if TYPE_CHECKING:
    from .run import Run


def judge(given: str | Path, device: torch.device, opened: Callable[[], Run]) -> Judge:
    """The judge of that name that comes with Saddle, or the run in that folder, which `opened` opens.

    UsageError for what is neither, and for a run that does not classify.
    """
    if str(given) in EXTRACTORS:
        return built_in(str(given), device)
    if not Path(given).is_dir():
        raise UsageError(f"no judge '{given}'{near(str(given), EXTRACTORS)}: give digits, or a run that classifies")
    return of_game(opened().as_(Classification), str(given))


def built_in(name: str, device: torch.device) -> Judge:
    """The judge of that name that comes with Saddle. UsageError for an extractor that names no classes."""
    look = extractor_named(name, device=device, coloured=True)  # who names a judge knows the classes
    if not look.classifies:
        raise UsageError(f"the extractor '{name}' names no classes, so it cannot judge; give digits, or a run")

    def says(images: Tensor) -> Tensor:
        logits = look(images).logits
        assert logits is not None
        return logits.argmax(1)

    return Judge(name, look.hash, tuple(map(str, range(10))), says)


def of_game(game: Classification, name: str) -> Judge:
    """A trained game as a judge: images are brought to the size and the channels that it was trained with.

    UsageError for one that names labels of which several may be on.
    """
    if not game.exclusive:
        raise UsageError(f"{name} names labels, of which several may be on, and a judge names one class; give another")
    digest = sha256()
    for key, tensor in sorted(game.state_dict().items()):
        digest.update(f"{key} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    channels, *size = game.data.fields[game.classified[0]].shape

    @torch.no_grad()
    def says(images: Tensor) -> Tensor:
        if images.shape[1] != channels:
            images = grey(images).expand(-1, channels, -1, -1)
        return game.classify(resized(images, size).to(game.device, game.dtype)).argmax(1)

    return Judge(name, digest.hexdigest(), game.classifies, says)
