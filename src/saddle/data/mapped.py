"""Arrays that lie in a file and not in memory."""

import mmap
from typing import Any

import numpy as np

from ..base.errors import SaddleError


def check_whole(array: np.ndarray) -> None:
    """SaddleError if the file that this array is a map of, or a view of one, was cut in the meantime.

    To read beyond a file's end kills a process without a word. So this is asked before every reading; only a cut in the
    moment between is not noticed. A file that was deleted, or replaced by another, stays readable to those who have it.
    """
    held: Any = array
    name = None
    while isinstance(held, np.ndarray):
        name = getattr(held, "filename", name)
        held = held.base
    if isinstance(held, mmap.mmap) and held.size() < len(held):
        raise SaddleError(
            f"{name} was cut to {held.size():,} of {len(held):,} bytes while in use; the checkpoints are intact. The "
            "same command decodes the images of a folder anew; an array of your own has to be whole again"
        )
