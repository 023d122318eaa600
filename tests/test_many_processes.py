"""`torchrun -m saddle train`: processes stop after the same round, save once, and go on in any number."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import saddle
from saddle.base import events
from saddle.base.folder import RunFolder
from saddle.runs.recipe import Recipe
from saddle.training.checkpoint import Checkpoints

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "saddle"]
SETTINGS = {"plan.batch": 4, "plan.precision": "fp64", "plan.log_every": 1, "plan.pictures": 2}
SETTINGS |= {"plan.scores": 2, "plan.minutes": 0.07}
SETTINGS |= {
    "game.network": "MLP",
    "game.network.width": 8,
    "game.penalties": "GradientPenalty",
    "game.discriminator_steps": 5,
}
SETTINGS |= {"game.optim.schedule": "Linear"}  # moves at once, so that both copies keep the rounds of the first pace


def torchrun(place: Path, plugin: str) -> subprocess.Popen:
    """Two processes that train a guest in the default folder below `place`: torchrun has a --run of its own."""
    words = ["train", "toy-guest", "--plugin", plugin, "--data", "ring", "--device", "cpu"]
    words += [f"--{name}={value}" for name, value in SETTINGS.items()]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*TORCHRUN, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=place
    )


def told(folder: Path, kind: str) -> list[dict]:
    return [e for e in events.read(folder / "events.jsonl") if e["event"] == kind]


@pytest.fixture(scope="module")
def stopped(toys, tmp_path_factory) -> tuple[Path, str]:
    """A run of two processes, whose launcher got SIGTERM after the first round, and what they printed."""
    place = tmp_path_factory.mktemp("ranks")
    folder = place / "runs" / "toy-guest-ring"
    launcher = torchrun(place, toys.__file__)
    while launcher.poll() is None and len(told(folder, "round")) < 1:  # a busy machine has few rounds
        time.sleep(0.05)
    launcher.send_signal(signal.SIGTERM)
    return folder, launcher.communicate()[0]


@pytest.fixture(scope="module")
def resumed(stopped, toys, tmp_path_factory) -> tuple[Path, Path]:
    """The stopped run, gone on with by two processes and, in a copy, by one."""
    copy = tmp_path_factory.mktemp("one") / "run"
    shutil.copytree(stopped[0], copy)
    launcher = torchrun(stopped[0].parents[1], toys.__file__)
    out = launcher.communicate()[0]
    assert launcher.returncode == 0, out
    saddle.train("toy-guest", "ring", copy, settings=SETTINGS, device="cpu", quiet=True)
    return stopped[0], copy


def test_a_launcher_that_is_told_to_stop_leaves_one_saved_round(stopped):
    folder, said = stopped
    stop = told(folder, "stop")[-1]
    assert stop["reason"] == "interrupted", said
    assert said.count(f"SIGTERM received: saved after round {stop['round']}") == 2, "not both processes"
    kept = Checkpoints(folder / "checkpoints")
    assert kept.rounds()[-1] == stop["round"]
    saved = [e["round"] for e in told(folder, "save")]  # at marks of a plan in minutes, too, which a busy machine meets
    assert saved.count(stop["round"]) == 1
    assert kept.load(stop["round"]).facts["round"] == stop["round"]


def test_minutes_become_the_same_number_of_rounds_on_every_process(resumed):
    """The processes agree when to stop measuring; the number is kept when others go on."""
    for folder in resumed:
        starts = told(folder, "start")
        assert len({e["rounds"] for e in starts}) == 1
        assert told(folder, "stop")[-1] == told(folder, "stop")[-1] | {
            "reason": "finished",
            "round": starts[0]["rounds"],
        }
    assert [e["processes"] for e in told(resumed[0], "start")] == [2, 2]
    assert [e["processes"] for e in told(resumed[1], "start")] == [2, 1]


def test_a_run_goes_on_with_another_number_of_processes(resumed):
    """Two processes and one end alike, to rounding, in weights, averages and optimizers."""
    two, one = (Checkpoints(folder / "checkpoints") for folder in resumed)
    last = one.rounds()[-1]
    assert last == two.rounds()[-1]
    for group, tensors in one.load(last).tensors.items():
        for name, tensor in tensors.items():
            gap = (two.load(last).tensors[group][name].double() - tensor.double()).abs().max()
            assert gap < 1e-9, f"{group}: {name} differs by {gap}"


def test_all_processes_draw_for_the_final_scores_which_are_those_of_one(resumed):
    two, one = (RunFolder(folder).scores() for folder in resumed)
    assert [s["name"] for s in two] == ["high_quality", "modes", "mode_kl"]
    assert json.dumps(two) == json.dumps(one)


def test_the_log_has_every_round_once(resumed):
    for folder in resumed:
        rounds = [e["round"] for e in told(folder, "round")]
        assert rounds == list(range(1, rounds[-1] + 1))
    assert torch.isfinite(saddle.load(resumed[0], device="cpu").sample(4)).all()


def test_a_guest_from_a_file_trains_and_goes_on_in_all_processes(resumed, toys):
    """Its class, and its loss, are those of the file, in two processes and in one that goes on."""
    for folder in resumed:
        assert Recipe.read(folder / "recipe.yaml").modules == ("toy_guests",)
        game = saddle.load(folder, device="cpu").game
        assert (type(game), type(game.options.loss)) == (toys.ToyGuest, toys.Tilted)


LEAVING = """
import weakref, torch
from saddle import dist
with dist.processes(torch.device("cpu")):
    group = weakref.ref(torch.distributed.group.WORLD)
    with torch.compiler.set_stance("force_eager"):  # imports torch.compile, as a penalty does
        pass
assert group() is None, "something holds the group, and its threads"
"""


def test_nothing_outlives_the_group():
    """Threads of a group that is still there when Python ends can abort a process whose work was done."""
    alone = {"WORLD_SIZE": "1", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    done = subprocess.run([sys.executable, "-c", LEAVING], env=os.environ | alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
