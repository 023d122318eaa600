"""Trackers get what the log has, keep one run for one folder, and never end a training. Nothing here is sent."""

import json
import logging
import struct
from pathlib import Path

import pytest

import saddle
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.base.settings import flat
from saddle.cli import main
from saddle.runs import tracking
from saddle.runs.recipe import Recipe

SETTINGS = {"game.network": "MLP", "game.network.width": 8, "plan.batch": 8, "plan.pictures": 2, "plan.scores": 1}
SETTINGS |= {"plan.precision": "fp32", "plan.samples": 40, "plan.log_every": 1, "plan.save_every": 1}

BLOCK = 2**15  # bytes


class Stopping(saddle.Observer):
    """As a kill does, in round 2, of which nothing is saved."""

    def on_round(self, event, run):
        if event["round"] == 2:
            raise KeyboardInterrupt


def train(folder: Path, track: str, *observers: saddle.Observer, rounds: int = 4) -> RunFolder:
    known = {"rounds": rounds, "settings": SETTINGS, "device": "cpu", "quiet": True}
    saddle.train("gan", "ring", folder, track=track, observers=observers, **known)
    return RunFolder(folder)


def resumed(folder: Path, track: str) -> RunFolder:
    """A run that was cut off after round 2, which it saved up to round 1, and went on."""
    with pytest.raises(KeyboardInterrupt):
        train(folder, track, Stopping())
    assert RunFolder(folder).status == "running or killed"
    return train(folder, track)


def logged(run: RunFolder, name: str) -> dict[int, float]:
    group, name = name.split("/", 1)
    return {event["round"]: event[group][name] for event in run.events("round")}


def test_tensorboard_shows_the_log_once_whatever_came_between(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = resumed(tmp_path / "run", "tensorboard")
    board = accumulator.EventAccumulator(str(run.path / "tensorboard")).Reload()
    for name in ("losses/generator/adversarial", "notes/d_real"):
        shown = {each.step: each.value for each in board.Scalars(name)}
        assert shown == pytest.approx(logged(run, name), abs=1e-6)
    assert [each.step for each in board.Scalars("losses/generator/adversarial")] == [1, 2, 3, 4]
    assert {each.step for each in board.Images("samples")} == {0, 2, 4}
    score = run.scores()[0]
    assert board.Scalars(f"final/{score['name']}")[0].value == pytest.approx(score["value"])
    assert board.Scalars(f"final_errors/{score['name']}")[0].value == pytest.approx(score["uncertainty"])
    assert {f"scores/{score['name']}", "images_per_second"} < {*board.Tags()["scalars"]}
    texts = board.Tensors("doctor/text_summary")[-1].tensor_proto.string_val[0].decode()
    assert texts == run.events("verdict")[-1]["message"]
    assert "plan:" in board.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0].decode()


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """Its client, of files in a temporary folder."""
    client = pytest.importorskip("mlflow", reason="mlflow is not installed").MlflowClient
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "tracked").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return client


def test_mlflow_keeps_one_run_with_the_recipe_the_log_and_the_verdict(tmp_path, mlflow):
    run = resumed(tmp_path / "run", "mlflow")
    client = mlflow()
    (experiment,) = [each for each in client.search_experiments() if each.name == "saddle"]
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_id == run.tracked("mlflow")
    assert (found.info.run_name, found.info.status) == ("run", "FINISHED")
    plain = flat(Recipe.read(run.path).to_dict())
    assert {*found.data.params} == {*plain}
    assert found.data.params["game.network.width"] == "8"
    history = client.get_metric_history(found.info.run_id, "losses/generator/adversarial")
    assert {each.step: each.value for each in history} == logged(run, "losses/generator/adversarial")
    score = run.scores()[0]
    assert found.data.metrics[f"final/{score['name']}"] == score["value"]
    assert found.data.metrics[f"final_errors/{score['name']}"] == score["uncertainty"]
    assert found.data.tags["doctor"] == run.events("verdict")[-1]["message"]
    files = [each.path for each in client.list_artifacts(found.info.run_id)]
    assert {"recipe.yaml", "images"} <= {*files}


def test_mlflow_that_does_not_know_a_run_any_more_begins_another(tmp_path, mlflow, caplog):
    run = train(tmp_path / "run", "mlflow", rounds=1)
    run.track("mlflow", "gone")
    train(tmp_path / "run", "mlflow", rounds=2)
    assert "MLflow knows no run gone here; a new one begins" in caplog.text
    found = mlflow().get_run(run.tracked("mlflow"))
    assert found.data.params["plan.rounds"] == "2"


def test_mlflow_ends_a_run_that_failed_as_failed(tmp_path, mlflow, monkeypatch):
    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("saddle.training.checkpoint.Checkpoints.save", fails)
    with pytest.raises(saddle.errors.SaddleError, match="disk failed"):
        train(tmp_path / "run", "mlflow")
    found = mlflow().get_run(RunFolder(tmp_path / "run").tracked("mlflow"))
    assert found.info.status == "FAILED"
    assert "No space left" in found.data.tags["stop"]


def test_weights_and_biases_offline_goes_on_with_the_run_of_the_folder(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = resumed(tmp_path / "run", "wandb")
    name = run.tracked("wandb")
    written = sorted((run.path / "wandb").glob("offline-run-*"))
    assert len(written) == 2
    assert {each.name.rpartition("-")[2] for each in written} == {name}
    records = [record for each in written for record in wandb_records(each / f"run-{name}.wandb")]
    losses = {}
    for record in records:
        items = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        if "losses/generator/adversarial" in items:
            losses[items["round"]] = items["losses/generator/adversarial"]
    assert losses == logged(run, "losses/generator/adversarial")
    config = {item.key: json.loads(item.value_json) for record in records for item in record.run.config.update}
    assert config["game.network.width"] == "8"
    told = {item.key: item.value_json for record in records for item in record.summary.update}
    assert json.loads(told["doctor"]) == run.events("verdict")[-1]["message"]


def wandb_records(file: Path):
    """What W&B keeps to send later: a log in the format of LevelDB, after seven bytes of its own."""
    from wandb.proto import wandb_internal_pb2

    data, place, whole = file.read_bytes(), 7, b""
    while place + 7 <= len(data):
        _, size, kind = struct.unpack("<IHB", data[place : place + 7])
        left = BLOCK - place % BLOCK
        if left < 7 or kind == 0:  # the end of a block holds nothing
            place += left
            continue
        whole += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # all of a record, or its last part
            yield wandb_internal_pb2.Record.FromString(whole)
            whole = b""


def test_track_alone_is_tensorboard_and_several_may_be_named(monkeypatch):
    pytest.importorskip("tensorboard")
    assert [type(each).__name__ for each in tracking.chosen(True)] == ["TensorBoard"]
    assert tracking.chosen(False) == tracking.chosen("") == []
    assert len(tracking.chosen("tensorboard, tensorboard")) == 1


@pytest.mark.parametrize("name", tracking.names())
def test_a_tracker_that_is_not_installed_says_what_to_install_and_nothing_begins(name, tmp_path, monkeypatch, capsys):
    package = {"tensorboard": "torch.utils.tensorboard"}.get(name, name)
    monkeypatch.setitem(__import__("sys").modules, package, None)
    assert main(["train", "gan", "--data", "ring", "--run", str(tmp_path / "run"), "--track", name]) == 2
    packages = {"mlflow": "mlflow-skinny sqlalchemy alembic"}.get(name, name)
    assert capsys.readouterr().err.endswith(f"; install it with: pip install {packages}\n")
    assert not (tmp_path / "run").exists()


def test_an_unknown_tracker_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(
        UsageError, match=r"no tracker 'mlflaw' \(did you mean mlflow.*there are mlflow, tensorboard, w"
    ):
        train(tmp_path / "run", "mlflaw")


def test_a_tracker_whose_server_is_away_ends_no_training(tmp_path, mlflow, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with caplog.at_level(logging.WARNING):
        run = train(tmp_path / "run", "mlflow", rounds=1)
    assert run.status == "finished"
    assert "the observer MLflow failed in on_start" in caplog.text
