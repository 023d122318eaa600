"""CONTRIBUTING.md does what it says: its files are put where it says, into a copy of Saddle, and tested there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILES = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL))
GAMES = {"d2gan", "geometric-gan"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and its tests, with the files of CONTRIBUTING.md added."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "src", house / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (house / "tests").mkdir()
    for path in [*(ROOT / "tests").glob("*.py"), ROOT / "pyproject.toml"]:
        shutil.copy(path, house / path.relative_to(ROOT))
    for path, content in FILES.items():
        assert not (ROOT / path).exists(), f"{path} is in the repository now; choose another example"
        (house / path).write_text(content, "utf-8")
    return house


def run(house: Path, *words: str) -> str:
    """What python -m … prints in the house; it must go well."""
    environment = os.environ | {"PYTHONPATH": str(house / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=house, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_examples_are_two_games_with_recipes_and_a_test():
    assert {Path(path).parent.name for path in FILES} == {"games", "recipes", "sources", "tests"}
    assert {Path(path).stem for path in FILES if path.endswith(".yaml")} == GAMES


def test_a_file_in_the_folder_is_a_game_and_a_command(house: Path):
    listed = run(house, "saddle", "list")
    assert all(f"\n  {name} " in listed for name in GAMES)


def test_describe_tells_the_moves_as_they_are_printed_here(house: Path):
    (printed,) = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert printed in run(house, "saddle", "describe", "d2gan")


def test_the_examples_pass_the_tests_that_every_game_has_and_their_own(house: Path):
    shared = [
        f"tests/test_{name}.py" for name in ("rounds", "registry", "recipe", "settings", "algorithm", "catalogue")
    ]
    of_both = "exactly or resumed or docstring or recipe or summary or formula or short_sentence or group_and"
    which = f"d2gan or geometric and ({of_both})"
    words = ["pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", which]
    said = run(house, *words, *shared, "tests/test_games_d2gan.py")
    passed = int(re.findall(r"(\d+) passed", said)[0])
    assert passed > 20, said


def test_the_source_is_listed_checked_and_trained_on(house: Path):
    small = ["--plan.rounds", "2", "--plan.batch", "4", "--plan.samples", "40", "--game.network.width", "4"]
    commands = [["data"], ["data", "check", "bars"], ["train", "dcgan", "--data", "bars", *small]]
    code = f"from saddle.cli import main\nfor words in {commands}: assert main(words) == 0"
    (house / "all_three.py").write_text(code)
    said = run(house, "all_three")
    assert all(word in said for word in ("\nbars", "640", "swd_multiple"))


def test_the_examples_are_formatted_like_the_rest(house: Path):
    files = [path for path in FILES if path.endswith(".py")]
    run(house, "ruff", "format", "--check", *files)
    run(house, "ruff", "check", *files)
