"""A DCGAN with the parts that look at a whole batch, on two processes or one. Run by test_ranks_of_parts.py."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from small import make_trainer, tiny_recipe

from saddle.auxiliaries import FeatureMatching
from saddle.base import dist
from saddle.nets.dcgan import DCGAN
from saddle.optim import SGD
from saddle.views import ADA, DiffAugment, Packing

STATISTICS = ("mean", "median")  # of the features of a whole batch


def play_with_parts(statistic: Literal["mean", "median"]) -> dict[str, torch.Tensor]:
    options = replace(
        tiny_recipe("dcgan").options,
        network=DCGAN(width=4, norm="virtual", minibatch="discrimination"),
        views=(ADA(images=100.0, target=-1.0, every=1), DiffAugment(), Packing(2)),
        auxiliaries=(FeatureMatching(statistic=statistic),),
        unroll=1,
    )
    trainer = make_trainer("dcgan", options, rounds=3, precision="fp64", batch=12, optim=SGD(lr=1e-2))  # six packed
    while trainer.round < trainer.rounds:
        trainer.play_round()
    return {k: t.contiguous() for k, t in trainer.game.state_dict().items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    with dist.processes(torch.device("cpu")):
        for statistic in STATISTICS:
            save_file(play_with_parts(statistic), Path(sys.argv[1]) / f"{statistic}.{dist.rank()}.safetensors")
