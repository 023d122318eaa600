"""Say how unusual images are, and where, by a run that learned normal ones.

  saddle detect runs/mine part.png
  saddle detect runs/mine parts/ --maps maps/      one PNG each: black is normal, white the most unusual of all

  saddle detect runs/wgan-gp-mine parts/ --by search --steps 200      what a run that draws samples cannot draw

Images are brought to the size and the channels that the run was trained with. The score of an image has no unit:
higher is more unusual.
"""

import math
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from . import _images, _open, _use
from ._show import json, line, table

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..runs.run import Run

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.inputs(parser)
    _use.arguments(parser, "Detection")
    parser.add_argument("--by", choices=("search",), help="search: by a run that draws samples, as anogan does")
    parser.add_argument("--maps", type=Path, metavar="DIR", help="write a map of every image, in a new folder")
    parser.add_argument("--json", action="store_true", help='for programs: {"images": [{image, score}], "files": […]}')


def run(args: Namespace) -> None:
    from ..tasks import Detection
    from . import _write

    opened = _open.opened(args)
    opened = opened.by_search() if args.by else opened
    key = opened.as_(Detection).needs[0]  # asked before files are read
    if args.maps:
        _write.check_folder(args.maps)
    images = _images.read(opened, args.input, key)
    with TemporaryFile() as file:
        scores, maps = _detected(opened, images, _use.given(args, "Detection"), file if args.maps else None)
        written = _images.write(opened, maps, images.names, args.maps, many=True) if args.maps else []
    rows = [{"image": name, "score": score} for name, score in zip(images.names, scores, strict=True)]
    if args.json:
        json({"images": rows, "files": [str(path) for path in written]})
        return
    table(["image", "score"], [(row["image"], f"{row['score']:.4g}") for row in rows])
    for path in written:
        line(str(path))


def _detected(
    opened: "Run", images: _images.Images, use: dict[str, str], file: IO[bytes] | None
) -> "tuple[list[float], Iterator[Tensor]]":
    """The score of every image, and the maps as pictures [N, 1, H, W], in portions.

    Black is the least value of all maps, so all of them must be known before the first is drawn: they wait in `file`.
    """
    from ..runs.run import AT_ONCE

    scores: list[float] = []
    shapes: list[torch.Size] = []
    least, most = math.inf, -math.inf
    for portion in images.portions(AT_ONCE):
        finding = opened.detect(portion, **use)
        scores += finding.score.tolist()
        if file is not None:
            least, most = min(least, float(finding.map.amin())), max(most, float(finding.map.amax()))
            shapes.append(finding.map.shape)
            file.write(finding.map.numpy().tobytes())
    return scores, _pictures(file, shapes, least, most)


def _pictures(file: IO[bytes] | None, shapes: "list[torch.Size]", least: float, most: float) -> "Iterator[Tensor]":
    """The maps that wait in the file, one portion after the other, in [-1, 1]."""
    import torch

    from ..tasks import Finding

    if file is not None:
        file.seek(0)
        for shape in shapes:
            waited = torch.frombuffer(bytearray(file.read(4 * shape.numel())), dtype=torch.float32)
            yield Finding(waited.new_zeros(0), waited.view(shape)).picture(least, most)
