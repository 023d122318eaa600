"""Who may import whom: lower rooms never see higher ones."""

import ast
import re
from pathlib import Path

import saddle

ROOT = Path(saddle.__file__).parent

LEVELS: list[set[str]] = [
    {"base", "_version"},
    {"spec", "layers", "show"},
    {"losses", "penalties", "context", "views", "auxiliaries", "optim"},
    {"nets", "data", "metrics", "report"},
    {"tasks"},
    {"games", "training", "use"},
    {"runs"},
    {"cli", "__main__", "__init__"},
]
APART = {
    "games": {"training", "data", "use"},
    "training": {"games", "use"},
    "use": {"games", "training"},
    "data": {"metrics", "nets", "report"},
    "metrics": {"data", "nets", "report"},
    "nets": {"data", "metrics", "report"},
    "report": {"data", "metrics", "nets"},
}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def level(name: str) -> int:
    return next(i for i, names in enumerate(LEVELS) if name in names)


def imports(path: Path) -> set[str]:
    """The rooms that a file imports from, lazily or not; imports for types alone do not count."""
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
            names = [[*whole, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        found |= {n[1] for n in names if n[0] == "saddle" and len(n) > 1}
    return {n for n in found if any(n in names for names in LEVELS)}


def test_every_file_has_a_level():
    assert {room(p) for p in ROOT.rglob("*.py")} - {"recipes"} <= set().union(*LEVELS)


def test_lower_rooms_never_import_higher_ones():
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in ROOT.rglob("*.py")
        for other in imports(path)
        if level(other) > level(room(path)) or other in APART.get(room(path), set()) - {room(path)}
    ]
    assert wrong == []


def test_games_do_not_import_final_games():
    finals = {p.stem for p in (ROOT / "games").glob("[!_]*.py")}
    for path in (ROOT / "games").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                assert (node.module or "").split(".")[0] not in finals, f"{path.name} imports a final game"


def test_the_trainer_names_no_game():
    text = (ROOT / "training" / "trainer.py").read_text().lower()
    assert [p.stem for p in (ROOT / "games").glob("[!_]*.py") if p.stem in text and p.stem != "gan"] == []


def test_nothing_is_unpickled():
    for path in ROOT.rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"import pickle|pickle\.loads?\b|allow_pickle=True", text), path
        assert "weights_only=False" not in text, path
        assert text.count("torch.load(") == text.count("weights_only=True"), path
