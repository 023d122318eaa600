"""How unusual are images, and where? By command and from Python: verdicts, and heat maps on one scale."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from detecting import SIDE, good, scratched, trained, write
from PIL import Image
from test_calibration import _toys, place, tensors  # noqa: F401  # fixtures

import saddle
from saddle.base.errors import SaddleError, UsageError
from saddle.cli import main
from saddle.runs import finding
from saddle.show import heat
from saddle.use.detecting import View


@pytest.fixture(scope="module")
def run(place: Path):  # noqa: F811
    """A calibrated one."""
    opened = saddle.load(place / "run", device="cpu")
    opened.calibrate(good(100, seed=20), false_alarms=0.02)
    return opened


@pytest.fixture
def bare(run, tmp_path: Path) -> Path:
    """The folder of the same run, not calibrated."""
    shutil.copytree(run.folder, tmp_path / "bare")
    (tmp_path / "bare" / "calibration.json").unlink()
    return tmp_path / "bare"


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Three good ones, a scratched one, and another in a sub-folder."""
    write(tmp_path / "parts", [*good(3, seed=21), scratched(21)])
    write(tmp_path / "parts" / "late", [scratched(22)])
    return tmp_path / "parts"


def detect(run, *words: object) -> int:
    return main(["detect", str(getattr(run, "folder", run)), *map(str, words)])


def test_a_folder_gives_a_table_and_scores_with_quantiles_and_verdicts(run, parts, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert detect(run, parts) == 0
    said = capsys.readouterr().out
    assert "100 % of good images  anomalous" in said
    assert "2 of 5 images are anomalous: above" in said
    with (tmp_path / "parts-detected" / "scores.csv").open(newline="") as file:
        rows = {Path(row["file"]).relative_to(parts).as_posix(): row for row in csv.DictReader(file)}
    assert list(next(iter(rows.values()))) == ["file", "score", "mean", "peak", "quantile", "threshold", "verdict"]
    assert {name for name, row in rows.items() if row["verdict"] == "anomalous"} == {"003.png", "late/000.png"}
    for row in rows.values():
        score = float(row["score"])
        assert score == pytest.approx(float(row["mean"]) + float(row["peak"]), rel=1e-5)
        assert float(row["quantile"]) == run.calibration.quantile(score)
        assert float(row["threshold"]) == run.calibration.threshold


def test_a_program_reads_json_and_nothing_is_written_unless_a_folder_is_named(
    run, parts, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # again and again, as in a production line
        assert detect(run, parts / "000.png", "--json", "--fail-on-anomaly") == 0
    assert not (tmp_path / "000-detected").exists()
    capsys.readouterr()
    assert detect(run, parts / "003.png", "--json", "--fail-on-anomaly", "--out", "new") == 1
    told = capsys.readouterr()
    said = json.loads(told.out)
    assert said["images"][0]["verdict"] == "anomalous"
    assert said["files"] == ["new/scores.csv"]
    assert "1 of 1 images are anomalous" in told.err
    assert detect(run, parts / "003.png", "--out", "new") == 2
    assert "new exists and is not an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(("threshold", "verdicts"), [("9", 0), ("0", 5), ("auto", 2), ("none", None)])
def test_a_threshold_can_be_the_runs_ones_own_or_none(run, parts, threshold: str, verdicts: int | None, capsys):
    capsys.readouterr()
    assert detect(run, parts, "--json", "--threshold", threshold) == 0
    rows = json.loads(capsys.readouterr().out)["images"]
    if verdicts is None:
        assert {row["verdict"] for row in rows} == {row["quantile"] for row in rows} == {None}
    else:
        assert sum(row["verdict"] == "anomalous" for row in rows) == verdicts


def test_a_scratch_is_hot_where_it_is_and_good_parts_stay_cold_on_the_one_scale(run, parts, tmp_path):
    out = tmp_path / "out"
    assert detect(run, parts, "--out", out, "--maps", "--overlays", "--masks", "--side-by-side") == 0
    kinds = ("map", "mask", "overlay", "side-by-side")
    names = [
        sorted(p.relative_to(out / kind).with_suffix("").as_posix() for p in (out / kind).rglob("*.*"))
        for kind in kinds
    ]
    assert names == [["000", "001", "002", "003", "late/000"]] * 4
    scratch = np.zeros((SIDE, SIDE), bool)
    scratch[7, 4:12] = True
    for name in ("003", "late/000"):
        map_ = np.load(out / "map" / f"{name}.npy")
        assert (map_.dtype, map_.shape) == (np.float32, (SIDE, SIDE))
        assert (map_ > run.calibration.pixels).tolist() == scratch.tolist()
        assert (np.asarray(Image.open(out / "mask" / f"{name}.png")) == 255 * scratch).all()
    low, high = run.calibration.scale
    for name in ("000", "001", "002"):
        before = np.asarray(Image.open(parts / f"{name}.png").convert("RGB"))
        warm = heat.scaled(np.load(out / "map" / f"{name}.npy"), low, high)
        assert warm.max() <= 0.6  # half of the scale is the threshold of a pixel
        assert (np.asarray(Image.open(out / "overlay" / f"{name}.png")) == heat.over(before, warm)).all()


def test_the_scale_is_the_runs_whatever_else_is_looked_at(run, parts, tmp_path, monkeypatch):
    """0 is the median of good pixels, 1 twice the threshold; alone, among others and in portions."""
    assert detect(run, parts, "--out", tmp_path / "all", "--maps", "png") == 0
    assert detect(run, parts / "000.png", "--out", tmp_path / "alone", "--maps", "png") == 0
    monkeypatch.setattr(finding, "AT_ONCE", 2)
    assert detect(run, parts, "--out", tmp_path / "portions", "--maps", "png") == 0
    whole, alone, again = (
        np.asarray(Image.open(tmp_path / name / "map" / "000.png")) for name in ("all", "alone", "portions")
    )
    assert whole.dtype == np.uint16
    low, high = run.calibration.scale
    values = run.detect(parts / "000.png").map
    expected = (65535 * ((values - low) / (high - low)).clip(0, 1)).round()
    for each in (whole, alone, again):
        assert np.abs(each.astype(int) - expected).max() <= 1


def test_a_scale_of_an_images_own_is_written_on_it(run, bare, parts, tmp_path):
    words = (parts / "000.png", "--overlays", "--side-by-side", "--scale", "image", "--out")
    assert detect(bare, *words, tmp_path / "own") == 0
    assert detect(run, *words[:3], "--out", tmp_path / "runs") == 0
    for kind in ("overlay", "side-by-side"):
        own, runs = (Image.open(tmp_path / name / kind / "000.png") for name in ("own", "runs"))
        assert own.height == runs.height * (own.width // runs.width) + heat.STRIP
        line = np.asarray(own.convert("L"))[-heat.STRIP :]
        assert (line > 128).mean() > 0.02, "there are letters"
    strip = heat.watermarked(Image.new("RGB", (SIDE, SIDE)), "scaled to this image").convert("L")
    line = np.asarray(Image.open(tmp_path / "own" / "overlay" / "000.png").convert("L"))[-heat.STRIP :]
    assert (line == np.asarray(strip)[-heat.STRIP :]).all()


def test_an_image_of_another_size_comes_back_at_its_own(run, tmp_path):
    large = Image.fromarray(scratched(23)).resize((3 * SIDE, 3 * SIDE), Image.Resampling.NEAREST)
    found = run.detect(large)
    assert found.map.shape == (3 * SIDE, 3 * SIDE)
    row, column = np.unravel_index(found.map.argmax(), found.map.shape)
    assert (row // 3, 4 <= column // 3 < 12) == (7, True)
    assert found.anomalous
    assert found.lost == 0


@pytest.mark.parametrize(
    ("fit", "seen"), [("crop", (0, 16, 16, 32)), ("squash", (0, 16, 0, 48)), ("pad", (0, 16, 0, 48))]
)
def test_maps_lie_where_training_took_the_pixels_from(run, fit: str, seen: tuple[int, int, int, int], tmp_path):
    """A bright spot of an image of other proportions is at the same place of its map; what was cut off is NaN."""
    from dataclasses import replace

    sight = View(replace(run.recipe.data, fit=fit, background="black"), run.spec.fields["image"], pieces=False)
    image = np.zeros((16, 48, 1), np.uint8)
    image[5:9, 26:30] = 255
    look = sight.see(image)
    back = sight.back((look.planes[0, 0] + 1) / 2, (16, 48))
    top, bottom, left, right = seen
    known = np.zeros((16, 48), bool)
    known[top:bottom, left:right] = True
    assert (np.isfinite(back) == known).all()
    rows, columns = np.indices(back.shape)
    weight = np.nan_to_num(back).clip(0)
    assert (rows * weight).sum() / weight.sum() == pytest.approx(6.5, abs=0.4)
    assert (columns * weight).sum() / weight.sum() == pytest.approx(27.5, abs=0.6)


def test_what_was_cut_off_is_told_and_dark(run, tmp_path, capsys):
    Image.fromarray(np.tile(good(1, seed=24)[0], (1, 3))).save(tmp_path / "wide.png")
    assert detect(run, tmp_path / "wide.png", "--out", tmp_path / "out", "--maps", "--overlays", "--masks") == 0
    assert "wide.png: cut at two of its edges" in capsys.readouterr().err
    map_ = np.load(tmp_path / "out" / "map" / "wide.npy")
    assert np.isnan(map_).all(0).tolist() == [True] * 16 + [False] * 16 + [True] * 16
    assert not np.asarray(Image.open(tmp_path / "out" / "mask" / "wide.png"))[:, :16].any()


def test_a_run_on_pieces_looks_at_all_of_an_image_and_its_worst_piece_counts(place, tmp_path):  # noqa: F811
    large = [np.tile(part, (2, 2)) for part in good(30, seed=25)]
    run = saddle.load(trained(tmp_path, 20, large, crop=SIDE), device="cpu")
    image = np.tile(good(1, seed=26)[0], (2, 3))[: SIDE + 5]
    image[17:20, 40:44] = 255
    found = run.detect(image)
    assert found.map.shape == image.shape == (21, 48)
    assert np.isfinite(found.map).all()
    row, column = np.unravel_index(found.map.argmax(), found.map.shape)
    assert (17 <= row < 20, 40 <= column < 44) == (True, True)
    corners = [(top, left) for top in (0, 5) for left in (0, 16, 32)]
    pieces = torch.cat([tensors([image[top : top + 16, left : left + 16]]) for top, left in corners])
    assert found.score == pytest.approx(float(run.detect(pieces).score.max()), rel=1e-5)
    with pytest.raises(UsageError, match=r"it has 8×48 pixels .* fewer than the pieces of 16×16"):
        run.detect(image[:8])
    column = run.source.train.columns["image"]
    trained_on = column.images[column.rows[0]][0]
    with pytest.raises(UsageError, match="1 of 10 images are among those of the training"):
        run.calibrate([*good(9, seed=27), trained_on], 0.1)


def test_an_unreadable_file_in_the_middle_is_told_at_the_end_and_nothing_is_lost(run, parts, tmp_path, capsys):
    (parts / "001b.png").write_bytes(b"\x89PNG but no picture")
    (parts / "zz.heic").write_bytes(b"x")
    assert detect(run, parts, "--out", tmp_path / "out", "--masks") == 1
    told = capsys.readouterr()
    assert "2 files failed:" in told.err
    assert "001b.png: begins like PNG, but is damaged" in told.err
    assert "zz.heic: HEIC files are not opened" in told.err
    assert len((tmp_path / "out" / "scores.csv").read_text().splitlines()) == 1 + 5
    assert len([*(tmp_path / "out" / "mask").rglob("*.png")]) == 5
    assert detect(run, parts / "001b.png", "--out", tmp_path / "none") == 2
    assert detect(run, parts, "--out", tmp_path / "again", "--fail-on-anomaly") == 1
    told = capsys.readouterr()
    assert "2 of 5 images are anomalous" in told.err
    assert "2 files failed" in told.err


def test_a_network_that_gives_no_numbers_fails_for_that_image_and_is_never_normal(
    run, parts, tmp_path, monkeypatch, capsys
):
    found = type(run.game).found

    def spoilt(self, image, share):
        whole = found(self, image, share)
        return whole._replace(score=torch.where(whole.parts["peak"] > 0.8, torch.nan, whole.score))

    monkeypatch.setattr(type(run.game), "found", spoilt)
    assert detect(run, parts, "--out", tmp_path / "out") == 1
    assert "003.png: the network gave numbers that are not finite" in capsys.readouterr().err
    assert len((tmp_path / "out" / "scores.csv").read_text().splitlines()) == 1 + 3
    with pytest.raises(SaddleError, match="not finite"):
        run.detect(parts / "003.png")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--fail-on-anomaly"],
            "--fail-on-anomaly wants a threshold, and .* is not calibrated: saddle calibrate .* GOOD",
        ),
        (["--threshold", "auto"], "--threshold auto is the calibrated one, and .* is not calibrated"),
        (["--masks"], "--masks wants the threshold of a pixel, and .* is not calibrated"),
        (["--overlays"], r"heat maps have the scale .* \(or, each, --scale image\), and .* is not calibrated"),
        (["--side-by-side", "--threshold", "1"], "heat maps have the scale"),
        (["--maps", "png"], "heat maps have the scale"),
        (["--maps", "png", "--scale", "image"], "--maps png is on the run's one scale; --maps npy holds the values"),
        (["--scale", "image"], "--scale image is of heat maps; add --overlays"),
        (
            ["--threshold", "none", "--fail-on-anomaly"],
            "--fail-on-anomaly wants verdicts, and --threshold none gives none",
        ),
        (["--threshold", "high"], "it wants auto, none or a number, not 'high'"),
        (["--threshold", "nan"], "the threshold is auto, none or a number, not nan"),
    ],
)
def test_what_a_run_cannot_be_asked_is_refused_before_a_file_is_read(bare, parts, words, said, tmp_path, capsys):
    shutil.rmtree(parts)
    parts.mkdir()
    write(parts, good(1, seed=0))
    assert detect(bare, parts, "--out", tmp_path / "out", *words) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_without_a_calibration_there_are_scores_and_it_is_said_what_is_missing(bare, parts, tmp_path, capsys):
    assert detect(bare, parts, "--out", tmp_path / "out", "--maps") == 0
    told = capsys.readouterr()
    assert "no verdicts: the run is not calibrated; saddle calibrate" in told.err
    assert "verdict" not in told.out
    assert len([*(tmp_path / "out" / "map").rglob("*.npy")]) == 5


def test_files_come_one_after_the_other_and_few_wait(run, monkeypatch):
    monkeypatch.setattr(finding, "AT_ONCE", 4)
    sight, read = finding.view(run), 0

    def images():
        nonlocal read
        for read, part in enumerate(good(20, seed=28), 1):
            yield read, sight.see(part[..., None])

    for name, _ in finding.each_found(run, images(), sight, run.use(type(run.game), {})):
        assert read - name < 4
    assert name == 20


def test_what_this_game_does_not_have_cannot_be_chosen(run, parts):
    with pytest.raises(UsageError, match="toy-mean has no 'restarts' to choose; there are steps"):
        run.detect(parts / "000.png", restarts=3)
    with pytest.raises(UsageError, match="steps wants a whole number or none, not 'many'"):
        run.detect(parts / "000.png", "none", steps="many")
    assert run.detect(parts / "003.png", "none", steps=5).score < run.detect(parts / "003.png", "none").score


def test_in_python_everything_that_is_an_image_gives_the_same(run, parts):
    path = parts / "003.png"
    array = np.asarray(Image.open(path))
    alone = run.detect(path)
    colour = np.stack([array] * 3, 2)
    clear = np.concatenate([colour, np.full_like(array, 255)[..., None]], 2)
    for image in (str(path), array, Image.open(path), array.astype(np.uint16) * 257, colour, clear, array[..., None]):
        other = run.detect(image)
        assert other.score == pytest.approx(alone.score, abs=1e-4)
        assert (other.verdict, other.map.shape) == ("anomalous", (SIDE, SIDE))
    several = run.detect([path, Image.open(parts / "000.png")])
    assert [one.verdict for one in several] == ["anomalous", "normal"]
    assert [one.score for one in run.detect(array[None, ..., None])] == [pytest.approx(alone.score)]
    whole = run.detect(tensors([array]))
    assert whole.score.tolist() == pytest.approx([alone.score])
    assert whole.parts.keys() == alone.parts.keys() == {"mean", "peak"}
    assert whole.quantile.tolist() == [alone.quantile] == [1.0]
    assert whole.normal.shape == (1, 1, SIDE, SIDE)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (
            torch.zeros(1, 1, 8, 8),
            r"float \[N, 1, 16, 16\] in \[-1, 1\], not torch.float32 \[1, 1, 8, 8\]; of other sizes",
        ),
        (torch.zeros(1, 1, SIDE, SIDE, dtype=torch.uint8), "not torch.uint8"),
        (np.zeros((4, 4)), "uint8 or uint16"),
        (np.zeros((0, 4), np.uint8), "has no pixels"),
        (3, "images are tensors, arrays, PIL images, paths"),
        ("none.png", "none.png: cannot be read: No such file"),
    ],
)
def test_what_is_no_image_is_refused(run, image, said: str):
    with pytest.raises(SaddleError, match=said):
        run.detect(image)
