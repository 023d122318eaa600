"""How to get an extractor by its name."""

from pathlib import Path

import torch

from ..base.errors import UsageError, near
from .features import Extractor, Kept, Trained

EXTRACTORS = {
    "digits": "a small classifier of grey digits that comes with Saddle (64 features)",
    "inception": "Inception-v3 of 2015 as the FID uses it, from your own weight file (2048 features)",
    "pixels": "the pixels themselves, at most 16 × 16",
    "own": "filters that are patches of the training images: textures of any images (256 features)",
}


def extractor(
    name: str,
    weights: str | Path | None = None,
    device: torch.device | str = "cpu",
    coloured: bool = False,
    *,
    train: Trained | Kept | None = None,
) -> Extractor:
    """The extractor of that name, ready on `device`.

    `weights` is the file that `inception` reads; `train` are the training images that `own` is made of, or what it was
    made into. `coloured` says that images of several channels are digits: `digits`, which else refuses them, looks at
    their mean.
    """
    if name not in EXTRACTORS:
        raise UsageError(f"no feature extractor '{name}'{near(name, EXTRACTORS)}; there are {', '.join(EXTRACTORS)}")
    if weights is not None and name != "inception":
        raise UsageError(f"the extractor '{name}' reads no weight file, but {weights} was given; only 'inception' does")
    return _build(name, weights, coloured, train).eval().requires_grad_(False).to(device)


def _build(name: str, weights: str | Path | None, coloured: bool, train: Trained | Kept | None) -> Extractor:
    if name == "digits":
        from .digits import load

        return load(coloured)
    if name == "inception":
        from .inception import Inception

        return Inception.load(weights)
    if name == "own":
        from .own import Own

        return Own(train)
    from .pixels import Pixels

    return Pixels()
