"""Samples beside what they may be copies of: below each its nearest training image, and real images, held out.

Near is measured as scores measure it, in what the data's own extractor sees; without one, in pixels. Held-out images
are the measure: samples that lie much nearer to the training images than these do are copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..base import rng
from ..data.made import Made
from ..layers.resize import resized
from ..metrics.digits import Digits, split_channels
from ..metrics.extractors import extractor
from ..metrics.features import Extractor
from ..metrics.ranges import shown
from ..show import pictures
from ..tasks import Game
from . import ingredients
from .run import Run
from .translations import spread

if TYPE_CHECKING:
    from ..data.source import Source, Split

COUNT = 8  # samples, one line of a picture
MOST = 10_000  # training images that are looked at
MADE = 2_000  # of those that are drawn when they are asked for, which takes its time
NUMBERS = 2**29  # that these have together, at most: 2,730 images of 256 × 256 in colour
AT_A_TIME = 2**24  # numbers in memory


@dataclass(frozen=True)
class Beside:
    """Samples [N, C, H, W], the training image nearest to each, and held-out images if there are any."""

    samples: Tensor
    nearest: Tensor
    real: Tensor | None
    facts: dict[str, Any]  # how near was measured, among how many, and how near that is

    def picture(self) -> Image.Image:
        lines = {"samples": self.samples, "the training image nearest to each": self.nearest}
        lines |= {} if self.real is None else {"real images, held out": self.real}
        return pictures.captioned(torch.cat([x.cpu() for x in lines.values()]), [*lines])


def show(run: Run, source: Source, write: Callable[..., None], say: Callable[[str], None]) -> None:
    """Draw the picture into the run's folder, and log it; nothing for data or games that have no such picture.

    What fails is said, and no more: a run that is trained stays finished.
    """
    try:
        found = compare(run.game, source, run.recipe.plan.seed, run.recipe.data.flip)
        if found:
            file = pictures.save(found.picture(), run.files.nearest).relative_to(run.folder)
            write("beside", file=file.as_posix(), checkpoint=run.round, **found.facts)
    except Exception as error:
        say(f"there is no picture of the nearest training images: {type(error).__name__}: {error}")


@torch.no_grad()
def compare(game: Game, source: Source, seed: int = 0, flip: bool = False) -> Beside | None:
    """A few samples and their nearest training images; with `flip`, or the mirror images of these.

    None unless the game draws images like those of the data. Random numbers are its own.
    """
    sampler = ingredients.of(game, source, seed).get("samples")
    if sampler is None or source.spec.single or source.spec.fields[sampler.like].kind != "image":
        return None
    real = held_out(source, sampler.like)
    with rng.apart(seed, "beside"):
        drawn = sampler(COUNT if real is None else len(real))
    samples = (drawn[0] if isinstance(drawn, tuple) else drawn).float()
    look = extractor(source.judged.extractor or "pixels", device=game.device)
    search = Search(source.train, sampler.like, look if look.places else extractor("pixels"), flip)
    nearest, far = search.nearest(samples)
    near = {"samples": float(far.median())}
    near |= {} if real is None else {"held_out": float(search.nearest(real)[1].median())}
    facts = {"samples": len(samples), "extractor": search.look.name, "looked": len(search.places), "of": search.there}
    return Beside(resized(samples, nearest.shape[2:]), nearest, real, facts | {"mirrored": flip, "near": near})


def held_out(source: Source, key: str) -> Tensor | None:
    """A few held-out images, evenly chosen; None where none are held out.  Returns [n, …]."""
    if source.heldout is None or key not in source.heldout.columns:
        return None
    return taken(source.heldout, key, spread(len(source.heldout.columns[key]), COUNT))


class Search:
    """The training images of one key as an extractor sees them: all, or as many as time allows, evenly chosen."""

    def __init__(self, train: Split, key: str, look: Extractor, flip: bool = False):
        self.train, self.key, self.look, self.flip = train, key, look, flip
        self.there, numbers = len(train.columns[key]), taken(train, key, np.array([0])).numel()
        most = MADE if isinstance(train.columns[key], Made) else MOST
        self.places = spread(self.there, min(most, max(1, NUMBERS // numbers)))
        self.at_a_time = max(1, AT_A_TIME // numbers)

    def nearest(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Of each image [N, C, H, W] the nearest one, mirrored where that is nearer, and how far it is, [N]."""
        ways = [images, images.flip(-1)] if self.flip else [images]
        asked = self.features(torch.cat(ways))
        best, at = torch.full((len(asked),), torch.inf, dtype=torch.float64), torch.zeros(len(asked), dtype=torch.long)
        for start in range(0, len(self.places), self.at_a_time):
            chunk = self.places[start : start + self.at_a_time]
            seen = self.features(taken(self.train, self.key, chunk))
            far, i = torch.cdist(asked, seen, compute_mode="donot_use_mm_for_euclid_dist").min(1)
            at = torch.where(far < best, torch.from_numpy(chunk)[i], at)
            best = torch.minimum(far, best)
        far, way = best.view(len(ways), -1).min(0)
        found = taken(self.train, self.key, at.view(len(ways), -1).gather(0, way[None])[0].numpy())
        return torch.where(way.view(-1, 1, 1, 1) > 0, found.flip(-1), found), far

    def features(self, images: Tensor) -> Tensor:
        """Features float64 [N, D] of images [N, C, H, W], on the processor, as saved.

        Where the channels are digits of their own, each channel is looked at by itself.
        """
        split, images = isinstance(self.look, Digits), shown(images)
        seen = self.look(split_channels(images) if split else images).features
        return seen.double().cpu().view(len(images), -1)


def taken(split: Split, key: str, places: NDArray[np.int64]) -> Tensor:
    """Images [N, C, H, W] in [-1, 1]."""
    return split.batch({key: places})[key].float()
