"""Drawn faces, each part of which is known: skin, hair, eyes, brows, nose, mouth, beard and glasses.

A head has coordinates of its own: u to the right and v down from its middle, in halves of its height. It may be turned
by an angle: then each part lies where its depth takes it, and what is on the far side is hidden.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chance import Floats, noise, uniform
from .scenery import stripes

NAMES = ("background", "skin", "hair", "eyes", "brows", "nose", "mouth", "beard", "glasses")
PALETTE = (
    *((60, 60, 70), (240, 190, 150), (90, 60, 40), (80, 150, 230), (160, 110, 60)),
    *((230, 140, 110), (210, 60, 90), (130, 130, 60), (120, 60, 160)),
)
HAIRS = ("black", "brown", "blond")
ATTRIBUTES = (*HAIRS, "beard", "smile", "glasses")
SIGMA = 0.02  # deviation of the noise in an image, of 1 from black to white
RANGE = (4 * SIGMA, 1 - 4 * SIGMA)  # of colours, so that no noise is cut off
THING = 1000  # numbers of eyes, brows and of what else stands in a face are class · 1000 + k
_HAIR = np.array([[0.13, 0.11, 0.12], [0.40, 0.25, 0.15], [0.85, 0.69, 0.38]])  # of HAIRS
_SKIN = np.array([[0.93, 0.76, 0.66], [0.52, 0.34, 0.25]])  # the lightest and the darkest
_IRIS = np.array([[0.30, 0.50, 0.68], [0.30, 0.52, 0.30], [0.36, 0.23, 0.14]])
# What is painted: its class, and which object of the class it belongs to; -1 for what is none.
_PARTS = {
    "wall": ("background", -1),
    **dict.fromkeys(("skin", "cheek"), ("skin", -1)),
    "hair": ("hair", -1),
    **{f"{part} {k}": ("eyes", k) for part in ("eye", "iris", "pupil") for k in (0, 1)},
    **{f"brow {k}": ("brows", k) for k in (0, 1)},
    "nose": ("nose", 0),
    **dict.fromkeys(("lips", "gap"), ("mouth", 0)),
    "beard": ("beard", 0),
    "glasses": ("glasses", 0),
}
_PLACE = {part: i for i, part in enumerate(_PARTS)}
_CLASSES = np.array([NAMES.index(name) for name, _ in _PARTS.values()])
_NUMBERS = np.array([k if n < 0 else THING * k + n for k, (_, n) in zip(_CLASSES, _PARTS.values(), strict=True)])
_CHANCES = 40  # random numbers of a face, of which the first four are those of its attributes
_OF_A_PHOTOGRAPH = (7, 8, 9, 26)  # of these: the colour of the wall, and where the eyes look
_CLOSE = (0.577, -0.122)  # where heads are all alike: half their height, and how far above the middle, of the image's
_GAIN, _SIDE = 0.08, 0.16  # by how much light makes a face brighter or warmer, and the side that is turned to it
_DEPTH = 0.75  # of a head, from its middle to the front, in halves of its height


@dataclass(frozen=True)
class Faces:
    """N faces without light and noise."""

    labels: NDArray[np.uint8]  # [N, H, W]: the class of every pixel
    numbers: NDArray[np.int32]  # [N, H, W]: of each eye, brow, … class · 1000 + k; of background, skin, hair the class
    colours: Floats  # [N, 3, H, W]
    turned: Floats  # [N, H, W]: how far the surface is turned to the right, -1 to 1
    landmarks: Floats  # [N, 5, 2]: x and y, in pixels, of the eyes, the tip of the nose and the corners of the mouth

    def lit(self, light: Floats) -> Floats:
        """Colours [N, 3, H, W] in [0, 1] under lights [N, 3]: from the right, bright and warm, -1 to 1 each."""
        side, bright, warm = light.T[:, :, None, None]
        gains = np.stack([1 + _GAIN * warm, np.ones_like(warm), 1 - _GAIN * warm], 1)
        shade = (1 + _SIDE * side * self.turned) * (1 + _GAIN * bright)
        return np.clip(self.colours * shade[:, None] * gains, *RANGE)


def lights(what: str, places: NDArray[np.int64]) -> Floats:
    """The light on each face, [N, 3] in [-1, 1]: from the right, bright and warm. The map does not say it."""
    return 2 * uniform(f"{what}: light", places, 3) - 1


def photographed(colours: Floats, what: str, places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Colours [N, 3, H, W] in [0, 1] with noise of deviation SIGMA, as bytes."""
    return np.rint(255 * (colours + SIGMA * noise(f"{what}: noise", places, colours.shape[1:]))).astype(np.uint8)


def attributes(what: str, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Of each face the ATTRIBUTES, 0 or 1, of which one is the colour of the hair: [N, 6]."""
    chance = _chances(what, places)
    switches = np.stack([chance[:, 1] < 0.35, chance[:, 2] < 0.45, chance[:, 3] < 0.3], 1)
    return np.concatenate([np.eye(3)[(3 * chance[:, 0]).astype(np.int64)], switches], 1).astype(np.float32)


def faces(
    what: str,
    places: NDArray[np.int64],
    height: int,
    width: int,
    yaw: Floats | None = None,
    photographs: NDArray[np.int64] | None = None,
) -> Faces:
    """The faces of these places: which is a function of `what` and of the place alone.

    `yaw` [N] turns each head to its left, in radians: at 0 it looks at us. If several `photographs` [N] are made of a
    face, by their numbers, the wall and where the eyes look are the photograph's own. Then all heads are at the same
    place and fill the image: eyes are 41 of 128 from the top, about 47 of 128 apart.
    """
    turn = np.zeros(len(places)) if yaw is None else yaw
    drawing = _Drawing(what, places, 2 * height, 2 * width, turn, photographs)
    some, part = np.s_[:, 1::2, 1::2], drawing.part
    colours = drawing.colours[np.arange(len(places))[:, None, None], part] * drawing.shade[..., None]
    turned = np.where(part > _PLACE["wall"], drawing.around, 0.0)
    return Faces(
        _CLASSES.astype(np.uint8)[part[some]],
        _NUMBERS.astype(np.int32)[part[some]],
        np.moveaxis(_halved(colours), -1, 1),
        _halved(turned),
        drawing.landmarks(height, width),
    )


def _halved(x: Floats) -> Floats:
    """Means of 2 × 2 points, whose colour a pixel has.  [N, 2H, 2W, …] → [N, H, W, …]"""
    upper, lower = x[:, 0::2], x[:, 1::2]
    return ((upper[:, :, 0::2] + upper[:, :, 1::2]) + (lower[:, :, 0::2] + lower[:, :, 1::2])) / 4


def _chances(what: str, places: NDArray[np.int64]) -> Floats:
    return uniform(f"{what}: face", places, _CHANCES)


class _Drawing:
    """Faces while they are drawn, all at once, from behind to the front."""

    def __init__(
        self,
        what: str,
        places: NDArray[np.int64],
        height: int,
        width: int,
        yaw: Floats,
        photographs: NDArray[np.int64] | None,
    ) -> None:
        chance, has = _chances(what, places), attributes(what, places).astype(np.float64)
        if photographs is not None:
            chance[:, _OF_A_PHOTOGRAPH] = uniform(f"{what}: photograph", photographs, len(_OF_A_PHOTOGRAPH))
        self.close = photographs is not None
        self.some = iter(chance.T[4:, :, None, None])
        self.beard, self.smile, self.glasses = has[:, 3:, None, None].swapaxes(0, 1)
        self.cos, self.sin = np.cos(yaw)[:, None, None], np.sin(yaw)[:, None, None]
        shape = (len(places), height, width)
        self.part, self.shade = np.zeros(shape, np.uint8), np.ones(shape)  # what is seen, and a factor of its colour
        self.colours = self._colours(has[:, :3])
        self._measure(height, width)
        for draw in (self._behind, self._head, self._beard, self._mouth, self._nose, self._eyes, self._hair):
            draw()
        self._rims()

    def _next(self, low: float, high: float) -> Floats:
        """The next random number of each face, [N, 1, 1]."""
        return np.asarray(low + (high - low) * next(self.some))

    def _colours(self, hair: Floats) -> Floats:
        """Of each face that of every part, [N, parts, 3]."""
        dark, shade = self._next(0, 1)[:, 0], self._next(0.85, 1.15)[:, 0]
        skin = _SKIN[0] + (_SKIN[1] - _SKIN[0]) * dark * np.sqrt(dark)
        hairs = hair @ _HAIR * shade
        iris = _IRIS[(3 * next(self.some)[:, 0, 0]).astype(np.int64)]
        lips = skin * [0.88, 0.58, 0.60]
        wall = np.concatenate([self._next(0.35, 0.75)[:, 0] for _ in range(3)], 1)
        rims = self._next(0.1, 0.3)[:, 0] * [1.0, 0.9, 1.1]
        gap = np.where(self.smile[:, 0] > 0, [0.93, 0.92, 0.88], 0.55 * lips)
        known = {"wall": wall, "skin": skin, "cheek": skin * [1.02, 0.93, 0.93], "hair": hairs, "nose": skin}
        known |= {"eye": np.array([0.92, 0.91, 0.90]), "iris": iris, "pupil": np.array([0.1, 0.1, 0.1])}
        known |= {"brow": 0.65 * hairs + 0.02, "lips": lips, "gap": gap, "beard": 0.8 * hairs + 0.12 * skin}
        known |= {"glasses": rims}
        return np.stack([np.broadcast_to(known[part.partition(" ")[0]], skin.shape) for part in _PARTS], 1)

    def _measure(self, height: int, width: int) -> None:
        size, right, down = self._next(0.35, 0.40), self._next(-0.03, 0.03), self._next(-0.01, 0.03)
        if self.close:
            size, right, down = np.full_like(size, _CLOSE[0]), np.zeros_like(right), np.full_like(down, _CLOSE[1])
        self.size, self.middle = size * min(1.0, width / height), (right, down)
        x, y = ((np.arange(n) + 0.5 - n / 2) / height for n in (width, height))
        self.u = (x[None, None] - right) / self.size
        self.v = (y[None, :, None] - down) / self.size
        self.wide, self.jaw = self._next(0.68, 0.80), self._next(0.08, 0.26)
        self.across = self.wide + (_DEPTH + 0.1 - self.wide) * self.sin**2  # a head is longer than broad
        self.outline = self.across * (1 - self.jaw * np.maximum(self.v, 0) ** 2)
        self.around = np.broadcast_to(np.clip(self.u / self.across, -1, 1), self.part.shape)
        self.inside = (self.u / self.outline) ** 2 + self.v**2 < 1

    def _paint(self, part: str, inside: Any, shade: Any = 1.0) -> None:
        """That part, in this shade, on all points inside, in front of what was there."""
        np.copyto(self.part, _PLACE[part], where=inside)
        np.copyto(self.shade, shade, where=inside)

    def _at(self, u: Any, v: Any, out: float = 0.0) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Coordinates about a part that lies at u and v on the head, `out` in front of it, and whether it is seen."""
        facing = np.maximum(self.cos * np.sqrt(np.maximum(1 - (u / self.wide) ** 2, 0)) - self.sin * u / self.wide, 0)
        squeeze = np.maximum(facing / np.sqrt(np.maximum(1 - (u / self.wide) ** 2, 1e-6)), 0.05)
        return (self.u - self._across(u, v, out)) / squeeze, self.v - v, facing > 0.1

    def _across(self, u: Any, v: Any, out: float = 0.0) -> Floats:
        """Where what lies there on the head is seen, to the right of its middle."""
        flat = 1 - (u / self.wide) ** 2 - np.asarray(v) ** 2
        return np.asarray(u * self.cos + (_DEPTH * np.sqrt(np.maximum(flat, 0)) + out) * self.sin)

    def landmarks(self, height: int, width: int) -> Floats:
        """x and y of both eyes, the tip of the nose and both corners of the mouth, in pixels of such an image.

        The middle of the first pixel is 0. Also of what is hidden: [N, 5, 2].
        """
        mouth, wide, corner = self._across(0.0, 0.55), self.half * np.maximum(self.cos, 0.05), 0.55 - self.bent / 2
        eyes = [(self._across(side * self.apart, -0.10), -0.10) for side in (-1, 1)]
        points = [*eyes, (self._across(0.0, 0.0, 0.12), self.tip), (mouth - wide, corner), (mouth + wide, corner)]
        x, y = (np.concatenate([np.broadcast_to(p[k], self.cos.shape)[:, 0] for p in points], 1) for k in (0, 1))
        right, down = self.middle
        x, y = x * self.size[:, 0] + right[:, 0], y * self.size[:, 0] + down[:, 0]
        return np.stack([x * height + (width - 1) / 2, y * height + (height - 1) / 2], 2)

    def _behind(self) -> None:
        """A wall, hair that hangs down if it is long, and a neck."""
        self._paint("wall", True, 1.05 - 0.12 * self.v)
        self.long, low = self._next(0, 1) < 0.45, self._next(0.55, 1.05)
        back = self.u + 0.25 * self.sin
        bulge = np.sqrt(np.clip(1.1 - (self.v - 0.1) ** 2 / 1.4, 0, 1))
        curtain = (abs(back) < (self.wide + 0.17) * bulge) & (self.v > -0.6) & (self.v < low)
        self._paint("hair", self.long & curtain, 0.8)
        self._paint("skin", (abs(back) < 0.36 + 0.5 * np.maximum(self.v - 1.2, 0)) & (self.v > 0.5), 0.80)

    def _head(self) -> None:
        for side in (-1, 1):
            ear = (self.u - side * self.wide * self.cos + 0.1 * self.sin) / 0.11
            self._paint("skin", (ear**2 + ((self.v - 0.03) / 0.19) ** 2 < 1) & (side * self.sin < 0.3), 0.88)
        shade = 1.03 - 0.10 * self.v**2
        self._paint("skin", self.inside, shade)
        for side in (-1, 1):
            u, v, seen = self._at(side * 0.40, 0.25)
            self._paint("cheek", seen & self.inside & ((u / 0.2) ** 2 + (v / 0.16) ** 2 < 1), shade)

    def _beard(self) -> None:
        """From ear to ear along the chin, and above the mouth."""
        rim = abs(self.u / self.outline)
        full = (
            self.inside & (self.v > np.maximum(0.60 - 0.50 * rim * rim * rim, 0.05)) & ((rim > 0.72) | (self.v > 0.40))
        )
        u, v, _ = self._at(0.0, 0.42)
        moustache = (abs(u) < 0.30) & (abs(v + 0.02 - 0.35 * u**2) < 0.055)
        strands = 0.86 + 0.12 * stripes(6 * self.u) * stripes(4 * self.v)
        self._paint("beard", (self.beard > 0) & (full | moustache), strands)

    def _mouth(self) -> None:
        """Lips, which a smile draws up at the corners and opens."""
        self.half = half = self._next(0.20, 0.27) + 0.07 * self.smile
        self.bent = bent = self._next(-0.02, 0.02) + 0.13 * self.smile
        full = self._next(0.045, 0.075)
        u, v, seen = self._at(0.0, 0.55)
        along = np.sqrt(np.maximum(1 - (u / half) ** 2, 0))
        v = abs(v + bent * ((u / half) ** 2 - 0.5))
        self._paint("lips", seen & (v < (full + 0.035 * self.smile) * along))
        self._paint("gap", seen & (v < np.where(self.smile > 0, 0.045, 0.012) * along))

    def _nose(self) -> None:
        """A ridge that broadens to two wings, with a shadow under each."""
        self.tip = low = self._next(0.24, 0.36)
        half = self._next(0.09, 0.14)
        u, v, seen = self._at(0.0, 0.0, 0.12)
        down = np.clip((v + 0.12) / (low + 0.12), 0, 1)
        ridge = (abs(u) < 0.035 + (half - 0.035) * down**2) & (v > -0.12) & (v < low)
        self._paint("nose", seen & (ridge | ((u / half) ** 2 + ((v - low) / 0.06) ** 2 < 1)), 1.0 - 0.07 * down)
        hole = ((abs(u) - 0.55 * half) / 0.035) ** 2 + ((v - low - 0.02) / 0.022) ** 2 < 1
        self._paint("nose", seen & hole, 0.58)

    def _eyes(self) -> None:
        """Each eye and each brow is an object of its own."""
        self.apart, wide, high = self._next(0.28, 0.36), self._next(0.115, 0.15), self._next(0.055, 0.085)
        look, gap = self._next(-0.03, 0.03), self._next(0.15, 0.20)
        thick, tilt = self._next(0.025, 0.05), self._next(-0.15, 0.2)
        for k, side in enumerate((-1, 1)):
            u, v, seen = self._at(side * self.apart, -0.10)
            round_ = (u / wide) ** 2 + (v / high) ** 2
            eye, from_middle = seen & (round_ < 1), (u - look) ** 2 + v**2
            lid = np.where((round_ > 0.75) & (v < 0), 0.7, 1.0)
            self._paint(f"eye {k}", eye, lid)
            self._paint(f"iris {k}", eye & (from_middle < 0.075**2), lid)
            self._paint(f"pupil {k}", eye & (from_middle < 0.032**2))
            u, v, seen = self._at(side * self.apart, -0.10 - gap)
            brow = (abs(u) < 1.3 * wide) & (abs(v + tilt * side * u + 1.5 * u**2) < thick * (1.2 - side * u / wide / 3))
            self._paint(f"brow {k}", seen & brow)

    def _hair(self) -> None:
        """A cap with a fringe, whose border is parted at one side."""
        line, part, thick = self._next(-0.62, -0.45), self._next(-0.4, 0.4), self._next(0.06, 0.14)
        u = self.u + 0.30 * self.sin
        cap = (u / (self.across + thick)) ** 2 + (self.v / (1 + thick)) ** 2 < 1
        apart = abs(u - part)
        border = np.minimum(line + 0.35 * apart * np.sqrt(apart) * np.where(self.long, 1.4, 0.9), 0.0)
        sides = (abs(u) > self.wide - 0.10 + 0.2 * self.sin**2) & (self.v < np.where(self.long, 0.55, -0.05))
        self._paint("hair", cap & ((self.v < border) | sides), 0.91 + 0.10 * stripes(4 * (u - part) + 0.8 * self.v))

    def _rims(self) -> None:
        """Glasses: two rims, a bridge, and temples to the ears."""
        around, thick, there = self._next(0.20, 0.235), 0.034, self.glasses > 0
        for side in (-1, 1):
            u, v, seen = self._at(side * self.apart, -0.08, 0.1)
            rim = abs(np.sqrt(u**2 + (1.15 * v) ** 2) - around) < thick
            temple = (side * u > around) & (abs(v) < thick) & (abs(self.u) < self.across)
            self._paint("glasses", there & seen & (rim | temple))
        u, v, seen = self._at(0.0, -0.10, 0.15)
        self._paint("glasses", there & seen & (abs(u) < self.apart - around) & (abs(v) < thick))
