"""saddle data degrade: files of small images, to be trained on beside the large ones; and the baselines of both."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saddle.cli import main
from saddle.data import DataOptions, open_source
from saddle.data.degradations import degraded

NONE = np.zeros(1, np.uint64)


def folder(root: Path, sides: dict[str, tuple[int, int]]) -> Path:
    for i, (name, (height, width)) in enumerate(sides.items()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture = np.random.default_rng(i).integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(picture).save(root / name)
    return root


def said(capsys, *argv: object, code: int = 0) -> tuple[str, str]:
    assert main([*map(str, argv)]) == code
    printed = capsys.readouterr()
    return printed.out, printed.err


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_the_folders_are_kept_and_each_file_is_its_image_made_small(tmp_path, capsys):
    large = folder(tmp_path / "large", {"a.png": (16, 24), "deep/er/b.png": (20, 12)})
    out, _ = said(capsys, "data", "degrade", large, "--degrade", "box", "--times", 4, "--out", tmp_path / "small")
    assert out == f"2 of 2 images: box, 1/4 of the size, in {tmp_path / 'small'}\n"
    for name in ("a.png", "deep/er/b.png"):
        whole = pixels(large / name).transpose(2, 0, 1)[None]
        assert np.array_equal(
            pixels(tmp_path / "small" / name).transpose(2, 0, 1)[None], degraded(whole, "box", 4, NONE)
        )


def test_the_same_seed_writes_the_same_files_and_none_is_overwritten(tmp_path, capsys):
    large = folder(tmp_path / "large", {"a.png": (24, 24), "b.png": (24, 24)})
    ask = ("data", "degrade", large, "--degrade", "real", "--times", 2, "--out")
    for name, more in {"one": (), "same": ("--seed", 0), "other": ("--seed", 1)}.items():
        said(capsys, *ask, tmp_path / name, *more)
    one, same, other = (pixels(tmp_path / name / "a.png") for name in ("one", "same", "other"))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    _, err = said(capsys, *ask, tmp_path / "one", code=2)
    assert "exists and is not an empty folder; choose another, so that nothing is overwritten" in err


def test_what_is_no_multiple_is_cut_told_and_can_be_trained_on_beside_its_small_images(tmp_path, capsys):
    large = folder(tmp_path / "large", {f"{i}.png": (18 + i % 3, 21) for i in range(6)})
    small, whole = tmp_path / "small", tmp_path / "whole"
    _, err = said(capsys, "data", "degrade", large, "--out", small)
    assert "0.png, 1.png, 2.png, 3.png, 4.png and 1 more: no multiple of 4, so the last rows and columns were" in err
    said(capsys, "data", "degrade", large, "--out", tmp_path / "again", "--whole", whole)
    source = open_source(DataOptions(source=f"pairs:{tmp_path / 'again'},{whole}", crop=16, heldout=0))
    assert source.spec.fields["damaged"].shape == (3, 4, 4)
    assert np.array_equal(pixels(whole / "0.png"), pixels(large / "0.png")[:16, :20])
    assert np.array_equal(pixels(small / "2.png"), pixels(tmp_path / "again" / "2.png"))


def test_sixteen_bits_and_opacity_come_along(tmp_path, capsys):
    (tmp_path / "large").mkdir()
    deep = (np.arange(16 * 16).reshape(16, 16) * 250).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "large" / "deep.png")
    clear = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    Image.fromarray(clear).save(tmp_path / "large" / "clear.png")
    said(capsys, "data", "degrade", tmp_path / "large", "--degrade", "box", "--times", 2, "--out", tmp_path / "small")
    assert np.array_equal(
        pixels(tmp_path / "small" / "deep.png")[None, None], degraded(deep[None, None], "box", 2, NONE)
    )
    found = pixels(tmp_path / "small" / "clear.png").transpose(2, 0, 1)[None]
    assert np.array_equal(found, degraded(clear.transpose(2, 0, 1)[None], "box", 2, NONE))


def test_a_file_that_cannot_be_read_is_told_at_the_end_and_the_others_are_there(tmp_path, capsys):
    large = folder(tmp_path / "large", {"a.png": (8, 8), "c.png": (8, 8), "tiny.png": (2, 8)})
    (large / "b.png").write_bytes((large / "a.png").read_bytes()[:60])
    out, err = said(capsys, "data", "degrade", large, "--out", tmp_path / "small", "--json", code=1)
    assert len(json.loads(out)["files"]) == 2
    assert "b.png: " in err
    assert "tiny.png: 8×2 pixels, of which nothing is left" in err
    assert sorted(path.name for path in (tmp_path / "small").iterdir()) == ["a.png", "c.png"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("data", "check", "digits", "--times", 2), "--times is for saddle data degrade FOLDER; for training there is"),
        (("data", "degrade", "{}", "--times", 1), "data.times is at least 2 for data.degrade bicubic, not 1"),
        (("data", "degrade", "{}", "--out", "{}"), "--out"),
        (("data", "degrade", "{}/none"), "there is no"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, capsys, argv, expected):
    large = folder(tmp_path / "large", {"a.png": (8, 8)})
    assert expected in said(capsys, *(str(each).format(large) for each in argv), code=2)[1]


def test_the_baselines_of_small_images_are_printed_with_those_of_whole_strips(capsys):
    out, _ = said(capsys, "data", "baselines", "photos", "--data.degrade", "bicubic", "--json")
    found = {each["name"]: each["value"] for each in json.loads(out)["baselines"]}
    facts = {"all of china": 22.43, "all of flower": 30.71}
    facts |= {"china, columns 480 to 640": 23.02, "flower, columns 160 to 320": 26.85}
    for what, value in facts.items():
        assert found[f"bicubic, {what}: psnr_y"] == pytest.approx(value, abs=0.01)
    assert found["bicubic, all of china: ssim_y"] == pytest.approx(0.637, abs=0.003)
    assert found["bicubic, all of flower: ssim_y"] == pytest.approx(0.920, abs=0.003)
    assert found["mean image: psnr_y"] < found["bicubic: psnr_y"]


def test_a_picture_of_ones_own_has_the_baseline_of_the_whole(tmp_path, capsys):
    picture = folder(tmp_path, {"a.png": (30, 33)}) / "a.png"
    out, _ = said(capsys, "data", "baselines", f"photo:{picture}", "--data.degrade", "box", "--data.times", 2, "--json")
    found = {each["name"]: each["value"] for each in json.loads(out)["baselines"]}
    assert found.keys() == {"bicubic: psnr_y", "bicubic: ssim_y", "bicubic: psnr"}


def test_least_squares_beat_bicubic_on_digits(capsys):
    ask = ("--data.size", 8, "--data.degrade", "box", "--data.times", 2, "--json")
    out, _ = said(capsys, "data", "baselines", "digits", *ask)
    found = {each["name"]: each["value"] for each in json.loads(out)["baselines"]}
    assert found["linear regression: psnr"] > found["bicubic: psnr"] + 3 > found["mean image: psnr"] + 4
