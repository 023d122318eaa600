"""How much memory is available, and that nothing that takes more is begun."""

from pathlib import Path

import pytest

from saddle.base import memory
from saddle.base.errors import SaddleError


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of a machine with 1,000 kB left; nothing is limited yet."""
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:  1000 kB\nHugePages_Total:   0\n")
    return tmp_path


def group(folder: Path, names: tuple[str, str, str], limit: str, used: int, idle: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\n{names[2]} {idle}\n")


@pytest.mark.parametrize(("line", "kind"), [("0::/a/b", ""), ("4:cpu,memory:/a/b", "memory")])
def test_the_narrowest_of_machine_and_groups_counts(machine: Path, line: str, kind: str) -> None:
    assert memory.available() == 1_024_000
    (machine / "proc" / "self" / "cgroup").write_text(f"9:name=systemd:/x\n{line}\n")
    names, root = memory._FILES[kind], machine / "groups" / kind
    group(root / "a", names, "900000", 600_000, 100_000)
    assert memory.available() == 400_000
    group(root / "a" / "b", names, "max", 5, 0)
    assert memory.available() == 400_000
    group(root, names, "500000", 600_000, 0)
    assert memory.available() == 0


def test_what_does_not_fit_is_refused_with_both_numbers(machine: Path) -> None:
    memory.check_fits(1_024_000, "the images")
    with pytest.raises(SaddleError, match=r"the images take 1,024,001 bytes of memory, and 1,024,000 are available"):
        memory.check_fits(1_024_001, "the images")
    (machine / "proc" / "meminfo").unlink()
    memory.check_fits(10**18, "the images")  # where nobody says how much there is, nothing is refused


def test_this_machine_has_some() -> None:
    assert (memory.available() or 1) > 0
