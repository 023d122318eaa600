"""Saddle side by side with other programs, in turns on this machine; writes the figures as JSON.

python -m benchmarks [--only NAME] [--seconds S] [--threads N] [--processor-time] [--out bench.json]
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from saddle.base.precision import good_at_bf16

from .timing import Figure

NAMES = ("dcgan64", "cyclegan", "memory", "small", "stream", "checkpoint", "startup")
BF16 = good_at_bf16(torch.device("cpu"))
EQUAL = 1.3 if torch.backends.cpu.get_cpu_capability() == "AVX2" else 1.15
GOALS: dict[str, tuple[Callable[[float], bool], str]] = {
    "dcgan64.ratio_to_usual_loop": (lambda x: x >= (2.0 if BF16 else 1.15), f"≥ {2.0 if BF16 else 1.15}"),
    "dcgan64.ratio_at_equal_precision": (lambda x: x >= EQUAL, f"≥ {EQUAL}"),
    "dcgan64.memory_ratio": (lambda x: x <= 1, "≤ 1"),
    **{
        f"cyclegan{side}.ratio_{to}": (lambda x: x >= 1, "≥ 1")
        for side in (64, 128)
        for to in ("to_usual_loop", "at_equal_precision")
    },
    "trainer.overhead": (lambda x: x <= 3, "≤ 3 %"),
    "stream.times_training": (lambda x: x >= 20, "≥ 20"),
}


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write; 0 even if a goal is missed, for these machines are noisy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=float, default=100, help="to spend on DCGAN-64; the others take a fifth")
    parser.add_argument("--threads", type=int, help="of every program; 1 is the least disturbed by other work")
    parser.add_argument(
        "--processor-time", action="store_true", help="what other work does not count in, not the clock's"
    )
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="by default bench.json")
    args = parser.parse_args(argv)
    if args.threads:
        os.environ["OMP_NUM_THREADS"] = str(args.threads)  # of the processes that are started
        torch.set_num_threads(args.threads)
    if args.processor_time:
        os.environ["BENCH_CLOCK"] = "processor"
    machine = describe_machine()
    print("  ".join(f"{key}: {value}" for key, value in machine.items()))
    figures: dict[str, Figure] = {}
    for name in [args.only] if args.only else NAMES:
        with tempfile.TemporaryDirectory() as folder:
            seconds = args.seconds if name == "dcgan64" else args.seconds / 5
            found = import_module(f".{name}", __package__).measure(Path(folder), seconds)
        for key, figure in found.items():
            print(line(key, figure), flush=True)
        figures |= found
    args.out.write_text(json.dumps(to_json(figures, machine), indent=1) + "\n")
    return 0


def line(key: str, figure: Figure) -> str:
    """The figure for people: median, quartiles, and the goal if there is one."""
    text = f"{key:42}{figure.value:10.3f}   [{figure.low:.3f} … {figure.high:.3f}]"
    if key in GOALS:
        reached, goal = GOALS[key]
        text += f"   goal {goal}: {'reached' if reached(figure.value) else 'missed'}"
    return text


def to_json(figures: dict[str, Figure], machine: dict[str, Any]) -> dict[str, Any]:
    """Medians by key, the quartiles under `quartiles`, the machine under `machine`."""
    medians = {key: figure.value for key, figure in figures.items()}
    return medians | {"quartiles": {k: [f.low, f.high] for k, f in figures.items()}, "machine": machine}


def describe_machine() -> dict[str, Any]:
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    wanted = ("amx_bf16", "amx_tile", "avx512_bf16", "avx512_f", "avx2")
    return {
        "processor": processor(),
        "features": [name for name in wanted if capabilities.get(name)],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), platform.processor())


if __name__ == "__main__":
    sys.exit(main())
