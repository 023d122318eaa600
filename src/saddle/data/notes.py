"""What a person should know of the images in files before training on them: what is left out, cut, clipped or dark."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from .decode import Header
from .files import page_of
from .options import DataOptions, Range
from .picture import kept
from .ragged import Ragged

Images = Sequence[np.ndarray] | np.ndarray | Ragged
LOOKED_AT = 1000  # images whose values are looked at before training; `saddle data check` looks at all
DARK = 8  # the highest value is so many times below the highest possible


def of_headers(headers: Mapping[str, Header], options: DataOptions, transparent: int | None = None) -> dict[str, str]:
    """By headers alone; `transparent` is how many images were seen to be so, where their pixels were looked at."""
    found = {
        "pages": _pages(headers, options),
        "depth": _depth(headers),
        "transparency": _transparency(headers, options, transparent),
        "cut": _cut(headers, options),
    }
    return {name: words for name, words in found.items() if words}


def of_values(images: Images, rows: Sequence[int], bits: int, limits: Range | None) -> dict[str, str]:
    """By the values of up to 1,000 of these rows, spread over all of them, as they are trained on."""
    looked = np.linspace(0, len(rows) - 1, min(LOOKED_AT, len(rows))).astype(np.int64)
    seen = (images[rows[i]] for i in looked)
    words = dark(_highest(seen, bits), bits) if limits is None else _at_the_ends(seen, bits)
    return {"values": words} if words else {}


def dark(highest: float, bits: int) -> str:
    """Advice if the values use little of their range, else nothing."""
    top = 2**bits - 1
    if not 0 < highest < (top + 1) / DARK:
        return ""
    high = 2 ** int(highest).bit_length() - 1
    return (
        f"the highest is {highest:,.0f} of {top:,} in {bits} bits, so images train as nearly black; "
        f"--data.range 0,{high} spreads them"
    )


def _highest(images: Iterable[np.ndarray], bits: int) -> float:
    """The highest value of all; as soon as one is not dark, that one."""
    highest = 0
    for image in images:
        highest = max(highest, int(image.max()))
        if highest >= 2**bits / DARK:
            break
    return highest


def _at_the_ends(images: Iterable[np.ndarray], bits: int) -> str:
    at_end = total = 0
    for image in images:
        at_end += int(((image == 0) | (image == 2**bits - 1)).sum())
        total += image.size
    return f"{share(at_end, total)} lie at an end of data.range or beyond it, where they are clipped"


def share(part: int, whole: int) -> str:
    """'3.1%', and never 0% of something."""
    percent = 100 * part / max(whole, 1)
    return "less than 0.1%" if 0 < percent < 0.1 else f"{percent:.3g}%"


def _pages(headers: Mapping[str, Header], options: DataOptions) -> str:
    """Of files with more than one page or frame."""
    many = {name: head.pages for name, head in headers.items() if head.pages > 1 or page_of(name)[1]}
    if not many:
        return ""
    if options.pages == "all" and options.limit is not None:
        files = len({page_of(name)[0] for name in many})
        return f"{files:,} files have several pages or frames, of which data.limit takes {len(many):,}"
    firsts = [name for name in many if not page_of(name)[1]]
    files_ = f"{len(firsts):,} files have {sum(many[name] for name in firsts):,} pages or frames"
    if options.pages == "all":
        return f"{files_}, each an image"
    advice = "" if options.source.startswith("photo:") else "; --data.pages all takes each"
    return f"{files_}, of which the first alone is taken ({_some(many)}){advice}"


def _depth(headers: Mapping[str, Header]) -> str:
    fewer = [name for name, head in headers.items() if head.depth > 8 and head.bits == 8]
    return f"{len(fewer):,} images have more than 8 bits and are read as 8 ({_some(fewer)})" if fewer else ""


def _transparency(headers: Mapping[str, Header], options: DataOptions, seen: int | None) -> str:
    able = sum(head.transparent for head in headers.values())
    if options.channels == 4 or not able or seen == 0:
        return ""
    what = "may be transparent" if seen is None else "have transparent pixels"
    return (
        f"{able if seen is None else seen:,} images {what}, where data.background ({options.background}) shows; "
        "--data.background chooses another colour, --data.channels 4 keeps the opacity"
    )


def _cut(headers: Mapping[str, Header], options: DataOptions) -> str:
    """Of images that lose more than half of their area to the centre crop."""
    if options.sides is None or options.fit != "crop":
        return ""
    left = {name: kept(head.height, head.width, options.sides) for name, head in headers.items()}
    small = {name: part for name, part in left.items() if part < 0.5}
    if not small:
        return ""
    worst = min(small, key=small.__getitem__)
    head = headers[worst]
    return (
        f"{len(small):,} images lose more than half of their area to the centre crop, most of all {worst} "
        f"({head.width}×{head.height}, of which {share(round(1000 * left[worst]), 1000)} is left); "
        "--data.fit pad or squash takes them whole"
    )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    text = ", ".join(listed[:3]) + (f" and {len(listed) - 3:,} more" if len(listed) > 3 else "")
    return text.encode("utf-8", "backslashreplace").decode()  # a file name may be no valid text
