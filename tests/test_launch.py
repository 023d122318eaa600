"""`python -m saddle.launch`: torchrun whose exit code says whether the same command goes on."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest
from torch.distributed import run
from torch.distributed.elastic.rendezvous import RendezvousConnectionError

from saddle import launch
from saddle.training.health import Signals


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    kinds = [getattr(signal, f"SIG{name}") for name in ("TERM", "INT", "HUP", "QUIT", "USR1")]
    before = {kind: signal.getsignal(kind) for kind in kinds}
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


def launched(shell: str, processes: int = 2) -> int:
    """The exit code after processes that run a line of shell."""
    words = ["--standalone", "--nproc-per-node", str(processes), "--monitor-interval", "0.05"]
    return launch.launch([*words, "--no-python", "sh", "-c", shell])


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ("exit 0", 0),
        ("exit 75", 75),
        ("kill -USR1 $$$$", 75),
        ("exit 1", 78),
        ("exit 2", 78),
        ("kill -KILL $$$$", 78),
        ("test $RANK = 0 && exit 1; sleep 0.2; exit 75", 78),
    ],
)
def test_the_code_is_0_when_all_is_done_75_when_all_can_go_on_and_78_when_one_failed(shell, code):
    assert launched(shell) == code


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_reaches_the_processes_which_have_time_to_save(kind: signal.Signals, tmp_path: Path):
    name = kind.name.removeprefix("SIG")
    shell = (
        f"trap 'sleep 0.3; touch {tmp_path}/saved; exit 75' {name}; touch {tmp_path}/on; while :; do sleep 0.05; done"
    )

    def tell() -> None:
        if (tmp_path / "on").exists():
            os.kill(os.getpid(), kind)
        else:
            later()

    def later() -> None:
        Timer(0.2, tell).start()

    later()
    assert launched(shell, processes=1) == 75
    assert (tmp_path / "saved").exists()


def test_machines_that_do_not_find_each_other_try_again(monkeypatch, capsys):
    def lost(words: list[str]) -> None:
        raise RendezvousConnectionError("no connection to the first machine")

    monkeypatch.setattr(run, "main", lost)
    assert launch.launch([]) == 75
    assert capsys.readouterr().err == "saddle: no connection to the first machine; the same command goes on\n"


@pytest.mark.parametrize("given", ["0", "256", "-1", "x", "", "1.5"])
def test_another_number_for_75_is_an_exit_code(given, monkeypatch, capsys):
    monkeypatch.setenv("SADDLE_AGAIN", given)
    assert launch.main() == 2
    assert f"SADDLE_AGAIN is an exit code from 1 to 255, not '{given}'" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (75, 143), (78, 78)])
def test_another_number_stands_for_75_alone(code, seen, monkeypatch):
    monkeypatch.setenv("SADDLE_AGAIN", "143")
    monkeypatch.setattr(launch, "launch", lambda words: code)
    assert launch.main() == seen


def test_what_torchrun_does_not_know_is_2(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["saddle.launch", "--nonsense", "x.py"])
    with pytest.warns(UserWarning, match="fault handler"):  # of torch, which wants a file for what pytest has taken
        assert launch.main() == 2
    assert "usage: saddle.launch" in capsys.readouterr().err


def test_under_torchrun_a_second_signal_does_not_leave_before_all_is_saved(monkeypatch):
    """Slurm tells every process of a job, and torchrun hands on what it was told."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    said: list[str] = []
    with Signals(said.append) as signals:
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGUSR1)
    assert signals.received == "SIGUSR1"
    assert said == ["finishing the round, then saving"]
