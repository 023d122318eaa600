"""Which image sizes a network can draw, and what to say of the others."""

from collections.abc import Callable

from ..base.errors import UsageError
from ..base.kinds import choices
from ..spec import DataSpec
from .network import Network


def image_shape(network: str, data: DataSpec) -> tuple[int, int, int]:
    """Channels, height and width. UsageError for points and signals, with the networks that draw them."""
    if not data.is_image:
        networks: dict[str, type[Network]] = choices(Network)
        able = [name for name, each in networks.items() if data.main.kind in each.takes and name != "MLP"]
        raise UsageError(
            f"{network} draws images; this data has {data.main}; choose --game.network MLP, or another that draws "
            f"them: {', '.join(able)}"
        )
    channels, height, width = data.shape
    return channels, height, width


def halvings(network: str, data: DataSpec) -> tuple[int, tuple[int, int]]:
    """How often the image is halved until its shorter side is 4 to 7 pixels, and the size then.

    UsageError unless every halving is even and there is at least one.
    """
    _, height, width = image_shape(network, data)
    if not _halves(height, width):
        refuse(network, height, width, _halves, "sides must halve evenly until the shorter has 4 to 7 pixels")
    levels = _levels(height, width)
    return levels, (height >> levels, width >> levels)


def power_of_two(network: str, data: DataSpec) -> int:
    """k of square images of 2^k pixels a side, 3 or more. UsageError for all others."""
    _, height, width = image_shape(network, data)
    if not _square_power(height, width):
        side = max(min(height, width), 8)
        low, high = 1 << side.bit_length() - 1, 1 << (side - 1).bit_length()
        choices = " and ".join(f"{s}×{s}" for s in sorted({low, high}))
        raise UsageError(
            f"{network} cannot draw {height}×{width} images: they must be square, with a side that is a power of two "
            f"and at least 8; the nearest sizes are {choices}"
        )
    return height.bit_length() - 1


def refuse(network: str, height: int, width: int, fits: Callable[[int, int], bool], why: str) -> None:
    """UsageError that names the nearest sizes which fit, those of the same shape first."""
    reach = max(8, min(height, width) // 4)
    near: list[tuple[int, ...]] = []
    while not near:
        sides = [range(max(1, side - reach), side + reach + 1) for side in (height, width)]
        near = sorted(
            (abs(h - height) + abs(w - width), abs(h * width - w * height), h, w)
            for h in sides[0]
            for w in sides[1]
            if fits(h, w)
        )
        reach *= 2
    choices = " and ".join(f"{h}×{w}" for *_, h, w in near[:2])
    raise UsageError(f"{network} cannot draw {height}×{width} images: {why}; the nearest sizes are {choices}")


def _square_power(height: int, width: int) -> bool:
    return height == width >= 8 and height & (height - 1) == 0


def _levels(height: int, width: int) -> int:
    return (min(height, width) // 4).bit_length() - 1


def _halves(height: int, width: int) -> bool:
    levels = _levels(height, width)
    return levels >= 1 and height % 2**levels == 0 and width % 2**levels == 0
