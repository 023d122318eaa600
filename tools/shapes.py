"""Which public functions take or return tensors and do not say in what shape. `make words` lists them.

A docstring gives a shape for each tensor argument and for what returns, in the order that reads best: "Logits [N] of
images [N, C, H, W]." A shape is a list in brackets, or the word scalar; "any shape", "same shape" and so on count as
one. `both` or two names before a shape stand for two, `all` and `each` for as many as there are. What a class says of
its shapes holds for its `forward` and `__call__`; what a base class says of a method holds for those that override it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

SHAPE = re.compile(  # [N, C] or [] or [2], but no range such as [-1, 1]; or a word for one
    r"\[(?:|\d+|[a-z…*][^\[\]]*|\d[^\[\]]*[a-z…][^\[\]]*)\](?: each\b)?"
    r"|\bscalars?\b|\b(?:any|same|its|their|whose|that|this) shapes?\b|\bshaped like\b",
    re.IGNORECASE,
)
SEVERAL = re.compile(r"\b(?:(both|two)|all|each|every)\b[^.\[\]]{0,25}$|(\band `?\w+`? $)", re.IGNORECASE)
TENSOR = re.compile(r"\bTensor\b")
NOT_ONE = re.compile(r"^(?:collections\.abc\.)?(?:Callable|Iterator\[Move|dict\[|Mapping\[|type\[)")
ROOMS_FOR_OURSELVES = ("cli", "studio")


@dataclass
class Class:
    path: Path
    node: ast.ClassDef
    bases: list[str]
    methods: dict[str, ast.FunctionDef] = field(default_factory=dict)

    @cached_property
    def says(self) -> str:
        return ast.get_docstring(self.node) or ""


class House:
    """The classes of a folder of Python files, by file and name, and which names each file takes from where."""

    def __init__(self, root: Path):
        self.root = root
        self.trees = {path: ast.parse(path.read_text()) for path in sorted(root.rglob("*.py"))}
        self.classes: dict[tuple[Path, str], Class] = {}
        self.imported: dict[tuple[Path, str], tuple[Path, str]] = {}
        for path, tree in self.trees.items():
            self._read(path, tree.body, "")

    def _read(self, path: Path, body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base).split("[")[0] for base in node.bases]
                found = Class(path, node, bases)
                found.methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
                self.classes[path, prefix + node.name] = found
                self._read(path, node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if source := self._file(path, node, alias.name):
                        self.imported[path, alias.asname or alias.name] = source

    def _file(self, path: Path, node: ast.ImportFrom, name: str) -> tuple[Path, str] | None:
        if not node.level:
            return None
        folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        if (file := folder.with_suffix(".py")) in self.trees:
            return file, name
        if (file := folder / f"{name}.py") in self.trees:
            return file, ""
        return (folder / "__init__.py", name) if folder / "__init__.py" in self.trees else None

    def find(self, path: Path, name: str) -> Class | None:
        """The class that a file calls `name`, its own, an imported one, or a module's."""
        if found := self.classes.get((path, name)):
            return found
        first, _, rest = name.partition(".")
        if source := self.imported.get((path, first)):
            file, real = source
            return self.find(file, ".".join(part for part in (real, rest) if part))
        return None

    def above(self, found: Class) -> Iterator[Class]:
        """A class's bases, theirs, and so on."""
        for name in found.bases:
            if (base := self.find(found.path, name)) and base is not found:
                yield base
                yield from self.above(base)


def missing(root: Path) -> list[tuple[str, int, str]]:
    """File, line and a sentence for each public function of the folder that does not give its shapes."""
    house = House(root)
    found = []
    for path, tree in house.trees.items():
        if path.relative_to(root).parts[0] in ROOMS_FOR_OURSELVES:
            continue
        for owner, node in _functions(tree.body, ""):
            needed, names = _needed(node)
            if needed and not any(_shapes(text) >= needed for text in _texts(house, path, owner, node)):
                found.append((str(path), node.lineno, f"{owner}{node.name} lacks a shape for {names}"))
    return found


def _functions(body: list[ast.stmt], owner: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions and the methods of public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _functions(node.body, f"{owner}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (node.name == "__call__" or not node.name.startswith("_")):
            yield owner, node


def _needed(node: ast.FunctionDef) -> tuple[int, str]:
    """How many shapes a function must give, and for what."""
    args = node.args
    several = [arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg) if arg]
    names = [arg.arg for arg in several if _tensor(arg.annotation)]
    if _tensor(node.returns):
        names.append("what returns")
    return len(names), ", ".join(names)


def _tensor(annotation: ast.expr | None) -> bool:
    said = ast.unparse(annotation).strip("'\"") if annotation else ""
    return bool(TENSOR.search(said)) and not NOT_ONE.match(said)


def _texts(house: House, path: Path, owner: str, node: ast.FunctionDef) -> Iterator[str]:
    """The docstrings that may give a function's shapes: its own, its class's, those of what it overrides."""
    own = ast.get_docstring(node) or ""
    yield own
    if not owner:
        return
    here = house.classes[path, owner.removesuffix(".")]
    for one in (here, *house.above(here)):
        method = one.methods.get(node.name)
        if method:
            yield ast.get_docstring(method) or ""
        if node.name in ("forward", "__call__"):
            yield f"{one.says}\n{own}"


def _shapes(text: str) -> int:
    """For how many tensors a text gives a shape: "x and y [N]" and "both [N]" are two, "each [N]" any number."""
    count = 0
    for found in SHAPE.finditer(text):
        several = SEVERAL.search(text[: found.start()])
        if found[0].endswith("each") or (several and not any(several.groups())):
            return 99
        count += 2 if several else 1
    return count
