"""The discriminator of SRGAN. Ledig et al., 2017, Figure 4. https://arxiv.org/abs/1609.04802"""

from torch import nn

from ..layers.norm import BatchNorm2d


def judge(shape: tuple[int, int, int], width: int = 64) -> nn.Sequential:
    """Images [N, C, H, W] → logits [N, 1]: eight convolutions, every second one halving, and two dense layers.

    Of 96×96 colours 23,565,505 parameters, 4,689,088 of them in the convolutions. The first dense layer sees all places
    of the last map, and so images of one size: (8 · width · ⌈H/16⌉ · ⌈W/16⌉ + 1) · 16 · width parameters.
    """
    channels, height, wide = shape
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.2)]
    before = width
    for factor, stride in ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2)):
        after = factor * width
        layers += [nn.Conv2d(before, after, 3, stride, 1), BatchNorm2d(after), nn.LeakyReLU(0.2)]
        before = after
    places = -(-height // 16) * -(-wide // 16)
    dense = [nn.Flatten(), nn.Linear(before * places, 16 * width), nn.LeakyReLU(0.2), nn.Linear(16 * width, 1)]
    return nn.Sequential(*layers, *dense)
