"""photos: crops of scikit-learn's two photographs, 64 pixels unless asked otherwise; a strip of each is held out."""

import numpy as np

from ...base.errors import UsageError
from ...spec import DataSpec
from ..crops import SIZE, STRIDE, Crops, corners, held_out_strips, trained_strips
from ..fingerprint import fingerprint
from ..options import AUGMENTATIONS, DataOptions
from ..photographs import HEIGHT, HELD_OUT, NAMES, TRAINED, coloured, photograph
from ..source import BY_FEATURES, BY_PATCHES, Judged, Source, Split

JUDGED = Judged("own", early=("swd",), final=(*BY_PATCHES, *BY_FEATURES))
PIECES = True  # at the scale of the photographs
_WIDEST = 160  # of the narrowest strip


def open(options: DataOptions, path: str) -> Source:
    """Key image; 3 channels unless asked otherwise. No held-out pixel is in a crop to train on."""
    options.allow("size", "channels", *AUGMENTATIONS)
    height, width = options.sides or (SIZE, SIZE)
    if height > HEIGHT or width > _WIDEST:
        raise UsageError(f"data.size is {height}×{width}; the strips of the photographs give up to {HEIGHT}×{_WIDEST}")
    pictures = np.stack([coloured(photograph(name), options) for name in NAMES])
    parts = [
        Crops(pictures, corners(strips, height, width), (height, width))
        for strips in (trained_strips(), held_out_strips())
    ]
    spec = DataSpec.of((pictures.shape[1], height, width))
    mark = fingerprint(pictures, height, width, STRIDE, TRAINED, HELD_OUT)
    return Source(options.source, spec, Split({"image": parts[0]}), Split({"image": parts[1]}), mark, judged=JUDGED)


def wholes(options: DataOptions) -> dict[str, np.ndarray]:
    """What is held out of each photograph, and all of it, uint8 [C, H, W], by what it is."""
    pictures = {name: coloured(photograph(name), options) for name in NAMES}
    strips = {
        f"{name}, columns {start} to {end}": pictures[name][:, :, start:end] for name, (start, end) in HELD_OUT.items()
    }
    return strips | {f"all of {name}": picture for name, picture in pictures.items()}
