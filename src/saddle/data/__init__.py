"""Data: named sources, folders and arrays, and the endless stream of batches drawn from them.

The folder `sources` is the registry: a source is a file there, named like it, whose docstring begins with
`NAME: description`, or with two such lines if it can be named with and without a place. Names load on first use, for
the command line lists them without torch.
"""

import ast
import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..base.errors import UsageError, near
from ..base.files import parsed
from . import guest_sources
from .guest_sources import named_in
from .options import DataOptions

if TYPE_CHECKING:
    from ..spec import DataSpec
    from .check import check_data, check_folder
    from .checked import Report
    from .points import modes
    from .sampler import places
    from .source import Count, Judged, Source, Split, check_batch
    from .stream import Stream

log = logging.getLogger(__name__)
_homes = {
    "Report": "checked",
    "check_folder": "check",
    "check_data": "check",
    "modes": "points",
    "places": "sampler",
    "Judged": "source",
    "Source": "source",
    "Split": "source",
    "check_batch": "source",
    "Stream": "stream",
}

__all__ = [
    "DataOptions",
    "Judged",
    "Report",
    "Source",
    "Split",
    "Stream",
    "check_batch",
    "check_data",
    "check_folder",
    "embedded",
    "has_files",
    "list_sources",
    "modes",
    "named_with",
    "offers_of",
    "open_source",
    "pieces",
    "places",
    "places_in",
    "places_with",
    "source_at",
    "sources_with",
    "sources_with_modes",
    "spec_of",
]


def list_sources() -> dict[str, str]:
    """What can be opened, each with its line of description: {"digits": …, "folder:PATH": …, …}; guests come last."""
    lines = house_sources()
    return lines | guest_sources.listed(lines)


def house_sources() -> dict[str, str]:
    """The sources of the house alone, likewise."""
    lines: dict[str, str] = {}
    for file in _files():
        lines |= named_in(ast.get_docstring(parsed(file.read_text("utf-8"))) or "")
    return lines


def _files() -> list[Path]:
    folders = import_module("saddle.data.sources").__path__
    return sorted((file for folder in folders for file in Path(folder).glob("[a-z]*.py")), key=_name)


def _name(file: Path) -> str:
    return file.name


def open_source(options: DataOptions) -> "Source":
    """The source that `options.source` names, ready to draw from. Raises UsageError for what cannot be opened."""
    module, path = _named(options)
    if not path and Path(options.source).is_dir():
        log.warning("%s is the built-in source; your folder is folder:%s", options.source, options.source)
    source: Source = module.open(options, path)
    if options.degrade:
        from .degrading import degrading

        source = degrading(source, options)
    if options.direction == "a-to-b":
        return source
    from .direction import turned

    return turned(source)


def source_at(path: Path) -> str:
    """The name of the source that reads what lies there: a folder of images, or an array in a file.

    UsageError where there is nothing, and for a file that is no array.
    """
    if not path.exists():
        raise UsageError(f"there is no {path}; give a folder of images, an .npy or .npz file, or the folder of a run")
    if path.is_file() and path.suffix not in (".npy", ".npz"):
        raise UsageError(f"{path} holds no samples; give a folder of images, an .npy or .npz file, or a run's folder")
    return f"{'folder' if path.is_dir() else 'array'}:{path}"


def spec_of(options: DataOptions) -> "DataSpec":
    """What a game must know of the source's data to build its networks, found out without making the data.

    Shares of the labels are those of all samples, whichever are held out.
    """
    module, path = _named(options)
    spec: DataSpec = module.spec_of(options, path) if hasattr(module, "spec_of") else module.open(options, path).spec
    if options.degrade:
        from .degrading import degrading_spec

        spec = degrading_spec(spec, options)
    if options.direction == "a-to-b":
        return spec
    from .direction import turned_spec

    return turned_spec(spec, options.source)


def module_of(options: DataOptions) -> ModuleType:
    """The file of the source that `options.source` names."""
    return _named(options)[0]


def pieces(options: DataOptions) -> bool:
    """Are an embedded source's images cut out of larger ones at their own scale? Its file says so in PIECES."""
    return ":" not in options.source and bool(getattr(module_of(options), "PIECES", False))


def _named(options: DataOptions) -> tuple[ModuleType, str]:
    """The file of the source that `options.source` names, and the place in that name."""
    name, colon, path = options.source.partition(":")
    guest_sources.fetch(name)
    possible = list(list_sources())
    ways = [offer for offer in possible if offer.partition(":")[0] == name]
    if not ways:
        raise UsageError(_unknown(options.source, possible))
    if bool(path) not in [":" in way for way in ways] or bool(colon) != bool(path):
        raise UsageError(f"{options.source!r} is not how this source is named: write {' or '.join(ways)}")
    return _module(name), path


def sources_with_modes() -> dict[str, "Count"]:
    """The sources whose modes are known, with how they are counted, by name."""
    names = [name for name in list_sources() if ":" not in name]
    judged = {name: getattr(_module(name), "JUDGED", None) for name in names}
    return {name: of.modes for name, of in judged.items() if of is not None and of.modes is not None}


def sources_with(keys: Sequence[str], paired: bool = False) -> list[str]:
    """The embedded sources that offer all these keys, by what their files say in OFFERS; none is opened.

    `paired`: without those whose keys are of domains without pairs, by PAIRED = False in their files.
    """
    return [name for name, offers in _offers().items() if {*keys} <= {*offers} and (_is_paired(name) or not paired)]


def places_with(keys: Sequence[str], paired: bool = False) -> list[str]:
    """How sources are named that read a user's own files and offer all these keys, likewise: ["pairs:PATH", …].

    One whose place is something else says FILES = False in its file.
    """
    first = {name.partition(":")[0]: name for name in reversed(list_sources()) if ":" in name}
    able = {name: offer for name, offer in reversed(first.items()) if {*keys} <= {*offers_of(name)}}
    own = {name: offer for name, offer in able.items() if _said(name, "FILES", True)}
    return [offer for name, offer in own.items() if _is_paired(name) or not paired]


def places_in(source: str) -> list[str]:
    """The paths in the name of a source: none, one, or several where it takes a list of them."""
    name, _, path = source.partition(":")
    if "," in path and _takes_list(name):
        from .layouts import split_places

        return split_places(path)
    return [path] if path else []


def has_files(source: str) -> bool:
    """Is the place in the name of a source one of the user's files or folders? Not if its file says FILES = False."""
    name = source.partition(":")[0]
    return any(offer.startswith(f"{name}:") for offer in list_sources()) and bool(_said(name, "FILES", True))


def named_with(source: str, places: Sequence[str]) -> str:
    """The same name with other paths."""
    name = source.partition(":")[0]
    if _takes_list(name):
        from .layouts import joined_places

        return f"{name}:{joined_places(places)}"
    return f"{name}:{places[0]}"


def _takes_list(name: str) -> bool:
    return any(offer.startswith(f"{name}:") and "," in offer for offer in list_sources())


def embedded() -> list[str]:
    """The sources that can be opened as they are: their names have no place, and they need no other PACKAGE."""
    return [name for name in list_sources() if ":" not in name and _said(name, "PACKAGE", None) is None]


def offers_of(name: str) -> tuple[str, ...]:
    """The keys of a source by its name without a place: OFFERS of its file, or else the one key image."""
    return tuple(_said(name, "OFFERS", ("image",)))


def _offers() -> dict[str, tuple[str, ...]]:
    return {name: offers_of(name) for name in embedded()}


def _is_paired(name: str) -> bool:
    """Do the keys of a source belong together, sample by sample? Not if its file says PAIRED = False."""
    return bool(_said(name, "PAIRED", True))


def _said(name: str, constant: str, otherwise: Any) -> Any:
    """What the file of a source says in this constant, without being run."""
    if guest := guest_sources.module(name):
        return getattr(guest, constant, otherwise)
    file = next(file for file in _files() if file.stem == name.replace("-", "_"))
    set_ = [node for node in parsed(file.read_text("utf-8")).body if isinstance(node, ast.Assign)]
    said = next((node.value for node in set_ if ast.unparse(node.targets[0]) == constant), None)
    return ast.literal_eval(said) if said else otherwise


def _module(name: str) -> ModuleType:
    return guest_sources.module(name) or import_module(f"saddle.data.sources.{name.replace('-', '_')}")


def are_folders(given: str) -> bool:
    """Are these the paths of several folders, with commas between them?"""
    return "," in given and all(Path(place).expanduser().is_dir() for place in given.split(","))


def _unknown(given: str, offers: list[str]) -> str:
    path = Path(given).expanduser()
    if path.is_dir():
        return f"{given!r} is a folder: write folder:{given}"
    if are_folders(given):
        return f"{given!r} are folders: write pairs:{given} if their images belong together, domains:{given} if not"
    if path.suffix in (".npy", ".npz"):
        return f"{given!r} is the name of a file: write array:{given}"
    if path.is_file():
        return f"{given!r} is a file: write photo:{given} if it is a picture to learn all by itself"
    return f"no data source {given!r}{near(given, offers)}; there are {', '.join(offers)}"


def __getattr__(name: str) -> object:
    if name not in _homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"saddle.data.{_homes[name]}"), name)
