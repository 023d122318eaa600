"""The scores of trivial answers on the held-out part of a source, which a trained game should beat."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import UsageError
from ..base.telling import now
from ..layers.averaging import LEVELS, MOST_CHANNELS, ColourTable, mean_image
from ..layers.simple_detectors import area, enlarged
from ..spec import SEEN, Batch, Field
from . import module_of, open_source
from .anomalies import detectors
from .options import DataOptions
from .source import Source, Split

MOST = 1000  # pairs that a baseline is fitted to, and that it is scored on; evenly spaced
_PART = 100  # pairs at a time
_SAYS = {
    "PCA-32": "what 32 principal directions of up to 1,000 normal images do not explain",
    "mean image": "the distance from the mean of these",
    "1-NN": "the distance from the nearest of these",
}

Predictor = Callable[[Tensor], Tensor]  # samples of one key → what is predicted for the other


@dataclass(frozen=True)
class Baseline:
    """A trivial answer and its score on the held-out part.

    A source's file may have a function `baselines(source, options)` that gives several; without one `of_pairs` does.
    """

    name: str  # such as "copy"
    says: str  # what it does
    value: float
    unit: str  # dB, what it is a percentage of, or the name of an area from 0 to 1


@dataclass(frozen=True)
class Labelled:
    """Labelled images of one domain, the first `trained` of them to train on, the others held out."""

    title: str  # such as "inverted digits"
    images: NDArray[np.float64]  # [N, …] in [0, 1]
    labels: NDArray[np.int64]  # [N]
    trained: int


def baselines(options: DataOptions) -> list[Baseline]:
    """Those of the source that the options name. UsageError where there is nothing to compare."""
    source = open_source(options)
    own = getattr(module_of(options), "baselines", None)
    found = list(own(source, options) if own else of_pairs(source) or of_detectors(source))
    if not found:
        raise UsageError(
            f"{source.name} has no pairs of a and b in a held-out part, no defects there, and no baselines of its own, "
            "so there is nothing to compare; there is for pairs of images or maps, some of which are held out "
            "(data.heldout), and for normal and defective images"
        )
    return found


def of_pairs(source: Source, start: str = "a", to: str = "b") -> list[Baseline]:
    """Baselines of translations from one key to another, scored on the held-out pairs; [] where there are none.

    Images are scored by their PSNR, maps by the share of pixels that have the right class. A table is fitted to pairs,
    and left out where the training part has none.
    """
    fields, heldout = source.spec.fields, source.heldout
    if heldout is None or not _paired(heldout, start, to) or fields[to].kind not in ("image", "map"):
        return []
    first, last = fields[start], fields[to]
    answers: list[tuple[str, str, Predictor]] = []
    if _fits(first, last):
        answers.append(("copy", "the input as it is", _copy(last)))
    answers.append(_mean(source.train, to, last))
    if _paired(source.train, start, to) and _tabled(first) and first.shape[-2:] == last.shape[-2:]:
        answers.append(_table(source.train, start, to, first, last))
    unit = "dB" if last.kind == "image" else "% of the pixels right"
    scored = ((name, says, *_score(heldout, start, to, last, answer)) for name, says, answer in answers)
    return [Baseline(name, says + left_out, value, unit) for name, says, value, left_out in scored]


def of_detectors(source: Source, key: str = "image") -> list[Baseline]:
    """How well simple detectors, which saw normal training images, find held-out defects; [] where there are none.

    Images are distinguished from normal ones by their mean squared errors, and so are pixels, where it is known which
    belong to a defect: AUROC, 0.5 is chance.
    """
    held = source.heldout
    if held is None or not {key, "defect"} <= held.columns.keys():
        return []
    whole = held.batch({name: np.arange(len(held)) for name in (key, "defect", "mask") if name in held.columns})
    defective, found = whole["defect"] > 0, list[Baseline]()
    if defective.all() or not defective.any():
        return []
    for name, detector in detectors(source.train, key).items():
        scores, maps = detector(whole[key])
        found.append(Baseline(name, _SAYS[name], area(scores, defective), "image AUROC"))
        if "mask" in whole:
            inside = whole["mask"].flatten() > 0
            maps = enlarged(maps.float(), tuple(whole["mask"].shape[-2:]))
            found.append(Baseline(name, "the same, pixel by pixel", area(maps.flatten(), inside), "pixel AUROC"))
    return found


def of_classifiers(first: Labelled, other: Labelled) -> list[Baseline]:
    """How well the labels of one domain serve the other: support vector machines (RBF, C = 10, gamma = "scale").

    They see what is held out of the other domain: trained on the first, and trained on its own labels. The first
    domain's own score says what the best translation could reach.
    """
    return [
        Baseline(f"SVC {at.title} → {on.title}", f"trained on {at.title}, shown {on.title}", told(at, on), "% right")
        for at, on in ((first, first), (first, other), (other, other))
    ]


def told(at: Labelled, on: Labelled) -> float:
    """Percentage of the one's held-out samples that a machine trained on the other classifies right."""
    from sklearn.svm import SVC

    now(f"training a classifier on {at.title}")
    machine = SVC(C=10, gamma="scale").fit(at.images[: at.trained].reshape(at.trained, -1), at.labels[: at.trained])
    shown = on.images[on.trained :]
    return 100 * float(machine.score(shown.reshape(len(shown), -1), on.labels[on.trained :]))


def _paired(split: Split, *keys: str) -> bool:
    return any({*keys} <= {*domain} for domain in split.domains)


def _fits(first: Field, last: Field) -> bool:
    """Can the one stand for the other? Grey images can for colours."""
    if last.kind == "map":
        return (first.kind, first.shape, first.names) == (last.kind, last.shape, last.names)
    return first.kind == "image" and first.shape[1:] == last.shape[1:] and first.shape[0] in (1, last.shape[0])


def _copy(last: Field) -> Predictor:
    return lambda x: x.expand(-1, *last.shape) if last.kind == "image" else x


def _mean(train: Split, to: str, last: Field) -> tuple[str, str, Predictor]:
    """The mean image of the training part, or the map of every pixel's commonest class."""
    mean = mean_image(last.as_planes(batch[to]) for batch in _parts(train, (to,)))[0]
    said = mean if last.kind == "image" else mean.argmax(0)
    what = "the mean image" if last.kind == "image" else "each pixel's commonest class"
    return f"mean {last.kind}", f"{what} of up to {MOST:,} training samples", lambda x: said.expand(len(x), *said.shape)


def _tabled(first: Field) -> bool:
    """Is there a table that says something for every pixel there could be?"""
    return first.kind in SEEN and (first.kind != "image" or first.shape[0] <= MOST_CHANNELS)


def _table(train: Split, start: str, to: str, first: Field, last: Field) -> tuple[str, str, Predictor]:
    """For each colour or class what it is in the training pairs: the mean colour, or the commonest class.

    A colour that no pair has becomes the mean of its neighbourhood.
    """
    classes = {"map": len(first.names), "mask": 2}.get(first.kind)
    table = ColourTable(first.planes, last.planes, classes)

    def rows(x: Tensor) -> Tensor:
        return x[:, 0].long() if first.kind == "mask" else x

    for batch in _parts(train, (start, to)):
        table.show(rows(batch[start]), last.as_planes(batch[to]))

    def answer(x: Tensor) -> Tensor:
        planes = table(rows(x))
        return planes if last.kind == "image" else planes.argmax(1)

    what = {"image": "colour", "map": "class", "mask": "value"}[first.kind]
    becomes = "mean colour" if last.kind == "image" else "commonest class"
    of = f" ({LEVELS} levels of each channel)" if first.kind == "image" else ""
    return f"{what} table", f"for each {what}{of} its {becomes} in up to {MOST:,} training pairs", answer


def _score(heldout: Split, start: str, to: str, last: Field, answer: Predictor) -> tuple[float, str]:
    """The mean over images of decibels, or of the percentage of pixels that are right, and what it leaves out.

    Decibels as the metric `psnr` has them of translations: of whole numbers from 0 to 255, identical images left out.
    """
    parts = []
    for batch in _parts(heldout, (start, to)):
        said, truth = answer(batch[start]), batch[to]
        if last.kind == "map":
            parts.append(100 * (said == truth).double().flatten(1).mean(1))
        else:
            error = (_levels(said) - _levels(truth)).square().flatten(1).mean(1)
            parts.append(10 * torch.log10(255**2 / error))
    each = torch.cat(parts)
    finite = each[each.isfinite()]
    if len(finite) == len(each):
        return float(each.mean()), ""
    left_out = f"; {len(each) - len(finite):,} of {len(each):,} are identical and left out"
    return float(finite.mean() if len(finite) else each.mean()), left_out if len(finite) else "; all are identical"


def _levels(x: Tensor) -> Tensor:
    """Values in [-1, 1] as a saved picture has them, 0 to 255."""
    return ((x.double().clamp(-1, 1) + 1) * 127.5).round()


def _parts(split: Split, keys: tuple[str, ...]) -> Iterator[Batch]:
    """Samples of these keys, which belong together, some at a time."""
    n = len(split.columns[keys[0]])
    places = np.linspace(0, n - 1, min(n, MOST)).round().astype(np.int64)
    for part in range(0, len(places), _PART):
        yield split.batch(dict.fromkeys(keys, places[part : part + _PART]))
