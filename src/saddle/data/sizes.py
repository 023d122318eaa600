"""At which sides images are kept: their own, or those to which the settings bring them. Free of torch."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..base.errors import UsageError, some
from .cache import Shapes
from .decode import Header
from .files import Unusable, bad_lines, count, listing
from .options import DataOptions

STEP = 4  # of the height of images whose width alone is asked for: what most networks can halve twice
Sides = tuple[int, int]  # height and width


def brought(height: int, width: int, options: DataOptions) -> Sides:
    """The sides at which an image of these sides is kept.

    With data.fit scale-width the width is the one asked for; the height keeps the proportions, up to rounding to a
    multiple of 4 pixels.
    """
    if options.loaded is None:
        return height, width
    if options.fit == "scale-width":
        wide = options.loaded[1]
        return max(STEP, STEP * round(height * wide / width / STEP)), wide
    return options.loaded[0], options.loaded[1]


def dealt(kept: Mapping[str, Sides], options: DataOptions) -> Sides:
    """The sides of what is drawn from images that are kept at these sides, by name: of all, or of pieces of them.

    UsageError for sides that differ, where no pieces are cut. The images' own sides are left to `advice.sizes_differ`.
    """
    asked = options.piece if options.load is None else options.sides
    if asked is not None:
        return asked[0], asked[1]
    counts = Counter(kept.values())
    if len(counts) > 1:
        (high, wide), n = counts.most_common(1)[0]
        other = next(name for name, sides in kept.items() if sides != (high, wide))
        raise UsageError(
            f"with data.fit scale-width {options.size} the images come out {wide} wide, and "
            f"{some((f'{h} high ({m:,})' for (h, _), m in counts.most_common()), 5)}; {other} is not as high as the "
            f"{count(n, 'image')} of {wide}×{high}. Cut pieces of one size: --data.load {options.size} --data.size "
            f"{min(h for h, _ in counts)} or less, or take a height too: --data.fit crop"
        )
    return next(iter(counts))


def shapes(channels: int, kept: Sequence[Sides], options: DataOptions) -> Shapes:
    """Of the images as the cache holds them: one shape, or one of each where there may be several."""
    if options.crop is None and len(set(kept)) == 1:
        return (channels, *kept[0])
    return np.array([(channels, *sides) for sides in kept], np.int64).reshape(-1, 3)


def smaller(heads: Mapping[str, Header], options: DataOptions) -> dict[str, str]:
    """The images from which the piece that was asked for cannot be cut, with the reason; none without a piece."""
    piece = options.piece if options.load is None else options.sides
    if piece is None:
        return {}
    found = {}
    for name, head in heads.items():
        high, wide = brought(head.height, head.width, options)
        if high < piece[0] or wide < piece[1]:
            first = f"{head.width}×{head.height}" + ("" if options.load is None else f", brought to {wide}×{high},")
            found[name] = f"{first} is smaller than the piece of {piece[1]}×{piece[0]}"
    return found


def check_pieces(heads: Mapping[str, Header], options: DataOptions) -> None:
    """UsageError that names the images that are smaller than the piece, unless they are left out."""
    if options.skip_bad or not (small := smaller(heads, options)):
        return
    shortest = min(min(brought(head.height, head.width, options)) for head in heads.values())
    asked = "crop" if options.load is None else "size"
    raise Unusable(
        f"{len(small):,} of {len(heads):,} images are smaller than data.{asked}:\n"
        f"{listing(bad_lines(list(small.items())))}\n"
        f"Ask for --data.{asked} {shortest} (the shortest side of all) or less, or leave them out with "
        "--data.skip_bad true",
        small,
    )


def unshrunk(own: Iterable[Sides], sides: Sides, options: DataOptions) -> Sides:
    """Sides like these, but so large that no image with `own` sides is made smaller when it is brought to them."""
    every = [*own]
    if options.fit == "squash":
        return max(sides[0], *(high for high, _ in every)), max(sides[1], *(wide for _, wide in every))
    by = max if options.fit == "pad" else min
    scale = max(1.0, *(by(high / sides[0], wide / sides[1]) for high, wide in every))
    return round(sides[0] * scale), round(sides[1] * scale)
