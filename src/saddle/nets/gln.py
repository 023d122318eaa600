"""GLN's generator: a network that sees all of a face at once, and one that refines what it drew. Tuzel et al., 2016.
https://arxiv.org/abs/1603.07235

What the paper's abstract leaves open was decided here: kernels of 5 pixels at both ends of the local network and 7
between, its widths, and that the small image is continued by its own edge before it is enlarged.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from ..base.errors import UsageError, some

FACTORS = (2, 4, 8)
Layers = Literal[0, 4, 6, 8]
Size = tuple[int, int]


class GLN(nn.Module):
    """Images [N, C, h, w] in [-1, 1] → images [N, C, times·h, times·w], about as far. Each channel goes through alone.

    Two maps stand on top of each other, the enlarged image and the details that the `whole` network draws of all of it;
    the local network of so many `layers` makes an image of them. Without the one the small image is enlarged by
    bilinear interpolation, and images may have any size; without the other, 0 layers, both maps are added.
    """

    def __init__(
        self, size: Size, times: int, code: int = 256, whole: bool = True, layers: Layers = 8, width: int = 16
    ):
        super().__init__()
        if times not in FACTORS:
            raise UsageError(
                f"GLN enlarges by {some(map(str, FACTORS))}, and the whole images of these data have {times} times as "
                "many rows; choose another --data.times"
            )
        self.times = times
        self.enlarge = Bilinear(times) if whole else None
        self.detail = detail(size, times, code) if whole else None
        self.local = refinement(2 if whole else 1, layers, width) if layers else None

    def forward(self, x: Tensor) -> Tensor:
        grey = x.flatten(0, 1)[:, None]
        if self.enlarge is None or self.detail is None:
            maps = interpolate(grey, scale_factor=self.times, mode="bilinear")
        else:
            large = self.enlarge(grey)
            maps = torch.cat((large, self.detail(grey).view_as(large)), 1)
        y = maps.sum(1, keepdim=True) if self.local is None else self.local(maps)
        return y.view(*x.shape[:2], *y.shape[2:])


class Bilinear(nn.Module):
    """Grey images [N, 1, h, w] → [N, 1, r·h, r·w]: a transposed convolution that begins as bilinear interpolation.

    Kernel 2r, stride r, padding r / 2, no bias: 64 weights for ×4, 256 for ×8.
    """

    def __init__(self, times: int):
        super().__init__()
        self.times = times
        self.deconvolution = nn.ConvTranspose2d(1, 1, 2 * times, times, times // 2, bias=False)
        with torch.no_grad():
            self.deconvolution.weight.copy_(bilinear(times))

    def forward(self, x: Tensor) -> Tensor:
        edge = self.times  # pixels of the result that the continued edge has made
        return self.deconvolution(pad(x, (1, 1, 1, 1), "replicate"))[..., edge:-edge, edge:-edge]

    def moved(self) -> Tensor:
        """The distance of the kernel from the bilinear one, relative to the norm of that one.  []"""
        weight = self.deconvolution.weight.detach()
        start = bilinear(self.times).to(weight)
        return (weight - start).norm() / start.norm()


def bilinear(times: int) -> Tensor:
    """The kernel [2r, 2r] of bilinear interpolation, whose sum is r²."""
    taps = 1 - ((torch.arange(2 * times) + 0.5) / times - 1).abs()
    return taps[:, None] * taps


def detail(size: Size, times: int, code: int) -> nn.Sequential:
    """Grey images [N, 1, h, w] → maps [N, times·h·times·w] of all pixels together: images of one size.

    4,473,088 parameters from 32×32 pixels to 128×128, 4,276,480 from 16×16.
    """
    pixels = size[0] * size[1]
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, code), nn.ReLU(), nn.Linear(code, pixels * times**2))


def refinement(inputs: int, layers: int, width: int = 16) -> nn.Sequential:
    """Maps [N, inputs, H, W] → images [N, 1, H, W]: convolutions with mirrored edges, the last one linear; no norm."""
    widths = [inputs, width, 2 * width, *[4 * width] * (layers - 3), 1]
    net: list[nn.Module] = []
    for k, (before, after) in enumerate(pairwise(widths)):
        kernel = 5 if k in (0, layers - 1) else 7
        net += [nn.Conv2d(before, after, kernel, padding=kernel // 2, padding_mode="reflect"), nn.ReLU()]
    return nn.Sequential(*net[:-1])


def reach(times: int, layers: int) -> int:
    """How far, in pixels of the small image, a pixel of the large one looks to each side, without the whole network."""
    far = 4 + 3 * (layers - 2)  # in pixels of the large one
    return (2 * far - 1 + times) // (2 * times) + 1  # of the pixel that lies worst in its place
