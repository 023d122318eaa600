"""What the sections of the page are made of."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ..base.plain import is_number
from .html import Html, tag


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
