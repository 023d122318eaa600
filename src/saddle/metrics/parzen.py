"""Log-likelihood under a Gaussian Parzen window, as the papers of 2014 report it. Goodfellow et al., 2014, Section 5.
https://arxiv.org/abs/1406.2661

Around every sample stands a Gaussian of one deviation σ, and their mean is taken for the generator's density. σ is the
one under which a validation set is likeliest; the score is the mean log-likelihood of other images that were held out,
in nats. It has two faults (Theis, van den Oord, Bethge, 2016, https://arxiv.org/abs/1511.01844). A few prototypes, such
as the centres of k-means, score above real data. However many samples are drawn, the estimate stays far below the
truth where images have more than a few pixels.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ..base.errors import UsageError
from .blocks import squared_distances
from .evidence import Evidence, Ingredient, Seen
from .ingredients import NOT_KEPT, REAL, SAMPLES, TRAIN, Images, are_images, chunks
from .metric import Compared, Metric
from .reference import content_hash
from .score import Fingerprint
from .uncertainty import mean_error

STEP = 10 ** (1 / 9)  # between two σ: the authors' code tries ten from 0.1 to 1
FIRST, LEAST, MOST = 10, -27, 27  # σ tried at first; between 0.001 and 1,000, as powers of the step below and above 1
VALIDATED = 1000  # images at most that choose σ
NUMBERS = 2**29  # that the samples may have together: 2 GB
REAL_DATA = "training images"


def log_likelihood(x: Tensor, samples: Tensor, sigma: float) -> Tensor:
    """log p(x) in nats, float64 [N], for x [N, D] and samples [M, D]: that of the mean of M Gaussians of σ."""
    return torch.cat([log_p[0] for log_p in _log_likelihoods(x, samples, [sigma])])


def fitted(validation: Tensor, samples: Tensor) -> float:
    """The σ under which validation data [N, D] are likeliest, for samples [M, D].

    One of the ten of the authors' code, from 0.1 to 1; where the best is at an end, it is looked for beyond, in the
    same steps, from 0.001 to 1,000.
    """
    told: dict[int, float] = {}
    wanted = range(1 - FIRST, 1)
    while True:
        means = torch.cat([*_log_likelihoods(validation, samples, [STEP**k for k in wanted])], 1).mean(1)
        told |= dict(zip(wanted, means.tolist(), strict=True))
        best = max(told, key=told.__getitem__)
        if LEAST < best == min(told):
            wanted = range(max(LEAST, best - FIRST), best)
        elif MOST > best == max(told):
            wanted = range(best + 1, min(MOST, best + FIRST) + 1)
        else:
            return STEP**best


def parzen(samples: Tensor, validation: Tensor, test: Tensor) -> Compared:
    """Mean log-likelihood of test data [T, D] for samples [M, D], in nats, its error over the draw of the test data,
    and σ, which validation data [N, D] choose. Images are [N, C · H · W] in [0, 1], as the papers have them.

    UsageError for data of another width than the samples, and where there are none.
    """
    widths = {x.shape[1] for x in (samples, validation, test)}
    if len(widths) > 1 or not min(map(len, (samples, validation, test))):
        raise UsageError(
            f"a likelihood is of samples, validation and test data of one width, and at least one of each, not of "
            f"shapes {[*samples.shape]}, {[*validation.shape]} and {[*test.shape]}"
        )
    sigma = fitted(validation, samples)
    each = log_likelihood(test, samples, sigma)
    return Compared(float(each.mean()), mean_error(each), {"sigma": sigma})


def _log_likelihoods(x: Tensor, samples: Tensor, sigmas: list[float]) -> Iterable[Tensor]:
    """For each σ log p of some rows of x: [S, rows]."""
    for _, squared in squared_distances(x, samples):
        inside = [torch.logsumexp(squared / (-2 * sigma**2), 1) for sigma in sigmas]
        normal = [samples.shape[1] * math.log(sigma * math.sqrt(2 * math.pi)) for sigma in sigmas]
        yield torch.stack(inside) - squared.new_tensor(normal)[:, None] - math.log(len(samples))


def rows_of(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] as rows [N, C · H · W] in [0, 1]; points and signals in their own numbers."""
    x = images.detach().float().flatten(1)
    return (x + 1) / 2 if images.ndim == 4 else x


def _rows(images: Ingredient[Images]) -> Ingredient[Tensor]:
    return Ingredient(
        f"{images.name}_rows",
        images.lacking + NOT_KEPT,
        make=lambda e: torch.cat([rows_of(part) for part in chunks(e[images])]).to(e[SAMPLE_ROWS].device),
        needs=(images,),
        can=are_images(images.name),
    )


def _parts(evidence: Evidence) -> tuple[Tensor, Tensor]:
    """Of the held-out data those that choose σ, and those that are scored: every other one."""
    real = evidence[REAL_ROWS]
    return real[1::2][:VALIDATED], real[::2]


def _parzen(evidence: Evidence) -> Compared:
    validation, test = _parts(evidence)
    samples = evidence[SAMPLE_ROWS]
    if samples.numel() > NUMBERS:
        raise UsageError(
            f"parzen keeps all samples, and {len(samples):,} of {samples.shape[1]:,} numbers are more than "
            f"{NUMBERS:,} numbers; ask for fewer with -n"
        )
    found = parzen(samples, validation, test)
    if evidence.lacks(TRAIN_ROWS):
        return found
    real = evidence[TRAIN_ROWS]
    real = real[:: -(-len(real) // len(samples))]  # at most as many as there are samples
    beside = parzen(real, validation, test).value
    note = (
        "parzen: samples score above training images; the centres of k-means do too, so that this is no praise "
        "(Theis et al., 2016)"
    )
    return found._replace(beside={REAL_DATA: beside}, note=note if found.value > beside else "")


def _settings(evidence: Evidence) -> Fingerprint:
    validation, test = _parts(evidence)
    counts: Fingerprint = {"reference_count": len(test), "validation_count": len(validation)}
    return counts | {"reference_hash": content_hash([evidence[REAL_ROWS]])}


SAMPLE_ROWS = Seen("sample_rows", of=SAMPLES, look=lambda drawn: rows_of(drawn.images))
REAL_ROWS, TRAIN_ROWS = _rows(REAL), _rows(TRAIN)

METRICS = {
    "parzen": Metric(
        "log-likelihood of held-out data under Gaussians around the samples, in nats; does not rank good ones rightly",
        "higher",
        (SAMPLE_ROWS, REAL_ROWS),
        _parzen,
        _settings,
        chooses=False,  # it prefers prototypes to real data
        references=3,
        few="one of them chooses σ; hold out more images",
    )
}
