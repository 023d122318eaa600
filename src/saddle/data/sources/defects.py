"""defects: drawn stripes; every other held-out image has a dot, a scratch or a smudge (for finding defects)
defects:PATH: normal images to train on, normal and defective ones held out: MVTec AD's folders, or normal ones alone

The layouts are those of `defect_folders`. Masks of the defects are white; --data.masks names their folder, and
--data.normal that of the normal images, where they have other names.
"""

from typing import TYPE_CHECKING

from ...spec import DataSpec
from .. import defect_masks, keyed
from ..defect_folders import lies_in
from ..keyed import Images, Table
from ..options import DataOptions

if TYPE_CHECKING:  # torch is loaded at the end: a mistake shows at once
    from ..source import Source

__all__ = ["found_in", "lies_in", "open", "source", "spec_of"]


def open(options: DataOptions, path: str) -> "Source":
    """Key image. Held-out images also have their kind of defect, and a mask of it where there is one.

    The embedded ones are grey, of 32 pixels unless asked otherwise.
    """
    if path:
        return source(keyed.images(options, found_in(options, path)))
    from ..defective import opened, stripes

    return opened(options, stripes(spec_of(options, path).shape[1:]))


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, from the headers alone."""
    if path:
        return defect_masks.spec_of(options, found_in(options, path))
    from ..defective import plain

    return plain(options)


def found_in(options: DataOptions, path: str) -> Table:
    """The files of each key. UsageError, naming files, for what cannot be."""
    return defect_masks.table_of(options, path)


def source(images: Images) -> "Source":
    """Of decoded images."""
    return defect_masks.source_of(images)
