"""Samples and images come and go in portions: memory holds a few of them, and the bits are those of all at once."""

import itertools
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import tiny

import saddle
from saddle.base.errors import SaddleError
from saddle.cli import _images, _write, main
from saddle.runs import run as runs


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vae") / "run"
    small = ["--data.size", "8", "--game.z_dim", "3", "--game.width", "6"]
    assert main(["train", "vae", "--run", str(folder), "--quiet", *tiny(*small)]) == 0
    return folder


@pytest.fixture(scope="module")
def sgan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sgan") / "run"
    small = ["--data.size", "16", "--game.network.width", "2"]
    assert main(["train", "sgan", "--run", str(folder), "--quiet", *tiny(*small)]) == 0
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(10):
        Image.new("L", (8, 8), 20 * i).save(folder / f"{i}.png")
    return folder


def test_portions_are_the_samples_that_come_all_at_once(vae):
    run = saddle.load(vae)
    portions = list(run.portions(600, seed=3))
    assert [len(portion) for portion in portions] == [250, 250, 100]
    assert torch.equal(torch.cat(portions), run.sample(600, seed=3))
    assert torch.equal(run.sample(600, seed=3)[:250], run.sample(250, seed=3))
    assert not portions[0].requires_grad
    assert portions[0].dtype == torch.uint8


def test_an_array_that_is_written_in_portions_is_the_file_of_the_whole(vae, tmp_path):
    run = saddle.load(vae)
    one = _write.array(run.portions(300), 300, tmp_path / "one.npy")
    other = _write.samples(run, run.sample(300), tmp_path / "other.npy")
    assert one.read_bytes() == other.read_bytes()
    assert np.load(one).shape == (300, 1, 8, 8)


def test_an_array_that_cannot_be_finished_leaves_nothing(vae, tmp_path):
    def broken():
        yield torch.zeros(2, 3)
        raise MemoryError

    with pytest.raises(MemoryError):
        _write.array(broken(), 4, tmp_path / "a.npy")
    assert not list(tmp_path.iterdir())


def test_images_are_written_before_the_next_portion_is_drawn(tmp_path):
    seen = []

    def portions():
        for _ in range(3):
            seen.append(len(list(tmp_path.iterdir())))
            yield torch.zeros(2, 1, 4, 4, dtype=torch.uint8)

    assert [path.name for path in _write.each(portions(), tmp_path)] == [f"0000{i}.png" for i in range(6)]
    assert seen == [0, 2, 4]


@pytest.mark.parametrize(
    ("kind", "argv"),
    [("vae", ["encode"]), ("vae", ["reconstruct"]), ("vae", ["attribute", "--add", "3"]), ("sgan", ["classify"])],
)
def test_few_images_are_held_at_a_time(kind, argv, request, pictures, tmp_path, monkeypatch):
    alive: set[int] = set()
    most, numbers, read = [0], itertools.count(), _images.Images.read

    def watched(images, name):
        image, number = read(images, name), next(numbers)
        alive.add(number)
        weakref.finalize(image, alive.discard, number)
        most[0] = max(most[0], len(alive))
        return image

    monkeypatch.setattr(_images.Images, "read", watched)
    monkeypatch.setattr(runs, "AT_ONCE", 3)
    run = request.getfixturevalue(kind)
    out = [] if kind == "sgan" else ["--out", str(tmp_path / ("out.npy" if argv[0] == "encode" else "out"))]
    assert main([argv[0], str(run), str(pictures), *argv[1:], *out]) == 0
    assert most[0] <= 4  # a portion, and one that the loop still names


def test_the_portion_changes_no_image(vae, pictures, tmp_path, monkeypatch):
    def again(out: str) -> list[np.ndarray]:
        assert main(["reconstruct", str(vae), str(pictures), "--out", str(tmp_path / out)]) == 0
        return [np.asarray(Image.open(path)).astype(int) for path in sorted((tmp_path / out).iterdir())]

    at_once = again("a")
    monkeypatch.setattr(runs, "AT_ONCE", 3)
    assert all(np.abs(a - b).max() <= 1 for a, b in zip(at_once, again("b"), strict=True))  # up to rounding


def test_every_bad_file_is_named_before_anything_is_written(vae, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs, "AT_ONCE", 2)
    for name in ("8.png", "9.png"):
        (pictures / name).write_bytes(b"none")
    assert main(["reconstruct", str(vae), str(pictures), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "8.png" in told
    assert "9.png" in told
    assert not (tmp_path / "out").exists()


def test_a_file_that_changes_meanwhile_is_named(vae, pictures):
    images = _images.read(saddle.load(vae), pictures)
    (pictures / "4.png").write_bytes(b"none")
    with pytest.raises(SaddleError, match=r"4\.png changed while"):
        list(images.portions(3))


def test_a_picture_too_large_to_look_at_is_refused_before_it_is_drawn(vae, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs.Run, "sample", None)
    assert main(["sample", str(vae), "-n", "100000", "--out", str(tmp_path / "a.png")]) == 2
    assert (
        "57,392 fit in at most; write them with --out FILE.npy, or one by one with --each DIR"
        in capsys.readouterr().err
    )
