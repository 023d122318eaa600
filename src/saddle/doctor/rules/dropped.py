"""Modes of the data are missing. The rule looks at the last scores: `modes`, `recall` and `coverage`, `classes`.

It warns below the number of modes of a mixture, once there are some, and at recall below 0.1 with coverage below 0.4.
It warns too where the rarest digit is less than 0.02 of the samples with coverage up to 0.9: without one of ten there
cannot be more. Where a classifier learns from few labels only `modes` counts: it would not learn best beside the best
samples (Dai et al., 2017, https://arxiv.org/abs/1705.09783).
"""

from ...base.plain import is_number
from ..finding import Finding
from ..log import Log

RANK, ALWAYS = 5, False
RECALL, COVERAGE, CLASSES = 0.1, 0.4, 0.02
WHOLE = 0.9  # coverage, at most, without one of ten digits; of few images it is not known, and they may lack a digit


def look(log: Log) -> Finding | None:
    evidence = _modes(log) or ("" if _helps_a_classifier(log) else _recall(log) or _classes(log))
    if not evidence:
        return None
    return Finding(
        "dropped",
        "parts of the data are never drawn",
        evidence,
        (log.again("--game.views Packing"), log.again("--game.unroll 5"), log.other("r3gan")),
    )


def _helps_a_classifier(log: Log) -> bool:
    """Are samples a means, of which a classifier learns beside few labels?"""
    return "saddle classify" in log.commands and log.settings.get("data.labelled") is not None


def _modes(log: Log) -> str:
    way = [e["scores"]["modes"] for e in log.events if "modes" in (e.get("scores") or ())]
    scores = [*way, *(score for score in log.scores if score.get("name") == "modes")]  # the final one is the surest
    taken = [float(score["value"]) for score in scores if is_number(score.get("value"))]
    if len(taken) < 2:
        return ""
    count = (scores[-1].get("fingerprint") or {}).get("mixture_count")
    if not isinstance(count, int):
        return ""
    # with none, samples are still far from all modes, as in any young run: no mode is missed more than another
    if not 0 < max(taken[-2:]) < count:
        return ""
    return f"it draws {taken[-1]:g} of {count} modes"


def _recall(log: Log) -> str:
    recall, coverage = (log.final(name) for name in ("recall", "coverage"))
    if recall is None or coverage is None or not (recall < RECALL and coverage < COVERAGE):
        return ""
    return f"recall is {recall:.2g} (below {RECALL}), coverage {coverage:.2g} (below {COVERAGE})"


def _classes(log: Log) -> str:
    rarest, coverage = log.final("classes"), log.final("coverage")
    if rarest is None or rarest >= CLASSES or coverage is None or coverage > WHOLE:
        return ""
    return f"the rarest class is {rarest:.1%} of the samples, below {CLASSES:.0%}"
