"""The same networks under every loss, at an equal budget: one table of what each reached.

python -m benchmarks.losses [--losses Hinge,KL] [--rounds N] [--penalties R1] [--game dcgan] [--data digits] [--out DIR]

Each run is an ordinary run folder. A finished one is not trained again, and after an interruption the same command goes
on. A loss that cannot go with the networks stands below the table with the reason.
"""

import argparse
import re
from pathlib import Path
from typing import Any, get_args

import saddle
from saddle.base.errors import UsageError
from saddle.base.settings import choices
from saddle.losses import AdversarialLoss, Preference
from saddle.runs.run import Run
from saddle.training.health import Diverged

SCORES = ("fid_multiple", "precision", "recall", "coverage", "classes")


def every_loss() -> dict[str, AdversarialLoss]:
    """One of each class by name, and those that are made over a preference once for each: RelativisticAverage.hinge."""
    losses = {}
    for name, kind in choices(AdversarialLoss).items():
        if hasattr(kind, "base"):
            losses |= {f"{name}.{base}": kind(base=base) for base in get_args(Preference)}
        else:
            losses[name] = kind()
    return losses


def measure(name: str, loss: AdversarialLoss, args: argparse.Namespace) -> dict[str, Any]:
    """The scores of the last checkpoint, or under 'refused' why there are none."""
    # ADA reads the sign of logits, which not every loss gives a meaning; so no loss gets the recipe's views.
    settings = {"game.loss": loss, "game.views": "none", "plan.scores": 0, "plan.seed": args.seed}
    settings |= dict(args.set)
    if args.penalties:
        settings["game.penalties"] = args.penalties
    if args.critic:
        settings["game.network.critic"] = True
    folder = args.out / re.sub(r"\W", "-", name)
    try:
        saddle.train(args.game, args.data, run=folder, rounds=args.rounds, settings=settings, quiet=True)
    except (UsageError, Diverged) as error:
        return {"refused": str(error)}
    run = Run(folder, "last")
    scores = run.evaluate(list(SCORES))
    return {key: score.value for key, score in scores.items()} | {"seconds": run.info()["seconds"]}


def setting(text: str) -> tuple[str, str]:
    """game.network.width=16 → its name and its value."""
    name, found, value = text.partition("=")
    if not (name and found):
        raise argparse.ArgumentTypeError(f"a setting is NAME=VALUE, not {text!r}")
    return name, value


def table(found: dict[str, dict[str, Any]]) -> str:
    """In Markdown, the best FID first; what was refused below."""
    columns = (*SCORES, "seconds")
    lines = ["| loss | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
    played = {name: row for name, row in found.items() if "refused" not in row}
    for name in sorted(played, key=lambda name: played[name]["fid_multiple"]):
        lines.append(f"| {name} | " + " | ".join(f"{played[name][column]:.3g}" for column in columns) + " |")
    refused = [f"- {name}: {row['refused']}" for name, row in found.items() if "refused" in row]
    return "\n".join([*lines, *([""] if refused else []), *refused])


def main(argv: list[str] | None = None) -> int:
    """Train, score and print; the table is also written to DIR/losses.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.losses", description=__doc__.splitlines()[0])
    parser.add_argument("--losses", metavar="A,B,…", help="by default all")
    parser.add_argument("--rounds", type=int, default=1500, help="of every run; by default 1500")
    parser.add_argument("--penalties", metavar="A,B,…", help="on the discriminator, such as R1")
    parser.add_argument(
        "--critic", action="store_true", help="no batch norm in the discriminator, as penalties ask for"
    )
    parser.add_argument(
        "--set", metavar="NAME=VALUE", type=setting, nargs="+", default=[], help="other settings than the recipe's"
    )
    parser.add_argument("--game", default="dcgan", help="whose networks and recipe; by default dcgan")
    parser.add_argument("--data", help="by default the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/losses"), help="by default runs/losses")
    args = parser.parse_args(argv)
    known = every_loss()
    names = args.losses.split(",") if args.losses else list(known)
    if unknown := sorted(set(names) - known.keys()):
        parser.error(f"no loss {unknown[0]}; there are {', '.join(known)}")
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        found[name] = measure(name, known[name], args)
        print(f"{name}: {found[name]}", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "losses.md").write_text(table(found) + "\n", "utf-8")
    print("\n" + table(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
