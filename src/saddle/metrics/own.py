"""Features of any images without a download: filters that are patches of the training images themselves.

Patches of 3 × 3 pixels, whitened, make filters nearly as good as learned ones (Coates, Ng, Lee, 2011,
https://proceedings.mlr.press/v15/coates11a.html). Four layers of them lie one on the other, each of patches of the maps
below. Nothing is trained, no game can have trained against it, and it takes seconds. docs/metrics.md tells what is
ranked by it.
"""

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate

from ..base import rng, telling
from ..base.errors import SaddleError, UsageError
from .features import Extractor, Features, Kept, Trained
from .learned import at_most, digest, once

SIDE, WIDTH, STAGES, PATCH = 64, 32, 4, 3
IMAGES, PATCHES = 1000, 20_000  # of the training images, that filters and units are made of
EVEN = 0.01  # of the mean variance is added to each before whitening
FLOOR = 0.2  # of the root mean square of all deviations: no unit is smaller


class Own(Extractor):
    """Four layers of filters with ReLU, each halved: of every map its mean and its deviation.

    Their units are the deviations that they have over training images. Where in an image a thing is does not count.
    """

    name = "own"
    classifies = False
    places = False
    resize = f"means of pixels to {SIDE} on the shorter side where larger"

    def __init__(self, train: Trained | Kept | None = None) -> None:
        super().__init__()
        self.trained = train

    def parts(self) -> dict[str, Tensor]:
        return self._layers().parts()

    @property
    def hash(self) -> str:
        """SHA-256 of what it is made of: the last digits of its numbers may differ between machines."""
        if isinstance(self.trained, Kept):
            return self.trained.hash
        return digest("own", SIDE, WIDTH, STAGES, PATCH, IMAGES, PATCHES, EVEN, FLOOR, self._mark)

    @cached_property
    def _mark(self) -> str:
        return self.trained.mark() if isinstance(self.trained, Trained) else ""

    def look(self, images: Tensor) -> Features:
        """UsageError for what is no image or has other channels, and where there are no training images."""
        if images.ndim != 4:
            raise UsageError(f"the extractor 'own' looks at images, not at {tuple(images.shape[1:])}; try 'pixels'")
        layers = self._layers().to(images.device)
        if images.shape[1] != layers.channels:
            raise UsageError(
                f"the extractor 'own' is made of images of {layers.channels} channels, and these have "
                f"{images.shape[1]}; try 'pixels'"
            )
        return Features(layers(images))

    def _layers(self) -> "Layers":
        if isinstance(self.trained, Kept):
            return Layers.again(self.trained.parts)
        return once(self.hash, self._made)

    def _made(self) -> "Layers":
        if not isinstance(self.trained, Trained):
            raise UsageError("the extractor 'own' is made of training images, and they are not given")
        telling.now("making features of the training images")
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            return Layers.of(self.trained.take(IMAGES).cpu().float().clamp(-1, 1))


class Layers(nn.Module):
    """Filters (weights [32, C, 3, 3], biases [32]), each for the maps of those before, and perhaps the unit of what
    they see (means, deviations); images [M, C, H, W] in [-1, 1] → features [M, up to 256].
    """

    def __init__(self, filters: list[tuple[Tensor, Tensor]], unit: tuple[Tensor, Tensor] | None = None) -> None:
        super().__init__()
        self.filters, self.unit = filters, unit

    @classmethod
    def of(cls, train: Tensor) -> "Layers":
        """Of training images [N, C, H, W]."""
        kept: list[tuple[Tensor, Tensor]] = []
        x = _small(train)
        while len(kept) < STAGES and min(x.shape[-2:]) >= PATCH:
            kept.append(filters(x, len(kept)))
            x = torch.cat([avg_pool2d(_maps(part, *kept[-1]), 2) for part in x.split(Own.chunk)])
        bare = cls(kept)
        deviation, mean = torch.std_mean(torch.cat([bare(part) for part in train.split(Own.chunk)]), 0, correction=0)
        return cls(kept, (mean, deviation.clamp(min=max(FLOOR * float(deviation.square().mean().sqrt()), 1e-6))))

    @classmethod
    def again(cls, parts: Mapping[str, Tensor]) -> "Layers":
        """Of their `parts`. SaddleError where these do not belong together."""
        count = sum(name.startswith("weight_") for name in parts)
        names = {f"{kind}_{i}" for kind in ("weight", "bias") for i in range(count)} | {"mean", "deviation"}
        kept = [(parts[f"weight_{i}"], parts[f"bias_{i}"]) for i in range(count)] if {*parts} == names else []
        channels = kept[0][0].shape[1] if kept and kept[0][0].ndim == 4 else 0
        shapes = [((WIDTH, WIDTH if i else channels, PATCH, PATCH), (WIDTH,)) for i in range(count)]
        if not channels or [(weight.shape, bias.shape) for weight, bias in kept] != shapes:
            raise SaddleError("the filters that an extractor 'own' was made into are not whole")
        if not parts["mean"].shape == parts["deviation"].shape == (2 * WIDTH * count,):
            raise SaddleError("the unit of what an extractor 'own' sees is not whole")
        return cls(kept, (parts["mean"], parts["deviation"]))

    @property
    def channels(self) -> int:
        return self.filters[0][0].shape[1]

    def parts(self) -> dict[str, Tensor]:
        """By name, for a file."""
        assert self.unit is not None
        kept = {f"weight_{i}": weight for i, (weight, _) in enumerate(self.filters)}
        kept |= {f"bias_{i}": bias for i, (_, bias) in enumerate(self.filters)}
        return kept | dict(zip(("mean", "deviation"), self.unit, strict=True))

    def forward(self, images: Tensor) -> Tensor:
        x = _small(images)
        seen: list[Tensor] = []
        for weight, bias in self.filters:
            maps = _maps(x, weight.to(x), bias.to(x))
            seen += reversed(torch.std_mean(maps, (2, 3), correction=0))
            x = avg_pool2d(maps, 2)
        features = torch.cat(seen, 1)
        if self.unit is None:
            return features
        mean, scale = self.unit
        return (features - mean.to(features)) / scale.to(features)


def filters(x: Tensor, stage: int) -> tuple[Tensor, Tensor]:
    """32 patches of maps [N, C, H, W], whitened and of length 1, as filters [32, C, 3, 3] for whitened maps; biases."""
    with rng.apart("own features", stage):
        image, row, column = (rng.randint(k, PATCHES) for k in (len(x), *(side - PATCH + 1 for side in x.shape[2:])))
    reach = torch.arange(PATCH)
    rows, columns = (row[:, None] + reach)[:, :, None], (column[:, None] + reach)[:, None, :]
    patches = x.movedim(1, -1)[image[:, None, None], rows, columns].movedim(-1, 1).flatten(1).double()
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / PATCHES)
    white = (vectors * (values + EVEN * values.mean() + 1e-12).rsqrt()) @ vectors.T
    chosen = (patches[:WIDTH] - mean) @ white
    weight = chosen / chosen.norm(dim=1, keepdim=True).clamp(min=1e-12) @ white
    return weight.float().view(WIDTH, x.shape[1], PATCH, PATCH), -(weight @ mean).float()


def _maps(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return conv2d(x, weight, bias, padding=1).relu()


def _small(images: Tensor) -> Tensor:
    """Of 3 to 64 pixels on the shorter side."""
    if min(images.shape[-2:]) < PATCH:
        images = interpolate(images, scale_factor=PATCH)
    return at_most(images, SIDE)
