"""A run in minutes may become longer in its first fifth: progress never falls, and a resumed run is the same run."""

import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playing import in_round
from small import GAMES, make_trainer

import saddle
from saddle.base import events
from saddle.base.errors import UsageError
from saddle.games.energy import Energy
from saddle.losses import EnergyMargin, TopK
from saddle.optim import Adam, Cosine, Exponential, Linear
from saddle.penalties import R1
from saddle.runs import session
from saddle.runs.expectation import expectation
from saddle.runs.recipe import Recipe
from saddle.training.course import LATEST, Course, moved
from saddle.training.plan import FOR_ROUNDS, Plan
from saddle.training.trainer import Trainer
from saddle.views import InstanceNoise

SETTINGS = {"game.network.width": 8, "game.discriminator_steps": 1, "plan.batch": 4, "plan.precision": "fp32"}
SETTINGS |= {"plan.log_every": 5, "plan.pictures": 2, "plan.scores": 0}


def drive(course: Course, paces: list[float]) -> list[tuple[float, bool]]:
    """Progress before each round of a whole run, and whether the run was raised after it.

    The k-th round takes the k-th of `paces`, or the last.
    """
    seconds, seen, round_ = 0.0, [], 0
    while round_ < course.rounds:
        before = course.progress(round_)
        seconds += paces[min(round_, len(paces) - 1)]
        round_ += 1
        raised = course.at_mark(round_) and course.raise_rounds(round_, seconds, course.pace(round_, seconds))
        seen.append((before, raised))
    return seen


@given(
    first=st.floats(0.01, 10),
    paces=st.lists(st.floats(0.01, 10), min_size=1, max_size=30),
    minutes=st.floats(0.01, 2),
)
def test_progress_rises_with_every_round_from_0_to_1_whatever_the_pace(first, paces, minutes):
    course = Course(Plan(minutes=minutes))
    course.rounds = course.plan.rounds_at(first)
    seen = drive(course, paces)
    assert seen[0][0] == 0
    assert all(a < b for (a, _), (b, _) in pairwise(seen))
    assert seen[-1][0] < 1 == pytest.approx(course.progress(course.rounds))
    assert all(before <= LATEST for before, raised in seen if raised)
    assert sum(raised for _, raised in seen) <= 4


@given(rounds=st.integers(1, 10**6), share=st.floats(0, 1))
def test_with_a_budget_in_rounds_progress_is_their_share_to_the_bit(rounds, share):
    round_ = int(share * rounds)
    course = Course(Plan(rounds=rounds))
    assert course.progress(round_) == round_ / rounds
    assert not round_ or not course.at_mark(round_)
    assert course.facts() == {}


@pytest.mark.parametrize("bad_rounds", [0, 3, 7])
def test_a_first_pace_from_a_bad_moment_costs_at_most_a_fifth_of_the_rounds_there_is_time_for(bad_rounds):
    """Ten times too slow at first, and perhaps in the first rounds too."""
    course = Course(Plan(minutes=1))
    course.rounds = course.plan.rounds_at(1.0)
    worth = 60 * FOR_ROUNDS / 0.1
    assert course.rounds == pytest.approx(worth / 10)
    drive(course, [1.0] * bad_rounds + [0.1])
    spare = bad_rounds * 0.9 / 0.1  # rounds that there really was no time for
    assert 0.8 * (worth - spare) < course.rounds < 1.01 * worth


def test_a_pace_that_stays_as_it_was_measured_changes_nothing():
    course = Course(Plan(minutes=1))
    course.rounds = course.plan.rounds_at(0.1)
    assert not any(raised for _, raised in drive(course, [0.1 / 1.05, 0.1 * 1.05]))


def test_at_most_plays_what_is_wanted_where_there_is_time_and_no_more_where_there_is_not():
    plan = Plan(rounds=1000, at_most=1)
    assert [plan.rounds_at(pace) for pace in (0.01, 0.054, 0.1, 100.0)] == [1000, 1000, 540, 1]
    course = Course(plan)
    course.rounds = plan.rounds_at(0.5)
    drive(course, [0.01])
    assert course.rounds == 1000
    assert Plan(images=640, batch=64, at_most=1).wanted == 10


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"minutes": 1, "at_most": 1}, "is a limit already"),
        ({"at_most": 0}, "at_most is above 0 and up to 10,000,000 or none, not 0"),
    ],
)
def test_a_ceiling_that_cannot_be_is_refused(given, says):
    with pytest.raises(UsageError, match=says):
        Plan(**given)


def test_a_new_budget_replaces_the_old_one_with_its_ceiling():
    recipe = Recipe.default("cgan").change({"plan.rounds": 9, "plan.at_most": 3})
    assert recipe.change({"plan.minutes": 2}).plan.at_most is None
    assert recipe.change({"plan.batch": 2}).plan.at_most == 3


@pytest.mark.parametrize(
    ("settings", "has"),
    [
        (Adam(schedule=Linear(begin=0.5)), False),
        (Adam(schedule=Linear()), True),
        (Adam(schedule=Cosine()), True),
        (Adam(schedule=Exponential(factor=0.9)), False),  # of rounds alone
        ((R1(), R1(schedule=Linear())), True),
        (InstanceNoise(), True),
        (EnergyMargin(margin=2.0, end=1.0), True),
        (EnergyMargin(margin=2.0), False),
        (TopK(share=Linear(end=0.5)), True),
    ],
)
def test_what_progress_has_moved_is_found_in_any_setting(settings, has):
    assert moved(settings, 5, 0.1) == has
    assert not moved(settings, 5, 0.0)


@pytest.mark.parametrize("name", GAMES)
def test_a_game_that_has_neither_moved_nor_staged_plays_as_at_the_beginning(name):
    """Where a run may be made longer, its progress has decided nothing so far."""
    losses = []
    for progress in (0.0, LATEST):
        trainer = make_trainer(name, rounds=100)
        trainer.course.progress = lambda round_, at=progress: at
        trainer.play_round()
        losses.append({key: float(loss) for key, loss in trainer.losses.items()})
        if trainer.has_moved():
            assert progress > 0, "nothing has moved at the start"
            return
    assert losses[0] == losses[1]


def test_cascades_end_the_time_in_which_a_run_may_become_longer():
    game = make_trainer("energy").game
    game.options = replace(game.options, cascades=10)
    assert isinstance(game, Energy)
    assert [game.has_staged(progress) for progress in (0.0, 0.09, 0.1)] == [False, False, True]


class Clock:
    """Time that passes only while rounds are played, a tenth of what was measured at first."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return slow_at_first(monkeypatch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run that was raised and never stopped."""
    folder = tmp_path_factory.mktemp("course") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        slow_at_first(patch)
        train(folder)
    return folder


def slow_at_first(monkeypatch) -> Clock:
    clock, play = Clock(), Trainer.play_round

    def playing(self):
        play(self)
        clock.now += 0.1

    monkeypatch.setattr(Trainer, "play_round", playing)
    monkeypatch.setattr(Trainer, "measure_pace", lambda self: 1.0)
    monkeypatch.setattr(session, "time", clock)
    return clock


def train(folder: Path, **settings) -> saddle.runs.run.Run:
    edits = SETTINGS | {"plan.minutes": 0.5} | settings
    return saddle.train("wgan-gp", "ring", folder, settings=edits, device="cpu", quiet=True)


def last_weights(folder: Path) -> dict[str, bytes]:
    last = sorted((folder / "checkpoints").glob("round-*"))[-1]
    return {p.name: p.read_bytes() for p in last.glob("*.safetensors")}


def planned(folder: Path) -> list[tuple[int, int]]:
    return [(e["round"], e["rounds"]) for e in events.read(folder / "events.jsonl") if e["event"] == "plan"]


def killed() -> None:
    raise KeyboardInterrupt


def asked() -> None:
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(("round_", "happens"), [(1, killed), (2, asked), (3, killed), (60, asked)])
def test_a_run_that_was_raised_and_stopped_ends_as_the_one_that_never_was(
    tmp_path, whole, clock, monkeypatch, round_, happens
):
    assert planned(whole)[0] == (0, 27)
    raised_at, rounds = planned(whole)[1]
    assert raised_at <= LATEST * 27
    assert 200 < rounds <= 270
    in_round(round_, happens, monkeypatch)
    with pytest.raises((KeyboardInterrupt, saddle.training.health.Interrupted)):
        train(tmp_path / "stopped")
    train(tmp_path / "stopped")
    assert dict(planned(tmp_path / "stopped")) == dict(planned(whole))
    assert last_weights(tmp_path / "stopped") == last_weights(whole)


def test_a_schedule_that_moves_at_once_keeps_the_run_as_long_as_it_was_planned(tmp_path, clock):
    train(tmp_path / "run", **{"game.optim.schedule": "Linear"})
    assert planned(tmp_path / "run") == [(0, 27)]


def test_a_run_in_minutes_of_old_keeps_the_rounds_that_it_began_with():
    facts = {"rounds": 27, "round": 1, "batches_drawn": 1}
    course = Course(Plan(minutes=0.5))
    course.load(facts)
    assert not any(course.at_mark(round_) for round_ in range(1, 28))
    assert course.facts() == {}
    course.load(facts | {"course": {"bend": [0, 0.0], "mark": [0, 0.0]}})
    assert course.at_mark(2)


def test_every_measurement_is_saved_before_the_next_round(tmp_path, clock):
    train(tmp_path / "run", **{"game.optim.schedule": "Linear"})
    saves = [e["round"] for e in events.read(tmp_path / "run" / "events.jsonl") if e["event"] == "save"]
    assert saves == [0, 2, 3, 4, 5, 27]


def test_fewer_rounds_than_wanted_are_said_and_raised_again(tmp_path, clock, capsys):
    edits = SETTINGS | {"plan.rounds": 100, "plan.at_most": 0.5}
    saddle.train("wgan-gp", "ring", tmp_path / "run", settings=edits, device="cpu")
    said = capsys.readouterr()
    said = said.out + said.err
    assert "27 rounds of the 100 wanted are planned for 0.5 minutes, at 1 s a round; there may be more if" in said
    assert "100 rounds take about 0.17 minutes at 0.1 s a round, of at most 0.5" in said
    assert planned(tmp_path / "run")[-1][1] == 100
    assert events.read(tmp_path / "run" / "events.jsonl")[-1]["round"] == 100
    assert ">100 of 100<" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("game", "edits", "rounds", "says"),
    [
        ("cgan", {}, 58, "58 of the recipe's 5,000 rounds: blurs are normal"),
        ("cgan", {}, 3000, "3,000 of the recipe's 5,000 rounds: more rounds may make it better"),
        ("cgan", {}, 5000, "5,000 rounds, and the recipe's are 5,000: compare its scores with those of docs/scores.md"),
        ("cgan", {"plan.batch": 32}, 58, "1,856 of the recipe's 320,000 images: blurs are normal"),
        (
            "cgan",
            {"data": "folder:photos"},
            58,
            "58 rounds. How many these data need is not known beforehand: look at the pictures and the scores to see",
        ),
    ],
)
def test_every_end_says_what_to_expect(game, edits, rounds, says):
    assert expectation(Recipe.default(game).change(edits), rounds).startswith(says)


def test_the_stop_in_the_log_says_what_to_expect(tmp_path, clock):
    train(tmp_path / "run", **{"plan.minutes": 0.05})
    stop = events.read(tmp_path / "run" / "events.jsonl")[-1]
    assert stop["event"] == "stop"
    assert stop["message"].startswith("8 of the recipe's 640,000 images: samples far from the data")


def test_the_slowest_process_decides_how_many_rounds_there_is_time_for(monkeypatch):
    def raised(seconds: float) -> int | None:
        trainer = make_trainer("cgan", rounds=None, minutes=1)
        trainer.rounds, trainer.round = 25, 1
        trainer.raise_rounds(seconds)
        return trainer.rounds

    assert raised(0.2) > raised(0.4) > 25
    alone = raised(0.4)
    monkeypatch.setattr("saddle.training.trainer.dist.largest", lambda x: x.clamp_min(0.4))
    assert raised(0.2) == alone
