"""The algorithm of a game at its settings: the moves that are played, in order, with the formula of every loss.

No game lists its moves: they are recorded while it plays. It plays a round on random batches at the beginning and at
the end of the run, and at many places between them if it has stages. Where two rounds differ, a search finds the place
of the change.
"""

import math
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import fields
from itertools import pairwise
from typing import Any, NamedTuple

from ..base import rng
from ..base.formulas import written
from ..base.remarks import meanings
from ..base.settings import explain
from ..data import spec_of
from ..optim import Adam, Constant
from ..spec import Batch
from ..tasks import Game
from . import registry
from .recipe import Recipe
from .trace import random_batch

EVENLY = 8  # places of the run that are looked at in any case, beside those that the settings name
NEAR = 2.0**-12  # of the run: how exactly the place of a change is found
LONGEST = 3  # moves of a block that is repeated
ROUNDS = 100_000  # of a plan that does not say how many
SILENT = (None, 0.0, Adam.eps, Constant(), Constant(0.0))  # what changes nothing among an optimizer's settings


class Step(NamedTuple):
    """A move as it was played."""

    players: tuple[str, ...]
    losses: tuple[str, ...]
    optims: tuple[str, ...]
    batches: int  # that were drawn for it


Stage = tuple[float, list[Step]]  # from which share of the run on, and the moves of a round


def algorithm(recipe: Recipe) -> dict[str, Any]:
    """Name, data, stages with their moves, and what letters mean, in plain values.

    A stage has `begins` and `ends`, shares of the run, and `blocks`: moves that are played so many `times` in a row.
    """
    spec = spec_of(recipe.data)
    with rng.building("weights"):
        game = registry.load(recipe.game)(spec, recipe.options)
    found = stages(game, recipe)
    ends = [begins for begins, _ in found[1:]] + [1.0]
    told = [
        {"begins": begins, "ends": end, "blocks": [_block(game, *each) for each in blocks(steps)]}
        for (begins, steps), end in zip(found, ends, strict=True)
    ]
    formulas = " ".join(formula for _, steps in found for step in steps for formula in formulas_of(game, step).values())
    return {
        "name": recipe.game,
        "summary": registry.summary(recipe.game),
        "data": {"source": recipe.data.source, "shape": list(spec.shape), "batch": recipe.plan.batch},
        "stages": told,
        "letters": {letter: says for letter, says in game.letters.items() if _stands(letter, formulas)},
    }


def stages(game: Game, recipe: Recipe) -> list[Stage]:
    """Where in the run the moves of a round change, from 0 on, and what they are from there on."""
    lazy = [int(s.value) for name, s in explain(recipe.options, "game").items() if name.endswith(".every")]
    period, planned = math.lcm(*lazy), recipe.plan.wanted or ROUNDS

    def at(progress: float) -> list[Step]:
        round_ = round(progress * planned / period)
        return played(game, period * (round_ | 1 if progress else 0), progress)  # one in which lazy penalties are paid

    last = math.nextafter(1, 0)
    places = {i / EVENLY for i in range(1, EVENLY)} | _named_places(recipe.options) if game.has_staged(last) else set()
    found: list[Stage] = [(0.0, at(0.0))]
    for before, place in pairwise([0.0, *sorted(places), last]):
        found += _changes(at, (before, found[-1][1]), (place, at(place)))
    return found


def _changes(at: Any, before: Stage, after: Stage) -> list[Stage]:
    """Every change between two places of the run."""
    if before[1] == after[1]:
        return []
    middle = (before[0] + after[0]) / 2
    if after[0] - before[0] < NEAR:
        return [after]
    between = middle, at(middle)
    return _changes(at, before, between) + _changes(at, between, after)


def _named_places(options: Any) -> set[float]:
    """Shares of the run among the settings: where stages may begin, or end, also one after the other."""
    said = meanings(type(options))
    timed = [f.name for f in fields(options) if re.search(r"\b(run|progress)\b", said[f.name])]
    shares = [value for name in timed if isinstance(value := getattr(options, name), float)]
    ends = {*shares, *(1 - share for share in shares), *(a + b for a in shares for b in shares)}
    return {share for share in ends if 0 < share < 1}


def played(game: Game, rounds: int, progress: float) -> list[Step]:
    """The moves of a round at a place of the run, without a step, by a copy of the game."""
    game, drawn, steps = deepcopy(game), 0, []

    def batches() -> Iterator[Batch]:
        nonlocal drawn
        while True:
            drawn += 1
            yield random_batch(game.data, 1 if game.data.single else 4)

    game.train()
    game.rounds, game.progress = rounds, progress
    with rng.building("trace"):
        for move in game.round(batches()):
            steps.append(Step(move.players, tuple(move.losses), tuple(move.optims), drawn))
            drawn = 0
    return steps


def blocks(steps: Sequence[Step]) -> list[tuple[Sequence[Step], int]]:
    """Moves in a row, and how often they are played one after the other before the next ones."""
    told, i = [], 0
    while i < len(steps):
        size, times = 1, 1
        for length in range(1, LONGEST + 1):
            block, repeats = steps[i : i + length], 1
            while steps[i + repeats * length : i + (repeats + 1) * length] == block:
                repeats += 1
            if length * repeats > size * times and repeats > 1:
                size, times = length, repeats
        told.append((steps[i : i + size], times))
        i += size * times
    return told


def formulas_of(game: Game, step: Step) -> dict[str, str]:
    """Those of the losses of a move; a game may leave out some."""
    told: dict[str, str] = {}
    for player in step.players:
        told |= game.formulas(player)
    return {name: told[name] for name in step.losses if name in told}


def _block(game: Game, steps: Sequence[Step], times: int) -> dict[str, Any]:
    return {"times": times, "moves": [_move(game, step) for step in steps]}


def _move(game: Game, step: Step) -> dict[str, Any]:
    formulas = formulas_of(game, step)
    after = [text for player in step.players if (text := game.afterwards(player))]
    return {
        "players": list(step.players),
        "batches": step.batches,
        "optims": list(dict.fromkeys(written(game.optim(name), SILENT) for name in step.optims)),
        "losses": [{"name": name, "formula": formulas.get(name)} for name in step.losses],
        "afterwards": after,
    }


def _stands(letter: str, formulas: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(letter)}(?![\w*])", formulas) is not None  # f* is not f
