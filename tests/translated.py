"""What tests of `saddle translate` share: a run between three toy domains, images, and the command."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import saddle
from saddle import games
from saddle.cli import main
from saddle.data import decode, sources
from saddle.use import original

TOYS = Path(__file__).with_name("toys")
RANDOM = np.random.default_rng(0)


_RUNS: dict[tuple[str, str], Path] = {}  # by source and game: what was trained once is copied thereafter


def trained(folder: Path, source: str = "toy-three", game: str = "toy-domains") -> Iterator[Path]:
    """A run of a toy, of one round; the toys are there until it is let go of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(games, "__path__", [*games.__path__, str(TOYS / "games")])
        patch.setattr(sources, "__path__", [*sources.__path__, str(TOYS / "sources")])
        patch.setattr("saddle.runs.scoring.defaults", lambda *args, **more: ())  # which take longer than all the rest
        short = {"plan.batch": 4, "plan.precision": "fp32", "plan.pictures": 1, "plan.scores": 0}
        if (source, game) not in _RUNS:
            kept = Path(tempfile.mkdtemp(prefix="saddle-toys-"))
            atexit.register(shutil.rmtree, kept, ignore_errors=True)
            saddle.train(game, source, kept / "run", rounds=1, settings=short, device="cpu", quiet=True)
            _RUNS[source, game] = kept / "run"
        shutil.copytree(_RUNS[source, game], folder)
        yield folder


def pixels(height: int, width: int, channels: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, channels)).astype(np.uint8)


def some_photos(folder: Path) -> Path:
    """Images of several sizes, depths and formats, in sub-folders."""
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(pixels(30, 41, 3)).save(folder / "colour.jpg")
    Image.fromarray(pixels(9, 5, 4)).save(folder / "sub" / "clear.png")
    Image.fromarray(RANDOM.integers(0, 65536, (7, 8)).astype(np.uint16)).save(folder / "sub" / "deep.tif")
    return folder


def read(path: Path) -> original.Original:
    with decode.reading():
        return original.read(path, 50)


def rows(capsys: pytest.CaptureFixture[str], *argv: object) -> list[dict[str, Any]]:
    assert main(["translate", *map(str, argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *argv: object, code: int = 2) -> str:
    assert main(["translate", *map(str, argv)]) == code
    return capsys.readouterr().err


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
