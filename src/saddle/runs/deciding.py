"""`saddle train FOLDER`: the recipe and the run folder of a place whose images decide what is trained."""

from collections.abc import Mapping
from os.path import exists, expanduser
from pathlib import Path
from typing import Any

from ..base.errors import UsageError, near
from ..base.folder import RunFolder
from ..base.kinds import brief
from ..base.settings import flat, restore
from ..data import DataOptions, places_in
from ..data.deciding import MINUTES, Machine, decide
from ..data.seen import look
from ..training.plan import BUDGETS, Plan
from . import registry
from .recipe import Recipe, ask, default_folder, neighbours, shipped

OWN = Path(__file__).parents[1] / "recipes" / "own"  # where a decision begins


def is_place(name: str | None) -> bool:
    """Is this a folder or a file there is? A name of a game or of a recipe wins; one with a slash is none.

    UsageError for one with a slash that is not there.
    """
    if not name or ("/" not in name and (name in registry.names() or shipped(name))):
        return False
    if "/" in name:
        _check_there(name)
    return exists(expanduser(name))


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

    UsageError for a place that is a run, for a run of another place, for settings that name other data, and for data
    that no rule takes.
    """
    places = [place.rstrip("/") or "/" for place in places]
    _check(places, edits)
    folder = folder or own_folder(places)
    if RunFolder(folder).recipe.exists():
        recipe = Recipe.read(folder)
        _check_same(recipe.data.source, places, folder)
        return recipe.change(edits), folder, []
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


def own_folder(places: list[str]) -> Path:
    """The run folder of places that decide, where none is given."""
    return default_folder("own", f"folder:{places[-1]}" if len(places) == 1 else f"domains:{','.join(places)}")


def _check(places: list[str], edits: Mapping[str, Any]) -> None:
    for place in places:
        _check_there(place)
        if RunFolder(Path(place)).recipe.exists():
            raise UsageError(f"{place} is a run; go on with it: saddle train --run {place}")
    if named := {"data", "data.source", "game", "game.name"} & edits.keys():
        raise UsageError(
            f"{' and '.join(places)} says what to train on, and --{min(named)} names something else; to choose the "
            f"game yourself: saddle train GAME --data folder:{places[0]}"
        )


def _check_there(place: str) -> None:
    if exists(expanduser(place)):
        return
    close = near(place, neighbours(place))
    raise UsageError(f"there is no folder or file {brief(place)}{close}; give a folder of images, two, or one image")


def _check_same(source: str, places: list[str], folder: Path) -> None:
    """UsageError unless what a run was begun with lies where one asks for: two folders may have one name."""
    asked = [Path(place).expanduser().resolve() for place in places]
    held = [Path(place).expanduser().resolve() for place in places_in(source)]
    if not held or not all(any(each.is_relative_to(place) for place in asked) for each in held):
        raise UsageError(
            f"{folder} holds a run on {source}, and not on {' and '.join(places)}; choose another folder: --run FOLDER"
        )


def _machine(given: Mapping[str, Any], device: str) -> Machine:
    import torch

    from ..base.precision import choose_device

    chosen = choose_device(device)
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else f"the {chosen.type}"
    plan = restore(Plan, {each[5:]: value for each, value in given.items() if each.startswith("plan.")}, "plan")
    return Machine(chosen.type, "a processor" if chosen.type == "cpu" else name, plan.limit or MINUTES)
