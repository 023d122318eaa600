"""What a game that learned one image is used for, by command."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from playing import images

from saddle import train
from saddle.cli import main
from saddle.cli._write import film
from saddle.runs.run import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of few rounds, with a painting and a mask beside it."""
    folder = tmp_path_factory.mktemp("singan")
    settings = {"data.size": 40, "game.width": 4, "plan.pictures": 1}
    train("singan", rounds=4, settings=settings, run=folder / "run", quiet=True)
    Image.new("RGB", (60, 50), "red").save(folder / "painting.png")
    mask = Image.new("L", (40, 40))
    mask.paste(255, (10, 10, 20, 20))
    mask.resize((60, 50)).save(folder / "wide.png")
    Image.new("RGB", (80, 80), "red").save(folder / "square.png")
    mask.resize((80, 80)).save(folder / "mask.png")
    return folder


def files(folder: Path) -> dict[str, Path]:
    return {name: folder / f"{name}.png" for name in ("painting", "square", "mask", "wide")}


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("apply {run} super-resolution --times 2", (80, 80)),
        ("apply {run} super-resolution {painting} --times 1.5", (90, 75)),
        ("apply {run} paint-to-image {painting} --scale 2", (40, 40)),
        ("apply {run} harmonise {painting} --mask {wide}", (40, 40)),
        ("apply {run} edit {square} --mask {mask}", (40, 40)),
        ("sample {run} -n 1 --size 30x70 --seed 3", (70, 30)),
        ("sample {run} -n 1 --size 1x1", (1, 1)),
        ("sample {run} -n 1 --scale 3", (40, 40)),
        ("sample {run} -n 1 --scale 0", (40, 40)),
        ("sample {run} -n 2 --size 30x70", (146, 34)),  # side by side, with borders of two pixels
    ],
)
def test_a_command_puts_it_to_use(words: str, size: tuple[int, int], folder: Path, tmp_path: Path):
    said = words.format(run=folder / "run", **files(folder)).split()
    assert main([*said, "--out", str(tmp_path / "out.png")]) == 0
    assert Image.open(tmp_path / "out.png").size == size


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_a_command_makes_a_film(suffix: str, folder: Path, tmp_path: Path):
    out = tmp_path / f"film.{suffix}"
    assert main(["apply", str(folder / "run"), "animate", "--frames", "3", "--scale", "0", "--out", str(out)]) == 0
    assert Image.open(out).size == (40, 40)
    film(images(3, 3, 20, 30), out)
    assert (Image.open(out).size, Image.open(out).n_frames) == ((30, 20), 3)


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_a_film_that_barely_moves_has_every_frame_and_its_whole_length(suffix: str, tmp_path: Path):
    start = torch.randint(60, 190, (3, 40, 40), generator=torch.Generator().manual_seed(0))
    frames = torch.stack([start + i // 2 for i in range(12)]).to(torch.uint8)  # every second frame like the last
    still, moving = film(frames, tmp_path / f"a.{suffix}"), film(frames[::2], tmp_path / f"b.{suffix}", 0.2)
    assert sum(lengths(still)) == sum(lengths(moving)) == 1200
    assert len(lengths(moving)) == 6


def lengths(path: Path) -> list[int]:
    """Of a film's frames, in milliseconds."""
    with Image.open(path) as shown:
        return [shown.load() and shown.info["duration"] for k in range(shown.n_frames) if shown.seek(k) is None]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("animate {painting}", "animate shows the learned image alive; it takes no IMAGE"),
        ("edit {painting}", "edit wants a --mask"),
        ("super-resolution --mask {mask}", "super-resolution has no use for --mask; it is for harmonise, edit"),
        ("super-resolution --scale 1", "super-resolution has no use for --scale; it is for paint-to-image, harmonise,"),
        ("animate --times 3", "animate has no use for --times; it is for super-resolution"),
        ("paint-to-image {painting} --frames 3", "paint-to-image has no use for --frames; it is for animate"),
        ("super-resolution --times inf", "enlarges by a finite number above 1, such as 4, not by inf"),
        ("super-resolution --times nan", "enlarges by a finite number above 1, such as 4, not by nan"),
        ("super-resolution --times 1", "enlarges by a finite number above 1, such as 4, not by 1"),
        ("super-resolution --times 1e6", "1e+06 times 40×40 pixels is more than 50 megapixels; enlarge by at most 176"),
        ("super-resolution --times 1e300", "1e+300 times 40×40 pixels is more than 50 megapixels"),
        ("edit {painting} --mask {mask}", "mask.png is 80×80 pixels, but"),
        ("harmonise {square} --mask {wide}", "wide.png is 50×60 pixels, but"),
        ("paint-to-image", "paint-to-image wants an IMAGE to work on"),
        ("paint-to-image nowhere.png", "nowhere.png: cannot be read: No such file"),
        ("paint-to-image {painting} --scale 9", "scales go from 1 to 3, the finest; there is no 9"),
        ("animate --out film.png", "the name of a film should end in .gif or .webp"),
        ("dance", "choose from"),
    ],
)
def test_a_command_that_cannot_be_says_why(words: str, message: str, folder: Path, capsys: pytest.CaptureFixture):
    said = words.format(**files(folder)).split()
    assert main(["apply", str(folder / "run"), *said]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--label 3", "--truncation 0", "--text red"])
@pytest.mark.parametrize("asked", ["--size 33x57", "--scale 1", "--scale 0"])
def test_a_sample_of_a_size_or_a_scale_takes_no_option_that_it_would_ignore(
    asked: str, option: str, folder: Path, capsys: pytest.CaptureFixture
):
    assert main(["sample", str(folder / "run"), "-n", "1", *asked.split(), *option.split()]) == 2
    said = capsys.readouterr().err
    reasons = ("a size or a scale goes with no label, text or truncation", "cannot be asked for a label", "by a text")
    assert any(reason in said for reason in reasons)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("paint-to-image {painting}", "painting.png is cut at the edges and resized from 50×60 to 40×40\n"),
        ("edit {square} --mask {mask}", "square.png is resized from 80×80 to 40×40\n"),
        ("super-resolution {painting} --times 1.5", ""),
        ("super-resolution --times 1.5", ""),
    ],
)
def test_what_is_done_to_an_image_of_another_size_is_said_in_one_line(
    words: str, said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    words = words.format(**files(folder)) + f" --out {tmp_path / 'out.png'}"
    assert main(["apply", str(folder / "run"), *words.split()]) == 0
    told = capsys.readouterr().err
    assert told.endswith(said)
    assert told.count("\n") == said.count("\n")


def test_pages_behind_the_first_are_said_to_be_left_out(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    first, second = (Image.new("RGB", (40, 30), shade) for shade in ("red", "blue"))
    first.save(tmp_path / "two.tif", save_all=True, append_images=[second])
    command = f"apply {folder / 'run'} super-resolution {tmp_path / 'two.tif'} --times 1.5 --out {tmp_path / 'x.png'}"
    assert main(command.split()) == 0
    assert capsys.readouterr().err.count("the first alone is taken") == 1


def test_what_is_asked_for_is_in_the_name_so_that_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture):
    asked = [
        *(f"apply {{run}} super-resolution {more}" for more in ("", "--times 2", "--seed 1", "{painting} --times 1.5")),
        *(f"apply {{run}} edit {{square}} --mask {{mask}} {more}" for more in ("", "--scale 1", "--scale 2 --seed 3")),
        *(f"apply {{run}} paint-to-image {more}" for more in ("{square}", "{painting}", "{painting} --scale 2")),
        *(f"apply {{run}} animate {more}" for more in ("--frames 2", "--frames 3", "--frames 3 --scale 1")),
        *(f"sample {{run}} -n 1 {more}" for more in ("", "--scale 0", "--scale 1", "--size 9x9")),
        *(f"interpolate {{run}} --rows 1 --steps 2 {more}" for more in ("", "--linear")),
    ]
    for words in asked:
        assert main(words.format(run=folder / "run", **files(folder)).split()) == 0
    written = capsys.readouterr().out.split("\n")[:-1]
    assert len(set(written)) == len(asked)
    assert {str(path) for path in (folder / "run").glob("*.[pg][ni][gf]")} == set(written)


def test_the_least_truncation_is_in_the_name_too(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(Run, "sample", lambda *_, **use: images(4, 3, 8, 8))
    assert main(["sample", str(folder / "run"), "--truncation", "0"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "run" / "sample-seed-0-truncation-0.png")
