"""Blurs of many kinds, drawn at random, as Real-ESRGAN has them (Wang et al., 2021, Section 3.1 and the options of its
code, https://arxiv.org/abs/2107.10833): Gaussians, generalised Gaussians, plateaus, and the sinc of a sharp low-pass.
"""

import numpy as np

from .chance import Dice, Floats
from .options import Range

SIZES = (7, 9, 11, 13, 15, 17, 19, 21)  # pixels of a side
SHARES = {"gaussian": (0.45, 0.25), "generalised": (0.12, 0.03), "plateau": (0.12, 0.03)}  # round ones, and others
BETA = {"gaussian": (1.0, 1.0), "generalised": (0.5, 4.0), "plateau": (1.0, 2.0)}
SINC = 0.1  # share of low-passes


def drawn(dice: Dice, sigma: Range) -> Floats:
    """A blur of deviations of `sigma` pixels, [K, K], whose values add up to 1."""
    size = SIZES[dice.choice([1] * len(SIZES))]
    if dice.uniform() < SINC:
        return low_pass(size, dice.uniform(np.pi / (3 if size < 13 else 5), np.pi))
    kinds = [(kind, round_) for kind in SHARES for round_ in (True, False)]
    kind, is_round = kinds[dice.choice([share for both in SHARES.values() for share in both])]
    across, along = dice.uniform(*sigma), dice.uniform(*sigma)
    low, high = BETA[kind]
    beta = dice.uniform(low, 1) if dice.uniform() < 0.5 else dice.uniform(1, high)
    angle = dice.uniform(-np.pi, np.pi)
    return bell(size, (across, across if is_round else along), angle, beta, kind == "plateau")


def drawn_low_pass(dice: Dice) -> Floats:
    """A low-pass, [K, K], whose values add up to 1."""
    return low_pass(SIZES[dice.choice([1] * len(SIZES))], dice.uniform(np.pi / 3, np.pi))


def bell(size: int, sigma: Range, angle: float, beta: float, plateau: bool = False) -> Floats:
    """exp(-qᵝ/2), or the plateau 1 / (1 + qᵝ), of the quadratic form q of two deviations turned by an angle."""
    x, y = _grid(size)
    turned = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    q = sum((at / deviation) ** 2 for at, deviation in zip(turned, sigma, strict=True)) ** beta
    kernel = 1 / (1 + q) if plateau else np.exp(-q / 2)
    return np.asarray(kernel / kernel.sum())


def low_pass(size: int, cutoff: float) -> Floats:
    """Of all waves those pass that turn by up to `cutoff` a pixel, in every direction: ω J₁(ω r) / 2πr."""
    from scipy.special import j1  # which scikit-learn brings along

    distance = np.hypot(*_grid(size))
    safe = np.maximum(distance, 0.5)  # all but the middle, where the limit stands
    kernel = np.where(distance > 0, cutoff * j1(cutoff * safe) / (2 * np.pi * safe), cutoff**2 / (4 * np.pi))
    return np.asarray(kernel / kernel.sum())


def _grid(size: int) -> tuple[Floats, Floats]:
    at = np.arange(size, dtype=np.float64) - size // 2
    return at[None, :], at[:, None]
