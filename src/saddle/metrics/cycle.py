"""Does an image come back when it is translated there and back? Does one of the target domain stay as it is?

Zhu, Park, Isola, Efros, 2017, https://arxiv.org/abs/1703.10593. Coming back says that nothing is lost, not that the
translation is right: a picture may hide in another one (Chu, Zhmoginov, Sandler, 2017,
https://arxiv.org/abs/1712.02950).
"""

from torch import Tensor

from .l1 import l1
from .metric import Metric
from .psnr import saved_psnr
from .translated import Each, Turned, score_of


def _back(turned: Turned) -> dict[str, Tensor]:
    assert turned.back is not None
    return {"": saved_psnr(turned.back(), turned.given)}


def _kept(turned: Turned) -> dict[str, Tensor]:
    assert turned.kept is not None
    before, after = turned.kept()
    return {"": l1(after, before)}


EACH_BACK = Each(
    "back",
    "a game that translates images there and back again, and held-out ones",
    look=_back,
    when=lambda way: way.returns and way.pictures[0],
)
EACH_KEPT = Each(
    "kept",
    "a game that learns without pairs, and held-out images of as many channels in both domains",
    look=_kept,
    when=lambda way: way.keeps,
)

METRICS = {
    "cycle_psnr": Metric(
        "decibels between held-out images and what comes back of them, there and back again",
        "higher",
        (EACH_BACK,),
        score_of(EACH_BACK),
    ),
    "identity_change": Metric(
        "by how much images change that are of the target domain already, as a share of the range",
        "lower",
        (EACH_KEPT,),
        score_of(EACH_KEPT),
    ),
}
