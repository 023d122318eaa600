"""Colours of pictures: a few instead of many, soft masks, and pictures that shall have the colours of others."""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import conv2d, mse_loss, pad


def palette(image: Tensor, colours: int, steps: int = 30) -> Tensor:
    """The colours [K, C] that stand for an image [1, C, H, W] best: k-means, from seeds far from each other.

    Lloyd, 1982; seeds as in Gonzalez, 1985, so that nothing is drawn at random.
    """
    pixels = image[0].flatten(1).T  # [H·W, C]
    centres = pixels.mean(0, keepdim=True)
    for _ in range(colours - 1):
        farthest = torch.cdist(pixels, centres).amin(1).argmax()
        centres = torch.cat([centres, pixels[farthest, None]])
    for _ in range(steps):
        near = torch.cdist(pixels, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, near, pixels)
        count = near.bincount(minlength=colours)[:, None]
        centres = torch.where(count > 0, sums / count.clamp(min=1), centres)
    return centres


def quantised(image: Tensor, colours: Tensor) -> Tensor:
    """The image [N, C, H, W] with each pixel replaced by the nearest of the colours [K, C] → same shape."""
    pixels = image.movedim(1, -1)
    return colours[torch.cdist(pixels.flatten(0, 2), colours).argmin(1)].view_as(pixels).movedim(-1, 1)


def softened(mask: Tensor, radius: int, sigma: float = 5.0) -> Tensor:
    """A mask [1, 1, H, W] of 0 and 1, grown by a disk and blurred by a Gaussian: 0 to 1, 1 at its most.

    Returns the same shape.
    """
    reach = torch.arange(-radius, radius + 1, device=mask.device)
    disk = ((reach[:, None] ** 2 + reach**2) <= radius**2).to(mask)
    grown = (conv2d(mask, disk[None, None], padding=radius) > 0.5).to(mask)
    bell = torch.exp(-(torch.arange(-15, 16, device=mask.device).to(mask) ** 2) / (2 * sigma**2))
    bell = bell / bell.sum()
    soft = conv2d(pad(grown, [15] * 4, mode="replicate"), bell[None, None, :, None] * bell[None, None, None, :])
    return soft / soft.amax().clamp(min=1e-6)


def recolouring(images: list[Tensor]) -> Tensor:
    """How far the colours of each image [N, C, h, w] are from those of the one before, which receives no gradient.

    Squared differences of means and, five times, of covariances; a mean over samples and entries, summed over images.
    Zhang et al., 2018, Eq. 7, 8. https://arxiv.org/abs/1710.10916
    """
    total = images[0].new_zeros(())
    for (mean, covariance), (own_mean, own_covariance) in pairwise(map(colour_law, images)):
        total = total + mse_loss(own_mean, mean.detach()) + 5 * mse_loss(own_covariance, covariance.detach())
    return total


def colour_law(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [N, C] and covariance [N, C, C] of an image's pixels."""
    pixels = image.flatten(2)
    mean = pixels.mean(2, keepdim=True)
    around = pixels - mean
    return mean[:, :, 0], around @ around.mT / pixels.shape[2]
