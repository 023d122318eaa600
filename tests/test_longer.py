"""A run may become longer on its way: it ends in the bits of one that was planned so long, and what had ended stays."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from playing import in_round
from small import GAMES, make_trainer, tiny_recipe

import saddle
from saddle.base.errors import UsageError
from saddle.base.folder import RunFolder
from saddle.cli import main
from saddle.optim import Adam, Linear
from saddle.penalties import PathLength
from saddle.runs.benchmark import Bench
from saddle.runs.recipe import Recipe
from saddle.runs.session import Training
from saddle.training import checkpoint
from saddle.training.checkpoint import Checkpoints
from saddle.training.course import Course
from saddle.training.plan import FOR_ROUNDS, Plan
from saddle.training.trainer import Trainer
from saddle.views import ADA

SETTINGS = {"game.network.width": 8, "game.optim.schedule": "Constant", "plan.batch": 4, "plan.save_every": 1}
SETTINGS |= {"plan.log_every": 1, "plan.pictures": 1, "plan.samples": 50, "plan.scores": 0, "plan.precision": "fp32"}


def train(folder: Path, rounds: int | None, game: str = "gan", **settings) -> Path:
    saddle.train(game, "ring", folder, rounds=rounds, settings=SETTINGS | settings, device="cpu", quiet=True)
    return folder


def state(folder: Path) -> tuple[dict[str, bytes], dict]:
    """Of the last checkpoint all tensors, and all facts but those that tell how it came there."""
    last = Checkpoints(folder / "checkpoints").path(Checkpoints(folder / "checkpoints").rounds()[-1])
    facts = json.loads((last / "facts.json").read_text())
    told = {name: value for name, value in facts.items() if name not in ("seconds", "course", "recipe")}
    return {file.name: file.read_bytes() for file in last.glob("*.safetensors")}, told


def cut() -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Runs of 6 and of 12 rounds, and one that was cut off after 3 of 6."""
    home = tmp_path_factory.mktemp("home")
    train(home / "six", 6)
    train(home / "twelve", 12)
    with pytest.MonkeyPatch.context() as patch:
        in_round(4, cut, patch)
        with pytest.raises(KeyboardInterrupt):
            train(home / "three", 6)
    return home


@pytest.fixture
def six(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home / "six", tmp_path / "run"))


@pytest.fixture
def three(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home / "three", tmp_path / "run"))


def test_six_rounds_and_six_more_are_twelve_to_the_bit(home, six):
    train(six, 12)
    assert state(six) == state(home / "twelve")
    facts = Checkpoints(six / "checkpoints").load(12).facts
    assert facts["course"]["end"] == 6
    assert facts["recipe"] == Recipe.read(six).to_dict()


def test_a_run_that_was_cut_off_before_its_end_goes_on_to_a_later_one(home, three):
    train(three, 12)
    assert state(three) == state(home / "twelve")


@pytest.mark.parametrize("dies", [7, 9, 12])
def test_a_run_that_was_made_longer_and_killed_ends_the_same(home, six, monkeypatch, dies):
    in_round(dies, cut, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(six, 12)
    assert RunFolder(six).status != "finished"
    train(six, None)  # its recipe says so by now
    assert state(six) == state(home / "twelve")


def test_a_kill_between_the_recipe_and_the_checkpoint_loses_nothing(home, six, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Training, "save", lambda self: cut())
        with pytest.raises(KeyboardInterrupt):
            train(six, 12)
    assert Checkpoints(six / "checkpoints").load(6).facts["recipe"]["plan"]["rounds"] == 6
    train(six, None)
    assert state(six) == state(home / "twelve")


def test_what_a_command_changed_is_in_the_log_the_recipe_and_the_report(six):
    train(six, 12)
    folder = RunFolder(six)
    assert [event["settings"] for event in folder.events("change")] == [{"plan.rounds": [6, 12]}]
    assert Recipe.read(six).plan.rounds == 12
    assert [(e["round"], e["rounds"]) for e in folder.events("plan")] == [(6, 12)]
    assert folder.status == "finished"
    assert {score["round"] for score in folder.scores()} == {12}
    assert [e["round"] for e in folder.events("sample")] == [0, 6, 12]
    assert ">12 of 12<" in folder.report.read_text()


def test_a_run_from_before_recipes_were_bound_becomes_longer_too(home, six):
    last = six / "checkpoints" / "round-0000006"
    facts = json.loads((last / "facts.json").read_text())
    del facts["recipe"]
    (last / "facts.json").write_text(json.dumps(facts))
    manifest = json.loads((last / "manifest.json").read_text())
    file = last / "facts.json"
    manifest["files"]["facts.json"] = {"sha256": checkpoint.sha256(file), "bytes": file.stat().st_size}
    (last / "manifest.json").write_text(json.dumps(manifest))
    train(six, 12)
    assert state(six) == state(home / "twelve")


def test_the_checkpoint_that_is_saved_again_keeps_its_score(tmp_path, monkeypatch):
    train(tmp_path / "run", 2, **{"plan.scores": 1})
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints")
    score = checkpoints.load(2).facts["score"]
    in_round(3, cut, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", 12, **{"plan.scores": 1})
    assert checkpoints.load(2).facts["recipe"]["plan"]["rounds"] == 12
    assert checkpoints.load(2).facts["score"] == score


def trained(trainer: Trainer, rounds: int) -> Trainer:
    while trainer.round < rounds:
        trainer.play_round()
    return trainer


@pytest.mark.parametrize("name", ["wgan-gp", "stylegan2", "improved-gan"])
def test_with_settings_that_stay_every_bit_is_that_of_the_longer_plan(name):
    """Where the chance of ADA adapts, paths have a mean length, and penalties are lazy."""
    options = tiny_recipe(name).options
    if name == "stylegan2":
        options = replace(options, views=(ADA(every=1, images=100.0),), penalties=(PathLength(every=2),))
    made = [make_trainer(name, options, Adam(), rounds=rounds) for rounds in (8, 4, 4)]
    whole, short, longer = made
    longer.load_state(trained(short, 4).state(copy=True))
    longer.course.lengthen(8)
    state, other = (trained(each, 8).state() for each in (whole, longer))
    for group, tensors in state.tensors.items():
        assert all(torch.equal(tensor, other.tensors[group][key]) for key, tensor in tensors.items())
    if name == "stylegan2":
        assert any(key.startswith("views") and tensor.any() for key, tensor in state.tensors["game"].items())
    assert state.facts == {name: value for name, value in other.facts.items() if name != "course"}


@pytest.mark.parametrize("name", GAMES)
def test_every_game_plays_on_as_at_the_end_of_its_last_stage(name):
    ends = []
    for progress in (1 - 1e-9, 1.0):
        trainer = make_trainer(name)
        trainer.course.progress = lambda round_, at=progress: at
        trained(trainer, 2)
        ends.append({key: float(loss) for key, loss in trainer.losses.items()})
    assert ends[0] == pytest.approx(ends[1], rel=1e-4, abs=1e-5)


@given(
    rounds=st.integers(1, 1000),
    share=st.floats(0, 1),
    more=st.lists(st.integers(1, 500), min_size=1, max_size=3),
    bend=st.booleans(),
)
def test_progress_goes_as_it_was_planned_and_then_stays_1(rounds, share, more, bend):
    planned, course = Course(Plan(rounds=rounds)), Course(Plan(rounds=rounds))
    for each in (planned, course):
        each.bend = (0, 0.0) if not bend or rounds < 2 else (1, 0.3)
    for further in more:
        course.lengthen(course.rounds + further)
        again = Course(Plan(rounds=course.rounds))
        again.load({"rounds": course.rounds} | json.loads(json.dumps(course.facts())))
        course = again
    at = course.bend[0] + int(share * (rounds - course.bend[0]))
    assert course.progress(at) == planned.progress(at)
    assert {course.progress(round_) for round_ in (rounds, rounds + 1, course.rounds)} == {1.0}
    assert course.rounds == rounds + sum(more)
    assert course.end == rounds
    assert not course.may_rise


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ("--plan.rounds=5", "plan.rounds 5: this run is planned for 6 rounds, of which 6 are played, and a run never"),
        ("--plan.images=16", "plan.images 16 means 4 rounds: this run is planned for 6 rounds"),
        ("--plan.minutes=0.00001", "plan.minutes 1e-05: that time is over. It counts the whole run"),
    ],
)
def test_a_run_never_becomes_shorter(six, capsys, length, said):
    before = {file: file.read_bytes() for file in six.rglob("*") if file.is_file()}
    assert main(["train", "--run", str(six), "--device=cpu", length]) == 2
    assert said in capsys.readouterr().err
    assert {file: file.read_bytes() for file in six.rglob("*") if file.is_file()} == before


def test_a_run_that_was_cut_off_never_becomes_shorter_than_it_was_planned(three):
    with pytest.raises(UsageError, match=r"6 rounds, of which 3 are played, .* Name at least 6 rounds, leave"):
        train(three, 5)


def test_minutes_count_the_whole_run(three, monkeypatch):
    monkeypatch.setattr(Trainer, "measure_pace", lambda self: 2.0)
    spent = Checkpoints(three / "checkpoints").load(3).facts["seconds"]
    minutes = (spent + 2.0 * 9.5) / 60 / FOR_ROUNDS
    train(three, None, **{"plan.minutes": minutes})
    folder = RunFolder(three)
    assert [(e["round"], e["rounds"], e["pace"]) for e in folder.events("plan")] == [(3, 12, 2.0)]
    assert Checkpoints(three / "checkpoints").rounds()[-1] == 12
    assert Recipe.read(three).plan.rounds is None


def test_minutes_that_are_too_few_say_how_many_are_not(three, monkeypatch):
    monkeypatch.setattr(Trainer, "measure_pace", lambda self: 90.0)
    with pytest.raises(UsageError, match=r"minutes 2 has time for 4 rounds at 90 s a round: .* at least 5\.1 minutes"):
        train(three, None, **{"plan.minutes": 2})


def test_a_ceiling_that_was_too_low_is_lifted(tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "measure_pace", lambda self: 1.0)
    train(tmp_path / "run", 12, **{"plan.at_most": 6 / 60 / FOR_ROUNDS})
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints")
    reached = checkpoints.rounds()[-1]
    train(tmp_path / "run", 12)
    assert 6 <= reached <= checkpoints.rounds()[-1] == 12


def test_a_rate_that_has_come_to_0_is_said_with_the_command_that_goes_on(tmp_path, capsys):
    run = train(tmp_path / "run", 2, **{"game.optim.schedule": "Linear"})
    assert main(["train", "--run", str(run), "--device=cpu", "--plan.rounds=5"]) == 2
    said = capsys.readouterr().err
    assert "the learning rate of generator and discriminator is 0 from round 2 on" in said
    assert f"saddle train --from {run} --run NEW --plan.rounds 3." in said
    assert "--game.optim.schedule Constant" in said
    assert Recipe.read(run).plan.rounds == 2


def test_a_rate_is_at_rest_only_where_its_own_schedule_ends_at_0():
    own = {"generator": Adam(schedule=Linear(end=0.5)), "discriminator": Adam(schedule=Linear())}
    trainer = make_trainer("gan")
    trainer.game.optim = own.__getitem__
    assert trainer.at_rest() == ["discriminator"]


def test_games_side_by_side_are_not_made_longer(home, tmp_path):
    bench = Bench(["gan"], 1, tmp_path, {})
    recipe = Recipe.read(home / "six").change({"plan.rounds": 12})
    with pytest.raises(UsageError, match=r"plan\.rounds is 12, there 6"):
        bench.check([(home / "six", recipe)])
