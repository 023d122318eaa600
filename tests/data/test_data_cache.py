"""What is kept of decoded images, and what a check of a folder tells."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from image_folders import fill, noise, opened, stored
from PIL import Image

from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, check_data, check_folder, decode
from saddle.data import cache as cache_module


def no_decoding(*_: object) -> np.ndarray:
    raise AssertionError("decoded again")


def test_images_are_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, 3)
    first = opened(folder)
    monkeypatch.setattr("saddle.data.decode.stored", no_decoding)
    folder.rename(folder.with_name("renamed"))
    assert np.array_equal(stored(opened(folder.with_name("renamed"))), stored(first))
    with pytest.raises(AssertionError):
        opened(folder.with_name("renamed"), size=3)


def test_other_content_of_the_same_size_and_time_is_seen(folder: Path) -> None:
    picture = noise(6, 8, 3)
    for i in range(2):
        Image.fromarray(picture).save(folder / f"{i}.bmp")
    before, status = opened(folder), (folder / "0.bmp").stat()
    picture[0, 0] += 1
    Image.fromarray(picture).save(folder / "0.bmp")
    os.utime(folder / "0.bmp", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (folder / "0.bmp").stat().st_size == status.st_size
    after = opened(folder)
    assert after.fingerprint != before.fingerprint
    assert stored(after)[0, :, 0, 0].tolist() == picture[0, 0].tolist()


def test_an_interrupted_or_damaged_cache_is_made_anew(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3)

    def interrupted(*_: object) -> np.ndarray:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("saddle.data.decode.stored", interrupted)
        with pytest.raises(KeyboardInterrupt):
            opened(folder)
    assert not [path for path in (cache / "folder").iterdir() if path.is_dir()]
    first = stored(opened(folder)).copy()
    (kept,) = [path for path in (cache / "folder").iterdir() if path.is_dir()]
    (kept / "images.npy").write_bytes((kept / "images.npy").read_bytes()[:200])
    (kept.with_name(f"{kept.name}.dead.tmp")).mkdir()  # left by a process that was killed
    assert np.array_equal(stored(opened(folder)), first)
    assert [path for path in (cache / "folder").iterdir() if path.is_dir()] == [kept]


def test_many_that_come_at_once_decode_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, decoded, read = fill(folder, 6), [], decode.stored

    def counted(path: Path, *rest: object) -> np.ndarray:
        decoded.append(path)
        return read(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("saddle.data.decode.stored", counted)
    with ThreadPoolExecutor(4) as pool:
        sources = list(pool.map(lambda _: opened(folder), range(4)))
    assert len(decoded) == 6
    assert Image.MAX_IMAGE_PIXELS is not None
    assert all(np.array_equal(stored(source), pictures.transpose(0, 3, 1, 2)) for source in sources)


def test_a_full_or_forbidden_disk_is_told_before_anything_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 3)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SaddleError, match=r"cannot keep decoded images in .*data\.cache"):
        opened(folder, cache=str(tmp_path / "file"))
    usage = cache_module.shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SaddleError, match=r"need 432 bytes in .*, where 100 are free"):
        opened(folder)


def test_a_check_reports_all_there_is_to_know(folder: Path) -> None:
    (folder / "cat").mkdir()
    fill(folder / "cat", 3)
    fill(folder, 2, 5, 5, grey=True)
    Image.open(folder / "000.png").save(folder / "copy.bmp")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    report = check_folder(folder, DataOptions())
    assert (report.files, report.images, report.pixels, report.good) == (7, 6, 3 * 48 + 3 * 25, False)
    assert report.sizes == {"5×5": 3, "8×6": 3}
    assert (report.channels, report.modes, report.bits) == ({"1": 3, "3": 3}, {"L": 3, "RGB": 3}, {"8": 6})
    assert (report.labels, report.ignored) == ({"cat": 3}, {".txt": 1})
    assert report.duplicates == [["000.png", "copy.bmp"]]
    assert report.bad == [("empty.png", "empty file (0 bytes)")]
    told = "\n".join(report.lines())
    for part in (
        "6 images",
        "5×5 (3)",
        "000.png = copy.bmp",
        "1 files cannot be read",
        "empty.png: empty file",
        "1 .txt",
    ):
        assert part in told
    assert json.loads(json.dumps(report.to_dict()))["bad"] == [{"path": "empty.png", "reason": "empty file (0 bytes)"}]


def test_a_check_writes_nothing(folder: Path, cache: Path) -> None:
    fill(folder, 2)
    assert check_data(str(folder), DataOptions()).good
    assert check_data(f"folder:{folder}", DataOptions()).images == 2
    assert not cache.exists()


def test_a_check_takes_one_file_an_array_or_a_name(folder: Path) -> None:
    (folder / "x.eps").write_bytes(b"%!PS")
    assert check_data(str(folder / "x.eps"), DataOptions()).bad == [
        ("x.eps", "EPS files are not opened; convert it to PNG")
    ]
    np.save(folder / "x.npy", noise(4, 5, 6))
    report = check_data(str(folder / "x.npy"), DataOptions())
    assert (report.images, report.sizes, report.pixels) == (4, {"6×5": 4}, 120)
    digits = check_data("digits", DataOptions(size=8))
    assert digits.labels["0"] == 178
    assert digits.notes["held out"] == 497
    assert "points of 2 numbers (110,000)" in "\n".join(check_data("ring", DataOptions()).lines())
    (folder / "x.txt").write_text("")
    with pytest.raises(UsageError, match="not an image"):
        check_data(str(folder / "x.txt"), DataOptions())
