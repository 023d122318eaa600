"""Scores know what they were measured with, and refuse to be ranked where that differs."""

import json
import math
from dataclasses import replace

import pytest
import torch

from saddle.base.errors import SaddleError
from saddle.metrics import Score, rank
from saddle.metrics.score import plus_minus
from saddle.metrics.uncertainty import groups, jackknife, share_error


def score(value: float, better: str = "lower", name: str = "fid", **fingerprint: str | int) -> Score:
    return Score(name, value, 0.1, better, {"extractor_hash": "ab", "samples": 2000, **fingerprint})  # type: ignore[arg-type]


def test_alike_scores_are_ranked_best_first_whichever_way_is_better() -> None:
    assert [s.value for s in rank([score(3), score(1), score(2)])] == [1, 2, 3]
    assert [s.value for s in rank([score(3, "higher"), score(1, "higher"), score(2, "higher")])] == [3, 2, 1]
    near_1 = [score(value, "one") for value in (29.0, 0.9, 0.0, 1.2, 0.5)]
    assert [s.value for s in rank(near_1)] == [0.9, 1.2, 0.5, 29, 0]


def test_what_others_score_is_told_beside_it_way_by_way() -> None:
    assert score(1.5).told() == "fid 1.5 ± 0.1"
    way = {"value": 1.0, "uncertainty": 0.2, "input unchanged": 3.0}
    several = replace(score(1.5), beside={"input unchanged": 2.5, "mean image": 4.0}, ways={"a to b": way})
    assert several.told() == ("fid 1.5 ± 0.1; input unchanged 2.5, mean image 4\n  a to b 1 ± 0.2; input unchanged 3")


def test_a_score_of_which_neither_more_nor_less_is_better_is_not_ranked() -> None:
    with pytest.raises(SaddleError, match="fid cannot be ranked: which way is better is a matter of the data"):
        rank([score(1, "none"), score(2, "none")])


@pytest.mark.parametrize("better", ["lower", "higher", "one"])
def test_a_score_that_is_not_a_number_comes_last(better: str) -> None:
    assert math.isnan(rank([score(math.nan, better), score(1, better)])[-1].value)


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


def test_an_error_of_too_few_samples_is_unknown_in_words():
    assert plus_minus(0.123) == "± 0.12"
    assert plus_minus(math.nan) == "± unknown: too few samples"
