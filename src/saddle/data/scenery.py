"""Little scenes with hills, a road, houses, trees and cars, drawn from far to near. The class of every pixel is known.

Lengths are relative to a picture's height, and depth runs from 0 at the horizon to 1 at the lower edge.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chance import Floats, noise, uniform

NAMES = ("sky", "ground", "road", "house", "tree", "car")
PALETTE = ((110, 170, 230), (130, 190, 90), (120, 120, 130), (230, 160, 100), (30, 110, 50), (210, 50, 60))
SIGMA = 0.03  # deviation of the noise in an image, of 1 from black to white
RANGE = (4 * SIGMA, 1 - 4 * SIGMA)  # of colours, so that no noise is cut off
# What things are made of: their class, red, green and blue.
_MATERIALS = {
    "sky": (0, 0.50, 0.66, 0.80),
    "ground": (1, 0.50, 0.66, 0.34),
    "hill": (1, 0.47, 0.62, 0.42),
    "road": (2, 0.45, 0.45, 0.48),
    "line": (2, 0.54, 0.54, 0.55),
    "wall": (3, 0.74, 0.60, 0.46),
    "roof": (3, 0.66, 0.40, 0.31),
    "window": (3, 0.79, 0.70, 0.45),
    "door": (3, 0.60, 0.44, 0.36),
    "leaves": (4, 0.20, 0.40, 0.22),
    "trunk": (4, 0.33, 0.29, 0.20),
    "paint": (5, 0.70, 0.19, 0.18),
    "glass": (5, 0.52, 0.22, 0.24),
    "tyre": (5, 0.42, 0.14, 0.15),
}
_CLASSES = np.array([row[0] for row in _MATERIALS.values()])
_COLOURS = np.array([row[1:] for row in _MATERIALS.values()])
_INDEX = {name: i for i, name in enumerate(_MATERIALS)}
# What stands in a scene if it is there, from far to near: its class and between which depths its foot is.
_PLACED = (
    ("tree", 0.04, 0.12),
    ("house", 0.08, 0.18),
    ("tree", 0.14, 0.26),
    ("car", 0.16, 0.34),
    ("house", 0.28, 0.46),
    ("tree", 0.34, 0.52),
    ("tree", 0.52, 0.68),
    ("car", 0.52, 0.84),
    ("tree", 0.72, 1.0),
)
_ABSENT = 0.25  # share of the scenes in which one of them is not there
_EACH = 6  # random numbers for each of them
_GAINS = 0.07  # by how much light makes a picture brighter and warmer, either way
_BROAD, _HIGH, _LOW = 1.2, 3.0, 0.3  # how far any of them reaches to the sides, up and below its foot, its shadow too
_SIDEWAYS = 0.12  # by how much the side of a thing that is turned to the light is brighter


def instances() -> NDArray[np.int32]:
    """The number of what is placed: class · 1000 + k for the k-th of its class."""
    kinds = [NAMES.index(kind) for kind, _, _ in _PLACED]
    return np.array([1000 * kind + kinds[:i].count(kind) for i, kind in enumerate(kinds)], np.int32)


@dataclass
class Scene:
    """N scenes without light and noise: of each pixel the material, the thing (0 for none) and the shade."""

    material: NDArray[np.uint8]  # [N, H, W]
    thing: NDArray[np.uint8]  # [N, H, W]
    shade: Floats  # [N, H, W]: factor of the colour, from texture and from shadows below things
    turned: Floats  # [N, H, W]: how far the surface is turned to the right, -1 to 1
    tint: Floats  # [N, 1 + things, 3]: factors of a thing's colour, which the map does not say either

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The class of every pixel, [N, H, W]."""
        return _CLASSES.astype(np.uint8)[self.material]

    @property
    def numbers(self) -> NDArray[np.int32]:
        """Of things class · 1000 + k, of all else the class, [N, H, W]."""
        return np.where(self.thing > 0, instances()[self.thing.astype(np.int64) - 1], self.labels)

    def lit(self, light: Floats) -> Floats:
        """Colours [N, 3, H, W] in [0, 1] under lights [N, 3]: from the right, bright and warm, -1 to 1 each."""
        side, bright, warm = light.T[:, :, None, None]
        shade = self.shade * (1 + _SIDEWAYS * side * self.turned) * (1 + _GAINS * bright)
        tint = self.tint[np.arange(len(light))[:, None, None], self.thing]
        colour = np.moveaxis(_COLOURS[self.material] * tint, -1, 1) * shade[:, None]
        gains = np.stack([1 + _GAINS * warm, np.ones_like(warm), 1 - _GAINS * warm], 1)
        return np.clip(colour * gains, *RANGE)


def lights(what: str, places: NDArray[np.int64]) -> Floats:
    """The light of each scene, [N, 3] in [-1, 1]: from the right, bright and warm. The map does not say it."""
    return 2 * uniform(f"{what}: light", places, 3) - 1


def photographed(colours: Floats, what: str, places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Colours [N, 3, H, W] in [0, 1] with noise of deviation SIGMA, as bytes."""
    grain = noise(f"{what}: noise", places, colours.shape[1:])
    return np.rint(255 * (colours + SIGMA * grain)).astype(np.uint8)


def scenes(what: str, places: NDArray[np.int64], height: int, width: int) -> Scene:
    """The scenes of these places: which is a function of `what` and of the place alone."""
    return _Drawing(what, places, height, width).scene


class _Drawing:
    """Scenes while they are drawn, all at once: one thing of each after the other."""

    thing = 0  # that is being drawn, from 1 on
    part: tuple[slice, ...] = (slice(None),) * 3  # of the arrays [N, H, W], where it is drawn

    def __init__(self, what: str, places: NDArray[np.int64], height: int, width: int) -> None:
        self.n, self.wide = len(places), width / height
        self.x = ((np.arange(width) + 0.5) / height)[None, None, :]
        self.y = ((np.arange(height) + 0.5) / height)[None, :, None]
        self.land = uniform(f"{what}: land", places, 12)[:, :, None, None]
        self.chance = uniform(f"{what}: things", places, _EACH * len(_PLACED)).reshape(self.n, -1, _EACH, 1, 1)
        tint = 0.1 * (2 * uniform(f"{what}: tints", places, 3 * len(_PLACED)).reshape(self.n, -1, 3) - 1)
        tint = 1 + np.concatenate([np.zeros((self.n, 1, 3)), tint * [0.6, 1, 1]], 1)
        shape = (self.n, height, width)
        self.scene = Scene(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.ones(shape), np.zeros(shape), tint)
        self.horizon = 0.36 + 0.14 * self.land[:, 0]
        self._draw_land()
        self._draw_road()
        for i, (kind, far, near) in enumerate(_PLACED):
            self._place(i, kind, far, near)

    def _paint(self, inside: NDArray[np.bool_], material: str, shade: Any = 1.0, turned: Any = 0.0) -> None:
        """That material on all pixels inside, in front of what was there."""
        s = self.scene
        for values, given in (
            (s.material, _INDEX[material]),
            (s.thing, self.thing),
            (s.shade, shade),
            (s.turned, turned),
        ):
            values[self.part][inside] = np.broadcast_to(given, inside.shape)[inside]

    def _draw_land(self) -> None:
        """Sky that is paler below, hills behind the horizon, and meadows in stripes that are broader in front."""
        land, x, y = self.land, self.x, self.y
        across = 2 * x / self.wide - 1
        self._paint(np.ones(self.scene.shade.shape, bool), "sky", 0.9 + 0.16 * y / self.horizon, 0.4 * across)
        skyline = self.horizon + np.zeros_like(x)
        for k in (1, 4):  # two hills
            middle, breadth = self.wide * land[:, k], 0.25 + 0.4 * land[:, k + 1]
            hill = (0.03 + 0.12 * land[:, k + 2]) * np.maximum(0, 1 - ((x - middle) / breadth) ** 2)
            skyline = np.minimum(skyline, self.horizon - hill)
        self._paint(y > skyline, "hill", 0.95, 0.4 * across)
        depth = self._depth(y)
        self._paint(
            (y > self.horizon) & np.isfinite(x), "ground", 0.95 + 0.1 * stripes(5 / (depth + 0.3)), 0.4 * across
        )

    def _draw_road(self) -> None:
        """It comes from the horizon, curves, and has a broken line in its middle."""
        x, y = self.x, self.y
        depth, off = self._depth(y), x - self._road(self._depth(y))
        across = off / self._breadth(depth)
        self._paint((y > self.horizon) & (abs(across) < 1), "road", 1 - 0.05 * across**2, 0.3 * across)
        dashes = (abs(across) < 0.07) & (stripes(2.5 / (depth + 0.25)) > 0.5)
        self._paint((y > self.horizon) & dashes & (depth > 0.05), "line")

    def _depth(self, y: Floats) -> Floats:
        return np.asarray(np.clip((y - self.horizon) / (1 - self.horizon), 0, 1))

    def _road(self, depth: Floats) -> Floats:
        """The middle of the road."""
        land = self.land
        far, near = self.wide * (0.25 + 0.5 * land[:, 7]), self.wide * (0.3 + 0.4 * land[:, 8])
        return np.asarray(far + (near - far) * depth + (2 * land[:, 9] - 1) * depth * (1 - depth))

    def _breadth(self, depth: Floats) -> Floats:
        """Half the breadth of the road."""
        return 0.02 + 0.27 * depth

    def _place(self, i: int, kind: str, far: float, near: float) -> None:
        """One thing of every scene where it is there: its foot is at a depth, beside the road or on it."""
        there, where, side, gap, size, form = self.chance[:, i].transpose(1, 0, 2, 3)
        self.thing = i + 1
        depth = far + (near - far) * where
        foot = self.horizon + (1 - self.horizon) * depth
        scale = (0.35 + 0.65 * depth) * (0.85 + 0.3 * size)
        road, right = self._road(depth), side < 0.5
        if kind == "car":
            half = 0.42 * self._breadth(depth)
            middle = road + np.where(right, 1, -1) * 0.5 * self._breadth(depth)
        else:
            half = {"house": 0.18, "tree": 0.12}[kind] * scale
            edge = road + np.where(right, 1, -1) * (self._breadth(depth) + 1.1 * half)
            border = np.where(right, np.maximum(self.wide, edge), np.minimum(0, edge))
            middle = edge + (border - edge) * gap * 0.9
        rows = _between(self.y, foot - _HIGH * half, foot + _LOW * half)
        columns = _between(self.x, middle - _BROAD * half, middle + _BROAD * half)
        self.part = (slice(None), rows, columns)  # nothing of it lies elsewhere, in any of the scenes
        x, y = self.x[..., columns], self.y[:, rows]
        u, v = (x - middle) / half, (foot - y) / half  # from the foot up, in halves of its breadth
        seen = there >= _ABSENT
        self._cast(seen & (y > self.horizon), u, v, 1.0 if kind != "tree" else 0.8)
        {"house": self._house, "tree": self._tree, "car": self._car}[kind](seen, u, v, form)

    def _cast(self, ground: NDArray[np.bool_], u: Floats, v: Floats, half: float) -> None:
        """The shadow at its foot, on whatever ground is there."""
        under = ground & ((u / half) ** 2 + (v / 0.22) ** 2 < 1.3) & (self.scene.thing[self.part] == 0)
        self.scene.shade[self.part][under] *= 0.82

    def _house(self, seen: NDArray[np.bool_], u: Floats, v: Floats, form: Floats) -> None:
        """A wall of bricks with lit windows and a door, below a roof of tiles."""
        high = 0.95 + 0.5 * form
        wall = seen & (abs(u) < 0.85) & (v >= 0) & (v < high)
        self._paint(wall, "wall", 0.97 + 0.05 * stripes(3.5 * v), u)
        panes = (abs(abs(u) - 0.5) < 0.19) & (abs(v - 0.62 * high) < 0.2)
        self._paint(wall & panes, "window", 1.0, 0.3 * u)
        self._paint(wall & (abs(u) < 0.17) & (v < 0.5 * high), "door", 1.0, u)
        rising = v - high
        roof = seen & (rising >= 0) & (rising < 0.8) & (abs(u) < 1.08 - 0.9 * rising)
        self._paint(roof, "roof", 0.97 + 0.06 * stripes(4 * v), u)

    def _tree(self, seen: NDArray[np.bool_], u: Floats, v: Floats, form: Floats) -> None:
        """A fir of three storeys, or a trunk with a round crown of three boughs."""
        self._paint(seen & (abs(u) < 0.13) & (v >= 0) & (v < 1), "trunk", 1.0, 3 * u)
        leaves = np.zeros(self.scene.shade[self.part].shape, bool)
        for low, breadth in ((0.5, 1.0), (1.15, 0.8), (1.75, 0.55)):
            leaves |= (v > low) & (abs(u) < breadth * (1 - (v - low) / 1.1)) & (form < 0.4)
        for right, up, radius in ((-0.45, 1.25, 0.62), (0.45, 1.3, 0.6), (0.0, 1.75, 0.68)):
            leaves |= ((u - right) ** 2 + (v - up) ** 2 < radius**2) & (form >= 0.4)
        self._paint(seen & leaves, "leaves", 0.8 + 0.12 * v + 0.12 * stripes(2 * (u + v)) * stripes(2 * (u - v)), u)

    def _car(self, seen: NDArray[np.bool_], u: Floats, v: Floats, form: Floats) -> None:
        """A car from behind: tyres, body, and a cabin with a rear window."""
        self._paint(seen & (abs(abs(u) - 0.68) < 0.2) & (v >= 0) & (v < 0.4), "tyre")
        body = (abs(u) < 1) & (v > 0.22) & (v < 0.85)
        top = 1.3 + 0.3 * form
        cabin = (v >= 0.85) & (v < top) & (abs(u) < 0.86 - 0.35 * (v - 0.85))
        self._paint(seen & (body | cabin), "paint", 0.9 + 0.15 * v, 0.8 * u)
        self._paint(seen & (v > 0.9) & (v < top - 0.14) & (abs(u) < 0.62), "glass", 1.0, 0.5 * u)


def _between(places: Floats, low: Floats, high: Floats) -> slice:
    """Which of these places, in rising order, lie between the lowest and the highest of these, ends and all."""
    flat = places.reshape(-1)
    return slice(int(np.searchsorted(flat, low.min())), int(np.searchsorted(flat, high.max(), "right")))


def stripes(x: Floats) -> Floats:
    """A wave of period 1 that rises from 0 to 1 and falls again, in straight lines."""
    return np.asarray(1 - abs(2 * (x - np.floor(x)) - 1))
