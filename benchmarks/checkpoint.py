"""Saving and resuming DCGAN-64, against torch.save and torch.load of the same tensors."""

from pathlib import Path

import torch

from . import photos
from .timing import Figure, interleave
from .trainings import dcgan64, rounds


def measure(folder: Path, seconds: float) -> dict[str, Figure]:
    """Seconds; and ratios to plain torch, which neither flushes to the disk nor verifies."""
    training = dcgan64(photos.write(folder / "photos.npy"), folder / "run")
    rounds(training)()
    plain = folder / "plain.pt"
    trainer = training.trainer

    def load() -> None:
        held = torch.load(plain, weights_only=True)
        trainer.game.load_state_dict(held["game"])
        trainer.averages.load_state_dict(held["averages"])

    programs = {
        "save": training.save,
        "torch.save": lambda: torch.save(trainer.state().tensors, plain),
        "resume": training.resume,
        "torch.load": load,
    }
    training.say = lambda message: None
    times = interleave(programs, seconds, warm_up=1)
    size = sum(x.numel() * x.element_size() for group in trainer.state().tensors.values() for x in group.values())
    return {
        "checkpoint.megabytes": Figure.of([size / 1e6]),
        "checkpoint.save_seconds": times.of("save"),
        "checkpoint.resume_seconds": times.of("resume"),
        "checkpoint.save_over_torch_save": times.ratio("save", "torch.save"),
        "checkpoint.resume_over_torch_load": times.ratio("resume", "torch.load"),
    }
