"""A large image through CycleGAN's translator of nine blocks, in exact tiles, against the measured rate of small ones.

python -m benchmarks.tiles [--side 4096] [--tile 512] [--width 64] [--threads N]

The weights are random. Prints the figures of docs/speed.md; with the default side about ten minutes on two quiet cores.
Times are of the processor, all threads together, since other work on the machine does not count in them as much.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from saddle.base import telling
from saddle.nets.translator import translator
from saddle.use import tiles

from .__main__ import processor
from .memory import peak

SMALL = 512  # pixels a side of the images whose rate is measured


@dataclass(frozen=True)
class Taken:
    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:,.1f} s, {self.processor:,.1f} s of the processor"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tiles", description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096, help="of the large image, in pixels; 4096")
    parser.add_argument("--tile", type=int, default=tiles.TILE, help=f"side of a tile, in pixels; {tiles.TILE}")
    parser.add_argument("--width", type=int, default=64, help="channels of the network's largest maps; 64, the paper's")
    parser.add_argument("--threads", type=int, help="by default as many as there are cores")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    network = translator((3, args.side, args.side), 9, args.width).eval()
    print(f"{processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    weights = sum(p.numel() for p in network.parameters())
    print(
        f"{weights:,} parameters; whole, {args.side}² would take {tiles.cost(network, 3, args.side, args.side):,} bytes"
    )
    image = torch.randint(256, (1, 3, args.side, args.side), dtype=torch.uint8)
    before = [small(network) for _ in range(3)][1:]  # the first one warms up
    print(f"one pass over {SMALL}²: {before[-1]}", flush=True)
    with telling.heard(progress):
        large = timed(lambda: tiles.apply(network, image, tile=args.tile))
    print(f"\n{args.side}² in tiles of {args.tile}: {large}; at most {peak():,.0f} MB of memory", flush=True)
    rates = [*before, *(small(network) for _ in range(2))]
    times = (args.side / SMALL) ** 2
    for name in ("processor", "wall"):
        passes = getattr(large, name) / (times * median(getattr(rate, name) for rate in rates))
        print(
            f"as long as {passes:.2f} passes at the rate of {SMALL}², by the {name}'s time"
            if name == "processor"
            else f"and {passes:.2f} by the clock"
        )
    return 0


def small(network: nn.Module) -> Taken:
    """One pass over a small image, whole."""
    image = torch.rand(1, 3, SMALL, SMALL) * 2 - 1
    with torch.no_grad():
        return timed(lambda: network(image))


def timed(do: object) -> Taken:
    wall, used = time.perf_counter(), time.process_time()
    do()  # type: ignore[operator]
    return Taken(time.perf_counter() - wall, time.process_time() - used)


def progress(what: str, done: int, total: int) -> None:
    print(f"\r{done} of {total} {what}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
