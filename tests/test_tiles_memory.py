"""What tiles take of memory."""

import subprocess
import sys

import torch
from torch import nn

from saddle.nets.translator import translator
from saddle.use import tiles

PEAK = """
import sys, torch
from pathlib import Path
from saddle.nets.translator import translator
from saddle.use import tiles

side = int(sys.argv[1])
torch.set_num_threads(1)
network = translator((3, side, side), 9, 4).eval()
image, out = (torch.zeros(1, 3, side, side, dtype=torch.uint8) for _ in range(2))
tiles.apply(network, image, tile=128, out=out, keep=0)
status = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024)
"""


def test_four_times_the_pixels_take_at_most_the_images_own_size_more():
    peaks = []
    for side in (512, 1024):
        said = subprocess.run([sys.executable, "-c", PEAK, str(side)], check=True, capture_output=True, text=True)
        peaks.append(int(said.stdout))
    assert peaks[1] - peaks[0] < 3 * 1024**2 * 4  # of floats


def test_the_cost_of_a_whole_image_is_counted_without_taking_it():
    network = translator((3, 64, 64), 9)
    cost = tiles.cost(network, 3, 4096, 4096)
    assert 12e9 < cost < 15e9
    assert next(network.parameters()).device.type == "cpu"
    assert 63 < cost / tiles.cost(network, 3, 512, 512) < 64  # less is padding


def test_the_cost_counts_what_waits_for_later_layers():
    class Skip(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, nn.functional.avg_pool2d(x, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)], 1)

    image = 3 * 32 * 32 * 4
    assert tiles.cost(Skip(), 3, 32, 32) == 1.5 * (image + image + 2 * image)
