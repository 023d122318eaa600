"""Files of codes or latents: what `encode` and `invert` write, and `sample` and `interpolate` read."""

import csv
import io
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError
from ..base.files import replace

if TYPE_CHECKING:
    from torch import Tensor


def argument(parser: ArgumentParser, help: str) -> None:
    parser.add_argument("--latents", type=Path, metavar="FILE", help=f"{help}, as encode or invert wrote them")


def check_name(out: Path) -> None:
    if out.suffix not in (".npy", ".csv"):
        raise UsageError(f"--out {out}: the name should end in .npy, .csv")


def write(codes: "Tensor", names: Sequence[str], out: Path) -> Path:
    """An array [N, …], or lines of name and numbers [N, K] under a heading."""
    import numpy as np

    check_name(out)
    if out.suffix == ".npy":
        data = io.BytesIO()
        np.save(data, codes.numpy(), allow_pickle=False)
        return replace(out, data.getvalue())
    if codes.ndim != 2:
        raise UsageError(f"--out {out}: a table has a line of numbers for each image, and these are {[*codes.shape]}")
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["image", *range(codes.shape[1])])
    lines.writerows([name, *(f"{x:.9g}" for x in code)] for name, code in zip(names, codes.tolist(), strict=True))
    return replace(out, text.getvalue().encode())


def read(path: Path) -> "Tensor":
    """What `write` wrote, float [N, …]. UsageError for what it did not."""
    import numpy as np
    import torch

    try:
        if path.suffix == ".csv":
            heading, *lines = csv.reader(path.read_text("utf-8").splitlines())
            return torch.tensor([[float(x) for x in line[1:]] for line in lines]).view(len(lines), len(heading) - 1)
        codes = np.load(path, allow_pickle=False)
        if not isinstance(codes, np.ndarray) or codes.dtype.kind != "f" or codes.ndim < 2:
            raise ValueError
        return torch.from_numpy(codes.astype(np.float32))
    except FileNotFoundError:
        raise UsageError(f"--latents {path}: there is no such file") from None
    except (OSError, ValueError, EOFError):
        raise UsageError(
            f"--latents {path} holds no latents: it is no .npy or .csv that saddle invert or encode wrote"
        ) from None
