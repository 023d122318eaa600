"""photo: one picture: a crop of 128 pixels of scikit-learn's china, or of its flower by photo:flower
photo:FILE: one picture of your own, whole and at its own size unless asked otherwise

The picture comes as often as it is asked for: a batch of 4 is the same picture four times.
"""

import math
from functools import partial
from pathlib import Path

import numpy as np

from ...base.errors import UsageError
from ...base.memory import check_fits
from ...spec import DataSpec
from ..brightness import of_files
from ..decode import Unreadable, header, reading, sample
from ..fingerprint import fingerprint
from ..notes import of_headers
from ..options import DataOptions, units
from ..photographs import NAMES, coloured, crop, stranger
from ..sizes import brought
from ..source import Judged, Source, Split

SIZE = 128  # pixels of the embedded crops, unless asked otherwise


def open(options: DataOptions, path: str) -> Source:
    """Key image; nothing is held out, for there is no other sample."""
    notes: dict[str, str] = {}
    if path in ("", *NAMES):
        image = _embedded(options, path or NAMES[0])
    else:
        image, notes = _from_file(options, Path(path))
    spec = DataSpec.of(image.shape, single=True, bits=8 * image.itemsize)
    judged = Judged(other=partial(stranger, path, *image.shape))
    mark = fingerprint(image, *units(options))
    return Source(options.source, spec, Split({"image": image[None]}), None, mark, notes, judged=judged)


def _embedded(options: DataOptions, name: str) -> np.ndarray:
    options.allow("size", "channels")
    return coloured(crop(name, *(options.sides or (SIZE, SIZE))), options)


def _from_file(options: DataOptions, path: Path) -> tuple[np.ndarray, dict[str, str]]:
    """The picture, [C, H, W], and the notes."""
    options.allow("size", "fit", "channels", "range", "background", "max_megapixels")
    path = path.expanduser()
    if not path.is_file():
        raise UsageError(f"there is no picture {path}; photo: takes a file, {' or '.join(NAMES)}")
    if options.sides:
        check_fits(3 * 4 * math.prod(options.sides), f"the pixels of {path} at data.size {options.size}")
    try:
        with reading():
            head = header(path, options.max_megapixels, any_range=options.range is not None)
            sides = brought(head.height, head.width, options)
            picture = sample(path, options, options.channels_of(), sides=sides).transpose(2, 0, 1)
    except Unreadable as error:
        raise UsageError(f"{path}: {error}") from None
    picture = np.ascontiguousarray(picture)
    heads = {path.name: head}
    return picture, of_headers(heads, options) | of_files(path.parent, heads, head.bits, options)
