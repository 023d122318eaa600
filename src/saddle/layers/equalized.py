"""Layers with an equalized learning rate. Karras et al., 2018 (ProGAN), Section 4.1. https://arxiv.org/abs/1710.10196

Weights start as N(0, 1) and are scaled by He's constant, gain / √fan-in, every time they are used rather than once at
the start. Adam's steps do not depend on the scale of a gradient, so all weights then learn at the same speed.
"""

from torch import Tensor, nn
from torch.nn.functional import linear

HE = 2**0.5  # the gain that compensates a (leaky) ReLU's halving of the variance


class EqualizedLinear(nn.Linear):
    """x W^T · gain / √inputs + b.  [N, inputs] → [N, outputs]

    With a learning rate multiplier λ (StyleGAN's mapping has 0.01), weights and biases are stored λ times smaller than
    they count, so that a step of the optimizer moves them λ times as far. `bias` is what all biases count at first.
    """

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0, lr_multiplier: float = 1.0, bias: float = 0.0):
        self.start, self.lr_multiplier = bias, lr_multiplier
        self.scale = gain * lr_multiplier * inputs**-0.5
        super().__init__(inputs, outputs)

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, 0.0, 1 / self.lr_multiplier)
        nn.init.constant_(self.bias, self.start / self.lr_multiplier)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.scale, self.bias * self.lr_multiplier)


class EqualizedConv2d(nn.Conv2d):
    """A convolution whose weights count gain / √(inputs · kernel²) times what they are.

    'Same' size unless `stride` or `padding` says otherwise. Biases start at zero and are not scaled.

    [N, C, H, W] → [N, C', H', W']
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        gain: float = 1.0,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
    ):
        self.scale = gain * (inputs * kernel**2) ** -0.5
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if padding is None else padding, bias=bias)

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight * self.scale, self.bias)
