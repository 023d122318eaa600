"""A file of weights becomes a folder that `saddle.load` opens: all or nothing, and never the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from .._version import __version__
from ..base.errors import NO_MEMORY, SaddleError, UsageError, near
from ..base.files import check_new, new_folder, safe_name
from ..runs import registry, releasing
from ..runs.building import built
from ..runs.informing import count_parameters
from ..runs.introduction import next_command
from ..runs.recipe import Recipe
from ..runs.run import Run
from ..tasks import Game
from . import card, reading
from .matching import Adopted, Asked, check

MOST_SIDE = 16_384  # pixels
NOWHERE = "folder:unknown"  # the data of a recipe that nobody has


@dataclass(frozen=True)
class Result:
    """What was written."""

    folder: Path
    game: str
    parameters: dict[str, int]  # by network
    absent: tuple[str, ...]  # networks that the file does not hold
    notes: tuple[str, ...]  # what one must know
    follows: str  # the command that shows it at work, in a line

    def written(self) -> dict[str, Any]:
        """For programs."""
        lists = {"absent": list(self.absent), "notes": list(self.notes)}
        return {"folder": str(self.folder), "game": self.game, "parameters": self.parameters, **lists}


def kinds() -> list[str]:
    """The kinds of files that can be imported: each is a file in `kinds`."""
    return sorted(path.stem.replace("_", "-") for path in (Path(__file__).parent / "kinds").glob("[a-z]*.py"))


def kind(name: str) -> Any:
    """The module of a kind. UsageError for a name that is none."""
    if name not in kinds():
        raise UsageError(f"no kind '{name}'{near(name, kinds())}; there are {', '.join(kinds())}")
    return import_module(f".kinds.{name.replace('-', '_')}", __package__)


def adopt(
    file: str | Path,
    kind_: str,
    out: str | Path | None = None,
    *,
    back: str | Path | None = None,
    size: int | None = None,
    config: str | Path | None = None,
    as_published: bool = False,
    dropout: bool = True,
    licence: str = "",
) -> Result:
    """Make a run of weights that others saved: `saddle import` in Python. `kind_` is one of `kinds()`.

    `out` is a new folder, by default runs/KIND-FILE. `back` is the file of the way back, `size` the side of images
    where a network takes any, `config` a file of settings that came with the weights. `as_published` keeps the mistakes
    of the published code. UsageError for what cannot be; SaddleError, with the reason, for a file that is refused or
    does not fit.
    """
    module, path = kind(kind_), Path(file)
    folder = Path(out) if out else Path("runs") / safe_name(f"{kind_}-{path.stem}")
    check_new(folder)
    chosen = {"back": back, "size": size, "config": config, "as_published": as_published, "no_dropout": not dropout}
    _check_asked(kind_, module, chosen)
    found = reading.read(path, module.PARTS)
    there = reading.read(Path(back), module.PARTS) if back else None
    adopted = _told(module, found, Asked(size, there, as_published, Path(config) if config else None, dropout))
    recipe = Recipe.from_dict({"game": adopted.game, "data": NOWHERE}).change(adopted.settings)
    game = filled(recipe, adopted)
    origin = {"kind": kind_, "files": {each.path.name: each.sha256 for each in (found, there) if each}}
    origin |= {"source": source(module), "licence": licence or module.LICENCE}
    origin |= {"absent": list(adopted.absent), "notes": adopted.notes}
    with new_folder(folder) as part:
        releasing.put(part, recipe, game, 0, facts(recipe, adopted, origin))
        card.write(Run(part, device="cpu"), origin, code(module), adopted.what)
    (follows,) = next_command(game, folder, ())
    return Result(folder, adopted.game, count_parameters(game), adopted.absent, tuple(adopted.notes), follows)


def _check_asked(name: str, module: Any, asked: Mapping[str, Any]) -> None:
    """UsageError for a choice that this kind of file does not have."""
    for option, value in asked.items():
        if value not in (None, False, "") and option not in module.CHOICES:
            raise UsageError(f"a file of {name} has no use for --{option.replace('_', '-')}; leave it out")
    if asked["size"] is not None and not 1 <= asked["size"] <= MOST_SIDE:
        raise UsageError(f"--size is {asked['size']}; a side has 1 to {MOST_SIDE:,} pixels")


def _told(module: Any, found: reading.Found, asked: Asked) -> Adopted:
    """What the names and shapes of a file tell. SaddleError where they make no sense to the module of its kind."""
    try:
        adopted: Adopted = module.adopt(found, asked)
    except (ValueError, IndexError, RuntimeError, OverflowError) as error:
        if any(words in str(error) for words in NO_MEMORY):
            raise
        raise SaddleError(f"{found.path} is not such a file: its tensors have other shapes") from error
    return adopted


def filled(recipe: Recipe, adopted: Adopted) -> Game:
    """The game with the weights of the file. SaddleError, before any memory is taken, unless they fit."""

    def build() -> Game:
        game = registry.load(recipe.game)(adopted.data, recipe.options)
        releasing.leave_out(game, adopted.absent)
        return game

    game = built(build, lambda draft: check(draft, adopted))
    game.load_state_dict(game.state_dict() | check(game, adopted))
    return game.eval()


def facts(recipe: Recipe, adopted: Adopted, origin: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in config.json of a run that was imported."""
    told = {"data": adopted.data.to_facts(), "game": recipe.game, "recipe": recipe.to_dict(), "version": __version__}
    return told | {"rounds": None, "imported": dict(origin)}


def source(module: Any) -> str:
    """Where the code is from that saved such files: the link in the module's docstring."""
    return next(line for line in module.__doc__.splitlines() if line.startswith("https://"))


def code(module: Any) -> str:
    """The name of the code that saved such files: the beginning of the module's docstring."""
    return str(module.__doc__).partition(":")[0]
