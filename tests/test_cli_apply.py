"""What a game that learned one image is used for, by command."""

from pathlib import Path

import pytest
from PIL import Image
from playing import images

from saddle import train
from saddle.cli import main
from saddle.cli._write import film


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of few rounds, with a painting and a mask beside it."""
    folder = tmp_path_factory.mktemp("singan")
    settings = {"data.size": 40, "game.width": 4, "plan.pictures": 1}
    train("singan", rounds=4, settings=settings, run=folder / "run", quiet=True)
    Image.new("RGB", (60, 50), "red").save(folder / "painting.png")
    mask = Image.new("L", (40, 40))
    mask.paste(255, (10, 10, 20, 20))
    mask.save(folder / "mask.png")
    return folder


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("apply {run} super-resolution --times 2", (80, 80)),
        ("apply {run} super-resolution {painting} --times 1.5", (90, 75)),
        ("apply {run} paint-to-image {painting} --scale 2", (40, 40)),
        ("apply {run} harmonise {painting} --mask {mask}", (40, 40)),
        ("apply {run} edit {painting} --mask {mask}", (40, 40)),
        ("sample {run} -n 1 --size 30x70 --seed 3", (74, 34)),  # with a border of two pixels
        ("sample {run} -n 1 --scale 3", (44, 44)),
    ],
)
def test_a_command_puts_it_to_use(words: str, size: tuple[int, int], folder: Path, tmp_path: Path):
    said = words.format(run=folder / "run", painting=folder / "painting.png", mask=folder / "mask.png").split()
    assert main([*said, "--out", str(tmp_path / "out.png")]) == 0
    assert Image.open(tmp_path / "out.png").size == size


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_a_command_makes_a_film(suffix: str, folder: Path, tmp_path: Path):
    out = tmp_path / f"film.{suffix}"
    assert main(["apply", str(folder / "run"), "animate", "--frames", "3", "--scale", "0", "--out", str(out)]) == 0
    assert Image.open(out).size == (40, 40)
    film(images(3, 3, 20, 30), out)
    assert (Image.open(out).size, Image.open(out).n_frames) == ((30, 20), 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("animate {painting}", "animate shows the learned image alive; it takes no IMAGE"),
        ("edit {painting}", "edit wants a --mask"),
        ("super-resolution --mask {mask}", "super-resolution has no use for a --mask"),
        ("paint-to-image", "paint-to-image wants an IMAGE to work on"),
        ("paint-to-image nowhere.png", "nowhere.png: cannot be read: No such file"),
        ("paint-to-image {painting} --scale 9", "scales go from 1 to 3, the finest; there is no 9"),
        ("animate --out film.png", "the name of a film should end in .gif or .webp"),
        ("dance", "choose from"),
    ],
)
def test_a_command_that_cannot_be_says_why(words: str, message: str, folder: Path, capsys: pytest.CaptureFixture):
    said = words.format(painting=folder / "painting.png", mask=folder / "mask.png").split()
    assert main(["apply", str(folder / "run"), *said]) == 2
    assert message in capsys.readouterr().err
