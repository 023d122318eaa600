"""Checkpoints: whole or not there, refused by name if not what was saved, pruned to the last two and the best."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from saddle.base.errors import SaddleError
from saddle.training import checkpoint
from saddle.training.checkpoint import Checkpoints, Damaged, State

FILES = ("facts.json", "game.safetensors", "manifest.json")


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints")


def state(round_: int = 1, score: float | None = None, n: int = 8) -> State:
    facts = {"round": round_, "noted": {"name": "a", "list": [1, 2.5]}}
    if score is not None:
        facts["score"] = {"name": "fid", "value": score, "better": "lower"}
    return State({"game": {"w": torch.arange(n) * float(round_), "n": torch.tensor(round_)}}, facts)


def same(a: State, b: State) -> bool:
    return a.facts == b.facts and all(torch.equal(t, b.tensors["game"][k]) for k, t in a.tensors["game"].items())


def test_what_is_saved_is_loaded(kept):
    kept.save(3, state(3))
    assert same(kept.load(3), state(3))
    assert kept.rounds() == [3]


def test_tensors_in_any_memory_layout_and_type_come_back_as_values(kept):
    tensors = {
        "channels_last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "transposed": torch.randn(2, 3).T,
        "bf16": torch.randn(3).bfloat16(),
        "double": torch.randn(3).double(),
        "flag": torch.tensor(True),
        "empty": torch.empty(0, 2),
    }
    kept.save(0, State({"game": tensors, "none": {}}))
    loaded = kept.load(0).tensors
    assert loaded["none"] == {}
    for name, tensor in tensors.items():
        assert loaded["game"][name].dtype == tensor.dtype
        assert torch.equal(loaded["game"][name], tensor)


def test_the_last_two_and_the_best_are_kept(kept):
    for round_, score in enumerate([5.0, 2.0, 3.0, 4.0, 9.0], start=1):
        kept.save(round_, state(round_, score))
    assert kept.rounds() == [2, 4, 5]
    assert kept.best() == 2


def test_of_equal_scores_the_latest_is_the_best(kept):
    kept.save(1, state(1, 2.0))
    kept.save(2, state(2, 2.0))
    assert kept.best() == 2


def test_a_higher_score_is_better_where_the_score_says_so(kept):
    for round_, value in ((1, 0.9), (2, 0.1), (3, 0.2), (4, 0.3)):
        saved = state(round_, value)
        saved.facts["score"]["better"] = "higher"
        kept.save(round_, saved)
    assert kept.best() == 1
    assert kept.rounds() == [1, 3, 4]


def test_a_damaged_best_is_not_the_best(kept):
    for round_, score in ((1, 1.0), (2, 2.0), (3, 3.0)):
        kept.save(round_, state(round_, score))
    (kept.path(1) / "facts.json").write_text('{"score": 1}')
    assert kept.best() == 2


def test_no_flipped_bit_goes_unnoticed(kept):
    """Every byte of every file in turn: the checkpoint is refused, or is to the last bit what was saved."""
    kept.save(1, state(n=2))
    for name in FILES:
        path = kept.path(1) / name
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
            try:
                loaded = kept.load(1)
            except Damaged:
                continue
            assert name == "manifest.json", f"byte {place} of {name}"
            assert same(loaded, state(n=2)), f"byte {place} of {name}"
        path.write_bytes(whole)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.write_bytes(p.read_bytes()[:-7]), "bytes instead of|not readable JSON"),
        (lambda p: p.unlink(), "is missing"),
        (lambda p: p.write_bytes(random.Random(0).randbytes(200)), "bytes instead of|not readable JSON"),
    ],
    ids=["empty", "truncated", "missing", "foreign"],
)
def test_a_damaged_file_is_refused_by_name_and_the_previous_checkpoint_used(kept, name, damage, reason):
    kept.save(1, state(1))
    kept.save(2, state(2))
    damage(kept.path(2) / name)
    with pytest.raises(Damaged, match=f"{name} .*({reason})"):
        kept.load(2)
    said, taken = [], []
    assert kept.newest(said.append, taken.append)
    assert same(taken[0], state(1))
    assert said[0].startswith("refused the checkpoint of round 2: ")
    assert name in said[0]
    assert said[1] == "going on from the previous good checkpoint, of round 1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"format": 7, "files": {}}', "is of format 7, and this is format 1"),
        ('{"format": 1}', "is not a list of files"),
        ('{"format": 1, "files": {"game.safetensors": 3}}', "is not a list of files"),
        ('{"format": 1, "files": {"facts.json": {"sha256": "", "bytes": 1}}}', "does not list game.safetensors"),
        ('{"format": 1, "files": {"../../secret": {"sha256": "", "bytes": 1}}}', "secret is missing"),
        ("[1]", "is not a JSON object"),
        ("[" * 100_000, "is not readable JSON"),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused_with_its_reason(kept, content, reason):
    kept.save(1, state())
    (kept.path(1) / "manifest.json").write_text(content)
    with pytest.raises(Damaged, match=reason):
        kept.load(1)


def test_a_pickle_under_the_name_of_a_checkpoint_is_refused_and_never_run(kept, tmp_path):
    """Even with a manifest that vouches for it."""

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "pwned"),)

    kept.save(1, state())
    path = kept.path(1) / "game.safetensors"
    torch.save(Evil(), path)
    manifest = json.loads((kept.path(1) / "manifest.json").read_text())
    manifest["files"][path.name] = {"sha256": checkpoint.sha256(path), "bytes": path.stat().st_size}
    (kept.path(1) / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Damaged, match=r"game\.safetensors is not a file of tensors"):
        kept.load(1)
    assert not (tmp_path / "pwned").exists()


def test_when_no_checkpoint_is_good_that_is_an_error_not_a_new_start(kept):
    kept.save(1, state())
    (kept.path(1) / "facts.json").unlink()
    with pytest.raises(SaddleError, match=r"none of the 1 checkpoints in .* is usable"):
        kept.newest(lambda message: None, lambda taken: None)


def test_refused_checkpoints_beyond_do_not_push_out_the_good_ones(kept):
    """The run goes on from round 1: the damaged rounds 50 and 60 are neither the last two nor in the way."""
    kept.save(1, state(1))
    for round_ in (50, 60):
        shutil.copytree(kept.path(1), kept.path(round_))
        (kept.path(round_) / "facts.json").unlink()
    kept.save(2, state(2))
    assert kept.rounds() == [1, 2]


def test_leftovers_of_an_interrupted_save_are_no_checkpoints_and_go(kept):
    kept.save(1, state(1))
    for name in ("round-0000002.part", "round-0000001.old"):
        shutil.copytree(kept.path(1), kept.folder / name)
    assert kept.rounds() == [1]
    kept.save(2, state(2))
    assert sorted(p.name for p in kept.folder.iterdir()) == ["round-0000001", "round-0000002"]


def test_no_room_is_found_out_before_anything_is_written(kept, monkeypatch):
    kept.save(1, state(1))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1_000_000))
    with pytest.raises(SaddleError, match=r"of 3\.0 MB in .*: 1\.0 MB are free; the checkpoint of round 1 is intact"):
        kept.save(2, state(2, n=500_000))
    assert [p.name for p in kept.folder.iterdir()] == ["round-0000001"]
    assert same(kept.load(1), state(1))


FILLING = """
import resource, signal, sys
from pathlib import Path
import torch
from saddle.training.checkpoint import Checkpoints, State
from saddle.base.errors import SaddleError
kept = Checkpoints(Path(sys.argv[1]))
kept.save(1, State({"game": {"w": torch.zeros(8)}}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # as a disk that takes no more
try:
    kept.save(2, State({"game": {"w": torch.zeros(1_000_000)}}))
except SaddleError as error:
    sys.exit(str(error))
"""


def test_a_disk_that_fills_up_during_a_save_leaves_the_previous_checkpoint(kept):
    done = subprocess.run([sys.executable, "-c", FILLING, str(kept.folder)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "could not save a checkpoint of 5.0 MB" in done.stderr
    assert done.stderr.endswith("the checkpoint of round 1 is intact. Make room and run again.\n")
    assert "Traceback" not in done.stderr
    assert [p.name for p in kept.folder.iterdir()] == ["round-0000001"]
    assert torch.equal(kept.load(1).tensors["game"]["w"], torch.zeros(8))


SAVING = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from saddle.training.checkpoint import Checkpoints, State

def save_for_ever(kept):
    round_ = (kept.rounds() or [0])[-1]
    while True:
        round_ += 1
        score = {"name": "fid", "value": float(round_ % 7), "better": "lower"}
        tensors = {name: torch.full((5_000,), float(round_)) for name in "abcd"}
        kept.save(round_, State({"game": tensors, "averages": tensors}, {"round": round_, "score": score}))

kept, chance, readable, halves = Checkpoints(Path(sys.argv[1])), random.Random(1), 0, 0
kills = 0
while kills < 50 or kept.rounds()[-1] <= 50:  # a slow machine saves less between two kills
    kills += 1
    child = os.fork()
    if not child:
        save_for_ever(kept)
    time.sleep(chance.uniform(0.01, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    halves += any(path.suffix for path in kept.folder.glob("*"))
    for round_ in kept.rounds():
        saved = kept.load(round_)
        assert saved.facts["round"] == round_
        assert all(bool((t == round_).all()) for t in saved.tensors["game"].values())
        readable += 1
print(readable, halves, kept.rounds()[-1])
"""


def test_fifty_kills_during_saves_leave_no_unreadable_checkpoint(kept):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SAVING, str(kept.folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    readable, halves, rounds = map(int, done.stdout.split())
    assert readable > 50
    assert halves > 10, "the kills did not fall into saves"
    assert rounds > 50
