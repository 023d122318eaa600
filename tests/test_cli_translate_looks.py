"""Results of saddle translate beside their inputs and the truth; holes; warnings; several results."""

import csv
import json
import re
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
    yield from trained(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def holes(tmp_path_factory: pytest.TempPathFactory):
    yield from trained(tmp_path_factory.mktemp("holes") / "run", "toy-holes")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_photos(tmp_path_factory.mktemp("photos") / "photos")


def test_a_page_shows_inputs_results_the_way_back_the_truth_and_the_error(run, photos, tmp_path, capsys):
    argv = [run, photos, "--to", "c", "--out", tmp_path / "out", "--sheet", tmp_path / "x.html", "--truth", photos]
    rows(capsys, *argv, "--sheet-max", "2")
    page = (tmp_path / "x.html").read_text()
    assert re.findall("<th scope=.col.>(.*?)</th>", page) == ["input", "result", "back again", "truth", "error"]
    assert page.count("<img") == 10
    assert page.count('src="data:image/') == 10
    assert "The first 2 of 3." in page
    assert "colour.jpg" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "exists; choose another name" in refused(capsys, *argv[:5], tmp_path / "other", *argv[6:])


def test_results_are_scored_beside_the_truth_and_the_input_itself(run, photos, tmp_path, capsys):
    rows(capsys, run, photos, "--to", "c", "--out", tmp_path / "truth")
    argv = ["translate", str(run), str(photos), "--to", "c", "--out", str(tmp_path / "out")]
    assert main([*argv, "--truth", str(tmp_path / "truth")]) == 0
    said = capsys.readouterr().out
    assert "3 of 3 are identical to the truth" in said
    assert "the input as it is" in said
    with (tmp_path / "out" / "scores.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["input"] for row in table] == ["colour.jpg", "sub/clear.png", "sub/deep.tif"]
    assert {(row["psnr"], row["l1"]) for row in table} == {("inf", "0.0")}
    assert [row["ssim"] for row in table][1:] == ["nan", "nan"]  # below 11 pixels
    assert float(table[0]["ssim"]) == pytest.approx(1)


def test_scores_are_those_of_the_metrics(run, tmp_path, capsys):
    from saddle.metrics.l1 import l1
    from saddle.use.comparing import as_numbers

    given, truth = pixels(20, 20, 1), pixels(20, 20, 1)
    Image.fromarray(given[..., 0]).save(tmp_path / "x.png")
    (tmp_path / "truth").mkdir()
    Image.fromarray(truth[..., 0]).save(tmp_path / "truth" / "x.tif")
    (row,) = rows(
        capsys, run, tmp_path / "x.png", "--to", "b", "--out", tmp_path / "y.png", "--truth", tmp_path / "truth"
    )
    made = read(tmp_path / "y.png").pixels
    assert row["l1"] == pytest.approx(float(l1(as_numbers(made), as_numbers(truth))))
    assert (tmp_path / "y-scores.csv").exists()
    Image.fromarray(truth[:9, :, 0]).save(tmp_path / "small.png")
    argv = [run, tmp_path / "x.png", "--to", "b", "--truth", tmp_path / "small.png", "--out", tmp_path / "z.png"]
    assert "translated, but not compared: the result has 20×20" in refused(capsys, *argv, code=1)
    (tmp_path / "none").mkdir()
    argv[-3:] = [tmp_path / "none", "--out", tmp_path / "w.png"]
    assert "no image of the same name for x.png" in refused(capsys, *argv)


@pytest.fixture
def damaged(tmp_path) -> Path:
    """A grey image of 8 bits with opacity and one of 16 bits in colour, and a mask for each."""
    folder = tmp_path / "damaged"
    for name in ("in", "masks"):
        (folder / name).mkdir(parents=True)
    Image.fromarray(pixels(21, 30, 2)).save(folder / "in" / "grey.png")
    values = np.random.default_rng(3).integers(0, 65536, (18, 17, 3)).astype(np.uint16)
    (folder / "in" / "deep.png").write_bytes(deep.png(values, {}))
    for name, size in {"grey": (21, 30), "deep": (18, 17)}.items():
        mask = np.zeros(size, np.uint8)
        mask[4:8, 5:11] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
    return folder


def test_known_pixels_around_a_hole_come_back_exactly(holes, damaged, tmp_path, capsys):
    made = rows(capsys, holes, damaged / "in", "--mask", damaged / "masks", "--to", "b", "--out", tmp_path / "out")
    assert len(made) == 2
    for name in ("grey.png", "deep.png"):
        given, back = read(damaged / "in" / name), read(tmp_path / "out" / name)
        known = np.asarray(Image.open(damaged / "masks" / name)) == 0
        assert back.pixels.dtype == given.pixels.dtype
        assert (back.pixels[known] == given.pixels[known]).all()
        assert (back.pixels[~known] != given.pixels[~known]).any()
        assert (back.alpha is None) == (given.alpha is None)
        if given.alpha is not None:
            assert (back.alpha == given.alpha).all()


def test_what_lies_under_a_hole_does_not_matter(holes, damaged, tmp_path, capsys):
    given = np.asarray(Image.open(damaged / "in" / "grey.png")).copy()
    argv = ["--mask", damaged / "masks" / "grey.png", "--out"]
    rows(capsys, holes, damaged / "in" / "grey.png", *argv, tmp_path / "a.png")
    given[4:8, 5:11, 0] = 7
    Image.fromarray(given).save(tmp_path / "other.png")
    rows(capsys, holes, tmp_path / "other.png", *argv, tmp_path / "b.png")
    assert (read(tmp_path / "a.png").pixels == read(tmp_path / "b.png").pixels).all()


def test_scores_of_a_filled_hole_are_over_the_hole_alone(holes, damaged, tmp_path, capsys):
    given = np.asarray(Image.open(damaged / "in" / "grey.png")).copy()
    argv = [holes, damaged / "in" / "grey.png", "--mask", damaged / "masks" / "grey.png", "--truth"]
    (whole,) = rows(capsys, *argv, damaged / "in" / "grey.png", "--out", tmp_path / "a.png")
    given[:3, :, 0] = 0
    Image.fromarray(given).save(tmp_path / "truth.png")
    (other,) = rows(capsys, *argv, tmp_path / "truth.png", "--out", tmp_path / "b.png")
    assert whole["l1"] == other["l1"] > 0


def test_masks_that_do_not_fit_are_refused(holes, damaged, tmp_path, capsys):
    height, width = np.asarray(Image.open(damaged / "in" / "grey.png")).shape[:2]
    Image.fromarray(np.linspace(0, 255, height * width * 3).astype(np.uint8).reshape(height, width, 3)).save(
        tmp_path / "photo.png"
    )
    said = refused(capsys, holes, damaged / "in" / "grey.png", "--mask", tmp_path / "photo.png")
    assert "photo.png is no mask: 50% of its pixels are neither black nor white" in said
    said = refused(capsys, holes, damaged / "in" / "grey.png", "--mask", damaged / "masks" / "deep.png")
    assert "the mask has 18×17 pixels (height × width) and its image 21×30" in said
    (tmp_path / "empty").mkdir()
    said = refused(capsys, holes, damaged / "in", "--mask", tmp_path / "empty", "--out", tmp_path / "out")
    assert "no image of the same name for deep.png, grey.png" in said
    said = refused(capsys, holes, damaged / "in" / "grey.png", "--mask", damaged / "masks", "--size", "run")
    assert "--mask gives known pixels back as they are" in said
    argv = [holes, damaged / "in" / "grey.png", "--mask", damaged / "masks", "--out"]
    assert "JPEG changes them; choose --format png" in refused(capsys, *argv, tmp_path / "x.jpg")


def test_a_mask_without_white_is_told_and_not_scored(holes, damaged, tmp_path, capsys):
    Image.fromarray(np.zeros((21, 30), np.uint8)).save(tmp_path / "black.png")
    argv = [holes, damaged / "in" / "grey.png", "--mask", tmp_path / "black.png", "--out", tmp_path / "x.png"]
    assert main(["translate", *map(str, argv), "--truth", str(damaged / "in")]) == 0
    told = capsys.readouterr()
    assert "its mask is nowhere white, so it came back as it is" in told.err
    assert "psnr" not in told.out
    assert (read(tmp_path / "x.png").pixels == read(damaged / "in" / "grey.png").pixels).all()


def test_large_inputs_and_unlike_ones_are_warned_of(run, tmp_path, capsys):
    digits = saddle.load(run, device="cpu").source.heldout.stored({"a": np.arange(4)})["a"][:, 0].numpy()
    (tmp_path / "in").mkdir()
    for i, digit in enumerate(digits):
        Image.fromarray(digit).save(tmp_path / "in" / f"{i}.png")
    assert main(["translate", str(run), str(tmp_path / "in"), "--from", "a", "--out", str(tmp_path / "a")]) == 0
    assert capsys.readouterr().err == ""
    Image.fromarray(pixels(16, 16, 1)[..., 0]).save(tmp_path / "in" / "noise.png")
    Image.fromarray(digits[0]).resize((25, 40), Image.Resampling.NEAREST).save(tmp_path / "in" / "large.png")
    assert main(["translate", str(run), str(tmp_path / "in"), "--from", "a", "--out", str(tmp_path / "b")]) == 0
    said = capsys.readouterr().err.splitlines()
    assert any("noise.png" in line and "unlike the images of the training" in line for line in said)
    assert any("large.png: more than 1.5 times as large" in line for line in said)


def test_no_image_is_too_large_for_a_run_on_pieces_of_larger_ones(run, photos, tmp_path, capsys, monkeypatch):
    from saddle.data import module_of, pieces
    from saddle.data.options import DataOptions

    argv = ["translate", str(run), str(photos / "colour.jpg"), "--out"]
    assert main([*argv, str(tmp_path / "x.png")]) == 0
    assert "more than 1.5 times as large" in capsys.readouterr().err
    monkeypatch.setattr(module_of(DataOptions(source="toy-three")), "PIECES", True, raising=False)
    assert main([*argv, str(tmp_path / "y.png")]) == 0
    assert "more than 1.5 times as large" not in capsys.readouterr().err
    assert [pieces(DataOptions(source=name)) for name in ("edges", "holes", "scenes", "folder:x")] == [1, 1, 0, 0]


def test_a_run_that_does_not_remember_its_images_warns_of_nothing(run, tmp_path, capsys):
    kept = (run / "familiar.json").read_bytes()
    Image.fromarray(pixels(16, 16, 1)[..., 0]).save(tmp_path / "noise.png")
    try:
        for i, text in enumerate(["{", '{"a": {"mean": [1.0], "inverse": [[1.0, 2.0]], "limit": 1.0}}', "[]"]):
            (run / "familiar.json").write_text(text)
            rows(capsys, run, tmp_path / "noise.png", "--from", "a", "--out", tmp_path / f"{i}.png")
    finally:
        (run / "familiar.json").write_bytes(kept)
    assert set(json.loads(kept)) == {"a", "b", "c"}
    assert below(run).count("familiar.json") == 1


def test_without_a_mask_a_run_that_fills_holes_says_that_it_paints_all_anew(holes, damaged, tmp_path, capsys):
    argv = [holes, damaged / "in" / "grey.png", "--to", "b", "--out", tmp_path / "x.png"]
    assert main(["translate", *map(str, argv)]) == 0
    assert capsys.readouterr().err.count("without --mask no pixel is taken for lost") == 1
    argv[-1] = tmp_path / "y.png"
    assert main(["translate", *map(str, argv), "--mask", str(damaged / "masks")]) == 0
    assert "without --mask" not in capsys.readouterr().err
