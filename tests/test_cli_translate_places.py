"""saddle translate: where results go; what goes wrong on the way costs one file, or is reported at once."""

import csv
import errno
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from translated import below, pixels, refused, rows, trained

from saddle.base import telling
from saddle.cli import _progress, main
from saddle.cli._targets import Target
from saddle.cli._translating import Translating
from saddle.use import writing


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    yield from trained(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture
def photos(tmp_path) -> Path:
    """Three images of 8 pixels."""
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(pixels(8, 8, 3)).save(tmp_path / "in" / name)
    return tmp_path / "in"


def test_results_within_the_folder_of_inputs_are_no_inputs_the_next_time(run, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(photos)
    assert len(rows(capsys, run, ".", "--to", "c")) == 3
    (photos / "in-c" / "b.png").unlink()
    (row,) = rows(capsys, run, ".", "--to", "c", "--skip-existing")
    assert row["input"].endswith("b.png")
    assert len(below(photos)) == 6
    (tmp_path / "link").symlink_to(photos)
    assert rows(capsys, run, tmp_path / "link", "--to", "c", "--skip-existing", "--out", photos / "in-c") == []


def test_the_folder_of_inputs_takes_no_results(run, photos, capsys):
    argv = [run, "--to", "c", "--skip-existing", "--out", photos]
    assert "is the folder of the inputs" in refused(capsys, *argv, photos, "--suffix=-{to}")
    assert "a.png is an input" in refused(capsys, *argv, photos / "a.png", photos / "b.png")
    assert below(photos) == ["a.png", "b.png", "c.png"]


def test_a_page_or_a_table_takes_the_place_of_nothing(run, photos, tmp_path, capsys):
    out = tmp_path / "out"
    argv = [run, photos, "--to", "c", "--out", out, "--sheet"]
    assert "is the name of a result" in refused(capsys, *argv, out / "a.png")
    (tmp_path / "x-scores.csv").write_text("mine")
    argv = [run, photos / "a.png", "--to", "c", "--truth", photos, "--out", tmp_path / "x.png"]
    assert "x-scores.csv exists, where the scores go" in refused(capsys, *argv)
    assert (tmp_path / "x-scores.csv").read_text() == "mine"
    assert not out.exists()


def test_results_that_are_there_already_are_scored_too(run, photos, tmp_path, capsys):
    argv = [run, photos, "--to", "c", "--out", tmp_path / "out", "--truth", photos]
    rows(capsys, *argv)
    whole = list(csv.DictReader(io.StringIO((tmp_path / "out" / "scores.csv").read_text())))
    (tmp_path / "out" / "b.png").unlink()
    assert len(rows(capsys, *argv, "--skip-existing")) == 1
    assert list(csv.DictReader(io.StringIO((tmp_path / "out" / "scores.csv").read_text()))) == whole
    assert len(whole) == 3


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "x"), "not written: x: File name too long"),
        (MemoryError(), "memory ran out"),
    ],
)
def test_what_one_file_meets_does_not_stop_the_others(error, told, run, photos, tmp_path, capsys, monkeypatch):
    failing(monkeypatch, error)
    said = refused(capsys, run, photos, "--to", "c", "--out", tmp_path / "out", code=1)
    assert f"b.png: {told}" in said
    assert below(tmp_path / "out") == ["a.png", "c.png"]


def test_a_full_disk_stops_the_work_at_once_and_what_is_done_is_told(run, photos, tmp_path, capsys, monkeypatch):
    failing(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "disk"))
    argv = ["translate", str(run), str(photos), "--to", "c", "--out", str(tmp_path / "out")]
    assert main([*argv, "--truth", str(photos)]) == 1
    told = capsys.readouterr()
    assert "disk: No space left on device; what is done is whole, and --skip-existing goes on" in told.err
    assert "1 file in" in told.out
    assert below(tmp_path / "out") == ["a.png", "scores.csv"]


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the second image meet this error when it is written."""
    write = Translating._write

    def written(self, out, *rest):
        if out.name == "b.png":
            raise error
        return write(self, out, *rest)

    monkeypatch.setattr(Translating, "_write", written)


def test_a_size_that_a_format_does_not_hold_costs_one_file(run, photos, tmp_path, capsys, monkeypatch):
    Image.fromarray(pixels(1, 40, 3)).save(photos / "b.png")
    save = writing.encoded

    def encoded(whole, kind, *rest):
        if whole.shape[1] > 16:
            raise ValueError("encoding error 5")
        return save(whole, kind, *rest)

    monkeypatch.setattr(writing, "encoded", encoded)
    said = refused(capsys, run, photos, "--to", "c", "--out", tmp_path / "out", "--format", "webp", code=1)
    assert "b.png: 1×40 pixels (height × width) were not written as WEBP, at most 16,383 a side" in said
    assert below(tmp_path / "out") == ["a.webp", "c.webp"]


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--size", "100000"], "more than data.max_megapixels"), (["--tile", "5"], "32 pixels or more, not 5")],
)
def test_sizes_beyond_reason_are_refused(words, told, run, photos, capsys):
    assert told in refused(capsys, run, photos / "a.png", "--to", "c", *words)


def test_an_empty_word_is_no_folder(run, capsys):
    assert "'' is neither" in refused(capsys, run, "")


def test_long_work_shows_how_far_it_is_and_short_work_nothing(run, photos, tmp_path, capsys, monkeypatch):
    argv = ["translate", str(run), str(photos), "--to", "c", "--out"]
    assert main([*argv, str(tmp_path / "x")]) == 0
    assert "of 3" not in capsys.readouterr().err
    monkeypatch.setattr(_progress, "PATIENCE", 0)
    monkeypatch.setattr("saddle.show.progress.PLAIN_PAUSE", 0)
    assert main([*argv, str(tmp_path / "y"), "--json"]) == 0
    told = capsys.readouterr()
    assert "images: 2 of 3" in told.err
    assert told.out.startswith("[")
    with _progress.shown("images"):
        telling.now("tiles", 1, 2)
    assert capsys.readouterr().err == ""


def test_maps_are_written_in_the_one_format_that_tells_their_classes():
    from argparse import Namespace

    from saddle.base.errors import UsageError
    from saddle.cli._works import Plan, Work
    from saddle.cli.translate import _check_outs
    from saddle.spec import Field

    field = Field("map", (8, 8), ("sky", "sea"), ((0, 0, 0), (9, 9, 9)))
    args = Namespace(truth=None, sheet=None, mask=None, n=1, skip_existing=False)
    targets = [Target(SimpleNamespace(wanted=field), "y")]
    for suffix, refused_ in ((".png", False), (".jpg", True), (".tif", True)):
        plan = Plan([Work(Path("x.png"), 0, "x.png", Path(f"y{suffix}"))], [], Path("y"), False)
        if refused_:
            with pytest.raises(UsageError, match="label maps are written as PNG"):
                _check_outs(writing.Form(suffix), plan, targets, args)
        else:
            _check_outs(writing.Form(suffix), plan, targets, args)


def test_the_name_of_a_file_is_no_folder_and_no_other_format(run, photos, tmp_path, capsys):
    said = refused(capsys, run, photos, "--to", "c", "--out", tmp_path / "x.png")
    assert "several results go into a folder, and this is the name of a file" in said
    argv = [run, photos / "a.png", "--to", "c", "--out", tmp_path / "x.png", "--format"]
    for form in ("jpg", "tiff"):
        assert f"is the name of a PNG, and --format says {form}" in refused(capsys, *argv, form)
    assert len(rows(capsys, *argv, "same")) == 1


def test_pages_that_are_left_out_are_told(run, tmp_path, capsys):
    pages = [Image.fromarray(pixels(8, 8, 3)) for _ in range(3)]
    for name in ("x.tif", "x.gif"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
        argv = ["translate", str(run), str(tmp_path / name), "--to", "c", "--out", str(tmp_path / f"{name}.png")]
        assert main(argv) == 0
        assert "of several pages or frames the first alone was taken" in capsys.readouterr().err
