"""`saddle train FOLDER`: the recipe and the run folder of a place whose images decide what is trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..base.folder import RunFolder
from ..base.settings import flat, restore
from ..data import DataOptions
from ..data.deciding import MINUTES, Machine, decide
from ..data.seen import look
from ..training.plan import BUDGETS, Plan
from . import registry
from .recipe import Recipe, ask, default_folder, shipped

OWN = Path(__file__).parents[1] / "recipes" / "own"  # where a decision begins


def is_place(name: str | None) -> bool:
    """Is this a folder or a file there is? A name of a game or of a recipe wins; one with a slash is none."""
    if not name or ("/" not in name and (name in registry.names() or shipped(name))):
        return False
    return Path(name).expanduser().exists()


def asked(
    game: Any,
    edits: Mapping[str, Any],
    config: Path | None,
    folder: Path | None,
    start: Path | None,
    checkpoint: str | int,
    device: str,
) -> tuple[Recipe, Path]:
    """The recipe and run folder of a game, by its name or class, or of a place that decides. UsageError as `ask`."""
    if isinstance(game, str) and is_place(game) and not (config or start):
        return ask_of([game], edits, folder, device)[:2]
    return ask(registry.named(game), edits, config, folder, start, checkpoint)


def ask_of(
    places: list[str], edits: Mapping[str, Any], folder: Path | None = None, device: str = "auto"
) -> tuple[Recipe, Path, list[str]]:
    """The recipe, the run folder, and what was decided and why, in lines.

    Nothing is decided, and there is no line, where the folder holds a run already.

    UsageError for a place that is a run, for settings that name other data, and for data that no rule takes.
    """
    places = [place.rstrip("/") or "/" for place in places]
    _check(places, edits)
    folder = folder or default_folder(
        "own", f"folder:{places[-1]}" if len(places) == 1 else f"domains:{','.join(places)}"
    )
    if RunFolder(folder).recipe.exists():
        return Recipe.read(folder).change(edits), folder, []
    given = flat(dict(edits))
    options = restore(
        DataOptions, {name[5:]: value for name, value in given.items() if name.startswith("data.")}, "data"
    )
    decision = decide(look(places, options), _machine(given, device), given)
    budget = {} if any(f"plan.{name}" in given for name in BUDGETS) else {"plan.minutes": MINUTES}
    recipe = Recipe.read(OWN / f"{decision.recipe}.yaml").change({**budget, **decision.settings}).change(edits)
    first, *others = decision.reasons
    said = [first, f"game: {recipe.game}, to {decision.says}", *others]
    return recipe, folder, said + [f"note: {warning}" for warning in decision.warnings]


def _check(places: list[str], edits: Mapping[str, Any]) -> None:
    for place in places:
        if RunFolder(Path(place)).recipe.exists():
            raise UsageError(f"{place} is a run; go on with it: saddle train --run {place}")
        if not Path(place).expanduser().exists():
            raise UsageError(f"there is no folder {place}; give two folders of images, or one")
    if named := {"data", "data.source", "game", "game.name"} & edits.keys():
        raise UsageError(
            f"{' and '.join(places)} says what to train on, and --{min(named)} names something else; to choose the "
            f"game yourself: saddle train GAME --data folder:{places[0]}"
        )


def _machine(given: Mapping[str, Any], device: str) -> Machine:
    import torch

    from ..base.precision import choose_device

    chosen = choose_device(device)
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else f"the {chosen.type}"
    plan = restore(Plan, {each[5:]: value for each, value in given.items() if each.startswith("plan.")}, "plan")
    return Machine(chosen.type, "a processor" if chosen.type == "cpu" else name, plan.limit or MINUTES)
