"""Inception Score. Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, 2016, https://arxiv.org/abs/1606.03498

exp(E KL(p(y|x) ‖ p(y))): high where every sample is of one class and all classes occur; from 1 to their number. It
never sees real data.
"""

import math

import torch
from torch import Tensor

from ..base.errors import UsageError
from .blocks import double
from .ingredients import LOGITS
from .metric import Compared, Metric
from .uncertainty import mean_error

SPLITS = 10
CONFIDENCE, VARIETY = "H(y|x)", "H(y)"


def inception_score(logits: Tensor, splits: int = SPLITS, seed: int = 0) -> Compared:
    """Mean over `splits` parts of the shuffled logits [N, K], and its standard error; NaN for a single part.

    Shuffled, since a sampler may draw its classes in order, which would make every split poor in them. The score is
    exp(H(y) - H(y|x)) of each part: the details have the two entropies in nats, means over the parts, and the
    deviation of the parts, which papers print behind ±.
    """
    if not 1 <= splits <= len(logits):
        raise UsageError(
            f"an Inception Score of {len(logits)} samples in {splits} splits: from 1 to {len(logits)} are possible"
        )
    order = torch.randperm(len(logits), generator=torch.Generator().manual_seed(seed)).to(logits.device)
    parts = torch.stack([_entropies(double(part)) for part in logits[order].tensor_split(splits)])
    scores, (sure, varied) = (parts[:, 1] - parts[:, 0]).exp(), parts.mean(0).tolist()
    details = {CONFIDENCE: sure, VARIETY: varied, "deviation of the splits": float(scores.std(unbiased=False))}
    most = math.log(logits.shape[1])
    note = (
        f"inception_score is exp(H(y) - H(y|x)): H(y|x) = {sure:.3g} nats, confidence (0 is sure of every sample), and "
        f"H(y) = {varied:.3g} nats, variety (up to {most:.3g}, for all classes alike)"
    )
    return Compared(float(scores.mean()), mean_error(scores), details, note=note)


def _entropies(logits: Tensor) -> Tensor:
    """H(y|x), the mean over samples, and H(y) of their mean: [2], in nats."""
    log_p = logits.log_softmax(1)
    log_mean = log_p.logsumexp(0) - math.log(len(log_p))
    return torch.stack([_entropy(log_p).mean(), _entropy(log_mean)])


def _entropy(log_p: Tensor) -> Tensor:
    return -torch.where(log_p > -torch.inf, log_p.exp() * log_p, 0).sum(-1)  # 0 log 0 = 0


METRICS = {
    "inception_score": Metric(
        "sure classes and all of them: 1 to their number",
        "higher",
        (LOGITS,),
        lambda e: inception_score(e[LOGITS], SPLITS, e.seed),
        lambda e: {"splits": SPLITS},
        caveat="it sees no real image",
    )
}
