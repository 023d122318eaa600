"""The report's page, section by section."""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import numpy as np

from ..show.progress import by_player, duration, number
from . import samples
from .html import Html, tag
from .story import Story, baseline, flat, is_number
from .svg import Curve, chart

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
ENDS = {"finished": "good", "interrupted": "fair", "unfinished": "fair"}  # any other end is a bad one
JUDGEMENTS = {"d_real": "D(real)", "d_fake": "D(fake)"}
LOGITS = {"real_logits": "real", "fake_logits": "fake"}


def whole(story: Story) -> str:
    """The page as text."""
    sections = (header, scores, pictures, curves, settings, course)
    title = f"{_game(story)}, round {story.round:,}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", title),
        tag("style", _resource("style.css")),
    )
    body = tag("body", tag("main", *(section(story) for section in sections)), tag("script", _resource("slider.js")))
    return "<!DOCTYPE html>\n" + tag("html", head, body, lang="en")


def header(story: Story) -> Html:
    """What was run, how far it came and how it ended."""
    start, stop = story.start, story.stop
    reason = str(stop.get("reason") or "stopped") if stop else "unfinished"
    paper = start.get("paper") or story.recipe.get("paper")
    message = stop.get("message") if stop else None
    facts = [(name, value) for name, value in _facts(story) if value]
    return tag(
        "header",
        _mark(),
        tag("h1", _game(story), " ", tag("span", reason, class_=f"status {ENDS.get(reason, 'bad')}")),
        tag("p", re.sub(r"https?://", "", str(paper)), class_="paper") if paper else None,
        tag("p", str(message), class_="message") if message and message != reason else None,
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts)),
    )


def scores(story: Story) -> Html | None:
    """The scores with their uncertainty; their fingerprints say what was compared with what."""
    if not story.scores:
        return _section("Scores", tag("p", "This run has not been scored.", class_="quiet"))
    has_rounds = any("round" in score for score in story.scores)  # whose scores these are
    heads = ["score", "value", "uncertainty", "better", *(["checkpoint"] if has_rounds else [])]
    titles = tag("tr", *(tag("th", text, scope="col", class_=text) for text in heads))
    lines = [
        tag(
            "tr",
            tag("th", str(score["name"]), scope="row"),
            *(tag("td", text, class_=head) for text, head in zip(_measured(score), heads[1:3], strict=True)),
            tag("td", str(score.get("better") or ""), class_="better"),
            tag("td", f"round {_count(score.get('round'))}", class_="better") if has_rounds else None,
        )
        for score in story.scores
    ]
    table = tag("table", tag("thead", titles), tag("tbody", *lines), class_="scores")
    return _section(
        "Scores", _scrolled(table, "scores"), _timed(story.scores), _compared(story), *(_fingerprints(story.scores))
    )


def pictures(story: Story) -> Html:
    """The latest samples large, the earlier ones as a film."""
    shown, missing = samples.collect(story.folder, story.of("sample"))
    lost = f"{missing} of the pictures could not be read from the run's folder." if missing else ""
    remark = tag("p", lost, class_="remark") if lost else _legend(story)
    if not shown:
        return _section("Samples", tag("p", "There are no samples yet.", class_="quiet"), remark)
    last = shown[-1]
    image = tag("img", src=last.source, alt=f"Samples at round {last.round:,}", width=last.width, height=last.height)
    caption = tag("figcaption", "Round ", tag("b", f"{last.round:,}"))
    large = tag("figure", image, caption, id="large")
    if len(shown) == 1:
        return _section("Samples", large, remark)
    slider, film = _film(shown)
    return _section("Samples", tag("div", tag("div", large, slider), film, class_="cinema"), remark)


def curves(story: Story) -> Html:
    """Losses by player, the discriminator's judgement, scores and speed over the rounds."""
    charts = [*_losses(story), *_judgement(story), *_score_charts(story), *_speed(story)]
    others = [
        chart(curve.name, [curve], marks=story.resumes)
        for curve in story.curves("notes")
        if curve.name not in {**JUDGEMENTS, **LOGITS}
    ]
    if not charts and not others:
        return _section("Curves", tag("p", "No round has been logged yet.", class_="quiet"))
    legend = "Over the rounds. Faint: as logged; strong: a moving average"
    legend += "; dotted: the run was resumed." if story.resumes else "."
    more = tag("details", tag("summary", f"Other measurements ({len(others)})"), _charts(others)) if others else None
    return _section("Curves", tag("p", legend, class_="quiet"), _charts(charts), more)


def settings(story: Story) -> Html:
    """The recipe, name by name."""
    return _section("Settings", _table(flat(story.recipe), "settings"))


def course(story: Story) -> Html:
    """Starts, resumes and stops, with what was saved in between."""
    lines = []
    for event in story.events:
        if event["event"] in ("start", "stop"):
            first = event is story.of("start")[0] if event["event"] == "start" else False
            cells = (_moment(event.get("time")), f"round {_count(event.get('round'))}", _in_words(event, first))
            lines.append(tag("tr", *(tag("td", text) for text in cells)))
    saves = story.of("save")
    checkpoints = "1 checkpoint" if len(saves) == 1 else f"{len(saves):,} checkpoints"
    saved = f"{checkpoints}, the last at round {_count(saves[-1].get('round'))}." if saves else None
    if not lines and not saved:
        return _section("Course", tag("p", "Nothing has happened yet.", class_="quiet"))
    table = _scrolled(tag("table", tag("tbody", *lines), class_="plain"), "course of the run")
    return _section("Course", table, tag("p", saved, class_="quiet") if saved else None)


def _section(title: str, *children: Html | None) -> Html:
    return tag("section", tag("h2", title), *children)


def _scrolled(table: Html, name: str) -> Html:
    """The table in a box that scrolls on a narrow screen, by keyboard too."""
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=name)


def _table(pairs: Iterable[tuple[str, str]], name: str) -> Html:
    lines = (tag("tr", tag("th", key, scope="row"), tag("td", value)) for key, value in pairs)
    return _scrolled(tag("table", tag("tbody", *lines), class_="settings"), name)


def _facts(story: Story) -> list[tuple[str, str]]:
    start = story.start
    rounds = story.of("round")
    last = rounds[-1] if rounds else {}
    spent = [e["seconds"] for e in story.events if is_number(e.get("seconds"))]
    speed = story.column("images_per_second")
    speeds = speed.y[np.isfinite(speed.y)] if speed else np.array([])
    parameters = start.get("parameters") or {}
    return [
        ("rounds", f"{story.round:,}" + (f" of {_count(story.rounds)}" if story.rounds else "")),
        ("images seen", _count(last["images"]) if is_number(last.get("images")) else ""),
        ("training time", duration(max(spent)) if spent else ""),
        ("images/s", number(round(float(np.median(speeds)), 1)) if len(speeds) else ""),
        ("data", str(start.get("data") or "")),
        ("began with", str(start.get("began_with") or "")),
        ("device", str(start.get("device") or "")),
        ("precision", str(start.get("precision") or "")),
        *((f"parameters of {player}", _count(n)) for player, n in parameters.items()),
        ("saddle", str(start.get("version") or "")),
        ("last news", _moment(story.events[-1].get("time")) if story.events else ""),
    ]


def _measured(score: dict[str, Any]) -> tuple[str, str]:
    """Value and uncertainty, both to the second digit of the uncertainty."""
    value, error = score.get("value"), score.get("uncertainty")
    if not (is_number(value) and is_number(error) and math.isfinite(error) and 1e-6 < error < 1e6):
        return number(value), f"± {number(error)}" if is_number(error) and not math.isnan(error) else "–"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:,.{digits}f}", f"± {error:,.{digits}f}"


def _timed(scores: list[dict[str, Any]]) -> Html | None:
    """How long training took until the FID was down to multiples of its floor."""
    times: dict[str, Any] = next((s["seconds_to"] for s in scores if isinstance(s.get("seconds_to"), dict)), {})
    said = ", ".join(f"to {k}: {duration(s) if is_number(s) else 'not reached'}" for k, s in times.items())
    return tag("p", f"Training time until the FID was down to multiples of its floor, {said}.") if times else None


def _compared(story: Story) -> Html | None:
    """The error of a semi-supervised run against that of its baseline, where the two lie side by side."""
    own, other = story.score("error"), baseline(story)
    error = other.score("error") if other else None
    if own is None or other is None or error is None:
        return None
    fewer = f", {100 * (1 - own / error):.0f} % fewer mistakes" if error > own else ""
    name = other.folder.path.resolve().name
    text = f"Error {own:.4g} against {error:.4g} of the same classifier trained on the labels alone ({name}){fewer}."
    return tag("p", text)


def _fingerprints(scores: list[dict[str, Any]]) -> list[Html]:
    """One folded table for each set of scores with the same fingerprint."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for score in scores:
        if score.get("fingerprint"):
            groups.setdefault(tuple(flat(score["fingerprint"])), []).append(str(score["name"]))
    return [
        tag("details", tag("summary", "Fingerprint of ", ", ".join(names)), _table(pairs, "fingerprint"))
        for pairs, names in groups.items()
    ]


def _legend(story: Story) -> Html | None:
    """Of pictures of points."""
    if not any(event.get("of") == "points" for event in story.of("sample")):
        return None
    text = "Grey-blue: real points; orange: generated ones. Behind them D, where there is one, from orange (low) to "
    return tag(
        "p",
        f"{text}blue (high). As a film: {story.folder.film.relative_to(story.folder.path).as_posix()}.",
        class_="remark",
    )


def _film(shown: list[samples.Sample]) -> tuple[Html, Html]:
    """A slider, shown where its script runs, and the pictures that it goes through."""
    frames = (
        tag(
            "li",
            tag(
                "figure",
                tag("img", src=one.source, alt=f"Samples at round {one.round:,}", width=one.width, height=one.height),
                tag("figcaption", f"{one.round:,}"),
            ),
        )
        for one in shown
    )
    end = len(shown) - 1
    slider = tag(
        "div",
        tag("button", "Play", type="button", id="play"),
        tag("input", type="range", id="moment", min=0, max=end, value=end, aria_label="moment of training"),
        class_="slider",
        hidden=True,
    )
    film = tag("ol", *frames, class_="film", tabindex="0", aria_label="samples over the rounds")
    return slider, film


def _charts(charts: list[Html]) -> Html:
    return tag("div", *charts, class_="charts")


def _losses(story: Story) -> list[Html]:
    curves = story.curves("losses")
    players = by_player({curve.name: curve for curve in curves})
    return [
        chart(f"Losses of {player}", [Curve(n, c.x, c.y) for n, c in own.items()], marks=story.resumes)
        for player, own in players.items()
    ]


def _judgement(story: Story) -> list[Html]:
    notes = {curve.name: curve for curve in story.curves("notes")}
    charts = []
    for title, names, limits in (("D(real) and D(fake)", JUDGEMENTS, (0.0, 1.0)), ("Logits", LOGITS, None)):
        own = [Curve(named, notes[name].x, notes[name].y) for name, named in names.items() if name in notes]
        charts += [chart(title, own, limits, story.resumes)] if own else []
    return charts


def _score_charts(story: Story) -> list[Html]:
    better = {s["name"]: s.get("better") for s in story.scores}
    charts = []
    for curve in story.score_curves():
        way = better.get(curve.name)
        note = f"{way} is better" if way in ("lower", "higher") else ""
        best = _best(curve, way)
        charts.append(chart(curve.name, [curve], marks=story.resumes, note=", ".join(t for t in (note, best) if t)))
    return charts


def _best(curve: Curve, way: object) -> str:
    if way not in ("lower", "higher") or not np.isfinite(curve.y).any():
        return ""
    at = int(np.nanargmin(curve.y) if way == "lower" else np.nanargmax(curve.y))
    return f"best {number(curve.y[at])} at round {curve.x[at]:,.0f}"


def _speed(story: Story) -> list[Html]:
    speed = story.column("images_per_second")
    return [chart("Images per second", [Curve("images/s", speed.x, speed.y)], marks=story.resumes)] if speed else []


def _in_words(event: dict[str, Any], first: bool) -> str:
    if event["event"] == "start":
        device = f" on {event['device']}" if event.get("device") else ""
        return ("started" if first else "resumed") + device
    return ": ".join(str(event[key]) for key in ("reason", "message") if event.get(key)) or "stopped"


def _game(story: Story) -> str:
    game = story.start.get("game") or story.recipe.get("game") or story.folder.path.resolve().name
    if isinstance(game, dict):
        game = game.get("name") or game.get("class_path") or story.folder.path.resolve().name
    return str(game)


def _count(value: Any) -> str:
    return f"{value:,}" if is_number(value) else "–"


def _moment(time: Any) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (TypeError, ValueError, OverflowError, OSError):
        return "–"


def _resource(name: str) -> Html:
    return Html(resources.files("saddle.report").joinpath(name).read_text("utf-8"))


def _mark() -> Html:
    """A saddle: lines that rise one way and fall the other."""
    lines = ("M4 30Q24 6 44 30", "M10 38Q24 20 38 38", "M6 12Q24 34 42 12")
    return tag("svg", *(tag("path", d=d) for d in lines), viewBox="0 0 48 44", class_="logo", aria_hidden="true")
