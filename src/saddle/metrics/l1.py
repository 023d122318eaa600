"""How far are pixels from the true ones? The mean absolute difference."""

from torch import Tensor

from .blocks import double
from .metric import Metric
from .tones import check_alike, mean_inside
from .translated import PAIRS, Each, beside_truth, score_of


def l1(images: Tensor, truth: Tensor, inside: Tensor | None = None) -> Tensor:
    """Mean |difference| of every image [N, C, H, W] from the true one, both in [-1, 1], as a share of the range: [N].

    0 is the same, 1 is black for white; float64. Values outside of [-1, 1] are clamped. With a mask `inside`
    [N, 1, H, W], the mean is over the pixels that are 1 there, NaN where there is none. UsageError for other shapes.
    """
    check_alike(images, truth)
    return mean_inside((double(images).clamp(-1, 1) - double(truth).clamp(-1, 1)).abs() / 2, inside)


EACH = Each("l1_each", PAIRS, look=beside_truth(l1), when=lambda way: way.compares)

METRICS = {
    "l1": Metric(
        "mean difference of a pixel of translations from the true ones, as a share of the range",
        "lower",
        (EACH,),
        score_of(EACH),
    )
}
