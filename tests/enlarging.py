"""What tests of restoring share: a toy that enlarges, its images, and what its network makes of them by itself."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from saddle.data.options import DataOptions
from saddle.spec import DataSpec, Field
from saddle.tasks import Restoration
from saddle.use.restoring import How, Restorer

TOYS = Path(__file__).with_name("toys") / "games"
RANDOM = np.random.default_rng(0)


def toy(file: str, name: str) -> Any:
    """The class of a toy."""
    spec = importlib.util.spec_from_file_location(file, TOYS / f"{file}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


Enlarging, Frontal = toy("toy_enlarging", "ToyEnlarging"), toy("toy_frontal", "ToyFrontal")


def enlarging(times: int = 2, channels: int = 3, kind: Any = None) -> Restoration:
    """A toy with random weights, of which the first stage has others than the last."""
    torch.manual_seed(times)
    whole = Field("image", (channels, 8 * times, 8 * times))
    game = (kind or Enlarging)(DataSpec({"damaged": Field("image", (channels, 8, 8)), "image": whole}))
    for p in game.first.parameters():
        nn.init.normal_(p, std=0.1)
    return game.eval()


def frontal() -> Restoration:
    fields = {"damaged": Field("image", (3, 8, 8)), "image": Field("image", (3, 8, 8))}
    return Frontal(DataSpec({**fields, "landmarks": Field("points", (10,))})).eval()


def restorer(game: Restoration | None = None, options: DataOptions | None = None, use: Any = None, **how: Any):
    game = game or enlarging()
    return Restorer(game, options or DataOptions(), torch.device("cpu"), How(**how), use or type(game).Use())


def picture(height: int, width: int, channels: int = 3, kind: type = np.uint8) -> np.ndarray:
    return RANDOM.integers(0, np.iinfo(kind).max + 1, (height, width, channels)).astype(kind)


def numbers(pixels: np.ndarray) -> Tensor:
    """[H, W, C] as the network takes them."""
    return torch.from_numpy(np.moveaxis(pixels, 2, 0)[None] / (np.iinfo(pixels.dtype).max / 2) - 1).float()


@torch.no_grad()
def alone(network: Any, pixels: np.ndarray) -> np.ndarray:
    """What the network makes of an image by itself, in the image's depth: [H, W, C]."""
    top = np.iinfo(pixels.dtype).max
    out = network(numbers(pixels))[0].movedim(0, -1).double().clamp(-1, 1)
    return ((out + 1) / 2 * top).round().numpy().astype(pixels.dtype)


def apart(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference of two images of one shape."""
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    return int(abs(a.astype(np.int64) - b).max())
