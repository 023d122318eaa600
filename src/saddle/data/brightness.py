"""The values of images in files, judged before training: by what was decoded, and by files where that cannot tell."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from .cache import in_parallel
from .decode import Header, Unreadable, stored
from .files import page_of
from .notes import DARK, LOOKED_AT, dark, spread
from .options import DataOptions, Range
from .values import Values

SHARE_OF = 100  # files in which the values outside a range are counted


def of_files(
    root: Path,
    heads: Mapping[str, Header],
    bits: int,
    options: DataOptions,
    decoded: Callable[[str], np.ndarray] | None = None,
) -> dict[str, str]:
    """What is to be said of the values of these images, which are trained on with so many bits.

    Files of fewer bits keep their own range and are left out. `decoded` gives the image [C, H, W] that is trained on.
    """
    names = [name for name, head in heads.items() if head.bits == bits]
    if decoded and options.fit != "pad":  # a background would be bright by itself
        clear = [name for name in names if not heads[name].transparent]
        if _are_well(map(decoded, spread(clear, LOOKED_AT)), options.range):
            return {}
    values = _looked_at(root, names, bits, options)
    words = values.advice(bits)
    if values.outside and len(names) > SHARE_OF:
        words += f" (of {SHARE_OF} files or more; `saddle data check` looks at all)"
    return {"values": words} if words else {}


def _are_well(images: Iterable[np.ndarray], limits: Range | None) -> bool:
    """Are some of these [C, H, W] bright, and do none reach the ends of a range that was asked for?"""
    bright = False
    for image in images:
        colours, top = image[:3], np.iinfo(image.dtype).max
        bright = bright or int(colours.max()) >= (top + 1) / DARK
        if bright and not limits:
            return True
        if limits and bool(((colours == 0) | (colours == top)).any()):
            return False
    return bright


def _looked_at(root: Path, names: list[str], bits: int, options: DataOptions) -> Values:
    """Of as few files as it takes, spread over all: one bright one will do, unless a share is asked for."""
    values, looked = Values(options.range), set[str]()

    def add(name: str) -> None:
        file, page = page_of(name)
        with suppress(Unreadable):
            values.add(stored(root / file, options.max_megapixels, page, options.range is not None))

    for most in (1, 10, SHARE_OF, LOOKED_AT):
        fresh = [name for name in spread(names, most) if name not in looked]
        in_parallel(lambda i, names=fresh: add(names[i]), len(fresh), "looking at the values")  # type: ignore[misc]
        looked.update(fresh)
        if not dark(values.highest, bits, options.range) and (most >= SHARE_OF or not options.range):
            break
    return values
