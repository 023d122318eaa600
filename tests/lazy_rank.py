"""WGAN-GP with its penalty in every second round, on two processes or one. Run by test_ranks.py."""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from small import make_trainer, tiny_recipe

from saddle.base import dist
from saddle.optim import SGD
from saddle.penalties import GradientPenalty


def play_lazily() -> dict[str, torch.Tensor]:
    options = replace(tiny_recipe("wgan-gp").options, penalties=(GradientPenalty(every=2),))
    trainer = make_trainer("wgan-gp", options, rounds=3, precision="fp64", optim=SGD(lr=1e-3))
    while trainer.round < trainer.rounds:
        trainer.play_round()
    return {k: t.contiguous() for k, t in trainer.game.state_dict().items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    with dist.processes(torch.device("cpu")):
        save_file(play_lazily(), Path(sys.argv[1]) / f"{dist.rank()}.safetensors")
