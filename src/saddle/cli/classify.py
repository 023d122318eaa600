"""Name the classes or labels of images, by a game that learned to classify: sgan, acgan, bicogan, stargan, …

  saddle classify runs/sgan-digits seven.png
  saddle classify runs/sgan-digits digits/                     with accuracy, if sub-folders have the classes' names
  saddle classify runs/sgan-digits digits/ --labels known.csv --out classes.csv

Images are brought to the size and the channels that the run was trained with. --labels is a CSV or
JSONL file as training takes it (--data.labels), here or beside the images; images without a label in it do not
count in the accuracy. --out takes the probability of every class. Where several labels may be on at once, an image
shows those with a probability above 0.5. Of labels that exclude each other it shows the likeliest. --labels then has a
column of 0 and 1 for each.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _open
from ._show import json, paths, table

if TYPE_CHECKING:
    from torch import Tensor

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="IMAGES", type=Path, help="an image, or a folder of images")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="what the images are known to show")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write the probability of every class here")
    parser.add_argument(
        "--json",
        action="store_true",
        help="for programs: {classes, images: [{image, class or labels, …}], accuracy, known}",
    )


def run(args: Namespace) -> None:
    import torch

    from ..base.errors import UsageError
    from ..data.files import page_of
    from ..runs.run import AT_ONCE
    from ..tasks import Classification
    from . import _attributes, _images

    if args.out and args.out.suffix != ".csv":
        raise UsageError(f"--out {args.out}: the name should end in .csv")
    opened = _open.opened(args)
    game = opened.as_(Classification)
    classes = game.classifies
    images = _images.read(opened, args.input, game.classified[0])
    names = images.names
    file_of = {name: page_of(name)[0] for name in names}
    where = args.input, list(dict.fromkeys(file_of.values())), classes
    probabilities = torch.cat([opened.classify(portion) for portion in images.portions(AT_ONCE)]).exp()
    if game.exclusive:
        labels = _labels(args.labels, *where) if args.labels else _folders(*where)
        each = zip(names, probabilities, strict=True)
        rows = [_row(name, chances, classes, labels.get(file_of[name])) for name, chances in each]
    else:
        told = _attributes.known(args.labels, *where) if args.labels else {}
        known = {name: told[file] for name, file in file_of.items() if file in told}
        rows = _attributes.rows(names, probabilities, classes, game.groups, known)
    written = [_write(probabilities, rows, classes, args.out)] if args.out else []
    (_tell if game.exclusive else _attributes.tell)(rows, classes, args.json)
    if written and not args.json:
        paths(written, as_json=False)


def _tell(rows: Sequence[dict[str, Any]], classes: tuple[str, ...], as_json: bool) -> None:
    """What the images show, and how many of those with a known class are right."""
    right = [row["class"] == row["label"] for row in rows if "label" in row]
    accuracy = sum(right) / len(right) if right else None
    if as_json:
        json({"classes": classes, "images": rows, "accuracy": accuracy, "known": len(right)})
        return
    heads = ["image", "class", "probability", *(["label"] if right else [])]
    table(heads, [(r["image"], r["class"], f"{r['probability']:.3f}", r.get("label", "")) for r in rows])
    if accuracy is not None:
        print(f"accuracy {accuracy:.4g} ± {_error(accuracy, len(right)):.2g}, {sum(right)} of {len(right)} right")


def _row(name: str, chances: "Tensor", classes: tuple[str, ...], label: str | None) -> dict[str, Any]:
    best = int(chances.argmax())
    row: dict[str, Any] = {"image": name, "class": classes[best], "probability": float(chances[best])}
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


def _write(probabilities: "Tensor", rows: Sequence[dict[str, Any]], classes: tuple[str, ...], out: Path) -> Path:
    """Lines of name, class or labels and the probability of every one, under a heading."""
    import csv
    import io

    from ..base.files import replace

    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["image", "labels" if "labels" in rows[0] else "class", *classes])
    for row, chances in zip(rows, probabilities.tolist(), strict=True):
        said = row["class"] if "class" in row else " ".join(row["labels"])
        lines.writerow([row["image"], said, *(f"{chance:.6g}" for chance in chances)])
    return replace(out, text.getvalue().encode())
