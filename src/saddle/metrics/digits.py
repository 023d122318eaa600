"""A small classifier of handwritten digits, whose 64 features and ten logits score generators of digits.

`tools/train_digits_extractor.py` trained it on the first 1,300 of scikit-learn's digits; its weights lie beside this
file. It knows nothing of the last 497, which the scores compare with.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from ..base.errors import UsageError
from .features import Extractor, Features

WEIGHTS = Path(__file__).with_name("digits.safetensors")
SIZE = 32


class Digits(Extractor):
    """Four convolutions with batch norm, 2 × 2 averages, 64 hidden units (the features, after ReLU), ten classes."""

    name = "digits"
    resize = "mean of the channels, antialiased bilinear to 32 × 32"
    dims = 64
    coloured = False  # is it known that images of several channels are digits, so that their mean is one?

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(1, 16, stride=1),
            _convolution(16, 32, stride=2),
            _convolution(32, 48, stride=2),
            _convolution(48, 48, stride=2),
            nn.AvgPool2d(2),  # 4 × 4 → 2 × 2
            nn.Flatten(),
            nn.Linear(48 * 4, self.dims),
            nn.ReLU(),
        )
        self.head = nn.Linear(self.dims, 10)

    def look(self, images: Tensor) -> Features:
        if images.ndim == 4 and images.shape[1] != 1 and not self.coloured:
            raise UsageError(
                f"the extractor 'digits' knows grey digits, and these images have {images.shape[1]} channels: it would "
                "name digits in any picture; take 'pixels', or 'inception' with weights of yours"
            )
        features = self.body(prepare(images))
        return Features(features, self.head(features))


def prepare(images: Tensor) -> Tensor:
    """Images [N, C, H, W] as the classifier takes them: [N, 1, 32, 32]."""
    if images.ndim != 4:
        raise UsageError(
            f"the extractor 'digits' looks at images, and was shown {tuple(images.shape[1:])}; try 'pixels'"
        )
    grey = images.mean(1, keepdim=True)
    if grey.shape[-2:] == (SIZE, SIZE):
        return grey
    return F.interpolate(grey, size=(SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True)


def load(coloured: bool = False) -> Digits:
    """The trained classifier, on the processor."""
    with torch.device("meta"):  # no first weights, for which the caller's random numbers would be taken
        net = Digits()
    net.load_state_dict(load_file(WEIGHTS), assign=True)
    net.coloured = coloured
    return net


def split_channels(images: Tensor) -> Tensor:
    """Stacked digits [N, 3, H, W] as [3 · N, 1, H, W], the three digits of an image one after the other."""
    return images.flatten(0, 1).unsqueeze(1)


@torch.no_grad()
def triples(digits: Extractor, images: Tensor) -> Tensor:
    """Which of the 1,000 modes each stacked image [N, 3, H, W] is: 100 a + 10 b + c, int64 [N]."""
    logits = digits(split_channels(images)).logits
    if logits is None:
        raise UsageError(f"the extractor '{digits.name}' names no digits; 'digits' does")
    return logits.argmax(1).view(-1, 3) @ torch.tensor([100, 10, 1], device=logits.device)


def _convolution(width: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())
