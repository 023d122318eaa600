"""The folder `games` is the registry."""

import re
import subprocess
import sys

import pytest

from saddle.base.errors import UsageError
from saddle.runs import registry
from saddle.tasks import Game


def test_the_names_are_the_files_and_families_are_none():
    assert {"gan", "dcgan", "wgan", "wgan-gp", "infogan", "cyclegan"} <= set(registry.names())
    assert registry.names() == sorted(registry.names())
    assert not any(name.startswith(("_", "-")) for name in registry.names())


@pytest.mark.parametrize("name", registry.names())
def test_each_file_holds_one_game_with_settings_of_its_own(name):
    game = registry.load(name)
    assert issubclass(game, Game)
    assert "Options" in vars(game)
    assert game.__module__.endswith(name.replace("-", "_"))


@pytest.mark.parametrize("name", registry.names())
def test_each_summary_names_title_authors_year_and_paper(name):
    title, rest = registry.summary(name).split(". ", 1)
    assert re.sub(r"\W", "", title.lower()) == re.sub(r"\W", "", name)
    assert re.search(r"[\w-]+( et al\.)?, 20\d\d\.| and ", rest)
    assert "https://" in rest


@pytest.mark.parametrize("ask", [registry.load, registry.summary, registry.source])
def test_an_unknown_name_is_answered_with_the_near_ones_and_all(ask):
    with pytest.raises(
        UsageError, match=r"no game 'wgan_gp' \(did you mean wgan-gp.*\?\); there are .*cyclegan, dcgan"
    ):
        ask("wgan_gp")


def test_a_family_cannot_be_loaded():
    with pytest.raises(UsageError, match="no game '-two-player'"):
        registry.load("-two-player")


def test_listing_the_games_needs_no_torch():
    code = (
        "import sys; from saddle import registry; "
        "assert all(registry.summary(name) for name in registry.names()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
