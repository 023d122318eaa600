"""The curves over the rounds: the discriminator's output, losses, scores, speed. Each says how to read it."""

import re
from collections.abc import Sequence

import numpy as np

from ..show.progress import by_player, number
from .html import Html, tag
from .parts import quiet, section
from .story import Story
from .svg import Curve, chart

JUDGED = {  # notes of what is judged, by the beginning of their names
    "d_real": "real",
    "d_fake": "fake",
    "d_negative": "negative samples",
    "d_again": "reconstructed",
    "d_wrong": "real, with a wrong text",
    "real_logits": "real",
    "fake_logits": "fake",
}
OF_DUEL = re.compile(rf"({'|'.join(JUDGED)})(?:_(.+))?")  # d_real, or d_real_32 of the judge that is named 32

DISTANCE = "Wasserstein distance, as the critic estimates it"
OF_DISTANCE = (
    "The mean score of real samples minus that of the others: it falls as the two come nearer to each other. It is "
    "known up to a constant factor, and if the critic is nearly as good as it can be: compare it inside this run only."
)
OF_LOSSES = (
    "The parts of what this player goes down; it is their sum that counts. The losses of a game balance each other: "
    "they need not fall, and a low one is no proof of good samples."
)
JUDGEMENTS = {  # what a judge gives: title, unit and how to read it
    "probabilities": (
        "D(real) and D(fake)",
        "probability",
        "The probability of being real that the discriminator gives, on average. Far apart: it tells the two from each "
        "other. Near each other: it does not, which good samples explain, and a weak discriminator too; look at both.",
    ),
    "scores": (
        "The critic's scores of real and of fake samples",
        "score",
        "Higher: taken for more real. The scores have no scale of their own; what counts is how far apart the two are.",
    ),
    "energies": (
        "Energies of real and of fake samples",
        "energy of a sample",
        "Lower: taken for more real. What counts is how far apart the two are.",
    ),
}
NOTES = {  # how to read what games note
    "elbo": "A lower bound of log p(x), in nats: higher is better.",
    "k": "The weight of fakes in the discriminator's loss, which keeps the balance, from 0 to 1.",
    "convergence": "The game's measure of convergence: lower is better.",
    "information": "A lower bound of what a sample tells of its code, in nats: higher is better.",
    "matched": "The share of images and texts that find each other: higher is better.",
    "distance": "The mean score of real samples minus that of the others.",
}


SIGNS = {  # of signs of health: title, unit, how to read them, and which there are
    "How different samples are": (
        "relative to the data's",
        "The mean distance of two samples, relative to that of two images of the data. Near 0: all are alike.",
        {"diversity": "diversity"},
    ),
    "Judgements of images learned from and held out": (
        "judgement",
        "The discriminator's output for images that it learned from, for held-out ones, and for samples. Where it "
        "judges held-out images like samples, it has memorised the others.",
        {"d_trained": "learned from", "d_heldout": "held out", "d_made": "samples"},
    ),
    "Pixels at their limits": (
        "share",
        "The share of values that are black or white.",
        {"saturated": "samples", "saturated_data": "data"},
    ),
    "Gradients": ("norm", "The length of each player's gradient. Near 0: it learns nothing.", {"gradient/": ""}),
    "Updates": ("share", "How far a step moves a player's weights, relative to their length.", {"update/": ""}),
}


def curves(story: Story) -> Html:
    """All charts; where a judge's view is among them, what games note beside it is folded."""
    judgement = _judgement(story)
    charts = [*judgement, *_losses(story), *_score_charts(story)]
    others = _others(story, shown=DISTANCE in "".join(judgement))
    fold = bool(judgement) and bool(others)
    charts += [*([] if fold else others), *_speed(story)]
    signs = _signs(story)
    if not charts and not others:
        return section("Curves", quiet("No round has been logged yet."))
    legend = "From left to right: the rounds of training. Faint: as logged; strong: a moving average"
    legend += "; dotted: the run was resumed." if story.resumes else "."
    more = (
        tag("details", tag("summary", f"Other measurements ({len(others)})"), _side_by_side(others)) if fold else None
    )
    health = [tag("details", tag("summary", f"Signs of health ({len(signs)})"), _side_by_side(signs))] if signs else []
    return section("Curves", quiet(legend), _side_by_side(charts), more, *health)


def _side_by_side(charts: Sequence[Html]) -> Html:
    return tag("div", *charts, class_="charts")


def _judgement(story: Story) -> list[Html]:
    """For each discriminator its output for samples; before it the distance, where its scores measure one."""
    judges: dict[str, dict[str, Curve]] = {}
    for curve in story.curves("notes"):
        if match := OF_DUEL.fullmatch(curve.name):
            kind = "logits" if "logits" in match[1] else ""
            judges.setdefault(match[2] or kind, {})[match[1]] = Curve(JUDGED[match[1]], curve.x, curve.y)
    charts = []
    for name, own in judges.items():
        kind = "scores" if name == "logits" else _kind(story, list(own.values()))
        of = f", {name}" if name and name != "logits" else ""
        real, other = own.get("d_real"), own.get("d_fake") or own.get("d_negative")
        if kind == "distance" and real and other and np.isin(real.x, other.x).any():
            charts.append(_distance(story, real, other, of))
        title, unit, how = JUDGEMENTS["scores" if kind == "distance" else kind]
        limits = (0.0, 1.0) if kind == "probabilities" else None
        charts.append(chart(title + of, list(own.values()), limits, story.resumes, how=how, unit=unit))
    return charts


def _kind(story: Story, own: list[Curve]) -> str:
    """What the judge gives, as the run says; of one that does not say it, as its notes look."""
    kind = story.start.get("judgement") or ("distance" if story.notes("distance") else "")
    if kind == "distance" or kind in JUDGEMENTS:
        return kind
    values = np.concatenate([curve.y for curve in own])
    values = values[np.isfinite(values)]
    return "probabilities" if ((values >= 0) & (values <= 1)).all() else "scores"


def _distance(story: Story, real: Curve, other: Curve, of: str) -> Html:
    """How much higher the critic scores real samples than the others, where both were logged."""
    rounds, i, j = np.intersect1d(real.x, other.x, return_indices=True)
    with np.errstate(over="ignore", invalid="ignore"):
        curve = Curve("real minus fake", rounds, real.y[i] - other.y[j])
    return chart(DISTANCE + of, [curve], marks=story.resumes, how=OF_DISTANCE, unit="distance")


def _losses(story: Story) -> list[Html]:
    players = by_player({curve.name: curve for curve in story.curves("losses")})
    parts = {player: [Curve(n, c.x, c.y) for n, c in own.items()] for player, own in players.items()}
    return [
        chart(f"Losses of {player}", own, marks=story.resumes, how=OF_LOSSES, unit="loss")
        for player, own in parts.items()
    ]


def _score_charts(story: Story) -> list[Html]:
    better = {score["name"]: score.get("better") for score in story.scores}
    meanings = story.start.get("meanings", {})
    charts = []
    for curve in story.score_curves():
        way = better.get(curve.name)
        note = {"lower": "lower is better", "higher": "higher is better", "one": "1 is best"}.get(str(way), "")
        remark = ", ".join(t for t in (note, _best(curve, way)) if t)
        how = meanings.get(curve.name, "A score of samples that were drawn on the way")
        how = f"{how[:1].upper()}{how[1:]}. The strokes are ± its standard error."
        charts.append(chart(curve.name, [curve], marks=story.resumes, note=remark, how=how, unit="score"))
    return charts


def _best(curve: Curve, way: object) -> str:
    if way not in ("lower", "higher") or not np.isfinite(curve.y).any():
        return ""
    at = int(np.nanargmin(curve.y) if way == "lower" else np.nanargmax(curve.y))
    return f"best {number(curve.y[at])} at round {curve.x[at]:,.0f}"


def _others(story: Story, shown: bool) -> list[Html]:
    """What the game notes beside; its distance is not `shown` again."""
    names = [c for c in story.curves("notes") if not OF_DUEL.fullmatch(c.name) and not (shown and c.name == "distance")]
    how = "Noted by the game, the mean of a round."
    return [chart(c.name, [c], marks=story.resumes, how=NOTES.get(c.name, how)) for c in names]


def _signs(story: Story) -> list[Html]:
    """What the doctor looks at: of several curves that belong together one chart."""
    found = {curve.name: curve for curve in story.curves("signs")}
    charts = []
    for title, (unit, how, names) in SIGNS.items():
        own = [
            Curve(names[key] or name.partition("/")[2], c.x, c.y)
            for name, c in found.items()
            for key in _known(name, names)
        ]
        charts += [chart(title, own, marks=story.resumes, how=how, unit=unit)] if own else []
    return charts + _waiting(story)


def _waiting(story: Story) -> list[Html]:
    waited, how = story.column("waited"), "Seconds in which rounds waited for data, since the point before."
    own = [Curve("waited", waited.x, waited.y)] if waited else []
    return [chart("Waiting for data", own, marks=story.resumes, how=how, unit="seconds")] if own else []


def _known(name: str, names: dict[str, str]) -> list[str]:
    """The key of a sign's title: its own name, or what stands before a player's."""
    return [key for key in (name, f"{name.partition('/')[0]}/") if key in names]


def _speed(story: Story) -> list[Html]:
    speed = story.column("images_per_second")
    how = "How fast rounds were played; higher is faster. Pictures and scores are not counted."
    own = [Curve("images/s", speed.x, speed.y)] if speed else []
    return [chart("Images per second", own, marks=story.resumes, how=how, unit="images/s")] if own else []
