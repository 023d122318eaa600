"""Losses and penalties that look at the whole batch, on two processes. Run by test_games_losses.py."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from test_games_losses import RANKED, played

from saddle.base import dist

if __name__ == "__main__":
    torch.set_num_threads(1)
    with dist.processes(torch.device("cpu")):
        for name, settings in RANKED.items():
            state = {k: t.contiguous() for k, t in played(**settings).game.state_dict().items()}
            save_file(state, Path(sys.argv[1]) / f"{name}.{dist.rank()}.safetensors")
