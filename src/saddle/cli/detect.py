"""Say how unusual images are, and where, by a run that learned normal ones.

  saddle detect runs/mine part.png
  saddle detect runs/mine parts/ --maps maps/      one PNG each: black is normal, white the most unusual of all

Images are brought to the size and the channels that the run was trained with. The score of an image has no unit:
higher is more unusual.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _images, _open, _use
from ._show import json, table

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _images.inputs(parser)
    _use.arguments(parser, "Detection")
    parser.add_argument("--maps", type=Path, metavar="DIR", help="write a map of every image, in a new folder")
    parser.add_argument("--json", action="store_true", help='for programs: {"images": [{image, score}], "files": […]}')


def run(args: Namespace) -> None:
    import torch

    from ..tasks import Detection
    from . import _write

    opened = _open.opened(args)
    key = opened.as_(Detection).needs[0]  # asked before files are read
    if args.maps:
        _write.check_folder(args.maps)
    images = _images.read(opened, args.input, key)
    finding = opened.detect(torch.stack(list(images.values())), **_use.given(args, "Detection"))
    written = _images.write(opened, finding.picture(), list(images), args.maps, many=True) if args.maps else []
    rows = [{"image": name, "score": float(score)} for name, score in zip(images, finding.score, strict=True)]
    if args.json:
        json({"images": rows, "files": [str(path) for path in written]})
        return
    table(["image", "score"], [(row["image"], f"{row['score']:.4g}") for row in rows])
    print(*written, sep="\n", end="\n" if written else "")
