"""The convolutions of VGG16 and VGG19, as far up as they are looked at. Simonyan & Zisserman, 2015.
https://arxiv.org/abs/1409.1556

Layers have the names of the Caffe models, conv1_1 to pool5, and weights the names of torchvision's files.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d

BLOCKS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # convolutions of each block, after which maps are halved


def places(depth: int = 19) -> dict[str, int]:
    """Where each layer stands among torchvision's `features`: relu1_1 at 1, relu4_1 of VGG19 at 20."""
    names: list[str] = []
    for block, convolutions in enumerate(BLOCKS[depth], start=1):
        for k in range(1, convolutions + 1):
            names += [f"conv{block}_{k}", f"relu{block}_{k}"]
        names.append(f"pool{block}")
    return {name: place for place, name in enumerate(names)}


def shapes(depth: int = 19, width: int = 64) -> dict[str, tuple[int, ...]]:
    """The weights by torchvision's names, with their shapes: 14,714,688 numbers of VGG16, 20,024,384 of VGG19.

    `width` are the channels of the first block; each has twice as many as the one before, but 8 times at most.
    """
    found: dict[str, tuple[int, ...]] = {}
    inputs = 3
    for name, place in places(depth).items():
        if name.startswith("conv"):
            outputs = width * min(2 ** (int(name[4]) - 1), 8)
            found |= {f"features.{place}.weight": (outputs, inputs, 3, 3), f"features.{place}.bias": (outputs,)}
            inputs = outputs
    return found


def smallest(layers: Sequence[str]) -> int:
    """The shortest side, in pixels, of images of which all these layers have something to say."""
    return max(2 ** (int(layer[4]) - 1 + layer.startswith("pool")) for layer in layers)


class VGG(nn.Module):
    """Images [N, 3, H, W] → what these layers say of them, in their order.

    The weights are given by `put`, learn nothing, and are part of no checkpoint: they are large, and never change.

    Each is [N, C, h, w].
    """

    def __init__(self, layers: Sequence[str], depth: int = 19):
        super().__init__()
        self.wanted = tuple(layers)
        self.places = places(depth)

    def put(self, weights: Mapping[str, Tensor], like: Tensor) -> None:
        """Take over the weights that the layers need, of those by torchvision's names, where and as `like` is.

        `like` is an image batch [N, 3, H, W].
        """
        last = max(self.places[layer] for layer in self.wanted)
        for name, place in self.places.items():
            if name.startswith("conv") and place <= last:
                for kind in ("weight", "bias"):
                    value = weights[f"features.{place}.{kind}"].to(like.device, like.dtype)
                    self.register_buffer(f"{kind}_{place}", value, persistent=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        seen: dict[str, Tensor] = {}
        for name, place in self.places.items():
            if name.startswith("conv"):
                x = conv2d(x, getattr(self, f"weight_{place}"), getattr(self, f"bias_{place}"), padding=1)
            else:
                x = x.relu() if name.startswith("relu") else max_pool2d(x, 2)
            seen |= {name: x} if name in self.wanted else {}
            if len(seen) == len({*self.wanted}):
                break
        return [seen[name] for name in self.wanted]


def random_weights(seed: int, width: int = 64) -> dict[str, Tensor]:
    """Weights of VGG19 that are drawn, so that maps keep their size from layer to layer; biases 0. He et al., 2015."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, generator=generator) * (2 / (shape[1] * 9)) ** 0.5
        if len(shape) > 1
        else torch.zeros(shape)
        for name, shape in shapes(19, width).items()
    }
