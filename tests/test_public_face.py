"""What was importable stays importable, wherever it lies now, and nothing heavy is loaded before it is named."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import saddle

OLD = {
    "augment": "ADA",
    "data": "DataOptions",
    "dist": "gather",
    "errors": "UsageError",
    "events": "read",
    "game": "Move",
    "games": "__path__",
    "health": "Interrupted",
    "losses": "Hinge",
    "metrics": "evaluate",
    "nets": "__path__",
    "optim": "Adam",
    "penalties": "R1",
    "recipe": "Recipe",
    "registry": "names",
    "report": "write",
    "rng": "randn",
    "spec": "DataSpec",
}


def ran(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True).stdout


@pytest.mark.parametrize("name", OLD)
def test_a_module_is_an_attribute_of_the_package(name: str):
    assert hasattr(getattr(saddle, name), OLD[name])


def test_names_are_imported_from_where_they_were():
    """In a process of its own, where nobody has imported the modules by their new names."""
    lines = [f"from saddle.{name} import {member}" for name, member in OLD.items() if member != "__path__"]
    both = "from saddle.views import ADA as new; assert ADA is new; import saddle.game as g; assert g.Move is Move"
    where = "import saddle.tasks; assert saddle.tasks.__spec__.name == 'saddle.tasks'; print('done')"
    assert ran("\n".join([*lines, both, where])) == "done\n"


def test_everything_that_is_offered_is_there():
    new = {"Observer", "Run", "layers", "auxiliaries", "plugin", "score"}
    assert {"train", "load", "describe", *new, *OLD} <= {*saddle.__all__} == {*dir(saddle)}
    assert all(hasattr(saddle, name) for name in saddle.__all__)


def test_types_are_known_for_everything_that_is_offered():
    """What loads when it is named is imported where a type checker looks, under the same name."""
    tree = ast.parse(Path(saddle.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    names = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    names |= {
        name.id
        for node in block.body
        if isinstance(node, ast.Assign)
        for name in ast.walk(node.targets[0])
        if isinstance(name, ast.Name)
    }
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {*saddle.__all__} <= names | functions | {"__version__"}


def test_to_import_the_package_loads_no_torch():
    assert ran("import saddle, sys; print('torch' in sys.modules)") == "False\n"


def test_a_name_that_is_none_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = saddle.nonsense
    with pytest.raises(ModuleNotFoundError):
        import_module("saddle.nonsense")
