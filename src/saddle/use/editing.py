"""Label maps with the numbers of objects, edited: objects are moved, left out, added, and asked for another look.

A map holds the class of every pixel, int64 [H, W], and beside it stand the numbers of objects. What is an object: from
number 1000 on, where a map has such numbers, as Cityscapes counts them; else what is not 0. All else is ground.
Wang et al., 2018, Section 3.4. https://arxiv.org/abs/1711.11585
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError, near, some

Numbers = NDArray[np.int64]
THING = 1000  # numbers from here on are of objects


@dataclass(frozen=True)
class Scene:
    """A label map and its objects."""

    classes: Numbers  # [H, W]
    numbers: Numbers  # [H, W]
    names: tuple[str, ...]  # of the classes

    @property
    def is_object(self) -> NDArray[np.bool_]:
        """Which pixels are of an object, [H, W]."""
        return self.numbers >= THING if self.numbers.max() >= THING else self.numbers != 0

    def told(self) -> str:
        """Its objects in words: 5000 (car), 5001 (car)."""
        found = np.unique(self.numbers[self.is_object])
        return some([f"{n} ({self.names[self._class_of(self.numbers == n)]})" for n in found], 20) or "none"

    def where(self, number: int) -> NDArray[np.bool_]:
        """The pixels of an object, or of ground with this number. UsageError if there are none."""
        inside = np.asarray(self.numbers == number)
        if not inside.any():
            raise UsageError(f"there is no object {number} in this map; there are {self.told()}")
        return inside

    def without(self, number: int) -> "Scene":
        """The object is left out. Each of its pixels becomes what the nearest pixel of no object is.

        Where all that is left are objects, the nearest of these. UsageError for ground, and if nothing is left.
        """
        gone = self.where(number)
        self._check_object(number, gone)
        known = ~gone & ~self.is_object
        return self._filled(gone, known if known.any() else ~gone)

    def moved(self, number: int, right: int, down: int) -> "Scene":
        """The object stands so many pixels further right and down, in front of all others; its place is filled.

        UsageError for ground, and if nothing of it would be left in the map.
        """
        inside = self.where(number)
        self._check_object(number, inside)
        kind = self._class_of(inside)
        rows, columns = np.nonzero(inside)
        ground = self.without(number) if not inside.all() else self
        return ground._stamped(rows + down, columns + right, kind, number, f"object {number}")

    def added(self, name: str, x: int, y: int) -> "Scene":
        """A copy of the map's largest object of a class, with its middle at column x and row y, in front of all others.

        Its number is the next one after those of its class. UsageError for a class that there is not, and for one of
        which the map has no object to copy.
        """
        if name not in self.names:
            raise UsageError(f"no class '{name}'{near(name, self.names)}; there are {some(self.names, 20)}")
        kind = self.names.index(name)
        own = np.where((self.classes == kind) & self.is_object, self.numbers, 0)
        found, sizes = np.unique(own[own != 0], return_counts=True)
        if not len(found):
            raise UsageError(f"this map has no object of the class {name} to copy; its objects are {self.told()}")
        rows, columns = np.nonzero(own == found[sizes.argmax()])
        down, right = y - (rows.min() + rows.max()) // 2, x - (columns.min() + columns.max()) // 2
        return self._stamped(rows + down, columns + right, kind, self._next(kind), name)

    def looks(self, asked: Mapping[int, int]) -> Numbers:
        """Of each pixel the cluster that is asked for its object, by the object's number; -1 where none is: [H, W]."""
        clusters = np.full(self.numbers.shape, -1, np.int64)
        for number, cluster in asked.items():
            clusters[self.where(number)] = cluster
        return clusters

    def _next(self, kind: int) -> int:
        """A number that no object has: of its class where numbers tell classes, else after all others."""
        told = self.numbers[self.numbers >= THING] // THING
        of_class = len(told) and np.array_equal(told, self.classes[self.numbers >= THING])
        mine = self.numbers[self.numbers // THING == kind] if of_class else self.numbers
        return int(mine.max()) + 1 if mine.size else kind * THING

    def _check_object(self, number: int, inside: NDArray[np.bool_]) -> None:
        if not self.is_object[inside].all():
            raise UsageError(
                f"{number} is ground, {self.names[self._class_of(inside)]}, on which objects stand; there are the "
                f"objects {self.told()}"
            )

    def _class_of(self, inside: NDArray[np.bool_]) -> int:
        """The commonest class of some pixels."""
        return int(np.bincount(self.classes[inside]).argmax())

    def _filled(self, gone: NDArray[np.bool_], known: NDArray[np.bool_]) -> "Scene":
        """Pixels that are gone are what their nearest known pixel is."""
        from scipy.ndimage import distance_transform_edt  # which scikit-learn brings along

        if not known.any():
            raise UsageError("nothing else is in this map, so nothing can stand in this object's place")
        rows, columns = distance_transform_edt(~known, return_distances=False, return_indices=True)
        classes, numbers = (np.where(gone, x[rows, columns], x) for x in (self.classes, self.numbers))
        return Scene(classes, numbers, self.names)

    def _stamped(self, rows: Numbers, columns: Numbers, kind: int, number: int, what: str) -> "Scene":
        height, width = self.numbers.shape
        seen = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        if not seen.any():
            raise UsageError(f"nothing of {what} would be left in this map of {height}×{width} pixels (height × width)")
        classes, numbers = self.classes.copy(), self.numbers.copy()
        classes[rows[seen], columns[seen]], numbers[rows[seen], columns[seen]] = kind, number
        return Scene(classes, numbers, self.names)


def looks(numbers: Numbers, asked: Mapping[int, int]) -> Numbers:
    """As `Scene.looks`, of the numbers of objects alone.  [H, W]"""
    return Scene(np.zeros_like(numbers), numbers, ("object",)).looks(asked)


def edited(
    scene: Scene,
    drop: Iterable[int] = (),
    move: Mapping[int, tuple[int, int]] | None = None,
    add: Sequence[tuple[str, int, int]] = (),
) -> Scene:
    """First objects are left out, then moved, then added. UsageError says what there is."""
    for number in drop:
        scene = scene.without(number)
    for number, (right, down) in (move or {}).items():
        scene = scene.moved(number, right, down)
    for name, x, y in add:
        scene = scene.added(name, x, y)
    return scene
