"""Pictures with their names, row by row: a page in one file that needs nothing beside it, or a PNG."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError, visible
from ..base.files import replace

if TYPE_CHECKING:  # loaded when it is needed: help and listings need no numpy
    from PIL import Image

SIDE = 384  # pixels: larger pictures are shown smaller
BYTES = 200_000  # of a picture in a page, at about most
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; }
body { margin: 2rem; font: 16px/1.5 ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; }
table { border-spacing: .75rem; }
th { text-align: left; font-weight: 600; }
td { vertical-align: top; }
img { display: block; image-rendering: pixelated; max-width: 100%; }
figure { margin: 0; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; }
"""

Row = Sequence[tuple[str, "Image.Image"]]  # each picture with its name


def check_name(path: Path) -> None:
    """UsageError for a name that does not say what to write, or is that of a folder."""
    if path.is_dir():
        raise UsageError(f"--sheet {path} is a folder; name a file that ends in .html or .png")
    if path.suffix not in (".html", ".png"):
        raise UsageError(f"--sheet {path}: the name should end in .html or .png")


def write(path: Path, title: str, heads: Sequence[str], rows: Sequence[Row], lines: Sequence[str] = ()) -> Path:
    """Rows of pictures under the heads of their columns; `lines` say something of them all, in a page."""
    from ..show import pictures

    small = [[(name, _small(picture)) for name, picture in row] for row in rows]
    if path.suffix == ".png":
        return pictures.save(pictures.named(small, heads), path)
    return replace(path, page(title, heads, small, lines).encode("utf-8", "backslashreplace"))


def page(title: str, heads: Sequence[str], rows: Sequence[Row], lines: Sequence[str] = ()) -> str:
    from ..report.html import Html, tag

    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", visible(title)),
        tag("style", Html(STYLE)),
    )
    top = tag("thead", tag("tr", *(tag("th", visible(each), scope="col") for each in heads)))
    body = tag("tbody", *(tag("tr", *(tag("td", _figure(name, picture)) for name, picture in row)) for row in rows))
    said = [tag("p", visible(line)) for line in lines]
    whole = tag("html", head, tag("body", tag("h1", visible(title)), *said, tag("table", top, body)), lang="en")
    return f"<!DOCTYPE html>\n{whole}"


def _figure(name: str, picture: "Image.Image") -> str:
    from ..report.html import tag
    from ..report.samples import embed

    source, width, height = embed(picture, SIDE, BYTES)
    image = tag("img", src=source, alt=visible(name), width=width, height=height)
    return tag("figure", image, tag("figcaption", visible(name)))


def _small(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    if max(picture.size) <= SIDE:
        return picture
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return small
