"""Networks in files as other code saves them, and the runs that they become."""

from pathlib import Path
from typing import Any

import torch
from foreign_networks import PretrainedBigGAN, Resnet
from foreign_stylegan2 import as_nvidia_pickles
from torch import Tensor, nn

import saddle
from saddle.foreign import adopt
from saddle.runs.run import Run

NEAR = 1e-5  # of numbers of size 1


def saved(network: nn.Module, path: Path) -> Path:
    torch.save(network.state_dict(), path)
    return path


def cyclegan(blocks: int = 2, inputs: int = 3, outputs: int = 3) -> Resnet:
    torch.manual_seed(blocks)
    return Resnet(inputs, outputs, 4, blocks).eval()


def pretrained(**how: Any) -> PretrainedBigGAN:
    """With singular vectors that are not those of its weights, as of a network whose training was stopped."""
    torch.manual_seed(2)
    network = PretrainedBigGAN(8, 6, 7, 2, **how)
    network(torch.randn(4, 6), torch.arange(4), 0.5)
    return network.eval()


def imported(network: nn.Module, kind: str, folder: Path, **how: Any) -> Run:
    file = folder / "file.pth"
    file.write_bytes(as_nvidia_pickles(network)) if kind == "stylegan2" else saved(network, file)
    adopt(file, kind, folder / "run", **how)
    return saddle.load(folder / "run", device="cpu")


def apart(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, over the largest number of theirs."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.abs().max())
