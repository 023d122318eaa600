"""The scores of what enlarges without learning, or hardly any, on the held-out part of small or damaged images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..base.errors import UsageError
from ..data import module_of, open_source
from ..data.baselines import Baseline
from ..data.degradations import degraded
from ..data.source import decoded
from ..metrics.psnr import psnr, saved_psnr
from ..metrics.restored import BICUBIC, enlarged
from ..metrics.ssim import WINDOW, ssim_y
from ..metrics.translated import MEAN
from .restorations import mean_of
from .translations import spread

if TYPE_CHECKING:
    from ..data import DataOptions
    from ..data.source import Source

MOST = 500  # images that are scored
TAUGHT = 2000  # images that lines are fitted to, and 4 for each number of a small one at least
SAYS = {
    BICUBIC: "enlarged with no training at all",
    MEAN: "the mean of training images",
    "linear regression": "each pixel a weighted sum of all pixels of the small image, least squares",
    "input unchanged": "the damaged image as it is",
}


def baselines(options: DataOptions) -> list[Baseline]:
    """Those of key damaged beside key image. UsageError where neither is held out nor a single picture there.

    A source's file may have a function `wholes(options)`, which gives larger pictures than its samples, by name.
    """
    source = open_source(options)
    split = source.train if source.spec.single else source.heldout
    if split is None:
        raise UsageError(f"nothing of {source.name} is held out, so there is nothing to score; ask for data.heldout")
    n = len(split.columns["image"])
    batch = split.batch(dict.fromkeys(("image", "damaged"), spread(n, MOST)))
    truth, damaged = batch["image"], batch["damaged"]
    answers = enlarged(damaged, truth)
    if not source.spec.single:
        answers |= {MEAN: mean_of(source, "image").expand_as(truth)} | _linear(source, damaged)
    times = truth.shape[-1] // damaged.shape[-1]
    found = [each for name, made in answers.items() for each in _scored(name, SAYS[name], made, truth, times)]
    wholes = getattr(module_of(options), "wholes", None)
    return [*found, *(_of_wholes(wholes(options), options) if wholes and options.degrade else ())]


def _scored(name: str, says: str, made: Tensor, truth: Tensor, times: int) -> Iterator[Baseline]:
    """Y-PSNR and SSIM without a border, where there is brightness, and PSNR of all; the mean over images."""
    channels, side = truth.shape[1], min(truth.shape[2:])
    measures: list[tuple[str, str, Callable[[Tensor, Tensor], Tensor], bool]] = [
        ("psnr_y", "dB", lambda a, b: saved_psnr(a, b, channels == 3, times), channels in (1, 3) and side > 2 * times),
        ("ssim_y", "", lambda a, b: ssim_y(a, b, times), channels in (1, 3) and side >= WINDOW + 2 * times),
        ("psnr", "dB", psnr, True),
    ]
    for metric, unit, measure, possible in measures:
        if possible:
            each = torch.cat([measure(*part) for part in zip(made.split(64), truth.split(64), strict=True)])
            value = float(each[each.isfinite()].mean())  # identical images have no number
            yield Baseline(f"{name}: {metric}", says, value, unit)


def _linear(source: Source, damaged: Tensor) -> dict[str, Tensor]:
    """Small images restored by least squares, where these are few numbers beside the images to learn from."""
    n, numbers = min(TAUGHT, len(source.train.columns["image"])), damaged[0].numel() + 1
    if source.spec.fields["image"].free or 4 * numbers > n:
        return {}
    taught = source.train.batch(dict.fromkeys(("image", "damaged"), spread(len(source.train.columns["image"]), n)))
    small, whole = (_with_one(taught["damaged"]), taught["image"].double().flatten(1))
    lines = np.linalg.lstsq(small.numpy(), whole.numpy(), rcond=None)[0]
    said = _with_one(damaged) @ torch.from_numpy(lines)
    return {"linear regression": said.view(len(damaged), *taught["image"].shape[1:]).clamp(-1, 1)}


def _with_one(images: Tensor) -> Tensor:
    return torch.cat([images.double().flatten(1), torch.ones(len(images), 1, dtype=torch.float64)], 1)


def _of_wholes(wholes: Mapping[str, np.ndarray], options: DataOptions) -> Iterator[Baseline]:
    """Bicubic on pictures uint8 [C, H, W] by name: papers measure whole ones, not pieces."""
    assert options.degrade is not None
    for name, picture in wholes.items():
        high, wide = (side // options.times * options.times for side in picture.shape[1:])
        whole = np.ascontiguousarray(picture[None, :, :high, :wide])
        small = degraded(whole, options.degrade, options.times, np.zeros(1, np.uint64))
        truth, damaged = (decoded(torch.from_numpy(x)) for x in (whole, small))
        for answer, made in enlarged(damaged, truth).items():
            yield from _scored(f"{answer}, {name}", SAYS[answer], made, truth, options.times)
