"""The classes that can stand for a setting, by their short names: those of the house, and those of guests."""

import inspect
from abc import ABCMeta
from importlib import import_module
from importlib.metadata import EntryPoint
from pkgutil import iter_modules

from . import guests
from .errors import SaddleError

GROUPS = {  # of entry points, by the class whose kinds they hold: saddle.losses, …
    "AdversarialLoss": "losses",
    "Auxiliary": "auxiliaries",
    "JointNetwork": "joint_networks",
    "Likelihood": "likelihoods",
    "Network": "networks",
    "Optim": "optimizers",
    "Penalty": "penalties",
    "Perceptual": "perceptual",
    "Schedule": "schedules",
    "TextEncoder": "text_encoders",
    "View": "views",
}


def choices(base: type) -> dict[str, type]:
    """The classes that can stand for a base class, by their short names: those that are known by now."""
    package = base.__module__.rpartition(".")[0]
    if inspect.isabstract(base) and package.startswith("saddle."):  # one class a file: all files are read
        for module in iter_modules(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    kinds: dict[str, type] = {}
    waiting = [base]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__() if isinstance(base, ABCMeta) else []
        if inspect.isabstract(kind):
            continue
        other = kinds.get(kind.__name__, kind)
        if kind.__module__ != other.__module__:
            raise SaddleError(f"{kind.__module__} and {other.__module__} both define {kind.__name__}; rename one")
        kinds[kind.__name__] = kind  # a class that was defined again, as in a notebook, replaces the first
    return dict(sorted(kinds.items()))


def possible(base: type) -> list[str]:
    """The short names of `choices`, and of those that installed packages offer; none of these is loaded."""
    return sorted({*choices(base), *_offered(base)})


def chosen(base: type, name: str) -> type | None:
    """The class of this name that can stand for a base class; None if there is none.

    One of an installed package is loaded now. SaddleError where that is not what the package says.
    """
    offered = _offered(base)
    if name not in choices(base) and name in offered:
        found = guests.fetch(GROUPS[base.__name__], name)
        if choices(base).get(name) is not found:
            raise SaddleError(
                f"the package {guests.package(offered[name])} offers '{name}', and what it holds is no "
                f"{base.__name__} of that name; mend or remove the package"
            )
    return choices(base).get(name)


def _offered(base: type) -> dict[str, EntryPoint]:
    """What installed packages offer of this kind."""
    ours = base.__name__ in GROUPS and not guests.is_guest(base)
    return guests.offered(GROUPS[base.__name__]) if ours else {}
