"""What needs no GAN: scores of trivial answers, beside which docs/scores.md puts those of games.

python tools/baselines.py > docs/baselines.json
"""

import json

import torch
from torch import Tensor

from saddle.data import DataOptions, open_source
from saddle.data.augmentation import Augmentation
from saddle.data.source import Split
from saddle.metrics.attributes import all_right, asked, share_right, shown
from saddle.metrics.codes import Codes, nn_accuracy, prior_kid, probe_accuracy, reconstruction
from saddle.metrics.extractors import extractor
from saddle.metrics.fid import fid
from saddle.metrics.ingredients import ReferenceLabels


def whole(split: Split | None, key: str, most: int | None = None) -> tuple[Tensor, Tensor]:
    """All images of a part, or as many, and their labels or captions."""
    assert split is not None
    batch = split.take(slice(most))
    return batch["image"], batch[key]


def of_digits() -> dict[str, dict[str, float]]:
    source = open_source(DataOptions(source="digits", size=16))
    (train, train_labels), (heldout, labels) = whole(source.train, "label"), whole(source.heldout, "label")
    logits = extractor("digits")(heldout).logits
    assert logits is not None
    guess = logits.argmax(1)
    errors = (heldout - train.mean(0)).square().flatten(1).mean(1)
    pixels = Codes(train.flatten(1), heldout.flatten(1), heldout.flatten(1), errors)
    known = ReferenceLabels(source.spec.classes, labels, train_labels)
    _, few = whole(open_source(DataOptions(source="digits", size=16, labelled=10)).train, "label")
    ten = ReferenceLabels(source.spec.classes, labels, few)
    commonest = float(labels.bincount().max() / len(labels))
    return {
        "2,000 training images, drawn at random with replacement": {"fid_multiple": of_copies(train, heldout)},
        "the same, scaled by up to 5 %": {
            "fid_multiple": of_copies(train, heldout, Augmentation(scale=0.05, outside="black"), 20)
        },
        "real held-out digits": {"accuracy": share(guess == labels)},
        "real held-out digits under each other's labels": {"accuracy": share(guess == labels.roll(1))},
        "one code for all digits": {"purity": commonest},
        "always the commonest digit": {"error": 1 - commonest},
        "the nearest of ten labelled images of each digit, by its pixels": {"error": 1 - nn_accuracy(pixels, ten)[0]},
        "the nearest of all training images, by its pixels": {"error": 1 - nn_accuracy(pixels, known)[0]},
        "the pixels themselves": {
            "nn_accuracy": nn_accuracy(pixels, known)[0],
            "probe_accuracy": probe_accuracy(pixels, known)[0],
        },
        "the mean image": {"reconstruction": reconstruction(pixels)[0]},
        "8 principal components": of_components(8, pixels, known),
    }


def of_copies(train: Tensor, heldout: Tensor, moves: Augmentation = Augmentation(), draws: int = 200) -> float:  # noqa: B008
    """FID in multiples of the floor of a game that has memorised its images: the mean of many draws."""
    look = extractor("digits")
    real, trained = look(heldout).features, look(train).features
    chosen, found = torch.Generator().manual_seed(0), []
    for draw in range(draws):
        index = torch.randint(len(trained), (2000,), generator=chosen)
        seen = look(moves.chosen(draw, "image", 0, 2000)(train[index])).features if moves else trained[index]
        found.append(fid(real, seen)[0])
    return sum(found) / draws / fid(real, trained)[0]


def of_components(k: int, pixels: Codes, labels: ReferenceLabels) -> dict[str, float]:
    """Codes that are the pixels' principal components in the training part, in their deviations."""
    mean = pixels.train.mean(0)
    _, values, ways = torch.linalg.svd(pixels.train - mean, full_matrices=False)
    scale = values[:k] / len(pixels.train) ** 0.5
    train, heldout = ((x - mean) @ ways[:k].T / scale for x in (pixels.train, pixels.heldout))
    errors = (heldout * scale @ ways[:k] + mean - pixels.heldout).square().mean(1)
    prior = torch.randn(4 * len(heldout), k, generator=torch.Generator().manual_seed(0))
    codes = Codes(train, heldout, prior, errors)
    return {
        "nn_accuracy": nn_accuracy(codes, labels)[0],
        "probe_accuracy": probe_accuracy(codes, labels)[0],
        "prior_kid": prior_kid(codes)[0],
        "prior_kid_train": prior_kid(codes, "train")[0],
        "reconstruction": reconstruction(codes)[0],
    }


def of_captions() -> dict[str, dict[str, float]]:
    images, captions = whole(open_source(DataOptions(source="captions")).heldout, "caption", 1200)
    found, wanted = shown(images), asked(captions)
    others = wanted[torch.randperm(len(wanted), generator=torch.Generator().manual_seed(0))]
    return {
        f"drawings of {name}": {"attributes": share_right(found, of)[0], "attributes_all": all_right(found, of)[0]}
        for name, of in (("the captions", wanted), ("each other's captions", others))
    }


def share(right: Tensor) -> float:
    return float(right.double().mean())


if __name__ == "__main__":
    print(json.dumps(of_digits() | of_captions(), indent=1))
