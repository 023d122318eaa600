"""What `saddle describe GAME --algorithm` prints, whole, for six games; tests/data/algorithms holds it."""

from json import loads
from pathlib import Path

import pytest

from saddle.cli import main
from saddle.cli.describe import _when

PINNED = {path.stem: path.read_text("utf-8") for path in (Path(__file__).parent / "data/algorithms").glob("*.txt")}
SETTINGS = {"wgan-gp": ["--game.discriminator_steps", "5"]}


def test_six_games_are_pinned():
    assert {*PINNED} == {"gan", "wgan-gp", "r3gan", "cyclegan", "began", "stylegan2"}


@pytest.mark.parametrize("game", PINNED)
def test_the_algorithm_of_a_game_is_printed_as_it_is_kept(game, capsys):
    assert main(["describe", game, "--algorithm", *SETTINGS.get(game, [])]) == 0
    assert capsys.readouterr().out == PINNED[game]


def test_the_page_shows_what_is_printed():
    page = (Path(__file__).parent.parent / "docs/algorithm.md").read_text("utf-8")
    assert f"```text\n{PINNED['cyclegan']}```" in page


def test_values_of_settings_stand_in_the_formulas(capsys):
    words = ["--game.penalties.GradientPenalty.weight", "3", "--game.loss", "Hinge", "--game.discriminator_steps", "2"]
    assert main(["describe", "wgan-gp", "--algorithm", *words]) == 0
    told = capsys.readouterr().out
    assert "2 times:" in told
    assert "max(0, 1 - C(x)) + max(0, 1 + C(G(z)))" in told
    assert "3 · (‖∇C(x̂)‖ - 1)²" in told


def test_programs_read_the_same(capsys):
    assert main(["describe", "dtn", "--algorithm", "--json"]) == 0
    told = loads(capsys.readouterr().out)
    assert [(stage["begins"], stage["ends"]) for stage in told["stages"]] == [(0.0, 0.25), (0.25, 1.0)]
    (first,) = told["stages"][0]["blocks"]
    assert first["times"] == 1
    assert first["moves"][0]["losses"] == [{"name": "classes", "formula": "-log p(y | f(a))"}]


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        (0.0, 0.1, "Until 10 % of the run:"),
        (0.1, 0.125, "From 10 to 12.5 % of the run:"),
        (0.125, 1.0, "From 12.5 % of the run on:"),
    ],
)
def test_a_stage_says_which_part_of_the_run_it_is(begins, ends, expected):
    assert _when({"begins": begins, "ends": ends}) == expected
