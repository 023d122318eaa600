"""Eight times eight: what the tests of games that look inside small images share."""

import torch
from playing import images

from saddle.spec import DataSpec

SMALL = DataSpec.of((1, 8, 8))
LABELLED = DataSpec.of((1, 8, 8), ("image", "label"), ("zero", "one", "two"))
BATCH = {"image": images(6, 1, 8, 8), "label": torch.tensor([0, 1, 2, 0, 1, 2])}


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))
