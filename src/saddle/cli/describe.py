"""One game: its paper, the moves of a round, its players and every setting.

  saddle describe wgan-gp
  saddle describe wgan-gp --data ring
  saddle describe wgan-gp --game.discriminator_steps 3     what would that change?

The moves are traced, not written by hand: the game is built for its data and plays one round on random batches.
"""

from argparse import ArgumentParser, Namespace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ._show import heading, json, table

if TYPE_CHECKING:
    pass

SETTINGS = ("game", "data", "plan")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("game", help="a game of `saddle list`")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: Namespace) -> None:
    from ..runs.describe import describe
    from ..runs.recipe import Recipe

    source = args.settings.get("data.source", args.settings.get("data"))
    facts = describe(Recipe.default(args.game, source).change(args.settings))
    if args.json:
        json(facts)
    else:
        _print(facts)


def _print(facts: dict[str, Any]) -> None:
    from ..base.settings import text

    title, _, body = facts["text"].partition("\n")
    heading(title)
    print(body.strip("\n"))
    data = facts["data"]
    heading(f"\nA round, on {data['source']} of {'×'.join(map(str, data['shape']))}")
    moves = [(" + ".join(move["players"]), " + ".join(move["losses"])) for move in facts["moves"]]
    repeats = [(move, len(list(same))) for move, same in groupby(moves)]
    table(
        ["move", "goes down"],
        [(f"{players} ×{times}" if times > 1 else players, losses) for (players, losses), times in repeats],
    )
    print(f"It draws {facts['batches']} batch{'es' * (facts['batches'] > 1)} of {', '.join(data['needs'])}.")
    heading("\nPlayers")
    table(["player", "parameters"], [(name, f"{n:,}") for name, n in facts["players"].items()])
    heading("\nSettings: --NAME VALUE, and the default where it is another; - where a part has no such setting")
    lines = []
    for entry in facts["settings"]:
        value, default = (text(entry[column]) if column in entry else "-" for column in ("value", "default"))
        lines.append((entry["name"], value, "" if value == default else default, _meaning(entry)))
    table(["name", "value", "default", "meaning"], lines)
    if facts["refused"]:
        heading("\nWhat cannot be chosen beside these settings")
        table(["setting", "why"], [*facts["refused"].items()])


def _meaning(entry: dict[str, Any]) -> str:
    several = entry["wants"].startswith("one of") and entry["wants"].removeprefix("one of ") not in entry["meaning"]
    return f"{entry['meaning']} ({entry['wants']})".strip() if several else entry["meaning"]
