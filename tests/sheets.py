"""What the tests of fact sheets share: a table of lines and what proves each, and how networks are looked into."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from saddle.layers.dropout import Dropout

Proof = Callable[[], None]


class Sheet:
    """The lines of a fact sheet by their names, each with the function that proves it."""

    def __init__(self, *lines: str):
        self.lines = lines
        self.proofs: dict[str, Proof] = {}

    def proves(self, *lines: str) -> Callable[[Proof], Proof]:
        """The function proves these lines. ValueError for one that is not on the sheet, or is proved already.

        What has been proved once is not proved again for its next line.
        """

        def register(proof: Proof) -> Proof:
            once = cache(proof)
            for line in lines:
                if line not in self.lines or line in self.proofs:
                    raise ValueError(f"{line} is {'proved twice' if line in self.proofs else 'not on the sheet'}")
                self.proofs[line] = once
            return proof

        return register


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def bare(network: nn.Module) -> nn.Module:
    """The network with convolutions alone, each a mean: without norms, dropout and what bends, so that nothing is cut.

    Every input that can reach an output does.
    """
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.modules.batchnorm._NormBase | Dropout | nn.Tanh | nn.LeakyReLU | nn.ReLU):
            owner, _, place = name.rpartition(".")
            setattr(network.get_submodule(owner), place, nn.Identity())
        elif isinstance(module, nn.modules.conv._ConvNd):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network.double()


def span(network: nn.Module, side: int) -> list[int]:
    """Rows and columns of the patch of an image that the output's middle pixel sees."""
    x = torch.ones(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    y = network(x)
    return [last - first + 1 for first, last in _seen(x, y[0, 0, y.shape[2] // 2, y.shape[3] // 2])]


def reach(network: nn.Module, side: int, stride: int) -> int:
    """How far from a pixel lies what it sees, at most, of a network from image to image that halves it by `stride`."""
    x = torch.ones(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    y, middle = network(x), side // 2
    places = range(middle, middle + stride)
    return max(abs(end - at) for at in places for ends in _seen(x, y[0, 0, at, at]) for end in ends)


def _seen(x: Tensor, pixel: Tensor) -> list[tuple[int, int]]:
    """The first and the last row, and column, of an image that reach a pixel."""
    (gradient,) = torch.autograd.grad(pixel, x, retain_graph=True)
    seen = gradient[0, 0] > 0
    places = [seen.any(axis).nonzero().flatten() for axis in (1, 0)]
    return [(int(each[0]), int(each[-1])) for each in places]


def kinds(network: nn.Module) -> list[str]:
    """The layers' kinds by torch's names, in their order."""
    return [type(module).__name__.removeprefix("Strided") for module in network.modules() if not [*module.children()]]


def silence(network: nn.Module) -> None:
    """Every weight 0, so that all logits are."""
    for p in network.parameters():
        nn.init.zeros_(p)


def value(loss: Tensor | None) -> float:
    assert loss is not None
    return float(loss.detach())
