"""Name the classes of images, by a game that learned to tell them apart: sgan, acgan, bicogan, …

  saddle classify runs/sgan-digits seven.png
  saddle classify runs/sgan-digits digits/                     with accuracy, if sub-folders have the classes' names
  saddle classify runs/sgan-digits digits/ --labels known.csv --out classes.csv

Images are brought to the size and the channels that the run was trained with. --labels is a CSV or
JSONL file as training takes it (--data.labels), here or beside the images; images without a label in it count in no
accuracy. --out takes the probability of every class.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import _open
from ._show import json, paths, table

if TYPE_CHECKING:
    from torch import Tensor

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="IMAGES", type=Path, help="an image, or a folder of images")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="the classes that the images are known to show")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write the probability of every class here")
    parser.add_argument(
        "--json", action="store_true", help="for programs: {classes, images: [{image, class, …}], accuracy, known}"
    )


def run(args: Namespace) -> None:
    import torch

    from ..base.errors import UsageError
    from ..data.files import page_of
    from ..runs.run import AT_ONCE
    from ..tasks import Classification
    from . import _images

    if args.out and args.out.suffix != ".csv":
        raise UsageError(f"--out {args.out}: the name should end in .csv")
    opened = _open.opened(args)
    classes = opened.as_(Classification).classifies
    images = _images.read(opened, args.input)
    names = images.names
    files = list(dict.fromkeys(page_of(name)[0] for name in names))
    labels = _labels(args.labels, args.input, files, classes) if args.labels else _folders(args.input, files, classes)
    probabilities = torch.cat([opened.classify(portion) for portion in images.portions(AT_ONCE)]).exp()
    rows = [
        _row(name, row, classes, labels.get(page_of(name)[0])) for name, row in zip(names, probabilities, strict=True)
    ]
    right = [row["class"] == row["label"] for row in rows if "label" in row]
    accuracy = sum(right) / len(right) if right else None
    written = [_write(probabilities, names, classes, args.out)] if args.out else []
    if args.json:
        json({"classes": classes, "images": rows, "accuracy": accuracy, "known": len(right)})
        return
    heads = ["image", "class", "probability", *(["label"] if right else [])]
    table(heads, [(r["image"], r["class"], f"{r['probability']:.3f}", r.get("label", "")) for r in rows])
    if accuracy is not None:
        print(f"accuracy {accuracy:.4g} ± {_error(accuracy, len(right)):.2g}, {sum(right)} of {len(right)} right")
    if written:
        paths(written, as_json=False)


def _row(name: str, chances: "Tensor", classes: tuple[str, ...], label: str | None) -> dict[str, str | float]:
    best = int(chances.argmax())
    row: dict[str, str | float] = {"image": name, "class": classes[best], "probability": float(chances[best])}
    return row | ({} if label is None else {"label": label})


def _folders(images_at: Path, images: Sequence[str], classes: tuple[str, ...]) -> dict[str, str]:
    """Classes by the name of the folder that an image lies in, where that is the name of a class."""
    root = images_at if images_at.is_dir() else images_at.parent
    folders = {name: (root / name).resolve().parent.name for name in images}
    return {name: folder for name, folder in folders.items() if folder in classes}


def _labels(file: Path, images_at: Path, images: Sequence[str], classes: tuple[str, ...]) -> dict[str, str]:
    """Classes by the file; UsageError for columns of numbers, and for a class that the run does not know."""
    from ..base.errors import UsageError, near, some
    from ..data.tables import read_labels

    table = read_labels(str(file), images_at if images_at.is_dir() else images_at.parent, images)
    if table.condition.kind != "class":
        raise UsageError(f"{file} has {table.condition} in each line; to compare with, it must have a class")
    for name in table.condition.names:
        if name not in classes:
            raise UsageError(f"{file}: no class '{name}'{near(name, classes)}; the run knows {some(classes)}")
    return {image: table.condition.names[index] for image, index in table.labels.items()}  # type: ignore[index]


def _error(share: float, count: int) -> float:
    from ..metrics.uncertainty import share_error

    return share_error(share, count)


def _write(probabilities: "Tensor", names: Sequence[str], classes: tuple[str, ...], out: Path) -> Path:
    """Lines of name, class and the probability of every class, under a heading."""
    import csv
    import io

    from ..base.files import replace

    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["image", "class", *classes])
    best = probabilities.argmax(1).tolist()
    for name, index, row in zip(names, best, probabilities.tolist(), strict=True):
        lines.writerow([name, classes[index], *(f"{chance:.6g}" for chance in row)])
    return replace(out, text.getvalue().encode())
