"""A checkpoint of a run folder opened for use: the game in its state, averaged players in place."""

import logging
from pathlib import Path

from ..base import rng
from ..base.errors import SaddleError, UsageError
from ..base.files import quoted
from ..base.folder import RunFolder
from ..spec import DataSpec
from ..tasks import Game
from ..training.averages import Averages
from ..training.checkpoint import Checkpoints, Damaged, State, load_weights
from . import binding, registry, releasing
from .recipe import Recipe

log = logging.getLogger(__name__)


def opened(checkpoints: Checkpoints, wanted: str | int, recipe: Recipe, folder: Path) -> tuple[int, State, Game]:
    """The round, the checkpoint and the game of what is wanted; of best and last, the last that is whole.

    Of a run that was exported, what was exported.

    SaddleError where none is, UsageError for a round that is not there.
    """
    if (files := RunFolder(folder)).model.exists():
        return releasing.read(recipe, files)
    rounds = checkpoints.rounds()
    if not rounds:
        raise SaddleError(f"{folder} has no checkpoint yet; saddle train --run {quoted(folder)} makes one")
    if wanted not in ("best", "last"):
        if str(wanted) not in map(str, rounds):
            there = str(rounds)[1:-1]
            raise UsageError(f"no checkpoint '{wanted}' in {folder}; there are best, last, {there}")
        return int(wanted), *_loaded(checkpoints, int(wanted), recipe, folder)
    best = checkpoints.best() if wanted == "best" else None
    for round_ in reversed(rounds if best is None else [r for r in rounds if r != best] + [best]):
        try:
            return round_, *_loaded(checkpoints, round_, recipe, folder)
        except Damaged as error:
            log.warning("refused the checkpoint of round %s: %s", round_, error)
    raise SaddleError(f"none of the {len(rounds)} checkpoints in {checkpoints.folder} is usable")


def _loaded(checkpoints: Checkpoints, round_: int, recipe: Recipe, folder: Path) -> tuple[State, Game]:
    """A checkpoint, and the game in its state for use. Damaged if it is not this run's.

    UsageError if the recipe has changed since it was made.
    """
    state = checkpoints.load(round_)
    binding.check_recipe(recipe, state.facts, folder)
    try:
        spec = DataSpec.from_facts(state.fact("data"))
    except SaddleError as error:
        raise Damaged(f"{checkpoints.path(round_) / 'facts.json'}: {error}") from None
    with rng.building("weights"):  # which those of the checkpoint replace
        game = registry.load(recipe.game)(spec, recipe.options)
    averages = Averages(game)
    load_weights(game, state.tensors.get("game", {}), "game")
    load_weights(averages, state.tensors.get("averages", {}), "averages")
    for name, copy in averages.copies.items():
        setattr(game, name, copy)
    return state, game.eval()
