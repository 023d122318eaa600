"""Which scores a run's game and data allow, and those scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base import dist, rng
from ..base.errors import UsageError
from ..metrics.evaluation import evaluate
from ..metrics.evidence import Evidence
from ..metrics.extractors import extractor as extractor_named
from ..metrics.features import Trained
from ..metrics.intra import FEWEST
from ..metrics.judged import Judge
from ..metrics.lpips import Lpips
from ..metrics.metric import Metric
from ..metrics.multiple import FEWEST as FEWEST_REFERENCES
from ..metrics.names import chosen, metric_names
from ..metrics.path_length import METRICS as PATH_LENGTHS
from ..metrics.score import Fingerprint, Score
from ..tasks import Game
from ..training.plan import Plan
from . import ingredients
from .translations import spread

if TYPE_CHECKING:
    from ..data.source import Source

SAMPLES = 2000  # that are scored on the way
OF_PICTURES = ("sharpness",)  # metrics that look from pixel to pixel
ALONE = (
    "nothing is held out of these data, so samples were compared with what was trained on: "
    "a game that copies it scores best"
)
SOME = 6  # metrics that are named, where any can be asked for


def defaults(game: Game, source: Source, final: bool, n: int | None = None) -> list[str]:
    """The scores that this game's samples of these data get without being asked; the first one chooses the best.

    Those of the data, then those of the game's tasks, without what cannot be had of these data or of so few samples.
    On the way those that the game names in place of the data's; its headlines, where there would be none.
    """
    judged = source.judged
    of_data = judged.final if final else judged.early
    if final:
        return _at_hand((*of_data, *game.scores), game, source, n)
    possible = (game.early_scores or (), of_data, game.headlines)
    return next((found for names in possible if (found := _at_hand(names, game, source, n))), [])


def references(source: Source) -> int:
    """How many real samples there are to compare with: those held out, or, where there are none, all."""
    return len(source.heldout or source.train)


def choice(names: Sequence[str], source: Source) -> list[str]:
    """Which score of `names` chooses the best checkpoint, in a line; none where nothing is scored on the way."""
    if not names or not chooses(names[0]):
        return []
    said, n = f"{names[0]} chooses the best checkpoint", references(source)
    if n >= FEWEST_REFERENCES:
        return [said]
    kind = "held-out samples" if source.heldout else "samples it is trained on, for nothing is held out"
    return [f"{said}, by {n:,} {kind}: so few tell which round is better, and not how good it is"]


def on_the_way(game: Game, source: Source, asked: Sequence[str]) -> list[str]:
    """What is scored while it trains: what the plan asks for, else what is without being asked.

    UsageError for what the plan may not ask for, with what it may: a run must not find out when rounds are played.
    """
    if not asked:
        return defaults(game, source, False)
    possible = at_hand(game, source, SAMPLES)
    can = f"these data and this game can have {', '.join(possible) or 'no scores'}"
    evidence = _evidence(game, source)
    for name, metric in chosen(asked).items():
        if reason := evidence.lacks(metric):
            raise UsageError(f"plan.metrics: the metric '{name}' needs {reason}; {can}")
        if name not in possible:
            raise UsageError(f"plan.metrics: these images are too small or too few for '{name}'; {can}")
    if not chooses(asked[0]):
        choosing = [name for name in possible if chooses(name)]
        raise UsageError(
            f"plan.metrics: the first one chooses the best checkpoint, and '{asked[0]}' may not; begin with another "
            f"one: {', '.join(choosing) or 'there is none'}"
        )
    return list(chosen(asked))


def at_the_end(game: Game, source: Source, plan: Plan) -> list[str]:
    """What the checkpoint that is kept is scored by: what is without being asked, and what the plan asks for."""
    asked = _at_hand(plan.metrics, game, source, plan.samples)
    return list(dict.fromkeys((*defaults(game, source, True, plan.samples), *asked)))


def _at_hand(names: Iterable[str], game: Game, source: Source, n: int | None) -> list[str]:
    """Those that can be had."""
    if not names:
        return []
    evidence = _evidence(game, source)
    n = n or source.judged.samples
    enough = _of_a_class(source, n)
    real = references(source)
    least = min(n, len(source.heldout)) if source.heldout else n
    side = min(source.spec.shape[-2:]) if source.spec.is_image else math.inf

    def can(metric: Metric) -> bool:
        many = metric.of_a_class <= enough and metric.of_reference <= min(least, real) and metric.references <= real
        return many and metric.of_side <= side

    return [name for name, metric in chosen(names).items() if can(metric) and not evidence.lacks(metric)]


def _evidence(game: Game, source: Source) -> Evidence:
    """Of which nothing is made: to find out what is there."""
    look = source.judged.extractor
    return Evidence(ingredients.of(game, source) | {"extractor": extractor_named(look) if look else None})


def _of_a_class(source: Source, n: int) -> float:
    """Of n samples, so many of each class; 0 where scores inside classes would end for want of the rarest one.

    A run must not find out when all its rounds are played.
    """
    classes = source.spec.classes
    if not classes or source.heldout is None or "label" not in source.heldout.columns:
        return n / max(1, len(classes))
    labels = source.heldout.columns["label"][:]
    shown, counts = np.unique(labels[labels >= 0], return_counts=True)
    shares = np.array(source.spec.distribution or [1 / len(classes)] * len(classes))
    rare = not len(shown) or counts.min() < FEWEST or n * shares[shown].min() < 2 * FEWEST
    return 0 if rare else n / len(classes)


def _nothing_to_score(game: Game, source: Source, n: int) -> str:
    """What can be asked for, where nothing is scored unasked."""
    possible = at_hand(game, source, n)
    if not possible:
        kinds = ", ".join(task.purpose for task in game.tasks())
        return f"{source.name} has nothing by which a game for {kinds} could be scored: its held-out part lacks it"
    weights = ", or, with weights of yours, --metrics fid,kid --extractor inception --weights FILE"
    return f"{source.name} has no scores of its own; ask for some of --metrics {','.join(possible[:SOME])}" + (
        weights if "swd" in possible and source.spec.is_image else ""
    )


def at_hand(game: Game, source: Source, n: int | None = None) -> list[str]:
    """All the metrics that can be had of n samples of this game and of these data."""
    names = [name for name in metric_names() if source.spec.is_image or name not in OF_PICTURES]
    return _at_hand(names, game, source, n)


def to_ask_for(game: Game, source: Source, n: int | None = None) -> list[str] | None:
    """Where nothing is scored unasked, some that can be asked for, none where there is nothing; else None."""
    return None if defaults(game, source, True, n) else at_hand(game, source, n)[:SOME]


def chooses(name: str) -> bool:
    """May the score of this name choose the best checkpoint?"""
    return chosen([name])[name].chooses


def score(
    game: Game,
    source: Source,
    names: list[str] | None = None,
    n: int | None = None,
    extractor: str | None = None,
    weights: str | Path | Sequence[str | Path] | None = None,
    seed: int = 0,
    early: bool = False,
    judge: Judge | None = None,
) -> dict[str, Score]:
    """Scores of n samples of a game, by default as many as its data ask for, against the held-out part of the data.

    Translations are of n held-out images; by default of fewer where they are large, and of few on the way, `early`.
    UsageError for an unknown metric or one that this game or these data cannot give.
    """
    if n is not None and n < 2:
        raise UsageError(f"scores are of at least 2 samples, not {n}")
    asked, n = n, n or source.judged.samples
    names = names or defaults(game, source, final=True, n=n)
    if not names:
        raise UsageError(_nothing_to_score(game, source, n))
    names = [*names, *(["task_accuracy"] if judge else [])]
    look = extractor or source.judged.extractor
    given = ingredients.of(game, source, seed) | {"judge": judge}
    given["lpips"], weights = _of_lpips(names, weights)
    for name in ("translations", "restorations"):
        if passing := given.get(name):
            given[name] = passing.limited(asked, early)
    samples = given.pop("samples", None)
    by = trained(source, samples.like if samples else source.spec.keys[0])
    seen = extractor_named(look, weights, game.device, look == source.judged.extractor, train=by) if look else None
    n = samples.count or n if samples else n
    with rng.share(dist.rank(), dist.world()):
        rng.seed(seed, "score")
        kind = "held-out" if source.heldout else "trained-on"
        real = given.pop("real", None)
        about: dict[str, Any] = {"n": n, "seed": seed, "reference": kind, "errors": not early}
        scores = evaluate(samples, real, names, seen, **about, **given)
    return {name: _told(score, game, source) for name, score in scores.items()}


def _told(score: Score, game: Game, source: Source) -> Score:
    """With a note where it was compared with what was trained on, and with what the game was trained against."""
    if source.heldout is None and "reference_count" in score.fingerprint:
        score = replace(score, note=score.note or ALONE)
    if game.trained_against is None:
        return score
    against: Fingerprint = {"trained_against": game.trained_against}
    return replace(score, fingerprint=score.fingerprint | against)


def trained(source: Source, key: str) -> Trained:
    """The training images of a key, for an extractor that is made of some."""
    count = len(source.train.columns[key])
    return Trained(
        lambda most: source.train.batch({key: spread(count, most)})[key], lambda: f"{source.fingerprint} {key}"
    )


def _of_lpips(
    names: Iterable[str], weights: str | Path | Sequence[str | Path] | None
) -> tuple[Lpips | None, str | Path | None]:
    """What lpips is read from, if it is asked for, and the weight file that is left for the extractor.

    A path length takes it where there are two files, and looks through the extractor where there are not.
    """
    files = [weights] if isinstance(weights, str | Path) else list(weights or ())
    lpips = None
    if files and ("lpips" in names or (len(files) > 1 and {*PATH_LENGTHS} & {*names})):
        lpips, files = Lpips.load(files)
    if len(files) > 1:
        raise UsageError(f"an extractor reads one weight file, not {', '.join(map(str, files))}")
    return lpips, files[0] if files else None
