"""A page on which people judge pictures without knowing whose they are.

It works from the disk, alone. Each rater sees the questions in an order of their own, answers with keys or buttons, and
finds every answer again after a reload; at the end the page gives them as a table, `page,rater,question,answer`. What a
question's number stands for is not in the page: that is the key's business.
"""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
from PIL import Image

from .html import Html, tag
from .parts import document, mark

Ask = Literal["opinion", "real"]
COLUMNS = ("page", "rater", "question", "answer")  # of the table
SCALE = ("bad", "poor", "fair", "good", "excellent")  # of ITU-T Recommendation P.910: 1 to 5
PLACES = ("first", "second")
NAMES = r"[\p{L}\p{N}][\p{L}\p{N}\p{M} ._\-]*"  # of raters: what no table takes for a formula, or for two columns


@dataclass(frozen=True)
class Shown:
    """A picture as the page has it."""

    source: str  # a data: URI, which tells nothing but pixels
    width: int
    height: int

    @classmethod
    def of(cls, pixels: np.ndarray) -> "Shown":
        """uint8 [H, W, 3], without loss, and all encoded alike."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        height, width, _ = pixels.shape
        return cls(f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}", width, height)


@dataclass(frozen=True)
class Question:
    """What is asked about: one picture to have an opinion of, or two of which one is real."""

    id: str
    pictures: tuple[Shown, ...]


def answers(ask: Ask) -> range:
    """What can be answered."""
    return range(1, 1 + len(SCALE if ask == "opinion" else PLACES))


def fingerprint(ask: Ask, questions: Sequence[Question]) -> str:
    """Of what raters see, 16 digits: the same for the page, its key and all answers to it."""
    seen = json.dumps([ask, [asdict(question) for question in questions]])
    return sha256(seen.encode()).hexdigest()[:16]


def page(ask: Ask, questions: Sequence[Question]) -> str:
    """The page as text."""
    told = {"page": fingerprint(ask, questions), "questions": [asdict(question) for question in questions]}
    title = "How good do these pictures look?" if ask == "opinion" else "Which picture is real?"
    return document(
        title,
        tag("header", mark(), tag("h1", title)),
        tag("noscript", "This page needs JavaScript, which is switched off in this browser."),
        tag(
            "p",
            "This browser keeps nothing of this page: save your answers before you close or reload it.",
            class_="bad",
            id="unkept",
            hidden=True,
        ),
        _begin(ask, len(questions)),
        _question(ask),
        _end(),
        tag("script", Html(json.dumps(told)), type="application/json", id="told"),
        styles=["style.css", "rating.css"],
        script="rating.js",
    )


def _begin(ask: Ask, n: int) -> Html:
    """What to do, and who does it."""
    if ask == "opinion":
        many = "1 picture" if n == 1 else f"{n:,} pictures, one after the other"
        words = ", ".join(f"{i} is {word}" for i, word in enumerate(SCALE, 1))
        told = f"You will see {many}. Say of each how good it looks to you: {words}. "
    else:
        many = "1 pair of pictures" if n == 1 else f"{n:,} pairs of pictures, one after the other"
        told = (
            f"You will see {many}. In each pair one picture is real, and the other was made by a computer. Say which "
            "one is real; where you cannot tell, guess. "
        )
    name = tag(
        "input", id="rater", required=True, maxlength=40, pattern=NAMES, autocomplete="off", aria_describedby="names"
    )
    return tag(
        "section",
        tag("h2", "Before you begin", tabindex="-1"),
        tag("p", told, "There is no right speed. You can go back and change an answer."),
        tag(
            "p",
            "Every answer is kept in this browser at once. You can close the page and go on later, under the same "
            "name. Nothing is sent anywhere: at the end you save your answers as a file.",
        ),
        tag(
            "form",
            tag("label", "Your name, or any word that no other rater takes", for_="rater"),
            name,
            tag("p", "Letters, digits, spaces, and . _ - between them", class_="quiet", id="names"),
            tag("button", "Begin", type="submit"),
            id="form",
        ),
        id="begin",
    )


def _question(ask: Ask) -> Html:
    """One or two pictures and what can be said of them; the script fills in which."""
    if ask == "opinion":
        figures = [tag("figure", tag("img", alt="The picture to be judged"))]
        buttons = [_button(i, f"{i}", word, f"{i}, {word}") for i, word in enumerate(SCALE, 1)]
        bar, how = tag("div", *buttons, class_="scale", role="group", aria_label="How good does it look?"), "1 to 5"
    else:
        figures = [
            tag("figure", tag("img", alt=f"The {place} picture"), _button(i, f"{i}", f"The {place} is real", None))
            for i, place in enumerate(PLACES, 1)
        ]
        bar, how = None, "1 and 2"
    return tag(
        "section",
        tag("p", id="where", role="status"),
        tag("progress", id="progress", value=0, max=1, aria_label="answered"),
        tag("div", *figures, class_=f"pictures {ask}", id="pictures"),
        bar,
        tag("p", f"Keys: {how} to answer, Backspace to go back.", class_="quiet", id="keys"),
        tag(
            "p",
            tag("button", "Back", type="button", id="back"),
            tag("button", "Full size", type="button", id="full", aria_pressed="false", hidden=True),
            tag("button", "Stop here", type="button", id="stop"),
            class_="moves",
        ),
        id="ask",
        hidden=True,
    )


def _button(answer: int, number: str, word: str, label: str | None) -> Html:
    parts = (tag("b", number), tag("span", word))
    return tag("button", *parts, type="button", data_answer=answer, aria_label=label, aria_pressed="false")


def _end() -> Html:
    """The answers, and what to do with them."""
    return tag(
        "section",
        tag("h2", "Thank you", tabindex="-1"),
        tag("p", id="done", role="status"),
        tag("p", "Save your answers, and send the file to whoever gave you this page."),
        tag(
            "p",
            tag("button", "Save my answers", type="button", id="save"),
            tag("button", "Go on", type="button", id="on"),
            tag("button", "Another rater", type="button", id="other"),
            class_="moves",
        ),
        tag(
            "details",
            tag("summary", "If no file is saved, copy this text"),
            tag("textarea", id="text", readonly=True, rows=8, aria_label="your answers as a table"),
        ),
        id="end",
        hidden=True,
    )
