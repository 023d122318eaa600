"""Is what was bright bright again? If the data do not ask for it, a game that turns light into dark has gone wrong.

Losses without pairs allow it: a negative comes back as well as a positive does.
"""

import torch
from torch import Tensor

from ..layers.resize import resized
from .blocks import double
from .evidence import Evidence
from .metric import Compared, Metric
from .tones import grey
from .translated import TRANSLATIONS, Each, Turned, Way, joined
from .uncertainty import mean_error

TRUE, DOMAINS = "true pairs", "mean images"  # what stands beside: of pairs, else of the two domains' mean images
CLEARLY = (
    -0.2
)  # below it a correlation is negative for certain; half of that will do where pairs tell what it should be
SURE = 2.0  # standard errors


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's, over pixels, of the grey values of images [N, C, H, W] and [N, C', H', W']: float64 [N].

    The first are brought to the size of the second. NaN where one of them is flat.
    """
    a, b = grey(double(resized(a, b.shape[2:]))), grey(double(b))
    a, b = (x.flatten(1) for x in (a, b))
    a, b = (x - x.mean(1, keepdim=True) for x in (a, b))
    spread = a.norm(dim=1) * b.norm(dim=1)
    product = (a * b).sum(1) / spread
    return torch.where(spread > 1e-9 * a.shape[1], product, torch.nan)


def _look(turned: Turned) -> dict[str, Tensor]:
    found = {"": correlation(turned.given, turned.made)}
    return found if turned.truth is None else found | {TRUE: correlation(turned.given, turned.truth)}


def _measure(evidence: Evidence) -> Compared:
    ways, notes = {}, []
    for way in evidence[TRANSLATIONS].ways:
        if way.name not in evidence[EACH]:
            continue
        kept = {whose: _mean(values) for whose, values in evidence[EACH][way.name].items()}
        if TRUE not in kept and way.means is not None:
            kept[DOMAINS] = _mean(correlation(*way.means()))
        notes += [inverted(way.name, kept)]
        (value, error), *_ = kept.values()
        ways[way.name] = {"value": value, "uncertainty": error} | {w: x for w, (x, _) in kept.items() if w}
    found = joined(ways)
    return found._replace(note=" ".join(note for note in notes if note))


def inverted(way: str, kept: dict[str, tuple[float, float]]) -> str:
    """Of a way whose translations turn light into dark where the data do not: what to know of it; else nothing.

    `kept` are correlations with their standard errors: "" of translations, and of true pairs or of mean images.
    """
    found, error = kept[""]
    if TRUE in kept:
        true, spread = kept[TRUE]
        if found + SURE * error < CLEARLY / 2 and true - SURE * spread > 0:
            return _said(way, "are inverted", found, f"that of true pairs by {true:.2f}")
        return ""
    domains = kept.get(DOMAINS, (float("nan"), 0.0))[0]
    if found < CLEARLY and not domains < CLEARLY:
        return _said(way, "may be inverted", found, "and nothing in the data asks for it")
    return ""


def _said(way: str, how: str, found: float, beside: str) -> str:
    return (
        f"Translations, {way}, {how}: what is bright becomes dark. Their brightness correlates with that of the input "
        f"by {found:.2f}, {beside}. Another seed may help, and so may an identity loss where the game has one."
    )


def _mean(values: Tensor) -> tuple[float, float]:
    """Their mean with its standard error; what is not a number is left out."""
    values = values[~values.isnan()]
    if not len(values):
        return float("nan"), float("nan")
    return float(values.mean()), mean_error(values)


def _sees(way: Way) -> bool:
    """Labels that are asked for may change the brightness."""
    return all(way.pictures) and way.start != way.to


EACH = Each("luminance_each", "a game that translates images to images, and held-out ones", look=_look, when=_sees)

METRICS = {
    "luminance": Metric(
        "correlation of brightness of images and their translations; below 0, light has become dark",
        "none",
        (EACH,),
        _measure,
        chooses=False,  # data may ask for the opposite
    )
}
