"""Drawn eyes, of which it is known where they look, and how a camera would take them.

An eye has coordinates of its own: u to the right and v down from its middle, in halves of its width. The iris lies on a
ball: where it looks to the side, it is narrower.
"""

import numpy as np
from numpy.typing import NDArray

from .chance import Floats, noise, uniform

NAMES = ("yaw", "pitch")  # to the right of the picture and up, in degrees
MOST = (30.0, 20.0)  # of them, to either side
_BALL = 0.95  # radius of the ball
_CHANCES = 16  # random numbers of an eye, of which the first two are those of its angles
_TAPS = 4  # pixels on either side that a blur reaches


def angles(what: str, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Where each eye looks: NAMES in degrees, [N, 2]."""
    return ((2 * _chances(what, places)[:, :2] - 1) * MOST).astype(np.float32)


def drawn(what: str, places: NDArray[np.int64], height: int, width: int) -> Floats:
    """The eyes of these places, [N, H, W] in [0, 1]: a function of `what` and of the place alone."""
    yaw, pitch = np.radians(angles(what, places).astype(np.float64)).T[:, :, None, None]
    some = iter(_chances(what, places).T[2:, :, None, None])

    def chosen(low: float, high: float) -> Floats:
        return np.asarray(low + (high - low) * next(some))

    size = chosen(0.36, 0.42) * width
    u = (np.arange(2 * width) + 0.5 - width)[None, None] / (2 * size) - chosen(-0.08, 0.08)
    v = (np.arange(2 * height) + 0.5 - height)[None, :, None] / (2 * size) - chosen(-0.08, 0.08)
    bow = np.maximum(1 - u**2, 0)  # of a lid, from corner to corner
    upper = -bow * (chosen(0.42, 0.56) + 0.35 * np.sin(pitch))  # the lid follows the eye
    lower = bow * chosen(0.30, 0.38)
    skin, white = chosen(0.55, 0.80), chosen(0.86, 0.96)
    iris, radius, hole = chosen(0.30, 0.50), chosen(0.36, 0.44), chosen(0.40, 0.55)
    across, down = (u - _BALL * np.sin(yaw) * np.cos(pitch)) / np.cos(yaw), (v + _BALL * np.sin(pitch)) / np.cos(pitch)
    far = np.sqrt(across**2 + down**2) / radius
    ball = np.where(far < hole, 0.08, np.where(far < 0.86, iris, np.where(far < 1, 0.7 * iris, white - 0.2 * u**2)))
    ball = np.where((u - chosen(-0.1, 0.1)) ** 2 + (v + 0.12) ** 2 < 0.0045, 1.0, ball)  # a window's light
    ball = ball * np.where(v - upper < 0.1, 0.75, 1.0)  # in the shade of the lid
    lid = np.where((np.abs(v - upper) < 0.045) & (bow > 0), 0.25, skin)  # the lashes
    lid = np.where((np.abs(v - 1.25 * upper + 0.16) < 0.025) & (bow > 0), 0.8 * skin, lid)  # and a fold above them
    return _halved(np.where((v > upper) & (v < lower), ball, lid))


def taken(eyes: Floats, what: str, places: NDArray[np.int64]) -> Floats:
    """Eyes [N, H, W] as a camera takes them: light from a side, less contrast, out of focus, and grainy."""
    bright, pale, turn, strength, focus, grain = uniform(f"{what}: camera", places, 6).T[:, :, None, None]
    height, width = eyes.shape[1:]
    x, y = ((np.arange(side) + 0.5) / side * 2 - 1 for side in (width, height))
    angle = np.pi * (0.1 + 0.5 * turn)  # from above, or from above and the right
    light = 1 + (0.25 + 0.25 * strength) * (np.cos(angle) * x[None, None] - np.sin(angle) * y[None, :, None])
    seen = (0.12 + 0.08 * pale + (0.50 + 0.15 * bright) * eyes) * light
    deviation = (0.018 + 0.012 * focus) * width
    blurred = np.swapaxes(_blurred(np.swapaxes(_blurred(seen, deviation), 1, 2), deviation), 1, 2)
    return blurred + (0.03 + 0.02 * grain) * noise(f"{what}: grain", places, (height, width))


def as_bytes(eyes: Floats) -> NDArray[np.uint8]:
    """Eyes [N, H, W] in [0, 1] as images [N, 1, H, W]; what lies beyond is clipped."""
    return np.rint(255 * np.clip(eyes, 0, 1)).astype(np.uint8)[:, None]


def _blurred(x: Floats, deviation: Floats) -> Floats:
    """Along the last side by a bell of so many pixels, [N, 1, 1]; the edge goes on beyond itself."""
    steps = np.arange(-_TAPS, _TAPS + 1)
    weights = np.exp(-((steps / deviation) ** 2) / 2)  # [N, 1, 2 · _TAPS + 1]
    weights /= weights.sum(2, keepdims=True)
    wide = np.pad(x, ((0, 0), (0, 0), (_TAPS, _TAPS)), mode="edge")
    side = x.shape[2]
    return np.asarray(sum(weights[:, :, k : k + 1] * wide[:, :, k : k + side] for k in range(len(steps))))


def _chances(what: str, places: NDArray[np.int64]) -> Floats:
    return uniform(f"{what}: eye", places, _CHANCES)


def _halved(x: Floats) -> Floats:
    """Means of 2 × 2 points.  [N, 2H, 2W] → [N, H, W]"""
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
