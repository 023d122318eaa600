"""What is written down of a folder's files, so that they are not read again at every start."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from image_folders import fill, noise, opened, stored
from PIL import Image

from saddle.base.errors import UsageError
from saddle.data import record
from saddle.data import survey as survey_module
from saddle.data.decode import Header, header


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read, by name; all are old enough to be believed."""
    names: list[str] = []

    def noted(path: Path, *rest: float, **options: bool) -> Header:
        names.append(path.name)
        return header(path, *rest, **options)

    monkeypatch.setattr(survey_module, "header", noted)
    monkeypatch.setattr(survey_module, "RACY", -(10**18))
    return names


def kept(cache: Path) -> Path:
    (file,) = (cache / "survey").glob("*.json")
    return file


def test_a_file_is_read_once_and_again_after_any_change(folder: Path, read: list[str]) -> None:
    pictures = noise(4, 6, 8, 3)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i}.bmp")
    first = opened(folder)
    assert sorted(read) == ["0.bmp", "1.bmp", "2.bmp", "3.bmp"]
    read.clear()
    assert opened(folder).fingerprint == first.fingerprint
    assert not read
    status = (folder / "1.bmp").stat()
    pictures[1] ^= 1
    Image.fromarray(pictures[1]).save(folder / "1.bmp")  # as large as it was
    os.utime(folder / "1.bmp", ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "3.bmp").rename(folder / "5.bmp")
    assert np.array_equal(stored(opened(folder)), pictures.transpose(0, 3, 1, 2))
    assert sorted(read) == ["1.bmp", "5.bmp"]


def test_a_file_written_moments_ago_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(survey_module, "header", lambda path, most, **_: looked.append(path) or header(path, most))
    fill(folder, 2)
    for _ in range(2):
        opened(folder)
    assert len(looked) == 4


@pytest.mark.parametrize("damage", ["cut", "changed", "other", "folder", "pipe"])
def test_a_damaged_record_is_ignored_and_rewritten(folder: Path, cache: Path, read: list[str], damage: str) -> None:
    fill(folder, 3)
    first = opened(folder)
    file = kept(cache)
    whole = file.read_bytes()
    digit = whole.rindex(b'"') - 1  # of the last file's digest
    other = b"0" if whole[digit : digit + 1] != b"0" else b"1"
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage == "pipe":
        os.mkfifo(file)
    else:
        file.write_bytes(
            {"cut": whole[:-9], "changed": whole[:digit] + other + whole[digit + 1 :], "other": b"[1, 2]"}[damage]
        )
    read.clear()
    assert opened(folder).fingerprint == first.fingerprint
    assert len(read) == 3
    assert len([path for path in (cache / "folder").iterdir() if path.is_dir()]) == 1  # found under the same key
    assert damage == "folder" or file.read_bytes() == whole


def test_another_limit_has_another_record_and_bad_files_are_remembered_with_their_reason(
    folder: Path, cache: Path, read: list[str]
) -> None:
    fill(folder, 3)
    (folder / "bad.png").write_bytes(b"")
    first = opened(folder, skip_bad=True)
    read.clear()
    assert opened(folder, skip_bad=True).notes == first.notes
    assert not read
    for _ in range(2):
        with pytest.raises(UsageError, match=r"1 of 4 files .*\n  bad\.png: empty file"):
            opened(folder)
    Image.fromarray(noise(6, 8, 3)).save(folder / "bad.png")
    assert len(opened(folder).train) == 4
    assert read == ["bad.png"]
    opened(folder, skip_bad=True, max_megapixels=1)
    assert len(list((cache / "survey").glob("*.json"))) == 2


def test_names_that_are_no_text_are_remembered(folder: Path, read: list[str]) -> None:
    Image.fromarray(noise(4, 4)).save(folder / "é.png")
    (folder / "é.png").rename(os.fsdecode(os.fsencode(folder) + b"/\xff.png"))
    Image.fromarray(noise(4, 4)).save(folder / "a.png")
    first = opened(folder)
    read.clear()
    assert opened(folder).fingerprint == first.fingerprint
    assert not read


RANK = """
    import os, sys, time
    from pathlib import Path

    from saddle.data import DataOptions, decode, survey
    from saddle.data.sources import folder

    root, log = Path(sys.argv[1]), Path(sys.argv[2])

    def noted(module, name):
        call = getattr(module, name)

        def slow(path, *rest, **options):
            with log.open("a") as file:
                file.write(f"{name} {path.name}\\n")
            time.sleep(0.1)
            return call(path, *rest, **options)

        setattr(module, name, slow)

    noted(survey, "header")
    noted(decode, "stored")
    survey.RACY = -(10**18)
    log.with_suffix(f".{os.getpid()}").touch()
    while len(list(log.parent.glob(f"{log.stem}.*"))) < 2:
        time.sleep(0.001)
    print(folder.readable(DataOptions(), folder.files_in(root)).digests.tobytes().hex())
"""


def test_of_two_processes_one_reads_and_decodes_and_the_other_waits(folder: Path, tmp_path: Path) -> None:
    fill(folder, 6)
    (tmp_path / "ranks").mkdir()
    command = [sys.executable, "-c", textwrap.dedent(RANK), str(folder), str(tmp_path / "ranks" / "log")]
    ranks = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [rank.communicate(timeout=60)[0] for rank in ranks]
    assert told[0] == told[1] != ""
    lines = sorted((tmp_path / "ranks" / "log").read_text().split("\n")[:-1])
    assert lines == [f"{call} {i:03}.png" for call in ("header", "stored") for i in range(6)]


@pytest.mark.parametrize("kept", ['{"000.png": 1}', '{"000.png": [[1], [2], "x"]}', "[1]", '{"000.png": [1, 2, 3]}'])
def test_a_record_of_another_shape_is_not_believed(folder: Path, cache: Path, read: list[str], kept: str) -> None:
    fill(folder, 3)
    first = opened(folder)
    (file,) = (cache / "survey").glob("*.json")
    record.write(file, json.loads(kept))
    assert opened(folder).fingerprint == first.fingerprint


def test_numbers_written_in_two_ways_are_one_setting(folder: Path, cache: Path, read: list[str]) -> None:
    fill(folder, 30)
    one, other = opened(folder, heldout=0, max_megapixels=50), opened(folder, heldout=0.0, max_megapixels=50.0)
    assert one.fingerprint == other.fingerprint
    assert len([*(cache / "survey").glob("*.json")]) == 1
