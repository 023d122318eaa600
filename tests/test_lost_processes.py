"""A process that dies or hangs ends the others with a sentence, and never because one is busy; the run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from losing import FATAL, WAYS, WORDS

from saddle.base import events
from saddle.training.checkpoint import Checkpoints

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
GONE = "saddle: another process of this training is gone: "
GOES_ON = "; the checkpoints are intact, and the same command goes on"


@pytest.fixture(scope="module")
def lost(tmp_path_factory) -> tuple[Path, dict[str, list[int]]]:
    """The folder of all ways to lose a process, and the exit codes of both in each."""
    place = tmp_path_factory.mktemp("lost")
    command = [sys.executable, str(Path(__file__).with_name("losing.py")), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["way"] for line in told] == list(WAYS)
    return place, {line["way"]: line["codes"] for line in told}


def said(place: Path, way: str, rank: int) -> str:
    return (place / way / f"{rank}.txt").read_text()


@pytest.mark.parametrize(
    ("way", "survivor", "why"),
    [
        ("second killed", 0, "the connection to it broke"),
        ("first killed", 1, "the connection to it broke"),
        ("second killed, first busy", 0, "process 1 has ended"),
        ("second failed", 0, "the connection to it broke"),
        ("second stopped", 0, "nothing came from process 1 for 2 seconds"),
        ("first stopped", 1, "nothing came from process 0 for 2 seconds"),
    ],
)
def test_who_is_left_says_it_in_a_sentence_and_that_the_same_command_goes_on(way, survivor, why, lost):
    place, codes = lost
    assert codes[way][survivor] == 75
    words = said(place, way, survivor)
    assert words.splitlines()[-1] == GONE + why + GOES_ON
    assert "Traceback" not in words
    assert "frame #" not in words


def test_the_log_has_the_sentence_too(lost):
    stop = events.read(lost[0] / "second killed" / "run" / "events.jsonl")[-1]
    assert (stop["event"], stop["reason"]) == ("stop", "stopped")
    assert stop["message"].startswith("another process of this training is gone")


@pytest.mark.parametrize("way", ["whole", "first busy", "first late"])
def test_a_process_that_works_while_the_other_waits_is_not_gone(way, lost):
    assert lost[1][way] == [0, 0], said(lost[0], way, 1)


def test_a_launcher_that_restarts_gets_the_run_that_was_never_disturbed(lost, tmp_path):
    """`torchrun --max-restarts 1`, one process killed: all tensors are the same bits."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", "1", "--monitor-interval", "0.1", "-m", "saddle", "train", *WORDS]
    log = tmp_path / "run" / "events.jsonl"
    with (tmp_path / "said.txt").open("w+") as out:
        launcher = subprocess.Popen(
            [*command, "--folder", str(tmp_path / "run")], stdout=out, stderr=out, env=ENVIRONMENT
        )
        while launcher.poll() is None and not any(e.get("round", 0) >= FATAL for e in events.read(log)):
            time.sleep(0.01)
        os.kill(second_of(launcher.pid), signal.SIGKILL)
        launcher.wait()
        out.seek(0)
        assert launcher.returncode == 0, out.read()
    assert [e["event"] for e in events.read(log)].count("start") == 2
    whole, again = (Checkpoints(p / "checkpoints").load(6) for p in (lost[0] / "whole" / "run", tmp_path / "run"))
    assert {**whole.facts, "seconds": 0} == {**again.facts, "seconds": 0}
    for group, tensors in whole.tensors.items():
        assert tensors.keys() == again.tensors[group].keys()
        assert [k for k, t in tensors.items() if not t.equal(again.tensors[group][k])] == [], group


def second_of(launcher: int) -> int:
    """The process that the launcher gave rank 1."""
    for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
        if b"RANK=1" in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            return int(child)
    raise AssertionError("no process has rank 1")
