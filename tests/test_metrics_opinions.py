"""What people say: intervals that are those of closed forms, and hold as often as they claim."""

import numpy as np
import pytest
from scipy.stats import t

from saddle.metrics.opinions import Answers, difference, mean, share


def answers(tables: list[np.ndarray], paired: bool = True, kept: np.ndarray | None = None) -> Answers:
    """Tables [pictures, raters], one of each source."""
    lines = []
    for source, table in enumerate(tables):
        picture, rater = np.indices(table.shape)
        own = picture if paired else picture + source * 1000
        lines.append([table.ravel(), np.full(table.size, source), own.ravel(), rater.ravel()])
    values, *rest = (np.concatenate(column)[... if kept is None else kept] for column in zip(*lines, strict=True))
    return Answers(values.astype(float), *rest)


def said(seed: int, pictures: int, raters: int, paired: bool, rounded: bool = True) -> list[np.ndarray]:
    """Two sources without a difference: mean 3, and effects of pictures, raters, both by source, and chance."""
    chance = np.random.default_rng(seed)
    lenient, scenes = chance.normal(0, 0.5, raters), chance.normal(0, 0.6, pictures)
    tables = []
    for _ in range(2):
        own = scenes if paired else chance.normal(0, 0.6, pictures)
        off = (own + chance.normal(0, 0.3, pictures))[:, None] + lenient + chance.normal(0, 0.3, raters)
        values = 3 + off + chance.normal(0, 0.8, (pictures, raters))
        tables.append(values.round().clip(1, 5) if rounded else values)
    return tables


def by_hand(table: np.ndarray) -> tuple[float, float]:
    """Mean and half width of a complete table, by the sums of squares of a textbook."""
    p, r = table.shape
    grand, rows, columns = table.mean(), table.mean(1, keepdims=True), table.mean(0, keepdims=True)
    squares = (r * ((rows - grand) ** 2).sum() / (p - 1), p * ((columns - grand) ** 2).sum() / (r - 1))
    rest = ((table - rows - columns + grand) ** 2).sum() / ((p - 1) * (r - 1))
    whole = squares[0] + squares[1] - rest
    freedom = whole**2 / (squares[0] ** 2 / (p - 1) + squares[1] ** 2 / (r - 1) + rest**2 / ((p - 1) * (r - 1)))
    return grand, t.ppf(0.975, freedom) * (whole / (p * r)) ** 0.5


def test_an_interval_over_pictures_and_raters_is_that_of_a_two_way_analysis_of_variance():
    one, other = (said(seed, 9, 5, paired=True, rounded=False)[0] for seed in (4, 7))
    given = answers([one, other])
    for found, table in ((mean(given, 0), one), (difference(given, 0, 1), one - other)):  # each compared with itself
        middle, half = by_hand(table)
        assert (found.value, found.low, found.high) == pytest.approx((middle, middle - half, middle + half))
    assert (mean(given, 0).n, mean(given, 0).pictures, mean(given, 0).raters) == (45, 9, 5)


def test_raters_who_differ_less_than_chance_would_have_them_make_no_interval_narrower():
    (one, _) = said(1, 9, 5, paired=True, rounded=False)
    one = one - one.mean(0) + 3
    half = t.ppf(0.975, 8) * one.mean(1).std(ddof=1) / 9**0.5  # over pictures alone
    found = mean(answers([one]), 0)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))


def test_what_raters_and_scenes_have_in_common_does_not_count_in_a_difference():
    one, other = said(2, 8, 4, paired=True, rounded=False)
    lenient, scenes = 10 * np.arange(4.0), 100 * np.arange(8.0)[:, None]
    shifted = [table + lenient + scenes for table in (one, other)]
    near, far = (difference(answers(tables), 0, 1) for tables in ([one, other], shifted))
    assert (far.low, far.high) == pytest.approx((near.low, near.high))
    apart = [
        difference(answers(tables, paired=False), 0, 1) for tables in ([one, other], [one + lenient, other + lenient])
    ]
    assert (apart[1].low, apart[1].high) == pytest.approx((apart[0].low, apart[0].high))


def test_of_one_rater_the_interval_is_students_over_pictures_and_of_one_answer_there_is_none():
    (one, _) = said(3, 10, 1, paired=True, rounded=False)
    half = t.ppf(0.975, 9) * one.std(ddof=1) / 10**0.5
    found = mean(answers([one]), 0)
    assert (found.low, found.high) == pytest.approx((one.mean() - half, one.mean() + half))
    alone = mean(answers([np.array([[4.0]])]), 0)
    assert alone.value == 4
    assert np.isnan([alone.low, alone.high]).all()


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_of_200_simulated_studies_about_95_in_100_intervals_hold_the_truth(paired, missing):
    holds = np.zeros(2)
    for seed in range(200):
        kept = np.random.default_rng(seed + 1000).random(2 * 12 * 6) >= missing
        given = answers(said(seed, 12, 6, paired), paired, kept)
        for i, (found, truth) in enumerate(((mean(given, 0), 3), (difference(given, 0, 1), 0))):
            holds[i] += found.low <= truth <= found.high
    assert (holds >= 182).all(), holds  # of 200 at 95 %, fewer than 182 have a chance of 1 in 400
    assert (holds <= 199).all(), holds


def test_of_200_simulated_studies_about_95_in_100_hold_the_share_that_is_taken_for_real():
    holds = 0
    for seed in range(200):
        chance = np.random.default_rng(seed)
        off = chance.normal(0, 0.6, (12, 1)) + chance.normal(0, 0.4, 6) + chance.normal(0, 1, (12, 6))
        found = share(answers([(off > 0).astype(float)]), 0)
        holds += found.low <= 0.5 <= found.high
    assert 182 <= holds <= 199


def test_where_all_agree_a_share_is_as_sure_as_its_pictures_are_many():
    never, always = (share(answers([np.full((20, 8), value)]), 0) for value in (0.0, 1.0))
    z = 1.959964**2 / 20  # Wilson's upper bound of none in 20 is z / (1 + z)
    assert (never.value, never.low, never.high) == pytest.approx((0, 0, z / (1 + z)), abs=1e-6)
    assert (always.low, always.high) == pytest.approx((1 / (1 + z), 1), abs=1e-6)


def test_independent_answers_have_the_interval_of_wilson_and_others_a_wider_one():
    chance = np.random.default_rng(4)
    apart = (chance.random((40, 40)) < 0.3).astype(float)
    alike = np.repeat(apart[:, :1], 40, 1)  # all raters say the same: 40 answers, said 40 times
    widths = [one.high - one.low for one in (share(answers([table]), 0) for table in (apart, alike))]
    assert widths[0] < 0.07
    assert widths[1] > 0.25


def test_intervals_that_hold_together_are_wider():
    given = answers(said(5, 10, 6, paired=True))
    alone, among = difference(given, 0, 1), difference(given, 0, 1, together=6)
    assert among.low < alone.low < alone.high < among.high
