"""saddle restore: files and folders come back larger, in their place, with what belongs to them."""

import json
import shutil

import numpy as np
import pytest
import torch
from enlarging import apart
from PIL import Image, ImageCms
from translated import below, pixels, read, some_photos, trained

import saddle
from saddle.cli import main
from saddle.data.picture import fitted
from saddle.metrics.psnr import saved_psnr
from saddle.metrics.ssim import ssim_y
from saddle.use.comparing import compare


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    yield from trained(tmp_path_factory.mktemp("enlarging") / "run", "toy-small", "toy-enlarging")


@pytest.fixture(scope="module")
def frontal(tmp_path_factory):
    yield from trained(tmp_path_factory.mktemp("frontal") / "run", "toy-small", "toy-frontal")


@pytest.fixture
def photos(tmp_path):
    return some_photos(tmp_path / "photos")


def rows(capsys, *argv):
    capsys.readouterr()
    assert main(["restore", *map(str, argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *argv, code=2):
    capsys.readouterr()
    assert main(["restore", *map(str, argv)]) == code
    return capsys.readouterr().err


def test_a_folder_comes_back_twice_as_large_with_its_folders_depths_and_opacity(run, photos, tmp_path, capsys):
    made = rows(capsys, run, photos, "--out", tmp_path / "out")
    assert below(tmp_path / "out") == ["colour.png", "sub/clear.png", "sub/deep.png"]
    assert [set(row) for row in made] == [{"input", "output", "size", "padded", "tiles", "seconds"}] * 3
    for name, suffix in (("colour", ".jpg"), ("sub/clear", ".png"), ("sub/deep", ".tif")):
        before, after = read(photos / f"{name}{suffix}"), read(tmp_path / "out" / f"{name}.png")
        assert after.size == (2 * before.size[0], 2 * before.size[1])
        assert (after.bits, after.pixels.shape[2]) == (before.bits, before.pixels.shape[2])
        assert (after.alpha is None) == (before.alpha is None)


def test_the_file_holds_what_python_makes(run, photos, tmp_path):
    assert main(["restore", str(run), str(photos / "sub" / "clear.png"), "--out", str(tmp_path / "new.png")]) == 0
    opened = saddle.load(run, device="cpu")
    given = np.asarray(Image.open(photos / "sub" / "clear.png"))
    assert (np.asarray(Image.open(tmp_path / "new.png")) == opened.restore(given)).all()


def test_an_image_is_upright_in_srgb_and_without_notes_unless_they_are_kept(run, tmp_path, capsys):
    image, exif = Image.fromarray(pixels(6, 9, 3)), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(tmp_path / "old.png", exif=exif, icc_profile=profile)
    rows(capsys, run, tmp_path / "old.png", "--out", tmp_path / "a.jpg")
    rows(capsys, run, tmp_path / "old.png", "--out", tmp_path / "b.jpg", "--keep-exif")
    for name, maker in (("a.jpg", None), ("b.jpg", "Maker")):
        with Image.open(tmp_path / name) as made:
            assert made.size == (12, 18)
            assert made.getexif().get(0x010F) == maker
            assert made.getexif().get(0x0112) is None
            assert made.info["icc_profile"]


def test_formats_depths_and_opacity_are_those_asked_for(run, photos, tmp_path, capsys):
    more = ("--format", "tiff", "--depth", "16", "--alpha", "flatten", "--flat", "--suffix=-large")
    rows(capsys, run, photos, "--out", tmp_path / "out", *more)
    assert below(tmp_path / "out") == ["clear-large.tif", "colour-large.tif", "deep-large.tif"]
    assert all(read(path).bits == 16 for path in (tmp_path / "out").iterdir())
    assert read(tmp_path / "out" / "clear-large.tif").alpha is None
    assert "JPEG holds 8 bits" in refused(
        capsys, run, photos, "--out", tmp_path / "b", "--format", "jpg", "--depth", 16
    )
    assert "which has no /" in refused(capsys, run, photos, "--out", tmp_path / "b", "--suffix", "a/b")
    assert not (tmp_path / "b").exists()


def test_ways_through_the_network_are_said_by_command(run, photos, tmp_path, capsys):
    file, opened = photos / "colour.jpg", saddle.load(run, device="cpu")
    for k, (words, how) in enumerate(
        [
            (["--times", 3], {"times": 3}),
            (["--tile", 32], {"tile": 32}),
            (["--blend", 0.5], {"blend": 0.5}),
            (["--self-ensemble", "--wrap"], {"self_ensemble": True, "wrap": True}),
            (["--precision", "bf16"], {"precision": "bf16"}),
        ]
    ):
        rows(capsys, run, file, "--out", tmp_path / f"{k}.png", *words)
        assert (np.asarray(Image.open(tmp_path / f"{k}.png")) == np.asarray(opened.restore(file, **how))).all()
    assert capsys.readouterr().err == ""
    rows(capsys, run, file, "--out", tmp_path / "less.png", "--tile", 32, "--overlap", 1)
    main(["restore", str(run), str(file), "--out", str(tmp_path / "3.jpg"), "--times", "3"])
    assert "colour.jpg: enlarged 2 times by 2, and brought to 3 times its size" in capsys.readouterr().err
    assert "from 0 to 1, not '1.5'" in refused(capsys, run, file, "--blend", "1.5")


def test_an_unreadable_file_in_the_middle_is_named_at_the_end_and_the_others_are_done(run, photos, tmp_path, capsys):
    (photos / "middle.png").write_bytes((photos / "sub" / "clear.png").read_bytes()[:60])
    told = refused(capsys, run, photos, "--out", tmp_path / "out", code=1)
    assert "1 file failed" in told
    assert "middle.png" in told
    assert below(tmp_path / "out") == ["colour.png", "sub/clear.png", "sub/deep.png"]
    strict = refused(capsys, run, photos, "--out", tmp_path / "strict", "--strict", code=1)
    assert "middle.png" in strict
    assert len(below(tmp_path / "strict")) < 3


def test_what_is_there_is_left_as_it_is(run, photos, tmp_path, capsys):
    rows(capsys, run, photos, "--out", tmp_path / "out")
    assert "out" in refused(capsys, run, photos, "--out", tmp_path / "out")
    (tmp_path / "out" / "colour.png").unlink()
    assert len(rows(capsys, run, photos, "--out", tmp_path / "out", "--skip-existing")) == 1


def test_results_are_scored_beside_true_images_and_bicubic_ones(run, tmp_path, capsys):
    (tmp_path / "small").mkdir(), (tmp_path / "true").mkdir()
    for name in ("a.png", "b.png"):
        small = np.asarray(Image.fromarray(pixels(4, 5, 3)).resize((11, 13), 3))
        Image.fromarray(small).save(tmp_path / "small" / name)
        Image.fromarray(fitted(small, 26, 22)).save(tmp_path / "true" / name)
    argv = (run, tmp_path / "small", "--truth", tmp_path / "true")
    made = rows(capsys, *argv, "--out", tmp_path / "out", "--sheet", tmp_path / "page.html")
    result, truth = (read(tmp_path / folder / "a.png").pixels for folder in ("out", "true"))
    assert made[0]["psnr"] == compare(result, truth)["psnr"]
    inner = [torch.from_numpy(x[2:-2, 2:-2] / 127.5 - 1).permute(2, 0, 1)[None] for x in (result, truth)]
    assert made[0]["psnr_y"] == pytest.approx(float(saved_psnr(*inner, luma=True)))  # enlarged twice: 2 pixels less
    assert made[0]["ssim_y"] == pytest.approx(float(ssim_y(*inner)))
    assert "psnr" in (tmp_path / "out" / "scores.csv").read_text()
    assert "restored" in (tmp_path / "page.html").read_text()
    shutil.rmtree(tmp_path / "out")
    main(["restore", *map(str, argv), "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "the input, bicubic" in said
    assert "2 of 2" not in said  # no result is the truth; the bicubic images are
    assert "inf" in said
    Image.fromarray(pixels(25, 22, 3)).save(tmp_path / "true" / "b.png")
    told = refused(capsys, *argv, "--out", tmp_path / "again", code=1)
    assert "b.png: restored, but not compared: the result has 26×22 pixels" in told


# Landmarks


def test_landmarks_are_read_from_a_table(frontal, tmp_path, capsys):
    faces = tmp_path / "faces"
    faces.mkdir()
    points = np.arange(10.0).reshape(5, 2)
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels(16, 16, 3)).save(faces / name)
    line = ",".join(map(str, points.flatten()))
    table = tmp_path / "points.csv"
    table.write_text(f"file,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5\na.png,{line}\nb.png,{line}\n")
    argv = (frontal, faces, "--landmarks", table, "--out")
    rows(capsys, *argv, tmp_path / "out")
    opened = saddle.load(frontal, device="cpu")
    given = np.asarray(Image.open(faces / "a.png"))
    made = opened.restore(given, landmarks=points)
    assert apart(made, np.asarray(Image.open(tmp_path / "out" / "a.png"))) == 0
    assert apart(made, opened.restore(given, landmarks=points + 6)) > 0
    table.write_text(f"a.png,{line}\nb.png,{line.replace('9.0', '16.0')}\n")
    told = refused(capsys, *argv, tmp_path / "outside", code=1)
    assert "b.png: landmark 5 (x 8, y 16) lies outside of the image, which has 16 columns and 16 rows" in told
    assert below(tmp_path / "outside") == ["a.png"]


def test_landmarks_that_are_missing_or_none_are_refused_before_work(run, frontal, tmp_path, capsys):
    Image.fromarray(pixels(8, 8, 3)).save(tmp_path / "a.png")
    argv, table = (tmp_path / "a.png", "--out", tmp_path / "b.png"), tmp_path / "points.csv"
    assert "toy-frontal looks at landmarks beside an image; give them with --landmarks" in refused(
        capsys, frontal, *argv
    )
    line = "1,2,3,4,5,6,7,8,9"
    for text, told in (
        (f"a.png,{line}\n", "line 1: it holds 9 values behind the name of the file, and 5 points are 10 numbers"),
        (f"a.png,{line},nan\n" * 2, "line 2: 'nan' is no number of pixels"),
        (f"a.png,{line},0\n" * 2, "line 2: a.png is named twice"),
        (f"c.png,{line},0\n", "points.csv has no line for a.png"),
        ("\n", "holds no landmarks"),
    ):
        table.write_text(text)
        assert told in refused(capsys, frontal, *argv, "--landmarks", table)
    assert "cannot be read" in refused(capsys, frontal, *argv, "--landmarks", tmp_path / "none.csv")
    assert "ToyEnlarging looks at no landmarks" in refused(capsys, run, *argv, "--landmarks", table)
    assert not (tmp_path / "b.png").exists()
