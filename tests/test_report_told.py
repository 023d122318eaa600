"""What a run tells its report of its settings, tasks and judges is so."""

from dataclasses import replace

import pytest

from saddle.data import open_source
from saddle.data.source import Judged
from saddle.runs import describe, registry, scoring
from saddle.runs.recipe import Recipe


def recipe(game, **edits):
    given = Recipe.from_dict({"game": game, "data": "ring"})
    return given.change({name.replace("__", "."): value for name, value in edits.items()})


def test_the_papers_settings_differ_in_nothing():
    for name in registry.names():
        assert describe.differing(Recipe.from_dict({"game": name})) == {}


def test_a_setting_that_is_another_is_told_with_the_papers_value():
    assert describe.differing(recipe("gan", game__z_dim=7, plan__batch=3)) == {
        "game.z_dim": registry.load("gan").Options().z_dim
    }


def test_of_a_part_that_the_paper_does_not_have_only_the_part_is_told():
    papers = type(registry.load("wgan-gp").Options().network).__name__
    told = describe.differing(recipe("wgan-gp", game__network="MLP", **{"game__network__width": 5}))
    assert told == {"game.network": papers}
    assert describe.differing(recipe("wgan-gp", game__penalties=[])) == {"game.penalties": ["GradientPenalty"]}
    less = describe.differing(recipe("wgan-gp", **{"game__penalties__GradientPenalty__weight": 1}))
    assert less == {"game.penalties.GradientPenalty.weight": 10.0}


@pytest.mark.parametrize(
    ("game", "loss", "judgement"),
    [
        ("gan", None, "probabilities"),
        ("gan", "Wasserstein", "distance"),
        ("gan", "TopK", "probabilities"),
        ("gan", "Hinge", "scores"),
        ("gan", "LeastSquares", "scores"),
        ("gan", "RelativisticAverage", "scores"),
        ("gan", "JensenShannon", "scores"),
        ("wgan", None, "distance"),
        ("wgan-gp", "Hinge", "scores"),
    ],
)
def test_what_the_judge_gives_follows_the_loss(game, loss, judgement):
    edits = {"game__network": "MLP"} | ({"game__loss": loss} if loss else {})
    given = recipe(game, **edits)
    assert describe.judgement(registry.load(game)(open_source(given.data).spec, given.options)) == judgement


def test_energies_are_told_from_scores_and_what_has_no_judge_gives_nothing():
    for name, judgement in (("ebgan", "energies"), ("vae", None), ("began", None)):
        given = Recipe.default(name)
        assert describe.judgement(registry.load(name)(open_source(given.data).spec, given.options)) == judgement


@pytest.mark.parametrize("data", ["ring", "digits"])
def test_what_can_be_asked_for_is_told_only_where_nothing_is_scored_unasked(data):
    given = recipe("gan", game__network="MLP", data=data)
    source = open_source(given.data)
    game = registry.load("gan")(source.spec, given.options)
    assert "scorable" not in describe.told(given, game, source)
    alone = replace(source, judged=Judged())
    possible = describe.told(given, game, alone)["scorable"]
    assert possible
    assert scoring.score(game, alone, possible, 50).keys() == {*possible}


def test_commands_are_those_of_the_tasks():
    named = describe.commands(registry.load("vae"))
    assert {"saddle sample", "saddle encode", "saddle reconstruct", "saddle evaluate --metrics elbo"} <= {*named}
    assert "saddle translate" not in named
    assert describe.commands(registry.load("cyclegan")) == ["saddle translate"]
