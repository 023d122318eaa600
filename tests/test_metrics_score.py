"""Scores know what they were measured with, and refuse to be ranked where that differs."""

import json
import math
from dataclasses import replace

import pytest
import torch

from saddle.base.errors import SaddleError
from saddle.metrics import Score, average, evaluate, fid, rank
from saddle.metrics.uncertainty import groups, jackknife, share_error
from saddle.show.scores import plus_minus


def score(value: float, better: str = "lower", name: str = "fid", **fingerprint: str | int) -> Score:
    return Score(name, value, 0.1, better, {"extractor_hash": "ab", "samples": 2000, **fingerprint})  # type: ignore[arg-type]


def values(places: list[list[Score]]) -> list[list[float]]:
    return [[score.value for score in place] for place in places]


def test_alike_scores_are_ranked_best_first_whichever_way_is_better() -> None:
    assert values(rank([score(3), score(1), score(2)])) == [[1], [2], [3]]
    assert values(rank([score(3, "higher"), score(1, "higher"), score(2, "higher")])) == [[3], [2], [1]]
    near_1 = [score(value, "one") for value in (29.0, 0.6, 0.0, 1.2, 0.3)]
    assert values(rank(near_1)) == [[1.2], [0.6], [0.3], [29], [0]]


def test_scores_that_differ_by_less_than_two_errors_tie() -> None:
    assert values(rank([score(1.5), score(1.25), score(1)])) == [[1, 1.25], [1.5]]  # ± 0.1 each: 0.28 tells them apart
    sure = [replace(score(value), uncertainty=0.0) for value in (1.0, 1.0, 1.001)]
    assert values(rank(sure)) == [[1, 1], [1.001]]
    unsure = [replace(score(value), uncertainty=math.nan) for value in (1.0, 9.0)]
    assert values(rank(unsure)) == [[1, 9]], "of an unknown error nobody can tell"


def test_evaluation_seeds_are_averaged_before_games_are_ranked() -> None:
    one = [score(value, seed=seed) for seed, value in enumerate((1.0, 1.2, 1.1, 1.1))]
    mean = average(one)
    assert mean.value == pytest.approx(1.1)
    assert mean.uncertainty == pytest.approx(0.1 / 2)
    assert mean.fingerprint["seed"] == "0, 1, 2, 3"
    other = [replace(each, value=each.value + 0.2) for each in one]
    assert [len(place) for place in rank([other[0], one[0]])] == [2]
    assert [round(place[0].value, 6) for place in rank([other, one])] == [1.1, 1.3]
    with pytest.raises(SaddleError, match="different evaluation seeds"):
        average([one[0], one[0]])
    with pytest.raises(SaddleError, match="samples: 2000 and 500"):
        average([one[0], score(1, seed=1, samples=500)])


def test_a_score_says_who_looked_at_how_many_beside_how_many_and_what_it_takes_for_good() -> None:
    whole = score(1.5, extractor="digits", reference="held-out", reference_count=497)
    assert str(whole) == "fid 1.5 ± 0.1 (extractor digits, 2,000 samples, 497 held-out references)"
    assert str(replace(whole, caveat="see recall")).endswith("497 held-out references; see recall)")
    assert str(replace(whole, fingerprint={"reference_count": 60})) == "fid 1.5 ± 0.1 (60 references)"
    assert str(replace(whole, fingerprint={})) == "fid 1.5 ± 0.1"


def test_what_others_score_is_told_beside_it_way_by_way() -> None:
    assert score(1.5).told() == "fid 1.5 ± 0.1 (2,000 samples)"
    way = {"value": 1.0, "uncertainty": 0.2, "input unchanged": 3.0}
    several = replace(score(1.5), beside={"input unchanged": 2.5, "mean image": 4.0}, ways={"a to b": way})
    assert several.told() == (
        "fid 1.5 ± 0.1 (2,000 samples); input unchanged 2.5, mean image 4\n  a to b 1 ± 0.2; input unchanged 3"
    )


def test_a_score_of_which_neither_more_nor_less_is_better_is_not_ranked() -> None:
    with pytest.raises(SaddleError, match="fid cannot be ranked: which way is better is a matter of the data"):
        rank([score(1, "none"), score(2, "none")])


@pytest.mark.parametrize("better", ["lower", "higher", "one"])
def test_a_score_that_is_not_a_number_comes_last(better: str) -> None:
    assert math.isnan(rank([score(math.nan, better), score(1, better)])[-1][0].value)


def test_unlike_scores_are_refused_and_the_differing_entries_named() -> None:
    with pytest.raises(SaddleError, match=r"samples: 2000 and 500; reference_hash: none and cd") as caught:
        rank([score(1), score(2, samples=500, reference_hash="cd")])
    assert "extractor_hash" not in str(caught.value)


def test_scores_of_two_metrics_are_refused() -> None:
    with pytest.raises(SaddleError, match="name: fid and kid"):
        rank([score(1), score(2, name="kid")])


def test_a_score_survives_json() -> None:
    one = score(1.5)
    assert Score.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_a_dictionary_that_is_no_score_is_refused() -> None:
    with pytest.raises(SaddleError, match="a score has name, value, uncertainty, better, fingerprint"):
        Score.from_dict({"name": "fid", "worth": 1})


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fewer = [float(values[torch.arange(50) % 50 != i].mean()) for i in range(50)]
    assert jackknife(fewer) == pytest.approx(float(values.std()) / 50**0.5)


def test_the_groups_of_the_jackknife_part_the_samples() -> None:
    parts = groups(23)
    assert len(parts) == 10
    assert sorted(torch.cat(parts).tolist()) == list(range(23))
    assert groups(1) == []


def test_the_error_of_a_share_is_binomial() -> None:
    assert share_error(0.5, 100) == pytest.approx(0.05)
    assert math.isnan(share_error(0.5, 0))


def test_a_share_of_none_or_of_all_is_not_sure_beyond_half_a_sample():
    assert [share_error(share, 50) for share in (0.0, 1.0)] == [0.01, 0.01]
    assert share_error(0.02, 50) == pytest.approx((0.02 * 0.98 / 50) ** 0.5)


def test_an_error_of_too_few_samples_is_unknown_in_words():
    assert plus_minus(0.123) == "± 0.12"
    assert plus_minus(math.nan) == "± unknown: too few samples"


def test_an_error_that_was_left_out_says_so_and_how_to_ask_for_it(monkeypatch):
    """Of more features than are quick, whose ten more decompositions are left out on the way."""
    monkeypatch.setattr(fid, "QUICK", 15)
    real, fake = torch.rand(2, 120, 1, 4, 4).mul(2).sub(1)
    names = ["fid", "fid_floor", "fid_multiple", "kid"]

    def scored(errors):
        drawn = iter(fake.split(50))
        return evaluate(
            lambda k: next(drawn), real, names, "pixels", n=120, batch=50, train=real.roll(1, 2), errors=errors
        )

    told, left = scored(True), scored(False)
    assert all(score.uncertainty > 0 for score in told.values())
    for name in names[:3]:
        assert left[name].value == told[name].value
        assert f"{name} {told[name].value:.4g} ± not asked for: saddle evaluate RUN, and errors=True" in str(left[name])
        assert len(rank([told[name], left[name]])) == 1, "they are of one measure"
    assert left["kid"] == told["kid"]
