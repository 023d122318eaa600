"""Find the codes of images.

  saddle encode runs/vae-digits seven.png                   seven-codes.npy, float [1, K]
  saddle encode runs/vae-digits digits/ --out codes.csv     a line for each image: its name and its code
  saddle encode runs/cvae-digits seven.png --label 7

Images are brought to the size and the channels that the run was trained with, and come in the order of their names.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import _images, _open
from ._show import paths

if TYPE_CHECKING:
    from torch import Tensor

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.arguments(parser, "FILE", ".npy or .csv; by default NAME-codes.npy")


def run(args: Namespace) -> None:
    import torch

    from ..base.errors import UsageError
    from ..runs.run import AT_ONCE

    opened = _images.encoder(args)
    out = args.out or Path(f"{_images.beside(args.input, 'codes')}.npy")
    if out.suffix not in (".npy", ".csv"):
        raise UsageError(f"--out {out}: the name should end in .npy, .csv")
    images = _images.read(opened, args.input)
    codes = torch.cat([opened.encode(portion, args.label) for portion in images.portions(AT_ONCE)])
    paths([_write_codes(codes, images.names, out)], args.json)


def _write_codes(codes: "Tensor", names: Sequence[str], out: Path) -> Path:
    """An array [N, K], or lines of name and numbers under a heading."""
    import csv
    import io

    import numpy as np

    from ..base.files import replace

    if out.suffix == ".npy":
        data = io.BytesIO()
        np.save(data, codes.numpy(), allow_pickle=False)
        return replace(out, data.getvalue())
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["image", *range(codes.shape[1])])
    lines.writerows([name, *(f"{x:.9g}" for x in code)] for name, code in zip(names, codes.tolist(), strict=True))
    return replace(out, text.getvalue().encode())
