"""Does the generator copy its training data? After Meehan, Chaudhuri, Dasgupta, 2020, https://arxiv.org/abs/2004.05675

For every sample, and for every held-out real image, take the distance in feature space to the nearest training image.
The score is the share of samples nearer than a held-out image, averaged over the held-out images (ties count half): the
chance that a random sample lies nearer to the training data than a random unseen real image does. 0.5 for samples of
the real distribution, 1 for copies; below 0.5 where samples are further off than real images are, so low is not praise.
"""

import torch
from torch import Tensor

from .blocks import nearest
from .ingredients import FEATURES, REFERENCE, TRAINED
from .metric import Metric


def copying(fake: Tensor, train: Tensor, heldout: Tensor) -> tuple[float, float]:
    """The share for features [M, D], [T, D], [H, D], and its standard error over the draw of the fakes."""
    yardstick = nearest(heldout, train).sort().values
    apart = nearest(fake, train)
    further = len(yardstick) - torch.searchsorted(yardstick, apart, right=True)
    level = torch.searchsorted(yardstick, apart, right=True) - torch.searchsorted(yardstick, apart)
    share = (further + 0.5 * level) / len(yardstick)
    return float(share.mean()), float(share.std() / len(share) ** 0.5)


METRICS = {
    "copying": Metric(
        "chance that a sample is nearer to the training data than an unseen real one; 0.5 is fair",
        "none",  # 1 is copies, and 0 is noise
        (FEATURES, REFERENCE, TRAINED),
        lambda e: copying(e[FEATURES], e[TRAINED].seen.features, e[REFERENCE].seen.features),
        chooses=False,
    )
}
