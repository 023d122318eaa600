"""Inception Score. Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, 2016, https://arxiv.org/abs/1606.03498

exp(E KL(p(y|x) ‖ p(y))): high where every sample is of one class and all classes occur; from 1 to their number. It
never sees real data.
"""

import torch
from torch import Tensor

from ..base.errors import UsageError
from .blocks import double
from .ingredients import LOGITS
from .metric import Metric

SPLITS = 10


def inception_score(logits: Tensor, splits: int = SPLITS, seed: int = 0) -> tuple[float, float]:
    """Mean and (population) standard deviation over `splits` parts of the shuffled logits [N, K].

    Shuffled, since a sampler may draw its classes in order, which would make every split poor in them.
    """
    if not 1 <= splits <= len(logits):
        raise UsageError(
            f"an Inception Score of {len(logits)} samples in {splits} splits: from 1 to {len(logits)} are possible"
        )
    order = torch.randperm(len(logits), generator=torch.Generator().manual_seed(seed)).to(logits.device)
    scores = torch.stack([_score(double(part)) for part in logits[order].tensor_split(splits)])
    return float(scores.mean()), float(scores.std(unbiased=False))


def _score(logits: Tensor) -> Tensor:
    log_p = logits.log_softmax(1)
    log_mean = log_p.logsumexp(0) - torch.tensor(len(log_p), dtype=log_p.dtype).log()
    gain = torch.where(log_p > -torch.inf, log_p.exp() * (log_p - log_mean), 0)  # 0 log 0 = 0
    return gain.sum(1).mean().exp()


METRICS = {
    "inception_score": Metric(
        "sure classes and all of them: 1 to their number",
        "higher",
        (LOGITS,),
        lambda e: inception_score(e[LOGITS], SPLITS, e.seed),
        lambda e: {"splits": SPLITS},
    )
}
