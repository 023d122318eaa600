"""Draw samples once, look at them once, and compute every score that is asked for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from .. import dist
from ..errors import SaddleError, UsageError
from . import attributes, classes, codes, modes, single_image
from .codes import Codes
from .digits import triples
from .features import Extractor
from .features import extractor as extractor_named
from .fid import fid
from .inception_score import inception_score
from .intra import INSIDE, Detailed, Known, Pairs, intra_fid, multiple, pairs
from .kid import kid, rests_on
from .names import Metric, chosen
from .nearest import copying
from .prdc import Shape, prdc
from .reference import Reference, content_hash
from .score import Fingerprint, Score
from .sharpness import laplacian_energy, sharpness
from .single_image import OneImage

Sample = Callable[[int], Tensor | tuple[Tensor, Tensor]]
Images = Tensor | Iterable[Tensor] | Reference
Estimate = tuple[float, float]
SUBSETS, SPLITS = 100, 10
_OWN = {
    "modes",
    "single",
    "codes",
    "edges",
    "classified",
    "captions",
    "unseen",
    "smallest",
}  # needs that no extractor looks at


def evaluate(
    sample: Sample,
    real: Images | None,
    names: Sequence[str],
    extractor: Extractor | str | None = "digits",
    *,
    n: int = 2000,
    batch: int = 250,
    seed: int = 0,
    reference: str = "held-out",
    train: Images | None = None,
    mixture: tuple[Tensor, float] | None = None,
    bounds: Tensor | None = None,
    single: OneImage | None = None,
    found: Codes | None = None,
    classified: tuple[Tensor, Tensor] | None = None,
    unseen: Sample | None = None,
    smallest: Sample | None = None,
    known: Known | None = None,
) -> dict[str, Score]:
    """The scores of those names for `n` samples against `real`, the part of the data that was not trained on.

    `sample(k)` draws k more images [k, C, H, W] in [-1, 1] or points [k, D], or (images, the labels int64 [k] they were
    drawn for); `train` is what was trained on; `mixture` is (centres [K, D], std) of points with known modes; `bounds`
    are those of the log-likelihood of held-out images, [N]; `single` is what a game drew that learned one image;
    `found` are the codes of images; `classified` is (log p [M, K], labels int64 [M]), what a game that classifies says
    of held-out images; `known` are the classes of the real images; `unseen(k)` draws as `sample` does, for captions
    that were held out; `smallest(k)` for any caption, the smallest images that the game draws.
    UsageError for an unknown name and for a metric that these cannot give. With several processes all call it alike:
    each draws its share of every batch, as `rng.share` divides it, and all get the same scores. `seed` is that of the
    random subsets and splits; how the samples are seeded is the caller's.
    """
    metrics = chosen(names)
    look = extractor_named(extractor) if isinstance(extractor, str) else extractor
    needs = {need for metric in metrics.values() for need in metric.needs}
    given: dict[str, object] = {"real": real, "train": train, "modes": mixture, "bounds": bounds, "single": single}
    given |= {"codes": found, "code_labels": found and found.train_labels, "edges": _edges(real, needs)}
    given["classified"] = classified
    given |= {"known": known, "unseen": unseen, "smallest": smallest}
    _check(metrics, look, given)
    material = Material(
        seen=_draw(sample, n, batch, look, needs) if "samples" in needs else {},
        real=_reference(real, look, reference) if "real" in needs else None,
        train=_reference(train, look, "train") if "train" in needs else None,
        mixture=mixture,
        bounds=bounds,
        single=single,
        found=found,
        edges=given["edges"],  # type: ignore[arg-type]
        classified=classified,
        unseen=_draw(unseen, n, batch, None, {"captions"}) if unseen and "unseen" in needs else {},
        smallest=_draw(smallest, n, batch, None, {"captions"}) if smallest and "smallest" in needs else {},
        known=known,
        seed=seed,
    )
    return {name: _score(name, metric, material, look) for name, metric in metrics.items()}


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
    "elbo": lambda m: {"reference_count": len(m.bounds)},  # type: ignore[arg-type]
    "error": lambda m: {"reference_count": len(m.classified[1])},  # type: ignore[index]
}


def _score(name: str, metric: Metric, material: Material, look: Extractor | None) -> Score:
    value, error, *details = COMPUTE[name](material)
    return Score(name, value, error, metric.better, _fingerprint(name, metric, material, look), *details)


def _fingerprint(name: str, metric: Metric, material: Material, look: Extractor | None) -> Fingerprint:
    """Everything that the score depends on but the samples."""
    entries: Fingerprint = {"seed": material.seed}
    if "samples" in metric.needs:
        entries["samples"] = len(next(iter(material.seen.values())))
    for need in {"unseen", "smallest"} & set(metric.needs):
        entries["samples"] = len(getattr(material, need)["found"])
    if look is not None and not _OWN & set(metric.needs):
        entries |= {"extractor": look.name, "extractor_hash": look.hash, "resize": look.resize}
    if material.real is not None and "real" in metric.needs:
        real = material.real
        entries |= {"reference": real.label, "reference_count": real.count, "reference_hash": real.hash}
    if material.train is not None and "train" in metric.needs:
        entries |= {"train_count": material.train.count, "train_hash": material.train.hash}
    if material.mixture is not None and "modes" in metric.needs:
        centres, std = material.mixture
        entries |= {"mixture_hash": content_hash([centres]), "mixture_count": len(centres), "mixture_std": std}
    if material.single is not None and "single" in metric.needs:
        entries |= {"image_hash": content_hash([material.one.real]), "samples": len(material.one.samples)}
        entries |= {"other_hash": content_hash([material.one.other])}
    return entries | SETTINGS.get(name, lambda m: {})(material)


_REASONS = {
    "real": "real images to compare with, and none are given",
    "train": "the images that were trained on, and they are not given",
    "modes": "points drawn from a mixture whose modes are known (ring, grid), and this data has no known modes",
    "bounds": "a game that bounds the likelihood of images (vae, cvae), and held-out images",
    "codes": "a game that encodes images (vae, bigan, aae, …), and held-out images",
    "code_labels": "codes of images whose classes are known",
    "edges": "real images to compare with, and none are given",
    "features": "a feature extractor, and none is given",
    "logits": "an extractor that is a classifier ('digits', 'inception')",
    "classified": "a game that classifies (acgan, sgan), and held-out images whose classes are known",
    "known": "held-out images whose classes are known",
    "single": "a game that learned one image, such as singan",
    "digits": "the extractor 'digits'",
    "stacked": "the extractor 'digits'",
    "smallest": "a game that draws the data 'captions' at several sizes (stackgan, stackgan-v2)",
    "unseen": "a game that is told captions, and the data 'captions', some of which are held out",
}


def _check(metrics: dict[str, Metric], look: Extractor | None, given: dict[str, object]) -> None:
    """Before anything is drawn: does the data, and does the extractor, give what each metric needs?"""
    digits = look is not None and look.name == "digits"
    can = {need: thing is not None for need, thing in given.items()}
    can |= {"features": look is not None, "logits": look is not None and look.name != "pixels"}
    can |= {"digits": digits, "stacked": digits}
    for name, metric in metrics.items():
        for need in metric.needs:
            if not can.get(need, True):
                raise UsageError(f"the metric '{name}' needs {_REASONS[need]}")


def _reference(images: Images | None, look: Extractor | None, label: str) -> Reference | None:
    if images is None or look is None or isinstance(images, Reference):
        return images if isinstance(images, Reference) else None
    return Reference.of(images, look, label)


def _edges(images: Images | None, needs: set[str]) -> Tensor | None:
    """What `laplacian_energy` says of real images, where that is needed and there are any.  [N]"""
    if "edges" not in needs or images is None or isinstance(images, Reference):
        return None
    return torch.cat([laplacian_energy(part) for part in ([images] if isinstance(images, Tensor) else images)])


@torch.no_grad()
def _draw(sample: Sample, n: int, batch: int, look: Extractor | None, needs: set[str]) -> dict[str, Tensor]:
    """What is needed of `n` samples, drawn `batch` at a time by all processes together, in the order of the ranks."""
    if n < 2 or batch < 1:
        raise UsageError(f"scores of {n} samples, {batch} at a time: at least 2 samples, 1 at a time, are needed")
    parts: list[dict[str, Tensor]] = []
    for start in range(0, n, batch):
        share = -(-min(batch, n - start) // dist.world())
        drawn = sample(share)
        images, labels = drawn if isinstance(drawn, tuple) else (drawn, None)
        if len(images) != share:
            raise SaddleError(f"{share} samples were asked for and {len(images)} were drawn")
        seen = _look(images, labels, look, needs)
        parts.append({key: dist.gather(value)[: n - start][:batch] for key, value in seen.items()})
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}


def _look(images: Tensor, labels: Tensor | None, look: Extractor | None, needs: set[str]) -> dict[str, Tensor]:
    """What is needed of these samples, by name."""
    seen: dict[str, Tensor] = {}
    if look is not None and needs & {"features", "logits", "digits"}:
        seen = {key: value for key, value in look(images)._asdict().items() if value is not None}
    seen |= _as_asked(images, labels, needs)
    if "modes" in needs:
        seen["points"] = _of_shape(images, "modes are looked for among points [N, D]", images.ndim == 2)
    if "edges" in needs:
        seen["edges"] = laplacian_energy(images)
    if look is not None and "stacked" in needs:
        stacked = images.ndim == 4 and images.shape[1] == 3
        seen["triples"] = triples(look, _of_shape(images, "stacked digits are images of three channels", stacked))
    return seen


def _as_asked(images: Tensor, labels: Tensor | None, needs: set[str]) -> dict[str, Tensor]:
    """What is needed of samples and of the labels or captions that they were drawn for, by name."""
    if "labels" in needs and labels is None:
        raise UsageError("this metric needs samples drawn for a label or a code, and these have none")
    seen = {"labels": labels} if "labels" in needs and labels is not None else {}
    if "captions" not in needs:
        return seen
    if labels is None or labels.ndim != 2:
        raise UsageError("this metric needs samples drawn for captions, and these have none")
    return seen | {"found": attributes.shown(images), "wanted": attributes.asked(labels)}


def _of_shape(images: Tensor, wanted: str, right: bool) -> Tensor:
    if not right:
        raise UsageError(f"{wanted}, and the samples are of shape {tuple(images.shape[1:])}")
    return images
