"""TP-GAN's local paths: eyes, nose and mouth, cut out and turned by a network each. Huang et al., 2017.

https://arxiv.org/abs/1704.04086. Landmarks are five points of a face, x and y of each: the left and the right eye, the
tip of the nose, the left and the right corner of the mouth. Left and right are those of the image. Coordinates go from
-1 to 1 between the edges of the image. Sizes and places are those of the authors' code for 128 pixels, and scale with
the image.
"""

import math

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from .tpgan import Residual, Size, convolution, down, drawing, start, up

POINTS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")
SHARES = 128  # of which a side has so many, the numbers below count
SIZES = {"left eye": (40, 40), "right eye": (40, 40), "nose": (32, 40), "mouth": (32, 48)}  # rows and columns
PLACES = {"left eye": (44, 41), "right eye": (86, 41), "nose": (64, 65), "mouth": (65, 89)}  # x, y: means of landmarks
_HALVED = 8  # sides of parts are multiples of it, for a rotator halves three times
MIRRORED = [1, 0, 2, 4, 3]  # of the points in a mirror image


class Rotator(nn.Module):
    """A part [N, C, h, w] as it is turned → its maps [N, width, h, w] and its image [N, outputs, h, w], frontal.

    17,199,043 parameters with a width of 64 and three channels; of six, 17,200,771.
    """

    def __init__(self, channels: int, outputs: int, width: int):
        super().__init__()
        wide = [width << level for level in range(4)]
        first = nn.Sequential(nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.2), Residual(width))
        halving = [nn.Sequential(*down(wide[k], wide[k + 1]), Residual(wide[k + 1])) for k in range(3)]
        halving[-1].append(Residual(wide[-1]))
        self.down = nn.ModuleList([first, *halving])
        back = wide[2::-1]
        self.up = nn.ModuleList(nn.Sequential(*up(2 * n, n)) for n in back)
        self.join = nn.ModuleList(nn.Sequential(*convolution(2 * n, n), nn.LeakyReLU(0.2), Residual(n)) for n in back)
        self.draw = nn.Sequential(*drawing(width, outputs))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps: list[Tensor] = []
        for step in self.down:
            x = step(x)
            maps.append(x)
        maps.pop()
        for enlarge, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat((enlarge(x), maps.pop()), 1))
        return x, self.draw(x)


class Rotators(nn.ModuleDict):
    """Parts by name → the output of their rotators. That of the right eye sees the left one too, as in the code."""

    def __init__(self, channels: int, width: int):
        seen = {name: channels * (2 if name == "right eye" else 1) for name in SIZES}
        super().__init__({name: Rotator(n, channels, width) for name, n in seen.items()})
        start(self)

    def forward(self, parts: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The maps and the images of turned parts, by name, each [N, C', h, w]; so are the parts given."""
        seen = parts | {"right eye": torch.cat((parts["right eye"], parts["left eye"]), 1)}
        turned = {name: rotator(seen[name]) for name, rotator in self.items()}
        return {name: maps for name, (maps, _) in turned.items()}, {name: image for name, (_, image) in turned.items()}


def sides(size: Size) -> dict[str, Size]:
    """Rows and columns of the parts of images of this size: multiples of 8 pixels."""
    return {name: (_scaled(rows, size[0]), _scaled(columns, size[1])) for name, (rows, columns) in SIZES.items()}


def _scaled(count: int, side: int) -> int:
    return math.ceil(count * side / SHARES / _HALVED) * _HALVED


def corners(size: Size) -> dict[str, Size]:
    """The top row and the left column at which parts lie in a frontal face. The authors count pixels from 1."""
    tops = {}
    for name, (rows, columns) in sides(size).items():
        x, y = ((p - 1) * side / SHARES for p, side in zip(PLACES[name], reversed(size), strict=True))
        tops[name] = round(y) - rows // 2, round(x) - columns // 2
    return tops


def points(landmarks: Tensor, size: Size) -> Tensor:
    """Landmarks [N, 10] as x and y in pixels of images of this size, [N, 5, 2]; the middle of the first pixel is 0."""
    ends = landmarks.new_tensor([size[1], size[0]])
    return ((landmarks.unflatten(1, (5, 2)) + 1) * ends - 1) / 2


def cut_parts(images: Tensor, landmarks: Tensor) -> dict[str, Tensor]:
    """The parts of images [N, C, H, W] about their landmarks [N, 10]; what lies outside is as the edge is."""
    size = images.shape[2], images.shape[3]
    at = points(landmarks, size)
    left, right, nose, *mouth = at.unbind(1)
    middles = {"left eye": left, "right eye": right, "nose": nose, "mouth": (mouth[0] + mouth[1]) / 2}
    return {name: cut(images, middles[name], sides_) for name, sides_ in sides(size).items()}


def cut(images: Tensor, middles: Tensor, sides: Size) -> Tensor:
    """Pieces [N, C, h, w] of images [N, C, H, W] around x and y [N, 2]; pixels outside are those of the edge."""
    n, _, height, width = images.shape
    x, y = middles.round().long().unbind(1)
    rows = (y[:, None] - sides[0] // 2 + torch.arange(sides[0], device=y.device)).clamp(0, height - 1)
    columns = (x[:, None] - sides[1] // 2 + torch.arange(sides[1], device=x.device)).clamp(0, width - 1)
    which = torch.arange(n, device=x.device)
    return images[which[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def frontal_parts(images: Tensor) -> dict[str, Tensor]:
    """The parts of frontal images [N, C, H, W]: what lies where the rotated ones are put."""
    size = images.shape[2], images.shape[3]
    where, every = corners(size), sides(size)
    return {name: _window(images, where[name], every[name]) for name in SIZES}


def _window(images: Tensor, corner: Size, sides: Size) -> Tensor:
    (top, left), (rows, columns) = corner, sides
    return images[..., top : top + rows, left : left + columns]


def fused(parts: dict[str, Tensor], size: Size) -> Tensor:
    """Parts [N, C, h, w] at their places in a frontal face, [N, C, H, W]: the largest value where they overlap.

    Around them all is 0, and 0 counts: what is below it is lost.
    """
    where, canvas = corners(size), None
    for name, part in parts.items():
        (top, left), (rows, columns) = where[name], part.shape[2:]
        around = left, size[1] - left - columns, top, size[0] - top - rows
        placed = nn.functional.pad(part, around)
        canvas = placed if canvas is None else torch.maximum(canvas, placed)
    assert canvas is not None
    return canvas


def looks_left(landmarks: Tensor) -> Tensor:
    """Of landmarks [N, 10]: is the nose nearer to the left eye, and so the left half the far one? bool [N]"""
    x = landmarks.unflatten(1, (5, 2))[..., 0]
    return x[:, 2] < (x[:, 0] + x[:, 1]) / 2


def mirrored(landmarks: Tensor) -> Tensor:
    """The landmarks [N, 10] of the mirror images, of landmarks [N, 10]."""
    swapped = landmarks.unflatten(1, (5, 2))[:, MIRRORED]
    return torch.stack((-swapped[..., 0], swapped[..., 1]), 2).flatten(1)


def flipped(x: Tensor, which: Tensor) -> Tensor:
    """Images [N, C, H, W] → same shape, mirrored where `which`, bool [N], says so."""
    return torch.where(which[:, None, None, None], x.flip(3), x)


def check_landmarks(landmarks: Tensor | None, count: int) -> Tensor:
    """Landmarks [count, 10] as they are, same shape. UsageError unless each image has five points, all inside of it."""
    five = f"five points of each face, x and y of each: {', '.join(POINTS)}"
    if landmarks is None:
        raise UsageError(f"TPGAN needs landmarks beside the images: {five}")
    if landmarks.shape != (count, 2 * len(POINTS)):
        shape = [*landmarks.shape]
        raise UsageError(f"TPGAN's landmarks of {count} images are of shape [{count}, 10], not {shape}: {five}")
    outside = ~(landmarks.abs() <= 1)
    if not torch.compiler.is_exporting() and outside.any():
        image, number = outside.nonzero()[0].tolist()
        axis, value = "xy"[number % 2], float(landmarks[image, number])
        raise UsageError(
            f"landmarks outside of the image: {int(outside.any(1).sum())} of {count} faces have some. The first: of "
            f"face {image + 1} the {POINTS[number // 2]}, whose {axis} is {value:g} where -1 and 1 are the edges. Are "
            "they pixels of another image, or x and y the other way round?"
        )
    return landmarks
