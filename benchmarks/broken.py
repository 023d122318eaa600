"""Runs that are broken on purpose, one for each rule of the doctor, and accepted recipes: their logs, for the tests.

python -m benchmarks.broken --out tests/data/logs             all broken runs, seeds 0, 1 and 2: about 20 minutes
python -m benchmarks.broken collapsed --seeds 0 --out logs
python -m benchmarks.broken --good dcgan vae --out logs       accepted recipes, as they are: minutes each

Thresholds were chosen on seed 0; the tests look at seeds 1 and 2. A log is cut to what the rules read, 30 kB or so.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

from saddle.base.errors import SaddleError
from saddle.base.folder import RunFolder
from saddle.doctor import Log, examine
from saddle.runs.recipe import Recipe
from saddle.runs.session import train

SMALL = {"game.network": "MLP", "game.network.width": 96, "game.network.depth": 3, "game.z_dim": 32, "data.size": 8}
DIGITS: dict[str, Any] = {"plan.rounds": 1500, "plan.batch": 32, "plan.scores": 6, "plan.log_every": 25}
FEW = {"data.limit": 32, "plan.batch": 16, "plan.scores": 0, "plan.rounds": 2500, "game.network.width": 256}


def adam(generator: float, discriminator: float) -> dict[str, Any]:
    """Adam for both, with these learning rates."""
    own = {"class": "Adam", "lr": discriminator, "betas": [0.5, 0.999]}
    return {"game.optim": {"class": "Adam", "lr": generator, "betas": [0.5, 0.999]}, "game.discriminator_optim": own}


BROKEN: dict[str, tuple[str, str, dict[str, Any]]] = {  # by rule: game, data, and what is wrong with the settings
    "collapsed": ("gan", "digits", {**SMALL, **DIGITS, **adam(2e-2, 2e-4)}),
    "vanished": ("gan", "digits", {**SMALL, **DIGITS, **adam(1e-4, 5e-3), "game.loss": "Minimax"}),
    "won": ("gan", "digits", {**SMALL, **DIGITS, **adam(1e-5, 5e-3)}),
    "weak": ("gan", "digits", {**SMALL, **DIGITS, **adam(1e-3, 1e-6)}),
    "unbounded": ("gan", "digits", {**SMALL, **DIGITS, **adam(1e-3, 1e-3), "game.loss": "Wasserstein"}),
    "by_heart": ("wgan-gp", "digits", {**SMALL, **DIGITS, **adam(1e-3, 1e-3), **FEW}),
    "saturated": ("gan", "digits", {**SMALL, **DIGITS, **adam(5e-2, 1e-3)}),
    "not_finite": ("gan", "digits", {**SMALL, **DIGITS, **adam(1e8, 1e8)}),
    "dropped": ("gan", "ring", {**adam(1e-3, 1e-3), "plan.rounds": 3000, "game.z_dim": 2}),
    "clipped": ("wgan", "ring", {**adam(1e-3, 1e-3), "plan.rounds": 600}),
    "blind": ("pix2pix", "digits-rotated", {"game.optim.lr": 0.1, "plan.rounds": 300, "plan.scores": 0}),
    "numb": ("f-anogan", "defects", {"game.encoder_optim.lr": 1e-9, "game.optim.lr": 1e-9, "plan.rounds": 300}),
    "late": ("gan", "digits", {**SMALL, **DIGITS, "plan.rounds": 4000, "plan.scores": 12}),
    "copies": ("r3gan", "digits", {"data.limit": 40, "plan.batch": 16, "plan.rounds": 1200, "plan.scores": 0}),
}


def broken(name: str, seed: int) -> Recipe:
    """The recipe of a run that is broken on purpose."""
    game, data, settings = BROKEN[name]
    budgets = dict.fromkeys(("plan.minutes", "plan.at_most", "plan.images"))
    return Recipe.default(game, data).change({**budgets, "plan.seed": seed, **settings})


def log_of(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Trains a recipe: of its log what the rules read, its recipe and its scores, in plain values."""
    try:
        train(recipe, folder, "cpu", quiet=True)
    except SaddleError as error:
        print(f"  stopped: {error}")
    files = RunFolder(folder)
    kept = ("event", "round", "rounds", "seconds", "waited", "losses", "notes", "signs", "scores", "of", "reason")
    more = ("message", "rates", "game", "judgement", "commands")
    events = [
        {name: shortened(event[name]) for name in (*kept, *more) if name in event}
        for event in files.events()
        if event["event"] in ("start", "plan", "round", "score", "sample", "stop")
    ]
    return {"events": events, "recipe": yaml.safe_load(files.recipe.read_text()), "scores": files.scores()}


def shortened(value: Any) -> Any:
    """Numbers to four digits, which is all that a rule needs."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: shortened(each) for key, each in value.items()}
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="RULE")
    parser.add_argument("--good", nargs="*", default=[], metavar="RECIPE", help="accepted recipes, such as dcgan")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    names = args.names or ([] if args.good else list(BROKEN))
    jobs = {f"{name}-{seed}": broken(name, int(seed)) for name in names for seed in args.seeds.split(",")}
    jobs |= {f"good-{name}": good(name) for name in args.good}
    args.out.mkdir(parents=True, exist_ok=True)
    for name, recipe in jobs.items():
        with tempfile.TemporaryDirectory() as folder:
            found = log_of(recipe, Path(folder) / name)
        (args.out / f"{name}.json").write_text(json.dumps(found, separators=(",", ":")))
        verdict = examine(Log(Path(name), found["events"], found["recipe"], found["scores"]))
        print(f"{name}: {[finding.rule for finding in verdict.findings] or verdict.line()}", flush=True)


def good(name: str) -> Recipe:
    """An accepted recipe: a game's own, or GAME.SOURCE."""
    game, _, source = name.partition(".")
    return Recipe.default(game, source or None)


if __name__ == "__main__":
    main()
