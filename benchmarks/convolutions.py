"""The gradients of strided convolutions as matrix products beside the library's, in seconds of the processor.

python -m benchmarks.convolutions [--precision fp32|bf16] [--turns N]

A ratio above 1 says that the product is faster; "used" that a layer of this size takes it, whatever is measured here.
"""

import argparse
import os
from collections.abc import Callable
from itertools import product as pairs

import torch
from torch import Tensor

from saddle.layers import products

from .timing import Times, clock

LAYERS = ((64, 128, 32), (64, 128, 16), (128, 256, 16), (256, 512, 8), (512, 512, 8), (512, 512, 4))
BATCHES = (64, 16, 1)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.convolutions", description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--turns", type=int, default=5, help="of each pair; by default 5")
    args = parser.parse_args(argv)
    os.environ["BENCH_CLOCK"] = "processor"
    torch.set_num_threads(1)
    dtype = torch.float32 if args.precision == "fp32" else torch.bfloat16
    print("vectors:", torch.backends.cpu.get_cpu_capability())
    for n, (inputs, outputs, side) in pairs(BATCHES, LAYERS):
        found = compare(n, inputs, outputs, side, dtype, args.turns)
        print(
            f"{n:3} × {inputs:3} → {outputs:3} channels, {side:2} → {side // 2:2} pixels:", "; ".join(found), flush=True
        )
    return 0


def compare(n: int, inputs: int, outputs: int, side: int, dtype: torch.dtype, turns: int) -> list[str]:
    """Lines about the gradient of the weight and, where there is a product for it, of the input."""
    last = torch.channels_last
    x = torch.randn(n, inputs, side, side).to(dtype, memory_format=last)
    weight = torch.randn(outputs, inputs, 4, 4).to(dtype, memory_format=last)
    gradient = torch.randn(n, outputs, side // 2, side // 2).to(dtype, memory_format=last)

    def library(*which: bool) -> Callable[[], object]:
        how = None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1, [*which, False]
        return lambda: torch.ops.aten.convolution_backward(gradient, x, weight, *how)

    def of_weight() -> Tensor:
        multiply = products.weight_in_columns if dtype == torch.bfloat16 else products.weight_in_tiles
        return multiply(x, gradient, 4, 1)

    used = products.products(dtype, weight.shape, (n, side // 2, side // 2), (side, side), 2, 1)
    lines = [told("weight", library(False, True), of_weight, turns) + ", used" * bool(used)]
    if dtype == torch.float32:
        line = told("input", library(True, False), lambda: products.large_in_tiles(gradient, weight), turns)
        lines.append(line + ", used" * bool(used and used.of_large))
    return lines


def told(what: str, library: Callable[[], object], ours: Callable[[], object], turns: int) -> str:
    taken: dict[str, list[float]] = {"library": [], "products": []}
    library(), ours()
    for _ in range(turns):
        for name, program in (("library", library), ("products", ours)):
            began = clock()
            program()
            taken[name].append(clock() - began)
    times = Times(taken)
    ratio = times.ratio("library", "products")
    return (
        f"{what} {1000 * times.of('library').value:.1f} ms, {1000 * times.of('products').value:.1f} as products: "
        f"{ratio.value:.2f} [{ratio.low:.2f} … {ratio.high:.2f}]"
    )


if __name__ == "__main__":
    raise SystemExit(main())
