"""What a report tells of settings and commands is true, and can be copied."""

import re
import shlex
from argparse import ArgumentParser
from html import unescape
from importlib import import_module
from pathlib import Path

import pytest
from html_page import Page
from told import START, log_rounds, new_run, written

from saddle.base.files import quoted
from saddle.cli import __file__ as commands_folder
from saddle.report.again import TASKS
from saddle.runs import registry
from saddle.runs.describe import commands

NESTED = {
    "game": {
        "name": "dcgan",
        "network": {"class": "MLP", "width": 128},
        "penalties": [{"class": "R1", "weight": 5.0}, "DRAGAN"],
    },
    "plan": {"rounds": 1000},
}


def code(text):
    """The commands of a page."""
    return [unescape(re.sub("<[^>]*>", "", each.split("</code>")[0])) for each in text.split("<td><code>")[1:]]


def finished(folder, reason="finished", **start):
    with new_run(folder, NESTED) as log:
        log.write("start", round=0, **START | start)
        log_rounds(log, 0, 50)
        log.write("stop", round=50, reason=reason)
    return written(folder)


def test_settings_have_the_names_that_the_command_line_has(tmp_path):
    text = Page(finished(tmp_path)).text
    for row in ("game dcgan", "game.network MLP", "game.network.width 128", "game.penalties [R1, DRAGAN]"):
        assert f" {row} " in text
    assert "game.penalties.R1.weight 5.0" in text


def test_settings_that_are_not_the_papers_have_its_value_beside(tmp_path):
    text = Page(finished(tmp_path / "a", paper_settings={"game.network": "ResNet", "game.penalties": []})).text
    assert "2 of the game's settings differ from the paper's" in text
    assert "game.network MLP paper: ResNet game.network.width 128 game.penalties [R1, DRAGAN] paper: []" in text
    assert "The game's settings are the paper's." in Page(finished(tmp_path / "b", paper_settings={})).text


def test_options_are_not_broken_and_what_is_not_set_is_none(tmp_path):
    with new_run(tmp_path, {"game": "dcgan", "plan": {"minutes": None}}):
        pass
    page = written(tmp_path)
    assert '<span class="option">--run</span>' in page
    assert " plan.minutes none " in Page(page).text


def test_a_run_that_does_not_know_the_papers_settings_says_nothing_of_them(tmp_path):
    assert "paper" not in Page(finished(tmp_path)).text


@pytest.mark.parametrize("name", ["plain", "with a space", 'it\'s "odd" $HOME; rm *', "-dash"])
def test_commands_are_one_word_of_a_shell_for_every_folder(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = [shlex.split(command) for command in code(finished(Path(name)))]
    own = f"./{name}" if name.startswith("-") else name
    assert ["saddle", "train", "--config", f"{own}/recipe.yaml", "--run", f"{own}-again"] in told
    assert ["saddle", "sample", own] in told
    assert ["saddle", "evaluate", own] in told
    assert ["saddle", "report", own] in told


def test_a_run_that_is_over_is_made_longer_and_any_other_goes_on(tmp_path):
    run = quoted(tmp_path)
    over = code(finished(tmp_path))
    assert over[0] == f"saddle train --run {run} --plan.rounds 2000"
    assert code(finished(tmp_path, "interrupted"))[0] == f"saddle train --run {run}"


def test_a_run_that_diverged_is_repeated_with_a_lower_rate_and_does_not_go_on(tmp_path):
    with new_run(tmp_path / "a") as log:
        log.write("start", round=0, **START)
        log.write("stop", round=50, reason="diverged", rates={"game.optim.lr": 0.1})
    told = code(written(tmp_path / "a"))
    assert told[0].endswith("a-again --game.optim.lr 0.01")
    assert f"saddle train --run {quoted(tmp_path / 'a')}" not in told


def test_the_command_that_scores_names_metrics_where_nothing_is_scored_unasked(tmp_path):
    page = finished(tmp_path / "a", scorable=["swd", "kid"])
    command = f"saddle evaluate {quoted(tmp_path / 'a')} --metrics swd,kid"
    assert f"This run has not been scored. {command} scores it." in Page(page).text
    assert f"score it {command}" in Page(page).text
    assert "saddle evaluate" not in finished(tmp_path / "b", scorable=[])


def test_commands_are_those_of_the_games_tasks(tmp_path):
    told = code(finished(tmp_path, commands=["saddle sample", "saddle encode", "saddle evaluate --metrics elbo", "rm"]))
    run = quoted(tmp_path)
    assert f"saddle encode {run} IMAGES" in told
    assert f"saddle evaluate {run} --metrics elbo" in told
    assert not any(command.startswith("rm") for command in told)
    assert not any(command.startswith("saddle translate") for command in told)


def test_every_command_of_a_guests_page_plugs_its_module_in(tmp_path):
    page = finished(tmp_path, plugins=["my games/my_game.py"])
    told = code(page)
    assert len(told) >= 5
    assert all(command.endswith(" --plugin 'my games/my_game.py'") for command in told)
    assert page.count("--plugin") == len(told) + 1  # and where the page says that it was not scored


def test_the_page_knows_what_every_command_of_every_task_takes():
    named = {command for name in registry.names() for command in commands(registry.load(name))}
    assert {"saddle sample", "saddle encode", "saddle translate"} <= named <= TASKS.keys()
    for command, (_, rest) in TASKS.items():
        _, name, *options = command.split()
        assert (Path(commands_folder).parent / f"{name}.py").exists()
        parser = ArgumentParser(exit_on_error=False)
        import_module(f"saddle.cli.{name}").arguments(parser)
        parser.parse_args(["RUN", *rest.split(), *options])
