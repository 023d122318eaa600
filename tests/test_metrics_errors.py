"""A score is as unsure as it says: stated errors lie near the true deviation over samples of a known distribution."""

import math

import pytest
import torch

from benchmarks.errors import MEASURES, ratios
from saddle.base.errors import SaddleError, UsageError
from saddle.metrics.multiple import multiple
from saddle.metrics.uncertainty import halves, least_error, reached_error


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "inside"])  # which is slow, and made of these
def test_a_stated_error_is_near_the_true_deviation(name: str) -> None:
    found = list(ratios(200, 40, [name]))
    assert found
    for each in found:
        assert 0.55 < each.stated / each.true < 1.7, each.score  # 40 redraws and 200 samples tell it to about 20 %


def test_the_error_of_a_multiple_includes_that_of_its_floor() -> None:
    value, error, parts = multiple((6.0, 0.3, {"a": 8.0}), (2.0, 0.2, {"a": 2.0}), 100)
    assert (value, parts) == (3, {"a": 4})
    assert error == pytest.approx(3 * math.hypot(0.3 / 6, 0.2 / 2))
    assert multiple((6.0, 0.3), (2.0, 0.0), 100)[1] == pytest.approx(0.15)


def test_a_multiple_of_too_few_references_or_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"wants 100 references, and there are 99: .*ask for the bare value"):
        multiple((6.0, 0.3), (2.0, 0.2), 99)
    with pytest.raises(SaddleError, match="the same images"):
        multiple((6.0, 0.3), (0.0, 0.0), 100)


def test_the_error_of_the_least_is_that_of_the_one_that_stands_out_and_less_where_many_are_near() -> None:
    assert least_error([0.1, 0.9, 0.8], [0.02, 0.02, 0.02]) == pytest.approx(0.02, rel=0.05)
    assert least_error([0.5] * 10, [0.02] * 10) == pytest.approx(0.587 * 0.02, rel=0.1)  # least of ten normals


def test_every_split_has_two_halves_and_everything_reached_for_certain_has_no_error() -> None:
    for count in (2, 7, 10):
        first, second = halves(count).chunk(2)
        assert len(first)
        assert bool((first ^ second).all())
        assert {int(row.sum()) for row in first} == {count // 2}
    assert reached_error(1.0, torch.ones(8)) == 0
    assert math.isnan(reached_error(0.5, torch.ones(0)))
