"""Networks of others as their forward passes are, in a few lines each, with the names of the tensors that they save."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from saddle.nets.biggan import generator_factors  # the list of widths alone, which the shapes check
from saddle.spec import DataSpec


class ResnetBlock(nn.Module):
    def __init__(self, width: int, norm: Any, dropout: bool, bias: bool):
        super().__init__()
        noise = [nn.Dropout(0.5)] if dropout else []
        half = lambda: [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), norm(width)]  # noqa: E731
        self.conv_block = nn.Sequential(*half(), nn.ReLU(True), *noise, *half())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class Resnet(nn.Module):
    """The generator of pytorch-CycleGAN-and-pix2pix: netG resnet_6blocks, resnet_9blocks."""

    def __init__(
        self, inputs: int, outputs: int, width: int, blocks: int, norm: Any = nn.InstanceNorm2d, dropout=False
    ):
        super().__init__()
        bias = norm is nn.InstanceNorm2d
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, width, 7, bias=bias), norm(width), nn.ReLU(True)]
        for i in (1, 2):
            layers += [nn.Conv2d(width * i, width * i * 2, 3, 2, 1, bias=bias), norm(width * i * 2), nn.ReLU(True)]
        layers += [ResnetBlock(4 * width, norm, dropout, bias) for _ in range(blocks)]
        for i in (4, 2):
            layers += [nn.ConvTranspose2d(width * i, width * i // 2, 3, 2, 1, 1, bias=bias)]
            layers += [norm(width * i // 2), nn.ReLU(True)]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class UnetBlock(nn.Module):
    """A level of the U-Net of pytorch-CycleGAN-and-pix2pix, with all that lies inside it."""

    def __init__(self, outer: int, inner: int, inside: nn.Module | None, norm: Any, inputs=0, dropout=False):
        super().__init__()
        self.outermost, bias = bool(inputs), norm is nn.InstanceNorm2d
        down = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=bias)
        up = nn.ConvTranspose2d(inner * (1 if inside is None else 2), outer, 4, 2, 1, bias=bias or self.outermost)
        layers: list[Any]
        if self.outermost:
            layers = [down, inside, nn.ReLU(True), up, nn.Tanh()]
        elif inside is None:
            layers = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), up, norm(outer)]
        else:
            noise = [nn.Dropout(0.5)] if dropout else []
            layers = [nn.LeakyReLU(0.2, True), down, norm(inner), inside, nn.ReLU(True), up, norm(outer), *noise]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Unet(nn.Module):
    """unet_128, unet_256: by the number of halvings."""

    def __init__(self, inputs: int, outputs: int, halvings: int, width: int, norm: Any = nn.BatchNorm2d, dropout=False):
        super().__init__()
        block = UnetBlock(8 * width, 8 * width, None, norm)
        for _ in range(halvings - 5):
            block = UnetBlock(8 * width, 8 * width, block, norm, dropout=dropout)
        for factor in (4, 2, 1):
            block = UnetBlock(factor * width, 2 * factor * width, block, norm)
        self.model = UnetBlock(outputs, width, block, norm, inputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class SN(nn.Module):
    """BigGAN-PyTorch's spectral norm: weight, bias, u0 and sv0; in use one half step from u0."""

    def __init__(self, shape: Sequence[int], bias: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(*shape) * 0.3)
        self.bias = nn.Parameter(torch.randn(shape[0]) * 0.1) if bias else None
        self.register_buffer("u0", torch.randn(1, shape[0]))
        self.register_buffer("sv0", torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        matrix = self.weight.flatten(1)
        v = F.normalize(self.u0 @ matrix)  # type: ignore[operator]
        u = F.normalize(v @ matrix.T)
        w = self.weight / (v @ matrix.T @ u.T).squeeze()
        return F.linear(x, w, self.bias) if w.ndim == 2 else F.conv2d(x, w, self.bias, padding=w.shape[-1] // 2)


class Statistics(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("stored_mean", torch.randn(width) * 0.2)
        self.register_buffer("stored_var", torch.rand(width) + 0.5)

    def normed(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.stored_mean, self.stored_var, None, None, False, 0.1, 1e-5)  # type: ignore[arg-type]


class CCBN(Statistics):
    def __init__(self, width: int, condition: int, shared: bool):
        super().__init__(width)
        of = (lambda: SN((width, condition), False)) if shared else (lambda: nn.Embedding(condition, width))
        self.gain, self.bias = of(), of()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.normed(x) * (1 + self.gain(y))[..., None, None] + self.bias(y)[..., None, None]


class BN(Statistics):
    def __init__(self, width: int):
        super().__init__(width)
        self.gain, self.bias = nn.Parameter(torch.rand(width) + 0.5), nn.Parameter(torch.randn(width) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.normed(x) * self.gain[:, None, None] + self.bias[:, None, None]


class GBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, condition: int, shared: bool):
        super().__init__()
        self.conv1, self.conv2 = SN((outputs, inputs, 3, 3), True), SN((outputs, outputs, 3, 3), True)
        self.conv_sc = SN((outputs, inputs, 1, 1), True)
        self.bn1, self.bn2 = CCBN(inputs, condition, shared), CCBN(outputs, condition, shared)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = F.interpolate(F.relu(self.bn1(x, y)), scale_factor=2)
        return self.conv2(F.relu(self.bn2(self.conv1(h), y))) + self.conv_sc(F.interpolate(x, scale_factor=2))


class Attention(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.theta, self.phi = SN((width // 8, width, 1, 1), False), SN((width // 8, width, 1, 1), False)
        self.g, self.o = SN((width // 2, width, 1, 1), False), SN((width, width // 2, 1, 1), False)
        self.gamma = nn.Parameter(torch.tensor(0.7))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return attended(x, self.theta, self.phi, self.g, self.o, self.gamma)


def attended(x: Tensor, theta: Any, phi: Any, g: Any, o: Any, gamma: Tensor) -> Tensor:
    n, _, height, width = x.shape
    key, value = F.max_pool2d(phi(x), 2).flatten(2), F.max_pool2d(g(x), 2).flatten(2)
    beta = torch.softmax(theta(x).flatten(2).transpose(1, 2) @ key, -1)
    return gamma * o((value @ beta.transpose(1, 2)).view(n, -1, height, width)) + x


class BigGAN(nn.Module):
    """BigGAN-PyTorch's generator, with G_shared and hier, or with neither."""

    def __init__(self, side: int, ch: int, z_dim: int, shared: int, classes: int, attention: int = 0):
        super().__init__()
        widths = [ch * each for each in generator_factors(DataSpec.of((3, side, side)))]
        levels = len(widths) - 1
        self.piece = z_dim // (levels + 1) if shared else 0
        condition = shared + self.piece if shared else classes
        self.shared = nn.Embedding(classes, shared) if shared else nn.Identity()
        self.linear = SN((16 * widths[0], self.piece or z_dim), True)
        blocks = [[GBlock(widths[i], widths[i + 1], condition, bool(shared))] for i in range(levels)]
        for i in range(levels):
            if 8 << i == attention:
                blocks[i].append(Attention(widths[i + 1]))  # type: ignore[arg-type]
        self.blocks = nn.ModuleList(nn.ModuleList(block) for block in blocks)
        self.output_layer = nn.Sequential(BN(widths[-1]), nn.ReLU(), SN((3, widths[-1], 3, 3), True))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        y = self.shared(label)
        ys: list[Tensor] = [y] * len(self.blocks)
        if self.piece:
            z, *rest = z.split(self.piece, 1)
            ys = [torch.cat([y, each], 1) for each in rest]
        h = self.linear(z).view(len(z), -1, 4, 4)
        for block, condition in zip(self.blocks, ys, strict=True):
            for layer in block:  # type: ignore[attr-defined]
                h = layer(h, condition)
        return torch.tanh(self.output_layer(h))


def spectral(layer: nn.Module) -> nn.Module:
    return nn.utils.spectral_norm(layer, eps=1e-4)


class TableNorm(nn.Module):
    """BigGANBatchNorm of pytorch-pretrained-BigGAN: interpolation with the weights as they are there, or right."""

    right = False

    def __init__(self, width: int, condition: int, sets: int, eps: float):
        super().__init__()
        self.register_buffer("running_means", torch.randn(sets, width) * 0.3)
        self.register_buffer("running_vars", torch.rand(sets, width) + 0.5)
        self.step, self.eps = 1.0 / (sets - 1), eps
        if condition:
            self.scale = spectral(nn.Linear(condition, width, bias=False))
            self.offset = spectral(nn.Linear(condition, width, bias=False))
        else:
            self.weight, self.bias = nn.Parameter(torch.rand(width) + 0.5), nn.Parameter(torch.randn(width) * 0.1)

    def of(self, table: Tensor, truncation: float) -> Tensor:
        if TableNorm.right:
            place = truncation * (len(table) - 1)
            low, share = int(place + 1e-9), place - int(place + 1e-9)
            return table[low] if share < 1e-6 else table[low] * (1 - share) + table[low + 1] * share
        coef, start = math.modf(truncation / self.step)
        low = int(start)
        return table[low] * coef + table[low + 1] * (1 - coef) if coef else table[low]

    def forward(self, x: Tensor, truncation: float, y: Tensor | None = None) -> Tensor:
        mean, var = (self.of(table, truncation)[:, None, None] for table in (self.running_means, self.running_vars))
        h = (x - mean) / torch.sqrt(var + self.eps)
        if y is None:
            return h * self.weight[:, None, None] + self.bias[:, None, None]
        return h * (1 + self.scale(y)[..., None, None]) + self.offset(y)[..., None, None]


class GenBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, condition: int, up: bool, sets: int, eps: float):
        super().__init__()
        narrow, self.up, self.outputs = inputs // 4, up, outputs
        widths = [(inputs, narrow, 1), (narrow, narrow, 3), (narrow, narrow, 3), (narrow, outputs, 1)]
        for i, (wide, to, kernel) in enumerate(widths):
            setattr(self, f"bn_{i}", TableNorm(wide, condition, sets, eps))
            setattr(self, f"conv_{i}", spectral(nn.Conv2d(wide, to, kernel, padding=kernel // 2)))

    def forward(self, x: Tensor, y: Tensor, truncation: float) -> Tensor:
        h = x
        for i in range(4):
            h = F.relu(getattr(self, f"bn_{i}")(h, truncation, y))
            h = F.interpolate(h, scale_factor=2) if self.up and i == 1 else h
            h = getattr(self, f"conv_{i}")(h)
        x = x[:, : self.outputs]
        return h + (F.interpolate(x, scale_factor=2) if self.up else x)


class SelfAttn(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        for name, i, o in (("theta", width, width // 8), ("phi", width, width // 8), ("g", width, width // 2)):
            setattr(self, f"snconv1x1_{name}", spectral(nn.Conv2d(i, o, 1, bias=False)))
        self.snconv1x1_o_conv = spectral(nn.Conv2d(width // 2, width, 1, bias=False))
        self.gamma = nn.Parameter(torch.tensor([0.6]))

    def forward(self, x: Tensor, y: Tensor, truncation: float) -> Tensor:
        parts = [getattr(self, f"snconv1x1_{name}") for name in ("theta", "phi", "g", "o_conv")]
        return attended(x, *parts, self.gamma)


class DeepGenerator(nn.Module):
    def __init__(self, ch: int, z_dim: int, levels: int, sets: int, eps: float, attention: int):
        super().__init__()
        factors = generator_factors(DataSpec.of((3, 4 << levels, 4 << levels)))
        self.gen_z = spectral(nn.Linear(2 * z_dim, 16 * factors[0] * ch))
        layers: list[nn.Module] = []
        for level in range(levels):
            before, after = ch * factors[level], ch * factors[level + 1]
            layers.append(GenBlock(before, before, 2 * z_dim, False, sets, eps))
            layers.append(GenBlock(before, after, 2 * z_dim, True, sets, eps))
            layers += [SelfAttn(after)] if level == attention else []
        self.layers = nn.ModuleList(layers)
        last = ch * factors[-1]
        self.bn = TableNorm(last, 0, sets, eps)
        self.conv_to_rgb = spectral(nn.Conv2d(last, last, 3, padding=1))

    def forward(self, y: Tensor, truncation: float) -> Tensor:
        h = self.gen_z(y).view(len(y), 4, 4, -1).permute(0, 3, 1, 2)
        for layer in self.layers:
            h = layer(h, y, truncation)
        return torch.tanh(self.conv_to_rgb(F.relu(self.bn(h, truncation)))[:, :3])


class PretrainedBigGAN(nn.Module):
    """pytorch-pretrained-BigGAN's: 51 sets of statistics, z before the class."""

    def __init__(self, ch: int, z_dim: int, classes: int, levels: int, sets=51, eps=1e-4, attention=1):
        super().__init__()
        self.embeddings = nn.Linear(classes, z_dim, bias=False)
        self.generator = DeepGenerator(ch, z_dim, levels, sets, eps, attention)

    def forward(self, z: Tensor, label: Tensor, truncation: float) -> Tensor:
        y = self.embeddings(F.one_hot(label, self.embeddings.in_features).to(z))
        return self.generator(torch.cat((z, y), 1), truncation)
