"""What a page and its sections are made of."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from ..base.plain import is_number
from .html import Html, tag

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def document(title: str, *main: str | None, styles: Sequence[str], script: str) -> str:
    """A whole page as text, which fetches nothing; styles and script are files that lie here."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", title),
        tag("style", *map(resource, styles)),
    )
    page = tag("html", head, tag("body", tag("main", *main), tag("script", resource(script))), lang="en")
    return f"<!DOCTYPE html>\n{page}"


def resource(name: str) -> Html:
    """A file that lies here, as it is."""
    return Html(resources.files("saddle.report").joinpath(name).read_text("utf-8"))


def section(title: str, *children: Html | None) -> Html:
    return tag("section", tag("h2", title), *children)


def quiet(*words: str | None) -> Html:
    """A line that explains, and does not tell news."""
    return tag("p", *words, class_="quiet")


def scrolled(table: Html, name: str) -> Html:
    """The table in a box that scrolls on a narrow screen, by keyboard too."""
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=name)


def pairs(lines: Iterable[tuple[str, str]], name: str) -> Html:
    """A table of names and values."""
    rows = (tag("tr", tag("th", key, scope="row"), tag("td", value)) for key, value in lines)
    return scrolled(tag("table", tag("tbody", *rows), class_="settings"), name)


def count(value: Any) -> str:
    return f"{value:,}" if is_number(value) else "–"


def moment(time: Any) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (TypeError, ValueError, OverflowError, OSError):
        return "–"


def mark() -> Html:
    """A saddle: lines that rise one way and fall the other."""
    lines = ("M4 30Q24 6 44 30", "M10 38Q24 20 38 38", "M6 12Q24 34 42 12")
    return tag("svg", *(tag("path", d=d) for d in lines), viewBox="0 0 48 44", class_="logo", aria_hidden="true")
