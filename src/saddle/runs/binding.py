"""What holds a run together: its recipe belongs to its checkpoints, and its data to both, wherever they lie now."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..base.errors import SaddleError, UsageError
from ..base.settings import flat
from ..data import DataOptions, has_files, named_with, open_source, places_in
from ..data.source import Source
from ..training.checkpoint import Damaged
from . import plugins
from .recipe import Recipe

SHORT = 12  # characters of a fingerprint by which people tell two


def check_recipe(recipe: Recipe, facts: Mapping[str, Any], folder: Path) -> None:
    """UsageError, by name, for a setting that is another than the checkpoint with these facts was made with.

    What may change on a run's way is left out, see `Recipe.adapted`. Older checkpoints do not remember their recipe.
    """
    made = made_with(facts)
    if made is None:
        return
    if differences := recipe.adapted(made).differences(made):
        raise UsageError(
            f"{folder}/recipe.yaml is no longer the recipe that its checkpoints were made with; put it back, or train "
            f"in another folder. They differ in:\n  " + "\n  ".join(differences)
        )


def made_with(facts: Mapping[str, Any]) -> Recipe | None:
    """The recipe that the checkpoint with these facts was made with; None for one that does not remember it.

    Damaged for what is no recipe.
    """
    try:
        return Recipe.from_dict(facts["recipe"]) if "recipe" in facts else None
    except UsageError as error:
        raise Damaged(f"the recipe in facts.json is none: {error}") from None


def check_data(source: Source, facts: Mapping[str, Any], otherwise: str) -> None:
    """UsageError unless these are the data that the checkpoint with these facts was made of; `otherwise`: what to do.

    Their contents decide, not where they lie.
    """
    before = facts.get("fingerprint")
    if not source.accepts(before):
        raise UsageError(
            f"{source.name} is not the data that this run began with (fingerprint {str(before)[:SHORT]}, now "
            f"{source.fingerprint[:SHORT]}); "
            f"bring them back, or {otherwise}"
        )


def check_own(facts: Mapping[str, Any], folder: Path) -> None:
    """UsageError for a run that was imported: nobody has the data that it learned from."""
    if "imported" in facts:
        raise UsageError(
            f"{folder} was imported, without the data that it learned from; saddle score {folder} FOLDER compares its "
            "samples with images of yours"
        )


def changes(before: Recipe, after: Recipe) -> dict[str, tuple[Any, Any]]:
    """By name what a command has changed in a run's recipe: its value before, and now."""
    old, new = flat(before.to_dict()), flat(after.to_dict())
    return {name: (old.get(name), new.get(name)) for name in old | new if old.get(name) != new.get(name)}


def places(recipe: Recipe, recorded: Mapping[str, str]) -> dict[str, str]:
    """Where the paths in a recipe lead, absolute, by the path: for a start from another folder. Plugins' files too."""
    now = _paths(found(recipe.data, recorded))
    leads = {path: str(Path(now[name]).expanduser().resolve()) for name, path in _paths(recipe.data).items()}
    return leads | plugins.places(recipe.guests())


def found(data: DataOptions, recorded: Mapping[str, str]) -> DataOptions:
    """The same, with the recorded places of those paths that lead nowhere from here."""
    paths = _paths(data)
    moved = {name: recorded[path] for name, path in paths.items() if path in recorded and _is_gone(path)}
    moved = {name: path for name, path in moved.items() if not _is_gone(path)}
    if any(name.startswith("source") for name in moved):
        places = [moved.pop(name, path) for name, path in paths.items() if name.startswith("source")]
        moved["source"] = named_with(data.source, places)
    return replace(data, **moved)  # type: ignore[arg-type]  # source, labels and palette are texts


def _paths(data: DataOptions) -> dict[str, str]:
    """The user's files and folders, by the setting that names them; of several in the source each has a number."""
    named = {f"source {i}": path for i, path in enumerate(places_in(data.source) if has_files(data.source) else [])}
    files = {"labels": data.label_file, "palette": data.palette, "masks": data.masks}
    return named | {name: path for name, path in files.items() if path}


def _is_gone(path: str) -> bool:
    return not Path(path).expanduser().exists()


def open_data(recipe: Recipe, recorded: Mapping[str, str]) -> Source:
    """The data of a run, here or where they were last. UsageError, with what to do, where they are gone."""
    data = found(recipe.data, recorded)
    try:
        return open_source(data)
    except UsageError as error:
        if recorded and any(map(_is_gone, _paths(data).values())):
            raise SaddleError(f"{error}; if the data have moved, name their new place with --data") from None
        raise plugins.explained(error, recipe.modules, recorded) from None
