"""Samples to files, by the suffix that was asked for."""

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..base.errors import UsageError
from ..base.files import replace, replacing

if TYPE_CHECKING:
    from torch import Tensor

    from ..runs.run import Run
    from ..spec import Field, Kind

FULL = (0.0, 65535.0)  # the range of 16 bits
WAVES = 64  # signals in a picture
MOST_PIXELS = 250e6  # of a picture: beyond, no viewer opens it, and drawing it takes gigabytes


def check_name(path: Path | None, kind: "Kind" = "image") -> None:
    """UsageError for a name that does not say what to write, before anything is computed."""
    suffixes = [".png", ".npy", ".csv"] if kind == "points" else [".png", ".npy"]
    if path and path.suffix not in suffixes:
        of = " for signals, which have no single row a sample" if (kind, path.suffix) == ("signal", ".csv") else ""
        raise UsageError(f"--out {path}: the name should end in {', '.join(suffixes)}{of}")


def check_size(of: "Field", n: int, path: Path) -> None:
    """UsageError for a picture of more images than anyone could look at, before they are drawn."""
    from ..show import pictures

    if of.kind != "image" or path.suffix != ".png":
        return
    height, width = (side * max(1, pictures.READABLE // max(of.shape[1:])) + 2 for side in of.shape[1:])
    if n > (most := int(MOST_PIXELS / (height * width))):
        raise UsageError(
            f"a picture of {n:,} images of {of.shape[1]}×{of.shape[2]} pixels is too large to look at; {most:,} fit in "
            "at most; write them with --out FILE.npy, or one by one with --each DIR"
        )


def check_film(path: Path) -> None:
    """UsageError for a name of a film that is not one."""
    if path.suffix not in (".gif", ".webp"):
        raise UsageError(f"--out {path}: the name of a film should end in .gif or .webp")


def use_bits(run: "Run", asked: int, suffix: str, alone: bool) -> None:
    """Let the run give images of 8 or 16 bits. UsageError if it has none of 16, or the files would not keep them.

    `alone`: a picture holds one image, pixel for pixel.
    """
    if asked == 8:
        return
    main, (low, high) = run.spec.main, run.recipe.data.range or FULL
    if main.bits != asked:
        raise UsageError(f"--bits {asked} is for a run on images of 16 bits; this one has {main}, of {main.bits}")
    if not (low >= 0 and high <= FULL[1] and high - low >= 255 and low % 1 == high % 1 == 0):
        raise UsageError(f"--bits {asked} gives whole numbers from 0 to 65535, and data.range is {low:g},{high:g}")
    if suffix in (".gif", ".webp"):
        raise UsageError(f"--bits {asked}: a film has 8; leave it out")
    if suffix == ".png" and not alone:
        raise UsageError(f"--bits {asked}: a picture of many images is to be looked at; write .npy, or one by one")
    if suffix == ".png" and main.shape[0] != 1:
        raise UsageError(f"a PNG of {asked} bits is grey, and these images have {main.shape[0]} channels; write .npy")
    run.bits = asked


def check_channels(run: "Run") -> None:
    """UsageError for images of which a PNG would lose channels."""
    if (channels := run.spec.shape[0]) not in (1, 3, 4):
        raise UsageError(f"a PNG holds 1, 3 or 4 channels, and these images have {channels}; write --out FILE.npy")


def check_folder(folder: Path) -> None:
    """UsageError unless the folder is new or empty, so that nothing is overwritten."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder; choose another, so that nothing is overwritten")


def samples(run: "Run", made: "Tensor", path: Path, texts: Sequence[str] = (), **look: int) -> Path:
    """Write images [N, C, H, W], points [N, D] or signals [N, C, T] as .png, .npy or, points only, .csv.

    Points are drawn as a scatter and signals as waves, beside those of the data.

    Images that were drawn for texts have these above them. `look` is for `pictures.grid`.
    """
    from ..show import pictures

    data = io.BytesIO()
    if path.suffix == ".npy":
        np.save(data, made.numpy(), allow_pickle=False)
    elif path.suffix == ".csv":
        np.savetxt(data, made.numpy(), "%.9g" if made.dtype.itemsize < 8 else "%.17g", ",")
    elif texts:
        return pictures.save(pictures.captioned(made, texts), path)
    elif made.ndim == 4:
        alone = len(made) == 1 and look.get("padding") == 0  # pixel for pixel
        picture = pictures.plain(made[0]) if alone else pictures.grid(made, **look)
        return pictures.save(picture.convert("L") if made.shape[1] == 1 and not alone else picture, path)
    else:
        most = 2000 if run.spec.main.kind == "points" else WAVES
        real = (run.source.heldout or run.source.train).take(slice(most))[run.spec.keys[0]]
        columns = {"data": run.source.spec.main.restored(real), "samples": made[:most]}
        return pictures.save(pictures.sheet(columns), path)
    return replace(path, data.getvalue())


def array(portions: "Iterator[Tensor]", n: int, path: Path) -> Path:
    """Write n samples, which come in portions, as one .npy file, which `samples` would write of all at once."""
    first = next(portions)
    numbers = np.lib.format.dtype_to_descr(first.numpy().dtype)
    header = {"descr": numbers, "fortran_order": False, "shape": (n, *first.shape[1:])}
    with replacing(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for portion in chain([first], portions):
            file.write(portion.numpy().tobytes())
    return path


def each(portions: "Iterable[Tensor]", folder: Path, names: Sequence[str] | None = None) -> list[Path]:
    """Write every image of the portions [N, C, H, W] as a PNG of its own, pixel for pixel: 00000.png, …, or `names`."""
    from ..show import pictures

    images = chain.from_iterable(portions)
    named = zip(names, images, strict=True) if names else ((f"{i:05d}", image) for i, image in enumerate(images))
    return [pictures.save(pictures.plain(image), folder / f"{name}.png") for name, image in named]


def film(frames: "Tensor", path: Path, seconds: float = 0.1) -> Path:
    """Write images [N, C, H, W] as an endless GIF or WebP, by the name's suffix."""
    from ..show import pictures

    images = [pictures.grid(frame[None], padding=0, scale=1) for frame in frames]
    return pictures.animation(images, path, seconds, rest=1)
