"""Images that a run gives are like those that it was trained on: grey, of 16 bits, with opacity."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import tiny

from saddle.cli import _write, main
from saddle.runs.run import Run
from saddle.show import pictures

RANDOM = np.random.default_rng(0)
VAE = ["--game.z_dim", "3", "--game.width", "6"]


def trained(folder: Path, data: str, *settings: str) -> Path:
    assert main(["train", "vae", "--data", data, "--run", str(folder), "--quiet", *tiny(*VAE, *settings)]) == 0
    return folder


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on 12 bits of grey in files of 16."""
    home = tmp_path_factory.mktemp("deep")
    (home / "scans").mkdir()
    for i in range(24):
        values = RANDOM.integers(0, 4096, (8, 8)).astype(np.uint16)
        Image.fromarray(values).save(home / "scans" / f"{i:02}.png")
    return trained(home / "run", f"folder:{home / 'scans'}", "--data.range", "0,4095")


@pytest.fixture(scope="module")
def clear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on colour and opacity."""
    home = tmp_path_factory.mktemp("clear")
    (home / "icons").mkdir()
    for i in range(24):
        Image.fromarray(RANDOM.integers(0, 256, (12, 8, 4), np.uint8)).save(home / "icons" / f"{i:02}.png")
    return trained(
        home / "run", f"folder:{home / 'icons'}", "--data.size", "8", "--data.channels", "4", "--data.fit", "pad"
    )


@pytest.fixture(scope="module")
def paged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on all pages of TIFFs."""
    home = tmp_path_factory.mktemp("paged")
    (home / "stacks").mkdir()
    for i in range(8):
        stack(home / "stacks" / f"{i}.tif")
    return trained(home / "run", f"folder:{home / 'stacks'}", "--data.pages", "all")


def stack(path: Path, n: int = 3) -> None:
    first, *more = (Image.fromarray(RANDOM.integers(0, 256, (8, 8), np.uint8)) for _ in range(n))
    first.save(path, save_all=True, append_images=more)


def files(capsys: pytest.CaptureFixture[str], *argv: str) -> list[Path]:
    assert main([*argv, "--json"]) == 0
    return [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(list(argv)) == 2
    return capsys.readouterr().err


def test_grey_stays_grey_and_16_bits_come_in_the_range_of_the_data(deep, tmp_path, capsys):
    for path in files(capsys, "sample", str(deep), "-n", "2", "--each", str(tmp_path / "shallow")):
        assert Image.open(path).mode == "L"
    (grid,) = files(capsys, "sample", str(deep), "-n", "2", "--out", str(tmp_path / "grid.png"))
    assert Image.open(grid).mode == "L"
    each = files(capsys, "sample", str(deep), "-n", "2", "--bits", "16", "--each", str(tmp_path / "deep"))
    (whole,) = files(capsys, "sample", str(deep), "-n", "2", "--bits", "16", "--out", str(tmp_path / "x.npy"))
    values = np.load(whole)
    assert (values.dtype, values.shape) == (np.uint16, (2, 1, 8, 8))
    assert 255 < values.max() <= 4095
    assert [Image.open(path).mode for path in each] == ["I;16"] * 2
    assert np.array_equal(np.stack([np.asarray(Image.open(path)) for path in each]), values[:, 0])
    shallow = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "shallow").iterdir())])
    assert np.abs(values[:, 0] / 4095 - shallow / 255).max() < 0.5 / 255 + 0.5 / 4095


def test_an_image_of_16_bits_is_read_for_use_as_the_data_were(deep, tmp_path, capsys):
    values = np.full((8, 8), 4095, np.uint16)
    Image.fromarray(values).save(tmp_path / "bright.png")
    Image.new("L", (8, 8), 255).save(tmp_path / "eight.png")
    made = [
        np.load(files(capsys, "reconstruct", str(deep), str(tmp_path / f"{name}.png"), "--bits", "16", "--out",
                      str(tmp_path / f"{name}.npy"))[0])
        for name in ("bright", "eight")
    ]  # fmt: skip
    assert np.array_equal(*made)  # both are white
    (again,) = files(capsys, "reconstruct", str(deep), str(tmp_path / "bright.png"), "--out", str(tmp_path / "y.png"))
    assert Image.open(again).mode == "L"


def test_bits_that_would_be_lost_are_refused(deep, clear, tmp_path, capsys):
    assert "--bits 16 is for a run on images of 16 bits" in refused(
        capsys, "sample", str(clear), "--bits", "16", "--out", str(tmp_path / "x.npy")
    )
    assert "write .npy, or one by one" in refused(capsys, "sample", str(deep), "--bits", "16")


def test_opacity_comes_out_as_it_went_in(clear, tmp_path, capsys):
    each = files(capsys, "sample", str(clear), "-n", "2", "--each", str(tmp_path / "each"))
    assert [Image.open(path).mode for path in each] == ["RGBA"] * 2
    (whole,) = files(capsys, "sample", str(clear), "-n", "2", "--out", str(tmp_path / "x.npy"))
    assert np.array_equal(
        np.stack([np.asarray(Image.open(path)) for path in each]).transpose(0, 3, 1, 2), np.load(whole)
    )
    (again,) = files(capsys, "reconstruct", str(clear), str(each[0]), "--out", str(tmp_path / "again.png"))
    assert Image.open(again).mode == "RGBA"


def test_images_are_fitted_for_use_as_the_data_were(clear, tmp_path):
    from saddle.cli import _images

    Image.new("RGB", (16, 4), (255, 0, 0)).save(tmp_path / "wide.png")
    (image,) = next(_images.read(Run(clear), tmp_path / "wide.png").portions(1))
    assert (image[3, [0, -1]] == -1).all()  # padded, and clear there
    assert (image[3, 3:5] == 1).all()


def test_a_run_on_all_pages_takes_all_pages_when_it_is_used(paged, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    stack(tmp_path / "in" / "scan.tif")
    stack(tmp_path / "in" / "other.gif", 2)
    table = ["encode", str(paged), str(tmp_path / "in"), "--out", str(tmp_path / "codes.csv")]
    files(capsys, *table)
    lines = [line.split(",") for line in (tmp_path / "codes.csv").read_text().splitlines()[1:]]
    assert [name for name, *_ in lines] == ["other.gif", "other.gif#2", "scan.tif", "scan.tif#2", "scan.tif#3"]
    assert len({tuple(code) for _, *code in lines}) == 5
    for given, names in (("in", ["other", "other-2", "scan", "scan-2", "scan-3"]), ("in/scan.tif", ["scan", "scan-2"])):
        out = tmp_path / f"out-{len(names)}"
        made = files(capsys, "reconstruct", str(paged), str(tmp_path / given), "--out", str(out))
        assert [path.name for path in made][: len(names)] == [f"{name}.png" for name in names]
        assert Image.open(made[-1]).size == (8, 8)
    stack(tmp_path / "single.tif", 1)
    files(capsys, "reconstruct", str(paged), str(tmp_path / "single.tif"), "--out", str(tmp_path / "single.png"))


def test_names_of_pages_are_told_apart_from_other_files():
    from saddle.cli._images import _file_names

    assert _file_names(["a/x.tif", "a/x.tif#2"]) == ["a-x", "a-x-2"]
    names = _file_names(["x-2.png", "x.tif", "x.tif#2"])
    assert len(set(names)) == 3
    assert not any("#" in name for name in names)


def test_pages_that_a_command_leaves_out_are_told_once(deep, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        stack(tmp_path / "in" / f"{name}.tif")
    stack(tmp_path / "in" / "c.tif", 1)
    assert main(["encode", str(deep), str(tmp_path / "in"), "--out", str(tmp_path / "codes.csv")]) == 0
    told = capsys.readouterr().err
    assert told.count("of 2 files with several pages or frames the first alone is taken (a.tif, b.tif)") == 1
    assert len((tmp_path / "codes.csv").read_text().splitlines()) == 4


def test_whole_numbers_of_16_bits():
    x = torch.tensor([-1.0, 0, 1, 2, -3, float("nan")])
    assert pictures.to_uint16(x).tolist() == [0, 32768, 65535, 65535, 0, 0]
    assert pictures.to_uint16(x, 100, 1100).tolist() == [100, 600, 1100, 1100, 100, 100]
    every = torch.arange(65536)
    assert torch.equal(pictures.to_uint16(every.float() / 32767.5 - 1).to(torch.int64), every)
    assert pictures.to_uint8(pictures.to_uint16(x)).tolist() == [0, 128, 255, 255, 0, 0]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "RGB"), (3, "RGB"), (4, "RGBA"), (5, "RGB")])
def test_one_image_has_the_mode_of_its_channels(channels, mode):
    image = torch.from_numpy(RANDOM.integers(0, 256, (channels, 5, 6), np.uint8))
    picture = pictures.plain(image)
    assert (picture.mode, picture.size) == (mode, (6, 5))
    if channels in (1, 3, 4):
        assert np.array_equal(np.asarray(picture).reshape(5, 6, channels), image.permute(1, 2, 0))


def test_channels_that_a_png_would_lose_are_refused(deep):
    run = Run(deep)
    run.game.data = run.spec.with_shape((5, 8, 8))
    with pytest.raises(_write.UsageError, match=r"a PNG holds 1, 3 or 4 channels, and these images have 5"):
        _write.check_channels(run)
