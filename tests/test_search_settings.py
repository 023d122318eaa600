"""A search tries settings in runs of its own, goes on where it was stopped, and says what its best score is worth."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import saddle
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.runs import varying
from saddle.runs.recipe import Recipe
from saddle.runs.searched import of_checkpoint
from saddle.runs.searching import Asked, Found, search

SETTINGS = {"game.network": "MLP", "game.network.width": 8, "plan.batch": 8, "plan.rounds": 8, "plan.pictures": 1}
SETTINGS |= {"plan.scores": 2, "plan.precision": "fp32", "plan.samples": 40, "plan.log_every": 1, "plan.save_every": 1}
LR = "game.optim.lr"
RECIPE = Recipe.default("gan", "ring").change(SETTINGS)


@pytest.fixture
def optuna():
    return pytest.importorskip("optuna", reason="optuna is not installed; pip install optuna")


def words(folder: Path, *more: str) -> list[str]:
    edits = [f"--{name}={value}" for name, value in SETTINGS.items()]
    return ["search", "gan", "--data", "ring", "--run", str(folder), "--device", "cpu", *edits, *more]


def found(folder: Path, vary: dict, trials: int, **more) -> Found:
    return search(Asked(RECIPE, vary, **more), folder, trials, device="cpu")


# What can be varied


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        (LR, "1e-5..1e-2:log", varying.Between(1e-5, 1e-2, True)),
        ("plan.batch", "16..64", varying.Between(16, 64)),
        ("game.loss", "Hinge, NonSaturating", varying.OneOf(("Hinge", "NonSaturating"))),
        ("plan.compile", [True, False], varying.OneOf(("true", "false"))),
        ("game.optim.betas", "[0.0,0.9],[0.5,0.999]", varying.OneOf(("[0.0,0.9]", "[0.5,0.999]"))),
        ("plan.seed", "0..9", varying.Between(0, 9)),
    ],
)
def test_a_setting_is_varied_between_numbers_of_its_own_type_or_over_values(name, given, read):
    assert varying.read(RECIPE, {name: given}) == {name: read}
    assert varying.read(RECIPE, {name: str(read)}) == {name: read}  # as the folder keeps it


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        (LR, "-1..1", "game.optim.lr cannot be varied: game.optim.lr is above 0, not -1.0"),
        ("plan.batch", "0..64", "plan.batch cannot be varied: plan.batch is at least 1, not 0"),
        ("plan.batch", "1.5..64", "plan.batch wants a whole number"),
        (LR, "1e-2..1e-5", "a range begins with its lower end: 0.01 is not below 1e-05"),
        ("game.z_dim", "-1..9", "game.z_dim is"),
        ("game.penalties", "1..2", "game.penalties wants none or a list of"),
        ("plan.pictures", "0..9:log", "':log' is for numbers above 0"),
        (LR, "1e-5..", "a range is LOW..HIGH or LOW..HIGH:log"),
        (LR, "1e-3", "it takes two values or more, each once, not '1e-3'"),
        (LR, "1e-3,1e-3", "each once"),
        ("game.loss", "Hinge..Wasserstein", "it is no number; name its values"),
        ("game.loss", "Hinge,Hing", "no loss 'Hing'"),
        ("game.optim.rate", "1..2", "no setting 'game.optim.rate'"),
        ("plan.samples", "10,20", "it decides how the trials are scored"),
        ("data", "ring,grid", "it decides what the trials learn"),
        ("game.penalties.R1.weight", "1..2", "game.penalties holds no 'R1'"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_trial(name, given, said):
    with pytest.raises(UsageError) as error:
        varying.read(RECIPE, {name: given})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "a search varies at least one setting"),
        (["--vary", "game.optim.lr"], "--vary wants SETTING=LOW..HIGH"),
        (["--vary", f"{LR}=1..2", "--vary", f"{LR}=1..3"], "is given twice"),
        (["--vary", f"{LR}=1..2", "--trials", "0"], "it wants a whole number from 1 on, not '0'"),
        (["--vary", f"{LR}=1e-4..1e-3", "--minutes", "-1"], "the minutes of a search are above 0, not -1"),
        (["--vary", f"{LR}=1e-4..1e-3", "--pruner", "hard"], "invalid choice: 'hard'"),
    ],
)
def test_a_search_that_cannot_be_says_why_and_writes_nothing(more, said, tmp_path, capsys):
    assert main(words(tmp_path / "s", *more)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--metric", "fidd"], "no metric 'fidd'"),
        (["--metric", "fid"], "the metric 'fid' needs"),
        (["--vary", "game.network=MLP,DCGAN"], "game.network cannot be varied like this"),
        (["--track", "mlflaw"], "no tracker 'mlflaw'"),
        (["--vary", "data.heldout=0.1,0.2"], "data.heldout"),
    ],
)
def test_every_value_is_built_before_the_first_trial(more, said, tmp_path, capsys, optuna):
    assert main(words(tmp_path / "s", "--vary", f"{LR}=1e-4..1e-3", *more)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_without_optuna_it_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(words(tmp_path / "s", "--vary", f"{LR}=1e-4..1e-3")) == 2
    assert "install it with: pip install optuna" in capsys.readouterr().err


# The search


def test_trials_are_runs_the_first_is_the_recipe_and_parts_are_varied_where_they_are(tmp_path, optuna):
    vary = {LR: "1e-4..1e-2:log", "game.penalties": "none,R1", "game.penalties.R1.weight": "0.1..10:log"}
    seen = found(tmp_path / "s", vary, 5)
    assert [each.state for each in seen.trials] == ["finished"] * 5
    assert Recipe.read(seen.trials[0].run) == RECIPE.change({"plan.metrics": seen.metric})
    for each in seen.trials:
        assert RunFolder(each.run).status == "finished"
        recipe = Recipe.read(each.run)
        assert recipe.options.optim.lr == each.settings[LR]
        has = each.settings["game.penalties"] == "R1"
        assert has == bool(recipe.options.penalties) == ("game.penalties.R1.weight" in each.settings)
        (score,) = [score for score in RunFolder(each.run).scores() if score["name"] == seen.metric]
        assert (each.value, each.uncertainty) == (score["value"], score["uncertainty"])
    assert {each.settings["game.penalties"] for each in seen.trials} == {"none", "R1"}
    assert seen.best.value == max(each.value for each in seen.trials)  # of modes on a ring more is better
    assert len({each.settings[LR] for each in seen.trials}) == 5


def test_lower_is_better_where_the_metric_says_so_and_the_best_trains_again_to_the_bit(tmp_path, optuna, capsys):
    assert main(words(tmp_path / "s", "--metric", "swd", "--vary", f"{LR}=1e-4,1e-2", "--trials", "3", "--json")) == 0
    seen = json.loads(capsys.readouterr().out)
    values = {each["number"]: each["value"] for each in seen["trials"]}
    assert seen["better"] == "lower"
    assert values[seen["best"]] == min(values.values())
    again = seen["commands"]["again"].split()[1:]
    assert main([*again, "--quiet"]) == 0
    (score,) = [score for score in RunFolder(tmp_path / "s-best").scores() if score["name"] == "swd"]
    assert score["value"] == values[seen["best"]]


def test_a_search_that_was_killed_goes_on_as_if_it_were_not(tmp_path, optuna, capsys):
    command = words(tmp_path / "cut", "--vary", f"{LR}=1e-4..1e-2:log", "--vary", "game.loss=Hinge,NonSaturating")
    command = [word.replace("rounds=8", "rounds=100").replace("_every=1", "_every=10") for word in command]
    command += ["--trials", "2", "--json"]
    child = subprocess.Popen([sys.executable, "-m", "saddle", *command], stdout=subprocess.DEVNULL)
    second = tmp_path / "cut/trial-0001"
    until = time.monotonic() + 200
    while not (second / "checkpoints/round-0000010").exists() and child.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert RunFolder(second).status == "running or killed"
    whole = [word.replace(str(tmp_path / "cut"), str(tmp_path / "whole")) for word in command]
    tables = []
    for each in (command, whole, ["search", "--run", str(tmp_path / "cut"), "--trials", "2", "--json"]):
        assert main(each) == 0
        tables.append(json.loads(capsys.readouterr().out)["trials"])
    plain = [[each | {"run": Path(each["run"]).name} for each in table] for table in tables]
    assert plain[0] == plain[1] == plain[2]
    assert RunFolder(second).events("start")[-1]["round"] >= 10  # from its checkpoint


def test_a_trial_that_diverges_or_cannot_be_is_a_failed_one_and_the_search_goes_on(tmp_path, optuna):
    seen = found(tmp_path / "s", {LR: [1e-3, 1e25]}, 6)
    states = {each.settings[LR]: each.state for each in seen.trials}
    assert states == {"0.001": "finished", "1e+25": "failed"}
    (why, *_) = [each.says for each in seen.trials if each.state == "failed"]
    assert "finite" in why
    assert seen.best.settings[LR] == "0.001"


def test_a_pruned_trial_is_saved_says_so_and_opens_like_any_run(tmp_path, optuna, monkeypatch, capsys):
    monkeypatch.setattr(optuna.pruners.MedianPruner, "prune", lambda self, study, trial: trial.number == 1)
    seen = found(tmp_path / "s", {LR: "1e-4..1e-3"}, 3)
    assert [each.state for each in seen.trials] == ["finished", "pruned", "finished"]
    run = RunFolder(seen.trials[1].run)
    assert run.status == "stopped"
    assert "pruned after round 2: at this point the trials before were better" in run.failure()
    assert saddle.load(run.path, "last").round == 2
    assert len(run.events("score")) == 1
    assert main(["search", "--run", str(tmp_path / "s"), "--trials", "3"]) == 0  # nothing left to do
    told = capsys.readouterr().out
    assert "pruned after round 2" in told
    assert (
        "This score, of the trial's best checkpoint, is optimistic: it is the best of 3 trials, all of one seed" in told
    )
    again, compare = (told.splitlines()[i] for i in (-4, -2))
    assert (again, compare) == ("Train it again (the same seed):", "Compare it over three seeds:")
    assert "saddle compare" in told.splitlines()[-1]


def test_a_trial_has_the_score_of_its_checkpoint_and_says_what_its_last_round_had(tmp_path):
    score = {"name": "swd", "value": 453.21, "round": 34}
    way = {"round": 34, "scores": {"swd": {"value": 450.0}}}
    with RunFolder(tmp_path).log() as log:
        log.write("score", **way)
        assert of_checkpoint(tmp_path, score) == "swd 453.2 (checkpoint of round 34)"
        log.write("score", **{**way, "round": 40, "scores": {"swd": {"value": 595.51}}})
    assert of_checkpoint(tmp_path, score) == "swd 453.2 (checkpoint of round 34; 595.5 at the end)"


def test_no_trial_begins_when_the_minutes_are_over_and_seeds_can_be_varied(tmp_path, optuna):
    seen = saddle.search(
        "gan", "ring", tmp_path / "s", vary={"plan.seed": "0..9"}, minutes=1e-6, settings=SETTINGS, device="cpu"
    )
    assert seen.trials == ()
    seen = saddle.search(run=tmp_path / "s", trials=3, device="cpu")
    seeds = {each.settings["plan.seed"] for each in seen.trials}
    assert {Recipe.read(each.run).plan.seed for each in seen.trials} == seeds
    assert seen.seeds == len(seeds) > 1


def test_another_search_in_the_same_folder_is_refused(tmp_path, optuna, capsys):
    found(tmp_path / "s", {LR: "1e-4..1e-3"}, 1)
    for more in (["--vary", f"{LR}=1e-4..1e-2"], ["--vary", f"{LR}=1e-4..1e-3", "--plan.batch=9"]):
        command = [word for word in words(tmp_path / "s", *more) if not (len(more) > 2 and word == "--plan.batch=8")]
        assert main(command) == 2
        assert "holds another search" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").touch()
    assert main(words(tmp_path / "other", "--vary", f"{LR}=1e-4..1e-3")) == 2
    assert "exists and holds no search" in capsys.readouterr().err


def test_an_observer_that_has_seen_enough_stops_a_training_which_is_saved_and_goes_on(tmp_path):
    class Enough(saddle.Observer):
        def on_round(self, event, run):
            if event["round"] in (3, 8):
                raise saddle.errors.Enough("as good as it gets")

    def train(*observers):
        return saddle.train("gan", "ring", tmp_path / "run", settings=SETTINGS, quiet=True, observers=observers)

    with pytest.raises(saddle.errors.SaddleError, match="stopped and saved after round 3: as good as it gets"):
        train(Enough())
    assert RunFolder(tmp_path / "run").status == "stopped"
    assert train(Enough()).round == 8  # in the last round there is nothing to stop


def test_a_folder_with_signs_of_a_url_keeps_its_own_study_and_a_damaged_one_is_said(tmp_path, optuna, capsys):
    first, second = tmp_path / "q?x", tmp_path / "q?y%41#z"
    for folder in (first, second):
        assert len(found(folder, {LR: "1e-4..1e-3"}, 1).trials) == 1
        assert (folder / "study.db").exists()
    assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name}
    shutil.rmtree(second / "trial-0000")
    gone = found(second, {LR: "1e-4..1e-3"}, 1)
    assert gone.best is None
    assert [trial.says for trial in gone.trials] == ["its folder is gone"]
    (first / "study.db").write_bytes(b"no database" * 1000)
    assert main(["search", "--run", str(first)]) == 1
    assert "study.db cannot be read (file is not a database)" in " ".join(capsys.readouterr().err.split())
