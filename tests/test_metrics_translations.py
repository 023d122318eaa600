"""Scores of translations: what stands beside them, ways, holes, cycles, distances, brightness; of games made for it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from making import Paired, game_on, scored

from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, Source, open_source
from saddle.data.source import Split
from saddle.layers.averaging import ColourTable, mean_image
from saddle.metrics import evaluate
from saddle.metrics.flicker import flicker
from saddle.metrics.luminance import DOMAINS, TRUE, correlation, inverted
from saddle.metrics.score import Score
from saddle.metrics.translated import COLOURS, INPUT, MEAN
from saddle.metrics.translation_distances import REAL
from saddle.runs import scoring
from saddle.spec import DataSpec, Field
from saddle.spec.field import HOLE

PALETTE = ((0, 0, 0), (255, 0, 0), (0, 0, 255))
UNPAIRED = (("a",), ("b",))


def images(n: int, seed: int, channels: int = 3, size: int = 16) -> np.ndarray:
    """Bright above and dark below, with some noise: 16 × 16."""
    chance = np.random.default_rng(seed)
    slope = np.linspace(200, 60, size)[:, None]
    return (slope + chance.uniform(-40, 40, (n, channels, size, size))).astype(np.uint8)


def pairs(domains=(), b=lambda a: 255 - a, a: np.ndarray | None = None) -> Source:
    """40 to train on, 12 held out; b is a function of a. With `domains` of their own, training images are unpaired."""
    a = images(52, 0) if a is None else a
    fields = {key: Field("image", x.shape[1:], title=t) for key, x, t in (("a", a, "day"), ("b", b(a), "night"))}
    train = Split({"a": a[:40], "b": b(a[:40])[::-1] if domains else b(a[:40])}, domains)
    return Source("made", DataSpec(fields, domains), train, Split({"a": a[40:], "b": b(a[40:])}), "mark")


def test_a_perfect_translation_is_identical_and_beside_it_stands_what_others_score() -> None:
    source = pairs()
    found = scored(game_on(source, Paired, b=lambda x: -x), source)
    assert list(found) == ["ssim", "psnr", "l1", "sharpness_ratio", "translation_swd", "luminance"]
    ssim, psnr = found["ssim"], found["psnr"]
    assert (ssim.value, ssim.uncertainty, ssim.ways) == (pytest.approx(1), pytest.approx(0, abs=1e-9), {})
    assert set(ssim.beside) == {INPUT, MEAN, COLOURS}
    assert ssim.beside[INPUT] < 0 < ssim.beside[MEAN] < ssim.beside[COLOURS] < 1
    assert (psnr.value, psnr.details) == (math.inf, {"identical": 12})
    a = torch.from_numpy(source.heldout.columns["a"]).double()
    mean = torch.from_numpy(source.train.columns["b"]).double().mean(0)
    error = ((255 - a) - mean.round()).square().flatten(1).mean(1)
    assert psnr.beside[MEAN] == pytest.approx(float((10 * torch.log10(255**2 / error)).mean()), abs=0.01)
    assert found["l1"].beside[INPUT] == pytest.approx(float((255 - 2 * a).abs().mean() / 255), abs=1e-6)
    assert found["sharpness_ratio"].value == pytest.approx(1)


def test_a_game_that_does_nothing_scores_as_its_input_both_ways() -> None:
    source = pairs(UNPAIRED, b=lambda a: (a // 2 + 100).astype(np.uint8))
    found = scored(game_on(source), source, "psnr", "l1", "cycle_psnr", "identity_change", "translation_swd")
    for name in ("psnr", "l1", "translation_swd"):
        assert found[name].value == pytest.approx(found[name].beside[INPUT])
        assert list(found[name].ways) == ["day to night", "night to day"]
        one, other = found[name].ways.values()
        assert found[name].value == pytest.approx((one["value"] + other["value"]) / 2)
    assert COLOURS not in found["psnr"].beside, "there are no pairs to fit a table to"
    assert found["cycle_psnr"].value == math.inf
    assert found["identity_change"].value == 0
    assert set(found["translation_swd"].beside) == {INPUT, REAL}


def test_what_comes_back_and_what_stays_are_measured_by_the_way_that_does_it() -> None:
    source = pairs(UNPAIRED)
    game = game_on(source, b=lambda x: -x, a=lambda x: -x + 0.2)
    found = scored(game, source, "cycle_psnr", "identity_change")
    back = found["cycle_psnr"].ways
    assert back["day to night"]["value"] == pytest.approx(20 * math.log10(255 / 25.5), abs=0.3)
    assert back["night to day"]["value"] == pytest.approx(20 * math.log10(255 / 25.5), abs=0.3)
    b = torch.from_numpy(source.heldout.columns["b"]).double()
    assert found["identity_change"].ways["day to night"]["value"] == pytest.approx(
        float((2 * b - 255).abs().mean() / 255), abs=1e-5
    )


def test_games_without_scores_of_their_own_data_are_chosen_by_the_headline() -> None:
    source = pairs()
    assert scoring.defaults(game_on(source, Paired), source, final=False) == ["ssim", "psnr"]
    small = pairs(a=images(52, 0, size=8))
    assert scoring.defaults(game_on(small, Paired), small, final=False) == ["psnr"]
    unpaired = pairs(UNPAIRED)
    bare = replace(unpaired, heldout=replace(unpaired.heldout, domains=UNPAIRED))
    assert scoring.defaults(game_on(bare), bare, final=False) == ["translation_swd", "cycle_psnr"]
    digits = open_source(DataOptions(source="digits-inverted", size=16))
    assert scoring.defaults(game_on(digits), digits, final=False) == ["accuracy"]
    with pytest.raises(UsageError, match="'ssim' needs a game that translates, and held-out images that show the same"):
        scored(game_on(bare), bare, "ssim")
    none = replace(bare, heldout=None)
    assert scoring.defaults(game_on(none), none, final=True) == []


def test_on_the_way_few_images_are_translated_and_nothing_beside() -> None:
    shown = []
    source = pairs(a=images(560, 0, channels=1, size=128))
    game = game_on(source, Paired, b=lambda x: shown.append(len(x)) or -x)
    early = scoring.score(game, source, ["l1"], n=2000, early=True)["l1"]
    assert sum(shown) == early.fingerprint["translated"] == 16
    assert early.beside == {}
    shown.clear()
    assert scored(game, source, "l1", n=20)["l1"].fingerprint["translated"] == sum(shown) == 20
    assert max(shown) <= 2**20 // 128**2


def test_inside_a_hole_alone_it_counts() -> None:
    a, hole = images(52, 0), np.zeros((52, 1, 16, 16), np.uint8)
    hole[:, :, 3:13, 3:13] = 255
    lost = np.where(hole > 0, 128, a).astype(np.uint8)
    fields = {key: Field("image", (3, 16, 16)) for key in "ab"} | {"mask": Field("mask", (1, 16, 16), title=HOLE)}
    columns = {"a": lost, "b": a, "mask": hole}
    parts = [Split({key: x[rows] for key, x in columns.items()}) for rows in (slice(40), slice(40, None))]
    source = Source("holes", DataSpec(fields), *parts, "mark")
    ruined = torch.from_numpy(hole[:1] == 0)
    found = scored(game_on(source, Paired, b=lambda x: torch.where(ruined, -x, x)), source, "l1", "psnr", "ssim")
    inside = torch.from_numpy(a[40:, :, 3:13, 3:13]).double()
    assert found["l1"].value == pytest.approx(found["l1"].beside[INPUT])
    assert found["l1"].value == pytest.approx(float((inside - 128).abs().mean() / 255), abs=1e-6)
    assert found["ssim"].value < found["ssim"].beside[INPUT], "its windows reach beyond the hole"
    open_ = Split({"a": lost[40:], "b": a[40:], "mask": 0 * hole[40:]})
    with pytest.raises(UsageError, match="its mask is empty"):
        scored(game_on(source, Paired), replace(source, heldout=open_), "l1")


def test_of_label_maps_the_table_is_the_mean_colour_of_a_class() -> None:
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 3, (52, 16, 16))
    colours = np.array([[10, 20, 30], [200, 100, 0], [0, 250, 90]], np.uint8)
    field = Field("map", (16, 16), ("sky", "road", "car"), PALETTE, title="labels")
    source = pairs(a=labels, b=lambda a: colours[a].transpose(0, 3, 1, 2))
    fields = {"a": field, "b": Field("image", (3, 16, 16), title="photo")}
    source = replace(source, spec=DataSpec(fields))
    flat = torch.tensor([0.0, 0.5, -0.5])[:, None, None]
    game = game_on(source, Paired, b=lambda x: flat.expand(len(x), 3, 16, 16))
    found = scored(game, source, "psnr", "l1")
    assert found["psnr"].beside[COLOURS] == math.inf
    assert found["l1"].beside[COLOURS] == pytest.approx(0, abs=1e-7)
    assert {INPUT, MEAN} < set(found["l1"].beside)
    assert "luminance" not in scoring.at_hand(game, source)


def test_a_table_of_colours_has_the_neighbours_mean_where_nothing_came() -> None:
    table = ColourTable(1, 2)
    given = torch.tensor([[-1.0, -0.95, 1.0]]).view(1, 1, 1, 3)
    table.show(given, torch.tensor([[0.0, 1.0, -1.0], [0.5, 0.5, 0.5]]).view(1, 2, 1, 3))
    made = table(torch.tensor([-0.99, -0.85, 0.6, 0.95]).view(1, 1, 1, 4))
    assert made[0, 0, 0].tolist() == pytest.approx([0.5, 0.5, -1, -1])
    assert made[0, 1, 0].tolist() == pytest.approx([0.5] * 4)
    middle = ColourTable(1, 1)
    middle.show(torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2), torch.tensor([-1.0, 0.0]).view(1, 1, 1, 2))
    assert mean_image([torch.zeros(1, 1, 2, 2), torch.ones(3, 1, 2, 2)]).unique().tolist() == [0.75]
    with pytest.raises(UsageError, match="at most 3 channels, not 4"):
        ColourTable(4, 3)


def test_distances_are_those_of_two_sets_and_the_target_is_the_yardstick() -> None:
    source = pairs(UNPAIRED, a=images(52, 0, channels=1, size=8))
    names = ("translation_fid", "translation_kid")
    right = scored(game_on(source, b=lambda x: -x, a=lambda x: -x), source, *names, extractor="pixels")
    wrong = scored(game_on(source), source, *names, extractor="pixels")
    for name in names:
        assert wrong[name].value == pytest.approx(wrong[name].beside[INPUT])
        assert right[name].value < wrong[name].value / 10
        assert set(right[name].beside) == {INPUT, REAL}
        assert right[name].fingerprint["extractor"] == "pixels"
    assert right["translation_fid"].value == pytest.approx(0, abs=1e-3), "the held-out b are the held-out a inverted"


@pytest.mark.parametrize("domains", [(), UNPAIRED])
def test_light_that_has_become_dark_is_told_where_the_data_do_not_ask_for_it(domains) -> None:
    same = pairs(domains, b=lambda a: (a // 2 + 60).astype(np.uint8))
    opposite = pairs(domains)
    for source, does, told in (
        (same, lambda x: x, ""),
        (same, lambda x: -x, "Translations, day to night, are inverted: what is bright becomes dark"),
        (opposite, lambda x: -x, ""),
        (opposite, lambda x: x, ""),
    ):
        score = scored(game_on(source, b=does), source, "luminance")["luminance"]
        assert score.note.startswith(told)
        assert bool(score.note) == bool(told)
        assert score.beside[TRUE] == pytest.approx(1 if source is same else -1, abs=0.01)


def test_without_pairs_the_mean_images_of_the_domains_tell_whether_the_data_ask_for_it() -> None:
    for b, told in ((lambda a: (a // 2 + 60).astype(np.uint8), "may be inverted"), (lambda a: 255 - a, "")):
        source = pairs(UNPAIRED, b=b)
        source = replace(source, heldout=replace(source.heldout, domains=UNPAIRED))
        score = scored(game_on(source, b=lambda x: -x, a=lambda x: -x), source, "luminance")["luminance"]
        assert told in score.note
        assert bool(score.note) == bool(told)
        assert abs(score.beside[DOMAINS]) > 0.9


def test_a_correlation_is_pearsons_and_weak_ones_are_not_called_inverted() -> None:
    a, b = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    expected = [float(np.corrcoef(x.flatten(), y.flatten())[0, 1]) for x, y in zip(a, b, strict=True)]
    assert correlation(a, b).tolist() == pytest.approx(expected, abs=1e-6)
    assert correlation(torch.zeros(1, 1, 8, 8), b[:1]).isnan().all()
    assert inverted("x", {"": (-0.05, 0.001), TRUE: (0.9, 0.01)}) == ""
    assert inverted("x", {"": (-0.5, 0.3), TRUE: (0.9, 0.01)}) == "", "it is not sure"
    assert "by -0.50, that of true pairs by 0.90" in inverted("x", {"": (-0.5, 0.01), TRUE: (0.9, 0.01)})


def test_one_held_out_image_leaves_the_error_of_every_score_unknown() -> None:
    source = pairs()
    one = replace(source, heldout=Split({key: column[:1] for key, column in source.heldout.columns.items()}))
    names = ["ssim", "psnr", "l1", "sharpness_ratio", "luminance"]
    for score in scored(game_on(one, Paired), one, *names).values():
        assert math.isfinite(score.value)
        assert math.isnan(score.uncertainty)
        assert "unknown: too few samples" in str(score)


def test_flicker_is_one_where_the_film_is_as_steady_as_its_input() -> None:
    film = torch.rand(5, 3, 8, 8)
    assert flicker(film, film) == 1
    assert flicker(film, film * 2) == pytest.approx(2)
    assert flicker(film, torch.zeros(5, 1, 4, 4)) == 0
    still = torch.zeros(3, 1, 4, 4)
    assert flicker(still, still) == 1
    assert flicker(still, film[:3]) == math.inf
    with pytest.raises(UsageError, match="3 given, 5 made"):
        flicker(still, film)


def test_scores_come_back_from_json_with_what_stands_beside_them() -> None:
    source = pairs()
    score = scored(game_on(source, Paired), source, "l1")["l1"]
    assert Score.from_dict(score.to_dict()) == score
    assert "beside" in score.to_dict()
    assert "ways" not in score.to_dict()
    assert score.fingerprint == scored(game_on(source, Paired), source, "l1")["l1"].fingerprint
    other = pairs(a=images(52, 1))
    assert score.fingerprint != scored(game_on(other, Paired), other, "l1")["l1"].fingerprint


def test_translations_that_are_no_numbers_are_refused_and_games_that_do_not_translate_have_none() -> None:
    source = pairs()
    with pytest.raises(SaddleError, match="12 of 12 translations, day to night, are not finite"):
        scored(game_on(source, Paired, b=lambda x: x / 0), source, "l1")
    with pytest.raises(UsageError, match="'luminance' needs a game that translates images"):
        evaluate(None, None, ["luminance"], None)
