"""The report's page: what was run, its scores and pictures, curves, settings, commands and course."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..show.progress import duration, number
from .again import commands, settings
from .curves import curves
from .html import Html, tag
from .images import beside, grown
from .parts import count, document, mark, moment, quiet, scrolled, section
from .scores import scores
from .story import Story, shown

ENDS = {"finished": "good", "interrupted": "fair", "unfinished": "fair"}  # any other end is a bad one

Section = Callable[[Story], Html | None]


def whole(story: Story) -> str:
    """The page as text."""
    sections: tuple[Section, ...] = (header, scores, grown, beside, curves, settings, commands, course)
    title = f"{story.game}, round {story.round:,}"
    return document(title, *(written(each, story) for each in sections), styles=["style.css"], script="slider.js")


def written(part: Section, story: Story) -> Html | None:
    """A section; where it cannot be written, the others are all the same, and the page says what is missing."""
    try:
        return part(story)
    except Exception as error:
        told = f"This part could not be written, since the run's folder holds what it did not expect: {error!r}."
        return section(part.__name__.capitalize(), quiet(told))


def header(story: Story) -> Html:
    """What was run, how far it came and how it ended."""
    start, message = story.start, (story.stop or {}).get("message")
    paper = start.get("paper") or story.recipe.get("paper")
    facts = [(name, value) for name, value in _facts(story) if value]
    return tag(
        "header",
        mark(),
        tag("h1", story.game, " ", tag("span", story.reason, class_=f"status {ENDS.get(story.reason, 'bad')}")),
        tag("p", re.sub(r"https?://", "", str(paper)), class_="paper") if paper else None,
        tag("p", message, class_="message") if message and message != story.reason else None,
        tag("p", f"The doctor: {story.verdict}", class_="quiet") if story.verdict else None,
        _changed(story),
        *(tag("p", f"Not read: {what}", class_="message") for what in story.unread),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts)),
    )


def _changed(story: Story) -> Html | None:
    if not story.changed:
        return None
    told = "recipe.yaml is no longer the recipe that the checkpoints were made with; put it back. They differ in: "
    return tag("p", told, "; ".join(story.changed[:20]), class_="message")


def course(story: Story) -> Html:
    """Starts, resumes, changes and stops, with what was saved in between."""
    lines, begun = [], False
    for event in story.events:
        if event["event"] in ("start", "change", "stop"):
            cells = (moment(event.get("time")), f"round {count(event.get('round'))}", _in_words(event, not begun))
            lines.append(tag("tr", *(tag("td", text) for text in cells)))
            begun = begun or event["event"] == "start"
    saves = story.of("save")
    checkpoints = "1 checkpoint" if len(saves) == 1 else f"{len(saves):,} checkpoints"
    saved = f"{checkpoints}, the last at round {count(saves[-1].get('round'))}." if saves else None
    if not lines and not saved:
        return section("Course", quiet("Nothing has happened yet."))
    table = scrolled(tag("table", tag("tbody", *lines), class_="plain"), "course of the run")
    return section("Course", table, quiet(saved) if saved else None)


def _facts(story: Story) -> list[tuple[str, str]]:
    start = story.start
    rounds = story.of("round")
    spent = [event["seconds"] for event in story.events if "seconds" in event]
    speed = story.column("images_per_second")
    speeds = speed.y[np.isfinite(speed.y)] if speed else np.array([])
    with np.errstate(over="ignore"):
        pace = number(round(float(np.median(speeds)), 1)) if len(speeds) else ""
    return [
        ("rounds", f"{story.round:,}" + (f" of {story.rounds:,}" if story.rounds else "")),
        ("images seen", count(rounds[-1]["images"]) if rounds and "images" in rounds[-1] else ""),
        ("training time", duration(max(spent)) if spent else ""),
        ("images/s", pace),
        ("data", start.get("data", "")),
        ("began with", start.get("began_with", "")),
        *((name, start.get(name, "")) for name in ("device", "precision")),
        *((f"parameters of {player}", count(n)) for player, n in start.get("parameters", {}).items()),
        ("saddle", start.get("version", "")),
        ("last news", moment(story.events[-1].get("time")) if story.events else ""),
    ]


def _in_words(event: dict[str, Any], first: bool) -> str:
    if event["event"] == "start":
        device = f" on {event['device']}" if event.get("device") else ""
        return ("started" if first else "resumed") + device
    if event["event"] == "change":
        changed = {name: [shown(value) for value in values] for name, values in event.get("settings", {}).items()}
        return "changed " + ", ".join(f"{name}: {' → '.join(values)}" for name, values in changed.items())
    return ": ".join(event[key] for key in ("reason", "message") if event.get(key)) or "stopped"
