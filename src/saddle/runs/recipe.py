"""A recipe: the game, its data, its settings and the plan. A run folder begins with its recipe.

Shipped recipes lie in `recipes/`: `dcgan.yaml` for the game's own data, `wgan-gp.ring.yaml` for another embedded
source, `best.yaml` for the game that scores best on digits. They say what differs from the paper, and in `expect`
the scores that a test asks of the run.
"""

import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from os.path import isfile  # a name too long for a file is none
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from .._version import __version__
from ..base import guests
from ..base.errors import UsageError, near
from ..base.files import replace as write_at_once
from ..base.files import safe_name
from ..base.folder import RunFolder
from ..base.kinds import brief
from ..base.kinds import text as text_of_setting
from ..base.plain import Garbled, from_yaml
from ..base.plain import text as text_of
from ..base.settings import differences, flat, nest, of_a_run, plain, restore
from ..data import DataOptions, named_with, places_in
from ..tasks import Game
from ..training.plan import BUDGETS, LENGTH, Plan
from . import plugins, registry, warm
from .warm import Start

DEFAULT_GAME = "dcgan"
WRITTEN = "# A recipe of saddle "  # so begins a file that a run wrote, before the version
_SHIPPED = Path(__file__).parents[1] / "recipes"
_PARTS = ("game", "data", "plan")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a run turns out, except for the machine."""

    game: str  # its name in the registry
    options: Game.Options
    data: DataOptions
    plan: Plan
    start: Start | None = None  # whose weights it begins with; none: those that the seed gives
    modules: tuple[str, ...] = field(default=(), compare=False)  # of guests, as its file names them; for people

    @classmethod
    def default(cls, game: str = DEFAULT_GAME, source: str | None = None) -> "Recipe":
        """The shipped recipe of a game on a source (None: the game's own), or else the paper's settings on it.

        A shipped recipe may also have a name that is no game's, such as 'best'; it then is the start on any data.
        """
        is_guest = game in registry.guest_names()
        own = None if is_guest or game in registry.names() else shipped(game)
        kind = None if own else registry.load(game)
        path = own or (None if is_guest else shipped(game, source))
        if path:
            return cls.read(path)
        assert kind
        plan = Plan() if kind.batch is None else Plan(batch=kind.batch)
        return cls(game, kind.Options(), DataOptions(source=source) if source else DataOptions(), plan)

    @classmethod
    def from_dict(cls, given: Any, recorded: Mapping[str, str] = MappingProxyType({})) -> "Recipe":
        """The recipe of plain values; what is left out has the paper's value. UsageError for what cannot be.

        `recorded` are the places that its run noted, for what an error advises.
        """
        if not isinstance(given, Mapping) or "game" not in given:
            raise UsageError(f"not a recipe: it needs at least a line such as 'game: {DEFAULT_GAME}'")
        start, modules = _start(given.get("from")), plugins.check(given.get(plugins.NAME, []))
        given = {part: value for part, value in given.items() if part not in ("from", plugins.NAME)}
        name = str(_with_short_forms(given)["game"].get("name", DEFAULT_GAME))
        try:
            return cls(name, registry.load(name).Options(), DataOptions(), Plan(), start, modules)._with(given)
        except UsageError as error:
            raise plugins.explained(error, modules, recorded) from None

    @classmethod
    def from_yaml(
        cls, text: str, what: str = "a recipe", recorded: Mapping[str, str] = MappingProxyType({})
    ) -> "Recipe":
        try:
            given = from_yaml(text)
        except Garbled as error:
            raise UsageError(f"{what} is not readable YAML: {error}") from None
        if isinstance(given, dict):
            given.pop("expect", None)  # what a shipped recipe reaches; it decides nothing
        try:
            return cls.from_dict(given, recorded)
        except UsageError as error:
            raise UsageError(f"{what}: {error}") from None

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """The recipe in a file, or of a run folder.

        What a run wrote holds all settings that there were: of later ones it has the values that were fixed then, also
        where its file is copied elsewhere. A recipe that somebody wrote by hand has today's defaults.
        """
        file = RunFolder(path).recipe if path.is_dir() else path
        try:
            given = text_of(file)
            with of_a_run() if path.is_dir() or given.startswith(WRITTEN) else nullcontext():
                with_guests = f"\n{plugins.NAME}:" in given
                return cls.from_yaml(given, str(file), RunFolder(file.parent).places() if with_guests else {})
        except FileNotFoundError:
            raise UsageError(
                f"there is no file {file}; give a recipe, which is a YAML file, or the folder of a run"
            ) from None
        except Garbled as error:
            raise UsageError(f"{file} is not a recipe: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        game = {"name": self.game} | plain(self.options)
        start = {"from": plain(self.start)} if self.start else {}
        modules = self.guests()
        said = {plugins.NAME: modules} if modules else {}
        return {"game": game, "data": plain(self.data), "plan": plain(self.plan)} | start | said

    def guests(self) -> list[str]:
        """The modules of other people that define what these settings name."""
        return plugins.used(self.game, self.options, self.data, self.plan, self.modules)

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.to_dict(), sort_keys=False, default_flow_style=None, allow_unicode=True, width=100)

    def write(self, path: Path) -> None:
        """Write the file at once: a reader sees all of it or the one before."""
        same = f"saddle train --config {path.name} --run FOLDER{guests.options(self.guests())}"
        header = f"{WRITTEN}{__version__}. The same again: {same}\n"
        write_at_once(path, (header + self.to_yaml()).encode())

    def change(self, edits: Mapping[str, Any]) -> "Recipe":
        """A copy with dotted names set, such as {"game.penalties": "R1", "plan.minutes": 2, "data": "ring"}."""
        return self._with(nest(edits))

    def differences(self, other: "Recipe") -> list[str]:
        """'plan.batch is 64, there 32' for every setting that is another in `other`."""
        ours, theirs = ({k: v for k, v in each.to_dict().items() if k != plugins.NAME} for each in (self, other))
        return differences(ours, theirs)

    def adapted(self, other: "Recipe") -> "Recipe":
        """This recipe with what may be another on the way of one run as in `other`.

        That is its length, where its data lie, and where the run lies whose weights it began with.
        """
        data, theirs, start = self.data, other.data, self.start
        if start and other.start and start.sha256 == other.start.sha256:
            start = replace(start, run=other.start.run)
        if ":" in data.source and data.source.partition(":")[0] == theirs.source.partition(":")[0]:
            data = replace(data, source=theirs.source)
        if data.label_file and theirs.label_file:
            data = replace(data, labels=theirs.labels)
        if data.palette and theirs.palette:
            data = replace(data, palette=theirs.palette)
        if data.masks and theirs.masks:
            data = replace(data, masks=theirs.masks)
        plan = self.plan.as_long_as(other.plan)
        return replace(self, data=replace(data, cache=theirs.cache), plan=plan, start=start)

    def settled(self, folder: Path) -> "Recipe":
        """This recipe with the memory layout, which it may leave open, of the run in the folder, if there is one.

        Its bits depend on it. Runs of before it could be left open have it in their recipes.
        """
        if self.plan.channels_last is not None or not RunFolder(folder).recipe.exists():
            return self
        return replace(self, plan=replace(self.plan, channels_last=Recipe.read(folder).plan.channels_last))

    def check_folder(self, folder: Path, option: str = "--run", may_grow: bool = True) -> None:
        """UsageError unless the folder is new, empty or of a run of this recipe; `option` is what names another one.

        What may change on the way of a run makes no other recipe; nor does its length, unless it may not grow.
        """
        if RunFolder(folder).model.exists():
            raise UsageError(
                f"{folder} holds a run that was exported, without what training needs; go on with the run itself, or "
                f"choose another {option}"
            )
        if RunFolder(folder).recipe.exists():
            theirs = Recipe.read(folder)
            ours = self.adapted(theirs) if may_grow else replace(self.adapted(theirs), plan=self.plan)
            if differences := ours.differences(theirs):
                raise UsageError(
                    f"{folder} holds a run of another recipe; choose another {option}, or the same settings. "
                    f"They differ in:\n  " + "\n  ".join(differences)
                )
        elif folder.exists() and not _is_empty(folder):
            raise UsageError(f"{folder} exists and is not a run folder; choose another {option}")

    def _with(self, given: Mapping[str, Any]) -> "Recipe":
        tree = _with_short_forms(given)
        game, data, plan = (dict(tree.get(part, {})) for part in _PARTS)
        if (name := game.pop("name", self.game)) != self.game:
            raise UsageError(f"this is a recipe of {self.game}, not of {brief(name)}")
        if any(plan.get(budget) is not None for budget in BUDGETS):
            plan = dict.fromkeys(LENGTH) | plan  # one budget replaces another
        return replace(
            self,
            options=restore(type(self.options), game, "game", self.options),
            data=restore(DataOptions, data, "data", self.data),
            plan=restore(Plan, plan, "plan", self.plan),
        )


def _is_empty(folder: Path) -> bool:
    """Nothing in it but hidden files, such as half a recipe that a crash left."""
    return folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir())


def shipped(game: str, source: str | None = None) -> Path | None:
    """The shipped recipe of a game on a source, if there is one; the source None is the game's own.

    A source with a place or a choice, such as photo:FILE or digits-only:5, is trained as any other of that name is.
    """
    own = _SHIPPED / f"{game}.yaml"
    name = source and source.partition(":")[0]
    if name is None or (isfile(own) and _source(own).partition(":")[0] == name):
        return own if isfile(own) else None
    other = _SHIPPED / f"{game}.{name}.yaml"
    return other if re.fullmatch(r"[a-z0-9-]+", name) and isfile(other) else None


def expected(game: str, source: str | None = None) -> dict[str, float]:
    """The scores that the shipped recipe reaches, such as {"fid_multiple": 1.8}; empty without one."""
    path = shipped(game, source)
    return from_yaml(text_of(path)).get("expect", {}) if path else {}


def ask(
    game: str | None = None,
    edits: Mapping[str, Any] | None = None,
    config: Path | None = None,
    folder: Path | None = None,
    start: Path | None = None,
    checkpoint: str | int = "best",
) -> tuple[Recipe, Path]:
    """The recipe and the run folder that are asked for.

    Edits change the recipe of `config`, else of the folder if it holds a run, else, where no game is named, of the run
    `start`, else the shipped one; of a game that learns beside another run it is made for that run. So the same command
    goes on with a run, and so does the folder alone. The folder is `runs/GAME-SOURCE` unless given. A new run begins
    with the weights of `start`, of its best checkpoint or another.
    """
    edits = edits or {}
    source = edits.get("data.source", edits.get("data"))
    source = source.get("source") if isinstance(source, Mapping) else source
    base = Recipe.read(config) if config else None
    if start and base is None and not (folder and RunFolder(folder).recipe.exists()):
        base = _beside(game, start)
    if folder is None:
        of = base.game if base else game or DEFAULT_GAME
        folder = default_folder(of, source or (base or _default(of)).data.source)
    kept = Recipe.read(folder) if RunFolder(folder).recipe.exists() else None
    base = (kept if kept and not config else base) or _default(game or DEFAULT_GAME, source)
    if game is not None and base.game not in (game, _default(game).game):  # first of all, is it a game?
        raise UsageError(
            f"{config or folder} has a recipe of {base.game}, not of {game}; "
            + ("leave the name out or give another --config" if config else "choose another folder with --run")
        )
    if start:
        base = replace(base, start=_begun(kept, folder, start, checkpoint))
    try:
        return _with_its_run(base, kept).change(edits), folder
    except UsageError as error:
        if config is None and RunFolder(folder).recipe.exists():  # whose settings the user may not have in mind
            raise UsageError(f"{error}; the other settings are those of the run in {folder}") from None
        raise


def neighbours(place: str) -> list[str]:
    """What lies in the folder in which this was looked for, as paths."""
    beside = Path(place).expanduser().parent
    return [str(beside / each.name) for each in beside.iterdir()] if beside.is_dir() else []


def _default(game: str, source: str | None = None) -> Recipe:
    """`Recipe.default`. UsageError for what is no game: it may be a folder or a file, which are looked for first."""
    if not shipped(game) and game not in (known := [*registry.names(), *registry.guest_names()]):
        what = f"there is no folder or file '{game}'" if "/" in game else f"no game '{game}'"
        rest = "" if "/" in game else "; there is no folder or file of that name either; saddle list names the games"
        raise UsageError(f"{what}{near(game, [*known, *neighbours(game)])}{rest}")
    return Recipe.default(game, source)


def _with_its_run(recipe: Recipe, kept: Recipe | None) -> Recipe:
    """The recipe. UsageError for a new run of a game that begins with another run in every case, without one."""
    if recipe.options.needs_run and not (recipe.start or kept):
        raise UsageError(f"{recipe.game} learns beside a run that is trained already; name it with --from RUN")
    return recipe


def _beside(game: str | None, start: Path) -> Recipe | None:
    """The recipe for a run that begins with `start`, where this decides it: the same, or that of a game beside it."""
    RunFolder(start).check()
    theirs = replace(Recipe.read(start), start=None)
    if game is None:
        return theirs
    own = Recipe.default(game)
    options = own.options.beside(theirs.game, theirs.options)
    return None if options is None else replace(own, options=options, data=theirs.data)


def inherited(recipe: Recipe, start: Path, edits: Mapping[str, Any]) -> list[str]:
    """A line, if any, of what the data of a new run have of the run `start` and not of an edit or as the default."""
    ours, default = (flat(plain(each), "data") for each in (recipe.data, DataOptions()))
    theirs = flat(plain(Recipe.read(start).data), "data")
    kept = {
        name: value
        for name, value in ours.items()
        if value == theirs.get(name) != default.get(name) and name not in (*edits, "data.source")
    }
    words = ", ".join(f"{name} {text_of_setting(value)}" for name, value in kept.items())
    return [f"{words}, as in {start}"] if words else []


def _begun(kept: Recipe | None, folder: Path, start: Path, checkpoint: str | int) -> Start:
    """What a run begins with, or began with: that run need not be there any more. UsageError for what cannot be."""
    if start.resolve() == folder.resolve():
        raise UsageError(
            f"{folder} cannot begin with its own weights; go on with it without --from, or name a new --run"
        )
    if kept is None:
        return warm.choose(start, checkpoint)
    if kept.start and checkpoint in ("best", "last", kept.start.round, str(kept.start.round)):
        if Path(kept.start.run).resolve() == start.resolve():
            return kept.start
        if warm.same(kept.start, start):  # it has moved
            return replace(kept.start, run=str(start))
    raise UsageError(
        f"{folder} holds a run that began with {kept.start or 'the weights that its seed gives'}, and not with those "
        f"of {start}; go on with it without --from, or name a new --run"
    )


def default_folder(game: str, source: str) -> Path:
    """runs/dcgan-digits, runs/dcgan-photos for folder:/path/to/photos, runs/cyclegan-horse-zebra for two folders."""
    return Path("runs", safe_name(f"{game}-{named(source)}"))


def named(source: str) -> str:
    """What data are called: digits, photos for folder:/path/to/photos, horse-zebra for two folders."""
    return re.sub(r"[^\w.-]+", "-", "-".join(map(_last, places_in(source))) or source.partition(":")[0])


def portable(recipe: Recipe) -> Recipe:
    """The recipe without where its data lie on this machine: folder:photos for folder:/path/to/photos."""
    places = places_in(recipe.data.source)
    source = named_with(recipe.data.source, [*map(_last, places)]) if places else recipe.data.source
    files = {"labels": recipe.data.label_file, "palette": recipe.data.palette, "masks": recipe.data.masks}
    own = {name: _last(path) for name, path in files.items() if path}
    return replace(recipe, data=replace(recipe.data, source=source, **own))  # type: ignore[arg-type]  # all are texts


def _last(path: str) -> str:
    return Path(path).expanduser().resolve().name


def _source(path: Path) -> str:
    data = from_yaml(text_of(path)).get("data", {})
    return data if isinstance(data, str) else data.get("source", DataOptions.source)


def _start(given: Any) -> Start | None:
    if given is None:
        return None
    start = restore(Start, given, "from", Start()) if isinstance(given, Mapping) else Start()
    if not (start.run and re.fullmatch(r"[0-9a-f]{64}", start.sha256)):
        raise UsageError("from wants run, round and sha256, as saddle train --from writes them into recipe.yaml")
    return start


def _with_short_forms(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The three parts; 'game: dcgan' is short for its name, 'data: digits' for its source."""
    tree: dict[str, dict[str, Any]] = {}
    for part, value in given.items():
        if part not in _PARTS:
            raise UsageError(f"no setting '{part}'{near(str(part), _PARTS)}; there are {', '.join(_PARTS)}")
        short = {"game": "name", "data": "source"}.get(part)
        if isinstance(value, str) and short:
            value = {short: value}
        if not isinstance(value, Mapping):
            raise UsageError(f"{part} wants settings by name, not {brief(value)}")
        value = dict(value)
        if short and "class" in value:  # nest has put a name there that also has parts
            value.setdefault(short, value.pop("class"))
        tree[part] = value
    return tree
