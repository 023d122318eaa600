"""Runs that began with the code of commit 03f7ea2 open today, and go on as they would have."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from old_runs import (
    FINISHED,
    INTERRUPTED,
    ROOT,
    TABLE,
    checkpoint,
    digest,
    facts,
    losses,
    norms,
    tensors,
)

import saddle
from saddle.data import DataOptions, Source, open_source, places
from saddle.spec import DataSpec

FOUND = json.loads((ROOT / TABLE).read_text("utf-8"))  # by 03f7ea2
OLD = {"interrupted": INTERRUPTED, "finished": FINISHED}
PLACE = ("round", "rounds", "batches_drawn")


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs name their data by paths below it."""
    monkeypatch.chdir(ROOT)


@pytest.fixture
def copied(folder: Path):
    """copied(run) → a copy of it, which may go on."""
    return lambda run: Path(shutil.copytree(ROOT / run, folder))


def opened(options: dict[str, Any]) -> Source:
    return open_source(DataOptions(**options))


def named(entry: dict[str, Any]) -> str:
    """Of an entry of the table, for pytest."""
    return " ".join(str(value).rpartition("/")[2] for value in entry["options"].values())


@pytest.mark.parametrize("name", OLD)
def test_the_files_hold_what_the_table_says(name):
    folder = checkpoint(OLD[name], 3)
    assert {key: digest(tensor) for key, tensor in tensors(folder).items()} == FOUND[name]["tensors"]
    assert facts(folder) == FOUND[name]["facts"]


@pytest.mark.parametrize("name", OLD)
def test_an_old_run_opens_with_every_tensor_to_the_bit(name):
    """Averages stand in for their players."""
    run, old = saddle.load(OLD[name], "last", "cpu"), FOUND[name]["tensors"]
    averaged = {key.removeprefix("averages/copies."): mark for key, mark in old.items() if key.startswith("averages/")}
    expected = {key.removeprefix("game/"): mark for key, mark in old.items() if key.startswith("game/")} | averaged
    assert {key: digest(tensor) for key, tensor in run.game.state_dict().items()} == expected


@pytest.mark.parametrize(("name", "status"), [("interrupted", "interrupted"), ("finished", "finished")])
def test_an_old_run_opens_with_its_facts(name, status):
    run, old = saddle.load(OLD[name], "last", "cpu"), FOUND[name]["facts"]
    told, data = run.info(), old["data"]
    assert (told["status"], told["game"], told["seconds"]) == (status, old["game"], old["seconds"])
    assert (told["round"], told["rounds"]) == (old["round"], old["rounds"])
    assert (run.spec.shape, run.spec.keys, run.spec.classes) == tuple(
        tuple(data[key]) for key in ("shape", "keys", "classes")
    )
    assert (run.spec.bits, run.spec.partial, list(run.spec.distribution)) == (
        data["bits"],
        data["partial"],
        data["law"],
    )


def test_the_samples_that_an_old_run_draws_next_are_the_same():
    recipe, old = saddle.load(INTERRUPTED, "last", "cpu").recipe, FOUND["interrupted"]
    train, start = open_source(recipe.data).train, old["facts"]["batches_drawn"] * recipe.plan.batch
    drawn = places(recipe.plan.seed, "image", len(train), start, len(old["next"]["places"]))
    assert drawn.tolist() == old["next"]["places"]
    assert {key: digest(column) for key, column in train.take(drawn).items()} == old["next"]["samples"]


def test_an_interrupted_run_plays_on_as_it_would_have(copied):
    """Losses, and the length of every tensor at the end, moments of optimizers and what parts remember among them."""
    run, old = copied(INTERRUPTED), FOUND["interrupted"]
    saddle.train(run=run, quiet=True, device="cpu")
    played, would_have = losses(run), old["played on"]["losses"]
    assert list(played) == [str(i) for i in range(1, 7)]
    for round_, of in would_have.items():
        assert played[round_] == pytest.approx(of, abs=0 if int(round_) <= 3 else 1e-4), round_
    assert norms(tensors(checkpoint(run, 6))) == pytest.approx(old["played on"]["norms"], rel=1e-3, abs=1e-5)


def test_an_interrupted_run_that_played_on_keeps_its_place_and_facts(copied):
    run, old = copied(INTERRUPTED), FOUND["interrupted"]
    saddle.train(run=run, quiet=True, device="cpu")
    now = facts(checkpoint(run, 6))
    assert [now[key] for key in PLACE] == [6, 6, 6]
    assert now["game"] == old["facts"]["game"]
    assert DataSpec.from_facts(now["data"]) == DataSpec.from_facts(old["facts"]["data"])
    assert now["seconds"] > old["facts"]["seconds"]
    assert {key: digest(tensor) for key, tensor in tensors(checkpoint(run, 3)).items()} == old["tensors"]


def test_a_finished_run_plays_no_round_and_keeps_its_scores(copied):
    run, old = copied(FINISHED), FOUND["finished"]
    before = losses(run)
    saddle.train(run=run, quiet=True, device="cpu")
    assert losses(run) == before
    scores = {score["name"]: score for score in json.loads((run / "scores.json").read_text())}
    for was in old["scores"]:  # there may be new ones: a folder has had them unasked only since
        score = scores[was["name"]]
        assert score["value"] == pytest.approx(was["value"], rel=1e-3)
        assert score["uncertainty"] == pytest.approx(was["uncertainty"], rel=1e-3)
        assert (score["round"], score["better"]) == (was["round"], was["better"])


def test_an_old_run_is_scored_as_it_was():
    old = FOUND["finished"]["scored again"]
    scores = saddle.load(FINISHED, "last", "cpu").evaluate([*old], n=16, extractor="pixels")
    for name, (value, uncertainty) in old.items():
        assert scores[name].value == pytest.approx(value, rel=1e-3), name
        now = {"swd": 6.426}.get(name, uncertainty)  # whose error is found otherwise now
        assert scores[name].uncertainty == pytest.approx(now, rel=1e-2), name


@pytest.mark.parametrize("entry", FOUND["embedded"], ids=named)
def test_data_that_saddle_brings_along_have_the_fingerprint_of_then(entry):
    assert opened(entry["options"]).fingerprint == entry["fingerprint"]


@pytest.mark.parametrize("entry", FOUND["own"], ids=named)
def test_data_of_the_user_are_known_again_and_no_others(entry):
    source = opened(entry["options"])
    fingerprints = [other["fingerprint"] for other in FOUND["own"]]
    # The next line needs Source.accepts, which 03f7ea2 itself does not have.
    assert [mark for mark in fingerprints if source.accepts(mark)] == [entry["fingerprint"]]
