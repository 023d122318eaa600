"""Which numbers to compute with, and on which device."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from .errors import UsageError

Precision = Literal["auto", "bf16", "fp32", "fp64"]


def choose_device(name: str = "auto", local_rank: int = 0) -> torch.device:
    """The device asked for; 'auto' is the first of cuda, mps, cpu that is there."""
    there = [
        kind
        for kind, yes in (
            ("cuda", torch.cuda.is_available()),
            ("mps", torch.backends.mps.is_available()),
            ("cpu", True),
        )
        if yes
    ]
    kind = there[0] if name == "auto" else name.partition(":")[0]
    if not re.fullmatch("auto|mps|cpu|cuda(:[0-9]{1,4})?", name):
        raise UsageError(f"no device '{name}'; there are auto, {', '.join(there)}, and cuda:N for one of several GPUs")
    if kind not in there:
        why = "this PyTorch is built for the CPU" if torch.version.cuda is None else "no GPU was found"
        raise UsageError(f"device '{name}' was asked for, but {why}; here there are {', '.join(there)}")
    if kind == "cuda":
        index = int(name.partition(":")[2] or local_rank)
        if index >= torch.cuda.device_count():
            raise UsageError(f"device cuda:{index} was asked for, but there are {torch.cuda.device_count()} GPUs")
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    return torch.device(kind)


def good_at_bf16(device: torch.device) -> bool:
    """Does this device multiply bf16 matrices faster than fp32 ones?"""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":
        return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return False


def resolve(precision: Precision, device: torch.device, images: bool) -> Precision:
    """'auto' becomes bf16 for image networks where the device is good at it, else fp32."""
    if precision != "auto":
        return precision
    return "bf16" if images and good_at_bf16(device) else "fp32"


def full(x: Tensor) -> Tensor:
    """At least fp32: losses and penalties are not computed in half precision.  Any shape → same shape"""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


@contextmanager
def second_order(x: Tensor, autocast: bool = False) -> Iterator[None]:
    """Full precision, unless `autocast` is to stay as it is, and no torch.compile (pytorch#91469).

    torch.compile cannot differentiate twice.

    x, of any shape, says on which device.
    """
    half = autocast and torch.is_autocast_enabled(x.device.type)
    with torch.autocast(x.device.type, enabled=half), torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def same_kernels(deterministic: bool) -> Iterator[None]:
    """Inside, a GPU has only kernels that give the same bits every time, where that is asked for."""
    flags = torch.backends.cudnn
    before = flags.deterministic, flags.benchmark
    if deterministic:
        flags.deterministic, flags.benchmark = True, False
    try:
        yield
    finally:
        flags.deterministic, flags.benchmark = before


def is_large(weight: Tensor) -> bool:
    """Is it one of the tensors that take nearly all bytes of a network: of float32, of two dimensions or more?

    Of any shape
    """
    return weight.dtype == torch.float32 and weight.ndim > 1
