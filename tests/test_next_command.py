"""A training ends with the command that shows it at work: one that does what it says, as it stands."""

import shlex
from pathlib import Path

import pytest
import torch
from small import GAMES, make_trainer

from saddle.runs import asking
from saddle.runs.introduction import next_command
from saddle.spec import Condition, DataSpec, Field, conditions
from saddle.tasks import Synthesis, Translation


@pytest.mark.parametrize("name", GAMES)
def test_the_command_at_the_end_asks_for_what_the_game_can_be_asked(name: str):
    game = make_trainer(name).game
    (said,) = next_command(game, Path("a run"), ())
    command, run, *words = shlex.split(said.removeprefix("what next: saddle "))
    assert run == "a run"
    if command == "sample":
        assert isinstance(game, Synthesis)
        condition = game.condition
        assert bool(words) == (condition is not None)
        if condition is not None and condition.kind == "text":
            assert words == ["--text", conditions.captions(condition, torch.tensor(game.data.distribution[:1]))[0]]
        elif condition is not None:
            conditions.read(condition, words[1])
    elif command == "translate":
        assert isinstance(game, Translation)
        assert asking.wishes(game, None, words[2:] or None)


LABELS = Condition("labels", ("red hat", "glasses"))


@pytest.mark.parametrize(
    ("condition", "rows", "words"),
    [
        (Condition("class", ("cat", "dog")), (0.0, 1.0), ("--label", "dog")),
        (Condition("class", ("-3", "3")), (0.5, 0.5), ("--label=-3",)),
        (LABELS, ((0.0, 0.0), (1.0, 1.0)), ("--label", "red hat,glasses")),
        (LABELS, ((0.0, 0.0),), ("--label", "0,0")),
        (Condition("labels", ("red, hat", "glasses")), ((1.0, 0.0),), ("--label", "1,0")),
        (Condition("numbers", ("angle", "size")), ((-0.25, 2.0),), ("--label=-0.25,2",)),
        (Condition("numbers", ("angle", "size")), (), ()),
    ],
)
def test_an_example_is_something_that_the_data_show_and_that_reads_back(condition, rows, words):
    data = DataSpec({"image": Field("image", (3, 8, 8)), "label": condition.field}, distribution=rows)
    assert conditions.example(condition, data) == words
    if words:
        conditions.read(condition, words[-1].removeprefix("--label="))
