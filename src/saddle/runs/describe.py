"""One game in plain values: its paper, the moves of a round, its players and every setting."""

import ast
from typing import Any

from ..base import rng
from ..base.files import parsed
from ..base.settings import explain
from ..data import DataOptions, spec_of
from ..training.plan import Plan
from . import registry
from .recipe import Recipe
from .run import count_parameters
from .trace import trace


def describe(recipe: Recipe) -> dict[str, Any]:
    """Everything about a game at these settings, in plain values."""
    spec = spec_of(recipe.data)
    with rng.building("weights"):
        game = registry.load(recipe.game)(spec, recipe.options)
    moves, drawn = trace(game)
    return {
        "name": recipe.game,
        "text": ast.get_docstring(parsed(registry.source(recipe.game))),
        "kind": ", ".join(task.__name__.lower() for task in game.tasks()),
        "data": {"source": recipe.data.source, "shape": list(spec.shape), "needs": list(game.needs)},
        "moves": [{"players": list(players), "losses": list(losses)} for players, losses in moves],
        "batches": drawn,
        "players": {name: n for name, n in count_parameters(game).items() if name in game.players()},
        "settings": _settings(recipe),
        "refused": game.refused(),
    }


def _settings(recipe: Recipe) -> list[dict[str, Any]]:
    """The paper's value and the recipe's of every setting, with its meaning."""
    lines = []
    parts = {"game": (type(recipe.options)(), recipe.options), "data": (DataOptions(), recipe.data)}
    for part, (default, chosen) in (parts | {"plan": (Plan(), recipe.plan)}).items():
        before, now = explain(default, part), explain(chosen, part)
        for name, setting in now.items():
            owners = [owner for owner in now if name.startswith(f"{owner}.")]
            alike = name in before and all(before[owner].value == now[owner].value for owner in owners)
            default_value = before[name].value if alike else setting.default
            lines.append(
                {"name": name, "value": setting.value, "default": default_value}
                | {"meaning": setting.meaning, "wants": setting.wants}
            )
    return lines
