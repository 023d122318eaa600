"""Draw samples once, look at them once, and compute every score that is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..base.errors import UsageError
from .drawing import Sample
from .evidence import Evidence
from .extractors import extractor as extractor_named
from .features import Extractor
from .ingredients import Images, again, count_of
from .metric import Metric
from .names import chosen
from .reference import Reference, trained
from .score import Score


def evaluate(
    sample: Sample | None,
    real: Images | None,
    names: Sequence[str],
    extractor: Extractor | str | None = None,
    *,
    n: int = 2000,
    batch: int = 250,
    seed: int = 0,
    reference: str = "held-out",
    train: Images | None = None,
    errors: bool = True,
    **ingredients: Any,
) -> dict[str, Score]:
    """The scores of those names for `n` samples against `real`, the part of the data that was not trained on.

    `sample(k)` draws k more images [k, C, H, W] in [-1, 1], points [k, D] or signals [k, C, T], or (these, the labels
    [k, …] that they were drawn for); `train` is what was trained on. `extractor` is who looks at images, or its name:
    nobody does unless asked, for the classifier of digits would score anything. Some metrics need further
    `ingredients`, by name, each described where its metric is: `mixture` (centres [K, D], std) of points with known
    modes, `codes` of images, `bounds` of likelihoods, `predictions` of classes, `reference_labels`, `single`, `unseen`,
    `smallest`, `restored`, `restorations`, `detected`.
    UsageError for an unknown name, for a metric that these cannot give, for images outside of [-1, 1], and for those of
    [0, 1] beside others of [-1, 1]. With several processes all call it alike: each draws its share of every batch, as
    `rng.share` divides it, and all get the same scores. `seed` is that of random subsets and splits; how samples are
    seeded is the caller's. Without `errors`, that of an FID of over 1,024 features is left out (NaN) to save time.
    """
    metrics = chosen(names)
    look, train = _look(extractor, train)
    given = {"samples": sample, "real": again(real), "train": train, "extractor": look, **ingredients}
    evidence = Evidence(given, n=n, batch=batch, seed=seed, reference=reference, errors=errors)
    for name, metric in metrics.items():
        check(name, metric, evidence)
    evidence.gather(metrics.values())
    return {name: _scored(name, metric, evidence) for name, metric in metrics.items()}


def check(name: str, metric: Metric, evidence: Evidence) -> None:
    """UsageError for a metric that what is given cannot have, before a sample is drawn."""
    if reason := evidence.lacks(metric):
        raise UsageError(f"the metric '{name}' needs {reason}")
    if evidence.n < metric.of_reference:
        raise UsageError(
            f"the metric '{name}' wants {metric.of_reference} samples, and {evidence.n} are asked for (-n)"
        )
    wanted, real = max(metric.references, metric.of_reference), evidence.given.get("real")
    if wanted and real is not None and (there := count_of(real, wanted)) < wanted:
        why = metric.few or "hold out more images"
        raise UsageError(f"the metric '{name}' wants {wanted} references, and there are {there}: {why}")
    if reason := metric.refused(evidence):
        raise UsageError(reason)


def _scored(name: str, metric: Metric, evidence: Evidence) -> Score:
    (value, error, *details), fingerprint = evidence.measured(metric)
    return replace(Score(name, value, error, metric.better, fingerprint, *details), caveat=metric.caveat)


def _look(extractor: Extractor | str | None, train: Images | None) -> tuple[Extractor | None, Images | None]:
    """Who looks at images, and the training images, which may be needed twice."""
    if extractor != "own" or train is None or isinstance(train, Reference):
        return (extractor_named(extractor) if isinstance(extractor, str) else extractor), train
    train = again(train)
    assert train is not None
    assert not isinstance(train, Reference)
    return extractor_named(extractor, train=trained(train)), train
