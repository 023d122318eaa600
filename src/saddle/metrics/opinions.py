"""What people say of pictures: means and shares, and how sure they are over further pictures and further raters.

Pictures and raters are both draws from many, and most raters judge most pictures: two crossed random effects. With one
answer of each of R raters to each of P pictures, the variance of their mean is estimated by

    (MS of pictures + MS of raters - MS of the rest) / (P R),

the mean squares of a two-way analysis of variance, with Satterthwaite's degrees of freedom (Biometrics Bulletin 2,
1946) and Student's t. Here the same is summed over deviations, so that some answers may be missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SURE = 0.95  # the share of such intervals that hold the true value
SWEEPS = 20  # of taking off means of pictures and raters in turn; where no answer is missing, the first does it


@dataclass(frozen=True)
class Answers:
    """One line for each answer; all columns are [N]."""

    values: np.ndarray  # float: an opinion from 1 to 5; 1 or 0 for yes and no
    sources: np.ndarray  # int: whose picture it is
    pictures: np.ndarray  # int: which one, the same number where two sources show the same scene
    raters: np.ndarray  # int: who says so

    def of(self, source: int) -> np.ndarray:
        """Which lines are of this source, bool [N]."""
        return self.sources == source


@dataclass(frozen=True)
class Interval:
    """A number, and between which numbers the true one lies with a chance of 95 %; NaN where nobody can tell."""

    value: float
    low: float
    high: float
    n: int  # answers
    pictures: int
    raters: int


@dataclass(frozen=True)
class _Spread:
    """The variance of an estimate, and its degrees of freedom."""

    variance: float
    freedom: float

    def bound(self, sure: float) -> float:
        """By so many standard errors the estimate may be off to either side."""
        from scipy.special import stdtrit  # which scikit-learn brings along

        return float(stdtrit(self.freedom, 0.5 + sure / 2))


def mean(answers: Answers, source: int) -> Interval:
    """The mean of a source's answers, such as its mean opinion score."""
    return _about(_mean(answers, source), _spread(answers, {source: 1.0}), SURE, answers, [source])


def difference(answers: Answers, one: int, other: int, together: int = 1) -> Interval:
    """The mean of one source less that of the other.

    Raters, and scenes that both show, are compared with themselves. Of `together` such intervals all hold with a chance
    of 95 % (Bonferroni).
    """
    value = _mean(answers, one) - _mean(answers, other)
    sure = 1 - (1 - SURE) / together
    return _about(value, _spread(answers, {one: 1.0, other: -1.0}), sure, answers, [one, other])


def share(answers: Answers, source: int) -> Interval:
    """The share of a source's answers that are 1; Wilson's interval for as many answers as these are worth.

    n answers that depend on each other are worth p (1 - p) / variance, at most n. Where all agree, the variance says
    nothing: then each picture counts once.
    """
    p, spread = _mean(answers, source), _spread(answers, {source: 1.0})
    whole = _about(p, spread, SURE, answers, [source])
    if p in (0.0, 1.0):
        spread, worth = _Spread(0.0, np.inf), float(whole.pictures)
    else:
        worth = min(p * (1 - p) / spread.variance, whole.n) if spread.variance > 0 else float(whole.n)
    z = spread.bound(SURE) ** 2 / worth
    middle, half = (p + z / 2) / (1 + z), (z * p * (1 - p) + z * z / 4) ** 0.5 / (1 + z)
    return Interval(p, max(middle - half, 0.0), min(middle + half, 1.0), whole.n, whole.pictures, whole.raters)


def _mean(answers: Answers, source: int) -> float:
    return float(answers.values[answers.of(source)].mean())


def _about(value: float, spread: _Spread, sure: float, answers: Answers, sources: Sequence[int]) -> Interval:
    """The interval of an estimate around its value."""
    half = spread.bound(sure) * spread.variance**0.5
    among = np.isin(answers.sources, sources)
    levels = (len(np.unique(column[among])) for column in (answers.pictures, answers.raters))
    return Interval(value, value - half, value + half, int(among.sum()), *levels)


def _spread(answers: Answers, signs: dict[int, float]) -> _Spread:
    """Of a signed sum of sources' means: over pictures and raters, or over the one of which there are several."""
    both = np.unique(np.stack([answers.pictures, answers.raters]), axis=1, return_inverse=True)[1].reshape(-1)
    deviations = _deviations(answers, signs)
    by_picture = _part(answers.pictures, deviations[0], answers, signs)
    by_rater = _part(answers.raters, deviations[1], answers, signs)
    known = [part for part in (by_picture, by_rater) if np.isfinite(part.variance)]
    if len(known) < 2:
        return known[0] if known else _Spread(np.nan, np.nan)
    twice = _Spread(_squares(both, deviations[2]), by_picture.freedom * by_rater.freedom)
    variance = by_picture.variance + by_rater.variance - twice.variance
    largest = max(known, key=lambda part: part.variance)
    if variance <= largest.variance:  # the other one's effect is not above 0
        return largest
    parts = (by_picture, by_rater, twice)
    return _Spread(variance, variance**2 / sum(part.variance**2 / part.freedom for part in parts))


def _deviations(answers: Answers, signs: dict[int, float]) -> np.ndarray:
    """Of each answer, weighted as in the estimate, [3, N]: from its source's mean, corrected for the number of pictures
    and for that of raters; and from what picture and rater have in common with others.

    Where there is one picture, or one rater, nothing is known of others: NaN.
    """
    made = np.zeros((3, len(answers.values)))
    for source, sign in signs.items():
        at = answers.of(source)
        values, n = answers.values[at], int(at.sum())
        groups = [np.unique(column[at], return_inverse=True)[1] for column in (answers.pictures, answers.raters)]
        pictures, raters = (int(group.max()) + 1 for group in groups)
        off = values - values.mean()
        left = n - pictures - raters + 1
        made[0, at] = off * _corrected(pictures, pictures - 1)
        made[1, at] = off * _corrected(raters, raters - 1)
        made[2, at] = _rest(off, groups) * _corrected(n, left) if left > 0 else 0.0
        made[:, at] *= sign / n
    return made


def _corrected(count: int, freedom: int) -> float:
    return (count / freedom) ** 0.5 if freedom > 0 else np.nan


def _rest(off: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """What the means of pictures and raters leave of deviations."""
    for _ in range(SWEEPS):
        for group in groups:
            off = off - (np.bincount(group, off) / np.bincount(group))[group]
    return off


def _part(column: np.ndarray, deviations: np.ndarray, answers: Answers, signs: dict[int, float]) -> _Spread:
    """The variance that comes of this column, its levels being draws."""
    levels = [set(column[answers.of(source)].tolist()) for source in signs]
    apart = len(levels) if not set.intersection(*levels) else 1  # sources with pictures, or raters, of their own
    return _Spread(_squares(column, deviations), max(len(set.union(*levels)) - apart, 1))


def _squares(column: np.ndarray, deviations: np.ndarray) -> float:
    """The sum over levels of the squared sum of their deviations."""
    sums = np.bincount(np.unique(column, return_inverse=True)[1].reshape(-1), deviations)
    return float(np.square(sums).sum())
