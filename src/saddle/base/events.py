"""What happened in a run, one JSON object a line in `events.jsonl`, and its reader.

The file is only ever appended to. A crash may leave half a line, which the next writer closes and the reader skips;
a resumed run starts at its checkpoint's round, which makes what was logged beyond it void.
"""

import json
import math
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .errors import SaddleError
from .plain import Count, Garbled, check_regular, fits, from_json, is_number

Event = dict[str, Any]
FIELDS: dict[str, Any] = {  # that are relied on here and in the folder; the report checks all that it shows
    **dict.fromkeys(("round", "rounds"), Count),
    "seconds": float,
    **dict.fromkeys(("reason", "file"), str | None),
    "scores": dict[str, dict[str, Any]],
}
SCORE: dict[str, Any] = {  # likewise of a score
    **dict.fromkeys(("value", "uncertainty"), float | None),
    "better": str | None,
    "round": Count,
    "fingerprint": dict[str, Any],
    "seconds_to": dict[str, float | None],
}
_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}  # JSON has no such numbers


class Events:
    """Appends events to the file `path`, each whole or not at all."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut = _ends_within_a_line(self.path)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        if cut:
            os.write(self._file, b"\n")

    def write(self, event: str, **fields: Any) -> Event:
        """Append one event with the time in unix seconds; numbers may be tensors or arrays of one element.

        What was written, as `read` gives it.
        """
        whole = {"event": event, "time": round(time.time(), 3), **_plain(fields)}
        line = json.dumps(whole, allow_nan=False) + "\n"
        os.write(self._file, line.encode("ascii"))  # one call: a line is never mixed with another's
        written: Event = _restored(whole)
        return written

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read(path: str | os.PathLike[str]) -> list[Event]:
    """The events that count, in order, of a file that may be still growing, cut short or absent.

    A "start" at round R voids every earlier event beyond R, so that a resumed run reads as one. Numbers that JSON
    lacks come back from their names "nan", "inf" and "-inf".
    """
    path = Path(path)
    events: list[Event] = []
    for line in path.read_text("ascii", errors="replace").splitlines() if _check_file(path) else []:
        event = _parse(line)
        if event is None:
            continue
        if event["event"] == "start" and is_number(start := event.get("round")):
            events = [e for e in events if not (is_number(e.get("round")) and e["round"] > start)]
        events.append(event)
    return events


def _parse(line: str) -> Event | None:
    """The event of one line, without fields of a wrong type; None if the line is not a whole one."""
    try:
        event = from_json(line)
    except Garbled:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return None
    event = well_typed(_restored(event), FIELDS)
    if "scores" in event:
        event["scores"] = {name: well_typed(score, SCORE) for name, score in event["scores"].items()}
    return event


def well_typed(values: dict[str, Any], hints: dict[str, Any]) -> dict[str, Any]:
    """Without those that have a type in `hints` and are not of it."""
    return {name: value for name, value in values.items() if name not in hints or fits(value, hints[name])}


def _check_file(path: Path) -> bool:
    """Is there a log? SaddleError for what is none: a folder, or a pipe, which might never end."""
    try:
        check_regular(path)
    except FileNotFoundError:
        return False
    except Garbled as error:
        raise SaddleError(f"{path} is not a log of a run: {error}; move it away") from None
    return True


def _ends_within_a_line(path: Path) -> bool:
    if not _check_file(path) or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _plain(value: Any) -> Any:
    """`value` in what JSON has: tensors of one element as numbers, odd numbers by name."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    item = getattr(value, "item", None)  # of a tensor or a NumPy number, without importing either
    return _plain(item()) if callable(item) else value


def _restored(value: Any) -> Any:
    """The inverse of `_plain` as far as numbers go."""
    if isinstance(value, dict):
        return {key: _restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return _ODD.get(value, value) if isinstance(value, str) else value
