"""How to get an extractor by its name."""

from pathlib import Path

import torch

from ..base.errors import UsageError, near
from .features import Extractor

EXTRACTORS = {
    "digits": "a small classifier of grey digits that comes with Saddle (64 features)",
    "inception": "Inception-v3 of 2015 as the FID uses it, from your own weight file (2048 features)",
    "pixels": "the pixels themselves, at most 16 × 16",
}


def extractor(
    name: str, weights: str | Path | None = None, device: torch.device | str = "cpu", coloured: bool = False
) -> Extractor:
    """The extractor of that name, ready on `device`; `weights` is the file that `inception` reads.

    `coloured` says that images of several channels are digits: `digits`, which else refuses them, looks at their mean.
    """
    if name not in EXTRACTORS:
        raise UsageError(f"no feature extractor '{name}'{near(name, EXTRACTORS)}; there are {', '.join(EXTRACTORS)}")
    if weights is not None and name != "inception":
        raise UsageError(f"the extractor '{name}' reads no weight file, but {weights} was given; only 'inception' does")
    return _build(name, weights, coloured).eval().requires_grad_(False).to(device)


def _build(name: str, weights: str | Path | None, coloured: bool) -> Extractor:
    if name == "digits":
        from .digits import load

        return load(coloured)
    if name == "inception":
        from .inception import Inception

        return Inception.load(weights)
    from .pixels import Pixels

    return Pixels()
