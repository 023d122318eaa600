"""Observers read what was logged, and cannot change it nor end a training; what the library has to say is logged."""

import ast
import logging
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import saddle
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder

SETTINGS = {"game.network": "MLP", "game.network.width": 8, "plan.batch": 8, "plan.pictures": 2, "plan.scores": 2}
SETTINGS |= {"plan.precision": "fp32", "plan.samples": 40, "plan.log_every": 1, "game.optim.lr": 1e-3}


def train(folder: Path, *observers, quiet: bool = True, rounds: int = 4) -> saddle.Run:
    settings = SETTINGS | {"plan.save_every": 1}
    known = {"rounds": rounds, "settings": settings, "device": "cpu", "quiet": quiet, "observers": observers}
    return saddle.train("gan", "ring", folder, **known)


class Listener(saddle.Observer):
    def __init__(self):
        self.heard = []

    def on_round(self, event, run):
        self.heard.append(("round", event, run))

    def on_picture(self, event, run):
        assert (run / event["file"]).is_file()
        self.heard.append(("sample", event, run))

    def on_score(self, event, run):
        self.heard.append(("score", event, run))


class Meddler(saddle.Observer):
    """Tries to change what it reads, and uses up everybody's random numbers."""

    refused = 0

    def on_round(self, event, run):
        torch.manual_seed(event["round"])
        torch.rand(7), np.random.rand(3), random.random()
        for change in (lambda: event.update(round=0), lambda: event["losses"].__setitem__("x", 1)):
            with pytest.raises((AttributeError, TypeError)):
                change()
            Meddler.refused += 1


class Failing(saddle.Observer):
    calls = 0

    def on_round(self, event, run):
        self.calls += 1
        raise ConnectionError("the tracker's server is away")


def plain(value):
    if hasattr(value, "keys"):
        return {name: plain(value[name]) for name in value}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("observers") / "run"
    train(folder)
    return folder


def weights(run: Path) -> dict[str, torch.Tensor]:
    files = (run / "checkpoints" / "round-0000004").glob("*.safetensors")
    return {f"{file.name} {name}": value for file in files for name, value in load_file(file).items()}


def same_weights(one: Path, other: Path) -> bool:
    ours, theirs = weights(one), weights(other)
    return bool(ours) and all(torch.equal(ours[name], theirs[name]) for name in ours | theirs)


def test_observers_hear_what_the_log_says_and_the_final_scores_in_order(tmp_path):
    listener = Listener()
    run = train(tmp_path / "run", listener)
    logged = [e for e in RunFolder(run.folder).events() if e["event"] in ("round", "sample", "score")]
    heard = [plain(event) for _, event, _ in listener.heard]
    assert heard[:-1] == logged
    assert {kind for kind, _, _ in listener.heard} == {"round", "sample", "score"}
    assert all(where == tmp_path / "run" for _, _, where in listener.heard)
    assert heard[-1]["final"] is True
    written = {score["name"]: score["value"] for score in RunFolder(run.folder).scores()}
    assert {name: score["value"] for name, score in heard[-1]["scores"].items()} == written


def test_an_observer_can_neither_change_the_log_nor_a_bit_of_the_weights(tmp_path, unwatched):
    Meddler.refused = 0
    train(tmp_path / "run", Meddler())
    assert Meddler.refused == 8
    assert same_weights(tmp_path / "run", unwatched)
    kept, other = ([e for e in RunFolder(run).events("round")] for run in (unwatched, tmp_path / "run"))
    assert [e["losses"] for e in kept] == [e["losses"] for e in other]


def test_an_observer_that_fails_is_named_told_no_more_and_the_training_goes_on(tmp_path, unwatched, caplog):
    failing, listener = Failing(), Listener()
    train(tmp_path / "run", failing, listener)
    assert failing.calls == 1
    assert RunFolder(tmp_path / "run").status == "finished"
    assert same_weights(tmp_path / "run", unwatched)
    assert len([kind for kind, _, _ in listener.heard if kind == "round"]) == 4  # others hear on
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said.startswith("the observer Failing failed in on_round (ConnectionError: the tracker's server is away)")


def test_it_is_said_beside_the_rounds_too(tmp_path, capsys):
    train(tmp_path / "run", Failing(), quiet=False, rounds=1)
    shown = capsys.readouterr()
    assert "the observer Failing failed in on_round" in shown.out + shown.err


def test_an_observer_may_stop_a_training_as_ctrl_c_does_and_it_goes_on_later(tmp_path, unwatched):
    class Stopping(saddle.Observer):
        def on_round(self, event, run):
            if event["round"] == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", Stopping())
    train(tmp_path / "run")
    assert same_weights(tmp_path / "run", unwatched)


def test_what_is_no_observer_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match=r"made from saddle\.Observer, not <function"):
        train(tmp_path / "run", lambda event: None)
    assert not (tmp_path / "run").exists()


def test_what_a_training_says_is_in_a_programs_log_even_if_it_is_quiet(tmp_path, caplog, capsys):
    with caplog.at_level(logging.INFO, "saddle"):
        train(tmp_path / "run", rounds=1)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("saddle")]
    assert any(line.startswith("gan on ring: ") for line in said)
    assert any(line.startswith("swd") or "the report: " in line for line in said)
    assert capsys.readouterr().out == ""


def test_the_library_logs_and_only_the_command_line_and_the_voice_of_a_training_print():
    root = Path(saddle.__file__).parent
    speakers = {"base/errors.py", "runs/voice.py", "show/progress.py"}  # `remark`, which the commands call
    speakers |= {"export/fresh.py", "launch.py"}  # programs of their own
    for file in root.rglob("*.py"):
        where = file.relative_to(root).as_posix()
        if where.startswith("cli/"):
            continue
        calls = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]
        called = {ast.unparse(node.func).rpartition(".")[2] for node in calls}
        assert where in speakers or not called & {"print", "remark"}, where
