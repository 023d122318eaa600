"""Which scores a run's game and data allow, and how its samples reach the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..base import dist, rng
from ..base.errors import UsageError
from ..base.events import Event
from ..data.source import Split, decoded
from ..layers.resize import resized
from ..metrics.codes import Codes
from ..metrics.evaluation import evaluate
from ..metrics.features import extractor as extractor_named
from ..metrics.intra import Known
from ..metrics.score import Score
from ..metrics.single_image import OneImage
from ..tasks import Classification, Density, Encoding, Game, Sizes, Synthesis, Translation
from ..tasks.single_image import SingleImage

if TYPE_CHECKING:
    from ..data.source import Source

EXTRACTORS = {
    "digits": "digits",
    "digits-inverted": "digits",
    "stacked-digits": "digits",
    "swiss-roll": "pixels",
}  # sources with a judge of their own
WHILE_TRAINING = {
    "digits": ["fid"],
    "digits-inverted": ["accuracy"],
    "stacked-digits": ["stacked_modes"],
    "swiss-roll": ["coverage"],
    "captions": ["attributes"],
    "photos": ["swd"],
}
AT_THE_END = {
    "digits": [
        *("fid", "fid_floor", "fid_multiple", "kid", "precision", "recall", "density", "coverage"),
        *("classes", "copying"),
    ],
    "digits-inverted": ["accuracy", "fid", "kid"],
    "stacked-digits": ["stacked_modes", "stacked_kl"],
    "swiss-roll": ["coverage", "density", "precision", "recall"],
    "captions": [
        *("attributes", "attributes_all", "attribute_size", "attribute_colour", "attribute_shape", "attribute_place"),
        *("attributes_held_out", "attributes_held_out_all"),
    ],
    "photos": ["swd", "swd_floor", "swd_multiple"],
}
SAMPLES = 2000  # that are scored, unless asked otherwise
SAMPLES_OF = {"stacked-digits": 26_000}  # as PacGAN does: equal shares show 865 of 1,000 modes in 2,000 samples
ONLY_TOLD = ("error",)  # scores that choose no checkpoint: labels that chose would measure too well
OF_CLASSES = ("accuracy", "intra_fid_multiple", "intra_diversity", "class_precision", "class_recall")
_SAMPLES_OF_A_CLASS = 20  # so many are needed for scores inside classes that nobody asked for
FLOORS = (10.0, 5.0, 2.5, 1.5)  # multiples of the FID's floor that a run is timed to
_MIXTURES = ("ring", "grid")
_OF_MIXTURES = ["high_quality", "modes", "mode_kl"]
_OF_ONE_IMAGE = ["reconstruction_psnr", "diversity", "diversity_finer", "patch_distance"]
_OF_CODES = ["nn_accuracy", "probe_accuracy", "prior_kid", "prior_kid_train", "reconstruction"]
_DRAWN_OF_ONE = 50  # samples of a game that learned one image


def defaults(game: Game, source: Source, final: bool) -> list[str]:
    """The scores that this game's samples of these data get without being asked; the first one chooses the best."""
    if source.name in _MIXTURES:
        return _OF_MIXTURES
    if isinstance(game, SingleImage):
        return _OF_ONE_IMAGE if final else []  # while scales are still to come, samples are small ones enlarged
    if source.name == "captions" and "caption" not in game.needs:
        return []
    if not final and game.takes_unlabelled and _classes_known(game, source):
        return ["error"]
    names = (AT_THE_END if final else WHILE_TRAINING).get(source.name, []) if source.heldout else []
    if final and names:
        names = [*names, *_of_its_kind(game, source)]
    if final and _classes_known(game, source):
        names = [*names, "error"]
    return [*names, "elbo"] if final and isinstance(game, Density) and source.heldout else names


def _of_its_kind(game: Game, source: Source) -> list[str]:
    """Scores of what this game can do beyond drawing samples."""
    names: list[str] = []
    if isinstance(game, Synthesis) and game.labels:
        told = game.labels == source.spec.classes and "label" in game.needs
        names += OF_CLASSES if told else ["purity"]
    if isinstance(game, Sizes) and source.name == "captions":
        names += ["attributes_smallest"]
    if isinstance(game, Encoding):
        names += ["sharpness", *(_OF_CODES if source.spec.classes else _OF_CODES[2:])]
    return names


def score(
    game: Game,
    source: Source,
    names: list[str] | None = None,
    n: int | None = None,
    extractor: str | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
) -> dict[str, Score]:
    """Scores of n samples of a game, by default as many as its data ask for, against the held-out part of the data.

    UsageError for an unknown metric or one that this game or these data cannot give.
    """
    n = n or SAMPLES_OF.get(source.name, SAMPLES)
    if not names:
        names = defaults(game, source, final=True)
        if n < _SAMPLES_OF_A_CLASS * len(source.spec.classes):
            names = [name for name in names if name not in OF_CLASSES[1:]]
    if not names:
        raise UsageError(
            f"{source.name} has no scores of its own; ask for some, such as --metrics swd, or, with weights of yours, "
            "--metrics fid,kid --extractor inception --weights FILE"
        )
    look = extractor or EXTRACTORS.get(source.name)
    key = "image" if isinstance(game, Synthesis) else game.needs[0]
    found = _codes(game, source, seed) if {*names} & {*_OF_CODES} else None
    with rng.share(dist.rank(), dist.world()):
        rng.seed(seed, "score")
        return evaluate(
            _sampler(game, source),
            _images(source.heldout, key) if source.heldout else None,
            names,
            extractor_named(look, weights, game.device) if look else None,
            n=n if isinstance(game, Synthesis) else len(_columns(source)[game.needs[1]]),
            seed=seed,
            train=_images(source.train, key),
            mixture=_mixture(source.name),
            known=_known(source),
            bounds=_bounds(game, source, seed) if "elbo" in names else None,
            classified=_classified(game, source) if "error" in names else None,
            unseen=_captioned(game, source.heldout) if "caption" in game.needs and source.heldout else None,
            smallest=_smallest(game) if isinstance(game, Sizes) and "caption" in game.needs else None,
            single=_one_image(game, source) if isinstance(game, SingleImage) and {*names} & {*_OF_ONE_IMAGE} else None,
            found=found,
        )


def seconds_to(happened: Iterable[Event], floor: float) -> dict[str, float | None]:
    """Seconds of training until the FID, scored on the way, first was at most 10, 5, 2.5 and 1.5 floors; None: never.

    Nothing at all if it was not scored on the way. The time of a multiple lies between this and the scoring before: the
    seconds are those of the scoring.
    """
    told = [(e["seconds"], e["scores"]["fid"]["value"]) for e in happened if "fid" in (e.get("scores") or {})]
    if not told:
        return {}
    times = {f"{k:g}": [seconds for seconds, fid in told if fid <= k * floor] for k in FLOORS}
    return {k: min(reached, default=None) for k, reached in times.items()}


def _one_image(game: SingleImage, source: Source) -> OneImage:
    """What a game that learned one image makes of it, and a piece of a photograph that it never saw."""
    from ..data.photographs import stranger

    real = source.train.take([0])["image"].to(game.device, game.dtype)
    other = decoded(torch.from_numpy(stranger(source.name, *game.data.shape))).to(real)[None]
    size = game.sizes[-1]
    with torch.no_grad():
        parts = resized(real, size), game.reconstruct(), game.draw(_DRAWN_OF_ONE), game.draw(_DRAWN_OF_ONE, start=1)
    return OneImage(*parts, resized(other, size))


def _sampler(game: Game, source: Source) -> Callable[[int], Tensor | tuple[Tensor, Tensor]]:
    if isinstance(game, Synthesis):
        if game.condition is None:
            return lambda k: game.sample(k).float()

        def labelled(k: int) -> tuple[Tensor, Tensor]:
            label = game.draw_label(k)
            if label is None:  # codes of the game's own: all alike
                label = rng.randint(len(game.labels), k, device=game.device)
            return game.sample(k, label).float(), label

        return labelled
    assert isinstance(game, Translation)
    return _Translated(game, source)


def _captioned(game: Game, split: Split) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Samples for captions that occur in a part of the data, as often as there."""

    def sample(k: int) -> tuple[Tensor, Tensor]:
        places = rng.randint(len(split), k).numpy()
        label = split.stored({"caption": places})["caption"].to(game.device)
        return game.sample(k, label).float(), label  # type: ignore[operator]

    return sample


def _smallest(game: Sizes) -> Callable[[int], tuple[Tensor, Tensor]]:
    """The smallest of the images that a game draws for captions by the distribution of its data."""

    @torch.no_grad()
    def sample(k: int) -> tuple[Tensor, Tensor]:
        label = game.draw_label(k)
        assert label is not None
        return game.images(game.noise(k, label), label)[0].float(), label

    return sample


class _Translated:
    """The held-out images of the second domain, as the first domain, with their labels: k more at each call."""

    def __init__(self, game: Translation, source: Source):
        self.game, self.to, self.start = game, game.needs[0], game.needs[1]
        self.columns, self.place = _columns(source), dist.rank()

    @torch.no_grad()
    def __call__(self, k: int) -> Tensor | tuple[Tensor, Tensor]:
        images = self.columns[self.start]
        index = (torch.arange(k) * dist.world() + self.place) % len(images)
        self.place += k * dist.world()
        shown = {self.start: images[index].to(self.game.device, self.game.dtype)}
        translated = self.game.translate(shown, self.to).float()
        label = self.columns.get(f"label_{self.start}")
        return translated if label is None else (translated, label[index].to(self.game.device))


@torch.no_grad()
def _bounds(game: Game, source: Source, seed: int, chunk: int = 1024) -> Tensor | None:
    """Of the log-likelihood of every held-out image, [N], the same on every process; None if there is no such thing."""
    if not isinstance(game, Density) or source.heldout is None:
        return None
    found = []
    with rng.share(0, 1):
        rng.seed(seed, "bounds")
        for start in range(0, len(source.heldout), chunk):
            batch = source.heldout.take(slice(start, start + chunk))
            moved = {key: x.to(game.device, game.dtype if x.is_floating_point() else None) for key, x in batch.items()}
            found.append(game.bound(moved).float())
    return torch.cat(found)


@torch.no_grad()
def _codes(game: Game, source: Source, seed: int) -> Codes | None:
    """z of every image, the same on every process, without the class that a code may end in; None of other games."""
    if not (isinstance(game, Encoding) and isinstance(game, Synthesis)) or source.heldout is None:
        return None
    z_dim = game.options.z_dim  # type: ignore[attr-defined]
    with rng.share(0, 1):
        rng.seed(seed, "codes")
        (train, _, train_labels), (heldout, errors, labels) = (
            _encoded(game, s) for s in (source.train, source.heldout)
        )
        prior = game.noise(4 * len(heldout)).float()
    return Codes(train[:, :z_dim], heldout[:, :z_dim], prior[:, :z_dim], errors, train_labels, labels)


def _encoded(game: Encoding, split: Split, chunk: int = 1024) -> tuple[Tensor, Tensor, Tensor | None]:
    """Codes [N, K], the mean squared errors [N] of the images made of them, and their classes [N] if they have some."""
    codes, errors = [], []
    for start in range(0, len(split), chunk):
        batch = split.take(slice(start, start + chunk))
        image = batch["image"].to(game.device, game.dtype)
        label = batch["label"].to(game.device) if game.encodes_with_label else None
        codes.append(game.encode(image, label).float())
        errors.append((game.reconstruct(image, label) - image).float().square().flatten(1).mean(1))
    labels = split.take(slice(None))["label"].to(game.device) if game.data.classes else None
    return torch.cat(codes), torch.cat(errors), labels


def _classes_known(game: Game, source: Source) -> bool:
    """Does the game classify, and are the classes of held-out images known?"""
    known = source.heldout is not None and "label" in source.heldout.columns and bool(source.spec.classes)
    return known and isinstance(game, Classification) and bool(game.classifies)


@torch.no_grad()
def _classified(game: Game, source: Source, chunk: int = 1024) -> tuple[Tensor, Tensor] | None:
    """What the game says of the held-out images with a label, log p [M, K], and their labels [M]; None if nothing."""
    if not (isinstance(game, Classification) and _classes_known(game, source)):
        return None
    assert source.heldout is not None
    found, labels = [], []
    for start in range(0, len(source.heldout), chunk):
        batch = source.heldout.take(slice(start, start + chunk))
        known = batch["label"] >= 0
        found.append(game.classify(batch["image"][known].to(game.device, game.dtype)).float())
        labels.append(batch["label"][known])
    return torch.cat(found), torch.cat(labels)


def _known(source: Source) -> Known | None:
    """The classes of held-out and training images; None if they are not known."""
    if source.heldout is None or not source.spec.classes or "label" not in source.spec.keys:
        return None
    heldout, train = (torch.from_numpy(part.columns["label"][:]) for part in (source.heldout, source.train))
    return Known(source.spec.classes, heldout, train)


def _columns(source: Source) -> dict[str, Tensor]:
    return (source.heldout or source.train).take(slice(None))


def _images(split: Split, key: str, chunk: int = 1024) -> Iterable[Tensor]:
    """The images of one key in chunks, as often as they are asked for."""

    class Chunks:
        def __iter__(self) -> Iterator[Tensor]:
            for start in range(0, len(split.columns[key]), chunk):
                yield split.batch({key: torch.arange(start, min(start + chunk, len(split.columns[key]))).numpy()})[key]

    return Chunks()


def _mixture(name: str) -> tuple[Tensor, float] | None:
    from ..data import points

    if name not in _MIXTURES:
        return None
    centres, std = points.modes(name)
    return torch.as_tensor(centres), std
