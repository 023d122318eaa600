"""Is every pixel of the class that it should be? Of translations to a label map, and of images made from one.

A segmenter classifies the pixels of an image drawn from a map. It is trained here on training pairs, so that it knows
the classes of these data. Its score on the real images is printed beside: no game can be expected to do better (Isola
et al., 2017, Section 3.2, https://arxiv.org/abs/1611.07004; Long, Shelhamer, Darrell, 2015,
https://arxiv.org/abs/1411.4038).

nᵢⱼ pixels of class i are said to be of class j, and tᵢ = Σⱼ nᵢⱼ. Accuracy is Σ nᵢᵢ / Σ tᵢ; its mean over classes that
occur is that of nᵢᵢ / tᵢ, and the mean intersection over union that of nᵢᵢ / (tᵢ + Σⱼ nⱼᵢ - nᵢᵢ). Pixels of which
nobody says what they show are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from ..spec import Field
from .blocks import double
from .evidence import Evidence, Ingredient
from .learned import Lesson, at_most, digest, fitted, once, step
from .metric import Compared, Metric
from .translated import Each, Turned, Way, pooled

REAL = "real images"  # beside the scores: the segmenter's result for them
SIDE, STEPS, BATCH, RATE = 64, 250, 8, 5e-3
NOBODY = -100  # a class that no pixel is of


class Segmenter(nn.Module):
    """Images [N, C, H, W] → logits [N, K, H, W]: three halvings and back, each map shown again on the way up."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.down = nn.ModuleList([step(channels, 8), step(8, 24, 2), step(24, 48, 2)])
        self.middle = nn.Sequential(step(48, 64, 2), step(64, 64))
        self.up = nn.ModuleList([step(64 + 48, 48), step(48 + 24, 24), step(24 + 8, 16)])
        self.head = nn.Conv2d(16, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        for layer in self.down:
            x = layer(x)
            maps.append(x)
        x = self.middle(x)
        for layer in self.up:
            fine = maps.pop()
            x = layer(torch.cat((interpolate(x, fine.shape[-2:]), fine), 1))
        return self.head(x)

    @torch.no_grad()
    def read(self, images: Tensor) -> Tensor:
        """Classes int64 [N, h, w] of images [N, C, H, W] in [-1, 1], whose shorter side becomes 64 pixels at most."""
        small = at_most(images.cpu().float().clamp(-1, 1), SIDE)
        return torch.cat([self(part).argmax(1) for part in small.split(BATCH)])


@dataclass(frozen=True)
class MapLesson(Lesson):
    """Training images [N, C, H, W] and their label maps, int64 [N, H, W]."""

    channels: int
    field: Field  # of the maps

    @property
    def small(self) -> "MapLesson":
        """The same of images whose shorter side is at most 64 pixels."""

        def take(places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
            images, maps = self.take(places)
            images = at_most(images.float(), SIDE)
            return images, shrunk(maps, images.shape[-2:])

        return replace(self, take=take)

    @property
    def digest(self) -> str:
        return digest("segmenter", self.mark, SIDE, STEPS, BATCH, RATE)


def segmenter(lesson: MapLesson) -> Segmenter:
    """Trained on these pairs; always the same one of the same pairs."""
    ignored, classes = lesson.field.ignored, lesson.field.planes

    def loss(logits: Tensor, maps: Tensor) -> Tensor:
        return cross_entropy(logits, maps, ignore_index=NOBODY if ignored is None else ignored)

    def learned() -> Segmenter:
        network = partial(Segmenter, lesson.channels, classes)
        return fitted(network, lesson.small, loss, steps=STEPS, batch=BATCH, rate=RATE)

    return once(lesson.digest, learned)


def shrunk(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Label maps int64 [N, H, W] of another size, each pixel the class of the nearest one.  [N, H, W] → [N, h, w]"""
    return interpolate(maps[:, None].float(), tuple(size), mode="nearest-exact")[:, 0].long()


def confusion(said: Tensor, truth: Tensor, classes: int, ignored: int | None = None) -> Tensor:
    """nᵢⱼ of every image, of classes int64 [N, H, W] that are said and true: int64 [N, K, K]."""
    image = torch.arange(len(truth), device=truth.device).view(-1, 1, 1)
    cells = (image * classes + truth) * classes + said
    counted = cells if ignored is None else cells[truth != ignored]
    return torch.bincount(counted.flatten(), minlength=len(truth) * classes**2).view(-1, classes, classes)


def pixel_accuracy(rows: Tensor) -> float:
    """Σ nᵢᵢ / Σ tᵢ, where rows are [N, K, K]; NaN without a pixel."""
    n = double(rows).sum(0)
    return float(n.trace() / n.sum())


def mean_accuracy(rows: Tensor) -> float:
    """The mean of nᵢᵢ / tᵢ over classes that occur.  rows [N, K, K], n of each image"""
    n = double(rows).sum(0)
    return float((n.diag() / n.sum(1))[n.sum(1) > 0].mean())


def miou(rows: Tensor) -> float:
    """The mean intersection over union of classes that occur.  rows [N, K, K], n of each image"""
    n = double(rows).sum(0)
    return float((n.diag() / (n.sum(0) + n.sum(1) - n.diag()))[n.sum(1) > 0].mean())


def _look(turned: Turned) -> dict[str, Tensor]:
    assert turned.way is not None
    assert turned.planes is not None
    field, truth = turned.way.fields[turned.way.to], turned.of(turned.way.to)
    said = {"": turned.planes} | turned.beside
    return {w: confusion(x.argmax(1), truth, field.planes, field.ignored) for w, x in said.items()}


def _reread(turned: Turned) -> dict[str, Tensor]:
    assert turned.way is not None
    reader: Segmenter = turned.tools["segmenter"]
    field, truth = turned.way.fields[turned.way.start], turned.of(turned.way.start)
    images = {"": turned.made} | turned.beside | ({REAL: turned.truth} if turned.truth is not None else {})
    said = {whose: reader.read(x) for whose, x in images.items()}
    small = shrunk(truth, said[""].shape[-2:])
    return {whose: confusion(x, small, field.planes, field.ignored) for whose, x in said.items()}


def _to_map(way: Way) -> bool:
    return way.paired and way.fields[way.to].kind == "map"


def _from_map(way: Way) -> bool:
    return way.pictures[1] and way.fields[way.start].kind == "map"


def _of(each: Each, measure: Callable[[Tensor], float]) -> Callable[[Evidence], Compared]:
    return lambda evidence: pooled(evidence[each], measure)


MAP_LESSON: Ingredient[MapLesson] = Ingredient(
    "map_lesson", "a game that makes images from label maps, training pairs of both, and held-out maps"
)
SEGMENTER = Ingredient(
    "segmenter",
    MAP_LESSON.lacking,
    make=lambda e: segmenter(e[MAP_LESSON]),
    needs=(MAP_LESSON,),
    entries=lambda _, e: {"segmenter": e[MAP_LESSON].digest, "segmented_side": SIDE},
)
EACH = Each("maps_each", "a game that translates to label maps, and held-out pairs", look=_look, when=_to_map)
EACH_REREAD = Each(
    "maps_reread",
    MAP_LESSON.lacking,
    needs=(SEGMENTER,),
    look=_reread,
    when=_from_map,
)

METRICS = {
    "pixel_accuracy": Metric(
        "share of pixels of translations to a label map that are of the right class",
        "higher",
        (EACH,),
        _of(EACH, pixel_accuracy),
    ),
    "mean_accuracy": Metric(
        "the same, the mean over classes",
        "higher",
        (EACH,),
        _of(EACH, mean_accuracy),
    ),
    "miou": Metric(
        "mean intersection over union of the classes in translations to a label map",
        "higher",
        (EACH,),
        _of(EACH, miou),
    ),
    "reread_accuracy": Metric(
        "share of pixels of images made from label maps in which a segmenter sees the map's class",
        "higher",
        (EACH_REREAD,),
        _of(EACH_REREAD, pixel_accuracy),
    ),
    "reread_mean_accuracy": Metric(
        "the same, the mean over classes",
        "higher",
        (EACH_REREAD,),
        _of(EACH_REREAD, mean_accuracy),
    ),
    "reread_miou": Metric(
        "mean intersection over union of what a segmenter sees in images made from label maps",
        "higher",
        (EACH_REREAD,),
        _of(EACH_REREAD, miou),
    ),
}
