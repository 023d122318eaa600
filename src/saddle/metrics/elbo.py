"""How likely are held-out images? By the evidence lower bound of games that have one."""

from torch import Tensor

from .evidence import Evidence, Ingredient
from .ingredients import EXTRACTOR
from .metric import Estimate, Metric
from .score import Fingerprint

BOUNDS: Ingredient[Tensor] = Ingredient(
    "bounds", "a game that bounds the likelihood of images (vae, cvae), and held-out images"
)  # of the log-likelihood of every held-out image, in nats: [N]


def mean_bound(bounds: Tensor) -> Estimate:
    """Mean of bounds [N], in nats an image, and its standard error."""
    return float(bounds.mean()), float(bounds.std()) / len(bounds) ** 0.5


def _settings(evidence: Evidence) -> Fingerprint:
    """An extractor has nothing to do with it, but earlier fingerprints had it: scores are to compare with theirs."""
    if not evidence.lacks(EXTRACTOR):
        evidence[EXTRACTOR]
    return {"reference_count": len(evidence[BOUNDS])}


METRICS = {
    "elbo": Metric(
        "bound of the log-likelihood of the held-out images, in nats an image",
        "higher",
        (BOUNDS,),
        lambda e: mean_bound(e[BOUNDS]),
        _settings,
    )
}
