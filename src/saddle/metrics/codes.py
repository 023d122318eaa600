"""What codes are worth: do they tell classes apart, do they follow their prior, do images come back from them?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .blocks import double, squared_distances
from .kid import kid
from .uncertainty import share_error

Estimate = tuple[float, float]


@dataclass(frozen=True)
class Codes:
    """Those of the images that were trained on and of the held-out ones, and draws from the prior beside them."""

    train: Tensor  # [N, K]
    heldout: Tensor  # [M, K]
    prior: Tensor  # [P, K]
    errors: Tensor  # [M]: mean squared difference of a held-out image's pixels, in [-1, 1], to its reconstruction's
    train_labels: Tensor | None = None  # int64 [N], -1 where it is not known
    heldout_labels: Tensor | None = None  # int64 [M]

    def known(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Codes to learn from and their labels, codes to be told apart and theirs: those whose labels are known."""
        assert self.train_labels is not None
        assert self.heldout_labels is not None
        learn, ask = self.train_labels >= 0, self.heldout_labels >= 0
        return self.train[learn], self.train_labels[learn], self.heldout[ask], self.heldout_labels[ask]


def nn_accuracy(codes: Codes) -> Estimate:
    """Share of held-out images whose nearest training image, code by code, is of their class.

    Donahue et al., 2016, Section 4.2. https://arxiv.org/abs/1605.09782
    """
    train, labels, asked, truth = codes.known()
    guess = torch.cat([labels[block.argmin(1)] for _, block in squared_distances(asked, train)])
    return _share(guess == truth)


def probe_accuracy(codes: Codes) -> Estimate:
    """Share of held-out images that a linear classifier of the codes, fitted to the training images, names rightly.

    Logistic regression with scikit-learn's penalty, C = 1, on numbers brought to mean 0 and deviation 1.
    """
    from sklearn.linear_model import LogisticRegression

    train, labels, asked, truth = codes.known()
    mean, std = double(train).mean(0), double(train).std(0).clamp_min(1e-12)
    learn, ask = (((double(x) - mean) / std).cpu().numpy() for x in (train, asked))
    guess = LogisticRegression(max_iter=1000).fit(learn, labels.cpu().numpy()).predict(ask)
    return _share(torch.as_tensor(guess) == truth.cpu())


def prior_kid(codes: Codes, of: Literal["heldout", "train"] = "heldout", subsets: int = 100, seed: int = 0) -> Estimate:
    """Kernel distance of these images' codes to draws of the prior, both divided by the prior's deviation.

    Unbiased: about 0, and below it half the time, where codes follow their prior. The error is one subset's deviation.
    """
    scale = double(codes.prior).std()
    return kid(double(codes.prior) / scale, double(getattr(codes, of)) / scale, subsets, seed=seed)


def reconstruction(codes: Codes) -> Estimate:
    """Mean squared error of a pixel, in [-1, 1], of held-out images, with its standard error."""
    return float(codes.errors.mean()), float(codes.errors.std()) / len(codes.errors) ** 0.5


def _share(right: Tensor) -> Estimate:
    share = float(double(right).mean())
    return share, share_error(share, len(right))
