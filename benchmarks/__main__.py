"""Saddle side by side with other programs, in turns on this machine; writes the figures as JSON.

python -m benchmarks [--only NAME] [--seconds S] [--threads N] [--processor-time] [--out bench.json]
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from .goals import judged
from .timing import Figure

NAMES = (
    "dcgan64",
    "wgan-gp",
    "stylegan2",
    "r3gan",
    "cyclegan",
    "memory",
    "small",
    "signs",
    "stream",
    "checkpoint",
    "startup",
)


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
    loads = {"before": load()}
    print(f"load: {loads['before']}")
    for name in [args.only] if args.only else NAMES:
        with tempfile.TemporaryDirectory() as folder:
            seconds = args.seconds if name == "dcgan64" else args.seconds / 5
            found = import_module(f".{name.replace('-', '_')}", __package__).measure(Path(folder), seconds)
        for key, figure in found.items():
            print(line(key, figure), flush=True)
        loads[name] = load()
        print(f"load: {loads[name]}", flush=True)
        figures |= found
    args.out.write_text(json.dumps(to_json(figures, machine | {"load": loads}), indent=1) + "\n")
    return 0


def line(key: str, figure: Figure) -> str:
    """The figure for people: median, quartiles, and the goal if there is one."""
    return f"{key:42}{figure.value:10.3f}   [{figure.low:.3f} … {figure.high:.3f}]{judged(key, figure)}"


def to_json(figures: dict[str, Figure], machine: dict[str, Any]) -> dict[str, Any]:
    """Medians by key; under `quartiles` those, under `machine` the machine and its load.

    Under `measured_once` are the keys of which nothing was measured, with the key whose figure they have.
    """
    medians = {key: figure.value for key, figure in figures.items()}
    same = {key: figure.same_as for key, figure in figures.items() if figure.same_as}
    quartiles = {k: [f.low, f.high] for k, f in figures.items()}
    return medians | {"quartiles": quartiles, "measured_once": same, "machine": machine}


def describe_machine() -> dict[str, Any]:
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    wanted = ("amx_bf16", "amx_tile", "avx512_bf16", "avx512_f", "avx2")
    return {
        "processor": processor(),
        "isa": torch.backends.cpu.get_cpu_capability(),
        "features": [name for name in wanted if capabilities.get(name)],
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def load() -> list[float]:
    """Processes that wanted a core in the last 1, 5 and 15 minutes, on average: these programs and all others."""
    return [round(x, 2) for x in os.getloadavg()]


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), platform.processor())


if __name__ == "__main__":
    sys.exit(main())
