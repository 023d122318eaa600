"""What do codes tell that translations are made from? A probe that is trained for it says how much is in them.

A code of the content is to tell the class of an image, and neither its domain nor the attributes that are kept apart. A
discriminator that a game learned against does not say so: a fresh one does (Lample et al., 2017,
https://arxiv.org/abs/1706.00409). Chance, the share of the commonest value, stands beside.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from .blocks import double
from .evidence import Evidence, Ingredient
from .learned import Lesson, fitted
from .metric import Compared, Metric
from .traits import Traits
from .uncertainty import least, mean_error

CHANCE = "chance"
HIDDEN, STEPS, BATCH, RATE = 128, 400, 64, 2e-3
COARSEST = 4  # places along a side of a map of codes that are distinguished


@dataclass(frozen=True)
class Known:
    """Codes [N, F], and the values int64 [N, P] to be predicted from them, -1 where unknown."""

    codes: Tensor
    values: Tensor


@dataclass(frozen=True)
class Probed:
    """What a probe learns from, and held-out images' that it is asked."""

    learn: Known
    ask: Known
    traits: Traits


def flat(code: Tensor) -> Tensor:
    """Codes [N, …] as [N, F]. Of larger maps the mean of each of 4 × 4 parts, and every channel's deviation."""
    code = code.detach().float().cpu()
    if code.ndim == 4 and max(code.shape[-2:]) > COARSEST:
        rows, columns = (min(COARSEST, side) for side in code.shape[-2:])
        return torch.cat([adaptive_avg_pool2d(code, (rows, columns)).flatten(1), code.flatten(2).std(2)], 1)
    return code.flatten(1)


def told(probed: Probed, seed: int) -> Compared:
    """Share of held-out codes from which a network of two layers tells each trait, the mean over traits."""
    return asked(probe(probed.learn, probed.traits, seed), probed.ask, probed.traits)


def probe(learn: Known, traits: Traits, seed: int) -> Callable[[Tensor], Tensor]:
    """A network that learned to tell the traits, as a function of codes [N, F]: int64 [N, P]."""
    mean, std = learn.codes.mean(0), learn.codes.std(0).clamp(min=1e-6)
    codes = (learn.codes - mean) / std

    def take(places: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        index = torch.from_numpy(places)
        return codes[index], learn.values[index]

    def network() -> nn.Sequential:
        return nn.Sequential(nn.Linear(codes.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, sum(traits.sizes)))

    lesson = Lesson("probe", len(codes), take)
    learned = fitted(network, lesson, traits.loss, steps=STEPS, batch=BATCH, rate=RATE, seed=seed)
    return lambda asked: traits.said(learned((asked - mean) / std))


@torch.no_grad()
def asked(tell: Callable[[Tensor], Tensor], ask: Known, traits: Traits) -> Compared:
    """How often it tells these codes' traits rightly, and chance beside; the error is over the draw of the codes."""
    right = torch.where(ask.values < 0, torch.nan, double(tell(ask.codes) == ask.values))
    commonest = [_commonest(row) for row in ask.values.unbind(1)]
    names = [" / ".join(traits.condition.names[i] for i in places) for places in traits.places]
    details = dict(zip(names, right.nanmean(0).tolist(), strict=True)) if len(names) > 1 else {}
    each = right.nanmean(1)
    each = each[~each.isnan()]
    error = max(mean_error(each), least(len(each)))
    return Compared(float(right.nanmean(0).mean()), error, details, {CHANCE: sum(commonest) / len(names)})


def _commonest(values: Tensor) -> float:
    known = values[values >= 0]
    return float(torch.bincount(known).max() / len(known))


def _measure(ingredient: Ingredient[Probed], evidence: Evidence) -> Compared:
    return told(evidence[ingredient], evidence.seed)


def _ingredient(name: str, lacking: str) -> Ingredient[Probed]:
    return Ingredient(
        name,
        lacking,
        entries=lambda probed, _: {
            "train_count": len(probed.learn.codes),
            "reference_count": len(probed.ask.codes),
            "probe": f"{HIDDEN} hidden, {STEPS} steps",
        },
    )


ATTRIBUTE = _ingredient(
    "probed_attribute", "a game that translates from codes, and images of several domains or with labels"
)
CONTENT = _ingredient(
    "probed_content", "a game that translates from codes, and training and held-out images whose classes are known"
)

METRICS = {
    "probe_attribute": Metric(
        "share of held-out codes that give away the domain, or the attributes, of their image to a probe",
        "lower",
        (ATTRIBUTE,),
        lambda e: _measure(ATTRIBUTE, e),
        chooses=False,  # a code that says nothing would win
    ),
    "probe_content": Metric(
        "share of held-out codes that tell a probe the class of their image",
        "higher",
        (CONTENT,),
        lambda e: _measure(CONTENT, e),
        chooses=False,
    ),
}
