"""Films: the same noise in every frame, statistics that can be held still, and a measure of flicker."""

from pathlib import Path

import numpy as np
import pytest
import torch
from negating import Negating, image, translator
from PIL import Image
from translated import below, refused, rows, trained

from saddle.cli import main
from saddle.games.cyclegan import CycleGAN
from saddle.spec import DataSpec
from saddle.use import film as films
from saddle.use.film import Flicker
from saddle.use.original import of_array


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    yield from trained(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture
def frames(tmp_path) -> Path:
    """Three frames in a folder, a square that moves over a still ground."""
    (tmp_path / "clip").mkdir()
    for i in range(3):
        frame = np.full((20, 24, 3), 60, np.uint8)
        frame[4:12, 3 + 4 * i : 10 + 4 * i] = (200, 120, 250 - 60 * i)
        Image.fromarray(frame).save(tmp_path / "clip" / f"f{i}.png")
    return tmp_path / "clip"


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_a_film_gives_a_film_of_as_many_frames(run, frames, suffix, tmp_path, capsys):
    films.save(tmp_path / f"first{suffix}", [frame.pixels for frame in films.opened(frames, 50)], 0.04)
    (row,) = rows(capsys, run, tmp_path / f"first{suffix}", "--video", "--to", "b", "--out", tmp_path / f"x{suffix}")
    with Image.open(tmp_path / f"x{suffix}") as film:
        assert (film.n_frames, film.size) == (3, (24, 20))
        film.load()
        assert film.info["duration"] == 40
    assert row["frames"] == 3
    assert 0 < row["flicker"] < 10


def test_frames_in_a_folder_keep_their_names_and_are_what_each_gives_alone(run, frames, tmp_path, capsys):
    rows(capsys, run, frames, "--video", "--to", "c", "--out", tmp_path / "out")
    assert below(tmp_path / "out") == ["f0.png", "f1.png", "f2.png"]
    rows(capsys, run, frames / "f1.png", "--to", "c", "--out", tmp_path / "one.png")
    assert (np.asarray(Image.open(tmp_path / "one.png")) == np.asarray(Image.open(tmp_path / "out" / "f1.png"))).all()


@pytest.fixture
def clear(tmp_path) -> Path:
    """Frames 1, 2 and 10, brighter and brighter, half clear."""
    (tmp_path / "clear").mkdir()
    for i in (1, 2, 10):
        Image.fromarray(np.full((8, 9, 4), 20 * i, np.uint8)).save(tmp_path / "clear" / f"{i}.png")
    return tmp_path / "clear"


def test_frames_come_in_the_order_of_their_numbers(clear):
    assert [int(frame.pixels.max()) for frame in films.opened(clear, 50)] == [20, 40, 200]


@pytest.mark.parametrize("out", ["x", "x.webp", "x.png", "x.WEBP"])
def test_opacity_of_frames_comes_back(run, clear, out, tmp_path, capsys):
    rows(capsys, run, clear, "--video", "--to", "c", "--out", tmp_path / out)
    with Image.open(tmp_path / out / "10.png" if out == "x" else tmp_path / out) as image:
        image.seek(getattr(image, "n_frames", 1) - 1)
        assert (np.asarray(image.convert("RGBA"))[..., 3] == 200).all()
        assert image.format == ("WEBP" if "." in out and out.lower().endswith("webp") else "PNG")
    rows(capsys, run, clear, "--video", "--to", "c", "--out", tmp_path / "flat", "--alpha", "flatten")
    assert Image.open(tmp_path / "flat" / "10.png").mode == "RGB"


def test_frames_of_several_sizes_make_no_film(run, clear, tmp_path, capsys):
    Image.fromarray(np.zeros((5, 5, 4), np.uint8)).save(clear / "3.png")
    said = refused(capsys, run, clear, "--video", "--to", "c", "--out", tmp_path / "x.gif")
    assert "the frames have several sizes, and a film has one" in said
    assert not (tmp_path / "x.gif").exists()


def test_every_frame_has_the_same_noise(frames):
    work = translator(Negating(image(), image(), noise=0.5))
    still = of_array(np.full((8, 8, 3), 128, np.uint8))
    assert (work(still, (0, "clip", 0)).pixels == work(still, (0, "clip", 0)).pixels).all()


def test_flicker_is_the_change_of_the_result_over_that_of_the_input():
    flicker = Flicker()
    for i in range(4):
        given, made = (np.full((5, 5, 1), 100 + step * i, np.uint8) for step in (10, -25))
        flicker.add(of_array(given), translator()(of_array(255 - made), (0,)))
    assert flicker.value == pytest.approx(2.5)
    still = Flicker()
    for _ in range(2):
        still.add(of_array(given), translator()(of_array(given), (0,)))
    assert np.isnan(still.value)


def test_steady_holds_the_ground_still_while_something_bright_comes_and_goes(tmp_path):
    torch.manual_seed(0)
    fields = {key: image(3) for key in "ab"}
    game = CycleGAN(DataSpec(fields, (("a",), ("b",))), CycleGAN.Options(width=4, blocks=1)).eval()
    for i in range(3):
        frame = np.full((96, 96, 3), 90, np.uint8)
        frame[:, 56 : 56 + 20 * i] = 255
        Image.fromarray(frame).save(tmp_path / f"{i}.png")
    film = films.opened(tmp_path, 50)
    ground = {}
    for name, work in {"own": translator(game), "steady": films.steadied(translator(game), film)}.items():
        made = [work(frame, (0,)).pixels[:, 4:12].astype(int) for frame in film]
        ground[name] = abs(made[2] - made[0]).mean()
    assert ground["steady"] == 0
    assert ground["own"] > 1


def test_what_is_no_film_is_refused(run, frames, tmp_path, capsys, monkeypatch):
    argv = [run, frames / "f0.png", "--video"]
    assert "holds one picture and is no film" in refused(capsys, *argv)
    assert "leave out --suffix" in refused(capsys, *argv, "--suffix=-x")
    assert "one film at a time" in refused(capsys, run, frames, frames, "--video")
    assert "it goes with --video" in refused(capsys, run, frames, "--steady")
    assert "this game has no network" in refused(capsys, run, frames, "--video", "--steady", "--out", tmp_path / "s")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "ffmpeg -i x/%05d.png x.mp4" in refused(capsys, run, frames, "--video", "--out", "x.mp4")
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    assert "ffmpeg -i clip.mp4 frames/%05d.png" in refused(capsys, run, tmp_path / "clip.mp4", "--video")


def test_a_damaged_frame_is_named_and_the_film_is_not_written(run, frames, tmp_path, capsys):
    (frames / "f1.png").write_bytes(b"")
    said = refused(capsys, run, frames, "--video", "--out", tmp_path / "x.gif", code=1)
    assert "f1.png: empty file (0 bytes); a film needs all of its frames" in said
    assert not (tmp_path / "x.gif").exists()


def test_people_are_told_the_flicker(run, frames, tmp_path, capsys):
    assert main(["translate", str(run), str(frames), "--video", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "3 frames in" in said
    assert "flicker" in said
    for i in (1, 2):
        (frames / f"f{i}.png").write_bytes((frames / "f0.png").read_bytes())
    (row,) = rows(capsys, run, frames, "--video", "--out", tmp_path / "still")
    assert row["flicker"] is None
