"""The weights of a run as they are used, without what training needs: what `saddle export --to safetensors` writes.

A folder with recipe.yaml, model.safetensors and config.json. It opens as a run does, and cannot be trained further.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from ..base.folder import RunFolder
from ..base.plain import Count, Garbled, fits, from_json, text
from ..base.precision import is_large
from ..nets.absent import Absent
from ..spec import DataSpec
from ..tasks import Game
from ..training.checkpoint import Damaged, State, check_weights, load_weights, read_weights, sha256
from . import binding, registry
from .building import built
from .recipe import Recipe

if TYPE_CHECKING:
    from .run import Run

FORMAT = 1
_ORIGIN = {
    "files": dict[str, str],
    **dict.fromkeys(("absent", "notes"), tuple[str, ...]),
    **dict.fromkeys(("kind", "source", "licence"), str),
}  # of a run that was imported


def write(run: Run, folder: Path, half: bool = False) -> Path:
    """Write an opened run, with the weights of its checkpoint, into a folder; the file of weights.

    `half` keeps large tensors as float16; they are float32 again when they are read.
    """
    path = put(folder, run.recipe, run.game, run.round, run.state.facts, half)
    if scores := run.files.scores():
        RunFolder(folder).write_scores(scores)
    return path


def put(folder: Path, recipe: Recipe, game: Game, round_: int, facts: dict[str, Any], half: bool = False) -> Path:
    """Write a game with its weights, and what is known of it, into a folder; the file of weights."""
    files = RunFolder(folder)
    recipe.write(files.recipe)
    tensors = {
        name: (x.detach().half() if half and is_large(x) else x.detach()).cpu().clone().contiguous()
        for name, x in game.state_dict().items()
    }
    try:
        save_file(tensors, files.model)
    except SafetensorError as error:  # such as of a full disk
        raise SaddleError(f"{files.model.name} could not be written: {error}") from None
    files.model.chmod(files.recipe.stat().st_mode)  # safetensors makes files that only their owner can read
    told = {"format": FORMAT, "round": round_, "sha256": sha256(files.model), "facts": facts}
    files.released.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n")
    return files.model


def leave_out(game: Game, names: Iterable[str]) -> None:
    """Put what says so in the place of networks that a file which was imported does not hold."""
    for name in names:
        if name not in dict(game.named_children()):
            raise UsageError(f"the game has no network '{name}' to be absent")
        setattr(game, name, Absent(name))


def read(recipe: Recipe, files: RunFolder) -> tuple[int, State, Game]:
    """The round, what its checkpoint knew, and the game in its state for use. SaddleError for damaged files."""
    told = _told(files.released)
    facts: dict[str, Any] = told["facts"]
    if sha256(files.model) != told["sha256"]:
        raise Damaged(f"{files.model} is not what was exported: its SHA-256 differs from that in config.json")
    binding.check_recipe(recipe, facts, files.path)
    try:
        spec = DataSpec.from_facts(facts["data"])
    except (KeyError, SaddleError) as error:
        raise Damaged(f"{files.released} does not say what the data are: {error}") from None
    imported = facts.get("imported") or {}
    if imported and not (
        isinstance(imported, dict) and all(fits(imported.get(name), kind) for name, kind in _ORIGIN.items())
    ):
        raise Damaged(f"{files.released} does not say what it was imported from: {', '.join(_ORIGIN)}")
    tensors: dict[str, Tensor] = read_weights(files.model)

    def build() -> Game:
        game = registry.load(recipe.game)(spec, recipe.options)
        leave_out(game, imported.get("absent", ()))
        return game

    game = built(build, lambda draft: check_weights(draft, tensors, "model"))
    load_weights(game, tensors, "model")
    return told["round"], State({}, facts), game.eval()


def _told(path: Path) -> dict[str, Any]:
    wanted = {"format": Count, "round": Count, "sha256": str, "facts": dict[str, Any]}
    try:
        found = from_json(text(path))
    except FileNotFoundError:
        raise Damaged(f"{path} is missing beside model.safetensors") from None
    except Garbled as error:
        raise Damaged(f"{path} is not readable JSON: {error}") from None
    if not isinstance(found, dict) or not all(fits(found.get(name), kind) for name, kind in wanted.items()):
        raise Damaged(f"{path} was not written by saddle export: it lacks {', '.join(wanted)}")
    if found["format"] != FORMAT:
        raise Damaged(f"{path} is of format {found['format']}, and this is format {FORMAT}")
    return found
