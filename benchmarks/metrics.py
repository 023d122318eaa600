"""FID, KID, precision and recall beside torch-fidelity, pytorch-fid, torchmetrics and prdc, on the same features.

python -m benchmarks.metrics [--samples 5000] [--features 2048] [--turns 3] [--only fid]

Each is computed in a process of its own, with one thread. Prints a table: seconds of the processor, and megabytes at
most beside the features. Who cannot be imported here is named below it. The features are made up.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from .__main__ import processor
from .memory import peak

GOAL = 1.2  # times the seconds of the fastest
Measure = Callable[[Tensor, Tensor], float]  # of real features [N, D] and of others


def fid_saddle(real: Tensor, fake: Tensor, error: bool = False) -> float:
    from saddle.metrics.fid import fid

    return fid(real, fake, error)[0]


def fid_pytorch_fid(real: Tensor, fake: Tensor) -> float:
    import numpy as np
    from pytorch_fid.fid_score import calculate_frechet_distance

    a, b = ((x.mean(0), np.cov(x, rowvar=False)) for x in (real.numpy(), fake.numpy()))
    return float(calculate_frechet_distance(*a, *b))


def fid_torch_fidelity(real: Tensor, fake: Tensor) -> float:
    from torch_fidelity import metric_fid as its

    a, b = its.fid_features_to_statistics(fake), its.fid_features_to_statistics(real)
    return next(iter(its.fid_statistics_to_metric(a, b, False).values()))


def fid_torchmetrics(real: Tensor, fake: Tensor) -> float:
    from torchmetrics.image.fid import FrechetInceptionDistance

    return _torchmetrics(FrechetInceptionDistance(feature=_identity(real)), real, fake)


def kid_saddle(real: Tensor, fake: Tensor, error: bool = False) -> float:
    from saddle.metrics.kid import kid

    return kid(real, fake, size=_subset(real), error=error)[0]


def kid_torch_fidelity(real: Tensor, fake: Tensor) -> float:
    from torch_fidelity.metric_kid import kid_features_to_metric

    told = kid_features_to_metric(fake, real, kid_subset_size=_subset(real), verbose=False)
    return told["kernel_inception_distance_mean"]


def kid_torchmetrics(real: Tensor, fake: Tensor) -> float:
    from torchmetrics.image.kid import KernelInceptionDistance

    return _torchmetrics(KernelInceptionDistance(feature=_identity(real), subset_size=_subset(real)), real, fake)


def prdc_saddle(real: Tensor, fake: Tensor) -> float:
    from saddle.metrics.prdc import prdc

    return prdc(real, fake, precision_k=5).precision[0]


def prdc_prdc(real: Tensor, fake: Tensor) -> float:
    from prdc import compute_prdc

    return float(compute_prdc(real.numpy(), fake.numpy(), 5)["precision"])


def prdc_torch_fidelity(real: Tensor, fake: Tensor) -> float:
    from torch_fidelity.metric_prc import prc_features_to_metric

    return prc_features_to_metric(fake, real, prc_neighborhood=5, verbose=False)["precision"]


def _subset(real: Tensor) -> int:
    return min(1000, len(real) // 2)


def _identity(real: Tensor) -> torch.nn.Module:
    """An extractor for torchmetrics that gives what it is given."""
    module = torch.nn.Identity()
    module.num_features = real.shape[1]  # type: ignore[assignment]
    return module


def _torchmetrics(metric: Any, real: Tensor, fake: Tensor) -> float:
    metric.update(real, real=True)
    metric.update(fake, real=False)
    value = metric.compute()
    return float(value[0] if isinstance(value, tuple) else value)


MEASURES: dict[str, dict[str, Measure]] = {
    "fid": {
        "saddle": fid_saddle,
        "saddle, with its error": partial(fid_saddle, error=True),
        "pytorch-fid": fid_pytorch_fid,
        "torch-fidelity": fid_torch_fidelity,
        "torchmetrics": fid_torchmetrics,
    },
    "kid": {
        "saddle": kid_saddle,
        "saddle, with its error": partial(kid_saddle, error=True),
        "torch-fidelity": kid_torch_fidelity,
        "torchmetrics": kid_torchmetrics,
    },
    "precision, recall, density, coverage": {
        "saddle": prdc_saddle,
        "prdc": prdc_prdc,
        "torch-fidelity (the first two)": prdc_torch_fidelity,
    },
}


def features(samples: int, width: int) -> tuple[Tensor, Tensor]:
    """Two sets that are at least 0 and lie near each other, as Inception's do."""
    torch.manual_seed(0)
    mixing = torch.randn(width, width) / width**0.5
    return tuple((torch.randn(samples, width) @ mixing * 0.4 + 0.3 + shift).relu() for shift in (0, 0.02))  # type: ignore


def once(metric: str, who: str, samples: int, width: int) -> dict[str, Any]:
    """In this process: the value, seconds of the processor and megabytes; or why it cannot be."""
    real, fake = features(samples, width)
    measure = MEASURES[metric][who]
    try:
        measure(*features(64, 8))  # imports what it needs
    except ImportError as error:
        return {"lacking": str(error)}
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, began = peak(), time.process_time()
    value = measure(real, fake)
    return {"value": value, "seconds": time.process_time() - began, "megabytes": peak() - before}


def apart(*words: object) -> dict[str, Any]:
    """`once` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.metrics", "--once", *map(str, words)]
    own = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | own).stdout
    return json.loads(said.splitlines()[-1])


def table(metric: str, taken: dict[str, list[dict[str, Any]]]) -> str:
    """In Markdown: medians, with the ratio to the fastest of the others; below it the goal, and who is not here."""
    there = {who: turns for who, turns in taken.items() if "value" in turns[0]}
    found = {
        who: {key: median(turn[key] for turn in turns) for key in ("value", "seconds", "megabytes")}
        for who, turns in there.items()
    }
    others = [row for who, row in found.items() if not who.startswith("saddle")]
    fastest, least = (min((row[key] for row in others), default=float("nan")) for key in ("seconds", "megabytes"))
    lines = [f"| {metric} | value | seconds | of the fastest other | MB |", "| --- " * 5 + "|"]
    for who, row in found.items():
        numbers = (
            f"{row['value']:.6g} | {row['seconds']:.1f} | {row['seconds'] / fastest:.2f} | {row['megabytes']:,.0f}"
        )
        lines.append(f"| {who} | {numbers} |")
    own = found["saddle"]
    reached = own["seconds"] <= GOAL * fastest, own["megabytes"] < least
    words = ["open" if others and not goal else "reached" if others else "unknown" for goal in reached]
    lines += ["", f"goal, at most {GOAL} times the fastest's time: {words[0]}; below the least memory: {words[1]}"]
    return "\n".join([*lines, *(f"not here: {who} ({taken[who][0]['lacking']})" for who in taken if who not in there)])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=5000, help="of either set; 5000")
    parser.add_argument("--features", type=int, default=2048, help="of each; 2048, as Inception's")
    parser.add_argument("--turns", type=int, default=3, help="whose medians are printed; 3")
    parser.add_argument("--only", choices=MEASURES, metavar="METRIC", help=f"one of {'; '.join(MEASURES)}")
    parser.add_argument("--once", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.once:
        metric, who, samples, width = args.once
        torch.set_num_threads(1)
        print(json.dumps(once(metric, who, int(samples), int(width))))
        return 0
    print(f"{processor()}, {os.cpu_count()} cores, one thread, torch {torch.__version__}", flush=True)
    print(f"{args.samples:,} × {args.features:,} features of either set, medians of {args.turns}\n", flush=True)
    for metric in [args.only] if args.only else MEASURES:
        taken: dict[str, list[dict[str, Any]]] = {who: [] for who in MEASURES[metric]}
        for turn in range(args.turns):
            for who in taken if turn % 2 == 0 else reversed(taken):
                if not turn or "value" in taken[who][0]:
                    taken[who].append(apart(metric, who, args.samples, args.features))
        print(table(metric, taken) + "\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
