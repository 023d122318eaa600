"""What codes are worth: do they tell classes apart, do they follow their prior, do images come back from them?"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from .blocks import double, squared_distances
from .evidence import Either, Evidence, Ingredient
from .ingredients import REFERENCE_LABELS, ReferenceLabels
from .kid import SUBSETS, kid, rests_on
from .metric import Estimate, Metric
from .score import Fingerprint
from .uncertainty import share_error


@dataclass(frozen=True)
class Read:
    """Numbers that stand for the images that were trained on and for the held-out ones."""

    train: Tensor  # [N, K]
    heldout: Tensor  # [M, K]


@dataclass(frozen=True)
class Codes(Read):
    """Codes of both, and draws from the prior beside them."""

    prior: Tensor  # [P, K]
    errors: Tensor  # [M]: mean squared difference of a held-out image's pixels, in [-1, 1], to its reconstruction's


def labelled(codes: Read, labels: ReferenceLabels) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Codes [n, D] to learn from and their labels [n], codes [m, D] to classify and theirs [m]: known labels only."""
    assert labels.train is not None
    train, heldout = labels.train.to(codes.train.device), labels.real.to(codes.heldout.device)
    learn, ask = train >= 0, heldout >= 0
    return codes.train[learn], train[learn], codes.heldout[ask], heldout[ask]


def nn_accuracy(codes: Read, labels: ReferenceLabels) -> Estimate:
    """Share of held-out images whose nearest training image, code by code, is of their class.

    Donahue et al., 2016, Section 4.2. https://arxiv.org/abs/1605.09782
    """
    train, classes, asked, truth = labelled(codes, labels)
    guess = torch.cat([classes[block.argmin(1)] for _, block in squared_distances(asked, train)])
    return _share(guess == truth)


def probe_accuracy(codes: Read, labels: ReferenceLabels) -> Estimate:
    """Share of held-out images that a linear classifier of the codes, fitted to the training images, names rightly.

    Logistic regression with scikit-learn's penalty, C = 1, on numbers brought to mean 0 and deviation 1.
    """
    from sklearn.linear_model import LogisticRegression

    train, classes, asked, truth = labelled(codes, labels)
    mean, std = double(train).mean(0), double(train).std(0).clamp_min(1e-12)
    learn, ask = (((double(x) - mean) / std).cpu().numpy() for x in (train, asked))
    guess = LogisticRegression(max_iter=1000).fit(learn, classes.cpu().numpy()).predict(ask)
    return _share(torch.as_tensor(guess) == truth.cpu())


def prior_kid(
    codes: Codes, of: Literal["heldout", "train"] = "heldout", subsets: int = SUBSETS, seed: int = 0
) -> Estimate:
    """Kernel distance of these images' codes to draws of the prior, both divided by the prior's deviation.

    Unbiased: about 0, and below it half the time, where codes follow their prior. The error is over the draw of codes.
    """
    scale = double(codes.prior).std()
    return kid(double(codes.prior) / scale, double(getattr(codes, of)) / scale, subsets, seed=seed)


def reconstruction(codes: Codes) -> Estimate:
    """Mean squared error of a pixel, in [-1, 1], of held-out images, with its standard error."""
    return float(codes.errors.mean()), float(codes.errors.std()) / len(codes.errors) ** 0.5


def _share(right: Tensor) -> Estimate:
    share = float(double(right).mean())
    return share, share_error(share, len(right))


def _counts(evidence: Evidence) -> Fingerprint:
    return {"train_count": len(evidence[READ].train), "reference_count": len(evidence[READ].heldout)}


CODES: Ingredient[Codes] = Ingredient("codes", "a game that encodes images (vae, bigan, aae, …), and held-out images")
FEATURES: Ingredient[Read] = Ingredient(
    "discriminator_features",
    "a game whose discriminator looks at images alone, and held-out images",
    entries=lambda read, _: {"codes": "the discriminator's features, the mean of each map"},
)
READ: Either[Any] = Either(
    "read", f"{CODES.lacking}, or one whose discriminator looks at images alone", of=(CODES, FEATURES)
)
CODE_LABELS = Ingredient(
    "code_labels",
    "codes of images whose classes are known",
    make=lambda e: e[REFERENCE_LABELS],
    needs=(REFERENCE_LABELS,),
)

METRICS = {
    "nn_accuracy": Metric(
        "share of held-out images whose nearest training code is of their class",
        "higher",
        (READ, CODE_LABELS),
        lambda e: nn_accuracy(e[READ], e[CODE_LABELS]),
        _counts,
    ),
    "probe_accuracy": Metric(
        "share of held-out images that a linear classifier of codes names rightly",
        "higher",
        (READ, CODE_LABELS),
        lambda e: probe_accuracy(e[READ], e[CODE_LABELS]),
        _counts,
    ),
    "prior_kid": Metric(
        "kernel distance of held-out images' codes to the prior, unbiased",
        "lower",
        (CODES,),
        lambda e: prior_kid(e[CODES], "heldout", SUBSETS, e.seed),
        lambda e: rests_on(e[CODES].prior, e[CODES].heldout, SUBSETS),
    ),
    "prior_kid_train": Metric(
        "kernel distance of training images' codes to the prior, unbiased",
        "lower",
        (CODES,),
        lambda e: prior_kid(e[CODES], "train", SUBSETS, e.seed),
        lambda e: rests_on(e[CODES].prior, e[CODES].train, SUBSETS),
    ),
    "reconstruction": Metric(
        "mean squared error of a held-out image's pixels, in [-1, 1]",
        "lower",
        (CODES,),
        lambda e: reconstruction(e[CODES]),
        lambda e: {"reference_count": len(e[CODES].heldout)},
    ),
}
