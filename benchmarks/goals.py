"""What a figure is to be, and whether it is: reached, missed, or open where its quartiles lie on both sides."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import torch

from saddle.base.precision import good_at_bf16

from .timing import Figure

BF16 = good_at_bf16(torch.device("cpu"))
EQUAL = 1.3 if torch.backends.cpu.get_cpu_capability() == "AVX2" else 1.15


@dataclass(frozen=True)
class Goal:
    """A figure is to be at least, and at most, this."""

    least: float = -inf
    most: float = inf
    unit: str = ""

    def __str__(self) -> str:
        sign, bound = ("≥", self.least) if self.least > -inf else ("≤", self.most)
        return f"{sign} {bound:g}{self.unit}"

    def judge(self, figure: Figure) -> str:
        """By the quartiles: both must be on the same side, or another quarter of an hour could say the opposite."""
        good = {self.least <= x <= self.most for x in (figure.low, figure.high)}
        return "open" if len(good) > 1 else "reached" if True in good else "missed"


AS_FAST = Goal(least=1)
BESIDE = ("wgan-gp", "stylegan2", "r3gan", "cyclegan64", "cyclegan128")  # a loop in their authors' order of operations
RATIOS = ("ratio_to_usual_loop", "ratio_at_equal_precision", "ratio_of_processor_time")  # of each of them

GOALS: Mapping[str, Goal] = {
    "dcgan64.ratio_to_usual_loop": Goal(least=2 if BF16 else 1.15),
    "dcgan64.ratio_at_equal_precision": Goal(least=EQUAL),
    "dcgan64.memory_ratio": Goal(most=1),
    **{f"{name}.{ratio}": AS_FAST for name in BESIDE for ratio in RATIOS},
    "trainer.overhead": Goal(most=3, unit=" %"),
    "trainer.overhead_small.ring": Goal(most=10, unit=" %"),
    **{f"signs.price.{name}": Goal(most=1.01) for name in ("digits", "ring", "translation")},
    "stream.times_training": Goal(least=20),
    "startup.info_of_nothing": Goal(most=0.2),
}


def judged(key: str, figure: Figure) -> str:
    """In words, after the figure; nothing where nobody set a goal, and no second time for what was measured once."""
    if figure.same_as:
        return f"   measured once, as {figure.same_as}"
    goal = GOALS.get(key)
    return f"   goal {goal}: {goal.judge(figure)}" if goal else ""
