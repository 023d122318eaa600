"""Calibrate a run on good images that it has never seen, and on defects if they are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from ..base.errors import SaddleError, UsageError, some
from ..data.files import bad_lines, count, listing
from ..data.fingerprint import digest, fingerprint
from ..data.source import Cropped
from ..show.pictures import to_uint8, to_uint16
from ..spec import Field
from ..tasks import Detection
from ..use.detecting import Found, Seen
from . import calibration, finding
from .calibration import Calibration

if TYPE_CHECKING:
    from ..data.source import Column, Source
    from .run import Run

CHUNK = 256  # images of the run's data at a time
PIXELS = 1 << 22  # of all maps together, of which the median is


@dataclass(frozen=True)
class Item:
    """An image to calibrate with."""

    name: str  # in messages
    see: Callable[[], Seen]  # UsageError or SaddleError for what cannot be read


def calibrate(
    run: Run, images: Any, false_alarms: float, defects: Any = None, best: str | None = None, **use: Any
) -> Calibration:
    """`Run.calibrate`."""
    return of_items(run, items(run, images), false_alarms, items(run, defects, "defect"), best, use)


def items(run: Run, images: Any, what: str = "image") -> list[Item]:
    """Tensors float [N, C, H, W] in [-1, 1], arrays, pictures and paths, or a list of them."""
    sight, read = finding.view(run), finding.reader(run)
    if images is None:
        return []
    if isinstance(images, Tensor):
        field = sight.field
        return [Item(f"{what} {i}", partial(sight.pixels, stored(x, field))) for i, x in enumerate(images)]
    each = images if isinstance(images, Sequence | np.ndarray) and not isinstance(images, str) else [images]
    names = (str(x) if isinstance(x, str | Path) else f"{what} {i}" for i, x in enumerate(each))
    return [Item(name, lambda x=x: sight.see(read(x))) for name, x in zip(names, each, strict=True)]  # type: ignore[misc]


def stored(image: Tensor, field: Field) -> np.ndarray:
    """An image in [-1, 1], [C, H, W], as the data keep it."""
    return (to_uint16(image) if field.bits == 16 else to_uint8(image).cpu()).numpy()


def of_items(
    run: Run, good: Sequence[Item], false_alarms: float, defects: Sequence[Item], best: str | None, use: dict[str, Any]
) -> Calibration:
    """The calibration, written into the run.

    UsageError, before anything is computed, for too few images, with the number needed; for images that the run was
    trained on or is scored by; for a defect among the good ones; SaddleError for files that cannot be read. What was
    there before stays then.
    """
    chosen = run.use(Detection, use)
    if best not in (None, "f1"):
        raise UsageError(f"a threshold is the best by f1, not by {best!r}; leave it out for that of --false-alarms")
    if bool(best) != bool(defects):
        raise UsageError("--best f1 and --defects go together: the best threshold is between good images and defects")
    calibration.check_enough(len(good), false_alarms)
    marks = _apart(run, good, defects)
    good, defects = _once(good, marks), _once(defects, marks)
    calibration.check_enough(len(good), false_alarms)
    scores, peaks, middle = _measured(run, good, chosen)
    threshold = calibration.quantile(scores, false_alarms)
    if best:
        threshold = calibration.best_f1(scores, _measured(run, defects, chosen)[0])
    images = sorted(marks[item.name] for item in (*good, *defects))
    found = Calibration(
        threshold,
        calibration.quantile(peaks, false_alarms),
        middle,
        sorted(scores),
        float(false_alarms),
        best,
        asdict(chosen),
        run.checkpoints.sha256(run.round),
        run.round,
        fingerprint(*images),
        images,
    )
    run.files.write_calibration(found.written())
    return found


def _apart(run: Run, good: Sequence[Item], defects: Sequence[Item]) -> dict[str, str]:
    """The digest of every image by its name. UsageError unless they are apart from the run's data, and each kind."""
    marks, bad = {}, []
    for item in (*good, *defects):
        try:
            marks[item.name] = item.see().mark
        except SaddleError as error:
            bad.append((item.name, str(error).removeprefix(f"{item.name}: ")))
    if bad:
        raise UsageError(
            f"{count(len(bad), 'image')} cannot be read:\n{listing(bad_lines(bad))}\nRepair or remove them"
        )
    both = {marks[item.name]: item.name for item in defects}
    if twice := [f"{item.name} ({both[marks[item.name]]})" for item in good if marks[item.name] in both]:
        raise UsageError(f"given as good and as defects: {some(twice, 5)}; an image is one of the two")
    places = known(run.source, run.as_(Detection).needs[0])
    _check_good([item.name for item in good if places.get(marks[item.name]) == DEFECT])
    for where, why in ((TRAINED, TRAINED_WHY), (HELD_OUT, HELD_OUT_WHY), (DEFECT, HELD_OUT_WHY)):
        if same := [name for name, mark in marks.items() if places.get(mark) == where]:
            raise UsageError(
                f"{len(same):,} of {len(marks):,} images are {where}, by their pixels: {some(same, 5)}. {why}; give "
                "others"
            )
    return marks


TRAINED, HELD_OUT, DEFECT = "among those of the training", "held out by the run's data", "defects that were held out"
TRAINED_WHY = "A run finds what it was trained on more normal than anything else, and the threshold would be too low"
HELD_OUT_WHY = "Scores are measured with them, and a threshold from them would flatter these"


def _check_good(defective: Sequence[str]) -> None:
    if defective:
        raise UsageError(f"named as good, and defects by the run's data: {some(defective, 5)}; remove them")


def known(source: Source, key: str) -> dict[str, str]:
    """Where the run's data hold an image, by the digest of its pixels."""
    places = dict.fromkeys(_digests(source.train.columns[key]), TRAINED)
    if source.heldout is None or key not in source.heldout.columns:
        return places
    marks = [*_digests(source.heldout.columns[key])]
    shown = source.heldout.columns.get("defect")
    defective = np.zeros(len(marks), bool) if shown is None else np.asarray(shown[:]) > 0
    return places | {mark: DEFECT if bad else HELD_OUT for mark, bad in zip(marks, defective, strict=True)}


def _digests(column: Column) -> Iterator[str]:
    """Of each image as it is kept; of one that pieces are cut from, of the whole."""
    if isinstance(column, Cropped):
        yield from (digest(column.images[row]).hex() for row in column.rows)
        return
    for start in range(0, len(column), CHUNK):
        for image in column[np.arange(start, min(start + CHUNK, len(column)))]:
            yield digest(image).hex()


def _once(items: Sequence[Item], marks: dict[str, str]) -> list[Item]:
    """Of images with the same pixels the first: a copy is no further evidence."""
    return list({marks[item.name]: item for item in reversed(items)}.values())[::-1]


def _measured(run: Run, items: Sequence[Item], chosen: Any) -> tuple[list[float], list[float], float]:
    """Of good images their scores, the greatest values of their maps, and the median of all values.

    The last is of at most 4 million values, evenly taken.
    """
    sight, scores, peaks, values = finding.view(run), [], [], []
    share = max(1, PIXELS // len(items))
    seen: Iterable[tuple[str, Seen]] = ((item.name, item.see()) for item in items)
    for name, found in finding.each_found(run, seen, sight, chosen):
        _check(name, found)
        scores.append(found.score)
        peaks.append(float(found.seen_map.max()))
        flat = found.seen_map.flatten().numpy()
        values.append(flat[np.linspace(0, len(flat) - 1, min(len(flat), share)).round().astype(np.int64)])
    return scores, peaks, float(np.median(np.concatenate(values)))


def _check(name: str, found: Found) -> None:
    try:
        found.check()
    except SaddleError as error:
        raise SaddleError(f"{name}: {error}; nothing was calibrated") from None
    if float(found.seen_map.min()) < 0:
        raise SaddleError("the game's maps are below 0 in places, and the scale of heat maps begins at 0")
