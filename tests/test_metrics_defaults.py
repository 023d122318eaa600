"""What is scored unasked: what the data are judged by and what the game's task names, as far as it can be had."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import saddle
from saddle.base.errors import UsageError
from saddle.data import DataOptions, Judged, Source, embedded, open_source, sources_with_modes
from saddle.data.source import ANY_IMAGES, BY_FEATURES, BY_PATCHES, Split
from saddle.games.cgan import CGAN
from saddle.games.dcgan import DCGAN
from saddle.games.infogan import InfoGAN
from saddle.games.sgan import SGAN
from saddle.games.vae import VAE
from saddle.metrics.extractors import EXTRACTORS
from saddle.metrics.names import chosen, metric_names
from saddle.runs import registry, scoring
from saddle.runs.recipe import Recipe
from saddle.tasks import Game
from saddle.training.plan import Plan

TABLE = json.loads(Path(__file__).with_name("defaults.json").read_text("utf-8"))  # of all recipes, before Source.judged


def game_on(kind: type[Game], source: Source) -> Game:
    return kind(source.spec).eval()


@pytest.mark.parametrize("name", TABLE)
def test_a_recipe_is_scored_by_what_it_was(name: str) -> None:
    recipe = Recipe.read(Path(saddle.__file__).parent / "recipes" / f"{name}.yaml")
    source = open_source(recipe.data)
    game = registry.load(recipe.game)(source.spec, recipe.options)
    for when, final in (("early", False), ("final", True)):
        found, kept = scoring.defaults(game, source, final), TABLE[name][when]
        assert sorted(found) == sorted(kept)
        assert found[:1] == kept[:1], "the first one chooses the best"


@pytest.mark.parametrize("name", embedded())
def test_a_source_is_judged_by_metrics_and_an_extractor_that_there_are(name: str) -> None:
    judged = open_source(DataOptions(source=name)).judged
    assert {*judged.early, *judged.final} <= metric_names().keys()
    assert judged.extractor is None or judged.extractor in EXTRACTORS
    assert all(metric.chooses for metric in chosen(judged.early).values())


def test_what_these_data_cannot_give_is_left_out_unasked_and_refused_when_asked() -> None:
    photos = open_source(DataOptions(source="photos", size=32))
    game = game_on(InfoGAN, photos)
    assert "purity" in game.scores
    assert scoring.defaults(game, photos, final=True) == [*BY_PATCHES, *BY_FEATURES]
    with pytest.raises(UsageError, match="the metric 'purity' needs the extractor 'digits'"):
        scoring.score(game, photos, ["purity"], n=10)


def test_of_any_images_a_game_gets_the_scores_of_its_task_and_no_others() -> None:
    mine = replace(open_source(DataOptions(source="digits", size=16)), name="mine", judged=Judged())
    assert scoring.defaults(game_on(DCGAN, mine), mine, final=True) == []
    assert scoring.defaults(game_on(DCGAN, mine), mine, final=False) == []
    found = scoring.defaults(game_on(VAE, mine), mine, final=True)
    assert {"elbo", "reconstruction", "sharpness", "nn_accuracy"} <= set(found)
    assert "fid" not in found


def test_what_a_plan_asks_for_is_scored_on_the_way_in_its_order_and_at_the_end_too() -> None:
    source = replace(open_source(DataOptions(source="digits", size=16)), judged=ANY_IMAGES)
    game = game_on(DCGAN, source)
    assert scoring.on_the_way(game, source, ()) == ["fid", "swd"]
    assert scoring.on_the_way(game, source, ("coverage", "fid")) == ["coverage", "fid"]
    assert scoring.at_the_end(game, source, Plan(metrics=("coverage", "fid"))) == [*ANY_IMAGES.final, "coverage"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("elbo",), r"plan.metrics: the metric 'elbo' needs .*; these data and this game can have .*coverage"),
        (("classes", "swd"), "plan.metrics: the metric 'classes' needs the extractor 'digits'"),
        (("no_arrow", "fid"), "plan.metrics: no metric 'no_arrow'; there are"),
    ],
)
def test_what_these_data_cannot_have_is_refused_before_the_first_round(asked: tuple[str, ...], said: str) -> None:
    source = replace(open_source(DataOptions(source="digits", size=16)), judged=ANY_IMAGES)
    with pytest.raises(UsageError, match=said):
        scoring.on_the_way(game_on(DCGAN, source), source, Plan(metrics=asked).metrics)


@pytest.mark.parametrize(("side", "held", "found"), [(4, 2, ["fid"]), (8, 1, ["swd"]), (8, 2, ["fid", "swd"])])
def test_no_score_ends_a_run_for_want_of_pixels_or_of_held_out_images(
    side: int, held: int, found: list[str], tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (40, side, side), np.uint8))
    source = open_source(DataOptions(source=f"array:{tmp_path}/a.npy", heldout=held / 40))
    game = registry.load("gan")(source.spec).eval()
    assert len(source.heldout) == held
    names = scoring.defaults(game, source, final=False)
    assert names == found
    assert [*scoring.score(game, source, names, n=20)] == found


def test_what_may_choose_no_checkpoint_does_not_come_first() -> None:
    source = open_source(DataOptions(source="digits", size=16, labelled=10))
    game = game_on(SGAN, source)
    with pytest.raises(UsageError, match=r"the first one chooses the best checkpoint, and 'error' may not; .*: .*fid"):
        scoring.on_the_way(game, source, ("error", "fid"))
    assert scoring.on_the_way(game, source, ("fid", "error")) == ["fid", "error"]


def test_scores_inside_classes_want_twenty_samples_of_each() -> None:
    source = open_source(DataOptions(source="digits", size=16))
    game = game_on(CGAN, source)
    inside = {name for name, metric in chosen(metric_names()).items() if metric.of_a_class}
    assert inside & set(scoring.defaults(game, source, final=True, n=200))
    few = scoring.defaults(game, source, final=True, n=199)
    assert not inside & set(few)
    assert "accuracy" in few


def test_no_score_that_nobody_asked_for_ends_a_run_for_want_of_samples_of_its_rarest_class() -> None:
    source = open_source(DataOptions(source="digits", size=16))
    game, inside, held = game_on(CGAN, source), "intra_diversity", source.heldout.columns
    labels = np.array(held["label"][:])
    unknown = replace(source, heldout=Split({**held, "label": np.where(labels == 3, -1, labels)}))
    seldom_drawn = replace(source, spec=replace(source.spec, distribution=(0.005, *[0.995 / 9] * 9)))
    seldom_held = replace(source, heldout=Split({key: column[:30] for key, column in held.items()}))
    found = [scoring.defaults(game, each, final=True, n=200) for each in (source, unknown, seldom_drawn, seldom_held)]
    assert [inside in names for names in found] == [True, True, False, False]
    assert scoring.score(game, unknown, [inside], n=200)[inside].value > 0
    with pytest.raises(UsageError, match="scores inside classes want 6 real images"):
        scoring.score(game, seldom_held, [inside], n=200)


def test_without_a_held_out_part_the_training_images_are_compared_with_and_it_is_said() -> None:
    whole = open_source(DataOptions(source="digits", size=16))
    few = Split({key: column[:150] for key, column in whole.train.columns.items()})
    source = replace(whole, train=few, heldout=None)
    game = game_on(DCGAN, source)
    assert scoring.defaults(game, source, final=False) == ["fid"]
    assert not {"fid_floor", "fid_multiple", "copying"} & set(scoring.defaults(game, source, final=True))
    found = scoring.score(game, source, ["fid", "classes"], n=20)
    assert "150 trained-on references" in str(found["fid"])
    assert "nothing is held out of these data" in found["fid"].note
    assert not found["classes"].note, "which compares with nothing"


def test_with_too_few_references_the_bare_value_chooses_and_the_multiple_is_left_out() -> None:
    source = open_source(DataOptions(source="digits", size=16))
    assert source.heldout is not None
    few = replace(source, heldout=Split({key: column[:99] for key, column in source.heldout.columns.items()}))
    names = scoring.defaults(game_on(DCGAN, few), few, final=True)
    assert {"fid", "fid_floor"} <= set(names)
    assert "fid_multiple" not in names
    assert scoring.defaults(game_on(DCGAN, few), few, final=False) == ["fid"]
    assert "fid_multiple" in scoring.defaults(game_on(DCGAN, source), source, final=True)


def test_labels_that_are_held_out_never_choose_the_best_checkpoint() -> None:
    assert not scoring.chooses("error")
    assert scoring.chooses("fid")


def test_finding_out_what_can_be_had_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(DataOptions(source="digits", size=16))
    game = game_on(VAE, source)
    for name in ("sample", "encode", "bound", "decode"):
        monkeypatch.setattr(VAE, name, lambda *_, **__: pytest.fail("was made"))
    assert "elbo" in scoring.defaults(game, source, final=True)


def test_the_sources_with_modes_say_how_they_are_counted() -> None:
    known = sources_with_modes()
    assert {name: count.samples for name, count in known.items()} == {
        "ring": 2500,
        "grid": 2500,
        "stacked-digits": 26_000,
    }
    centres, std = open_source(DataOptions(source="ring")).judged.mixture
    assert torch.as_tensor(centres).norm(dim=1).tolist() == pytest.approx([1] * 8)
    assert std == 0.01


def test_samples_are_the_same_whether_codes_are_asked_for_too_and_in_whatever_order() -> None:
    source = open_source(DataOptions(source="digits", size=16))
    game = game_on(VAE, source)
    alone, *others = (
        scoring.score(game, source, names, n=60)["kid"]
        for names in (["kid"], ["kid", "prior_kid"], ["prior_kid", "kid"], ["sharpness", "prior_kid", "kid"])
    )
    assert [other == alone for other in others] == [True] * 3
