"""One of several processes: plays two rounds of each game and writes what came of it. Run by test_ranks.py."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from small import make_trainer

from saddle.base import dist
from saddle.optim import SGD


def main(folder: Path, *names: str) -> None:
    torch.set_num_threads(1)
    with dist.processes(torch.device("cpu")):
        for name in names:
            trainer = make_trainer(name, rounds=2, precision="fp64", optim=SGD(lr=1e-3))
            while trainer.round < trainer.rounds:
                trainer.play_round()
            tensors = {k: t.contiguous() for k, t in trainer.game.state_dict().items()}
            save_file(tensors, folder / f"{name}.{dist.rank()}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
