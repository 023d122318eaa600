"""Ways between latents."""

import torch
from torch import Tensor


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """From a to b on the great circle, row by row: normal noise stays as long as normal noise is. Shoemake, 1985.

    a, b and t, all [N, …] → same shape
    """
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=-1).clamp(-1 + 1e-6, 1 - 1e-6)
    angle = torch.acos(cosine)[..., None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
