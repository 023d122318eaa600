"""Wrong ways to translate without pairs beside the right ones, each trained for as many rounds: a table for people.

python -m benchmarks.wrong_ways [--rounds N] [--folder FOLDER]

The score is the share of translated digits that the judge `digits` reads as what they are, with its standard error over
the held-out digits; one seed each, so that differences between runs are not in it. A run that is there goes on, or is
only read: the command can be stopped and given again.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import saddle

CYCLEGAN = {"game.width": 16, "game.blocks": 3, "game.patch_layers": 1, "game.identity_weight": 0, "plan.batch": 8}
UNIT = {"game.width": 8, "game.judge_layers": 3, "plan.batch": 8}
DTN = {"game.width": 32, "game.optim.betas": (0.5, 0.999), "data.labels": True, "plan.batch": 32}
ALL = {"game.optim.lr": 5e-4, "data.direction": "b-to-a", "plan.scores": 0, "plan.pictures": 0, "plan.samples": 2}
HELD_OUT = 497  # digits
DATA = ("digits-inverted", "digits-blended")


@dataclass(frozen=True)
class Way:
    """One run."""

    game: str
    what: str  # in words
    settings: dict[str, Any]
    zero: tuple[str, ...] = ()  # settings of the game that are 0

    def folder(self, source: str) -> str:
        changed = "".join(f"-{name}" for name in self.zero) + f"-{self.settings.get('game.shared', '')}".rstrip("-")
        return f"{self.game}{changed}{'-codes' if 'game.domain_weight' in self.settings else ''}-{source}"


WAYS = (
    Way("cyclegan", "cycles", CYCLEGAN),
    Way("cyclegan", "neither cycles nor identity", CYCLEGAN, ("cycle_weight",)),
    Way("dtn", "constancy", DTN),
    Way("dtn", "no constancy", DTN, ("constancy_weight",)),
    Way("unit", "one of four blocks shared", UNIT | {"game.shared": 1}),
    Way("unit", "all blocks shared", UNIT | {"game.shared": 4}),
    Way("unit", "no block shared", UNIT | {"game.shared": 0}),
    Way("unit", "no block shared, no cycles", UNIT | {"game.shared": 0}, ("cycle_weight", "cycle_kl_weight")),
    Way("unit", "one shared, and a judge that tells codes apart", UNIT | {"game.shared": 1, "game.domain_weight": 1.0}),
)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wrong_ways", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=150, help="of each run, by default 150")
    parser.add_argument("--folder", type=Path, default=Path("runs/wrong-ways"), help="by default runs/wrong-ways")
    parser.add_argument("--data", choices=DATA, action="append", help="by default both")
    args = parser.parse_args(argv)
    sources = args.data or list(DATA)
    print(row("game", *(f"{source} → digits" for source in sources)), row(*["---"] * (1 + len(sources))), sep="\n")
    for way in WAYS:
        scores = [reached(way, source, args.rounds, args.folder) for source in sources]
        print(row(f"`{way.game}`: {way.what}", *(f"{value:.3f} ± {error:.3f}" for value, error in scores)), flush=True)
    print(
        f"\nShare of translations read rightly after {args.rounds} rounds, one seed; ± is over held-out digits alone."
    )
    return 0


def reached(way: Way, source: str, rounds: int, folder: Path) -> tuple[float, float]:
    """The share of inverted or blended digits that became the same digits, plain ones, and its standard error."""
    settings = ALL | way.settings | {f"game.{name}": 0 for name in way.zero}
    place = folder / f"{rounds}-rounds" / way.folder(source)
    run = saddle.train(way.game, source, place, rounds=rounds, settings=settings, device="cpu", quiet=True)
    score = run.evaluate(["task_accuracy"], HELD_OUT, judge="digits")["task_accuracy"]
    there = score.ways.get("a to b")  # b are plain digits; of a game that translates one way there is no other
    return (there["value"], there["uncertainty"]) if there else (score.value, score.uncertainty)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
