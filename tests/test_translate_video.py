"""Films of kinds that ffmpeg alone reads, where it is installed."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from translated import below, refused, rows, trained

from saddle.base.errors import SaddleError, UsageError
from saddle.use import film as films
from saddle.use import video

pytestmark = pytest.mark.skipif(not video.installed(), reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    yield from trained(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of 24×21 pixels, 25 a second, that grow brighter, with a tone; its name looks like an option."""
    path = tmp_path_factory.mktemp("clip") / "-i concat:x.mp4"
    with video.writing(path, 0.04, None) as writer:
        for i in range(4):
            writer.put(np.full((21, 24, 3), 40 * i + 40, np.uint8))
    return path


def test_a_film_gives_its_frames_in_order_at_its_pace(clip):
    film = films.opened(clip, 50)
    assert film.seconds == pytest.approx(0.04)
    for _ in range(2):
        frames = [frame.pixels for frame in film]
        assert [frame.shape for frame in frames] == [(22, 24, 3)] * 4  # an odd side is made even
        assert [float(frame[:21].mean()) for frame in frames] == pytest.approx([40, 80, 120, 160], abs=4)


@pytest.mark.parametrize("out", ["x.mp4", "x.webm", "x.gif", "x"])
def test_a_film_is_translated_to_a_film_or_to_frames(run, clip, out, tmp_path, capsys):
    (row,) = rows(capsys, run, clip, "--video", "--to", "c", "--out", tmp_path / out)
    assert row["frames"] == 4
    if out == "x":
        assert below(tmp_path / "x") == [f"{i:06d}.png" for i in range(1, 5)]
        return
    made = list(films.opened(tmp_path / out, 50))
    assert [frame.size for frame in made] == [(22, 24)] * 4
    assert below(tmp_path) == [out]  # and nothing beside it


def test_the_sound_comes_along(run, clip, tmp_path, capsys):
    loud = tmp_path / "loud.mp4"
    sound = ["-f", "lavfi", "-i", "sine=duration=0.2", "-shortest", "-c:v", "copy"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", f"file:{clip}", *sound, str(loud)], check=True)
    rows(capsys, run, loud, "--video", "--to", "c", "--out", tmp_path / "y.mp4")
    told = subprocess.run(["ffmpeg", "-i", str(tmp_path / "y.mp4")], capture_output=True, text=True).stderr
    assert "Audio:" in told


def test_what_is_no_film_is_said(run, clip, tmp_path, capsys):
    (tmp_path / "x.mp4").write_bytes(b"no film")
    assert "ffmpeg finds no film in it" in refused(capsys, run, tmp_path / "x.mp4", "--video")
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {tmp_path}/secret.png\n")
    assert "ffmpeg finds no film in it" in refused(capsys, run, tmp_path / "list.mp4", "--video")
    with pytest.raises(SaddleError, match=r"more than data.max_megapixels"):
        list(films.opened(clip, 1e-6))


def write(path: Path, frames: list[np.ndarray], pace: float = 0.1) -> None:
    with video.writing(path, pace, None) as writer:
        for frame in frames:
            writer.put(frame)


def test_a_film_that_fails_leaves_nothing_behind(tmp_path):
    frame = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(UsageError, match="several sizes"):
        write(tmp_path / "x.mp4", [frame, frame[:4]])
    with pytest.raises(SaddleError, match="ffmpeg"):
        write(tmp_path / "x.mp4", [frame] * 2000, 1e-12)  # a pace that no film has
    assert list(tmp_path.iterdir()) == []
