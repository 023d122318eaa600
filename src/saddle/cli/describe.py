"""One game: its paper, the moves of a round, its players and every setting.

  saddle describe wgan-gp
  saddle describe wgan-gp --data ring
  saddle describe wgan-gp --game.discriminator_steps 3     what would that change?
  saddle describe wgan-gp --algorithm                      the moves in order, with the formula of every loss

The moves are traced, not written by hand: the game is built for its data and plays one round on random batches; of its
algorithm, one at the beginning of the run and others later on.
"""

from argparse import ArgumentParser, Namespace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ._show import heading, json, line, table

if TYPE_CHECKING:
    pass

SETTINGS = ("game", "data", "plan")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("game", help="a game of `saddle list`")
    parser.add_argument(
        "--algorithm", action="store_true", help="the moves of a round in order, with the formulas at these settings"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: Namespace) -> None:
    from ..runs.algorithm import algorithm
    from ..runs.describe import describe
    from ..runs.recipe import Recipe

    source = args.settings.get("data.source", args.settings.get("data"))
    recipe = Recipe.default(args.game, source).change(args.settings)
    facts = algorithm(recipe) if args.algorithm else describe(recipe)
    if args.json:
        json(facts)
    elif args.algorithm:
        _print_algorithm(facts)
    else:
        _print(facts)


def _print_algorithm(facts: dict[str, Any]) -> None:
    data, stages, number = facts["data"], facts["stages"], 0
    heading(facts["summary"])
    shape = "×".join(map(str, data["shape"]))
    line(f"\nA round, on {data['source']} of {shape}, in batches of {data['batch']}.")
    line("A move is one step of its players down the sum of its losses. Each term is a mean over the batch's samples.")
    for stage in stages:
        line(f"\n{_when(stage)}" if len(stages) > 1 else "")
        for block in stage["blocks"]:
            indent = "  " * (block["times"] > 1)
            if block["times"] > 1:
                line(f"{block['times']} times:")
            for move in block["moves"]:
                number += 1
                _print_move(move, f"{indent}{number}. ", "  " + indent)
    if facts["letters"]:
        line("")
    for letter, meaning in facts["letters"].items():
        line(f"{letter}: {meaning}")


def _print_move(move: dict[str, Any], before: str, indent: str) -> None:
    batches = {0: "", 1: ", on a new batch"}.get(move["batches"], f", on {move['batches']} new batches")
    *first, last = move["players"]
    line(f"{before}{', '.join(first)}{' and ' * bool(first)}{last}{batches}")
    width = max((len(loss["name"]) for loss in move["losses"]), default=0)
    for loss in move["losses"]:
        line(f"{indent} {loss['name']:<{width}}  {loss['formula'] or '(its game states no formula)'}")
    line(f"{indent} by {' and '.join(move['optims'])}")
    for text in move["afterwards"]:
        line(f"{indent} then {text}")


def _when(stage: dict[str, Any]) -> str:
    """In which part of the run."""
    begins, ends = (f"{share:.3g}" for share in (100 * stage["begins"], 100 * stage["ends"]))
    if not stage["begins"]:
        return f"Until {ends} % of the run:"
    return f"From {begins} % of the run on:" if stage["ends"] == 1 else f"From {begins} to {ends} % of the run:"


def _print(facts: dict[str, Any]) -> None:
    from ..base.kinds import text

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
    possible = entry["wants"] if several else entry.get("range")
    return f"{entry['meaning']} ({possible})".strip() if possible else entry["meaning"]
