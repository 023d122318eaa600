"""Saddle: every generative adversarial network that matters, on one loop.

    import saddle

    run = saddle.train("dcgan", data="digits", minutes=2)
    images = run.sample(64)  # uint8 [64, 1, 32, 32]
    run = saddle.load("runs/dcgan-digits")

Nothing heavy is imported before it is used: `saddle.losses`, `saddle.penalties`, `saddle.registry` and the other
modules load when they are first named.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .base import threads

threads.prepare()  # before anything imports torch

if TYPE_CHECKING:
    from os import PathLike

    from numpy import ndarray
    from torch import Tensor
    from torch.utils.data import Dataset

    from . import auxiliaries as auxiliaries
    from . import data as data
    from . import games as games
    from . import layers as layers
    from . import losses as losses
    from . import metrics as metrics
    from . import nets as nets
    from . import optim as optim
    from . import penalties as penalties
    from . import perceptual as perceptual
    from . import report as report
    from . import spec as spec
    from . import tasks as tasks
    from . import views as views
    from .base import dist as dist
    from .base import errors as errors
    from .base import events as events
    from .base import rng as rng
    from .data.source import Source
    from .metrics.score import Score
    from .runs import recipe as recipe
    from .runs import registry as registry
    from .runs.observing import Observer as Observer
    from .runs.run import Run as Run
    from .runs.searched import Found
    from .tasks import Game
    from .training import health as health

    augment, game = views, tasks  # by their former names
    Samples = ndarray | Tensor
    Data = str | PathLike[str] | Samples | tuple[Samples, Samples] | Mapping[str, Samples] | Dataset[Any] | Source

_MODULES = {
    **{name: name for name in ("auxiliaries", "data", "games", "layers", "losses", "metrics", "nets", "optim")},
    **{name: name for name in ("penalties", "perceptual", "report", "spec", "tasks", "views")},
    "augment": "views",
    "dist": "base.dist",
    "errors": "base.errors",
    "events": "base.events",
    "game": "tasks",
    "health": "training.health",
    "recipe": "runs.recipe",
    "registry": "runs.registry",
    "rng": "base.rng",
}  # modules by their public names, wherever they lie
_CLASSES = {"Observer": "runs.observing", "Run": "runs.run"}  # by name, the module that defines each
__all__ = ["__version__", *_CLASSES, "describe", "load", "plugin", "score", "search", "train", *_MODULES]


def train(
    game: "str | type[Game] | None" = None,
    data: "Data | None" = None,
    run: "str | PathLike[str] | None" = None,
    *,
    rounds: int | None = None,
    images: int | None = None,
    minutes: float | None = None,
    settings: Mapping[str, Any] | None = None,
    config: "str | PathLike[str] | None" = None,
    device: str = "auto",
    quiet: bool = False,
    track: bool | str = False,
    observers: "Sequence[Observer]" = (),
    start: "str | PathLike[str] | None" = None,
    start_checkpoint: str | int = "best",
) -> "Run":
    """Start a run, or go on with it: `saddle train` in Python, with the same defaults (DCGAN on digits).

    `game` is a name, or a class of your own; or a folder of images, or one image, which then decides what is trained
    (docs/folder.md). `settings` are dotted names with their values, plain or not:
    {"game.penalties": [R1(weight=5)], "plan.batch": 32}.
    `data` is the name of a source, a folder, an array [N, …] or (samples, labels), a Dataset, or a `Source`.
    `run` is the run's folder, `config` a recipe's file; `track` names trackers, such as "tensorboard,mlflow", and
    `observers` read what is logged. `start` is the folder of a run with whose weights, at `start_checkpoint`, a new one
    begins. UsageError for what cannot be.
    """
    from pathlib import Path

    from .data.given import named as source_of
    from .runs.deciding import asked
    from .runs.session import train as play

    own = {"data.source": source_of(data), "plan.rounds": rounds, "plan.images": images, "plan.minutes": minutes}
    edits = dict(settings or {}) | {name: value for name, value in own.items() if value is not None}
    config, run, start = (Path(each) if each else None for each in (config, run, start))
    recipe, folder = asked(game, edits, config, run, start, start_checkpoint, device)
    return play(recipe, folder, device, quiet, track, observers)


def search(
    game: "str | type[Game] | None" = None,
    data: "Data | None" = None,
    run: "str | PathLike[str] | None" = None,
    *,
    vary: Mapping[str, Any] | None = None,
    metric: str = "",
    trials: int = 20,
    minutes: float | None = None,
    pruner: str = "median",
    settings: Mapping[str, Any] | None = None,
    config: "str | PathLike[str] | None" = None,
    device: str = "auto",
    track: bool | str = False,
) -> "Found":
    """Search for better settings, or go on with a search: `saddle search` in Python.

    `vary` are dotted names with "LOW..HIGH", "LOW..HIGH:log", "A,B,C" or a list of values. The best of `trials`
    trainings has the best score of `metric`, at its best checkpoint; with `minutes`, none begins later. `pruner` is
    "median", "halving" or "none". `run` is the folder of the search, and the rest is as for `train`. UsageError for
    what cannot be.
    """
    from pathlib import Path

    from .data.given import named as source_of
    from .runs.searching import Asked, asked_for
    from .runs.searching import search as look

    source = source_of(data)
    edits = dict(settings or {}) | ({} if source is None else {"data.source": source})
    config, run = (Path(each) if each else None for each in (config, run))
    recipe, vary, folder = asked_for(game, edits, config, run, vary or {}, device)
    return look(Asked(recipe, vary, metric, pruner), folder, trials, minutes, device, track)


def load(
    run: "str | PathLike[str]", checkpoint: str | int = "best", device: str = "auto", data: "Data | None" = None
) -> "Run":
    """Open a run's folder, with the weights of a checkpoint: 'best', 'last' or a round.

    `data` is where its data lie now, such as "folder:photos", if they have moved, or the data that it was given.
    """
    from .data.given import named as source_of
    from .runs.run import Run

    return Run(run, checkpoint, device, None if data is None else {"data": source_of(data)})  # type: ignore[arg-type]


def score(
    samples: "str | PathLike[str]",
    reference: "str | PathLike[str]",
    metrics: Sequence[str] | None = None,
    **how: Any,
) -> "dict[str, Score]":
    """Scores of one set of samples against another, as `saddle score` prints them: {"fid": Score, …}.

    Either is a folder of images, an .npy or .npz file or the folder of a run; the reference may be a file that
    `save_reference` wrote. `how` are n, extractor, weights, seed, device, save_reference and data, how folders and
    arrays are read: {"size": 64}. UsageError for what cannot be compared.
    """
    from .runs.comparing import score as compare

    return compare(samples, reference, metrics, **how)


def describe(
    game: "str | type[Game]", data: str | None = None, *, settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Everything about a game in plain values, as `saddle describe GAME --json` prints it.

    Its paper, what it is for, the moves of a round, its players and every setting with its value and meaning.
    UsageError for a game, data or settings that cannot be.
    """
    from .data.given import named as source_of
    from .runs.describe import describe as facts
    from .runs.recipe import Recipe
    from .runs.registry import named

    return facts(Recipe.default(named(game), source_of(data)).change(dict(settings or {})))


def plugin(module: "str | ModuleType") -> ModuleType:
    """Make known the games, losses, networks, data sources, metrics, … of a module: `--plugin` in Python.

    The module, its name, or the path of a file that ends with .py; it is imported, and trusted. UsageError for a module
    that is not there, or for a name in it that is one of Saddle's.
    """
    from .runs.plugins import plug

    return plug(module)


class _Alias(MetaPathFinder, Loader):
    """`from saddle.augment import ADA` finds the module that has this public name, wherever it lies."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        alias = package == __name__ and _MODULES.get(name, name) != name
        return ModuleSpec(fullname, self) if alias else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(f".{_MODULES[spec.name.partition('.')[2]]}", __name__)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import system put the alias's in its place


sys.meta_path.append(_Alias())


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return getattr(import_module(f".{_CLASSES[name]}", __name__), name)
    if name not in _MODULES:
        raise AttributeError(f"module 'saddle' has no attribute '{name}'")
    return import_module(f".{_MODULES[name]}", __name__)


def __dir__() -> list[str]:
    return sorted(__all__)
