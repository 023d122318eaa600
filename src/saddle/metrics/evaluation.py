"""Draw samples once, look at them once, and compute every score that is asked for."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from ..base.errors import UsageError
from .codes import Codes
from .drawing import Sample, draw
from .features import Extractor
from .features import extractor as extractor_named
from .intra import Known
from .material import COMPUTE, SETTINGS, Material
from .names import Metric, chosen
from .reference import Reference, content_hash
from .score import Fingerprint, Score
from .sharpness import laplacian_energy
from .single_image import OneImage
from .swd import all_patches

Images = Tensor | Iterable[Tensor] | Reference
_OWN = {
    "modes",
    "single",
    "codes",
    "edges",
    "patches",
    "train_patches",
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
    given |= {
        "codes": found,
        "code_labels": found and found.train_labels,
        "edges": _looked(real, "edges" in needs, _energies),
    }
    given["classified"] = classified
    given |= {"known": known, "unseen": unseen, "smallest": smallest}
    given["patches"] = _looked(real, "patches" in needs, all_patches)
    given["train_patches"] = _looked(train, "train_patches" in needs, all_patches)
    _check(metrics, look, given)
    material = Material(
        seen=draw(sample, n, batch, look, needs) if "samples" in needs else {},
        real=_reference(real, look, reference) if "real" in needs else None,
        train=_reference(train, look, "train") if "train" in needs else None,
        mixture=mixture,
        bounds=bounds,
        single=single,
        found=found,
        edges=given["edges"],  # type: ignore[arg-type]
        patches=given["patches"],  # type: ignore[arg-type]
        train_patches=given["train_patches"],  # type: ignore[arg-type]
        classified=classified,
        unseen=draw(unseen, n, batch, None, {"captions"}) if unseen and "unseen" in needs else {},
        smallest=draw(smallest, n, batch, None, {"captions"}) if smallest and "smallest" in needs else {},
        known=known,
        seed=seed,
    )
    return {name: _score(name, metric, material, look) for name, metric in metrics.items()}


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
    "patches": "real images to compare with, and none are given",
    "train_patches": "the images that were trained on, and they are not given",
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


def _looked(images: Images | None, needed: bool, look: Callable[[Iterable[Tensor]], Tensor]) -> Tensor | None:
    """What `look` makes of real images as they are, where that is needed and there are any."""
    if not needed or images is None or isinstance(images, Reference):
        return None
    return look([images] if isinstance(images, Tensor) else images)


def _energies(images: Iterable[Tensor]) -> Tensor:
    return torch.cat([laplacian_energy(part) for part in images])
