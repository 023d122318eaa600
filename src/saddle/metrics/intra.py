"""Scores inside each class: samples drawn for a class against real images of that class alone.

A generator that ignores its label, or draws one picture for each class, may do well by all other scores. The FID inside
classes is the intra-FID of Miyato & Koyama, 2018, https://arxiv.org/abs/1802.05637, Section 5.1.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from .blocks import squared_distances
from .evidence import Evidence, Ingredient
from .fid import fid
from .ingredients import FEATURES, LABELS, REFERENCE, REFERENCE_LABELS, TRAINED
from .metric import Detailed, Estimate, Metric
from .multiple import FEW, multiple
from .multiple import FEWEST as FEWEST_REFERENCES
from .prdc import ONE, PRECISION_K, prdc
from .uncertainty import groups, jackknife, least_error

FEWEST = 6  # samples of a class on either side: the fifth neighbour must exist

NONE_KNOWN = "scores inside classes want real images whose class is known, and there are none"
Pairs = Mapping[str, tuple[Tensor, Tensor]]  # by class, features of its real images and of its samples


def pairs(real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor, names: Sequence[str]) -> Pairs:
    """Features [N, D] and [M, D] shared out by their labels [N] and [M]: every class that real images show.

    UsageError where a class has fewer than six on either side.
    """
    sides = [(real, real_labels.to(real.device)), (fake, fake_labels.to(fake.device))]
    by_class = {}
    for k in real_labels[real_labels >= 0].unique().tolist():
        of_real, of_fake = (features[labels == k] for features, labels in sides)
        if min(len(of_real), len(of_fake)) < FEWEST:
            raise UsageError(
                f"scores inside classes want {FEWEST} real images and as many samples of each, and '{names[k]}' has "
                f"{len(of_real)} and {len(of_fake)}; draw more samples (-n), or hold out more images"
            )
        by_class[names[k]] = of_real, of_fake
    if not by_class:
        raise UsageError(NONE_KNOWN)
    return by_class


def too_few(labels: Tensor, names: Sequence[str], samples: int) -> str | None:
    """Why real images of these classes [N], -1 where unknown, or so many samples are too few, whatever is drawn."""
    shown, counts = labels[labels >= 0].unique(return_counts=True)
    if not len(shown):
        return NONE_KNOWN
    k = int(counts.argmin())
    if int(counts[k]) < FEWEST:
        has = f"'{names[int(shown[k])]}' has {int(counts[k])}; hold out more images"
        return f"scores inside classes want {FEWEST} real images of each, and {has}"
    if samples < FEWEST * len(shown):
        less = f"of {len(shown)} classes that are {FEWEST * len(shown)}, not {samples}; draw more (-n)"
        return f"scores inside classes want {FEWEST} samples of each: {less}"
    return None


def intra_fid(by_class: Pairs) -> Detailed:
    """The mean over classes of the FID between the class's real images and its samples."""
    return _mean({name: fid(*pair) for name, pair in by_class.items()})


def intra_diversity(by_class: Pairs) -> Detailed:
    """Mean distance between two samples of a class, relative to that between two real images; mean over classes.

    0 if each class has one picture, 1 for samples as diverse as real images.
    """
    return _mean({name: _relative_spread(*pair) for name, pair in by_class.items()})


def worst_precision(by_class: Pairs) -> Detailed:
    """The least share, over classes, of samples that lie among the class's real images."""
    return _least({name: prdc(*pair).precision for name, pair in by_class.items()})


def worst_recall(by_class: Pairs) -> Detailed:
    """The least share, over classes, of real images that lie among the class's samples."""
    return _least({name: prdc(*pair).recall for name, pair in by_class.items()})


def _relative_spread(real: Tensor, fake: Tensor) -> Estimate:
    scale = _spread(real)
    if scale == 0:
        raise SaddleError("the real images of a class are all alike, so that there is no diversity to compare with")
    every = torch.arange(len(fake), device=fake.device)
    fewer = [fake[~torch.isin(every, part)] for part in groups(len(fake), fake.device)]
    return _spread(fake) / scale, jackknife([_spread(part) / scale for part in fewer])


def _spread(x: Tensor) -> float:
    """Mean distance between two different rows of x [N, D]."""
    total = sum(float(block.sqrt().sum()) for _, block in squared_distances(x, x))
    return total / (len(x) * (len(x) - 1))


def _mean(estimates: dict[str, Estimate]) -> Detailed:
    """Of independent estimates."""
    values, errors = zip(*estimates.values(), strict=True)
    error = sum(each**2 for each in errors) ** 0.5 / len(errors)
    return sum(values) / len(values), error, _values(estimates)


def _least(estimates: dict[str, Estimate]) -> Detailed:
    values, errors = zip(*estimates.values(), strict=True)
    return min(values), least_error(values, errors), _values(estimates)


def _values(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    return {name: value for name, (value, _) in estimates.items()}


def _pairs(evidence: Evidence) -> Pairs:
    labels = evidence[REFERENCE_LABELS]
    real = evidence[REFERENCE].seen.features
    return pairs(real, labels.real, evidence[FEATURES], evidence[LABELS], labels.names)


def _intra_multiple(evidence: Evidence) -> Detailed:
    labels = evidence[REFERENCE_LABELS]
    assert labels.train is not None  # else it was refused
    sides = evidence[REFERENCE].seen.features, labels.real, evidence[TRAINED].seen.features, labels.train
    return multiple(intra_fid(evidence[BY_CLASS]), intra_fid(pairs(*sides, labels.names)), len(labels.real))


def _few(evidence: Evidence) -> str | None:
    labels = evidence[REFERENCE_LABELS]
    return too_few(labels.real, labels.names, evidence.n)


def _few_for_a_multiple(evidence: Evidence) -> str | None:
    if evidence[REFERENCE_LABELS].train is None:
        return "the metric 'intra_fid_multiple' needs the classes of the training images"
    return _few(evidence)


def _inside(measure: Callable[[Pairs], Detailed]) -> Callable[[Evidence], Detailed]:
    return lambda evidence: measure(evidence[BY_CLASS])


ENOUGH = 20  # samples of a class, for scores inside classes that nobody asked for
BY_CLASS = Ingredient("by_class", make=_pairs, needs=(FEATURES, REFERENCE, LABELS, REFERENCE_LABELS))

METRICS = {
    "intra_fid": Metric(
        "mean over classes of the FID inside the class",
        "lower",
        (BY_CLASS,),
        _inside(intra_fid),
        of_a_class=ENOUGH,
        refused=_few,
    ),
    "intra_fid_multiple": Metric(
        "the same as a multiple of what training images score",
        "lower",
        (FEATURES, REFERENCE, TRAINED, BY_CLASS),
        _intra_multiple,
        of_a_class=ENOUGH,
        refused=_few_for_a_multiple,
        references=FEWEST_REFERENCES,
        few=FEW,
    ),
    "intra_diversity": Metric(
        "distance between two samples of a class, relative to real ones'; mean over classes",
        "higher",
        (BY_CLASS,),
        _inside(intra_diversity),
        of_a_class=ENOUGH,
        refused=_few,
    ),
    "class_precision": Metric(
        "precision inside the worst class",
        "higher",
        (BY_CLASS,),
        _inside(worst_precision),
        lambda e: {"k": PRECISION_K},
        of_a_class=ENOUGH,
        refused=_few,
        caveat=ONE,
    ),
    "class_recall": Metric(
        "recall inside the worst class",
        "higher",
        (BY_CLASS,),
        _inside(worst_recall),
        lambda e: {"k": PRECISION_K},
        of_a_class=ENOUGH,
        refused=_few,
    ),
}
