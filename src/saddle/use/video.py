"""Films of kinds that only ffmpeg reads and writes, frame by frame, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ..base.errors import SaddleError, UsageError, visible
from ..base.files import part_folder
from .original import Original

KINDS = (".mp4", ".mov", ".mkv", ".avi", ".webm")
_READ = "mov,mp4,matroska,webm,avi"  # no playlists, which name files and addresses of their own
_QUIET = ("-v", "error", "-nostdin")


def installed() -> bool:
    return shutil.which("ffmpeg") is not None


@dataclass(frozen=True)
class Video:
    """The frames of a film, at an even pace; each time that they are asked for, the film is read anew."""

    path: Path
    seconds: float  # of a frame
    max_megapixels: float

    def name(self, i: int) -> str:
        return f"{i + 1:06d}.png"

    def where(self, i: int) -> str:
        return f"{self.path}, frame {i + 1}"

    def __iter__(self) -> Iterator[Original]:
        """8 bits, red, green and blue. SaddleError for a film that is damaged."""
        words = ["-r", f"{1 / self.seconds:.6g}", "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-"]
        given = ["ffmpeg", *_QUIET, *_input(self.path), "-map", "0:v:0", *words]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(given, stdout=subprocess.PIPE, stderr=said)
            assert process.stdout is not None
            try:
                while (frame := _frame(process.stdout, self.max_megapixels, self.path)) is not None:
                    yield Original(frame)
                _check(process.wait(), said, self.path)
            finally:
                process.stdout.close()
                process.kill()
                process.wait()


def opened(path: Path, max_megapixels: float) -> Video:
    """UsageError for a file that holds no film."""
    told = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostdin", *_input(path)], capture_output=True, text=True, errors="replace"
    ).stderr
    line = next((line for line in told.splitlines() if "Stream #" in line and "Video:" in line), "")
    pace = re.search(r"([\d.]+) (?:fps|tbr)", line)
    if not pace or not float(pace[1]):
        last = told.strip().splitlines()[-1:] or ["nothing"]
        raise UsageError(f"{path}: ffmpeg finds no film in it: {visible(last[0])}")
    return Video(path, 1 / float(pace[1]), max_megapixels)


class Writer:
    """Writes frames uint8 [H, W, 3], of one size, to ffmpeg."""

    def __init__(self, part: Path, seconds: float, sound: Path | None):
        self.part, self.seconds, self.sound = part, seconds, sound
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self.process: subprocess.Popen[bytes] | None = None
        self.size = (0, 0)

    def put(self, frame: np.ndarray) -> None:
        if self.process is None:
            self.size = frame.shape[:2]
            self.process = self._begun()
        if frame.shape[:2] != self.size:
            raise UsageError("the frames have several sizes, and a film has one; give --size, or write a folder")
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError:
            self.close()
            raise SaddleError(f"ffmpeg ended too early while it wrote {self.part.name}") from None

    def _begun(self) -> subprocess.Popen[bytes]:
        height, width = self.size
        given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{1 / self.seconds:.6g}"]
        sound = [*_input(self.sound), "-map", "0:v", "-map", "1:a?"] if self.sound else []
        # players want colours for 2×2 pixels together, and so even sides
        made = ["-pix_fmt", "yuv420p", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-q:v", "2"]
        words = ["ffmpeg", "-v", "error", *given, "-i", "pipe:0", *sound, *made, f"file:{self.part}"]
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self.said)

    def close(self) -> None:
        """SaddleError if ffmpeg could not do it."""
        process, self.process = self.process, None
        if process is None:
            return
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        code = process.wait()
        _check(code, self.said, self.part)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.said.close()


@contextmanager
def writing(path: Path, seconds: float, sound: Path | None) -> Iterator[Writer]:
    """A film that takes the place of `path` when it is whole; with the sound of another, if that has any."""
    with part_folder(path) as folder:
        part = folder / f"film{path.suffix.lower()}"
        writer = Writer(part, seconds, sound)
        try:
            yield writer
            writer.close()
            os.replace(part, path)
        finally:
            writer.stop()


def _input(path: Path) -> list[str]:
    """A local file, whatever its name looks like."""
    return ["-protocol_whitelist", "file", "-format_whitelist", _READ, "-i", f"file:{os.path.abspath(path)}"]


def _frame(stream: IO[bytes], max_megapixels: float, path: Path) -> np.ndarray | None:
    """The next picture of a stream of PPM; None at its end."""
    if not (head := stream.readline()):
        return None
    sides = stream.readline().split()
    if head.strip() != b"P6" or len(sides) != 2 or stream.readline().strip() != b"255":
        raise SaddleError(f"{path}: ffmpeg gave no frames that can be read")
    width, height = int(sides[0]), int(sides[1])
    if width * height / 1e6 > max_megapixels:
        raise SaddleError(f"{path}: {width}×{height} is more than data.max_megapixels {max_megapixels:g}")
    data = stream.read(width * height * 3)
    if len(data) < width * height * 3:
        return None  # of which ffmpeg says the reason
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)


def _check(code: int, said: IO[bytes], path: Path) -> None:
    if code:
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
        raise SaddleError(f"{path}: ffmpeg failed ({visible(lines[-1]) if lines else f'exit code {code}'})")
