"""FID, KID and SWD of every way: translations beside held-out images of their target domain.

Beside each stand training images of the target, as many as were translated: what real images score. And the input as it
is: what doing nothing scores. A score is the mean over the ways.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from .evidence import Evidence
from .fid import fid, left_out, with_error
from .ingredients import EXTRACTOR
from .kid import SUBSETS, kid
from .metric import Compared, Metric
from .reference import Reference
from .swd import DIRECTIONS, OF_AN_IMAGE, PATCH, all_patches, patches, swd
from .translated import INPUT, TRANSLATIONS, Each, Turned, Way, joined

REAL = "training images"  # of the target
Distance = Callable[[Tensor, Tensor], tuple[float, ...]]  # of real images and others: value, error


def _features(turned: Turned) -> dict[str, Tensor]:
    look = turned.tools["extractor"]
    return {whose: look(images).features.cpu() for whose, images in _compared(turned).items()}


def _patches(turned: Turned) -> dict[str, Tensor]:
    return {whose: patches(images, seed=turned.number) for whose, images in _compared(turned).items()}


def _compared(turned: Turned) -> dict[str, Tensor]:
    """A mean image and a table of colours are for pairs: as a set, the first is one image many times."""
    return {"": turned.made} | {whose: images for whose, images in turned.beside.items() if whose == INPUT}


def _by_features(evidence: Evidence, distance: Distance, beside: Distance | None = None) -> Compared:
    look = evidence[EXTRACTOR]

    def seen(images: object, label: str) -> Tensor:
        return Reference.of(images, look, label).seen.features.cpu()  # type: ignore[arg-type]

    return _measured(evidence, FEATURES, seen, distance, beside)


def _by_patches(evidence: Evidence) -> Compared:
    return _measured(
        evidence,
        PATCHES,
        lambda images, label: all_patches(images),  # type: ignore[arg-type]
        lambda real, other: swd(real, other, evidence.seed)[:2],
    )


def _measured(
    evidence: Evidence,
    view: Each,
    look: Callable[[object, str], Tensor],
    distance: Distance,
    beside: Distance | None = None,  # the same of what stands beside, whose error nobody asks for
) -> Compared:
    translations, kept, ways = evidence[TRANSLATIONS], evidence[view], {}
    for way in translations.ways:
        if way.name not in kept:
            continue
        real = look(way.real(translations.reals(way)), "held-out")
        value, error, *_ = distance(real, kept[way.name][""])
        ways[way.name] = {"value": value, "uncertainty": error}
        if not translations.early:
            others = kept[way.name] | {REAL: look(way.train(translations.count(way)), "train")}
            ways[way.name] |= {whose: (beside or distance)(real, x)[0] for whose, x in others.items() if whose}
    return joined(ways)


def _makes_pictures(way: Way) -> bool:
    return way.pictures[1]


FEATURES = Each(
    "translated_features",
    "a game that translates to images, and held-out ones",
    needs=(EXTRACTOR,),
    look=_features,
    when=_makes_pictures,
)
PATCHES = Each(
    "translated_patches",
    f"a game that translates to images of {PATCH} pixels or more, and held-out ones",
    look=_patches,
    when=lambda way: way.pictures[1] and way.side >= PATCH,
)

METRICS = {
    "translation_fid": Metric(
        "Fréchet distance of translations to held-out images of their target",
        "lower",
        (TRANSLATIONS, EXTRACTOR, FEATURES),
        lambda e: _by_features(e, lambda real, x: fid(real, x, with_error(e, x)), partial(fid, error=False)),
        lambda e: next((left_out(e, way[""]) for way in e[FEATURES].values()), {}),
    ),
    "translation_kid": Metric(
        "kernel distance of translations to held-out images of their target, unbiased",
        "lower",
        (TRANSLATIONS, EXTRACTOR, FEATURES),
        lambda e: _by_features(e, lambda real, other: kid(real, other, SUBSETS, seed=e.seed)),
        lambda e: {"subsets": SUBSETS},
    ),
    "translation_swd": Metric(
        "distance of translations' patches to those of held-out images of their target, mean over scales, × 1,000",
        "lower",
        (PATCHES,),
        _by_patches,
        lambda e: {"patches": OF_AN_IMAGE, "directions": DIRECTIONS},
    ),
}
