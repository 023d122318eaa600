"""StyleGAN2 as its authors' PyTorch code computes and pickles it, written again from its equations."""

import io
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FullyConnected(nn.Module):
    """NVIDIA's FullyConnectedLayer, with what it says of itself."""

    def __init__(self, inputs: int, outputs: int, activation="linear", lr_multiplier=1.0, bias_init=0.0):
        super().__init__()
        self.activation = activation
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.randn(outputs) * 0.2 + bias_init)
        self.weight_gain, self.bias_gain = lr_multiplier / np.sqrt(inputs), lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        x = x @ (self.weight * float(self.weight_gain)).T + self.bias * self.bias_gain
        return F.leaky_relu(x, 0.2) * math.sqrt(2) if self.activation == "lrelu" else x


def second_moment(x: Tensor) -> Tensor:
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Mapping(nn.Module):
    def __init__(self, z_dim: int, c_dim: int, w_dim: int, layers: int):
        super().__init__()
        self.z_dim, self.c_dim, self.num_layers = z_dim, c_dim, layers
        if c_dim:
            self.embed = FullyConnected(c_dim, w_dim)
        for i in range(layers):
            inputs = w_dim if i else z_dim + w_dim * bool(c_dim)
            setattr(self, f"fc{i}", FullyConnected(inputs, w_dim, "lrelu", 0.01))
        self.register_buffer("w_avg", torch.randn(w_dim) * 0.3)

    def forward(self, z: Tensor, c: Tensor | None, psi: float) -> Tensor:
        x = second_moment(z)
        if c is not None:
            x = torch.cat([x, second_moment(self.embed(c))], 1)
        for i in range(self.num_layers):
            x = getattr(self, f"fc{i}")(x)
        return self.w_avg.lerp(x, psi)  # type: ignore[operator]


def filtered(x: Tensor, taps: Tensor, gain: float) -> Tensor:
    return F.conv2d(x, (taps * gain).expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


class SynthesisLayer(nn.Module):
    """One convolution of NVIDIA's: each sample's own weights, as the fused form has them."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, side: int, up: int = 1, clamp: float | None = None):
        super().__init__()
        self.resolution, self.up, self.use_noise, self.activation, self.conv_clamp = side, up, True, "lrelu", clamp
        self.act_gain = np.sqrt(2)
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("resample_filter", torch.outer(taps, taps) / 64)
        self.affine = FullyConnected(w_dim, inputs, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3).to(memory_format=torch.channels_last))
        self.register_buffer("noise_const", torch.randn(side, side))
        self.noise_strength = nn.Parameter(torch.tensor(0.3))
        self.bias = nn.Parameter(torch.randn(outputs) * 0.2)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        out = []
        for each, style in zip(x, self.affine(w), strict=True):
            own = self.weight * style[:, None, None]
            own = own * (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
            if self.up == 2:
                wide = F.conv_transpose2d(each[None], own.transpose(0, 1), stride=2)
                out.append(filtered(F.pad(wide, (1, 1, 1, 1)), self.resample_filter, 4.0))  # type: ignore[arg-type]
            else:
                out.append(F.conv2d(each[None], own, padding=1))
        h = torch.cat(out) + self.noise_const * self.noise_strength
        h = F.leaky_relu(h + self.bias[:, None, None], 0.2) * float(self.act_gain)
        return h if self.conv_clamp is None else h.clamp(-self.conv_clamp, self.conv_clamp)


class ToRGB(nn.Module):
    def __init__(self, inputs: int, channels: int, w_dim: int, clamp: float | None = None):
        super().__init__()
        self.conv_clamp, self.weight_gain = clamp, 1 / np.sqrt(inputs)
        self.affine = FullyConnected(w_dim, inputs, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.randn(channels) * 0.2)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.affine(w) * float(self.weight_gain)
        h = torch.einsum("nihw,oi,ni->nohw", x, self.weight[..., 0, 0], style) + self.bias[:, None, None]
        return h if self.conv_clamp is None else h.clamp(-self.conv_clamp, self.conv_clamp)


class SynthesisBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, w_dim: int, side: int, channels: int, clamp: float | None):
        super().__init__()
        self.architecture, self.resolution = "skip", side
        if inputs:
            self.conv0 = SynthesisLayer(inputs, outputs, w_dim, side, 2, clamp)
        else:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4))
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, side, 1, clamp)
        self.torgb = ToRGB(outputs, channels, w_dim, clamp)
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("resample_filter", torch.outer(taps, taps) / 64)

    def forward(self, x: Tensor | None, image: Tensor | None, w: Tensor) -> tuple[Tensor, Tensor]:
        x = self.const.expand(len(w), -1, -1, -1) if x is None else self.conv0(x, w)
        x = self.conv1(x, w)
        own = self.torgb(x, w)
        if image is None:
            return x, own
        n, c, side, _ = image.shape
        wide = image.new_zeros(n, c, 2 * side, 2 * side)
        wide[:, :, ::2, ::2] = image
        return x, filtered(F.pad(wide, (2, 1, 2, 1)), self.resample_filter, 4.0) + own  # type: ignore[arg-type]


class SynthesisNetwork(nn.Module):
    def __init__(self, w_dim: int, side: int, channels: int, base: int, most: int, clamp: float | None):
        super().__init__()
        self.sides = [4 << i for i in range(side.bit_length() - 2)]
        widths = [min(base // each, most) for each in self.sides]
        for i, each in enumerate(self.sides):
            block = SynthesisBlock(widths[i - 1] if i else 0, widths[i], w_dim, each, channels, clamp)
            setattr(self, f"b{each}", block)

    def forward(self, w: Tensor) -> Tensor:
        x = image = None
        for side in self.sides:
            x, image = getattr(self, f"b{side}")(x, image, w)
        return image  # type: ignore[return-value]


class StyleGAN2(nn.Module):
    """StyleGAN2-ADA's generator, with the constant noise. Every layer has the style of the same w."""

    def __init__(self, z=6, c=0, w=8, side=16, channels=3, base=64, most=12, layers=2, clamp: float | None = None):
        super().__init__()
        self.mapping = Mapping(z, c, w, layers)
        self.synthesis = SynthesisNetwork(w, side, channels, base, most, clamp)

    def forward(self, z: Tensor, label: Tensor | None = None, psi: float = 1.0) -> Tensor:
        c = None if label is None else F.one_hot(label, self.mapping.c_dim).to(z)
        return self.synthesis(self.mapping(z, c, psi))


def as_nvidia_pickles(network: nn.Module) -> bytes:
    """A pickle like NVIDIA's: every module is a call that carries source code, which would end the program."""
    import pickle
    import sys
    from types import ModuleType

    names = {"torch_utils": ModuleType("torch_utils"), "torch_utils.persistence": ModuleType("torch_utils.persistence")}
    function = lambda meta: None  # noqa: E731
    function.__module__, function.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    function.__name__ = function.__qualname__
    names["torch_utils.persistence"]._reconstruct_persistent_obj = function  # type: ignore[attr-defined]

    class Pickler(pickle._Pickler):  # type: ignore[name-defined]
        def save(self, value: Any, save_persistent_id: bool = True) -> None:
            if isinstance(value, nn.Module):
                meta = dict(
                    type="class", version=6, module_src="import os; os.abort()", class_name=type(value).__name__
                )
                self.save_reduce(function, (meta | {"state": dict(value.__dict__)},), obj=value)
            else:
                super().save(value, save_persistent_id)

    out = io.BytesIO()
    sys.modules.update(names)
    try:
        Pickler(out, 3).dump({"G": None, "D": None, "G_ema": network, "training_set_kwargs": {"path": "data.zip"}})
    finally:
        for name in names:
            del sys.modules[name]
    return out.getvalue()
