"""What is said: never a reason to stop, readable in any encoding, and no commands to the terminal."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import speaking

from saddle import cli
from saddle.base import telling
from saddle.base.errors import SaddleError, remark
from saddle.base.folder import RunFolder
from saddle.cli import _show, main
from saddle.cli import list as list_command
from saddle.data.cache import in_parallel
from saddle.runs.introduction import noted
from saddle.runs.voice import Voice
from saddle.show.outlet import Outlet
from saddle.training.health import Signals

HERE = Path(__file__).parent
GONE = [speaking.after_one_line, speaking.full, speaking.closed, speaking.hung_up]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory) -> tuple[Path, dict[str, int]]:
    """The folder of trainings whose readers are gone, and the exit codes."""
    folder = tmp_path_factory.mktemp("spoken")
    paths = os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(HERE / "speaking.py"), str(folder)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=300, check=True
    )
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("how", [prepare.__name__ for prepare in GONE])
def test_a_training_goes_on_to_its_end_when_nobody_can_be_told(how, spoken):
    folder, codes = spoken
    assert codes[how] == 0
    run = RunFolder(folder / how)
    assert (run.status, run.stop()["round"], run.report.exists()) == ("finished", 4, True)
    assert (folder / f"{how}.txt").read_text() == ""
    assert [event["round"] for event in run.events("round")] == [1, 2, 3, 4]  # nothing said is in the log


def test_a_mistake_keeps_its_exit_code_when_nobody_can_be_told(spoken):
    assert (spoken[1]["mistake"], spoken[1]["mistake, closed"]) == (2, 2)


def test_long_commands_whose_reader_is_gone_end_well(spoken):
    folder, codes = spoken
    assert (codes["evaluate"], codes["benchmark"], codes["list"]) == (0, 0, 0)
    assert [RunFolder(run).status for run in sorted((folder / "bench").glob("wgan-gp*"))] == ["finished"]
    assert "Traceback" not in "".join(file.read_text() for file in folder.glob("*.txt"))


def test_results_that_could_not_be_written_are_a_failure(spoken):
    folder, codes = spoken
    assert (codes["list, full"], (folder / "list-full.txt").read_text()) == (1, "saddle: No space left on device\n")


class Broken(io.StringIO):
    """Somebody's stream, which fails after some writes in its own way."""

    def __init__(self, error: Exception, good: int = 0):
        super().__init__()
        self.error, self.good = error, good

    def write(self, text: str) -> int:
        if not self.good:
            raise self.error
        self.good -= 1
        return super().write(text)


@pytest.mark.parametrize("error", [OSError(5, "EIO"), ValueError("closed"), RuntimeError("kernel died")])
def test_an_outlet_drops_all_after_the_first_failure(error):
    stream = Broken(error, good=1)
    outlet = Outlet(stream)
    for word in ("one", "two"):
        print(word, end="", file=outlet, flush=True)
    stream.good = 5
    print("three", file=outlet, flush=True)
    assert stream.getvalue() == "one"


def test_an_outlet_waits_for_nobody_and_goes_on_once_a_slow_reader_is_ready():
    stream = Broken(BlockingIOError())
    outlet = Outlet(stream)
    outlet.write("lost")
    stream.good = 1
    outlet.write("heard")
    assert stream.getvalue() == "heard"


def test_a_display_that_fails_makes_the_voice_a_quiet_one(monkeypatch):
    voice = Voice()
    monkeypatch.setattr("saddle.show.progress.Progress.update", lambda *_: 1 / 0)
    with voice.playing(4, 1, "gan"):
        voice.news(1, 1.0, 1.0, {"losses": {}, "notes": {}})
        voice.news(2, 1.0, 1.0, {"losses": {}, "notes": {}})
        voice.say("after it")
    assert voice.quiet


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("ascii", b"3x3 +- 1, \\u03b1 ... \\udc80"), ("latin-1", b"3\xd73 \xb1 1, \\u03b1 ... \\udc80")],
)
def test_what_an_encoding_lacks_is_replaced_by_what_a_typewriter_has(encoding, said):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    Outlet(stream).write("3×3 ± 1, α … \udc80")
    assert raw.getvalue() == said


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert main([*speaking.TRAIN, "--run", str(folder), "--quiet"]) == 0
    return folder


def in_ascii(argv: list[str], monkeypatch) -> tuple[int, str]:
    """A command's exit code and what it says, where standard output and error are ASCII."""
    raw = io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    return main(argv), raw.getvalue().decode("ascii")


ARGUMENTS = {
    "describe": ["vae"],
    "data": ["check", "digits"],
    "train": ["--run", "RUN"],
    "benchmark": ["modes", "--games", "no-game"],
    **{name: ["RUN"] for name in ("sample", "interpolate", "traverse", "report", "info", "encode", "reconstruct")},
    "evaluate": ["RUN", "-n", "50"],
    "score": ["RUN", "none"],
    **{name: ["RUN", "none.png"] for name in ("translate", "restore", "detect", "calibrate", "attribute", "classify")},
    "invert": ["RUN", "none.png"],
    "apply": ["RUN", "animate"],
    "palette": ["RUN", "--out", "none.gpl"],
    "styles": ["RUN", "--out", "none.png"],
    "list": [],
    "rate": ["RUN"],
    "doctor": ["RUN"],
    "export": ["RUN", "--to", "none"],
    "import": ["none.pth", "--as", "cyclegan"],
    "compare": ["RUN", "RUN"],
    "search": ["--run", "RUN"],
    "cluster": ["slurm", "dcgan", "--time", "04:00:00"],
}


@pytest.mark.parametrize("command", cli.commands())
def test_every_command_speaks_ascii_where_nothing_else_is_understood(command, trained, monkeypatch):
    argv = [str(trained) if word == "RUN" else word for word in ARGUMENTS[command]]
    assert in_ascii([command, "--help"], monkeypatch)[0] == 0
    code, said = in_ascii([command, *argv], monkeypatch)
    assert said
    assert code == 0 or (code == 2 and "saddle: " in said)
    if command in ("describe", "data", "train", "sample", "report", "info", "evaluate", "list"):
        assert code == 0


def test_json_is_json_in_any_encoding(monkeypatch):
    value = {"name": "é × α \N{CAT}"}
    monkeypatch.setattr(list_command, "run", lambda args: _show.json(value))
    code, said = in_ascii(["list"], monkeypatch)
    assert (code, json.loads(said)) == (0, value)


def test_control_characters_are_shown_and_not_sent(monkeypatch, capsys):
    def fail(args: object) -> None:
        raise SaddleError("no class '\x1b[2Jcat\udcff'")

    monkeypatch.setattr(list_command, "run", fail)
    assert main(["list"]) == 1
    Voice().say("data: \x1b]0;title\x07")
    said = capsys.readouterr()
    assert said.err == "saddle: no class '\\x1b[2Jcat\\udcff'\n"
    assert said.out == "data: \\x1b]0;title\\x07\n"


def test_a_system_without_locks_is_told_which_ones_there_are():
    code = "import sys; sys.modules['fcntl'] = None; from saddle.cli import main; sys.exit(main(['train']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("saddle: Saddle runs on Linux and macOS, and on Windows within WSL")
    assert len(done.stderr.splitlines()) == 1


def test_a_training_says_first_what_it_is_and_last_what_comes_next(folder, capsys):
    assert main([*speaking.TRAIN, "--run", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "starting wgan-gp on ring; PyTorch is loading"
    assert lines[1].startswith("wgan-gp on ring: ")
    assert lines[2].startswith("parameters: generator ")
    assert "; on cpu with " in lines[2]
    assert lines[3] == f"4 rounds of 4 samples; the run is kept in {folder}"
    assert lines[-2:] == [f"the report: {folder / 'report.html'}", f"what next: saddle sample {folder}"]


def test_quiet_says_nothing_at_all(folder, capfd):
    assert main([*speaking.TRAIN, "--run", str(folder), "--quiet"]) == 0
    Voice(quiet=True).at_once("stopping")
    assert capfd.readouterr() == ("", "")


def test_notes_of_the_data_are_said_if_they_say_something():
    notes = {"files": 9, "skipped": 0, "without a caption": 3, "ignored": {".txt": 2, ".csv": 1}, "none": {}}
    notes |= {"pages": "3 files have further pages"}
    said = ["3 without a caption", "ignored: 2 .txt, 1 .csv", "3 files have further pages"]
    assert list(noted(notes)) == said


def test_what_long_work_does_is_heard_by_a_listener_alone():
    heard: list[tuple[str, int, int]] = []
    telling.now("before")
    with telling.heard(lambda *news: heard.append(news)):
        assert list(telling.each("counting", "ab", 2)) == ["a", "b"]
        assert list(telling.each("nothing", "", 0)) == []
        telling.now("resting")
    telling.now("after")
    assert heard == [("counting", 0, 2), ("counting", 1, 2), ("counting", 2, 2), ("resting", 0, 0)]


def test_reading_is_counted_and_the_log_is_said_by_a_voice_that_listens(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("saddle.show.progress.monotonic", lambda: clock[0])
    voice, log = Voice(), logging.getLogger("saddle.data.cache")

    def read(i: int) -> int:
        clock[0] = 3.0 * i
        return i

    with voice.listening():
        assert in_parallel(read, 5) == [0, 1, 2, 3, 4]
        log.info("taken from elsewhere")
    log.info("nobody hears this")
    said = capsys.readouterr()
    assert said.err.splitlines()[0] == "reading images: 0 of 5"
    assert said.out == "taken from elsewhere\n"
    assert not voice.quiet


def test_whoever_stops_the_reading_does_not_wait_for_the_images_being_read():
    def read(i: int) -> None:
        if i == 0:
            raise MemoryError
        stop.wait(20)

    stop = threading.Event()
    before = time.monotonic()
    with pytest.raises(MemoryError):
        in_parallel(read, 100)
    assert time.monotonic() - before < 10  # and not the 20 seconds that one image takes
    stop.set()


def test_the_answer_to_a_signal_comes_at_once(capfd):
    with Signals(Voice().at_once):
        signal.raise_signal(signal.SIGTERM)
        said = capfd.readouterr().err
        assert said.startswith("saddle: finishing the round, then saving; another Ctrl-C leaves at once, and the last ")


def test_a_remark_shows_what_a_terminal_would_obey(capsys):
    remark("folder \x1b[2J is left out")
    assert capsys.readouterr().err == "saddle: folder \\x1b[2J is left out\n"
