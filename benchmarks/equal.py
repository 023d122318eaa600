"""DCGAN-64 in fp32 on both sides: Saddle's round beside that of the usual loop, and nothing else, with one thread.

python -m benchmarks.equal [--seconds S] [--precision fp32|bf16]

Times are seconds of the processor. What `python -m benchmarks` calls `dcgan64.ratio_at_equal_precision`, in a fifth of
the time; with `--precision bf16` its `dcgan64.ratio_to_usual_loop`.
"""

import argparse
import os
import tempfile
from pathlib import Path

import torch

from . import photos
from .__main__ import line, processor
from .timing import interleave
from .trainings import dcgan64, rounds
from .usual_loop import usual_loop

KEYS = {"fp32": "dcgan64.ratio_at_equal_precision", "bf16": "dcgan64.ratio_to_usual_loop"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equal", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=100, help="by the clock; by default 100")
    parser.add_argument("--precision", choices=KEYS, default="fp32", help="of Saddle; the usual loop's is fp32")
    args = parser.parse_args(argv)
    os.environ["BENCH_CLOCK"] = "processor"
    torch.set_num_threads(1)
    print(f"processor: {processor()}  vectors: {torch.backends.cpu.get_cpu_capability()}  torch: {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        data = photos.write(Path(folder) / "photos.npy")
        ours = rounds(dcgan64(data, Path(folder) / "run", precision=args.precision))
        times = interleave({"usual": usual_loop(data), "saddle": ours}, args.seconds)
    print(line(KEYS[args.precision], times.ratio("usual", "saddle")))
    for name in ("usual", "saddle"):
        print(f"{name}: {1000 * times.of(name).value:.0f} ms a round, median of {len(times.seconds[name])}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
