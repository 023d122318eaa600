"""SimGAN's two networks, for eyes and for hands. Shrivastava et al., 2017, Section 3. https://arxiv.org/abs/1612.07828

The paper names no first weights: those of the layers are Xavier's. Its patches have two logits; where it says nothing
of an activation, every convolution but the last has a ReLU behind it.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import relu

from ..layers.init import xavier

Form = Literal["eye", "hand"]
BLOCKS: dict[Form, int] = {"eye": 4, "hand": 10}
REFINED, REAL = range(2)  # the two logits of a patch


class Residual(nn.Module):
    """ReLU of x plus two convolutions of it.  [N, C, H, W] → same shape"""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return relu(x + self.body(x))


def refiner(channels: int, outputs: int, form: Form, blocks: int | None = None, width: int = 64) -> nn.Sequential:
    """R: images [N, C, H, W] of any size → images [N, outputs, H, W] in [-1, 1]. No map is smaller than the image.

    Grey images: 296,129 parameters for eyes, 741,825 for hands.
    """
    kernel = 3 if form == "eye" else 7
    first = [nn.Conv2d(channels, width, kernel, 1, kernel // 2), nn.ReLU()]
    inner = (Residual(width) for _ in range(BLOCKS[form] if blocks is None else blocks))
    return xavier(nn.Sequential(*first, *inner, nn.Conv2d(width, outputs, 1), nn.Tanh()))


def discriminator(channels: int, form: Form, width: int = 64) -> nn.Sequential:
    """D: images [N, C, H, W] → two logits for every patch, [N, 2, h, w]; patches of eyes have 23 pixels a side.

    Eyes of 35×55 pixels have 9×14 patches, hands of 224×224 have 7×7. Grey images: 75,906 and 178,050 parameters.
    """
    wide, few = 3 * width // 2, width // 2
    sizes = ((3, 2), (3, 2), (3, 1), (3, 1)) if form == "eye" else ((7, 4), (5, 2), (3, 2), (3, 2))
    first, second, pool, third = sizes
    layers: list[nn.Module] = [
        *_convolution(channels, wide, *first),
        *_convolution(wide, width, *second),
        nn.MaxPool2d(*pool, padding=pool[0] // 2),
        *_convolution(width, few, *third),
        *_convolution(few, few, 1, 1),
    ]
    return xavier(nn.Sequential(*layers, nn.Conv2d(few, 2, 1)))


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU()]
