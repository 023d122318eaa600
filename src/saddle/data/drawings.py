"""What sources of drawn pictures share: a map of what is what (a), the picture (b) and the objects' numbers."""

from ..spec import DataSpec, Field
from .crops import sides_of_pairs
from .options import AUGMENTATIONS, DataOptions


def spec_of(
    options: DataOptions, names: tuple[str, ...], palette: tuple[tuple[int, int, int], ...], title: str
) -> DataSpec:
    """Keys a, b and instances of pictures of these classes, at the size that is asked for. `title` is that of b."""
    options.allow("size", *AUGMENTATIONS)
    sides = sides_of_pairs(options)
    return DataSpec(
        {
            "a": Field("map", sides, names, palette, title="map"),
            "b": Field("image", (3, *sides), title=title),
            "instances": Field("instances", sides),
        }
    )
