"""textures: pieces of a photograph of bricks, with the defects of `defects`, if the package scikit-image is installed
textures:NAME: the same of brick, grass or gravel
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...base.errors import SaddleError, UsageError
from ...spec import DataSpec
from ..decode import Unreadable, stored
from ..defective import opened, pieces, plain
from ..options import DataOptions
from ..picture import with_channels
from ..source import Source

FILES = False  # its place is a texture
PACKAGE = "skimage"  # that carries them; it must be installed
NAMES = ("brick", "grass", "gravel")
SIDE = 512  # pixels of each photograph
BEGIN = 352  # the columns before are trained on, those from here on are held out


def open(options: DataOptions, path: str) -> Source:
    """Key image, as `defects` has it. No pixel that is held out is in a piece to train on."""
    spec, picture = spec_of(options, path), photograph(path or NAMES[0])
    return opened(options, pieces(spec.shape[1:], picture[:, :BEGIN], picture[:, BEGIN:]))


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without an image. UsageError without the package."""
    if path and path not in NAMES:
        raise UsageError(f"textures:{path} is not there; the textures are {', '.join(NAMES)}")
    file_of(path or NAMES[0])
    return plain(options)


def photograph(name: str) -> NDArray[np.uint8]:
    """Grey, [512, 512]. SaddleError for a file that holds something else."""
    file = file_of(name)
    try:
        picture = with_channels(stored(file, SIDE**2 / 1e6), 1)[..., 0]
    except Unreadable as error:
        raise SaddleError(f"{file} cannot be read: {error}; install scikit-image anew") from None
    if picture.shape != (SIDE, SIDE) or picture.dtype != np.uint8:
        raise SaddleError(f"{file} is {picture.shape[1]}×{picture.shape[0]}, not {SIDE}×{SIDE}; install it anew")
    return picture


def file_of(name: str) -> Path:
    """Where the package keeps it, which is not imported. UsageError where it is not there."""
    package = find_spec(PACKAGE)
    file = Path(package.origin).parent / "data" / f"{name}.png" if package and package.origin else None
    if file is None or not file.is_file():
        without = f"{file} is not there" if file else "the package scikit-image, which carries them, is not installed"
        raise UsageError(
            f"this source takes photographs of textures from a package, and {without}; to have them, "
            "pip install scikit-image (nothing is downloaded by Saddle)"
        )
    return file
