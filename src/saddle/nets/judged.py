"""What a discriminator sees in images, as vectors that say nothing of where."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..base.precision import full
from ..layers.discrimination import MinibatchDiscrimination
from ..layers.minibatch import MinibatchStd
from .conditional import ToldDiscriminator, TwoHeads
from .winn import Judge


def trunk_of(discriminator: nn.Module | None) -> nn.Module | None:
    """The layers, samples → features [N, …], that come before those which are given a label or give logits.

    Of several discriminators those of the last, which judges images at their full size; of an autoencoder its encoder.
    None where the label comes first, and where there are no such layers.
    """
    if isinstance(discriminator, nn.ModuleList):
        return trunk_of(discriminator[-1])
    if isinstance(discriminator, TwoHeads):
        return trunk_of(discriminator.judge)
    if isinstance(discriminator, Judge):
        return trunk_of(discriminator.network)
    if isinstance(discriminator, ToldDiscriminator):
        return None
    found = (getattr(discriminator, name, None) for name in ("trunk", "features", "encoder"))
    return next((each for each in found if isinstance(each, nn.Module)), None)


def pooled(trunk: nn.Module, samples: Tensor) -> Tensor:
    """The trunk's features of samples [N, …], of each map its mean: [N, K].

    Of each sample by itself: where layers compare those of a batch, it is compared with nobody.
    """
    return torch.cat([_means(full(trunk(part))) for part in _parts(trunk, samples)])


def _parts(trunk: nn.Module, samples: Tensor) -> Iterator[Tensor]:
    compares = any(isinstance(module, MinibatchDiscrimination | MinibatchStd) for module in trunk.modules())
    yield from samples.split(1) if compares else [samples]


def _means(features: Tensor) -> Tensor:
    return features.flatten(2).mean(2) if features.ndim > 2 else features
