"""However many images there are, `saddle restore` holds few of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from translated import trained

from saddle.cli import main
from saddle.cli._restoring import Restoring

IMAGES, SIDE, MOST = 60, 500, 50 * 2**20  # bytes


@pytest.mark.full
def test_a_folder_takes_no_more_memory_than_its_first_images(tmp_path, monkeypatch):
    """All results together have 180 MB, and 60 MB all images."""
    (tmp_path / "many").mkdir()
    ramp = np.add.outer(np.arange(SIDE), np.arange(SIDE)) % 256
    for i in range(IMAGES):
        Image.fromarray(np.stack([ramp, ramp, (ramp + i) % 256], 2).astype(np.uint8)).save(tmp_path / f"many/{i}.png")
    held, write = list[int](), Restoring._write

    def written(self, *args):
        pixels = write(self, *args)
        held.append(_held())
        return pixels

    monkeypatch.setattr(Restoring, "_write", written)
    for run in trained(tmp_path / "run", "toy-small", "toy-enlarging"):
        assert main(["restore", str(run), str(tmp_path / "many"), "--out", str(tmp_path / "out")]) == 0
    assert len(held) == IMAGES
    assert max(held) - max(held[:5]) < MOST


def _held() -> int:
    """Bytes of memory that this process holds."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024
