"""faces-turned: drawn faces turned by up to 60 degrees (damaged), frontal (image), landmarks, whose they are (label)
faces-turned:DEGREES: the same, turned by up to so many degrees, such as faces-turned:45
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...base.errors import UsageError
from ...spec import DataSpec, Field
from ..baselines import Baseline, of_pairs
from ..chance import Floats, uniform
from ..crops import sides_of_pairs
from ..fingerprint import fingerprint
from ..made import Make, Together
from ..options import DataOptions
from ..portraits import faces, lights, photographed
from ..source import Judged, Source, Split

OFFERS = ("damaged", "image", "landmarks", "label", "yaw")  # keys of its batches
FILES = False  # its place is an angle
JUDGED = Judged()
DEGREES = 60.0
PEOPLE, STRANGERS = 340, 50  # all of them, and those of whom a training sees nothing: the last ones
TRAINED, KEPT = 20_300, 300  # photographs: 70 of everybody, 6 of every stranger
_FACE, _TRAIN, _HELD_OUT = "people", "people train", "people held out"  # what chance is drawn for
_MARKED = 64  # held-out photographs whose pixels say which these are


def open(options: DataOptions, path: str) -> Source:
    """Keys damaged, image, landmarks, label and yaw; 64 pixels unless asked otherwise, always in colour.

    `damaged` is a face turned by an angle, whose far side is hidden, and `image` the same one that looks at us, before
    the same wall and in the same light. `landmarks` are five points of the turned face, x and y of each: the eyes, left
    and right in the image, the tip of the nose, and the corners of the mouth, left and right; -1 to 1 from one edge of
    the image to the other. `yaw` is the angle in degrees, above 0 where the right half is the hidden one. `label` says
    whose face it is, of 340 people. The last 50 are held out: nobody who is trained on them.
    """
    spec = spec_of(options, path)
    train, kept = (_split(strangers, spec.shape[1:], _degrees(path)) for strangers in (False, True))
    marked = kept.take(slice(_MARKED))
    mark = fingerprint(options.source, TRAINED, KEPT, spec.identity(), *(marked[key].numpy() for key in OFFERS))
    return Source(options.source, spec, train, kept, mark, judged=JUDGED)


def _split(strangers: bool, sides: tuple[int, ...], degrees: float) -> Split:
    """Photographs that are drawn when they are asked for; of all of them it is known at once whose they are, and how.

    Each is of a moment of its own.
    """
    what, count = (_HELD_OUT, KEPT) if strangers else (_TRAIN, TRAINED)
    places, known = np.arange(count), PEOPLE - STRANGERS
    people = known + places % STRANGERS if strangers else places % known
    yaw = degrees * (2 * uniform(f"{what}: yaw", places, 1) - 1)
    drawn = Together(count, _maker(what, sides, people, yaw[:, 0], TRAINED * strangers))
    return Split({**drawn.columns(), "label": people, "yaw": yaw.astype(np.float32)})


def spec_of(options: DataOptions, path: str) -> DataSpec:
    """What `open` gives, without a drawing."""
    options.allow("size")
    _degrees(path)
    height, width = sides_of_pairs(options)
    image, ends = Field("image", (3, height, width)), np.array([width, height] * 5)
    middle, half = (
        tuple(map(float, x / 2)) for x in (ends - 1, ends)
    )  # of pixels, whose first one has its middle at 0
    return DataSpec(
        {
            "damaged": image,
            "image": image,
            "landmarks": Field("points", (10,), offset=middle, scale=half),
            "label": Field("class", names=tuple(f"person {k + 1}" for k in range(PEOPLE))),
            "yaw": Field("numbers", (1,), ("degrees",)),
        }
    )


def baselines(source: Source, options: DataOptions) -> Iterable[Baseline]:
    """Those of all pairs, of turned faces and frontal ones."""
    return of_pairs(source, "damaged", "image")


def _maker(what: str, sides: tuple[int, ...], people: NDArray[np.int64], yaw: Floats, first: int) -> Make:
    """What draws photographs of these people [N], turned by angles [N] in degrees; `first` counts their moments."""

    def photograph(how: str, places: NDArray[np.int64], yaw: Floats) -> tuple[NDArray[np.uint8], Floats]:
        face = faces(_FACE, people[places], sides[0], sides[1], yaw, first + places)
        return photographed(face.lit(lights(what, places)), f"{what} {how}", places), face.landmarks

    def make(places: NDArray[np.int64]) -> dict[str, np.ndarray]:
        turned, points = photograph("turned", places, np.radians(yaw[places]))
        frontal, _ = photograph("frontal", places, np.zeros(len(places)))
        return {"damaged": turned, "image": frontal, "landmarks": points.reshape(-1, 10).astype(np.float32)}

    return make


def _degrees(path: str) -> float:
    try:
        degrees = float(path) if path else DEGREES
    except ValueError:
        degrees = float("nan")
    if not 0 < degrees <= 75:
        raise UsageError(f"faces-turned:{path}: faces are turned by up to a number of degrees, above 0, at most 75")
    return degrees
