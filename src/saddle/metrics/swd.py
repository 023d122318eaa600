"""Sliced Wasserstein distance of patches, scale by scale. Karras, Aila, Laine, Lehtinen, 2018, Section 5.
https://arxiv.org/abs/1710.10196

It needs no network and no class. An image is taken apart into a Laplacian pyramid, from its own size down to 16 pixels.
At every level the patches of samples and of real images are compared as two clouds of points. The coarse levels
tell whether large structures are alike, the finest one noise, edges and sharpness.

Points and signals have no patches: they are compared whole, as vectors, in the units that real ones have. That is the
sliced Wasserstein distance itself: Rabin, Peyré, Delon, Bernot, 2011. https://doi.org/10.1007/978-3-642-24785-9_37
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..base.errors import UsageError
from .evidence import Evidence, Ingredient, Seen
from .ingredients import REAL, SAMPLES, TRAIN, Images, chunks
from .metric import Detailed, Metric
from .multiple import FEW, FEWEST, multiple
from .reference import Reference, content_hash
from .score import Fingerprint
from .uncertainty import groups, jackknife

PATCH, OF_AN_IMAGE, SMALLEST, DIRECTIONS = 7, 16, 16, 128  # the paper: 128 patches of 16,384 images, 512 directions
OF_VECTORS = 512  # directions in which vectors are compared
_AT_ONCE = 64  # directions
_SCALE = 1000  # of the numbers that the paper tells


def pyramid(images: Tensor) -> list[Tensor]:
    """[N, C, H, W] → its levels from the finest, whose sum, each enlarged to the next, is the image again.

    A level is what halving takes away (Burt & Adelson, 1983), the last one what is left, of 16 to 31 pixels; smaller
    images have one level.

    Each is [N, C, h, w].
    """
    levels = []
    while min(images.shape[-2:]) >= 2 * SMALLEST:
        smaller = _blurred(images)[..., ::2, ::2]
        levels.append(images - enlarged(smaller, images))
        images = smaller
    return [*levels, images]


def enlarged(images: Tensor, like: Tensor) -> Tensor:
    """[N, C, H/2, W/2] → [N, C, H, W], as `like`: pixels between zeros, blurred.  All are [N, C, …]."""
    spread = torch.zeros_like(like)
    spread[..., ::2, ::2] = images
    return _blurred(spread) * 4


def patches(images: Tensor, seed: int = 0) -> Tensor:
    """[N, C, H, W] → random patches of 7 × 7 of every level of the pyramid, [N, levels, 16, C, 49]."""
    if images.ndim != 4 or min(images.shape[-2:]) < PATCH:
        raise UsageError(f"patches are of images of 7×7 pixels or more, and these are of shape {[*images.shape[1:]]}")
    chance = torch.Generator().manual_seed(seed)
    parts = []
    for level in pyramid(images.float()):
        windows = level.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # [N, C, H - 6, W - 6, 7, 7]
        corners = [torch.randint(k, (len(level), OF_AN_IMAGE), generator=chance) for k in windows.shape[2:4]]
        each = torch.arange(len(level))[:, None]
        parts.append(windows[each, :, corners[0], corners[1]].flatten(3))
    return torch.stack(parts, 1)


def pieces(samples: Tensor, seed: int = 0) -> Tensor:
    """What is compared: the `patches` of images, or points [N, D] and signals [N, C, T] whole, as [N, C · T]."""
    return patches(samples, seed) if samples.ndim > 3 else samples.detach().float().flatten(1)


def all_patches(images: Iterable[Tensor], most: int = 8192) -> Tensor:
    """`pieces` of samples that come in chunks; of more than `most`, of every second, fourth, … one.

    Each chunk is [n, C, H, W]; the patches are [P, C · 49].
    """
    kept: list[Tensor] = []
    step, start = 1, 0  # the images kept so far are numbers 0, step, 2 step, …
    for number, part in enumerate(images):
        if len(chosen := part[-start % step :: step]):
            kept.append(pieces(chosen, seed=number))
        start += len(part)
        while sum(map(len, kept)) > most:
            kept, step = [torch.cat(kept)[::2]], 2 * step
    if not kept:
        raise UsageError("there are no images whose patches could be compared")
    return torch.cat(kept)


def swd(real: Tensor, fake: Tensor, seed: int = 0) -> Detailed:
    """The distance of patches [N, L, P, C, 49] and [M, L, P, C, 49]: the mean over levels, its error, and each level.

    The mean, over random directions, of the Wasserstein-1 distance of what the patches are along them; times 1,000.
    Patches are of mean 0 and deviation 1 in each channel, in either set: brightness, contrast and tint do not count.
    Vectors [N, D] and [M, D] have no levels, and are measured in the deviation of real numbers from their mean, so that
    place and scale do count.
    """
    if real.ndim == 2 and fake.ndim == 2:
        return _of_vectors(real.to(fake.device), fake, seed)
    if real.ndim != fake.ndim:
        raise UsageError(
            "images, with their patches, and vectors do not compare; give samples of the shape of real ones"
        )
    if real.shape[1:] != fake.shape[1:]:
        raise UsageError(
            f"patches compare images of one size and as many channels: real ones give {real.shape[1]} levels of "
            f"{real.shape[3]} channels, the samples {fake.shape[1]} levels of {fake.shape[3]}"
        )
    levels, errors = {}, []
    real = real.to(fake.device)
    for at in range(real.shape[1]):
        value, without = _level(_normalised(real[:, at]), _normalised(fake[:, at]), seed, DIRECTIONS)
        levels[f"level {at + 1}"] = value
        errors.append(without)
    means = [sum(parts) / len(parts) for parts in zip(*errors, strict=True)]
    return sum(levels.values()) / len(levels), jackknife(means), levels


def _of_vectors(real: Tensor, fake: Tensor, seed: int) -> Detailed:
    if real.shape[1] != fake.shape[1]:
        raise UsageError(f"real vectors are of {real.shape[1]} numbers and the samples of {fake.shape[1]}")
    mean = real.mean(0)
    scale = (real - mean).square().mean().sqrt().clamp(min=1e-12)
    value, without = _level(((real - mean) / scale)[:, None], ((fake - mean) / scale)[:, None], seed, OF_VECTORS)
    return value, jackknife(without), {}


def _level(real: Tensor, fake: Tensor, seed: int, count: int) -> tuple[float, list[float]]:
    """The distance of points [N, P, D] and [M, P, D], and that without each tenth of M."""
    chance = torch.Generator().manual_seed(seed)
    tenths = groups(len(fake), fake.device)
    within = torch.zeros(len(fake), dtype=torch.int64, device=fake.device)
    for number, tenth in enumerate(tenths):
        within[tenth] = number
    within = within.repeat_interleave(fake.shape[1])  # the tenth that each point came from
    total, without = 0.0, [0.0] * len(tenths)
    for _ in range(0, count, _AT_ONCE):
        directions = torch.randn(real.shape[-1], _AT_ONCE, generator=chance).to(real)
        directions = directions / directions.norm(dim=0)
        a, _ = _sorted((real.flatten(0, 1) @ directions).T)
        b, order = _sorted((fake.flatten(0, 1) @ directions).T)
        total += _wasserstein(a, b) * _AT_ONCE / count
        of = within[order]
        for number in range(len(tenths)):
            without[number] += _wasserstein(a, b[of != number].view(len(b), -1)) * _AT_ONCE / count
    return total, without


def _sorted(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Each row from its least value up, and where the values were; by NumPy on a processor, whose sort is faster."""
    if rows.device.type != "cpu":
        return rows.sort(1)
    order = torch.from_numpy(rows.numpy().argsort(1))
    return rows.gather(1, order), order


def _wasserstein(a: Tensor, b: Tensor) -> float:
    """W₁ of the rows of sorted sets [K, N] and [K, M]: their mean distance at as many quantiles as the smaller has."""
    count = min(a.shape[1], b.shape[1])
    middle = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    a, b = (x if x.shape[1] == count else x[:, (middle * x.shape[1]).long().to(x.device)] for x in (a, b))
    return _SCALE * float((a - b).abs().mean(1).mean())


def _normalised(points: Tensor) -> Tensor:
    """[N, P, C, 49] → [N, P, C · 49], each channel of mean 0 and deviation 1."""
    std, mean = torch.std_mean(points.float(), (0, 1, 3), correction=0, keepdim=True)
    return ((points - mean) / std.clamp(min=1e-12)).flatten(2)


def _blurred(images: Tensor) -> Tensor:
    """By the binomial of five pixels, both ways; mirrored at the edges."""
    x = pad(images, (2, 2, 2, 2), mode="reflect")
    for dim in (2, 3):  # sums are many times faster here than a convolution of one channel
        parts = [x.narrow(dim, start, x.shape[dim] - 4) for start in range(5)]
        x = (parts[0] + parts[4] + 4 * (parts[1] + parts[3]) + 6 * parts[2]) / 16
    return x


def _pieces_of(images: Ingredient[Images], lacking: str = "") -> Ingredient[Tensor]:
    """A kept reference has them, or none has."""

    def make(evidence: Evidence) -> Tensor:
        there = evidence[images]
        if not isinstance(there, Reference):
            return all_patches(chunks(there))
        assert there.patches is not None
        return there.patches

    def can(evidence: Evidence) -> bool:
        there = evidence.given[images.name]
        return not isinstance(there, Reference) or there.patches is not None

    return Ingredient(f"{images.name}_patches", images.lacking + lacking, make=make, needs=(images,), can=can)


def _settings(evidence: Evidence) -> Fingerprint:
    real = evidence[REAL_PATCHES]
    whole = real.ndim == 2
    entries: Fingerprint = {"directions": OF_VECTORS} if whole else {"patches": OF_AN_IMAGE, "directions": DIRECTIONS}
    return entries | {"reference_count": len(real), "reference_hash": content_hash([real])}


KEPT = "; a reference that is kept has their patches where swd was among the metrics that it was made for"
PATCHES = Seen("patches", of=SAMPLES, look=lambda drawn: pieces(drawn.images))
REAL_PATCHES, TRAIN_PATCHES = _pieces_of(REAL, KEPT), _pieces_of(TRAIN)
SWD = Ingredient("swd", make=lambda e: swd(e[REAL_PATCHES], e[PATCHES], e.seed), needs=(PATCHES, REAL_PATCHES))
FLOOR = Ingredient(
    "swd_floor", make=lambda e: swd(e[REAL_PATCHES], e[TRAIN_PATCHES], e.seed), needs=(REAL_PATCHES, TRAIN_PATCHES)
)

METRICS = {
    "swd": Metric(
        "distance of patches to those of real images, mean over scales, × 1,000; of points and signals, as they are",
        "lower",
        (SWD,),
        lambda e: e[SWD],
        _settings,
        of_side=PATCH,
    ),
    "swd_floor": Metric(
        "SWD of the training part: what real data scores",
        "lower",
        (FLOOR,),
        lambda e: e[FLOOR],
        _settings,
        of_side=PATCH,
    ),
    "swd_multiple": Metric(
        "SWD as a multiple of the floor",
        "lower",
        (SWD, FLOOR),
        lambda e: multiple(e[SWD], e[FLOOR], len(e[REAL_PATCHES])),
        _settings,
        references=FEWEST,
        few=FEW,
        of_side=PATCH,
    ),
}
