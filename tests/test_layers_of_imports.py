"""Who may import whom: every folder has a level, lower ones never see higher ones, and nothing runs in a circle."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from house import LEVELS, ROOT, imports, level, module, room

FILES = sorted(ROOT.rglob("*.py"))
MOST_LINES, MOST_OF_A_FUNCTION, MOST_AT_THE_ROOT = 400, 40, 12


def test_every_file_has_one_level():
    rooms = [name for names in LEVELS for name in names]
    assert len(rooms) == len(set(rooms))
    assert {room(path) for path in FILES} - {"recipes"} == set(rooms)


def test_lower_rooms_never_import_higher_ones():
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in FILES
        for other in imports(path)
        if room_of(other) != room(path) and level(room_of(other)) >= level(room(path))
    ]
    assert wrong == []


def test_nothing_is_imported_in_a_circle_inside_a_room_or_between_rooms():
    """Of files, with what they import only when it is needed."""
    graph = {module(path): imports(path) - {module(path)} for path in FILES if module(path)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_games_do_not_import_final_games():
    finals = {f"games.{path.stem}" for path in (ROOT / "games").glob("[!_]*.py")}
    for path in (ROOT / "games").glob("*.py"):
        assert not imports(path) & finals, f"{path.name} imports a final game"


def test_nobody_above_them_names_a_game_or_a_source():
    """In code, that is; docstrings may. A recipe has a game by default, and the extractor `digits` is no source. A
    discriminator is told of an image by projection, and a latent is found by an encoder, after which games are named.

    Nor is what a spec says of maps and of domains. The doctor's cures are commands, which name games. Whoever reads
    other people's weights says which game they are of.
    """
    names = {
        path.stem.replace("_", "-")
        for folder in ("games", "data/sources")
        for path in (ROOT / folder).glob("[a-z]*.py")
    }
    named = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in FILES
        if room(path) not in ("spec", "games", "data", "metrics", "doctor", "foreign")
        for name in _strings(path) & names
    }
    ways = {"export/facts.py: edges", "export/work.py: folder"}  # of an image; where files lie
    ways |= {
        "runs/searched.py: folder",
        "runs/latents.py: encoder",
        "cli/invert.py: encoder",
        "nets/judged.py: encoder",
    }
    assert named == {"runs/recipe.py: dcgan"} | ways


def _strings(path: Path) -> set[str]:
    """The strings in a file; a docstring is never just a name."""
    constants = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def test_the_training_loop_names_no_game():
    text = "".join(path.read_text().lower() for path in (ROOT / "training").glob("*.py"))
    names = {path.stem for path in (ROOT / "games").glob("[!_]*.py")} - {"gan"}
    assert {name for name in names if re.search(rf"\\b{name}\\b", text)} == set()


def room_of(name: str) -> str:
    return name.partition(".")[0]


def _functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]


def test_functions_and_files_are_small():
    long = [
        f"{path.relative_to(ROOT)}:{node.name} has {lines} lines"
        for path in FILES
        for node in _functions(path)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_OF_A_FUNCTION
    ]
    large = [f"{path.relative_to(ROOT)}" for path in FILES if len(path.read_text().splitlines()) > MOST_LINES]
    assert long + large == []
    assert len(list(ROOT.glob("*.py"))) <= MOST_AT_THE_ROOT


def test_nobody_above_the_games_asks_what_a_game_is():
    """No isinstance, issubclass or hasattr of a game: tasks answer for themselves."""
    tasks = {path.stem for path in (ROOT / "tasks").glob("[a-z]*.py")}
    wrong = []
    for path in (path for path in FILES if room(path) not in ("tasks", "games")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass", "hasattr"):
                asked = ast.unparse(node.args[1]).lower().split(".")[-1]
                if asked in tasks or asked in ("game", "task"):
                    wrong.append(str(path.relative_to(ROOT)))
    asking = {"runs/ingredients.py": 1, "runs/run.py": 1}  # `of`; `Run.as_`
    assert {file: wrong.count(file) for file in wrong} == asking


def test_nothing_is_unpickled():
    for path in FILES:
        text = path.read_text()
        assert not re.search(r"import pickle|pickle\\.loads?\\b|allow_pickle=True", text), path
        assert "weights_only=False" not in text, path
        assert text.count("torch.load(") == text.count("weights_only=True"), path
