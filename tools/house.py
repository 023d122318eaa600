"""The plan of the house: its rooms by level, and what a file imports. docs/design.md has its table from here."""

import ast
from functools import cache
from pathlib import Path

import saddle

ROOT = Path(saddle.__file__).parent

# Each room imports only from rooms on lines above its own; two rooms on one line never import each other.
LEVELS: list[dict[str, str]] = [
    {"_version": "the version"},
    {"base": "errors, files, the run folder's layout, random numbers, processes, settings, the log"},
    {"spec": "what a batch holds: a field for every key; conditions, texts"},
    {"layers": "one file a layer", "show": "pictures, progress"},
    {"optim": "", "context": "what a penalty may look at"},
    {"losses": ""},
    {"penalties": "", "views": "what the discriminator is shown", "auxiliaries": ""},
    {
        "nets": "one file an architecture",
        "data": "one file a source; cache, sampler, stream",
        "metrics": "one file a metric",
        "report": "a run in one HTML file",
        "doctor": "what is wrong with a run: one file a rule",
    },
    {"tasks": "what a trained game is for: Game, Move, and one task a file", "perceptual": ""},
    {
        "games": "one file a paper",
        "training": "the one loop; never a game, never a paper's name",
        "use": "what one does with a task: latents, directions",
    },
    {"runs": "recipe, registry, session, run, ingredients, benchmark"},
    {"__init__": "the public face"},
    {"export": "a trained game as files for others", "cluster": "scripts for several machines"},
    {"foreign": "weights of others, read without running anything, as a run"},
    {"cli": "the commands"},
    {"__main__": "", "launch": "torchrun on each of several machines"},
]


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def module(path: Path) -> str:
    """games.dcgan, nets.network, spec for a package's own file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def level(name: str) -> int:
    return next(i for i, names in enumerate(LEVELS) if name in names)


@cache
def imports(path: Path) -> frozenset[str]:
    """The modules of the house that a file imports from, lazily or not; imports for types alone do not count."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    here = ("saddle", *path.relative_to(ROOT).parts[:-1])
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = [*here[: len(here) - node.level + 1]] if node.level else []
            whole = [*base, *(node.module.split(".") if node.module else [])]
            found |= {name for alias in node.names if (name := _named([*whole, alias.name]))}
        elif isinstance(node, ast.Import):
            found |= {name for alias in node.names if (name := _named(alias.name.split(".")))}
    return frozenset(found)


def _named(parts: list[str]) -> str | None:
    """The longest beginning that is a module of the house."""
    if parts[0] != "saddle":
        return None
    for end in range(len(parts), 1, -1):
        path = ROOT.joinpath(*parts[1:end])
        if path.with_suffix(".py").exists() or (path / "__init__.py").exists():
            return ".".join(parts[1:end])
    return "__init__"


def table() -> str:
    """The rooms from the lowest to the highest level, as docs/design.md has them."""
    lines = ["| room | what it holds |", "|---|---|"]
    for names in LEVELS:
        rooms = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| {rooms} | {'; '.join(filter(None, names.values()))} |")
    return "\n".join(lines)
