"""What a person should know of the images in files before training on them: what is left out, cut, clipped or dark."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ..base.errors import some
from .decode import Header
from .files import count, page_of
from .options import DataOptions, Range
from .picture import kept

T = TypeVar("T")
LOOKED_AT = 1000  # images whose values are looked at before training; `saddle data check` looks at all
NAMED = 3  # files, in a line
DARK = 8  # the highest value is so many times below the highest possible


def of_headers(
    headers: Mapping[str, Header], options: DataOptions, transparent: int | None = None, paged: bool = True
) -> dict[str, str]:
    """By headers alone; `transparent` is how many images were seen to be so, where their pixels were looked at.

    `paged`: can every page of a file be taken?
    """
    found = {
        "pages": _pages(headers, options, paged and not options.source.startswith("photo:")),
        "depth": _depth(headers),
        "transparency": _transparency(headers, options, transparent),
        "cut": _cut(headers, options),
    }
    return {name: words for name, words in found.items() if words}


def of_values(images: np.ndarray, bits: int) -> dict[str, str]:
    """By the values of up to 1,000 images, spread over all of them."""
    words = dark(highest((images[i] for i in spread(range(len(images)), LOOKED_AT)), bits), bits)
    return {"values": words} if words else {}


def spread(things: Sequence[T], most: int) -> list[T]:
    """At most so many of them, spread over all."""
    return [things[i] for i in np.linspace(0, len(things) - 1, min(most, len(things))).astype(np.int64)]


def dark(highest: float, bits: int, limits: Range | None = None) -> str:
    """Advice if the values use little of the range that was asked for, or of that of their bits; else nothing."""
    low, high = limits or (0, 2**bits - 1)
    if highest - low >= (high - low) / DARK or (limits is None and highest <= 0):
        return ""
    of = f"data.range {low:g},{high:g}" if limits else f"{high:,} in {bits} bits"
    if highest <= low:
        help_ = "give the lowest and the highest value that occur"
    else:
        whole = low >= 0 and highest >= 1 and float(highest).is_integer()
        help_ = f"--data.range {low:g},{2 ** int(highest).bit_length() - 1 if whole else f'{highest:g}'} spreads them"
    return f"the highest is {highest:,.7g} of {of}, so images train as nearly black; {help_}"


def highest(images: Iterable[np.ndarray], bits: int) -> float:
    """The highest value of all; as soon as one is not dark, that one."""
    found = 0
    for image in images:
        found = max(found, int(image.max()))
        if found >= 2**bits / DARK:
            break
    return found


def share(part: int, whole: int) -> str:
    """'3.1%', and never 0% of something."""
    percent = 100 * part / max(whole, 1)
    return "less than 0.1%" if 0 < percent < 0.1 else f"{percent:.3g}%"


def _pages(headers: Mapping[str, Header], options: DataOptions, paged: bool) -> str:
    """Of files with more than one page or frame, all of which can be taken if they are `paged`."""
    many = {name: head.pages for name, head in headers.items() if head.pages > 1 or page_of(name)[1]}
    if not many:
        return ""
    if options.pages == "all" and options.limit is not None:
        files = count(len({page_of(name)[0] for name in many}), "file")
        return f"several pages or frames in {files}, of which data.limit takes {len(many):,}"
    firsts = [name for name in many if not page_of(name)[1]]
    files = f"{sum(many[name] for name in firsts):,} pages or frames in {count(len(firsts), 'file')}"
    if options.pages == "all":
        return f"{files}, each an image"
    advice = "; --data.pages all takes each" if paged else ""
    return f"{files}, of each the first alone is taken ({some(many, NAMED)}){advice}"


def _depth(headers: Mapping[str, Header]) -> str:
    fewer = [name for name, head in headers.items() if head.depth > 8 and head.bits == 8]
    return f"{count(len(fewer), 'image')} with more than 8 bits, read as 8 ({some(fewer, NAMED)})" if fewer else ""


def _transparency(headers: Mapping[str, Header], options: DataOptions, seen: int | None) -> str:
    able = sum(head.transparent for head in headers.values())
    if options.channels in (4, "image=4") or not able or seen == 0:
        return ""
    images = count(able if seen is None else seen, "image")
    what = f"{images} may be transparent" if seen is None else f"transparent pixels in {images}"
    return (
        f"{what}, where data.background ({options.background}) shows; "
        "--data.background chooses another colour, --data.channels 4 keeps the opacity"
    )


def _cut(headers: Mapping[str, Header], options: DataOptions) -> str:
    """Of images that lose more than half of their area to the centre crop."""
    if options.loaded is None or options.fit != "crop":
        return ""
    left = {name: kept(head.height, head.width, options.loaded) for name, head in headers.items()}
    small = {name: part for name, part in left.items() if part < 0.5}
    if not small:
        return ""
    worst = min(small, key=small.__getitem__)
    head, most = headers[worst], "most of all " * (len(small) > 1)
    return (
        f"{count(len(small), 'image')} would lose more than half of the area to the centre crop, {most}{worst} "
        f"({head.width}×{head.height}, of which {share(round(1000 * left[worst]), 1000)} is left); "
        "--data.fit pad or squash takes them whole"
    )


def idle_limit(there: int, options: DataOptions) -> dict[str, str]:
    """Of a data.limit that is larger than what is there."""
    if options.limit is None or options.limit <= there:
        return {}
    return {"limit": f"data.limit {options.limit:,} leaves nothing out: it is more than the {there:,} that are there"}
