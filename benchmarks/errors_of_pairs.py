"""Draws for the errors of scores that look at held-out images alone: restored, judged, coded. See benchmarks.errors."""

from collections.abc import Callable

import torch
from torch import Tensor

from saddle.metrics import alarms, auroc, codes, localised, probe, psnr, rank1, ssim
from saddle.metrics.detected import Detected, compared
from saddle.metrics.ingredients import ReferenceLabels
from saddle.metrics.l1 import l1
from saddle.metrics.restored import Measure
from saddle.metrics.traits import Traits
from saddle.metrics.translated import over_ways
from saddle.metrics.uncertainty import share_error
from saddle.spec import Condition

Estimates = dict[str, tuple[float, float]]
SIDE, PLACES, PEOPLE = 12, 8, 50  # pixels of a side; places of a map's side; people, of whom one image each is known


def paired(features: Tensor, chance: torch.Generator) -> Estimates:
    """Images made of features [N, 16], and the same under more or less noise."""
    mixing = torch.randn(16, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) / 8
    truth = torch.einsum("nf,fhw->nhw", features, mixing).tanh()[:, None]
    noise = features[:, 0].abs()[:, None, None, None] * torch.randn(truth.shape, generator=chance) / 10
    images = (truth + noise).clamp(-1, 1)
    looks: dict[str, Measure] = {
        "psnr": psnr.psnr,
        "psnr_y": psnr.saved_psnr,
        "ssim": ssim.ssim,
        "l1": l1,
        "lpips": lambda a, b: (a - b)[..., ::2, ::2].square().mean((1, 2, 3)).sqrt(),  # a distance for each image
    }
    return {name: over_ways({"": {"": look(images, truth)}})[:2] for name, look in looks.items()}


def identity(features: Tensor, chance: torch.Generator) -> Estimates:
    """People of whom one image is known, and N others of them."""
    gallery = torch.randn(PEOPLE, 16, generator=torch.Generator().manual_seed(4))
    who = torch.randint(PEOPLE, (len(features),), generator=chance)
    seen = gallery[who] + 0.6 * features
    unit = torch.nn.functional.normalize(torch.cat([gallery, seen]).double(), dim=1)
    right = rank1.right(unit, unit, torch.cat([torch.arange(PEOPLE), who]), torch.arange(PEOPLE))
    return {"rank1": (float(right.mean()), share_error(float(right.mean()), len(right)))}


def detection(features: Tensor, chance: torch.Generator) -> Estimates:
    """Images of which three in ten have a defect of one to nine pixels, which stands out more or less."""
    n = len(features)
    defective = torch.rand(n, generator=chance) < 0.3
    rows, columns = (torch.randint(1, PLACES - 1, (n,), generator=chance) for _ in range(2))
    reach, at = torch.randint(2, (n, 1, 1), generator=chance), torch.arange(PLACES)
    near = [(at - middle[:, None]).abs() for middle in (rows, columns)]
    masks = (near[0][:, :, None] <= reach) & (near[1][:, None, :] <= reach) & defective[:, None, None]
    strength = 1 + features[:, :1, None].abs()
    maps = torch.randn(n, PLACES, PLACES, generator=chance).abs() + masks * strength
    scores = maps.flatten(1).topk(3).values.mean(1)
    found = Detected(scores, defective, maps[:, None], masks[:, None])
    whole = {
        "average_precision": lambda of: alarms.average_precision(of.scores, of.defective),
        "f1_max": lambda of: alarms.best_f1(of.scores, of.defective)[0],
        "pixel_auroc": lambda of: localised.pixel_auroc(of.maps, of.masks),
        "aupro": lambda of: localised.aupro(of.maps, of.masks),
    }
    return {
        "auroc": auroc.auroc(scores, defective),
        "recall_1": alarms.recall(scores, defective, 0.01),
        "recall_5": alarms.recall(scores, defective, 0.05),
        **{name: compared(name, found, measure)[:2] for name, measure in whole.items()},
    }


def coded(features: Tensor, kinds: Tensor, learn: Tensor, classes: Tensor) -> Estimates:
    """Codes of N held-out images beside codes of training images with their classes, which are held fixed.

    They are four of the features, so that classes lie one over the other.
    """
    features, learn = features[:, :4], learn[:, :4]
    known = ReferenceLabels(tuple("0123456789"), kinds, classes)
    prior = torch.randn(2000, 4, generator=torch.Generator().manual_seed(6))
    errors = features.square().mean(1)
    read = codes.Codes(learn, features, prior, errors)
    ask = probe.Known(features, kinds[:, None])
    return {
        "nn_accuracy": codes.nn_accuracy(read, known),
        "probe_accuracy": codes.probe_accuracy(read, known),
        "prior_kid": codes.prior_kid(read, subsets=20),
        "reconstruction": codes.reconstruction(read),
        "probe_content": probe.asked(_probe(learn, classes), ask, TEN)[:2],
    }


def _probe(learn: Tensor, classes: Tensor) -> Callable[[Tensor], Tensor]:
    """Learned once of the same codes: for minutes a hundred times would be the most of it."""
    if not any(torch.equal(learn, kept) for kept, _ in _learned):
        _learned[:] = [(learn, probe.probe(probe.Known(learn, classes[:, None]), TEN, 0))]
    return _learned[0][1]


TEN = Traits(Condition("class", tuple("0123456789")))
_learned: list[tuple[Tensor, Callable[[Tensor], Tensor]]] = []
