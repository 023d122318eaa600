"""The scores: values with their uncertainty, and the fingerprints that say what was compared with what."""

import math
from collections.abc import Iterator
from typing import Any

from ..base.plain import is_number
from ..show.progress import duration, number
from ..show.scores import measured_with, plus_minus
from .again import to_score, unbroken
from .html import Html, tag
from .parts import count, pairs, quiet, scrolled, section
from .story import Story, baseline, flat

HOW = (
    "Of the checkpoint that is used; the fingerprints tell what it was compared with. After ± stands the standard "
    "error: two values that differ by less than about twice theirs may be equal."
)
BESIDE = (
    "The columns before the last are what others score by the same measure: a game that is no better than the input as "
    "it is, or than a mean image, has not learned to translate."
)

BASIS = "measured with"  # the last column


def scores(story: Story) -> Html:
    """All of them in one table."""
    if not story.scores:
        command = to_score(story)
        how = (tag("code", unbroken(command)), " scores it.") if command else ("Nothing in its data could score it.",)
        return section("Scores", quiet("This run has not been scored. ", *how))
    has_rounds = any("round" in score for score in story.scores)  # whose scores these are
    others = list(dict.fromkeys(name for score in story.scores for name in score.get("beside", {})))
    heads = ["score", "value", "uncertainty", "better", *(["checkpoint"] if has_rounds else []), *others, BASIS]
    titles = tag("tr", *(tag("th", text, scope="col", class_=text) for text in heads))
    lines = [line for score in story.scores for line in (_line(story, score, heads), *_ways(score, heads))]
    table = tag("table", tag("thead", titles), tag("tbody", *lines), class_="scores")
    further = _timed(story.scores), _compared(story), *_fingerprints(story.scores)
    notes = [tag("p", score["note"], class_="message") for score in story.scores if score.get("note")]
    return section("Scores", quiet(HOW, f" {BESIDE}" if others else None), *notes, scrolled(table, "scores"), *further)


def _line(story: Story, score: dict[str, Any], heads: list[str]) -> Html:
    says = story.start.get("meanings", {}).get(score["name"])
    return tag(
        "tr",
        tag("th", score["name"], " " if says else None, tag("small", says) if says else None, scope="row"),
        *(tag("td", text, class_=head) for text, head in zip(_measured(score, score), heads[1:3], strict=True)),
        tag("td", "" if score.get("better") == "none" else score.get("better", ""), class_="better"),
        tag("td", f"round {count(score.get('round'))}", class_="better") if "checkpoint" in heads else None,
        *_others(score.get("beside", {}), score, heads),
        tag("td", measured_with(score), class_="basis"),
    )


def _ways(score: dict[str, Any], heads: list[str]) -> Iterator[Html]:
    """A line for each way, where there are several."""
    for name, numbers in score.get("ways", {}).items():
        yield tag(
            "tr",
            tag("th", tag("small", name), scope="row"),
            *(tag("td", text, class_=head) for text, head in zip(_measured(numbers, score), heads[1:3], strict=True)),
            tag("td", "", class_="better"),
            tag("td", "", class_="better") if "checkpoint" in heads else None,
            *_others(numbers, score, heads),
            tag("td", "", class_="basis"),
        )


def _others(numbers: dict[str, Any], score: dict[str, Any], heads: list[str]) -> Iterator[Html]:
    """What others score, under their heads, as exact as the score is."""
    error = score.get("uncertainty")
    for head in heads[4 + ("checkpoint" in heads) : -1]:
        text = _measured({"value": numbers[head], "uncertainty": error}, score)[0] if head in numbers else ""
        yield tag("td", text, class_="better")


def _measured(numbers: dict[str, Any], score: dict[str, Any]) -> tuple[str, str]:
    """Value and uncertainty of a score, or of one of its ways, both to the second digit of the uncertainty."""
    value, error = numbers.get("value"), numbers.get("uncertainty")
    if is_number(error) and math.isnan(error):
        return number(value), plus_minus(error, score.get("fingerprint"))
    if not (is_number(value) and is_number(error) and not abs(value) >= 1e12 and 1e-6 < error < 1e6):
        return number(value), f"± {number(error)}" if is_number(error) else "–"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:,.{digits}f}", f"± {error:,.{digits}f}"


def _timed(scores: list[dict[str, Any]]) -> Html | None:
    """How long training took until the FID was down to multiples of its floor."""
    times: dict[str, Any] = next((score["seconds_to"] for score in scores if "seconds_to" in score), {})
    said = ", ".join(f"to {k}: {'not reached' if s is None else duration(s)}" for k, s in times.items())
    return tag("p", f"Training time until the FID was down to multiples of its floor, {said}.") if times else None


def _compared(story: Story) -> Html | None:
    """The error of a semi-supervised run against that of its baseline, where the two lie side by side."""
    own, other = story.score("error"), baseline(story)
    error = other.score("error") if other else None
    if own is None or other is None or error is None:
        return None
    fewer = f", {100 * (1 - own / error):.0f} % fewer mistakes" if error > own >= 0 else ""
    name = other.folder.path.resolve().name
    text = f"Error {own:.4g} against {error:.4g} of the same classifier trained on the labels alone ({name}){fewer}."
    return tag("p", text)


def _fingerprints(scores: list[dict[str, Any]]) -> list[Html]:
    """One folded table for each set of scores with the same fingerprint."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for score in scores:
        if score.get("fingerprint"):
            groups.setdefault(tuple(flat(score["fingerprint"])), []).append(score["name"])
    return [
        tag("details", tag("summary", "Fingerprint of ", ", ".join(names)), pairs(lines, "fingerprint"))
        for lines, names in groups.items()
    ]
