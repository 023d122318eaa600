"""DCGAN-64: Saddle against the usual loop, against a bare loop with its own options, and against the machine."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from . import photos
from .against import in_both, in_fp32
from .bare_loop import bare_loop
from .timing import Figure, interleave
from .trainings import dcgan64, rounds
from .usual_loop import usual_loop

SIDE = 2048  # of the square matrices whose product is timed
PRODUCTS = 10


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Ratios of images per second, the trainer's overhead in percent, and the share of the matrix-multiply rate."""
    data = photos.write(folder / "photos.npy")
    training = dcgan64(data, folder / "auto")
    programs = {
        "usual": usual_loop(data),
        "saddle": rounds(training),
        "bare": bare_loop(training),
        **in_fp32(training, lambda: dcgan64(data, folder / "fp32", precision="fp32")),
        "products": products(torch.bfloat16 if training.trainer.precision == "bf16" else torch.float32),
    }
    with FlopCounterMode(display=False) as counter:
        training.trainer.play_round()
    times = interleave(programs, seconds)
    batch, share = training.recipe.plan.batch, counter.get_total_flops() / (2 * SIDE**3 * PRODUCTS)
    overhead = times.ratio("saddle", "bare")
    of_rate = times.ratio("products", "saddle")
    return {
        **in_both(times, "usual", "dcgan64.ratio_to_usual_loop", "dcgan64.ratio_at_equal_precision"),
        "dcgan64.images_per_second": scaled(times.of("saddle"), batch),
        "dcgan64.images_per_second_usual_loop": scaled(times.of("usual"), batch),
        "dcgan64.share_of_matmul_rate": Figure(*(x * share for x in (of_rate.value, of_rate.low, of_rate.high))),
        "trainer.overhead": percent(overhead),
    }


def products(dtype: torch.dtype) -> Callable[[], None]:
    """A function that multiplies two large square matrices a few times."""
    a, b = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    out = torch.empty(SIDE, SIDE, dtype=dtype)

    def multiply() -> None:
        for _ in range(PRODUCTS):
            torch.mm(a, b, out=out)

    return multiply


def scaled(seconds: Figure, count: int) -> Figure:
    """Things per second, of `count` things."""
    return Figure(count / seconds.value, count / seconds.high, count / seconds.low)


def percent(ratio: Figure) -> Figure:
    """How much longer, in percent."""
    return Figure(*(100 * (x - 1) for x in (ratio.value, ratio.low, ratio.high)))
