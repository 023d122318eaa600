"""Killed at any moment and resumed, a run ends as the one that was never stopped, to the last bit."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from house import ROOT
from killing_games import EVERYWHERE, FAMILIES

from saddle.base import events
from saddle.runs import registry
from saddle.tasks import Game
from saddle.training.checkpoint import Checkpoints


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> tuple[Path, Path, list[str]]:
    """The folder of a run left alone, of one killed again and again, and how it was."""
    folder = tmp_path_factory.mktemp("kill")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "SADDLE_CACHE": str(folder / "cache")}
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "whole", folder / "killed", done.stdout.splitlines()


def test_the_kills_fell_into_rounds_saves_and_removals(killed):
    told = killed[2]
    assert told.count("in a save -9") == 4
    assert told.count("in a removal -9") == 1
    assert "at random -9" in told


def test_a_killed_run_ends_with_the_same_bytes(killed):
    """Weights, averages, optimizers, buffers, and the place in the data."""
    whole, victim = (Checkpoints(folder / "checkpoints") for folder in killed[:2])
    assert whole.rounds() == victim.rounds() == [11, 12]
    for name in ("game", "averages", "optimizers"):
        files = [kept.path(12) / f"{name}.safetensors" for kept in (whole, victim)]
        assert files[0].read_bytes() == files[1].read_bytes(), name
    facts = [json.loads((kept.path(12) / "facts.json").read_text()) for kept in (whole, victim)]
    for entry in facts:
        del entry["seconds"]
    assert facts[0] == facts[1]


def test_nothing_half_done_is_left(killed):
    assert sorted(p.name for p in (killed[1] / "checkpoints").iterdir()) == ["round-0000011", "round-0000012"]


def test_the_log_of_a_killed_run_reads_as_one(killed):
    """Every round once, with the same losses, and the same pictures."""
    whole, victim = (
        {e["round"]: e["losses"] for e in events.read(folder / "events.jsonl") if e["event"] == "round"}
        for folder in killed[:2]
    )
    assert list(whole) == list(victim) == list(range(1, 13))
    assert whole == victim
    pictures = [{p.name: p.read_bytes() for p in (folder / "samples").glob("round*.png")} for folder in killed[:2]]
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) == 4
    assert (killed[1] / "report.html").exists()


@pytest.fixture(scope="module")
def games(tmp_path_factory) -> tuple[Path, list[str]]:
    """The folder of the games that were left alone and of those that were killed, and how they were."""
    return killed_games(tmp_path_factory.mktemp("games"), every=3)


def killed_games(folder: Path, every: int) -> tuple[Path, list[str]]:
    """Games of all families, and one killed at its first step on the disk and then at later ones, so many further."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "SADDLE_CACHE": str(folder / "cache")}
    command = [sys.executable, str(Path(__file__).with_name("killing_games.py")), str(folder), str(every)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout.splitlines()


def test_every_family_has_a_game_that_is_killed():
    played = {base.__module__ for game in FAMILIES for base in registry.load(game).__mro__}
    modules = [import_module(f"saddle.games.{path.stem}") for path in (ROOT / "games").glob("_[a-z]*.py")]
    families = {kind.__module__ for module in modules for kind in vars(module).values() if is_game(kind)}
    assert {name for name in families if name.startswith("saddle.games._")} - played == set()


def is_game(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Game)


def check_steps(told: list[str], every: int) -> None:
    steps = [line for line in told if line.startswith(EVERYWHERE)]
    ends = [0 if n + 1 == len(steps) else -9 for n in range(len(steps))]
    assert steps == [f"{EVERYWHERE} step {1 + n * every} {end}" for n, end in enumerate(ends)]
    assert len(steps) * every > 25, "a save alone has more steps"


def test_one_game_is_killed_at_every_third_step_on_the_disk_until_it_comes_through(games):
    check_steps(games[1], every=3)


@pytest.mark.full
def test_one_game_is_killed_at_each_step_on_the_disk_until_it_comes_through(tmp_path):
    games = killed_games(tmp_path, every=1)
    check_steps(games[1], every=1)
    test_a_killed_game_ends_with_the_same_bits(EVERYWHERE, games)
    test_a_killed_game_leaves_the_files_of_one_that_was_not(EVERYWHERE, games)


@pytest.mark.parametrize("game", [EVERYWHERE, *FAMILIES])
def test_a_killed_game_ends_with_the_same_bits(game, games):
    """Weights, buffers, averages, optimizers, facts, losses and pictures."""
    folders = [games[0] / fate / game for fate in ("whole", "killed")]
    whole, victim = (Checkpoints(folder / "checkpoints").load(2) for folder in folders)
    assert {**whole.facts, "seconds": 0} == {**victim.facts, "seconds": 0}
    assert whole.tensors.keys() == victim.tensors.keys()
    for group, tensors in whole.tensors.items():
        assert tensors.keys() == victim.tensors[group].keys()
        assert [k for k, t in tensors.items() if not t.equal(victim.tensors[group][k])] == [], group
    losses = [[e["losses"] for e in events.read(f / "events.jsonl") if e["event"] == "round"] for f in folders]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 2
    pictures = [{p.name: p.read_bytes() for p in (folder / "samples").iterdir()} for folder in folders]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("game", [EVERYWHERE, *FAMILIES])
def test_a_killed_game_leaves_the_files_of_one_that_was_not(game, games):
    whole, victim = (
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
        for folder in (games[0] / fate / game for fate in ("whole", "killed"))
    )
    assert whole == victim
    assert "scores.json" in whole
