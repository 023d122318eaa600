"""Small and large images, as games that enlarge are given them, for the tests of their sheets."""

from playing import images

from saddle.spec import DataSpec, Field

BATCH = {"image": images(4, 3, 32, 32), "damaged": images(4, 3, 8, 8)}


def data(times: int = 4, side: int = 32, channels: int = 3) -> DataSpec:
    small = side // times
    shapes = {"image": (channels, side, side), "damaged": (channels, small, small)}
    return DataSpec({key: Field("image", shape) for key, shape in shapes.items()})
