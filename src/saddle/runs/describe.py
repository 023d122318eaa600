"""One game in plain values: its paper, the moves of a round, its players and every setting."""

from itertools import takewhile
from typing import Any

import torch

from ..base import guests, rng
from ..base.settings import Setting, explain
from ..data import DataOptions, spec_of
from ..data.source import Source
from ..losses import AdversarialLoss, TopK, Wasserstein
from ..metrics.names import metric_names
from ..tasks import Game
from ..training.plan import Plan
from . import registry, scoring
from .informing import count_parameters
from .recipe import Recipe
from .trace import trace


def describe(recipe: Recipe) -> dict[str, Any]:
    """Everything about a game at these settings, in plain values."""
    spec = spec_of(recipe.data)
    with rng.building("weights"):
        game = registry.load(recipe.game)(spec, recipe.options)
    moves, drawn = trace(game)
    return {
        "name": recipe.game,
        "text": registry.text(recipe.game),
        "kind": ", ".join(task.__name__.lower() for task in game.tasks()),
        "data": {"source": recipe.data.source, "shape": list(spec.shape), "needs": list(game.needs)},
        "moves": [{"players": list(players), "losses": list(losses)} for players, losses in moves],
        "batches": drawn,
        "players": {name: n for name, n in count_parameters(game).items() if name in game.players()},
        "settings": settings_of(recipe),
        "refused": game.refused(),
    }


def differing(recipe: Recipe) -> dict[str, Any]:
    """Settings of the game that are not the paper's, by name, with the paper's value.

    Of a part that the paper does not have, such as another network, the part is named and its settings are not.
    """
    before, now = explain(type(recipe.options)(), "game"), explain(recipe.options, "game")
    paper = {name: before[name].value for name in now if _alike(name, before, now)}
    return {name: value for name, value in paper.items() if now[name].value != value}


def told(recipe: Recipe, game: Game, source: Source) -> dict[str, Any]:
    """What the report of a run has to know beside what happens in it, in plain values."""
    scores = {*source.judged.early, *source.judged.final, *game.scores, *(game.early_scores or ())}
    scores |= {*recipe.plan.metrics}
    modules = [guests.plugged_as(module) for module in recipe.guests()]
    asked = None if recipe.plan.metrics else scoring.to_ask_for(game, source, recipe.plan.samples)
    return {
        "paper_settings": differing(recipe),
        "commands": commands(game),
        "judgement": judgement(game),
        "meanings": {name: says for name, says in metric_names().items() if name in scores},
        **({} if asked is None else {"scorable": asked}),
        **({"plugins": modules} if modules else {}),
    }


def commands(game: Game | type[Game]) -> list[str]:
    """Those that its tasks name: "saddle sample", "saddle encode", …"""
    named = (task.purpose.partition(" (")[2].rstrip(")") for task in game.tasks())
    return [command for each in named for command in each.split(", ") if command]


def judgement(game: Game) -> str | None:
    """What `d_real` and `d_fake` are: "probabilities", "scores" or "energies"; None without a loss of logits.

    "distance" are scores too, and what lies between them is an estimate of Wasserstein's distance.
    """
    loss = getattr(game, "criterion", None)
    loss = loss.loss if isinstance(loss, TopK) else loss
    if not isinstance(loss, AdversarialLoss):
        return None
    if isinstance(loss, Wasserstein):
        return "distance"
    low, high = loss.output(torch.tensor([-30.0, 30.0])).tolist()
    return "energies" if high < low else "probabilities" if low >= 0 and high <= 1 else "scores"


def _alike(name: str, before: dict[str, Setting], now: dict[str, Setting]) -> bool:
    """Is this setting one of the paper's too, since all that it is part of is the same there?"""
    owners = [owner for owner in now if name.startswith(f"{owner}.")]
    return name in before and all(before[owner].value == now[owner].value for owner in owners)


def settings_of(recipe: Recipe) -> list[dict[str, Any]]:
    """Every setting with its meaning: its "value" in the recipe, and its "default", the paper's.

    One that has bounds says its "range", as 'at least 1'.

    A part of another class than the paper's has other settings: those of the recipe's alone have no default, and those
    of the paper's alone no value.
    """
    parts = {"game": (type(recipe.options)(), recipe.options), "data": (DataOptions(), recipe.data)}
    lines = []
    for part, (default, chosen) in (parts | {"plan": (Plan(), recipe.plan)}).items():
        before, now = ({(n, s.meaning): s for n, s in explain(each, part).items()} for each in (default, chosen))
        for name, meaning in _merged(list(now), list(before)):
            ours, theirs = (each.get((name, meaning)) for each in (now, before))
            told = ours or theirs
            line = {"name": name, "meaning": meaning, "wants": told.wants}  # type: ignore[union-attr]
            line |= {"range": str(told.range)} if told.range else {}  # type: ignore[union-attr]
            line |= {"value": ours.value} if ours else {}
            lines.append(line | ({"default": theirs.value} if theirs else {}))
    return lines


def _merged(names: list[tuple[str, str]], others: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The names, each of the others that is not among them after those that share most of its dotted path."""
    for other in others:
        if other not in names:
            last = max(range(len(names)), key=lambda i: (_shared(names[i][0], other[0]), i))
            names.insert(last + 1, other)
    return names


def _shared(name: str, other: str) -> int:
    """How many parts of their dotted paths two names have in common, from the first on."""
    pairs = zip(name.split("."), other.split("."), strict=False)
    return len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
