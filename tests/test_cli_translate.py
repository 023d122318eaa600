"""saddle translate: files and folders of any kind come back as they were given, and nothing is lost."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from translated import below, pixels, read, refused, rows, some_photos, trained

import saddle
from saddle.cli import main
from saddle.use import deep


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """A run between grey a and b and red c, at 16 pixels."""
    yield from trained(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_photos(tmp_path_factory.mktemp("photos") / "photos")


def test_a_folder_comes_back_with_its_structure_sizes_depth_and_opacity(run, photos, tmp_path, capsys):
    made = rows(capsys, run, photos, "--to", "c", "--out", tmp_path / "out")
    assert below(tmp_path / "out") == ["colour.png", "sub/clear.png", "sub/deep.png"]
    assert [row["output"] for row in made] == [str(tmp_path / "out" / name) for name in below(tmp_path / "out")]
    assert [row["size"] for row in made] == [[30, 41], [9, 5], [7, 8]]
    assert all(row["padded"] == row["size"] and row["tiles"] == 1 and row["seconds"] >= 0 for row in made)
    back = {name: np.asarray(Image.open(tmp_path / "out" / name)) for name in below(tmp_path / "out")}
    assert back["colour.png"].shape == (30, 41, 3)
    assert (back["sub/clear.png"][..., 3] == np.asarray(Image.open(photos / "sub" / "clear.png"))[..., 3]).all()
    assert read(tmp_path / "out" / "sub" / "deep.png").pixels.dtype == np.uint16


def test_grey_stays_grey_where_the_domain_is_grey(run, photos, tmp_path, capsys):
    rows(capsys, run, photos, "--to", "b", "--from", "a", "--out", tmp_path / "out")
    modes = [Image.open(tmp_path / "out" / name).mode for name in below(tmp_path / "out")]
    assert modes == ["L", "LA", "I;16"] or modes == ["L", "RGBA", "I;16"]
    assert len(Image.open(tmp_path / "out" / "sub" / "clear.png").getbands()) == 2


def test_an_image_alone_and_the_same_in_a_folder_or_from_python_give_one_picture(run, photos, tmp_path, capsys):
    single = rows(capsys, run, photos / "colour.jpg", "--to", "c", "--out", tmp_path / "one.png")
    assert [row["output"] for row in single] == [str(tmp_path / "one.png")]
    rows(capsys, run, photos, "--to", "c", "--out", tmp_path / "all")
    one = np.asarray(Image.open(tmp_path / "one.png"))
    assert (np.asarray(Image.open(tmp_path / "all" / "colour.png")) == one).all()
    again = saddle.load(run, device="cpu").translate(photos / "colour.jpg", to="c")
    assert (np.asarray(again) == one).all()


def test_several_inputs_lie_side_by_side(run, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(photos / "colour.jpg", "mine.jpg")
    made = rows(capsys, run, "mine.jpg", photos, "--to", "c")
    assert below(tmp_path / "c-images") == [
        "mine.png",
        "photos/colour.png",
        "photos/sub/clear.png",
        "photos/sub/deep.png",
    ]
    assert len(made) == 4


def test_results_are_named_as_asked(run, photos, tmp_path, capsys):
    rows(
        capsys, run, photos, "--to", "c", "--out", tmp_path / "flat", "--flat", "--suffix=-as-{to}", "--format", "same"
    )
    assert below(tmp_path / "flat") == ["clear-as-c.png", "colour-as-c.jpg", "deep-as-c.tif"]
    assert Image.open(tmp_path / "flat" / "colour-as-c.jpg").format == "JPEG"
    assert read(tmp_path / "flat" / "deep-as-c.tif").pixels.dtype == np.uint16
    rows(capsys, run, photos, "--to", "c", "--out", tmp_path / "eight", "--depth", "8", "--alpha", "flatten")
    assert {Image.open(tmp_path / "eight" / name).mode for name in below(tmp_path / "eight")} == {"RGB"}
    (row,) = rows(capsys, run, photos / "sub" / "deep.tif", "--depth", "16", "--out", tmp_path / "x.tif")
    assert deep.raw_modes(Image.open(row["output"]))


def test_two_inputs_of_one_output_are_refused_before_work(run, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for name in ("x.jpg", "x.png"):
        Image.fromarray(pixels(8, 8, 3)).save(tmp_path / "in" / name)
    said = refused(capsys, run, tmp_path / "in", "--out", tmp_path / "out")
    assert f"{tmp_path}/in/x.jpg and {tmp_path}/in/x.png would both become {tmp_path}/out/x.png" in said
    assert not (tmp_path / "out").exists()
    rows(capsys, run, tmp_path / "in", "--out", tmp_path / "out", "--format", "same")
    assert below(tmp_path / "out") == ["x.jpg", "x.png"]


def test_an_image_that_is_given_twice_is_said_to_be(run, photos, tmp_path, capsys):
    one = photos / "colour.jpg"
    assert f"{one} is given twice" in refused(capsys, run, one, one, "--out", tmp_path / "out")


def test_nothing_is_overwritten(run, photos, tmp_path, capsys):
    shutil.copytree(photos, tmp_path / "in")
    before = (tmp_path / "in" / "colour.jpg").read_bytes()
    assert "is not an empty folder" in refused(capsys, run, photos, "--out", tmp_path / "in")
    said = refused(capsys, run, photos / "colour.jpg", "--out", tmp_path / "in" / "colour.jpg")
    assert "exists; choose another name" in said
    assert (tmp_path / "in" / "colour.jpg").read_bytes() == before


def test_what_has_its_result_is_left_out_on_request(run, photos, tmp_path, capsys):
    rows(capsys, run, photos, "--to", "c", "--out", tmp_path / "out")
    (tmp_path / "out" / "colour.png").unlink()
    kept = (tmp_path / "out" / "sub" / "deep.png").stat().st_mtime_ns
    again = rows(capsys, run, photos, "--to", "c", "--out", tmp_path / "out", "--skip-existing")
    assert [Path(row["output"]).name for row in again] == ["colour.png"]
    assert (tmp_path / "out" / "sub" / "deep.png").stat().st_mtime_ns == kept
    assert rows(capsys, run, photos, "--to", "c", "--out", tmp_path / "out", "--skip-existing") == []


@pytest.fixture
def partly(photos, tmp_path) -> Path:
    """A folder with a file cut in the middle, an empty one and one of another kind."""
    folder = tmp_path / "partly"
    shutil.copytree(photos, folder)
    whole = (folder / "colour.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "sub" / "empty.png").write_bytes(b"")
    (folder / "x.eps").write_bytes(b"%!PS")
    return folder


def test_a_bad_file_does_not_stop_the_others_and_is_named(run, partly, tmp_path, capsys):
    said = refused(capsys, run, partly, "--to", "c", "--out", tmp_path / "out", code=1)
    assert below(tmp_path / "out") == ["colour.png", "sub/clear.png", "sub/deep.png"]
    assert "3 files failed:" in said
    for name, reason in {"cut.jpg": "truncated", "sub/empty.png": "empty file", "x.eps": "EPS"}.items():
        (line,) = (line for line in said.splitlines() if name in line)
        assert reason in line


def test_strict_stops_at_the_first_bad_file(run, partly, tmp_path, capsys):
    assert "cut.jpg: truncated" in refused(capsys, run, partly, "--out", tmp_path / "out", "--strict", code=1)
    assert below(tmp_path / "out") == ["colour.png"]


def test_ctrl_c_leaves_whole_files_alone(run, photos, tmp_path, capsys, monkeypatch):
    from saddle.cli._translating import Translating

    done = Translating._result

    def stopped(self, work, *rest):
        if work.name == "sub/deep.tif":
            raise KeyboardInterrupt
        return done(self, work, *rest)

    monkeypatch.setattr(Translating, "_result", stopped)
    assert main(["translate", str(run), str(photos), "--to", "c", "--out", str(tmp_path / "out")]) == 130
    assert below(tmp_path / "out") == ["colour.png", "sub/clear.png"]
    for name in below(tmp_path / "out"):
        Image.open(tmp_path / "out" / name).load()


def test_however_many_images_there_are_few_are_in_memory(run, tmp_path, capsys, monkeypatch):
    import weakref

    from saddle.use import original

    (tmp_path / "in").mkdir()
    for i in range(12):
        Image.fromarray(pixels(8, 8, 1)[..., 0]).save(tmp_path / "in" / f"{i}.png")
    once, alive, most = original.read, weakref.WeakSet(), []

    def counted(*args, **more):
        most.append(len(alive))
        given = once(*args, **more)
        alive.add(given)
        return given

    monkeypatch.setattr(original, "read", counted)
    monkeypatch.setattr(original.Original, "__hash__", object.__hash__)
    assert len(rows(capsys, run, tmp_path / "in", "--out", tmp_path / "out")) == 12
    assert len(most) == 12
    assert max(most) <= 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "zebra"], "no domain 'zebra'"),
        (["-n", "2"], "draws nothing at random"),
        (["--mean", "3"], "draws nothing at random"),
        (["--mask", "x.png"], "has not learned to fill holes"),
        (["--size", "big"], "it wants own, run"),
        (["--depth", "16", "--format", "jpg"], "JPEG holds 8 bits"),
        (["--suffix", "a/b"], "has no /"),
        (["--out", "x.txt"], "the name should end in .png"),
    ],
)
def test_what_cannot_be_is_refused_before_a_file_is_read(words, told, run, photos, capsys):
    assert told in refused(capsys, run, photos / "colour.jpg", *words)


def test_what_is_not_there_is_said(run, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "no image in" in refused(capsys, run, tmp_path / "empty")
    assert "there is no" in refused(capsys, run, tmp_path / "nowhere.png")


def test_a_jpeg_has_no_opacity_and_says_what_helps(run, photos, tmp_path, capsys):
    argv = [run, photos, "--format", "jpg", "--to", "c"]
    said = refused(capsys, *argv, "--out", tmp_path / "x", code=1)
    assert "clear.png: JPEG holds no opacity; choose --alpha flatten" in said
    assert below(tmp_path / "x") == ["colour.jpg", "sub/deep.jpg"]
    assert len(rows(capsys, *argv, "--out", tmp_path / "y", "--alpha", "flatten")) == 3


def test_another_size_is_made_and_told(run, photos, tmp_path, capsys):
    argv = ["translate", str(run), str(photos / "colour.jpg"), "--to", "c", "--size", "run"]
    assert main([*argv, "--out", str(tmp_path / "run.png")]) == 0
    assert "colour.jpg: brought to 16×16 (height × width)" in capsys.readouterr().err
    assert Image.open(tmp_path / "run.png").size == (16, 16)
    assert main([*argv, "--out", str(tmp_path / "back.png"), "--restore-size"]) == 0
    assert "its result brought back" in capsys.readouterr().err
    assert Image.open(tmp_path / "back.png").size == (41, 30)
