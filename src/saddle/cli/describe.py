"""One game: its paper, the moves of a round, its players and every setting.

  saddle describe wgan-gp
  saddle describe wgan-gp --data ring
  saddle describe wgan-gp --game.discriminator_steps 3     what would that change?

The moves are not told but traced: the game is built for its data and plays one round on random batches.
"""

from argparse import ArgumentParser, Namespace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ._show import heading, json, table

if TYPE_CHECKING:
    from ..recipe import Recipe

SETTINGS = ("game", "data", "plan")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("game", help="one that `saddle list` names")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: Namespace) -> None:
    from ..recipe import Recipe

    source = args.settings.get("data.source", args.settings.get("data"))
    told = story(Recipe.default(args.game, source).change(args.settings))
    if args.json:
        json(told)
    else:
        _print(told)


def story(recipe: "Recipe") -> dict[str, Any]:
    """Everything about a game at these settings, in plain values."""
    import ast

    from .. import registry
    from ..data import open_source
    from ..run import count_parameters, kinds_of
    from ._trace import trace

    kind = registry.load(recipe.game)
    spec = open_source(recipe.data).spec
    game = kind(spec, recipe.options)
    moves, drawn = trace(game)
    return {
        "name": recipe.game,
        "text": ast.get_docstring(ast.parse(registry.source(recipe.game))),
        "kind": ", ".join(each.__name__.lower() for each in kinds_of(kind)),
        "data": {"source": recipe.data.source, "shape": list(spec.shape), "needs": list(kind.needs)},
        "moves": [{"players": list(players), "losses": list(losses)} for players, losses in moves],
        "batches": drawn,
        "players": {name: n for name, n in count_parameters(game).items() if name in game.players()},
        "settings": _settings(recipe),
    }


def _settings(recipe: "Recipe") -> list[dict[str, Any]]:
    """The paper's value and the recipe's of every setting, with its meaning."""
    from ..data import DataOptions
    from ..plan import Plan
    from ..settings import explain

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


def _print(told: dict[str, Any]) -> None:
    from ..settings import text

    title, _, body = told["text"].partition("\n")
    heading(title)
    print(body.strip("\n"))
    data = told["data"]
    heading(f"\nA round, on {data['source']} of {'×'.join(map(str, data['shape']))}")
    moves = [(" + ".join(move["players"]), " + ".join(move["losses"])) for move in told["moves"]]
    repeats = [(move, len(list(same))) for move, same in groupby(moves)]
    table(
        ["move", "goes down"],
        [(f"{players} ×{times}" if times > 1 else players, losses) for (players, losses), times in repeats],
    )
    print(f"It draws {told['batches']} batch{'es' * (told['batches'] > 1)} of {', '.join(data['needs'])}.")
    heading("\nPlayers")
    table(["player", "parameters"], [(name, f"{n:,}") for name, n in told["players"].items()])
    heading("\nSettings: --NAME VALUE, and the default where this recipe has another")
    lines = []
    for entry in told["settings"]:
        default = "" if entry["value"] == entry["default"] else text(entry["default"])
        lines.append((entry["name"], text(entry["value"]), default, _meaning(entry)))
    table(["name", "value", "default", "meaning"], lines)


def _meaning(entry: dict[str, Any]) -> str:
    several = entry["wants"].startswith("one of") and entry["wants"].removeprefix("one of ") not in entry["meaning"]
    return f"{entry['meaning']} ({entry['wants']})".strip() if several else entry["meaning"]
