"""Which modes of a known distribution are drawn: mixtures of Gaussians in the plane, and the 1,000 stacked digits.

The protocol of VEEGAN (https://arxiv.org/abs/1705.07761) and PacGAN (https://arxiv.org/abs/1712.04086): a sample is of
high quality within three standard deviations of its nearest mode (of real data in the plane 1 - e^-4.5 = 98.889 % are);
a mode is covered if one such sample is its own.
"""

import math

import torch
from torch import Tensor

from .blocks import double
from .digits import triples
from .drawing import Drawn
from .evidence import Ingredient, Seen
from .ingredients import EXTRACTOR, SAMPLES
from .metric import Metric
from .reference import content_hash
from .score import Fingerprint
from .uncertainty import groups, halves, jackknife, reached_error, share_error

STACKED = 1000


def assign(points: Tensor, centres: Tensor, std: float) -> tuple[Tensor, Tensor]:
    """Of points [N, D] and centres [K, D]: the nearest mode, int64 [N], and whether it is within 3 std, bool [N]."""
    apart, mode = torch.cdist(double(points), double(centres.to(points.device))).min(1)
    return mode, apart <= 3 * std


def covered(mode: Tensor, counts: int) -> tuple[float, float]:
    """How many of `counts` modes occur in mode [N], with its standard error, from halves of the samples."""
    dealt = groups(len(mode), mode.device)
    found = int((torch.bincount(mode, minlength=counts) > 0).sum())
    shown = [torch.bincount(mode[part], minlength=counts) > 0 for part in dealt]
    shares = [
        float(torch.stack([shown[i] for i in half.nonzero()]).any(0).double().mean()) for half in halves(len(dealt))
    ]
    return found, counts * reached_error(found / counts, torch.tensor(shares))


def high_quality(good: Tensor) -> tuple[float, float]:
    """Share of True in good [N], with its binomial standard error."""
    share = float(double(good).mean())
    return share, share_error(share, len(good))


def mode_kl(mode: Tensor, counts: int) -> tuple[float, float]:
    """KL(histogram of mode [N] ‖ uniform over `counts`) in nats, with its standard error.

    0 for equal shares, log(counts) for one mode; K modes equally drawn give log(counts / K). N draws from the uniform
    distribution itself give about (counts - 1) / 2N. No sample at all is as bad as one mode. For equal shares the KL is
    that of χ² / 2N, and the jackknife has the variance of it, (counts - 1) / 2N², twice.
    """

    def divergence(histogram: Tensor) -> float:
        p = histogram / histogram.sum() if histogram.any() else torch.eye(counts)[0]
        return float(torch.special.xlogy(p, p).sum()) + math.log(counts)

    histogram = double(torch.bincount(mode, minlength=counts))
    parts = [double(torch.bincount(mode[part], minlength=counts)) for part in groups(len(mode), mode.device)]
    twice = jackknife([divergence(histogram - part) for part in parts]) ** 2
    equal = (int((histogram > 0).sum()) - 1) / (2 * max(1, len(mode)) ** 2)
    return divergence(histogram), max(twice / 2, twice - equal) ** 0.5


Mixture = tuple[Tensor, float]  # centres [K, D] and the standard deviation of each Gaussian


def _mixture_entries(mixture: Mixture) -> Fingerprint:
    centres, std = mixture
    return {"mixture_hash": content_hash([centres]), "mixture_count": len(centres), "mixture_std": std}


def _triples(drawn: Drawn) -> Tensor:
    right = drawn.images.ndim == 4 and drawn.images.shape[1] == 3
    assert drawn.extractor is not None
    return triples(drawn.extractor, drawn.of_shape("stacked digits are images of three channels", right))


MIXTURE: Ingredient[Mixture] = Ingredient(
    "mixture",
    "points drawn from a mixture whose modes are known (ring, grid), and this data has no known modes",
    entries=lambda mixture, _: _mixture_entries(mixture),
)
POINTS = Seen(
    "points", of=SAMPLES, look=lambda d: d.of_shape("modes are looked for among points [N, D]", d.images.ndim == 2)
)
ASSIGNED = Ingredient("assigned", make=lambda e: assign(e[POINTS], *e[MIXTURE]), needs=(POINTS, MIXTURE))
GOOD = Ingredient("good", make=lambda e: e[ASSIGNED][0][e[ASSIGNED][1]], needs=(ASSIGNED,))  # modes of good points
TRIPLES = Seen(
    "triples",
    "the extractor 'digits'",
    of=SAMPLES,
    needs=(EXTRACTOR,),
    can=lambda evidence: evidence.given["extractor"].name == "digits",
    look=_triples,
)

METRICS = {
    "modes": Metric(
        "modes of the mixture that are drawn", "higher", (GOOD,), lambda e: covered(e[GOOD], len(e[MIXTURE][0]))
    ),
    "high_quality": Metric(
        "share of points within 3 std of a mode; 0.9889 for real ones in the plane",
        "higher",
        (ASSIGNED,),
        lambda e: high_quality(e[ASSIGNED][1]),
    ),
    "mode_kl": Metric(
        "KL of the modes' shares against equal shares, in nats",
        "lower",
        (GOOD,),
        lambda e: mode_kl(e[GOOD], len(e[MIXTURE][0])),
    ),
    "stacked_modes": Metric(
        "of the 1,000 triples of digits, those that are drawn",
        "higher",
        (TRIPLES,),
        lambda e: covered(e[TRIPLES], STACKED),
    ),
    "stacked_kl": Metric(
        "KL of the triples' shares against equal shares, in nats",
        "lower",
        (TRIPLES,),
        lambda e: mode_kl(e[TRIPLES], STACKED),
    ),
}
