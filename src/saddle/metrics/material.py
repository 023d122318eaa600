"""What the metrics are made of, and how each is made of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from torch import Tensor

from ..base.errors import SaddleError, UsageError
from . import attributes, classes, codes, modes, single_image
from .codes import Codes
from .fid import fid
from .inception_score import inception_score
from .intra import INSIDE, Detailed, Known, Pairs, intra_fid, multiple, pairs
from .kid import kid, rests_on
from .nearest import copying
from .prdc import Shape, prdc
from .reference import Reference, content_hash
from .score import Fingerprint
from .sharpness import sharpness
from .single_image import OneImage
from .swd import DIRECTIONS, OF_AN_IMAGE, swd

Estimate = tuple[float, float]
SUBSETS, SPLITS = 100, 10


@dataclass
class Material:
    """What the metrics are made of; what several share is computed once."""

    seen: dict[str, Tensor]  # features, logits, labels, points, triples of the samples
    real: Reference | None
    train: Reference | None
    mixture: tuple[Tensor, float] | None
    bounds: Tensor | None
    single: OneImage | None
    found: Codes | None
    edges: Tensor | None
    patches: Tensor | None  # of real images
    train_patches: Tensor | None
    classified: tuple[Tensor, Tensor] | None
    unseen: dict[str, Tensor]  # found and wanted attributes of samples for held-out captions
    smallest: dict[str, Tensor]  # likewise of the smallest images
    known: Known | None
    seed: int

    @property
    def fake(self) -> Tensor:
        return self.seen["features"]

    @property
    def real_features(self) -> Tensor:
        assert self.real is not None
        return self.real.seen.features

    @property
    def train_features(self) -> Tensor:
        assert self.train is not None
        return self.train.seen.features

    @cached_property
    def fid(self) -> Estimate:
        return fid(self.real_features, self.fake)

    @cached_property
    def floor(self) -> Estimate:
        return fid(self.real_features, self.train_features)

    @cached_property
    def multiple(self) -> Estimate:
        """Its error is that of the samples' FID: the floor is a constant of the data."""
        floor = self.floor[0]
        if floor < 1e-9:  # rounding leaves about 1e-13 of an exact 0
            raise SaddleError("the FID of the training part is 0: it and the held-out part are the same images")
        return self.fid[0] / floor, self.fid[1] / floor

    @cached_property
    def inside(self) -> Pairs:
        """By class, features of the held-out images and of the samples."""
        assert self.known is not None
        return pairs(self.real_features, self.known.real, self.fake, self.seen["labels"], self.known.names)

    @cached_property
    def intra_multiple(self) -> Detailed:
        assert self.known is not None
        if self.known.train is None:
            raise UsageError("the metric 'intra_fid_multiple' needs the classes of the training images")
        floor = pairs(self.real_features, self.known.real, self.train_features, self.known.train, self.known.names)
        return multiple(intra_fid(self.inside), intra_fid(floor))

    @cached_property
    def shape(self) -> Shape:
        return prdc(self.real_features, self.fake)

    @cached_property
    def assigned(self) -> tuple[Tensor, Tensor]:
        assert self.mixture is not None
        return modes.assign(self.seen["points"], *self.mixture)

    @property
    def mode(self) -> Tensor:
        """Mode of every point of high quality."""
        mode, good = self.assigned
        return mode[good]

    @property
    def one(self) -> OneImage:
        assert self.single is not None
        return self.single

    @property
    def codes(self) -> Codes:
        assert self.found is not None
        return self.found

    @property
    def sharpness(self) -> Estimate:
        assert self.edges is not None
        return sharpness(self.seen["edges"], self.edges)

    @cached_property
    def swd(self) -> Detailed:
        assert self.patches is not None
        return swd(self.patches, self.seen["patches"], self.seed)

    @cached_property
    def swd_floor(self) -> Detailed:
        assert self.patches is not None
        assert self.train_patches is not None
        return swd(self.patches, self.train_patches, self.seed)

    @property
    def swd_multiple(self) -> Detailed:
        """Its error is that of the samples' distance, as that of FID's multiple."""
        return multiple(self.swd, self.swd_floor)

    @property
    def error(self) -> Estimate:
        assert self.classified is not None
        return classes.error(*self.classified)

    @property
    def elbo(self) -> Estimate:
        assert self.bounds is not None
        return float(self.bounds.mean()), float(self.bounds.std()) / len(self.bounds) ** 0.5

    @property
    def mode_count(self) -> int:
        assert self.mixture is not None
        return len(self.mixture[0])


def _attributes(name: str, material: Material) -> Estimate:
    return attributes.METRICS[name](material.seen["found"], material.seen["wanted"])


def _inside(name: str, material: Material) -> Detailed:
    return INSIDE[name](material.inside)


def _rests_on_patches(material: Material) -> Fingerprint:
    assert material.patches is not None
    entries: Fingerprint = {"patches": OF_AN_IMAGE, "directions": DIRECTIONS}
    return entries | {"reference_count": len(material.patches), "reference_hash": content_hash([material.patches])}


COMPUTE: dict[str, Callable[[Material], Estimate | Detailed]] = {
    "fid": lambda m: m.fid,
    "fid_floor": lambda m: m.floor,
    "fid_multiple": lambda m: m.multiple,
    "kid": lambda m: kid(m.real_features, m.fake, SUBSETS, seed=m.seed),
    "inception_score": lambda m: inception_score(m.seen["logits"], SPLITS, m.seed),
    "precision": lambda m: m.shape.precision,
    "recall": lambda m: m.shape.recall,
    "density": lambda m: m.shape.density,
    "coverage": lambda m: m.shape.coverage,
    "copying": lambda m: copying(m.fake, m.train_features, m.real_features),
    "classes": lambda m: classes.rarest_class(m.seen["logits"]),
    "accuracy": lambda m: classes.conditional_accuracy(m.seen["logits"], m.seen["labels"]),
    "error": lambda m: m.error,
    "purity": lambda m: classes.purity(m.seen["logits"], m.seen["labels"]),
    "information": lambda m: classes.information(m.seen["logits"], m.seen["labels"]),
    "sharpness": lambda m: m.sharpness,
    "swd": lambda m: m.swd,
    "swd_floor": lambda m: m.swd_floor,
    "swd_multiple": lambda m: m.swd_multiple,
    "nn_accuracy": lambda m: codes.nn_accuracy(m.codes),
    "probe_accuracy": lambda m: codes.probe_accuracy(m.codes),
    "prior_kid": lambda m: codes.prior_kid(m.codes, "heldout", SUBSETS, m.seed),
    "prior_kid_train": lambda m: codes.prior_kid(m.codes, "train", SUBSETS, m.seed),
    "reconstruction": lambda m: codes.reconstruction(m.codes),
    **{name: partial(_inside, name) for name in INSIDE},
    "intra_fid_multiple": lambda m: m.intra_multiple,
    "modes": lambda m: modes.covered(m.mode, m.mode_count),
    "high_quality": lambda m: modes.high_quality(m.assigned[1]),
    "mode_kl": lambda m: modes.mode_kl(m.mode, m.mode_count),
    "elbo": lambda m: m.elbo,
    "stacked_modes": lambda m: modes.covered(m.seen["triples"], modes.STACKED),
    "stacked_kl": lambda m: modes.mode_kl(m.seen["triples"], modes.STACKED),
    "reconstruction_psnr": lambda m: single_image.reconstruction_psnr(m.one),
    "diversity": lambda m: single_image.diversity(m.one.samples, m.one.real),
    "diversity_finer": lambda m: single_image.diversity(m.one.finer, m.one.real),
    "patch_distance": lambda m: single_image.patch_distance(m.one),
    **{name: partial(_attributes, name) for name in attributes.METRICS},
    "attributes_held_out": lambda m: attributes.share_right(m.unseen["found"], m.unseen["wanted"]),
    "attributes_smallest": lambda m: attributes.share_right(m.smallest["found"], m.smallest["wanted"]),
    "attributes_held_out_all": lambda m: attributes.all_right(m.unseen["found"], m.unseen["wanted"]),
}

SETTINGS: dict[str, Callable[[Material], Fingerprint]] = {
    "kid": lambda m: rests_on(m.real_features, m.fake, SUBSETS),
    "inception_score": lambda m: {"splits": SPLITS},
    **dict.fromkeys(("precision", "recall", "class_precision", "class_recall"), lambda m: {"k": 3}),
    **dict.fromkeys(("density", "coverage"), lambda m: {"k": 5}),
    **dict.fromkeys(
        ("nn_accuracy", "probe_accuracy"),
        lambda m: {"train_count": len(m.codes.train), "reference_count": len(m.codes.heldout)},
    ),
    "prior_kid": lambda m: rests_on(m.codes.prior, m.codes.heldout, SUBSETS),
    "prior_kid_train": lambda m: rests_on(m.codes.prior, m.codes.train, SUBSETS),
    "reconstruction": lambda m: {"reference_count": len(m.codes.heldout)},
    "sharpness": lambda m: {"reference_count": len(m.edges)},  # type: ignore[arg-type]
    **dict.fromkeys(("swd", "swd_floor", "swd_multiple"), _rests_on_patches),
    "elbo": lambda m: {"reference_count": len(m.bounds)},  # type: ignore[arg-type]
    "error": lambda m: {"reference_count": len(m.classified[1])},  # type: ignore[index]
}
