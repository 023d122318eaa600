"""Killed at any moment and resumed, a run ends as the one that was never stopped, to the last bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from saddle.base import events
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
