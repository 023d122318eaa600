"""Whatever a file or an option holds, there is a message, one of the documented exit codes, and no traceback."""

import hashlib
import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from old_runs import FINISHED, ROOT
from small import TINY

from saddle.base.errors import SaddleError
from saddle.base.settings import explain
from saddle.cli import main
from saddle.data import DataOptions
from saddle.runs import registry
from saddle.runs.recipe import Recipe

NUMBERS = (-1, 0, 10**20, -(10**20), 1e308, -1e308, 1e-320, float("nan"), float("inf"), 10**5000)
TEXTS = ("", " ", "none", "nan", "-inf", "1e999", "9" * 5000, "[", "{", "[[", "[1, 2", "🙂", "\0", "\ud800", "&a [*a]")
TEXTS += ("a,a", "[a, a]", "{a: 1}", "!!python/name:os.system", "0x", "1_0", "٣", "²", "1x", "--", "x" * 10_000, "[" * 500)
NESTED = ([], {}, [[]], [None], {"class": None}, {"class": {"class": 1}}, {"a": 1}, {"": ""}, [{}], {"class": "R1"}, True)
NASTY = (*NUMBERS, *TEXTS, *NESTED, None)


def answered(change: Any) -> None:
    """It is done, or refused in a message that one can read."""
    try:
        change()
    except SaddleError as error:
        assert 10 < len(str(error)) < 3000
        str(error).encode("utf-8", "backslashreplace")


@pytest.mark.parametrize("game", registry.names())
def test_any_value_of_any_setting_is_taken_or_refused_in_a_message(game: str):
    recipe, draw = Recipe.default(game), random.Random(game)
    names = [*explain(recipe.options, "game"), *explain(DataOptions(), "data"), *explain(recipe.plan, "plan")]
    for name in (*names, "game", "data", "plan", "", ".", "game.", "game..a", "plan.batch.a"):
        for value in draw.sample(NASTY, 3):
            answered(lambda name=name, value=value: recipe.change({name: value}))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that ended, with one checkpoint."""
    run = shutil.copytree(ROOT / FINISHED, tmp_path_factory.mktemp("runs") / "run")
    shutil.rmtree(run / "checkpoints" / "round-0000000")
    (run / "samples" / "round-0000000.png").unlink()
    return run


@pytest.fixture
def used(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """used(damage) does it to a copy of a run, which is then asked for all that one asks of runs."""
    monkeypatch.chdir(ROOT)  # where its recipe finds its data

    def asked(damage: Any, *commands: str) -> list[int]:
        run = shutil.copytree(finished, tmp_path / "run", copy_function=os.link)
        damage(run)
        codes = []
        for words in commands or ("info RUN", "sample RUN -n 2 --out OUT.png", "report RUN", "train --quiet --run RUN"):
            argv = words.replace("RUN", str(run)).replace("OUT", str(tmp_path / "out")).split()
            codes.append(main(argv))
            said = capsys.readouterr().err
            assert "Traceback" not in said
            assert codes[-1] == 0 or said.startswith("saddle: ") or "\nsaddle: " in said
        shutil.rmtree(run)
        return codes

    return asked


def written(path: Path, data: bytes) -> None:
    """Anew, not through the link that the copies of a run share."""
    path.unlink()
    path.write_bytes(data)


def signed(path: Path, data: bytes) -> None:
    """Likewise a checkpoint's file, listed with its right size and SHA-256."""
    written(path, data)
    manifest = path.with_name("manifest.json")
    listed = json.loads(manifest.read_text())
    listed["files"][path.name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    written(manifest, json.dumps(listed).encode())


FILES = ["recipe.yaml", "events.jsonl", "scores.json", "samples/round-0000003.png"]
CHECKPOINT = [f"checkpoints/round-0000003/{name}" for name in ("facts.json", "manifest.json", "game.safetensors")]


@pytest.mark.parametrize("name", [*FILES, *CHECKPOINT])
def test_no_damage_of_a_file_of_a_run_ends_in_a_traceback(name: str, finished: Path, used):
    whole, draw = (finished / name).read_bytes(), random.Random(name)
    put = signed if "checkpoints" in name and "manifest" not in name else written
    at = draw.randrange(len(whole))
    flipped = bytearray(whole)
    for place in draw.sample(range(len(whole)), 5):
        flipped[place] ^= 1 << draw.randrange(8)
    for data in (bytes(flipped), whole[:at], b"", os.urandom(0) + draw.randbytes(300), b"[" * 5000, whole + whole):
        used(lambda run, data=data: put(run / name, data))
