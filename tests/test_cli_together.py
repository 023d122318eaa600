"""saddle sample and interpolate of games that draw several images from one latent: of two domains, of several sizes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import tiny
from translated import trained

import saddle
from saddle.cli import main


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory):
    """A run of which each latent shows a digit and its negative."""
    yield from trained(tmp_path_factory.mktemp("twins") / "run", "digits", "toy-twins")


THIN = ["--game.width", "4", "--game.image_width", "2", "--game.discriminator_width", "4"]
SIZED = {
    "lapgan": (["--data.size", "16", "--game.width", "2", "--game.smallest_width", "8"], [8, 16]),
    "progan": (["--data.size", "16", "--game.z_dim", "8", "--game.network.channel_max", "4"], [4, 8, 16]),
    "stackgan-v2": (["--data.size", "32", *THIN], [16, 32]),
}


@pytest.fixture(scope="module", params=SIZED)
def sized(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A run that draws every sample at several sizes."""
    folder = tmp_path_factory.mktemp("sized") / "run"
    settings, sizes = SIZED[request.param]
    assert main(["train", request.param, "--run", str(folder), "--quiet", *tiny(*settings)]) == 0
    return folder, sizes


def files(capsys: pytest.CaptureFixture[str], *argv: object) -> list[Path]:
    assert main([*map(str, argv), "--json"]) == 0
    return [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]


def test_pairs_stand_side_by_side_in_a_grid(twins, tmp_path, capsys):
    (out,) = files(capsys, "sample", twins, "-n", 8, "--out", tmp_path / "pairs.png")
    made = saddle.load(twins, device="cpu").sample(8)
    grid = np.asarray(Image.open(out).convert("L"))
    side, scale = made.shape[2], 64 // made.shape[2]
    wide = side * scale + 2
    for place in range(8):
        row, column = divmod(place, 2)
        a, b = (grid[2 + row * wide :: scale, 2 + (2 * column + k) * wide :: scale][:side, :side] for k in (0, 1))
        assert (a == made[place, 0].numpy()).all()
        assert (abs(255 - a.astype(int) - b) <= 1).all()


def test_pairs_have_a_file_each_or_an_array_each(twins, tmp_path, capsys):
    names = [path.name for path in files(capsys, "sample", twins, "-n", 2, "--each", tmp_path / "each")]
    assert names == ["a-0001.png", "b-0001.png", "a-0002.png", "b-0002.png"]
    arrays = files(capsys, "sample", twins, "-n", 3, "--out", tmp_path / "x.npy")
    assert [path.name for path in arrays] == ["x-a.npy", "x-b.npy"]
    a, b = map(np.load, arrays)
    assert (a == saddle.load(twins, device="cpu").sample(3).numpy()).all()
    assert (np.asarray(Image.open(tmp_path / "each" / "b-0002.png")) == b[1, 0]).all()


def test_a_walk_shows_both_images_of_every_step(twins, tmp_path, capsys):
    a, b = map(np.load, files(capsys, "interpolate", twins, "--rows", 2, "--steps", 3, "--out", tmp_path / "w.npy"))
    assert (a == saddle.load(twins, device="cpu").interpolate(2, 3).numpy()).all()
    assert (abs(255 - a.astype(int) - b) <= 1).all()
    (out,) = files(capsys, "interpolate", twins, "--rows", 2, "--steps", 3, "--out", tmp_path / "w.png")
    scale = 64 // a.shape[2]
    assert Image.open(out).size == (3 * (a.shape[3] * scale + 2) + 2, 4 * (a.shape[2] * scale + 2) + 2)


def test_every_size_of_the_same_latents_is_a_grid(sized, tmp_path, capsys):
    folder, sizes = sized
    run = saddle.load(folder, device="cpu")
    written = files(capsys, "sample", folder, "-n", 4, "--every-size", "--out", tmp_path / "x.npy")
    made = [np.load(path) for path in written]
    assert [path.name for path in written] == [f"x-{side}x{side}.npy" for side in sizes]
    assert [x.shape[2:] for x in made] == [(side, side) for side in sizes]
    assert (made[-1] == run.sample(4).numpy()).all()
    grids = files(capsys, "sample", folder, "-n", 4, "--every-size", "--out", tmp_path / "x.png")
    assert [path.name for path in grids] == [f"x-{side}x{side}.png" for side in sizes]
    each = files(capsys, "sample", folder, "-n", 2, "--every-size", "--each", tmp_path / "each")
    assert len(each) == 2 * len(sizes)
    assert Image.open(tmp_path / "each" / f"{sizes[0]}x{sizes[0]}" / "00001.png").size == (sizes[0], sizes[0])


def test_a_game_of_one_size_says_so(twins, capsys):
    assert main(["sample", str(twins), "--every-size"]) == 2
    assert "draws images of one size alone; leave out --every-size" in capsys.readouterr().err
