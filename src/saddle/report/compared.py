"""A page of runs side by side: settings that differ, scores, curves over one another, the last pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..base.errors import some
from ..base.folder import RunFolder
from . import samples
from .html import Html, tag
from .parts import document, mark, quiet, scrolled, section
from .story import Story, read
from .svg import Curve, chart

TITLE = "Comparison of "


def is_page(beginning: str) -> bool:
    """Is a file that begins so such a page?"""
    return f"<title>{TITLE}" in beginning


def page(
    runs: Sequence[Sequence[Path]],
    names: Sequence[str],
    settings: Mapping[str, Sequence[str]],
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str] = (),
) -> str:
    """The page as text. Of each group of runs the first has its curves and pictures here; notes follow the scores."""
    stories = [read(RunFolder(paths[0])) for paths in runs]
    title = " and ".join(names)
    return document(
        f"{TITLE}{title}",
        tag("header", mark(), tag("h1", title)),
        section(
            "Settings that differ", _table(["setting", *names], [(k, *v) for k, v in settings.items()], "settings")
        ),
        section("Scores", _table(heads, rows, "scores"), *map(quiet, notes)),
        section("Curves", *_curves(stories, names)),
        section("Pictures", tag("div", *map(_picture, stories, names), class_="charts")),
        styles=["style.css"],
        script="slider.js",
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> Html:
    head = tag("thead", tag("tr", *(tag("th", each, scope="col") for each in heads)))
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows))
    return scrolled(tag("table", head, body), name)


def _curves(stories: Sequence[Story], names: Sequence[str]) -> list[Html]:
    """Every score of the way, sign and loss that two runs or more have, over one another; and what only one has."""
    found: dict[str, list[Curve]] = {}
    for story, name in zip(stories, names, strict=True):
        for curve in [*story.score_curves(), *story.curves("signs"), *story.curves("losses")]:
            found.setdefault(curve.name, []).append(Curve(name, curve.x, curve.y))
    charts = [chart(title, curves) for title, curves in found.items() if len(curves) > 1]
    single = [f"{title} ({curves[0].name})" for title, curves in found.items() if len(curves) == 1]
    shown = [tag("div", *charts, class_="charts")] if charts else [quiet("The runs have no curve in common.")]
    return [*shown, *([quiet(f"In the log of one run alone: {some(single)}.")] if single else [])]


def _picture(story: Story, name: str) -> Html:
    shown, _ = samples.collect(story.folder, story.of("sample")[-1:])
    if not shown:
        return tag("figure", tag("figcaption", f"{name} has no picture"))
    last = shown[-1]
    image = tag("img", src=last.source, alt=f"samples of {name}", width=last.width, height=last.height)
    return tag("figure", image, tag("figcaption", f"{name}, round {last.round:,}"))
