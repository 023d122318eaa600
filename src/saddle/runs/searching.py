"""A search for settings: many trainings of one recipe, each with other values, chosen by what the earlier ones scored.

Optuna suggests and prunes; its study lies in the folder of the search, and every trial beside it as a run folder. What
is suggested follows from the seed and the trials before: a search that was stopped goes on as if it were not.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..base import dist
from ..base.errors import Enough, SaddleError, UsageError, near
from ..base.files import replace as write_at_once
from ..base.folder import RunFolder
from ..base.plain import Garbled, from_yaml
from ..base.plain import text as text_of
from ..base.precision import choose_device
from ..base.settings import differences, text
from ..metrics.names import chosen
from ..training.health import Diverged, OutOfMemory, memory_in_words
from . import tracking, varying
from .deciding import asked as decided
from .diagnosing import Unwell
from .observing import Logged, Observer
from .recipe import Recipe, default_folder
from .searched import Found, Trial, of_checkpoint
from .session import Training, train

if TYPE_CHECKING:
    import optuna

PRUNERS = ("median", "halving", "none")
TRIALS = 20
FAILS = (Diverged, OutOfMemory, UsageError, Unwell)  # a trial, and not the search
STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


@dataclass(frozen=True)
class Asked:
    """What makes a search another one."""

    recipe: Recipe
    vary: Mapping[str, Any]
    metric: str = ""  # '': the first of those that are scored on the way
    pruner: str = "median"

    def to_dict(self) -> dict[str, Any]:
        vary = {name: str(way) for name, way in varying.read(self.recipe, self.vary).items()}
        return {"recipe": self.recipe.to_dict(), "vary": vary, "metric": self.metric, "pruner": self.pruner}


class Pruning(Observer):
    """Reports the scores on the way to the pruner, and stops the trial if that says so."""

    def __init__(self, trial: optuna.Trial, metric: str, say: Callable[[str], None]):
        self.trial, self.metric, self.say = trial, metric, say
        self.pruned = ""

    def on_score(self, event: Logged, run: Path) -> None:
        value = event["scores"][self.metric]["value"]
        step = len(RunFolder(run).events("score"))  # the rounds of a trial may be others: the share of the run counts
        if event.get("final") or not math.isfinite(value):
            return
        if step not in self.trial.study.trials[self.trial.number].intermediate_values:  # as after a kill
            self.trial.report(value, step)
        self.say(f"  round {event['round']:,}: {self.metric} {value:.4g}")
        if self.trial.should_prune():
            self.pruned = f"pruned after round {event['round']:,}"
            raise Enough(f"{self.pruned}: at this point the trials before were better")


class Search:
    """The one process that searches in a folder."""

    def __init__(self, asked: Asked, folder: Path, device: str, track: str | bool, say: Callable[[str], None]):
        if dist.world() > 1:
            raise UsageError("a search runs in one process; start it without torchrun")
        tracking.chosen(track)  # all that can be wrong is found out before the first trial
        self.folder, self.device, self.track, self.say = folder, device, track, say
        self.asked = _of_folder(asked, folder) or self._settled(asked)
        self.recipe, self.metric = self.asked.recipe, self.asked.metric
        self.space = varying.read(self.recipe, self.asked.vary)
        self.better = _direction(self.metric)
        self.optuna = _optuna()  # last: who asks for what cannot be need not install it first

    def run(self, trials: int, minutes: float | None) -> Found:
        """Go on until there are so many trials, or none may begin any more."""
        ends = math.inf if minutes is None else time.monotonic() + 60 * minutes
        self.folder.mkdir(parents=True, exist_ok=True)
        with RunFolder(self.folder).locked(), _silent(self.optuna):
            if not (self.folder / "search.yaml").exists():
                write_at_once(self.folder / "search.yaml", _yaml(self.asked.to_dict()))
            self.study = self._study()
            for cut in self.study.get_trials(states=(self.optuna.trial.TrialState.RUNNING,)):
                self._play(self.optuna.Trial(self.study, cut._trial_id), trials)
            while len(self.study.get_trials(states=_over(self.optuna))) < trials and time.monotonic() < ends:
                self.study.sampler = self._sampler()
                self._play(self.study.ask(), trials)
            return self._found()

    def _settled(self, asked: Asked) -> Asked:
        """Of a new search: with its metric, and checked by building every game that it names. Nothing is trained."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise UsageError(f"{self.folder} exists and holds no search; choose another --run")
        metric = asked.metric or next(iter(asked.recipe.plan.metrics), "")
        space = varying.read(asked.recipe, asked.vary)
        recipe = asked.recipe
        if metric:
            _direction(metric)
            recipe = recipe.change({"plan.metrics": [metric, *(m for m in recipe.plan.metrics if m != metric)]})
        base = self._built(recipe)
        if not metric and not base.scored:
            raise UsageError(
                f"{recipe.game} on {recipe.data.source} is not scored on the way; name a score with --metric"
            )
        metric = metric or base.scored[0]
        _direction(metric)
        recipe = recipe.change({"plan.metrics": [metric, *(m for m in recipe.plan.metrics if m != metric)]})
        for name, other in varying.ends(recipe, space):
            try:
                found = self._built(other)
            except UsageError as error:
                raise UsageError(f"{name} cannot be varied like this: {error}") from None
            if found.source.fingerprint != base.source.fingerprint:
                raise UsageError(f"{name} cannot be varied: it changes the data that the scores are measured on")
        return Asked(recipe, asked.vary, metric, asked.pruner)

    def _built(self, recipe: Recipe) -> Training:
        with memory_in_words(recipe.plan):
            return Training(recipe, self.folder / "trial", choose_device(self.device), quiet=True)

    def _study(self) -> optuna.Study:
        pruners, scores = self.optuna.pruners, self.recipe.plan.scores  # of which half come in the first quarter
        pruner = {
            "median": lambda: pruners.MedianPruner(n_warmup_steps=max(1, scores // 2)),
            "halving": lambda: pruners.SuccessiveHalvingPruner(reduction_factor=2, min_early_stopping_rate=2),
            "none": pruners.NopPruner,
        }[self.asked.pruner]()
        study = self._opened(self.folder.absolute() / "study.db", pruner)
        start = varying.beginning(self.recipe, self.space)
        if start and not study.trials:
            study.enqueue_trial(start)  # the first trial is the recipe as it is
        return study

    def _opened(self, file: Path, pruner: Any) -> optuna.Study:
        """The study in a file, whose path is no part of a URL: it may hold any sign. SaddleError for a damaged file."""
        connect = {"creator": lambda: sqlite3.connect(file, check_same_thread=False)}
        try:
            return self.optuna.create_study(
                storage=self.optuna.storages.RDBStorage("sqlite:///study.db", engine_kwargs=connect),
                study_name="saddle",
                direction={"lower": "minimize", "higher": "maximize"}[self.better],
                pruner=pruner,
                load_if_exists=True,
            )
        except import_module("sqlalchemy.exc").DatabaseError as error:
            raise SaddleError(
                f"{file} cannot be read ({error.orig}). The trials beside it are whole runs; search on in another --run"
            ) from None

    def _sampler(self) -> Any:
        """Another one for each trial, or one that goes on would draw again what the first ones had."""
        seed = (self.recipe.plan.seed + len(self.study.trials)) % 2**32
        return self.optuna.samplers.TPESampler(seed=seed)

    def _play(self, trial: optuna.Trial, trials: int) -> None:
        """Train a trial, from its checkpoint if it has one, and tell the study how it ended."""
        state = self.optuna.trial.TrialState
        edits = varying.suggested(self.recipe, self.space, trial)
        folder, watch = self._place(trial.number), Pruning(trial, self.metric, self.say)
        self.say(f"trial {trial.number}, of {trials}: {_told(edits)}")
        try:
            recipe = self.recipe.change(edits)
            if not (RunFolder(folder).recipe.exists() and RunFolder(folder).status == "finished"):
                train(recipe, folder, self.device, quiet=True, track=self.track, observers=[watch])
            value = self._score(folder)["value"]
            why = "" if math.isfinite(value) else f"its {self.metric} is not a finite number"
        except FAILS as error:
            why = watch.pruned or str(error)
        if why:
            trial.set_user_attr("says", why)
            self.study.tell(trial, state=state.PRUNED if watch.pruned else state.FAIL)
        else:
            self.study.tell(trial, value)
        self.say(f"trial {trial.number}: {why or of_checkpoint(folder, self._score(folder))}")

    def _place(self, number: int) -> Path:
        return self.folder / f"trial-{number:04d}"

    def _score(self, run: Path) -> dict[str, Any]:
        """Of the checkpoint that is kept."""
        found = (score for score in RunFolder(run).scores() if score["name"] == self.metric)
        return next(found, {"value": math.nan, "uncertainty": math.nan})

    def _found(self) -> Found:
        trials = [self._trial(each) for each in self.study.trials if each.state.name in STATES]
        seeds = {each.settings.get("plan.seed") for each in trials}
        return Found(self.folder, self.metric, self.better, max(1, len(seeds)), tuple(trials))

    def _trial(self, frozen: optuna.trial.FrozenTrial) -> Trial:
        run, state = self._place(frozen.number), STATES[frozen.state.name]
        score = self._score(run) if state == "finished" else {"uncertainty": math.nan}
        value = math.nan if frozen.value is None else frozen.value
        says = str(frozen.user_attrs.get("says", ""))
        if state == "finished" and not RunFolder(run).recipe.exists():
            state, says = "failed", "its folder is gone"
        return Trial(frozen.number, run, dict(frozen.params), state, value, float(score["uncertainty"]), says)


def kept(folder: Path) -> Asked | None:
    """What was asked of the search in a folder; None if there is none. UsageError for a file that is none."""
    file = folder / "search.yaml"
    try:
        found = from_yaml(text_of(file))
    except FileNotFoundError:
        return None
    except Garbled as error:
        raise UsageError(f"{file} is no search: {error}") from None
    if not isinstance(found, dict) or {*found} != {"recipe", "vary", "metric", "pruner"}:
        raise UsageError(f"{file} is no search; move it away, or choose another --run")
    return Asked(Recipe.from_dict(found["recipe"]), found["vary"], str(found["metric"]), str(found["pruner"]))


def _of_folder(asked: Asked, folder: Path) -> Asked | None:
    """The search in the folder, if there is one. UsageError if it is another one than is asked for."""
    theirs = kept(folder)
    if theirs is None:
        return None
    metric = asked.metric or theirs.metric
    metrics = [metric, *(m for m in asked.recipe.plan.metrics if m != metric)]
    ours = Asked(asked.recipe.change({"plan.metrics": metrics}), asked.vary, metric, asked.pruner)
    if lines := differences(ours.to_dict(), theirs.to_dict()):
        raise UsageError(
            f"{folder} holds another search; choose another --run, or the same settings. They differ in:\n  "
            + "\n  ".join(lines)
        )
    return theirs


def search(
    asked: Asked,
    folder: Path,
    trials: int = TRIALS,
    minutes: float | None = None,
    device: str = "auto",
    track: str | bool = False,
    say: Callable[[str], None] = lambda told: None,
) -> Found:
    """Start a search, or go on with it: the same call does both.

    There are `trials` in all, and none begins when `minutes` of this call are over. UsageError for a folder of another
    search, and for what cannot be varied, trained or scored.
    """
    if trials < 1:
        raise UsageError(f"a search has at least 1 trial, not {trials}")
    if minutes is not None and not 0 < minutes < math.inf:
        raise UsageError(f"the minutes of a search are above 0, not {minutes:g}")
    if asked.pruner not in PRUNERS:
        raise UsageError(f"no pruner '{asked.pruner}'{near(asked.pruner, PRUNERS)}; there are {', '.join(PRUNERS)}")
    return Search(asked, folder, device, track, say).run(trials, minutes)


def asked_for(
    game: Any, edits: Mapping[str, Any], config: Path | None, folder: Path | None, vary: Mapping[str, Any], device: str
) -> tuple[Recipe, Mapping[str, Any], Path]:
    """The recipe, what is varied in it and the folder: runs/search-GAME-SOURCE unless given.

    A folder that holds a search has a recipe and knows what to vary; it is asked where these are not given.
    """
    theirs = kept(folder) if folder else None
    if theirs and game is None and config is None:
        return theirs.recipe.change(edits), vary or theirs.vary, folder  # type: ignore[return-value]
    recipe, _ = decided(game, edits, config, folder or Path("runs", "search"), None, "best", device)
    folder = folder or default_folder(f"search-{recipe.game}", recipe.data.source)
    theirs = kept(folder)
    return recipe, vary or (theirs.vary if theirs else {}), folder


def _direction(metric: str) -> str:
    """Which way is better. UsageError for a metric of which neither lower nor higher values are."""
    better = chosen([metric])[metric].better
    if better not in ("lower", "higher"):
        raise UsageError(f"the metric '{metric}' has no better end to search for; name another one with --metric")
    return better


def _told(edits: Mapping[str, Any]) -> str:
    shown = {name: f"{value:.4g}" if isinstance(value, float) else text(value) for name, value in edits.items()}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _yaml(value: Any) -> bytes:
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100).encode()


def _over(optuna: Any) -> tuple[Any, ...]:
    states = optuna.trial.TrialState
    return states.COMPLETE, states.PRUNED, states.FAIL


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UsageError(
            f"a search needs the package optuna, which is not installed ({error}); install it with: pip install optuna"
        ) from error
    return optuna


@contextmanager
def _silent(optuna: Any) -> Iterator[None]:
    """Inside, Optuna says nothing but warnings: the search speaks for itself."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
