"""The games as somebody looks for one: every game has one sentence and one group, every group has a beginning."""

import subprocess
import sys
from itertools import groupby

import pytest

from saddle import tasks
from saddle.base.errors import UsageError
from saddle.runs import catalogue, registry

ABLE = {  # the task that every game of a group has
    "draw": tasks.Synthesis,
    "ask": tasks.Synthesis,
    "text": tasks.Synthesis,
    "paired": tasks.Translation,
    "unpaired": tasks.Translation,
    "restore": tasks.Restoration,
    "detect": tasks.Detection,
    "classify": tasks.Classification,
    "encode": (tasks.Encoding, tasks.Traversal),
    "one": tasks.SingleImage,
}
by_game = pytest.mark.parametrize("name", registry.names())


@by_game
def test_every_game_says_in_one_short_sentence_what_it_does(name: str):
    said = catalogue.entry(name).in_short
    assert said == registry.load(name).in_short  # read from the file as the class has it
    assert 20 <= len(said) <= 90
    assert said[0].isupper() or said[0].isdigit()
    assert said.endswith(".")
    assert ". " not in said
    assert said.count("(") == said.count(")")


@by_game
def test_every_game_has_a_group_and_can_do_what_its_group_is_for(name: str):
    entry, game = catalogue.entry(name), registry.load(name)
    assert (entry.group, entry.start_here) == (game.group, game.start_here)
    assert issubclass(game, ABLE[entry.group])


def test_games_that_need_pairs_and_games_that_do_not_have_groups_of_their_own():
    paired = {name: getattr(registry.load(name), "paired", False) for name in registry.names()}
    for title, wanted in (("paired", True), ("unpaired", False)):
        members = catalogue.grouped()[catalogue.GROUPS[title]]
        assert {paired[entry.name] for entry in members} == {wanted}


def test_every_group_has_one_game_to_begin_with_and_it_comes_first():
    for entries in catalogue.grouped().values():
        runs = [(first, len(list(same))) for first, same in groupby(entry.start_here for entry in entries)]
        assert runs[0] == (True, 1)
        assert len(runs) <= 2


def test_the_groups_hold_every_game_once():
    found = [entry.name for entries in catalogue.grouped().values() for entry in entries]
    assert sorted(found) == registry.names()


def test_a_game_without_a_sentence_is_listed_by_its_paper_among_the_others(monkeypatch: pytest.MonkeyPatch):
    text = '"""Guest. A Paper. Somebody, 2020. https://example.org"""\n\nclass Guest(Base):\n    batch = 1\n'
    monkeypatch.setattr(catalogue, "source", lambda name: text)
    monkeypatch.setattr(catalogue, "summary", lambda name: "Guest. A Paper. Somebody, 2020. https://example.org")
    assert catalogue.entry("guest") == ("guest", catalogue.summary("guest"), "", False, catalogue.summary("guest"))
    assert list(catalogue.grouped()) == ["Other games"]


def test_an_unknown_name_is_refused():
    with pytest.raises(UsageError, match="no game 'dcgn'"):
        catalogue.entry("dcgn")


def test_the_catalogue_needs_no_torch():
    code = "import sys; from saddle.runs import catalogue; catalogue.grouped(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
