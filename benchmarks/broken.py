"""Runs that are broken on purpose, one for each rule of the doctor, and accepted recipes: their logs, for the tests.

python -m benchmarks.broken --out tests/data/logs             all broken runs, each with its seeds: about 20 minutes
python -m benchmarks.broken collapsed --seeds 0 --out logs
python -m benchmarks.broken --good dcgan vae --out logs       accepted recipes, as they are: minutes each

Thresholds were chosen on seed 0, and SEEDS says which others test them. A log is cut to
what the rules read, 20 kB or so.
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
GROWING = {  # a learning rate that is right for 40 % of the run, and then grows to 50 times as much
    f"game.optim.schedule{name}": value
    for name, value in {"": "Linear", ".start": 1.0, ".end": 50.0, ".begin": 0.4, ".finish": 0.7}.items()
}
NOT_LEARNING = {"game.encoder_optim.lr": 1e-9, "game.optim.lr": 1e-9}
FEW = {"data.limit": 32, "plan.batch": 16, "plan.scores": 0, "plan.rounds": 2500, "game.network.width": 256}


SEEDS = {"won": (0, 3, 4)}  # by rule, where they are not 0, 1 and 2: its threshold was changed after 1 and 2 were seen
READ = (
    "event",
    "round",
    "rounds",
    "seconds",
    "waited",
    "losses",
    "notes",
    "signs",
    "scores",
    "of",
    "reason",
    "message",
    "rates",
    "game",
    "judgement",
    "commands",
)  # of an event
OF_FINGERPRINT = ("mixture_count",)
MOST = 60  # rounds of a stored log


def seeds(name: str) -> tuple[int, ...]:
    """Of the runs of a rule: the first is the one that its threshold was chosen on, the others test it."""
    return SEEDS.get(name, (0, 1, 2))


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
    "dropped": (  # on the grid: on the ring the same settings end with all modes, and a faster generator with none
        "gan",
        "grid",
        {**adam(2e-3, 2e-3), "plan.batch": 64, "plan.rounds": 2500, "game.z_dim": 2, "plan.scores": 5},
    ),
    "clipped": ("wgan", "ring", {**adam(1e-3, 1e-3), "plan.rounds": 600}),
    "blind": ("pix2pix", "digits-rotated", {"game.optim.lr": 0.1, "plan.rounds": 300, "plan.scores": 0}),
    "numb": ("f-anogan", "defects", {"data.size": 16, **NOT_LEARNING, "plan.rounds": 250, "plan.scores": 0}),
    "late": (
        "gan",
        "digits",
        {**SMALL, **adam(2e-3, 2e-3), **GROWING, "plan.batch": 32, "plan.rounds": 2000, "plan.scores": 12},
    ),
    "copies": (
        "wgan-gp",
        "digits",
        {**SMALL, **adam(1e-3, 1e-3), **FEW, "data.limit": 16, "plan.batch": 12, "game.z_dim": 4, "plan.pictures": 0},
    ),
}


def broken(name: str, seed: int) -> Recipe:
    """The recipe of a run that is broken on purpose."""
    game, data, settings = BROKEN[name]
    budgets = dict.fromkeys(("plan.minutes", "plan.at_most", "plan.images"))
    return Recipe.default(game, data).change({**budgets, "plan.seed": seed, **settings})


def log_of(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Trains a recipe: what the rules read of its log."""
    try:
        train(recipe, folder, "cpu", quiet=True)
    except SaddleError as error:
        print(f"  stopped: {error}")
    return kept(RunFolder(folder))


def kept(files: RunFolder) -> dict[str, Any]:
    """Of a run's log what the rules read, its recipe and its scores, in plain values."""
    events = [
        {name: shortened(event[name]) for name in READ if name in event}
        for event in files.events()
        if event["event"] in ("start", "plan", "round", "score", "sample", "stop")
    ]
    recipe = yaml.safe_load(files.recipe.read_text())
    return {"events": thinned(events), "recipe": recipe, "scores": shortened(files.scores())}


def shortened(value: Any) -> Any:
    """Numbers to four digits, which is all that a rule needs; of a score's fingerprint what a rule reads."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {
            key: {k: each[k] for k in OF_FINGERPRINT if k in each} if key == "fingerprint" else shortened(each)
            for key, each in value.items()
        }
    return [shortened(each) for each in value] if isinstance(value, list) else value


def thinned(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of many rounds those with signs, of those every k-th, and the last, with the seconds waited in all between."""
    rounds = [event for event in events if event["event"] == "round"]
    if len(rounds) > MOST:
        some = [event for event in rounds if "signs" in event] or rounds
        step = -(-len(some) // MOST)
        stays = {event["round"] for event in [*some[::-step], *rounds[-1:]]}
        waited = 0.0
        for event in rounds:
            waited += event.get("waited", 0.0)
            if event["round"] in stays:
                event["waited"], waited = shortened(waited), 0.0
        events = [event for event in events if event["event"] != "round" or event["round"] in stays]
    starts = {
        event["of"]: event for event in reversed(events) if event["event"] == "sample"
    }  # the kind is what is read
    return [event for event in events if event["event"] != "sample" or event is starts[event["of"]]]


def written(found: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(found, separators=(",", ":")))


def read(path: Path, run: Path = Path("runs/mine")) -> Log:
    """A stored log, as that of a run."""
    found = json.loads(path.read_text())
    return Log(run, found["events"], found["recipe"], found["scores"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="RULE")
    parser.add_argument("--good", nargs="*", default=[], metavar="RECIPE", help="accepted recipes, such as dcgan")
    parser.add_argument("--seeds", help="such as 0,1,2; those of SEEDS unasked")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    names = args.names or ([] if args.good else list(BROKEN))
    asked = {name: args.seeds.split(",") if args.seeds else seeds(name) for name in names}
    jobs = {f"{name}-{seed}": broken(name, int(seed)) for name in names for seed in asked[name]}
    jobs |= {f"good-{name}": good(name) for name in args.good}
    args.out.mkdir(parents=True, exist_ok=True)
    for name, recipe in jobs.items():
        with tempfile.TemporaryDirectory() as folder:
            written(log_of(recipe, Path(folder) / name), args.out / f"{name}.json")
        verdict = examine(read(args.out / f"{name}.json", Path(name)))
        print(f"{name}: {[finding.rule for finding in verdict.findings] or verdict.line()}", flush=True)


def good(name: str) -> Recipe:
    """An accepted recipe: a game's own, or GAME.SOURCE."""
    game, _, source = name.partition(".")
    return Recipe.default(game, source or None)


if __name__ == "__main__":
    main()
