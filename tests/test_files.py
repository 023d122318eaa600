"""What is written is whole, readable by whom the umask says, and leaves nothing behind when its writer is killed."""

import fcntl
import os
import shlex
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from small import tiny_recipe

from saddle.base import files
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.data import cache
from saddle.runs import scoring
from saddle.runs.session import train


def killed(work: Callable[[], object]) -> None:
    """Do it in a process that is killed when it waits for the disk."""
    child = os.fork()
    if not child:
        os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@contextmanager
def stopped(work: Callable[[], object]) -> Iterator[int]:
    """A process that does it and stands still where it waits for the disk; it has ended afterwards."""
    child = os.fork()
    if not child:
        os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGSTOP)
        work()
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_that_was_never_finished_goes_with_the_next_attempt(tmp_path):
    path = files.replace(tmp_path / "scores.json", b"old")
    killed(lambda: files.replace(path, b"lost"))
    assert names(tmp_path) == [".scores.json.part", "scores.json"]
    assert path.read_bytes() == b"old"
    files.replace(path, b"new")
    assert names(tmp_path) == ["scores.json"]
    assert path.read_bytes() == b"new"


def test_two_who_write_the_same_file_do_not_meet(tmp_path, monkeypatch):
    """The second one begins and ends while the first waits for the disk."""
    path, sync = tmp_path / "scores.json", os.fsync

    def syncing(handle: int) -> None:
        sync(handle)
        if len(names(tmp_path)) == 1:
            files.replace(path, b"second")
            RunFolder(tmp_path).clean()  # must not touch what the first one is writing

    monkeypatch.setattr(os, "fsync", syncing)
    files.replace(path, b"first")
    assert names(tmp_path) == ["scores.json"]
    assert path.read_bytes() == b"first"


def test_a_file_that_is_cleared_before_it_is_locked_is_begun_again(tmp_path, monkeypatch):
    lock, cleared = fcntl.flock, []

    def locking(handle: int, how: int) -> None:
        if how == fcntl.LOCK_EX and not cleared:
            cleared.append(RunFolder(tmp_path).clean())
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", locking)
    assert files.replace(tmp_path / "scores.json", b"whole").read_bytes() == b"whole"
    assert len(cleared) == 1


def test_training_begins_in_a_folder_without_leftovers(tmp_path, monkeypatch):
    """Neither half a first recipe, nor what a later kill left."""
    monkeypatch.setattr(scoring, "defaults", lambda *_: [])
    folder, recipe = RunFolder(tmp_path), tiny_recipe("gan", rounds=1)
    for paths in ([folder.recipe], [folder.report, folder.recipe, folder.picture(1)]):
        for path in paths:
            killed(lambda path=path: files.replace(path, b"lost"))
        train(recipe, tmp_path, device="cpu", quiet=True)
        assert list(tmp_path.rglob(".*")) == []


def prepared(folder: Path, key: str) -> cache.Prepared:
    return cache.prepare(folder, key, ["a", "b"], (1, 2, 2), np.uint8, lambda i: np.full((1, 2, 2), i, np.uint8))


def test_the_cache_drops_what_was_left_of_another_key_unless_somebody_writes_it(tmp_path):
    killed(lambda: prepared(tmp_path, "left"))
    (tmp_path / "busy.1.tmp").mkdir()
    with (tmp_path / "busy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert len(list(tmp_path.glob("left.*.tmp"))) == 1
        assert prepared(tmp_path, "made").bad == {}
        assert [path.name for path in tmp_path.glob("*.tmp")] == ["busy.1.tmp"]


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_the_umask_says_who_may_read_what_is_written(mask, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "defaults", lambda *_: [])
    before = os.umask(mask)
    try:
        train(tiny_recipe("gan", rounds=1), tmp_path / "run", device="cpu", quiet=True)
        prepared(tmp_path / "cache", "key")
        files.replace(tmp_path / "out" / "x.npy", b"")
    finally:
        os.umask(before)
    written = list(tmp_path.rglob("*"))
    assert {path.suffix for path in written} >= {".safetensors", ".json", ".jsonl", ".png", ".html", ".yaml", ".npy"}
    wrong = {
        path.name: oct(path.stat().st_mode & 0o777)
        for path in written
        if path.stat().st_mode & 0o777 != (0o777 if path.is_dir() else 0o666) & ~mask
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("path", "word"), [("runs/a", "runs/a"), ("a b;x", "'a b;x'"), ("-rf", "./-rf"), ("it's", None)]
)
def test_a_path_in_a_command_is_one_word_of_a_shell(path, word):
    assert shlex.split(files.quoted(Path(path))) == [f"./{path}" if path.startswith("-") else path]
    assert word is None or files.quoted(Path(path)) == word


def test_a_new_folder_is_whole_or_not_there_and_leaves_those_of_others_alone(tmp_path):
    theirs = tmp_path / ".new.part"
    theirs.mkdir()
    (theirs / "letter").touch()
    with pytest.raises(ZeroDivisionError):
        make(tmp_path / "new", lambda part: (part / "half").write_text(str(1 / 0)))
    assert names(tmp_path) == [".new.part"]
    make(tmp_path / "new", lambda part: (part / "whole").touch())
    assert names(tmp_path) == [".new.part", "new"]
    assert names(theirs) == ["letter"]
    assert names(tmp_path / "new") == ["whole"]


def test_two_who_make_the_same_folder_do_not_meet(tmp_path):
    """The second one begins and ends while the first is at work."""
    with files.new_folder(tmp_path / "new") as first:
        (first / "first").touch()
        make(tmp_path / "new", lambda part: (part / "second").touch())
        assert names(first) == ["first"]
        with pytest.raises(UsageError, match="not an empty folder"):
            files.check_new(tmp_path / "new")
        (tmp_path / "new" / "second").unlink()
    assert names(tmp_path) == ["new"]
    assert names(tmp_path / "new") == ["first"]


def test_a_folder_that_was_never_finished_goes_when_it_is_made_again_and_one_at_work_stays(tmp_path):
    """One process is killed in it, and another, which is at work, is killed only afterwards."""
    killed(lambda: make(tmp_path / "new", half))
    (dead,) = names(tmp_path)
    with stopped(lambda: make(tmp_path / "new", half)) as worker:
        (living,) = {*names(tmp_path)} - {dead}
        make(tmp_path / "new", lambda part: (part / "whole").touch())
        assert names(tmp_path) == [living, "new"]
        assert names(tmp_path / living) == ["half"]
        (tmp_path / "new" / "whole").unlink()
        os.kill(worker, signal.SIGKILL)
    make(tmp_path / "new")
    assert names(tmp_path) == ["new"]


@pytest.mark.parametrize("before", [(os, "open"), (fcntl, "flock")], ids=["opened", "locked"])
def test_a_folder_that_another_process_clears_before_it_is_locked_is_made_again(before, tmp_path, monkeypatch):
    module, name = before
    call = getattr(module, name)

    def late(*given: object, **more: object) -> object:
        monkeypatch.undo()
        (part,) = tmp_path.glob(".*.part")
        files.clear(part, shutil.rmtree)
        assert names(tmp_path) == []
        return call(*given, **more)

    monkeypatch.setattr(module, name, late)
    make(tmp_path / "new", half)
    assert getattr(module, name) is call
    assert names(tmp_path / "new") == ["half"]


@pytest.mark.parametrize("kind", files.ENDING, ids=lambda kind: kind.name)
def test_a_signal_that_ends_the_process_leaves_no_half_folder(kind, tmp_path):
    child = os.fork()
    if not child:
        try:
            with files.new_folder(tmp_path / "new") as part:
                (part / "half").touch()
                signal.raise_signal(kind)
        except SystemExit as left:
            os._exit(left.code)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + kind
    assert names(tmp_path) == []


def test_around_a_new_folder_signals_of_the_host_program_stay_its_business(tmp_path):
    before = [signal.getsignal(kind) for kind in files.ENDING]
    with files.new_folder(tmp_path / "one"):
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    assert [signal.getsignal(kind) for kind in files.ENDING] == before
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with files.new_folder(tmp_path / "two"):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, ignored)
    thread = threading.Thread(target=make, args=(tmp_path / "three",))
    thread.start()
    thread.join()
    assert names(tmp_path) == ["one", "three", "two"]


def half(part: Path) -> None:
    """Fill it a little, and wait for the disk."""
    (part / "half").touch()
    files.sync(part)


def make(folder: Path, fill: Callable[[Path], object] = names) -> None:
    with files.new_folder(folder) as part:
        fill(part)


WHERE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a file": (lambda here: here / "file", "not an empty folder"),
    "in a file": (lambda here: here / "file/x/y", "file is not a folder"),
    "a link to nothing": (lambda here: here / "link", "is a link"),
    "below a link to nothing": (lambda here: here / "link/x", "link is not a folder"),
    "the folder itself": (lambda here: here / "empty/.", "that you are in"),
    "the one above": (lambda here: here / "none/..", "not a name"),
    "no text": (lambda here: here / "a\0b", "not a name"),
    "too long": (lambda here: here / ("a" * 300), "too long"),
}


@pytest.mark.parametrize("where", WHERE)
def test_where_no_folder_can_be_made_is_said_before_the_work(where, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nothing")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    place, says = WHERE[where]
    with pytest.raises(UsageError, match=says):
        files.check_new(place(tmp_path))
    files.check_new(tmp_path / "a/new/one")
    assert names(tmp_path) == ["empty", "file", "link"]
