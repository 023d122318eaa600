"""The documentation is true: tables follow the code, commands parse, links lead somewhere, Python runs."""

import re
import shlex
import sys
from argparse import SUPPRESS
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import saddle
from saddle import cli
from saddle.base import guests
from saddle.base.errors import UsageError
from saddle.cli import train
from saddle.data import spec_of
from saddle.metrics.names import chosen
from saddle.runs import catalogue, registry
from saddle.runs.deciding import OWN
from saddle.runs.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = {"d2gan", "geometric-gan"}  # games that CONTRIBUTING.md adds

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(page.read_text("utf-8")) if language in languages]


def commands(page: Path) -> list[list[str]]:
    """The words after `saddle` of every command in a shell block or between backticks, but for a name alone."""
    shell = "\n".join(blocks(page, "sh", "bash")).replace("\\\n", " ")
    shell = re.sub(r"'([^'\n]*saddle [a-z][^'\n]*)'", r" \1 ", shell)  # a command in another one's quotes
    prose = FENCE.sub("", page.read_text("utf-8"))
    lines = re.findall(r"(?:^|-m |-m -- |exec )saddle ([^\n]*)", shell, re.MULTILINE)
    called = [" ".join(line.split()) for line in re.findall(r"`saddle ([^`]+)`", prose)]
    lines += [line for line in called if line not in cli.commands()]
    return [shlex.split(line.partition(" > ")[0], comments=True) for line in lines]


def check(words: list[str]) -> None:
    """UsageError for an option, setting, game or metric that does not exist."""
    name, *rest = words
    if name in ("--help", "COMMAND") or words == ["evaluate", "--list"]:  # these print and leave
        return
    args = cli.parse(import_module(f"saddle.cli.{name}"), rest)
    for plugin in filter(Path.is_file, (ROOT / plugin for plugin in args.plugin)):
        del guests._plugged[
            saddle.plugin(str(plugin)).__name__
        ]  # its game is known from now on; other tests ask for all
    game = getattr(args, "game", None)
    if name in ("train", "describe") and game not in EXAMPLES | {"GAME", "…"}:
        source = args.settings.get("data.source", args.settings.get("data"))
        mine = (
            Recipe.read(OWN / "images.yaml") if re.match("[A-Z]{2}", game or "") else None
        )  # a folder of the reader's
        (mine or Recipe.default(game or "dcgan", source)).change(args.settings)
    if getattr(args, "metrics", None):
        chosen(args.metrics.split(","))


@by_page
def test_every_command_that_is_written_down_exists_with_its_options(page: Path):
    for words in commands(page):
        check(words)


def test_commands_are_found_and_wrong_ones_noticed():
    assert ["train", "dcgan", "--data", "folder:photos", "--data.size", "64"] in commands(ROOT / "README.md")
    assert sum(len(commands(page)) for page in PAGES) > 40
    for wrong in (
        "train dcgn",
        "train dcgan --plan.batsch 3",
        "sample runs/a --oout b.png",
        "evaluate a --metrics fidd",
    ):
        with pytest.raises(cli.UsageError):
            check(wrong.split())


def begin(words: list[str]) -> None:
    """Build the game of a `train` command. UsageError for settings that do not exist or cannot go together."""
    args = cli.parse(train, words[1:])
    recipe = Recipe.default(args.game or "dcgan", args.settings.get("data")).change(args.settings)
    registry.load(recipe.game)(spec_of(recipe.data), recipe.options)


@pytest.mark.parametrize("name", ["guide.md", "parts.md"])
def test_games_can_be_built_with_the_settings_that_the_page_shows(name: str):
    shown = [words for words in commands(ROOT / "docs" / name) if words[0] == "train"]
    on_data_here = [words for words in shown if not re.search(r"[a-z]:|--run|--config", " ".join(words))]
    assert len(on_data_here) > {"guide.md": 4, "parts.md": 30}[name]
    for words in on_data_here:
        begin(words)


def test_settings_that_do_not_exist_or_cannot_go_together_are_noticed():
    for wrong in ("--game.penalties R3", "--game.network.spektral true", "--game.penalties R1"):  # R1 beside batch norm
        with pytest.raises(UsageError):
            begin(["train", "dcgan", *wrong.split()])


def test_tables_and_generated_pages_follow_the_code(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    stale = import_module("tables").stale()
    names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
    assert not stale, f"out of date: {names}; run python tools/tables.py --write"


def test_the_reference_has_every_option_of_every_command_and_every_public_function():
    for name in cli.commands():
        page = (ROOT / "docs" / "reference" / f"{name}.md").read_text("utf-8")
        for action in cli.parser_of(import_module(f"saddle.cli.{name}"))._actions:
            assert all(f"`{option}" in page for option in action.option_strings if action.help != SUPPRESS), name
    page = (ROOT / "docs" / "reference" / "python-saddle.md").read_text("utf-8")
    for each in ("train", "load", "score", "describe", "Run", "Run.sample", "Run.translate", "Score"):
        assert re.search(rf"^###? {re.escape(each)}$", page, re.MULTILINE), each


def test_the_readme_has_a_line_for_every_game_and_no_cell_that_stops_in_mid_sentence():
    text = (ROOT / "README.md").read_text("utf-8")
    table = text.partition("<!-- games -->")[2].partition("<!-- /games -->")[0]
    told = dict(re.findall(r"^\| \[`([^`]+)`\]\S+ \| ([^|]+) \|", table, re.MULTILINE))
    assert sorted(told) == registry.names()
    assert {name: words.removesuffix(" **Begin here.**") for name, words in told.items()} == {
        name: catalogue.entry(name).in_short for name in told
    }


@by_page
def test_relative_links_and_pictures_lead_somewhere(page: Path):
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        file, _, heading = target.partition("#")
        place = page.parent / file if file else page
        assert place.is_file(), f"{page.name} links to {target}, which is not there"
        if heading:
            headings = re.findall(r"^#+ (.+)$", place.read_text("utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


@by_page
def test_no_page_names_a_place_on_somebodys_machine(page: Path):
    assert not re.search(r"(?<![\w.~:])/(work|home|root|tmp|Users|opt)/", page.read_text("utf-8"))


@by_page
def test_python_blocks_compile(page: Path):
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


def files(entry: object) -> list[str]:
    """The pages in a part of the navigation, at any depth."""
    if isinstance(entry, str):
        return [entry]
    return [file for part in (entry.values() if isinstance(entry, dict) else entry) for file in files(part)]


def test_every_page_of_the_site_is_in_its_navigation_once():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    assert sorted(files(nav)) == sorted(str(path.relative_to(ROOT / "docs")) for path in DOCS)


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(ROOT / "README.md", "python")
    assert code.count("minutes=2") == 1
    short = 'rounds=1, settings={"plan.pictures": 1, "plan.scores": 0, "game.network.width": 8}, quiet=True'
    names: dict = {}
    exec(code.replace("minutes=2", short), names)
    assert names["images"].shape == (64, 1, 32, 32)
    assert "fid " in capsys.readouterr().out


def test_the_shortest_loop_of_the_python_page_plays_a_game():
    block = blocks(ROOT / "docs" / "python.md", "python")[-1]
    names: dict = {}
    exec(block, names)
    assert names["images"].shape == (8, 1, 32, 32)
    assert "saddle" in sys.modules
