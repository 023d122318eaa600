"""Search for better settings: many short trainings, chosen by what the earlier ones scored.

  saddle search gan --data ring --plan.rounds 500 --vary game.optim.lr=1e-5..1e-2:log
  saddle search dcgan --plan.rounds 1000 --vary game.loss=Hinge,NonSaturating --vary plan.batch=16..128 --trials 30
  saddle search --run runs/search-gan-ring                go on with a search, or see what it has found

--vary SETTING=LOW..HIGH draws between two numbers, SETTING=LOW..HIGH:log evenly between their logarithms, and
SETTING=A,B,C one of several values; any setting of `saddle describe GAME` may be varied. A part such as
game.penalties.R1.weight is varied where a trial has it. The same command goes on with a search that was stopped: its
last trial from its checkpoint. Every trial is a run folder in the folder of the search, for doctor, compare, report.

The best trial has the best score of --metric; that of a trial is its best checkpoint's. Whether lower or higher is
better, the metric knows. The pruner stops a trial whose scores on the way (--plan.scores) are behind those of the
others. All trials have one seed, unless --vary plan.seed=0..9 varies it. `pip install optuna` brings Optuna, which
suggests the values.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError, remark
from . import _tracked
from ._open import whole
from ._show import json, line, table

if TYPE_CHECKING:
    from ..runs.searched import Found

SETTINGS = ("game", "data", "plan")
DO = {"again": "Train it again (the same seed):", "compare": "Compare it over three seeds:"}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("game", nargs="?", help="a game of `saddle list`, or your folder or image; by default dcgan")
    parser.add_argument(
        "--vary", action="append", default=[], metavar="SETTING=VALUES", help="vary this setting; may be repeated"
    )
    parser.add_argument("--trials", type=whole(1), default=20, metavar="N", help="trials in all; by default 20")
    parser.add_argument("--minutes", type=float, metavar="M", help="none begins when so many minutes are over")
    parser.add_argument("--metric", default="", help="what the best is chosen by; by default what chooses checkpoints")
    parser.add_argument(
        "--pruner",
        default="median",
        choices=("median", "halving", "none"),
        help="what stops a trial; by default median",
    )
    parser.add_argument(
        "--run", type=Path, metavar="DIR", help="the folder of the search; by default runs/search-GAME-DATA"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="start from this recipe")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")
    _tracked.arguments(parser)
    parser.add_argument("--json", action="store_true", help="for programs; what it does is said on standard error")


def run(args: Namespace) -> None:
    given = _varied(args.vary)
    from ..runs.searching import Asked, asked_for, search

    recipe, vary, folder = asked_for(args.game, args.settings, args.config, args.run, given, args.device)
    asked = Asked(recipe, vary, args.metric, args.pruner)
    found = search(asked, folder, args.trials, args.minutes, args.device, args.track, remark if args.json else line)
    json(found.to_dict()) if args.json else _say(found)


def _varied(words: list[str]) -> dict[str, str]:
    """SETTING=VALUES as names with values."""
    vary: dict[str, str] = {}
    for word in words:
        name, equals, values = word.removeprefix("--").partition("=")
        if not (name and equals and values):
            raise UsageError(f"--vary wants SETTING=LOW..HIGH, SETTING=LOW..HIGH:log or SETTING=A,B,C, not '{word}'")
        if name in vary:
            raise UsageError(f"--vary {name} is given twice; keep one of them")
        vary[name] = values
    return vary


def _say(found: "Found") -> None:
    names = list(dict.fromkeys(name for each in found.trials for name in each.settings))
    rest = [each for each in found.trials if each not in found.ranked]
    line("")
    table(
        ["trial", found.metric, "", *names, ""],
        [
            (
                each.run.name,
                "" if each.value != each.value else f"{each.value:.4g}",
                "" if each.uncertainty != each.uncertainty else f"± {each.uncertainty:.2g}",
                *(_shown(each.settings.get(name, "")) for name in names),
                each.says.partition("\n")[0] or each.state,
            )
            for each in (*found.ranked, *rest)
        ],
    )
    if not found.best:
        line(f"\nno trial is finished; what happened is in {found.folder}")
        return
    line(f"\nthe best, {found.better} being better: {found.best.run}")
    line(found.honest())
    for what, command in found.commands().items():
        line(f"{DO[what]}\n  {command}")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
