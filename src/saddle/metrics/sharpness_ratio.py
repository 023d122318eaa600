"""How sharp are made images beside the true ones? By the variance of the Laplacian of their grey values."""

import torch

from .blocks import double
from .evidence import Either, Evidence, Ingredient
from .metric import Compared, Metric
from .restored import RESTORED, known
from .sharpness import laplacian_variance
from .translated import PAIRS, Each, Turned, joined
from .uncertainty import mean_error

TRUTH = "truth"


def _look(turned: Turned) -> dict[str, torch.Tensor]:
    assert turned.truth is not None
    every = {"": turned.made, TRUTH: turned.truth} | turned.beside
    return {whose: laplacian_variance(images, turned.inside) for whose, images in every.items()}


def ratio(made: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """Of the means of variances [N] of images and of the true ones: 1 is as sharp, 0 is flat, noise is above 1.

    Its standard error is that of a ratio of two means over the same images.

    Both are [N, C, H, W].
    """
    a, b = double(made), double(truth)
    a, b = (x[~(a + b).isnan()] for x in (a, b))
    value = a.mean() / b.mean()
    return float(value), mean_error(a - value * b) / float(b.mean())


def _measure(evidence: Evidence) -> Compared:
    ways = {}
    for name, kept in evidence[EACH].items():
        value, error = ratio(kept[""], kept[TRUTH])
        others = {whose: ratio(x, kept[TRUTH])[0] for whose, x in kept.items() if whose not in ("", TRUTH)}
        ways[name] = {"value": value, "uncertainty": error} | others
    return joined(ways)


EACH = Each("laplacian_each", PAIRS, look=_look, when=lambda way: way.compares and way.side >= 3)


def _restored(evidence: Evidence) -> Compared:
    restored = evidence[RESTORED]
    truth = laplacian_variance(restored.truth)
    value, error = ratio(laplacian_variance(restored.images), truth)
    beside = {whose: ratio(laplacian_variance(x), truth)[0] for whose, x in restored.beside.items()}
    return Compared(value, error, beside=beside)


TRANSLATED = Ingredient("translated_sharpness", make=_measure, needs=(EACH,))
RESTORED_SHARPNESS = Ingredient(
    "restored_sharpness",
    make=_restored,
    needs=(RESTORED,),
    can=lambda evidence: min(known(evidence)[0][1:]) >= 3,
)
RATIO: Either[Compared] = Either(
    "sharpness_ratio", f"{RESTORED.lacking}; or {PAIRS}", of=(RESTORED_SHARPNESS, TRANSLATED)
)

METRICS = {
    "sharpness_ratio": Metric(
        "sharpness of restored or translated images relative to the true images'; below 1 is blurred, above it noise",
        "one",
        (RATIO,),
        lambda e: e[RATIO],
        chooses=False,  # what stands at the right place, it does not ask
    )
}
