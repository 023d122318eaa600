"""A run folder: the one owner of its layout. Who wants to know what lies where, or how a run ended, asks here."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import events
from .errors import SaddleError, UsageError
from .events import SCORE, Event, Events
from .files import clear, replace
from .plain import Count, Garbled, fits, from_json, from_yaml, text

_AGAIN = "move it away, and the same training scores the run again"
MAY_CHANGE = (  # settings of a recipe that may be others on the way of one run
    *("plan.rounds", "plan.images", "plan.minutes", "plan.at_most"),
    *("data.source", "data.labels", "data.palette", "data.masks", "data.cache", "from.run"),
)
FLOORS = (10.0, 5.0, 2.5, 1.5)  # multiples of the FID's floor that a run is timed to


class RunFolder:
    """The files of one run by what they are; nothing is read before it is asked for, and nothing is trusted."""

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self.recipe = self.path / "recipe.yaml"
        self.checkpoints = self.path / "checkpoints"
        self.pictures = self.path / "samples"
        self.film = self.pictures / "landscape.gif"
        self.nearest = self.pictures / "nearest.png"  # samples beside their nearest training images
        self.report = self.path / "report.html"
        self.benchmark = self.path / "benchmark.json"  # what it scored beside others
        self.calibration = self.path / "calibration.json"  # what it found in good images, and its thresholds
        self.model = self.path / "model.safetensors"  # of a run that was exported: all weights, as they are used
        self.released = self.path / "config.json"  # and what its checkpoint knew
        self._familiar = self.path / "familiar.json"  # what its images are like
        self._trackers = self.path / "trackers.json"  # what trackers call it
        self._events = self.path / "events.jsonl"
        self._scores = self.path / "scores.json"

    def check(self) -> None:
        """UsageError unless there is a run in it."""
        if not self.path.is_dir():
            found = "it is a file" if self.path.exists() else "there is no such folder"
            raise UsageError(f"{self.path} is not a run folder: {found} (saddle train makes one)")
        if not self.recipe.is_file():
            raise UsageError(f"{self.path} is not a run folder: it has no recipe.yaml (saddle train makes one)")

    def settings(self) -> dict[str, Any]:
        """The recipe as plain values, unchecked. SaddleError where it cannot be read."""
        try:
            settings = from_yaml(text(self.recipe))
        except Garbled as error:
            raise SaddleError(f"{self.recipe} is not YAML: {error}") from None
        if not isinstance(settings, dict):
            kind = type(settings).__name__
            raise SaddleError(f"{self.recipe} holds no settings: expected names with values, found {kind}")
        return settings

    def made_with(self) -> dict[str, Any]:
        """The recipe that the newest checkpoint remembers, as plain values, unchecked; empty where none does."""
        for facts in sorted(self.checkpoints.glob("round-*/facts.json"), reverse=True)[:1]:
            try:
                found = from_json(text(facts))
            except (Garbled, OSError):  # a damaged checkpoint is the business of whoever opens it
                continue
            recipe = found.get("recipe") if isinstance(found, dict) else None
            return recipe if isinstance(recipe, dict) else {}
        return {}

    def log(self) -> Events:
        """What appends to the log."""
        return Events(self._events)

    def events(self, kind: str | None = None) -> list[Event]:
        """What happened, in order, or what of one kind did; nothing if there is no log yet."""
        return [event for event in events.read(self._events) if kind in (None, event["event"])]

    def places(self) -> dict[str, str]:
        """Where the paths in its recipe led to when it was last started, absolute; nothing if it was not."""
        starts = self.events("start")
        noted = starts[-1].get("places") if starts else None
        return {k: v for k, v in noted.items() if isinstance(v, str)} if isinstance(noted, dict) else {}

    def stop(self) -> Event | None:
        """How the run came to rest; None if it runs or was cut off."""
        return how_it_stopped(self.events())

    @property
    def status(self) -> str:
        """finished, interrupted, stopped, failed, …, or 'running or killed'."""
        stop = self.stop()
        return (stop.get("reason") if stop else None) or "running or killed"

    def failure(self) -> str:
        """Why the run stopped before its end, where it failed; else nothing."""
        stop = self.stop() or {}
        failed = stop.get("reason") not in ("finished", "interrupted") and isinstance(stop.get("message"), str)
        return stop["message"] if failed else ""

    def scores(self) -> list[dict[str, Any]]:
        """The final scores, none if there are none yet. SaddleError for a file that holds none."""
        try:
            scores = from_json(text(self._scores))
        except FileNotFoundError:
            return []
        except Garbled as error:
            raise SaddleError(f"{self._scores} is not JSON: {error}; {_AGAIN}") from None
        if not isinstance(scores, list) or not all(isinstance(s, dict) and fits(s.get("name"), str) for s in scores):
            raise SaddleError(f"{self._scores} is not a list of scores; {_AGAIN}")
        for score in scores:
            if wrong := [name for name, hint in SCORE.items() if name in score and not fits(score[name], hint)]:
                raise SaddleError(f"{self._scores}: '{wrong[0]}' of {score['name']} is not one; {_AGAIN}")
        odd = {"value": math.nan, "uncertainty": math.nan}  # what is left out, or null
        return [odd | {key: value for key, value in score.items() if value is not None} for score in scores]

    def latest_scores(self) -> list[dict[str, Any]]:
        """The final scores, or else those that were taken last on the way."""
        if self._scores.exists():
            return self.scores()
        taken = self.events("score")
        return [{"name": name, **score} for name, score in (taken[-1].get("scores") or {}).items()] if taken else []

    def write_scores(self, scores: list[dict[str, Any]]) -> None:
        """What `scores` reads. A number that is not finite is written as null, for JSON has none."""
        replace(self._scores, json.dumps(_finite(scores), indent=1, allow_nan=False).encode())

    def benchmarked(self) -> dict[str, Any]:
        """What it scored beside others, as it was written down; empty where it was not, or is to be done again."""
        wanted = {"round": Count, "seconds": float, "scores": dict[str, float]}
        try:
            found = from_json(text(self.benchmark))
        except (FileNotFoundError, Garbled):
            return {}
        return found if isinstance(found, dict) and all(fits(found.get(n), kind) for n, kind in wanted.items()) else {}

    def write_calibration(self, calibration: dict[str, Any]) -> None:
        """What `calibrated` reads."""
        replace(self.calibration, json.dumps(calibration, indent=1, allow_nan=False).encode())

    def calibrated(self) -> dict[str, Any] | None:
        """What good images taught it, as it was written down, unchecked; None where it was not.

        Garbled for what is no JSON object.
        """
        try:
            found = from_json(text(self.calibration))
        except FileNotFoundError:
            return None
        if not isinstance(found, dict):
            raise Garbled("it is not a JSON object")
        return found

    def write_familiar(self, known: dict[str, Any]) -> None:
        """What `familiar` reads: numbers by domain."""
        replace(self._familiar, json.dumps(known, allow_nan=False).encode())

    def familiar(self) -> dict[str, Any]:
        """What its images are like, by domain, as it was written down; unchecked, and empty where it was not."""
        try:
            found = from_json(text(self._familiar))
        except (FileNotFoundError, Garbled):
            return {}
        return found if isinstance(found, dict) else {}

    def seconds_to(self, floor: float) -> dict[str, float | None]:
        """Seconds of training until the FID first was at most 10, 5, 2.5 and 1.5 times this floor; None: never.

        Nothing at all if it was not scored on the way. A time lies between a scoring and the one before: it is given
        as that of the scoring.
        """
        scored = [e for e in self.events() if "fid" in (e.get("scores") or {})]
        if not scored:
            return {}
        fids = [(e.get("seconds", math.nan), e["scores"]["fid"].get("value")) for e in scored]
        times = {f"{k:g}": [at for at, fid in fids if fid is not None and fid <= k * floor] for k in FLOORS}
        return {k: min(reached, default=None) for k, reached in times.items()}

    def track(self, tracker: str, name: str) -> None:
        """Keep by which name a tracker knows this run."""
        replace(self._trackers, json.dumps(self._tracked() | {tracker: name}).encode())

    def tracked(self, tracker: str) -> str:
        """By which name a tracker knows this run; '' if it does not."""
        name = self._tracked().get(tracker, "")
        return name if isinstance(name, str) else ""

    def _tracked(self) -> dict[str, Any]:
        try:
            found = from_json(text(self._trackers))
        except (FileNotFoundError, Garbled):
            return {}
        return found if isinstance(found, dict) else {}

    def picture(self, round_: int) -> Path:
        """Where the picture of a round lies."""
        return self.pictures / f"round-{round_:07d}.png"

    def last_picture(self) -> Path | None:
        """The newest picture that the log tells of."""
        drawn = [event["file"] for event in self.events("sample") if event.get("file")]
        return self.path / drawn[-1] if drawn else None

    def inside(self, path: Path) -> bool:
        """Whether the file exists, inside the folder: a log from elsewhere must not show other files."""
        return path.is_file() and path.resolve().is_relative_to(self.path.resolve())

    def beside(self) -> list[RunFolder]:
        """The runs in the same folder as this one, itself among them, by name."""
        return [RunFolder(path.parent) for path in sorted(self.path.resolve().parent.glob(f"*/{self.recipe.name}"))]

    def clean(self) -> None:
        """Remove the files that a killed process left unfinished."""
        for folder in (self.path, self.pictures):
            for part in folder.glob(".*.part"):
                clear(part)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Inside, no second process can train here. UsageError if one does already."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another process is training in {self.path}; stop it first, or choose another folder"
                ) from None
            except OSError:
                pass  # a file system without locks: there the user has to see to it
            yield
        finally:
            os.close(handle)


def _finite(value: Any) -> Any:
    """The value with null in place of every number that JSON has not, at any depth."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def how_it_stopped(happened: list[Event]) -> Event | None:
    """The last event of a run that came to rest; None if it runs or was cut off."""
    ends = [event for event in happened if event["event"] in ("start", "stop")]
    return ends[-1] if ends and ends[-1]["event"] == "stop" else None
