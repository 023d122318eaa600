"""What others pickled is read as data: attacks are refused by name, and nothing of a file is ever run."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from foreign_attacks import ATTACKS, archive, saved, tensor

import saddle.foreign
from saddle.base.errors import SaddleError, UsageError
from saddle.foreign import reading
from saddle.foreign.reading import CODE, Limits, read

READER = Path(saddle.foreign.__file__).parent / "reader"


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_and_nothing_of_it_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SADDLE_SECRET", "secret")
    marker, file = tmp_path / "marker", tmp_path / "file.pth"
    make, says = ATTACKS[name]
    file.write_bytes(make(marker))
    with pytest.raises(SaddleError, match="nothing of it was run") as refused:
        read(file, ("G_ema",))
    assert says in str(refused.value)
    assert "secret" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file.pth"]


def test_there_are_twenty_attacks_and_more():
    assert len(ATTACKS) >= 20


@pytest.mark.parametrize("how", ["archive", "old", "pickle"])
def test_tensors_come_out_as_they_went_in(how: str, tmp_path: Path):
    torch.manual_seed(0)
    state = {
        "w": torch.randn(4, 3, 3, 3),
        "last": torch.randn(4, 3, 5, 2).to(memory_format=torch.channels_last),
        "turned": torch.randn(3, 5).T,
        "half": torch.randn(3).half(),
        "brain": torch.randn(3).bfloat16(),
        "double": torch.randn(2, dtype=torch.float64),
        "count": torch.tensor(7),
        "flags": torch.tensor([True, False]),
        "none": torch.zeros(0, 3),
        "part": torch.randn(10)[3:7],
        "kept": torch.nn.Parameter(torch.randn(2)),
    }
    found = read(saved(state, tmp_path / "file.pth", how))
    assert found.tensors.keys() == state.keys()
    for name, x in state.items():
        assert found.tensors[name].dtype == x.dtype
        assert torch.equal(found.tensors[name], x)


def test_the_child_can_open_nothing_write_nothing_and_sees_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its own code, replaced by what an attacker would run if he could."""
    monkeypatch.setenv("SADDLE_SECRET", "secret")
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    code = (
        "import sys; sys.path.append(sys.argv.pop(1)); from reader.child import shut; import os, socket, json\n"
        "shut(1 << 30, 9); told = {'environment': [*os.environ], 'path': [p for p in sys.path if 'packages' in p]}\n"
        "def no(act):\n  try: act()\n  except BaseException as e: return type(e).__name__\n"
        f"told['open'] = no(lambda: open({str(file)!r}))\n"
        f"told['write'] = no(lambda: open({str(tmp_path / 'x')!r}, 'w'))\n"
        "told['socket'] = no(socket.socket); told['memory'] = no(lambda: bytes(1 << 31)); told['pipe'] = no(os.pipe)\n"
        "print(json.dumps(told))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(READER.parent)]
    told = ast.literal_eval(subprocess.run(command, check=True, capture_output=True, env={}, text=True).stdout)
    assert told == {
        "environment": [name for name in told["environment"] if name == "LC_CTYPE"],  # which Python itself sets
        "path": [],
        "open": "OSError",
        "write": "OSError",
        "socket": "OSError",
        "memory": "MemoryError",
        "pipe": "OSError",
    }
    assert not (tmp_path / "x").exists()
    assert "reader.child" in CODE


def test_the_reader_has_nothing_but_pythons_library():
    for path in READER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.partition(".")[0] for alias in node.names} <= sys.stdlib_module_names
            if isinstance(node, ast.ImportFrom):
                assert node.level == 1 or node.module.partition(".")[0] in sys.stdlib_module_names  # type: ignore[union-attr]


def test_a_reader_that_takes_too_long_is_stopped(tmp_path: Path):
    file = tmp_path / "file.pth"
    file.write_bytes(archive(b"\x80\x02" + b"N0" * 200_000 + b"N."))
    with pytest.raises(SaddleError, match=r"longer than 0\.01 seconds"):
        read(file, limits=Limits(1 << 30, 60, 0.01))
    with pytest.raises(SaddleError, match="had to be stopped"):
        read(file, limits=Limits(1 << 30, 0, 60))


def test_the_time_that_a_file_may_take_is_whole_seconds_by_its_size():
    assert (Limits.of(1).work, f"{Limits.of(1).wait:g}") == (20, "40")
    assert (Limits.of(840_123_456).work, f"{Limits.of(840_123_456).wait:g}") == (188, "208")


def test_a_reader_that_needs_too_much_memory_is_stopped(tmp_path: Path):
    file = saved({"w": torch.zeros(1 << 24)}, tmp_path / "file.pth", "archive")
    with pytest.raises(SaddleError, match=r"too much memory|had to be stopped"):
        read(file, limits=Limits(64 << 20, 60, 60))
    assert torch.equal(read(file).tensors["w"], torch.zeros(1 << 24))


def test_more_than_the_file_holds_never_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "CODE", "import os\nwhile True: os.write(1, bytes(1 << 20))")
    file = tmp_path / "file.pth"
    file.write_bytes(archive(tensor(1, 0, (1,), (1,)), {"0": bytes(4)}))
    with pytest.raises(SaddleError, match="more comes out"):
        read(file)


@pytest.mark.parametrize("what", ["missing", "folder", "empty"])
def test_what_is_no_file_is_a_usage_error(what: str, tmp_path: Path):
    path = tmp_path / "file"
    if what == "folder":
        path.mkdir()
    if what == "empty":
        path.touch()
    with pytest.raises(UsageError, match="file"):
        read(path)


def test_safetensors_are_read_too_and_damaged_ones_are_refused(tmp_path: Path):
    from safetensors.torch import save_file

    file = tmp_path / "file.safetensors"
    save_file({"w": torch.arange(3.0)}, file)
    assert torch.equal(read(file).tensors["w"], torch.arange(3.0))
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(SaddleError, match="not a file of tensors that can be read"):
        read(file)
