"""The networks of StyleGAN2. Karras et al., 2020. https://arxiv.org/abs/1912.04958"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ..base import dist, rng
from ..base.ranges import Few, PositiveFloat, PositiveInt, Share
from ..layers.conditional import shares
from ..layers.equalized import HE, EqualizedConv2d, EqualizedLinear
from ..layers.minibatch import MinibatchStd
from ..layers.modulated import ModulatedConv2d
from ..layers.pixel_norm import pixel_norm
from ..layers.resample import blur, double, halve
from ..penalties.styles import Styled
from ..spec import DataSpec
from .network import Discriminator, Network
from .shapes import power_of_two


def act(x: Tensor, gain: float = HE) -> Tensor:
    """Leaky ReLU, times what brings the variance back.  Any shape → same shape"""
    return leaky_relu(x, 0.2) * gain


def clamped(x: Tensor, most: float | None) -> Tensor:
    """Numbers within ±`most`; None: as they are.  Any shape → same shape"""
    return x if most is None else x.clamp(-most, most)


class Act(nn.Module):
    """`act` as a layer: any shape → same shape."""

    def forward(self, x: Tensor) -> Tensor:
        return act(x)


class Mapping(nn.Module):
    """Latents and labels → w, the space that is not bound to be normal.  [N, z_dim], int64 [N] → [N, w_dim]

    Both are normalised first. The layers learn at a hundredth of the learning rate. Without latents (z_dim 0) it is
    the discriminator's output for a label.
    """

    def __init__(self, z_dim: int, w_dim: int, layers: int, classes: int = 0):
        super().__init__()
        self.z_dim, self.classes = z_dim, classes
        self.embed = EqualizedLinear(classes, w_dim) if classes else None
        widths = [z_dim + w_dim * bool(classes)] + [w_dim] * layers
        self.layers = nn.ModuleList(EqualizedLinear(i, o, lr_multiplier=0.01) for i, o in pairwise(widths))

    def forward(self, z: Tensor | None, label: Tensor | None = None) -> Tensor:
        with torch.autocast(self.layers[0].weight.device.type, enabled=False):  # type: ignore[union-attr, arg-type]
            return self.styles(z, label)

    def styles(self, z: Tensor | None, label: Tensor | None) -> Tensor:
        """Latents z [N, z_dim] and labels [N], one of them or both → w [N, w_dim], in full precision, as in the code.

        Rounded latents would give rounded images.
        """
        parts = [] if z is None else [pixel_norm(z)]
        if self.embed is not None:
            assert label is not None
            parts.append(pixel_norm(self.embed(shares(label, self.classes).to(self.embed.weight.dtype))))
        w = torch.cat(parts, dim=1)
        for layer in self.layers:
            w = act(layer(w))
        return w


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias, activation. The noise is one map for all channels, at first of strength 0.

    In use the noise is the same for all images, so that an image is a function of its latent.

    x [N, inputs, H, W], w [N, w_dim] → [N, outputs, H', W']
    """

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, side: int, w_dim: int, up: bool = False, clamp: float | None = None):
        super().__init__()
        self.clamp = clamp
        self.conv = ModulatedConv2d(inputs, outputs, 3, w_dim, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise", torch.randn(side, side))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = self.conv(x, w)
        noise = rng.randn(len(x), 1, *x.shape[2:], device=x.device) if self.training else self.noise
        x = x + (noise.to(x.dtype) * self.noise_strength).to(x.dtype)  # [N, 1, H, W]
        return clamped(act(x + self.bias[:, None, None].to(x.dtype)), self.clamp)


class ToImage(nn.Module):
    """A map's share of the image: 1×1, modulated but not demodulated.

    x [N, inputs, H, W], w [N, w_dim] → [N, C, H, W]
    """

    def __init__(self, inputs: int, channels: int, w_dim: int, clamp: float | None = None):
        super().__init__()
        self.clamp = clamp
        self.conv = ModulatedConv2d(inputs, channels, 1, w_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return clamped(self.conv(x, w) + self.bias[:, None, None], self.clamp)


class Synthesis(nn.Module):
    """Styles [N, styles, w_dim] → images [N, C, side, side], without bounds.

    Every resolution adds its share to the enlarged image of the one below (Figure 7b). Each convolution has a style of
    its own; what turns a map into an image takes that of the next convolution, and one more serves the last.
    """

    def __init__(self, widths: list[int], channels: int, w_dim: int, clamp: float | None = None):
        super().__init__()
        self.styles = 2 * len(widths)
        self.start = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.first = StyledConv(widths[0], widths[0], 4, w_dim, clamp=clamp)
        sizes = [(i, o, 8 << level) for level, (i, o) in enumerate(pairwise(widths))]
        self.ups = nn.ModuleList(StyledConv(i, o, side, w_dim, True, clamp) for i, o, side in sizes)
        self.convs = nn.ModuleList(StyledConv(o, o, side, w_dim, clamp=clamp) for _, o, side in sizes)
        self.to_image = nn.ModuleList(ToImage(width, channels, w_dim, clamp) for width in widths)

    def forward(self, ws: Tensor) -> Tensor:
        w = ws.unbind(1)
        x = self.first(self.start.expand(ws.shape[0], -1, -1, -1), w[0])
        image = self.to_image[0](x, w[1])
        for level, (up, conv) in enumerate(zip(self.ups, self.convs, strict=True)):
            x = conv(up(x, w[2 * level + 1]), w[2 * level + 2])
            image = double(image) + self.to_image[level + 1](x, w[2 * level + 3])
        return image


class Generator(Styled):
    """Mapping and synthesis: z, and labels if there are classes → images. While training, styles are mixed.

    z [N, z_dim], labels [N] → [N, C, H, W]
    """

    w_mean: Tensor
    uniform = False  # are the numbers of a latent, or normal?

    def __init__(self, mapping: Mapping, synthesis: Synthesis, w_dim: int, mixing: float):
        super().__init__()
        self.mapping, self.synthesis, self.mixing = mapping, synthesis, mixing
        self.register_buffer("w_mean", torch.zeros(w_dim))  # where truncation leads to

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.synthesis(self.styles(z, label))

    def styles(self, z: Tensor, label: Tensor | None = None, truncation: float | Tensor = 1.0) -> Tensor:
        """Styles [N, styles, w_dim] of z [N, z_dim] and labels [N]; with truncation ψ < 1 nearer to their mean.

        ψ is one number, or [N, 1].
        """
        w = self.mapping(z, label)
        if not self.training:
            return torch.lerp(self.w_mean, w, truncation)[:, None].expand(-1, self.synthesis.styles, -1)
        self.w_mean.lerp_(dist.mean(w.mean(0)).to(self.w_mean), 0.005)
        return self.mixed(w, label)

    def mixed(self, w: Tensor, label: Tensor | None) -> Tensor:
        """The styles [N, styles, w_dim] of w [N, w_dim]: with chance `mixing`, layers from a random one on take others.

        Those are of another latent. Labels [N] are those of w, if there are classes.
        """
        n, styles = len(w), self.synthesis.styles
        shape = n, self.mapping.z_dim
        z = rng.rand(*shape, device=w.device) * 2 - 1 if self.uniform else rng.randn(*shape, device=w.device)
        other = self.mapping(z.to(w.dtype), label)
        crossover = 1 + rng.randint(styles - 1, n, device=w.device)
        mixes = rng.rand(n, device=w.device) < self.mixing
        return cross(w, other, torch.where(mixes, crossover, styles), styles)


def cross(w: Tensor, other: Tensor, crossover: Tensor, styles: int) -> Tensor:
    """w up to layer `crossover` [N], from there on `other`: both [N, w_dim] → [N, styles, w_dim]."""
    mine = torch.arange(styles, device=w.device) < crossover[:, None]
    return torch.where(mine[..., None], w[:, None], other[:, None])


class Down(nn.Module):
    """A convolution to half the size, of the filtered input.  [N, inputs, H, W] → [N, outputs, H / 2, W / 2]"""

    def __init__(self, inputs: int, outputs: int, gain: float):
        super().__init__()
        self.conv, self.gain = EqualizedConv2d(inputs, outputs, 3, stride=2, padding=0), gain

    def forward(self, x: Tensor) -> Tensor:
        return act(self.conv(blur(x, padding=2)), self.gain)


class DownBlock(nn.Module):
    """Two convolutions, of which the second halves the size, beside a shortcut. The sum is over √2.

    [N, inputs, H, W] → [N, outputs, H / 2, W / 2]
    """

    def __init__(self, inputs: int, outputs: int, shortcut: bool):
        super().__init__()
        self.conv = nn.Sequential(EqualizedConv2d(inputs, inputs, 3), Act())
        self.down = Down(inputs, outputs, 1.0 if shortcut else HE)
        self.shortcut = EqualizedConv2d(inputs, outputs, 1, gain=0.5**0.5, bias=False) if shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.down(self.conv(x))
        return h if self.shortcut is None else h + self.shortcut(halve(x))


class Projection(nn.Module):
    """Features [N, F], and labels [N] if there are classes → logits [N].  Miyato & Koyama, 2018, of a mapped label."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.mapping = Mapping(0, width, 8, classes) if classes else None
        self.out = EqualizedLinear(width, width if classes else 1)

    def forward(self, features: Tensor, label: Tensor | None = None) -> Tensor:
        out = self.out(features)
        if self.mapping is None:
            return out.flatten()
        return (out * self.mapping(None, label)).sum(1) * out.shape[1] ** -0.5


@dataclass(frozen=True)
class StyleGAN2(Network):
    """Karras et al.'s: 30,370,060 and 29,012,513 parameters at 1024×1024, 30,034,338 and 28,864,129 at 256×256.

    Square images whose side is a power of two, 8 or more.
    """

    takes_labels = True
    channel_base: PositiveInt = 32768  # channels of a map times its side, where that is less than channel_max
    channel_max: PositiveInt = 512  # channels of the smallest maps
    mapping_layers: Few = 8  # between z and w; 2 suit small images
    w_dim: PositiveInt = 512  # length of a style
    mixing: Share = 0.9  # chance that a training image takes the styles of two latents
    architecture: Literal["resnet", "orig"] = "resnet"  # of the discriminator: with shortcuts, or without
    clamp: PositiveFloat | None = None
    """largest size of a number that a layer of the generator gives; none: no limit; 256 in the authors' later code"""
    group: PositiveInt = 4  # samples over which the discriminator sees the standard deviation

    def generator(self, z_dim: int, data: DataSpec) -> Generator:
        mapping = Mapping(z_dim, self.w_dim, self.mapping_layers, len(data.classes))
        synthesis = Synthesis(self.widths(data), data.shape[0], self.w_dim, self.clamp)
        return Generator(mapping, synthesis, self.w_dim, self.mixing)

    def discriminator(self, data: DataSpec) -> Discriminator:
        widths = self.widths(data)[::-1]
        trunk = nn.Sequential(
            EqualizedConv2d(data.shape[0], widths[0], 1),
            Act(),
            *(DownBlock(i, o, self.architecture == "resnet") for i, o in pairwise(widths)),
            MinibatchStd(self.group),
            EqualizedConv2d(widths[-1] + 1, widths[-1], 3),
            Act(),
            nn.Flatten(),
            EqualizedLinear(widths[-1] * 16, widths[-1]),
            Act(),
        )
        return Discriminator(trunk, Projection(widths[-1], len(data.classes)))

    def widths(self, data: DataSpec) -> list[int]:
        """Channels of every resolution, from 4×4 up."""
        sides: Iterable[int] = (4 << level for level in range(power_of_two("StyleGAN2", data) - 1))
        return [max(1, min(self.channel_base // side, self.channel_max)) for side in sides]
