"""Several images of one latent: of several domains side by side, or of several sizes one after the other."""

import math
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import UsageError
from ..show import pictures
from . import _write

if TYPE_CHECKING:
    from torch import Tensor

    from ..runs.run import Run


def several(opened: "Run") -> bool:
    """Does one latent show images of several domains?"""
    from ..tasks import Synthesis

    return type(opened.as_(Synthesis)).together is not Synthesis.together


def check(opened: "Run", use: Mapping[str, Any], args: Namespace) -> None:
    """UsageError for what does not go together."""
    if use:
        word = "--every-size" if args.every_size else f"{opened.recipe.game}, which draws several images at once,"
        raise UsageError(f"{word} does not go with --{next(iter(use))}; leave out one of them")


def write(opened: "Run", asked: Mapping[str, Any], out: Path, args: Namespace) -> list[Path]:
    """Write what one latent after the other shows; where it lies."""
    portions = opened.together(**asked, every_size=args.every_size)
    texts: Sequence[str] = asked["texts"]
    if args.each:
        return each(portions, args.each, args.every_size)
    made = joined(portions)
    if args.every_size:
        return [_write.samples(opened, x, beside(out, name), texts) for name, x in made.items()]
    if out.suffix == ".npy":
        return arrays(opened, made, out)
    n = asked["n"] * (len(texts) or 1)
    _write.check_size(opened.spec.main, n * len(made), out)
    columns = max(1, round(math.sqrt(n * len(made)) / len(made))) * len(made)
    return [pictures.save(pictures.grid(paired(made), columns=columns), out)]


def arrays(opened: "Run", made: "Mapping[str, Tensor]", out: Path) -> list[Path]:
    """An array for each key: NAME-a.npy, NAME-b.npy."""
    return [_write.samples(opened, x, beside(out, name)) for name, x in made.items()]


def paired(made: "Mapping[str, Tensor]") -> "Tensor":
    """All images that a latent shows beside each other, then those of the next: uint8 [N · keys, C, H, W]."""
    n = len(next(iter(made.values())))
    return alike(made).unflatten(0, (len(made), n)).transpose(0, 1).flatten(0, 1)


def alike(made: "Mapping[str, Tensor]") -> "Tensor":
    """The images of one key after those of the other, grey ones in as many channels as those in colour."""
    import torch

    most = max(x.shape[1] for x in made.values())
    return torch.cat([x if x.shape[1] == most else x[:, :1].expand(-1, most, -1, -1) for x in made.values()])


def joined(portions: "Iterable[Mapping[str, Tensor]]") -> "dict[str, Tensor]":
    """All portions together."""
    import torch

    parts = list(portions)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def each(portions: "Iterable[Mapping[str, Tensor]]", folder: Path, by_size: bool) -> list[Path]:
    """A PNG for each image: a-0001.png, b-0001.png, …, or 16x16/00000.png, …"""
    paths, place = [], 0
    for part in portions:
        for i, images in enumerate(zip(*part.values(), strict=True), place):
            for name, image in zip(part, images, strict=True):
                file = f"{name}/{i:05d}.png" if by_size else f"{name}-{i + 1:04d}.png"
                paths.append(pictures.save(pictures.plain(image), folder / file))
        place += len(next(iter(part.values())))
    return paths


def beside(path: Path, name: str) -> Path:
    """NAME-name.png."""
    return path.with_name(f"{path.stem}-{name}{path.suffix}")
