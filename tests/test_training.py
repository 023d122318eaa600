"""One command: it starts a run, goes on with it, refuses what is not its own, and stops with the last state saved."""

import fcntl
import json
import math
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from playing import in_round

import saddle
from saddle.base import events
from saddle.base.errors import SaddleError, UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.runs.session import Training
from saddle.show import pictures
from saddle.training import checkpoint
from saddle.training.checkpoint import Checkpoints
from saddle.training.health import Signals
from saddle.training.trainer import Trainer

SETTINGS = {"game.network.width": 8, "game.discriminator_steps": 1, "plan.batch": 4, "plan.save_every": 1}
SETTINGS |= {"plan.log_every": 1, "plan.pictures": 2, "plan.scores": 3, "plan.precision": "fp32"}


def train(folder: Path, rounds: int = 6, **settings) -> saddle.runs.run.Run:
    return saddle.train(
        "wgan-gp", "ring", folder, rounds=rounds, settings=SETTINGS | settings, device="cpu", quiet=True
    )


def command(folder: Path, rounds: int = 6, **settings) -> list[str]:
    edits = SETTINGS | {"plan.rounds": rounds} | settings
    words = ["train", "wgan-gp", "--data", "ring", "--run", str(folder), "--device", "cpu"]
    return words + [f"--{name}={value}" for name, value in edits.items()]


def weights(folder: Path, round_: int = 6) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (folder / "checkpoints" / f"round-{round_:07d}").glob("*.safetensors")}


def told(folder: Path, kind: str) -> list[dict]:
    return [e for e in events.read(folder / "events.jsonl") if e["event"] == kind]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(folder)
    return folder


def test_a_run_leaves_its_recipe_log_pictures_scores_and_report(whole):
    there = {p.name for p in whole.iterdir()}
    assert there == {"recipe.yaml", "checkpoints", "events.jsonl", "samples", "scores.json", "report.html"}
    assert [e["round"] for e in told(whole, "save")] == [0, 1, 2, 3, 4, 5, 6]
    assert [e["round"] for e in told(whole, "score")] == [1, 3, 6]
    assert [e["file"] for e in told(whole, "sample")] == [f"samples/round-000000{r}.png" for r in (0, 3, 6)]
    assert told(whole, "stop")[-1]["reason"] == "finished"
    assert {s["round"] for s in RunFolder(whole).scores()} == {Checkpoints(whole / "checkpoints").best()}


def test_final_scores_look_at_as_many_samples_as_the_plan_says(tmp_path):
    run = train(tmp_path / "run", 2, **{"plan.samples": 300})
    assert {s["fingerprint"]["samples"] for s in RunFolder(run.folder).scores()} == {300}
    assert {s["fingerprint"]["samples"] for e in told(run.folder, "score") for s in e["scores"].values()} == {2000}
    assert run.evaluate(["modes"])["modes"].fingerprint["samples"] == 300
    assert run.evaluate(["modes"], n=50)["modes"].fingerprint["samples"] == 50


def test_points_are_drawn_in_the_discriminators_landscape_and_joined_to_a_film(whole):
    assert {e["of"] for e in told(whole, "sample")} == {"points"}
    with Image.open(whole / told(whole, "sample")[-1]["file"]) as picture:
        assert picture.size == (480, 480 + pictures.STRIP)
        corners = {picture.getpixel((x, y)) for x in (2, 477) for y in (2, 477)}
    assert corners - {pictures.PAPER}  # far from all points there is only the landscape
    with Image.open(whole / "samples" / "landscape.gif") as film:
        assert film.n_frames == 3


@pytest.mark.parametrize(("rounds", "times"), [(6, 3), (5000, 8), (7, 20), (800, 1), (9, 0)])
def test_scorings_are_denser_early_and_include_the_last_round(rounds, times):
    training = object.__new__(Training)
    training.trainer = SimpleNamespace(round=0, rounds=rounds)
    due = []
    for training.trainer.round in range(1, rounds + 1):
        due += [training.trainer.round] * training.due_early(times)
    assert len(due) == times or times > rounds**0.5
    assert due[-1:] == [rounds] * (times > 0)
    if times <= rounds**0.5:
        assert due == [math.ceil(rounds * (k + 1) ** 2 / times**2) for k in range(times)]


@pytest.mark.parametrize("kind", Signals.kinds, ids=lambda kind: kind.name)
def test_a_signal_saves_leaves_with_75_and_the_same_command_ends_as_if_there_was_none(
    kind, whole, folder, monkeypatch, capsys
):
    in_round(3, lambda: signal.raise_signal(kind), monkeypatch)
    assert main(command(folder)) == 75
    said = capsys.readouterr().err
    assert f"saddle: {kind.name} received: saved after round 3 of 6; the same command goes on" in said
    assert Checkpoints(folder / "checkpoints").rounds()[-1] == 3
    assert told(folder, "stop")[-1]["reason"] == "interrupted"
    assert main(command(folder)) == 0
    assert "going on after round 3 of 6" in capsys.readouterr().out
    assert weights(folder) == weights(whole)
    assert [e["round"] for e in told(folder, "round")] == [1, 2, 3, 4, 5, 6]
    assert json.loads((folder / "scores.json").read_text()) == json.loads((whole / "scores.json").read_text())


def test_a_finished_run_is_left_as_it_is(whole):
    before = weights(whole)
    assert train(whole).round in Checkpoints(whole / "checkpoints").rounds()
    assert weights(whole) == before


def test_a_run_of_another_recipe_is_refused_with_what_differs(whole, capsys):
    assert main(command(whole, **{"plan.batch": 8, "game.penalties.GradientPenalty.weight": 2})) == 2
    said = capsys.readouterr().err
    assert "holds a run of another recipe; choose another --run, or the same settings" in said
    assert "plan.batch is 8, there 4" in said
    assert "game.penalties.GradientPenalty.weight is 2" in said


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("dear")
    with pytest.raises(UsageError, match="exists and is not a run folder; choose another --run"):
        train(tmp_path)
    with pytest.raises(UsageError, match="exists and is not a run folder"):
        train(tmp_path / "thesis.tex")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_half_a_recipe_left_by_a_kill_does_not_bar_the_folder(folder):
    folder.mkdir()
    (folder / ".recipe.yaml.x7f").write_text("# A rec")
    train(folder, rounds=1)
    assert Checkpoints(folder / "checkpoints").rounds() == [0, 1]


def test_a_run_in_use_by_another_process_is_refused(folder):
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(UsageError, match=r"another process is training in .*; stop it first"):
            train(folder)
    finally:
        os.close(handle)
    train(folder, rounds=1)


def test_other_data_under_the_same_name_are_refused(folder, monkeypatch):
    train(folder, rounds=1)
    begin = Training.__init__

    def with_other_data(self, *given):
        begin(self, *given)
        self.source = replace(self.source, fingerprint="other")

    monkeypatch.setattr(Training, "__init__", with_other_data)
    with pytest.raises(
        UsageError,
        match=r"not the data that this run began with \(fingerprint \w{12}, now other\); .* --from .* --data ring",
    ):
        train(folder, rounds=1)


def test_a_damaged_checkpoint_is_refused_by_name_and_the_run_ends_the_same(whole, folder, monkeypatch, capsys):
    in_round(4, lambda: signal.raise_signal(signal.SIGTERM), monkeypatch)
    main(command(folder))
    path = folder / "checkpoints/round-0000004/averages.safetensors"
    content = bytearray(path.read_bytes())
    content[-9] ^= 4
    path.write_bytes(content)
    capsys.readouterr()
    assert main(command(folder)) == 0
    said = capsys.readouterr().out
    assert f"refused the checkpoint of round 4: {path} is not what was saved: its SHA-256 differs" in said
    assert "going on from the previous good checkpoint, of round 3" in said
    assert weights(folder) == weights(whole)
    assert [e["round"] for e in told(folder, "round")] == [1, 2, 3, 4, 5, 6]


def test_a_checkpoint_of_another_optimizer_is_refused_by_name():
    sgd, adam = (toy_trainer(optim) for optim in ("SGD", "Adam"))
    state = adam.state(copy=True)
    state.tensors["optimizers"]["generator.0.weight.exp_avg"] = torch.zeros(3)
    with pytest.raises(checkpoint.Damaged, match=r"generator\.0\.weight\.exp_avg has no place here"):
        sgd.load_state(state)
    del state.tensors["optimizers"]
    with pytest.raises(checkpoint.Damaged, match=r"optimizers\.safetensors is missing"):
        sgd.load_state(state)


def toy_trainer(optim: str) -> Trainer:
    recipe = saddle.recipe.ask("wgan-gp", SETTINGS | {"data": "ring", "game.optim": optim, "plan.rounds": 2})[0]
    trainer = Training(recipe, Path("unused"), torch.device("cpu"), quiet=True).trainer
    trainer.play_round()
    return trainer


def test_minutes_become_rounds_and_a_resumed_run_keeps_them(folder, monkeypatch):
    paces = [0.45]
    monkeypatch.setattr(Trainer, "measure_pace", lambda self: paces.pop())
    monkeypatch.setattr(Trainer, "has_moved", lambda self: True)  # or it would be raised: tests/test_course.py
    in_round(2, lambda: signal.raise_signal(signal.SIGTERM), monkeypatch)
    settings = ["--plan.minutes=0.05" if word.startswith("--plan.rounds") else word for word in command(folder)]
    assert main(settings) == 75
    assert main(settings) == 0
    assert paces == []
    assert {e["rounds"] for e in told(folder, "start")} == {6}
    assert Checkpoints(folder / "checkpoints").rounds()[-1] == 6


def test_a_disk_that_is_full_stops_the_run_and_leaves_the_last_checkpoint(whole, folder, monkeypatch, capsys):
    write = checkpoint._write

    def failing(path, state):
        write(path, state)
        if state.facts["round"] == 3:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_write", failing)
        assert main(command(folder)) == 1
    said = capsys.readouterr().err
    assert "No space left on device; the checkpoint of round 2 is intact. Make room and run again." in said
    assert "Traceback" not in said
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["round-0000001", "round-0000002"]
    assert "could not save" in told(folder, "stop")[-1]["message"]
    assert main(command(folder)) == 0
    assert weights(folder) == weights(whole)


def test_a_log_that_cannot_be_written_stops_the_run_in_words(folder, monkeypatch, capsys):
    def full(self, *given, **fields):
        if fields.get("losses"):
            raise OSError(28, "No space left on device")
        return {"event": given[0]}

    monkeypatch.setattr(events.Events, "write", full)
    assert main(command(folder)) == 1
    said = capsys.readouterr().err
    assert f"saddle: the disk failed in {folder}: No space left on device; the checkpoints are intact." in said


def test_memory_that_runs_out_is_one_line_and_the_checkpoint_stays(folder, monkeypatch, capsys):
    def greedy() -> None:
        torch.empty(1 << 60, dtype=torch.uint8)

    in_round(3, greedy, monkeypatch)
    assert main(command(folder)) == 1
    said = capsys.readouterr().err
    assert (
        "saddle: memory ran out with batches of 4 samples of shape 2 in 1 part(s); try --plan.micro_batches 2" in said
    )
    assert "Traceback" not in said
    assert told(folder, "stop")[-1]["reason"] == "out of memory"
    assert Checkpoints(folder / "checkpoints").load(2).facts["round"] == 2


def test_a_run_that_diverges_says_where_and_keeps_the_last_good_checkpoint(folder, capsys):
    assert main(command(folder, **{"game.optim.lr": 1e30})) == 1
    said = capsys.readouterr().err
    assert "is not finite" in said
    assert "last good checkpoint stays. game.optim.lr is 1e+30; try a tenth of it in another --run" in said
    assert "--game.optim.lr</span> 1e+29" in (folder / "report.html").read_text()
    assert main(["info", str(folder), "--checkpoint", "0"]) == 0
    told_by_info = capsys.readouterr()
    assert "is not finite" in told_by_info.out
    assert told_by_info.err == "saddle: the checkpoint is of round 0: nothing has been learned yet\n"
    kept = Checkpoints(folder / "checkpoints")
    for round_ in kept.rounds():
        tensors = [t for group in kept.load(round_).tensors.values() for t in group.values()]
        assert all(torch.isfinite(t).all() for t in tensors)
    assert told(folder, "stop")[-1]["reason"] == "diverged"


def test_a_run_opens_at_its_best_its_last_and_any_round(whole):
    kept = Checkpoints(whole / "checkpoints")
    assert saddle.load(whole).round == kept.best()
    assert saddle.load(whole, "last").round == 6
    assert saddle.load(whole, 5).round == saddle.load(whole, "5").round == 5
    with pytest.raises(UsageError, match=r"no checkpoint '7' in .*; there are best, last, .*5, 6"):
        saddle.load(whole, 7)


def test_damage_in_the_best_falls_back_to_the_last_good_one(folder, caplog):
    train(folder, rounds=3)
    best = Checkpoints(folder / "checkpoints").best()
    (folder / f"checkpoints/round-{best:07d}/game.safetensors").write_bytes(b"")
    run = saddle.load(folder)
    assert run.round != best
    assert run.sample(2).shape == (2, 2)
    assert f"refused the checkpoint of round {best}" in caplog.text
    for path in folder.glob("checkpoints/*/game.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(SaddleError, match=r"none of the .* checkpoints in .* is usable"):
        saddle.load(folder)


def test_scores_that_are_not_finite_are_kept_in_json_that_all_can_read(tmp_path):
    RunFolder(tmp_path).write_scores([{"name": "fid", "value": 1.5, "uncertainty": float("nan")}])
    assert "NaN" not in (tmp_path / "scores.json").read_text()
    (score,) = RunFolder(tmp_path).scores()
    assert score["value"] == 1.5
    assert score["uncertainty"] != score["uncertainty"]


def test_a_process_short_of_memory_leaves_with_1_and_one_line(folder):
    limit = 1 << 30
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "saddle",
            *command(folder, **{"plan.batch": 30_000, "game.network.width": 512}),
            "--quiet",
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("saddle: memory ran out with batches of 30000 samples")
    assert done.stderr.count("\n") == 1
    assert Checkpoints(folder / "checkpoints").load(0).facts["round"] == 0
