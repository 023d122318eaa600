"""Whatever a file or an option holds, there is a message, one of the documented exit codes, and no traceback."""

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from old_runs import FINISHED, ROOT
from safetensors.torch import load_file, save

from saddle.base.errors import SaddleError
from saddle.base.settings import explain
from saddle.cli import main
from saddle.data import DataOptions
from saddle.runs import registry
from saddle.runs.recipe import Recipe
from saddle.spec import DataSpec

NUMBERS = (-1, 0, 10**20, -(10**20), 1e308, -1e308, 1e-320, float("nan"), float("inf"), 10**5000)
TEXTS = ("", " ", "none", "nan", "-inf", "1e999", "9" * 5000, "[", "{", "[[", "[1, 2", "🙂", "\0", "\ud800", "&a [*a]")
TEXTS += (
    "a,a",
    "[a, a]",
    "{a: 1}",
    "!!python/name:os.system",
    "0x",
    "1_0",
    "٣",
    "²",
    "1x",
    "--",
    "x" * 10_000,
    "[" * 500,
)
NESTED = (
    [],
    {},
    [[]],
    [None],
    {"class": None},
    {"class": {"class": 1}},
    {"a": 1},
    {"": ""},
    [{}],
    {"class": "R1"},
    True,
)
NASTY = (*NUMBERS, *TEXTS, *NESTED, None)


def refused(change: Callable[[], object]) -> str | None:
    """What is said of a change that cannot be; None if it can."""
    try:
        change()
    except SaddleError as error:
        return str(error)
    return None


@pytest.mark.parametrize("game", registry.names())
def test_any_value_of_any_setting_is_taken_or_refused_in_a_message(game: str):
    recipe, draw = Recipe.default(game), random.Random(game)
    names = [*explain(recipe.options, "game"), *explain(DataOptions(), "data"), *explain(recipe.plan, "plan")]
    for name in (*names, "game", "data", "plan", "", ".", "game.", "game..a", "plan.batch.a"):
        for value in draw.sample(NASTY, 2):
            said = refused(lambda name=name, value=value: recipe.change({name: value}))
            assert said is None or 10 < len(said) < 3000


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that ended, with one checkpoint."""
    run = shutil.copytree(ROOT / FINISHED, tmp_path_factory.mktemp("runs") / "run")
    shutil.rmtree(run / "checkpoints" / "round-0000000")
    (run / "samples" / "round-0000000.png").unlink()
    return run


ALL = ("info RUN --json", "sample RUN -n 2 --out OUT.png", "report RUN", "train --quiet --run RUN")


@pytest.fixture
def asked(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """asked(damage, …commands…) does it to a copy of a run, which must then answer, and gives the exit codes."""
    monkeypatch.chdir(ROOT)  # where its recipe finds its data

    def codes(damage: Callable[[Path], None], *commands: str) -> list[int]:
        run, left = shutil.copytree(finished, tmp_path / "run", copy_function=os.link), []
        damage(run)
        for words in commands:
            left.append(main(words.replace("RUN", str(run)).replace("OUT", str(tmp_path / "out")).split()))
            said = capsys.readouterr().err
            assert left[-1] in (0, 1, 2)
            assert left[-1] == 0 or said.startswith("saddle: ") or "\nsaddle: " in said
            assert "Traceback" not in said
        shutil.rmtree(run)
        return left

    return codes


def written(path: Path, data: bytes) -> None:
    """Anew, not through the link that the copies of a run share; a checkpoint's file is listed as if saved."""
    path.unlink()
    path.write_bytes(data)
    manifest = path.with_name("manifest.json")
    if manifest.exists() and path != manifest:
        listed = json.loads(manifest.read_text())
        listed["files"][path.name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        written(manifest, json.dumps(listed).encode())


ROUND = "checkpoints/round-0000003"
READERS = {  # of each file: the commands to ask
    "recipe.yaml": ("info RUN", "report RUN"),
    "events.jsonl": ("info RUN", "report RUN"),
    "scores.json": ("info RUN --json", "report RUN"),
    "samples/round-0000003.png": ("report RUN",),
    f"{ROUND}/facts.json": ALL,
    f"{ROUND}/manifest.json": ALL,
    f"{ROUND}/game.safetensors": ALL,
}


@pytest.mark.parametrize("name", READERS)
def test_no_damage_of_a_file_of_a_run_ends_in_a_traceback(name: str, finished: Path, asked):
    whole, draw = (finished / name).read_bytes(), random.Random(name)
    flipped = bytearray(whole)
    for place in draw.sample(range(len(whole)), 4):
        flipped[place] ^= 1 << draw.randrange(8)
    others = (finished / draw.choice([other for other in READERS if other != name])).read_bytes()
    for data in (bytes(flipped), whole[: draw.randrange(len(whole))], b"", b"[" * 5000, others):
        asked(lambda run, data=data: written(run / name, data), *READERS[name])


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something lies in plain values."""
    yield at
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in pairs:
        yield from places(part, (*at, key))


def forged(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """The same with another value at a place; with ..., without it."""
    if not at:
        return new
    parts = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    parts[at[0]] = forged(parts[at[0]], at[1:], new)
    parts = {key: part for key, part in parts.items() if part is not ...}
    return parts if isinstance(value, dict) else [*parts.values()]


FORGED = (None, -1, 0, 2.5, 1e308, 2**31, 2**63, 10**400, True, "", "nan", "\ud800", "../../x", [], {}, [-1], [[]])
FORGED += ({"a": {"b": None}}, {"class": 1}, "x" * 300, ...)


@pytest.mark.parametrize("name", ["recipe.yaml", "events.jsonl", "scores.json", f"{ROUND}/facts.json"])
def test_no_forged_value_in_a_file_of_a_run_ends_in_a_traceback(name: str, finished: Path, asked):
    text, draw = (finished / name).read_text(), random.Random(name)
    lines = name.endswith("jsonl")
    plain = [json.loads(line) for line in text.splitlines()] if lines else yaml.safe_load(text)
    if name.endswith("facts.json"):  # as it is written now
        plain["data"] = json.loads(json.dumps(DataSpec.from_facts(plain["data"]).to_facts()))
        plain |= {"course": {"bend": [0, 0.0], "mark": [1, 0.1]}}
    every = [at for at in places(plain) if at]
    for _ in range(14):
        new = forged(plain, draw.choice(every), draw.choice(FORGED))
        said = "\n".join(map(json.dumps, new)) if lines else json.dumps(new)
        asked(lambda run, said=said: written(run / name, said.encode()), draw.choice(READERS[name]))


@pytest.mark.parametrize(
    "change", [torch.Tensor.half, lambda x: x.to(torch.float8_e4m3fn), lambda x: x[None], torch.isnan]
)
def test_weights_of_another_kind_are_refused_or_taken_as_numbers(change: Any, finished: Path, asked):
    file = f"{ROUND}/averages.safetensors"
    tensors = load_file(finished / file)
    name = max(tensors, key=lambda each: tensors[each].numel())
    data = save({**tensors, name: change(tensors[name]).contiguous()})
    codes = asked(lambda run: written(run / file, data), "info RUN", "train --quiet --run RUN")
    assert codes == ([0, 0] if change is torch.Tensor.half else [1, 1])


@pytest.mark.parametrize("name", ["recipe.yaml", "events.jsonl", "scores.json", f"{ROUND}/facts.json"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_folder_or_a_pipe_in_a_files_place_is_named_and_not_waited_for(name: str, make: Any, asked):
    def put(run: Path) -> None:
        (run / name).unlink()
        make(run / name)

    assert max(asked(put, "info RUN")) > 0
    asked(put, "report RUN", "train --quiet --run RUN")
