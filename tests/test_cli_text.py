"""Samples of texts, and ways between texts, by command and from Python."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from seeding import seed_all
from small import tiny

import saddle
from saddle.base.errors import SaddleError
from saddle.cli import main
from saddle.show import pictures
from saddle.spec.text import to_bytes

RED, BLUE = "a small red circle at the left", "a large blue square at the top"
SIZE = 16
SMALL = [
    *("--data.size", str(SIZE)),
    *("--game.text", "BagOfWords", "--game.text.dims", "8"),
    *("--game.z_dim", "3", "--game.width", "4", "--game.discriminator_width", "4", "--game.read", "4"),
]


def trained(folder: Path, *settings: str) -> Path:
    assert main(["train", *settings[:1], "--run", str(folder), "--quiet", *tiny(*settings[1:])]) == 0
    return folder


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough for batch norm to know its statistics: before, all samples are grey."""
    rounds = ("--plan.rounds", "30", "--plan.batch", "8", "--game.text_share", "0")
    return trained(tmp_path_factory.mktemp("told") / "run", "gan-cls", *SMALL, *rounds)


def made(capsys: pytest.CaptureFixture[str], *argv: str) -> Path:
    assert main([*argv, "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    return Path(file)


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main([*argv]) == 2
    return capsys.readouterr().err


def test_each_text_gets_its_samples_and_what_it_gets_depends_on_no_other_text(told, tmp_path, capsys):
    out = str(tmp_path / "a.npy")
    both = np.load(made(capsys, "sample", str(told), "--text", RED, "--text", BLUE, "-n", "3", "--out", out))
    alone = np.load(made(capsys, "sample", str(told), "--text", BLUE, "-n", "3", "--out", out))
    assert both.shape == (6, 3, SIZE, SIZE)
    assert np.array_equal(both[3:], alone)
    assert not np.array_equal(both[:3], both[3:])


def test_a_file_has_a_text_on_each_line(told, tmp_path, capsys):
    (tmp_path / "texts.txt").write_text(f"\ufeff{RED}\n\n  {BLUE}\r\n", "utf-8")
    out = str(tmp_path / "a.npy")
    listed = np.load(made(capsys, "sample", str(told), "--texts", str(tmp_path / "texts.txt"), "--out", out))
    given = np.load(made(capsys, "sample", str(told), "--text", RED, "--text", BLUE, "--out", out))
    assert listed.shape[0] == 16
    assert np.array_equal(listed, given)


def test_the_grid_is_named_after_the_text_and_bears_it(told, capsys):
    file = made(capsys, "sample", str(told), "--text", RED, "--text", BLUE, "-n", "2")
    assert file == told / "sample-seed-0-text-a-small-red-circle-at-the-left-and-1-more.png"
    run = saddle.load(told)
    assert Image.open(file).tobytes() == pictures.captioned(run.sample(2, texts=[RED, BLUE]), [RED, BLUE]).tobytes()


def test_the_way_between_two_texts_begins_and_ends_with_their_samples(told, tmp_path, capsys):
    out = str(tmp_path / "a.npy")
    argv = ["interpolate", str(told), "--text", RED, "--text", BLUE, "--rows", "2", "--steps", "5", "--out", out]
    way = np.load(made(capsys, *argv)).reshape(2, 5, 3, SIZE, SIZE)
    run = saddle.load(told)
    ends = run.game.embed(to_bytes([RED, BLUE], run.game.condition))
    seed_all(0, "interpolate")
    z = run.game.noise(2)
    with torch.no_grad():
        for place, text in ((0, ends[0]), (4, ends[1]), (2, ends.mean(0))):
            wanted = pictures.to_uint8(run.game.decode(z, text.expand(2, -1))).numpy()
            assert np.abs(way[:, place].astype(int) - wanted).max() <= 1
    assert not np.array_equal(way[:, 0], way[:, 4])


def test_one_text_stays_along_the_way(told):
    way = saddle.load(told).interpolate(rows=1, steps=3, label=RED)
    assert way.shape == (3, 3, SIZE, SIZE)
    assert not torch.equal(way[0], way[2])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--text", "a small purple circle at the left"], "words that were never seen in training: purple"),
        (["--text", RED + " and at the top of all"], "bytes long; this game takes texts of up to 37"),
        (["--text", ""], "the text '' has no words"),
        (["--texts", "/nowhere/at.txt"], r"--texts /nowhere/at.txt cannot be read"),
        (["--label", "7"], "the text '7' has words that were never seen"),
    ],
)
def test_a_text_that_cannot_be_is_refused_in_words(told, capsys, argv, message):
    assert message in refused(capsys, "sample", str(told), *argv)


def test_three_texts_have_no_way_between_them(told, capsys):
    argv = [part for text in (RED, BLUE, RED) for part in ("--text", text)]
    assert "--text is given once, or twice for a way from one to the other, not 3 times" in refused(
        capsys, "interpolate", str(told), *argv
    )


def test_an_empty_file_of_texts_is_refused(told, tmp_path, capsys):
    (tmp_path / "empty.txt").write_text("\n \n")
    assert "holds no texts" in refused(capsys, "sample", str(told), "--texts", str(tmp_path / "empty.txt"))


def test_a_game_that_reads_no_texts_says_so(tmp_path, capsys):
    run = trained(tmp_path / "run", "gan", "--data", "ring")
    assert "gan on ring cannot be asked by a text" in refused(capsys, "sample", str(run), "--text", RED)


def test_pictures_of_a_run_bear_their_texts(told):
    sheet = Image.open(sorted((told / "samples").glob("*.png"))[-1])
    plain = pictures.grid(torch.zeros(8, 3, SIZE, SIZE), 8)
    assert sheet.size == (plain.width, 8 * (plain.height + 20))


def test_texts_share_the_images_evenly_and_are_shortened_to_fit():
    images = torch.zeros(4, 3, 8, 8)
    assert pictures.captioned(images, ["a", "b" * 500]).size == pictures.captioned(images, ["a", "b"]).size
    with pytest.raises(SaddleError, match="4 images cannot be shared out evenly among 3 texts"):
        pictures.captioned(images, ["a"] * 3)


def test_real_captions_in_a_folder_train_by_the_same_command(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    for i in range(24):
        Image.new("RGB", (16, 16), (10 * i, 0, 90)).save(tmp_path / "images" / f"{i:03}.png")
    lines = [f"{i:03}.png,ein Boot Nr. {i} auf dem großen See" for i in range(24)]
    (tmp_path / "images" / "captions.csv").write_text("\n".join(["file,caption", *lines]), "utf-8")
    run = trained(tmp_path / "run", "gan-cls", *SMALL, "--data", f"captioned:{tmp_path / 'images'}")
    images = saddle.load(run).sample(2, texts=["Auf dem See ein Boot"])
    assert images.shape == (2, 3, 16, 16)
    assert "never seen in training: schiff" in refused(capsys, "sample", str(run), "--text", "ein Schiff")
