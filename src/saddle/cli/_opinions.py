"""What the answers of people say: in tables, with what cannot be distinguished, and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from ..base.errors import remark, some
from ..metrics import opinions
from ..metrics.opinions import Answers, Interval
from . import _show
from ._answers import Answer, Key

SAME = "cannot be distinguished"


@dataclass(frozen=True)
class Difference:
    """Of two sources' means, in points or relative to all answers."""

    one: str
    other: str
    by: Interval

    @property
    def apart(self) -> bool:
        """Does the interval say that they differ?"""
        return self.by.low > 0 or self.by.high < 0


def tell(key: Key, answers: Sequence[Answer], as_json: bool) -> None:
    """Print it."""
    given = arrays(key, answers)
    answered = [i for i in range(len(key.sources)) if given.of(i).any()]
    of = opinions.mean if key.ask == "opinion" else opinions.share
    scores = {key.sources[i]["name"]: of(given, i) for i in answered}
    pairs = [*combinations(answered, 2)]
    found = [
        Difference(key.sources[i]["name"], key.sources[j]["name"], opinions.difference(given, i, j, len(pairs)))
        for i, j in pairs
    ]
    _remarks(key, answers)
    if as_json:
        _show.json(_plain(key, answers, scores, found))
    else:
        (_opinions if key.ask == "opinion" else _shares)(scores)
        if found:
            _show.line("")
            _differences(found, of_share=key.ask == "real")
        _show.line(
            "\nIntervals: 95 %, over further pictures and further raters."
            + (" Those of differences hold all together." if len(found) > 1 else "")
        )


def arrays(key: Key, answers: Sequence[Answer]) -> Answers:
    """The answers as numbers: an opinion, or 1 where another picture was taken for the real one."""
    about = [key.questions[answer.question] for answer in answers]
    if key.ask == "opinion":
        values = [answer.value for answer in answers]
    else:
        values = [int(answer.value != each["real"]) for answer, each in zip(answers, about, strict=True)]
    sources = [each["source"] for each in about]
    scenes = [(0 if key.paired else each["source"], each["picture"]) for each in about]
    names = [answer.rater.casefold() for answer in answers]
    return Answers(np.array(values, float), np.array(sources), _numbered(scenes), _numbered(names))


def _numbered(names: Sequence[object]) -> np.ndarray:
    """A number for each, the same for the same."""
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names])


def _remarks(key: Key, answers: Sequence[Answer]) -> None:
    """Say what is missing."""
    of = Counter(answer.rater for answer in answers)
    if short := [f"{rater} {n:,}" for rater, n in of.items() if n < len(key.questions)]:
        remark(f"not all {len(key.questions):,} questions are answered; by {some(short, 10)}")
    if len({rater.casefold() for rater in of}) == 1:
        remark("of one rater: what others would say is not known, and intervals are over further pictures alone")
    answered = {key.questions[answer.question]["source"] for answer in answers}
    if none := [source["name"] for i, source in enumerate(key.sources) if i not in answered and _is_asked(key, i)]:
        remark(f"nobody has answered about {some(none)}")


def _is_asked(key: Key, source: int) -> bool:
    return any(about["source"] == source for about in key.questions.values())


def _opinions(scores: dict[str, Interval]) -> None:
    columns = ["whose", "mean opinion, 1 to 5", "answers", "pictures", "raters"]
    _show.table(columns, ([name, _plus_minus(one), *_counts(one)] for name, one in scores.items()))


def _shares(scores: dict[str, Interval]) -> None:
    columns = ["whose", "taken for real", "95 %", "50 % is chance", "answers", "pictures", "raters"]
    _show.table(
        columns,
        (
            [name, f"{one.value:.1%}", f"{one.low:.1%} to {one.high:.1%}", _verdict(one), *_counts(one)]
            for name, one in scores.items()
        ),
    )


def _verdict(one: Interval) -> str:
    if one.high < 0.5:
        return "distinguished from real pictures"
    return (
        "taken for real more often than real pictures"
        if one.low > 0.5
        else "cannot be distinguished from real pictures"
    )


def _differences(found: Sequence[Difference], of_share: bool) -> None:
    def line(each: Difference) -> Iterator[str]:
        times, unit = (100, " points of %") if of_share else (1, "")
        better, worse = (each.one, each.other) if each.by.value > 0 else (each.other, each.one)
        higher = "taken for real more often than" if of_share else "rated higher than"
        yield f"{each.one} − {each.other}"
        yield _plus_minus(each.by, times, sign=True) + unit
        yield f"{better} is {higher} {worse}" if each.apart else SAME

    _show.table(["difference", "", "95 % sure"], (list(line(each)) for each in found))


def _plus_minus(one: Interval, times: float = 1, sign: bool = False) -> str:
    half = (one.high - one.low) / 2 * times
    value = f"{one.value * times:+.2f}" if sign else f"{one.value * times:.2f}"
    return f"{value} ± {half:.2f}" if np.isfinite(half) else f"{value} ± ?"


def _counts(one: Interval) -> list[str]:
    return [f"{one.n:,}", f"{one.pictures:,}", f"{one.raters:,}"]


def _plain(
    key: Key, answers: Sequence[Answer], scores: dict[str, Interval], found: Sequence[Difference]
) -> dict[str, object]:
    return {
        "page": key.page,
        "ask": key.ask,
        "raters": sorted({answer.rater for answer in answers}),
        "scores": {name: asdict(one) for name, one in scores.items()},
        "differences": [
            {"one": each.one, "other": each.other, **asdict(each.by), "apart": each.apart} for each in found
        ],
    }
