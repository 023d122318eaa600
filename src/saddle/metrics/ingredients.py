"""What many metrics are made of: samples, real data, and what an extractor sees in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..base.errors import UsageError
from .drawing import Drawn, Sample, Sampler
from .evidence import Evidence, Ingredient, Seen
from .features import Extractor
from .ranges import checked
from .reference import Reference
from .score import Fingerprint

Images = Tensor | Iterable[Tensor] | Reference


@dataclass(frozen=True)
class ReferenceLabels:
    """The classes of real images, -1 where unknown."""

    names: Sequence[str]
    real: Tensor  # int64 [N]
    train: Tensor | None = None  # int64 [T]


def chunks(images: Images) -> Iterator[Tensor]:
    """Real images as they are, in chunks. UsageError for values outside of [-1, 1].  Yields [n, C, H, W]."""
    assert not isinstance(images, Reference)
    for chunk in [images] if isinstance(images, Tensor) else images:
        yield checked(chunk, "the references")


def again(images: Images | None) -> Images | None:
    """Real images that can be read more than once: those of an iterator are held in memory."""
    if images is None or isinstance(images, Tensor | Reference):
        return images
    return list(images) if iter(images) is images else images


def count_of(images: Images, most: int) -> int:
    """How many real images there are, as far as `most`: no more chunks are read than that takes."""
    if isinstance(images, Reference):
        return images.count
    count = 0
    for chunk in [images] if isinstance(images, Tensor) else images:
        count += len(chunk)
        if count >= most:
            break
    return count


NOT_KEPT = "; a reference that is kept holds what was seen in them, and not the images"


def are_images(name: str) -> Any:
    """Are those of that name images, of which anything can be found out? A reference holds their features alone."""
    return lambda evidence: not isinstance(evidence.given[name], Reference)


def _looks(extractor: Extractor, evidence: Evidence) -> Fingerprint:
    return {"extractor": extractor.name, "extractor_hash": extractor.hash, "resize": extractor.resize}


def _logits(drawn: Drawn) -> Tensor:
    logits = drawn.features.logits
    if logits is None:
        raise UsageError(f"the extractor '{drawn.extractor and drawn.extractor.name}' names no classes")
    return logits


def _labels(drawn: Drawn) -> Tensor:
    if drawn.labels is None:
        raise UsageError("this metric needs samples drawn for a label or a code, and these have none")
    return drawn.labels


def _reference(name: str, label: str | None) -> Any:
    def make(evidence: Evidence) -> Reference:
        images, extractor = evidence[_GIVEN[name]], evidence[EXTRACTOR]
        return images if isinstance(images, Reference) else Reference.of(images, extractor, label or evidence.reference)

    return make


def drawn_for(*conditions: str) -> Any:
    """Are the samples drawn for one of these, as far as is known beforehand?"""

    def can(evidence: Evidence) -> bool:
        sample = evidence.given["samples"]
        return not isinstance(sample, Sampler) or sample.condition in conditions

    return can


def _is_digits(evidence: Evidence) -> bool:
    return evidence.given["extractor"].name == "digits"


SAMPLES: Ingredient[Sample] = Ingredient(
    "samples", "a game that draws samples", entries=lambda _, evidence: {"samples": evidence.n}
)
ANY = "'pixels' is for any images, and judges colours and coarse shapes (--extractor pixels)"
EXTRACTOR: Ingredient[Extractor] = Ingredient(
    "extractor", f"a feature extractor, and none is given; {ANY}", entries=_looks
)
FEATURES = Seen("features", of=SAMPLES, needs=(EXTRACTOR,), look=lambda drawn: drawn.features.features)
LOGITS = Seen(
    "logits",
    "an extractor that is a classifier ('digits', 'inception')",
    of=SAMPLES,
    needs=(EXTRACTOR,),
    can=lambda evidence: evidence.given["extractor"].classifies,
    look=_logits,
)
DIGITS = Seen("digits", "the extractor 'digits'", of=SAMPLES, needs=(EXTRACTOR,), can=_is_digits, look=_logits)
LABELS = Seen(
    "labels",
    "samples drawn for a label or a code, and these have none",
    of=SAMPLES,
    can=drawn_for("class"),
    look=_labels,
)

REAL: Ingredient[Images] = Ingredient("real", "real images to compare with, and none are given")
TRAIN: Ingredient[Images] = Ingredient("train", "the images that were trained on, and they are not given")
_GIVEN = {"real": REAL, "train": TRAIN}
REFERENCE: Ingredient[Reference] = Ingredient(
    "reference",
    make=_reference("real", None),
    needs=(EXTRACTOR, REAL),
    entries=lambda real, _: {"reference": real.label, "reference_count": real.count, "reference_hash": real.hash},
)
TRAINED: Ingredient[Reference] = Ingredient(
    "trained",
    make=_reference("train", "train"),
    needs=(EXTRACTOR, TRAIN),
    entries=lambda train, _: {"train_count": train.count, "train_hash": train.hash},
)
REFERENCE_LABELS: Ingredient[ReferenceLabels] = Ingredient(
    "reference_labels", "held-out images whose classes are known"
)
