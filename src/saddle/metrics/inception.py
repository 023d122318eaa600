"""Inception-v3 of December 2015, the network of the published FIDs, read from the user's own weight file.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, 2015, https://arxiv.org/abs/1512.00567. The file is pytorch-fid's
`pt_inception-2015-12-05-6726825d.pth`: TensorFlow's weights under torchvision's names. Its network differs from
torchvision's in three places: averages leave the padding out, the last block takes a maximum where others average,
and there are 1,008 classes.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..base.errors import SaddleError, UsageError
from .features import Extractor, Features
from .weights import digest, read

FILE = "pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
Kernel = tuple[int, int]
POINT, ROW, COLUMN, SMALL, WIDE = (1, 1), (1, 7), (7, 1), (3, 3), (5, 5)


class Convolution(nn.Module):
    """Convolution without bias, batch norm, ReLU.  [N, C, H, W] → [N, C', H', W']"""

    def __init__(self, width: int, out: int, kernel: Kernel, stride: int = 1, padded: bool = True) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(width, out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Branches side by side, joined over the channels; the last one pools.

    A branch is a chain of (out, kernel, …): its layers are `name` if it is alone, else `name_1`, `name_2`, …; several
    kernels fork the chain's end into `name_3a` and `name_3b`. With `shrink`, the last layers and the pool halve the
    size.

    [N, C, H, W] → [N, C', H', W']
    """

    def __init__(
        self, width: int, chains: dict[str, list[tuple]], pool: str = "average", project: int = 0, shrink: bool = False
    ) -> None:
        super().__init__()
        self.pool, self.shrink = pool, shrink
        self.chains = [self._chain(name, width, layers) for name, layers in chains.items()]
        if project:
            self.branch_pool = Convolution(width, project, POINT)

    def _chain(self, name: str, width: int, layers: list[tuple]) -> list[list[str]]:
        """Adds the layers as children; returns their names, those of a fork side by side."""
        names = []
        for layer, (out, *kernels) in enumerate(layers, start=1):
            stem = name if len(layers) == 1 else f"{name}_{layer}"
            last = self.shrink and layer == len(layers)
            ends = [stem + letter for letter in ("ab" if len(kernels) > 1 else [""])]
            for end, kernel in zip(ends, kernels, strict=True):
                self.add_module(end, Convolution(width, out, kernel, 2 if last else 1, padded=not last))
            names.append(ends)
            width = out
        return names

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(self._follow(chain, x) for chain in self.chains), self._pooled(x)], 1)

    def _follow(self, chain: list[list[str]], x: Tensor) -> Tensor:
        for names in chain:
            x = torch.cat([self.get_submodule(name)(x) for name in names], 1)
        return x

    def _pooled(self, x: Tensor) -> Tensor:
        if self.shrink:
            return F.max_pool2d(x, 3, 2)
        if self.pool == "average":
            return self.branch_pool(F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
        return self.branch_pool(F.max_pool2d(x, 3, 1, 1))


def _block_a(width: int, project: int) -> Mixed:
    chains: dict[str, list[tuple]] = {
        "branch1x1": [(64, POINT)],
        "branch5x5": [(48, POINT), (64, WIDE)],
        "branch3x3dbl": [(64, POINT), (96, SMALL), (96, SMALL)],
    }
    return Mixed(width, chains, project=project)


def _block_b() -> Mixed:
    chains: dict[str, list[tuple]] = {
        "branch3x3": [(384, SMALL)],
        "branch3x3dbl": [(64, POINT), (96, SMALL), (96, SMALL)],
    }
    return Mixed(288, chains, shrink=True)


def _block_c(inner: int) -> Mixed:
    chains: dict[str, list[tuple]] = {
        "branch1x1": [(192, POINT)],
        "branch7x7": [(inner, POINT), (inner, ROW), (192, COLUMN)],
        "branch7x7dbl": [(inner, POINT), (inner, COLUMN), (inner, ROW), (inner, COLUMN), (192, ROW)],
    }
    return Mixed(768, chains, project=192)


def _block_d() -> Mixed:
    chains: dict[str, list[tuple]] = {
        "branch3x3": [(192, POINT), (320, SMALL)],
        "branch7x7x3": [(192, POINT), (192, ROW), (192, COLUMN), (192, SMALL)],
    }
    return Mixed(768, chains, shrink=True)


def _block_e(width: int, pool: str) -> Mixed:
    chains: dict[str, list[tuple]] = {
        "branch1x1": [(320, POINT)],
        "branch3x3": [(384, POINT), (384, (1, 3), (3, 1))],
        "branch3x3dbl": [(448, POINT), (384, SMALL), (384, (1, 3), (3, 1))],
    }
    return Mixed(width, chains, pool=pool, project=192)


class Inception(Extractor):
    """Colour or grey images to the 2,048 features after the last pooling, and 1,008 logits.

    The logits leave the bias out, as the Inception Score's published values do (openai/improved-gan).
    """

    name = "inception"
    resize = "grey repeated to three channels, bilinear to 299 × 299, not antialiased"
    dims = 2048
    chunk = 50

    def __init__(self, classes: int = 1008) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, SMALL, 2, padded=False)
        self.Conv2d_2a_3x3 = Convolution(32, 32, SMALL, padded=False)
        self.Conv2d_2b_3x3 = Convolution(32, 64, SMALL)
        self.Conv2d_3b_1x1 = Convolution(64, 80, POINT)
        self.Conv2d_4a_3x3 = Convolution(80, 192, SMALL, padded=False)
        self.Mixed_5b = _block_a(192, 32)
        self.Mixed_5c = _block_a(256, 64)
        self.Mixed_5d = _block_a(288, 64)
        self.Mixed_6a = _block_b()
        self.Mixed_6b = _block_c(128)
        self.Mixed_6c = _block_c(160)
        self.Mixed_6d = _block_c(160)
        self.Mixed_6e = _block_c(192)
        self.Mixed_7a = _block_d()
        self.Mixed_7b = _block_e(1280, "average")
        self.Mixed_7c = _block_e(2048, "maximum")  # in this network alone
        self.fc = nn.Linear(2048, classes)

    def look(self, images: Tensor) -> Features:
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise UsageError(
                f"inception looks at grey or colour images, not at {tuple(images.shape[1:])}; try 'pixels'"
            )
        x = F.interpolate(images.expand(-1, 3, -1, -1), size=(299, 299), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            x = block(x) if name.startswith("Mixed") else x
        features = x.mean((2, 3))
        return Features(features, features @ self.fc.weight.T)

    @classmethod
    def load(cls, path: str | Path | None, expect_sha256: str | None = SHA256) -> "Inception":
        """The network with the weights of a file; a missing, another, or a broken file is refused with its reason."""
        if path is None:
            raise UsageError(
                f"the extractor 'inception' needs a weight file, pytorch-fid's {FILE}: fetch {URL}, whose SHA-256 is "
                f"{SHA256}, and give its path (--weights FILE); 'digits' and 'pixels' need none"
            )
        path = Path(path)
        if not path.is_file():
            raise UsageError(f"no Inception weight file at {path}: give the path of {FILE}, from {URL}")
        if expect_sha256:
            _check_digest(path, expect_sha256)
        with torch.device("meta"):
            net = cls()
        return _filled(net, read(path, FILE), path)


def _check_digest(path: Path, expected: str) -> None:
    found = digest(path)[: len(expected)]
    if found != expected:
        raise SaddleError(
            f"{path} is not the Inception of the FID: its SHA-256 is {found}, that of {FILE} {expected}; "
            f"fetch it again from {URL}"
        )


def _filled(net: Inception, state: dict[str, Tensor], path: Path) -> Inception:
    """Batch norm's counters are of no use here and absent in older files."""
    wanted = net.state_dict()
    counters = {key: torch.tensor(0) for key in wanted if key.endswith("num_batches_tracked")}
    tensors = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")} | counters
    missing, unknown = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    misshapen = [key for key in wanted.keys() & tensors.keys() if wanted[key].shape != tensors[key].shape]
    for problem, keys in {"lacks": missing, "also holds": unknown, "has another shape of": sorted(misshapen)}.items():
        if keys:
            named = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
            raise SaddleError(f"{path} does not fit the Inception of the FID: it {problem} {named}")
    net.load_state_dict(tensors, assign=True)
    return net
