"""Do translations look like the image that is to be their style, and do they still show what their input shows?

Each held-out image is translated with the style of another one. The mean colours of results are to follow those of the
styles (Park et al., 2019, Section 3.3, https://arxiv.org/abs/1903.07291); where labels are known, results are to show
the style's labels and the class of their own input.
"""

import torch
from torch import Tensor

from .attributes_changed import LABEL_READER
from .blocks import double
from .evidence import Evidence
from .judged import CLASS_LESSONS, taught
from .metric import Compared, Metric
from .reading import Reader
from .translated import INPUT, Each, Turned, over_ways, pooled

WITHOUT = "without a style"  # stands beside
STYLE = "the style itself"  # and this: the label reader's result for it
SPREAD = 1e-6  # of a mean colour, relative to half the range, below which nothing is said of it


def mean_colour(images: Tensor) -> Tensor:
    """Of every image [N, C, H, W] in [-1, 1]: float64 [N, C]."""
    return double(images).clamp(-1, 1).mean((2, 3))


def following(rows: Tensor) -> float:
    """Pearson's correlation over images of two colours [N, 2, C], mean over channels that vary; NaN if none does."""
    centred = rows - rows.mean(0)
    norms = centred.norm(dim=0)
    varies = (norms / len(rows) ** 0.5 > SPREAD).all(0)
    each = centred.prod(1).sum(0)[varies] / norms.prod(0)[varies]
    return float(each.mean()) if varies.any() else float("nan")


def _colours(turned: Turned) -> dict[str, Tensor]:
    style = mean_colour(turned.swapped.style)
    images = {"": turned.swapped.made, WITHOUT: turned.made}
    return {whose: torch.stack([mean_colour(x), style], 1) for whose, x in images.items()}


def _labels(turned: Turned) -> dict[str, Tensor]:
    """Which share of the style's labels each image shows."""
    reads: Reader = turned.tools["label_reader"]
    wanted = reads.traits.values(turned.swapped.of("label"))
    images = {"": turned.swapped.made, INPUT: turned.given, STYLE: turned.swapped.style}
    same = {w: torch.where(wanted < 0, torch.nan, double(reads.read(x) == wanted)) for w, x in images.items()}
    return {whose: values.nanmean(1) for whose, values in same.items()}


def _classes(turned: Turned) -> dict[str, Tensor]:
    assert turned.way is not None
    assert turned.labels is not None
    judge = taught(turned.tools, turned.way)
    return {w: judge.right(x, turned.labels) for w, x in (("", turned.swapped.made), (INPUT, turned.given))}


def _follow(evidence: Evidence) -> Compared:
    return pooled(evidence[COLOURS], following)


STYLED = "a game whose translations can have the style of an image"
COLOURS = Each(
    "style_colours", f"{STYLED}, and held-out ones", look=_colours, when=lambda way: way.styled and way.start != way.to
)
LABELS = Each(
    "swapped_labels",
    f"{STYLED}, and held-out ones with labels, trained on too",
    needs=(LABEL_READER,),
    look=_labels,
    when=lambda way: way.styled and way.start == way.to and "label" in way.columns,
)
CLASSES = Each(
    "swapped_classes",
    f"{STYLED}, and held-out and training images whose classes are known",
    needs=(CLASS_LESSONS,),
    look=_classes,
    when=lambda way: way.styled and way.start == way.to and way.labelled and way.taught,
)

METRICS = {
    "style_following": Metric(
        "correlation of the mean colour of translations with that of the image that is their style",
        "higher",
        (COLOURS,),
        _follow,
    ),
    "swap_attributes": Metric(
        "share of the labels of a style that its translations show, as a classifier trained for it reads them",
        "higher",
        (LABELS,),
        lambda e: over_ways(e[LABELS]),
    ),
    "swap_labels": Metric(
        "share of translations with another image's style that show the class of their input",
        "higher",
        (CLASSES,),
        lambda e: over_ways(e[CLASSES]),
        chooses=False,
    ),
}
