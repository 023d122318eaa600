"""What `saddle import` says of a run, and what a file that fits two kinds becomes."""

from pathlib import Path

import pytest
import torch
from foreign_networks import Resnet

from saddle import cli
from saddle.foreign import adopt
from saddle.runs.run import Run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(Resnet(3, 3, 4, 2).state_dict(), tmp_path / "net.pth")
    return tmp_path / "net.pth"


def test_the_command_ends_with_what_shows_the_run_at_work(file: Path, capsys: pytest.CaptureFixture[str]):
    out = str(file.parent / "run")
    assert cli.main(["import", str(file), "--as", "cyclegan", "--out", out, "--size", "16"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"what next: saddle translate {out} IMAGES"


@torch.no_grad()
def test_a_file_that_fits_both_kinds_translates_alike(file: Path):
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    made = []
    for kind in ("cyclegan", "pix2pix"):
        adopt(file, kind, file.parent / kind, size=32)
        made.append(Run(file.parent / kind, device="cpu").game.translate({"a": x}, "b"))  # type: ignore[attr-defined]
    torch.testing.assert_close(*made, rtol=0, atol=1e-5)
