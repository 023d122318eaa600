"""What is kept of decoded images, and what a check of a folder tells."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from image_folders import fill, noise, opened, stored
from PIL import Image

from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, Stream, check_data, check_folder, decode, open_source
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


def entry(cache: Path) -> Path:
    """The folder of the only entry in the cache."""
    (kept,) = [path for path in (cache / "folder").iterdir() if path.is_dir()]
    return kept


def zero_half(file: Path) -> None:
    """Of its values, in place."""
    size = file.stat().st_size
    with file.open("r+b") as opened_file:
        opened_file.seek(size // 2)
        opened_file.write(bytes(size - size // 2))


@pytest.mark.parametrize("settings", [{}, {"crop": 4}])
@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("name", ["images.npy", "digests.npy"])
def test_a_damaged_cache_is_found_and_decoded_anew_and_this_is_said_once(
    folder: Path, cache: Path, settings: dict[str, object], earlier: bool, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(folder, 5)
    first = opened(folder, **settings)
    file = entry(cache) / name
    if earlier:
        (file.parent / "checked.json").unlink()  # which earlier versions did not write
    status, images = file.stat(), stored(first).copy()
    zero_half(file)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = opened(folder, **settings)
    assert np.array_equal(stored(again), images)
    assert again.fingerprint == first.fingerprint
    opened(folder, **settings)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"the decoded images in {file.parent} are damaged, and are decoded anew"
    ]


def test_a_cache_is_compared_with_its_digests_only_if_its_files_changed(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(folder, 5)
    opened(folder)
    compared, compare = [], cache_module._as_digested
    monkeypatch.setattr(cache_module, "_as_digested", lambda ready: compared.append(1) or compare(ready))
    monkeypatch.setattr(decode, "stored", no_decoding)
    opened(folder)
    assert not compared
    for change in ("touch", "earlier"):
        if change == "touch":
            os.utime(entry(cache) / "images.npy")
        else:
            (entry(cache) / "checked.json").unlink()
        opened(folder)
        opened(folder)
        assert len(compared) == 1
        compared.clear()


def replaced(file: Path, kind: str) -> None:
    """Something else lies where the file did."""
    if not file.is_dir():
        file.unlink()
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "npz":
        np.savez(file.with_suffix(".npz"), np.zeros(3))
        file.with_suffix(".npz").rename(file)
    elif kind == "pickle":
        np.save(file, np.array([{}, 1], object), allow_pickle=True)
    else:
        file.write_text(kind)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("images.npy", kind) for kind in ("folder", "pipe", "npz", "pickle", "")),
        *(("digests.npy", kind) for kind in ("folder", "pipe", "pickle", "text")),
        *(("bad.json", kind) for kind in ("pipe", "[]", '{"x": "y"}', '{"7": "y"}', '{"1": 2}', '{"1": "y"}', "{")),
        *(("shapes.npy", kind) for kind in ("folder", "pipe", "pickle")),
        *(("checked.json", kind) for kind in ("folder", "pipe", "[]", "x\n[]")),
    ],
)
def test_a_cache_of_another_kind_is_neither_a_traceback_nor_a_wait(
    folder: Path, cache: Path, name: str, kind: str
) -> None:
    fill(folder, 3)
    first = stored(opened(folder, crop=4)).copy()
    replaced(entry(cache) / name, kind)
    assert np.array_equal(stored(opened(folder, crop=4)), first)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_lies_in_place_of_an_entry_makes_room_for_it(folder: Path, cache: Path, kind: str) -> None:
    fill(folder, 3)
    first = stored(opened(folder)).copy()
    kept = entry(cache)
    kept.rename(kept.with_name("elsewhere"))
    if kind == "file":
        kept.write_text("x")
    else:
        kept.symlink_to("nowhere")
    assert np.array_equal(stored(opened(folder)), first)


@pytest.mark.parametrize("kind", ["size", "crop", "array"])
def test_a_file_that_is_cut_while_it_is_drawn_from_ends_in_a_sentence(folder: Path, cache: Path, kind: str) -> None:
    if kind == "array":
        np.save(folder / "x.npy", noise(30, 3, 6, 8))
        source, file = open_source(DataOptions(source=f"array:{folder / 'x.npy'}")), folder / "x.npy"
    else:
        fill(folder, 30)
        source = opened(folder, **({"crop": 4} if kind == "crop" else {}))
        file = entry(cache) / "images.npy"
    batches = Stream(source.train, source.spec, 4, 0).batches()
    next(batches)
    os.truncate(file, 200)
    with pytest.raises(SaddleError, match=r"\.npy was cut to 200 of 4,448 bytes while in use; the checkpoints"):
        next(batches)
    with pytest.raises(SaddleError, match="was cut"):
        source.train.take([0])


@pytest.mark.parametrize("settings", [{}, {"crop": 4}])
def test_to_delete_the_cache_does_not_end_what_draws_from_it(
    folder: Path, cache: Path, settings: dict[str, object]
) -> None:
    fill(folder, 30)
    source = opened(folder, **settings)
    before = stored(source).copy()
    shutil.rmtree(cache)
    assert np.array_equal(stored(source), before)


def test_what_cannot_be_removed_or_locked_is_told(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(folder, 3)
    opened(folder)
    zero_half(entry(cache) / "images.npy")
    (lock,) = (cache / "folder").glob("*.lock")
    with monkeypatch.context() as patch:
        patch.setattr(cache_module.shutil, "rmtree", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "No")))
        with pytest.raises(SaddleError, match=r"is of no use and cannot be removed: No; remove it, or name another"):
            opened(folder)
    lock.unlink()
    lock.mkdir()
    with pytest.raises(SaddleError, match=r"cannot keep decoded images in .*: Is a directory"):
        opened(folder)


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
        "1 file cannot be read",
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
