"""Is a score as unsure as it says? Stated errors over the true deviation, in redraws of samples from a known
distribution.

`python -m benchmarks.errors [--counts 500,2000] [--redraws 100] [--references 1] [--law mixture] [--only fid,kid]`

An error is that of the samples, with the references, as many as samples, held fixed. `--references 5` draws five sets
of them, and the true deviation is that inside of a set, over all five; the last column is what the score deviates where
references are drawn anew as well, of which no stated error tells. Floors are those of training samples, which are drawn
anew with the samples. The distribution is a mixture of ten Gaussians of 16 features, or `skewed`: ten classes, one
ten times as frequent as another, of features that are correlated and skewed, with long tails. Samples lie a little off
it. A ratio of 1 is right; one from 100 redraws is itself unsure by 7 %, and by more where tails are long.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks import errors_of_pairs
from saddle.metrics import classes, fid, inception_score, intra, kid, modes, nearest, prdc, sharpness, swd
from saddle.metrics.multiple import multiple
from saddle.metrics.uncertainty import share_error

KINDS, WIDTH, OFF = 10, 16, 0.1
SHARED_OUT = 2000  # samples of which the rarest class of the skewed distribution surely has six
RARE = 250  # modes, of which some are drawn seldom
Estimates = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Draw:
    """Features [N, 16], the kind that each is of [N], and what a classifier that errs says of it [N, 10]."""

    features: Tensor
    kinds: Tensor
    logits: Tensor

    @classmethod
    def of(cls, count: int, seed: int, off: float = 0.0, law: str = "mixture") -> "Draw":
        chance = torch.Generator().manual_seed(seed)
        fixed = torch.Generator().manual_seed(99)
        centres = 1.5 * torch.randn(KINDS, WIDTH, generator=fixed)
        if law == "mixture":
            kinds = torch.randint(KINDS, (count,), generator=chance)
            noise = torch.randn(count, WIDTH, generator=chance)
        else:
            kinds = torch.multinomial(1 / torch.arange(1.0, KINDS + 1), count, replacement=True, generator=chance)
            mixing = torch.randn(WIDTH, WIDTH, generator=fixed) / WIDTH**0.5
            noise = (
                (torch.empty(count, WIDTH).exponential_(generator=chance) - 1) @ (torch.eye(WIDTH) + mixing) / 2**0.5
            )
        features = centres[kinds] + (1 - off) * noise + off / 2
        blurred = features + 2.5 * torch.randn(count, WIDTH, generator=chance)
        return cls(features, kinds, -torch.cdist(blurred, centres).square() / 4)


def _kid(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    return {"kid": kid.kid(real.features, fake.features, seed=seed)}


def _fid(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    value, floor = (fid.fid(real.features, x.features) for x in (fake, train))
    return {"fid": value, "fid_floor": floor, "fid_multiple": multiple(value, floor, len(real.features))[:2]}


def _swd(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    value, floor = (swd.swd(real.features, x.features) for x in (fake, train))
    ratio = multiple(value, floor, len(real.features))
    return {"swd": value[:2], "swd_floor": floor[:2], "swd_multiple": ratio[:2]}


def _shape(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    return vars(prdc.prdc(real.features, fake.features))


def _classes(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    return {
        "inception_score": inception_score.inception_score(fake.logits, seed=seed)[:2],
        "classes": classes.rarest_class(fake.logits),
        "accuracy": classes.conditional_accuracy(fake.logits, fake.kinds),
        "purity": classes.purity(fake.logits, fake.kinds),
        "information": classes.information(fake.logits, fake.kinds),
    }


def _modes(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    rare = (fake.features[:, 0].abs() * 40).long() % RARE
    good = fake.features[:, 1] > 0
    return {
        "modes": modes.covered(rare, RARE),
        "mode_kl": modes.mode_kl(fake.kinds, KINDS),
        "high_quality": (float(good.double().mean()), share_error(float(good.double().mean()), len(good))),
    }


def _inside(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    names = [str(kind) for kind in range(KINDS)]
    of_fakes, of_train = (intra.pairs(real.features, real.kinds, x.features, x.kinds, names) for x in (fake, train))
    value = intra.intra_fid(of_fakes)
    return {
        "intra_fid": value[:2],
        "intra_fid_multiple": multiple(value, intra.intra_fid(of_train), len(real.features))[:2],
        "intra_diversity": intra.intra_diversity(of_fakes)[:2],
        "class_precision": intra.worst_precision(of_fakes)[:2],
        "class_recall": intra.worst_recall(of_fakes)[:2],
    }


def _others(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    once = Draw.of(len(real.features), 1)  # what copying compares with is held fixed
    return {
        "copying": nearest.copying(fake.features, once.features, real.features),
        "sharpness": sharpness.sharpness(fake.features[:, 0].square(), real.features[:, 0].square()),
    }


def _paired(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    return errors_of_pairs.paired(fake.features, torch.Generator().manual_seed(seed))


def _identity(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    return errors_of_pairs.identity(fake.features, torch.Generator().manual_seed(seed))


def _detection(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    return errors_of_pairs.detection(fake.features, torch.Generator().manual_seed(seed))


def _coded(real: Draw, fake: Draw, train: Draw, seed: int) -> Estimates:
    return errors_of_pairs.coded(fake.features, fake.kinds, real.features, real.kinds)


MEASURES: dict[str, Callable[[Draw, Draw, Draw, int], Estimates]] = {
    "fid": _fid,
    "kid": _kid,
    "swd": _swd,
    "shape": _shape,
    "classes": _classes,
    "modes": _modes,
    "inside": _inside,
    "others": _others,
    "paired": _paired,
    "identity": _identity,
    "detection": _detection,
    "coded": _coded,
}


@dataclass(frozen=True)
class Ratio:
    """Of a score its mean, its true deviation with the references held fixed, the mean of the errors that it states,
    and its deviation over all redraws, of references too.
    """

    score: str
    mean: float
    true: float
    stated: float
    redrawn: float


def ratios(
    count: int,
    redraws: int,
    only: Sequence[str] = tuple(MEASURES),
    law: str = "mixture",
    references: int = 1,
) -> Iterator[Ratio]:
    """Of each score of `redraws` draws in all, of each of so many sets of references alike."""
    found: dict[str, list[list[tuple[float, float]]]] = {}
    for at in range(references):
        real = Draw.of(count, 100_000 * at, law=law)
        for seed in range(at * redraws // references, (at + 1) * redraws // references):
            fake, train = Draw.of(count, 1000 + seed, OFF, law), Draw.of(count, 5000 + seed, law=law)
            for name in only:
                for score, estimate in MEASURES[name](real, fake, train, seed).items():
                    found.setdefault(score, [[] for _ in range(references)])[at].append(estimate)
    for score, sets in found.items():
        values, errors = torch.tensor(sets, dtype=torch.float64).movedim(2, 0)
        true = float(values.var(1).mean().sqrt())
        yield Ratio(score, float(values.mean()), true, float(errors.mean()), float(values.std()))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.errors", description=__doc__.splitlines()[0])
    parser.add_argument("--counts", default="500,2000", help="samples, and references; by default 500,2000")
    parser.add_argument("--redraws", type=int, default=100, help="by default 100")
    parser.add_argument("--references", type=int, default=1, help="sets of them; by default 1")
    parser.add_argument("--law", choices=("mixture", "skewed"), default="mixture", help="by default mixture")
    parser.add_argument("--only", default=",".join(MEASURES), help=f"some of {', '.join(MEASURES)}")
    args = parser.parse_args(argv)
    print("| distribution | samples and references | score | mean | true deviation | stated error | ratio | redrawn |")
    print("|" + " --- |" * 8)
    for count in map(int, args.counts.split(",")):
        for name in args.only.split(","):
            if name == "inside" and args.law == "skewed" and count < SHARED_OUT:
                continue  # a class has too few to be looked into
            for each in ratios(count, args.redraws, [name], args.law, args.references):
                numbers = f"{each.true:.3g} | {each.stated:.3g} | {each.stated / each.true:.2f} | {each.redrawn:.3g}"
                print(f"| {args.law} | {count:,} | `{each.score}` | {each.mean:.4g} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
