"""A run that begins with another run's weights: all that fit by name and shape, of players, buffers and averages.

Weights are read as checkpoints are: safetensors that their manifest vouches for. Optimizers begin anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..base.errors import SaddleError, UsageError, some
from ..base.files import quoted
from ..base.folder import RunFolder
from ..base.ranges import NonNegativeInt
from ..base.settings import Settings
from ..training.checkpoint import Checkpoints, Damaged
from ..training.trainer import Trainer


@dataclass(frozen=True)
class Start(Settings):
    """Whose weights a run begins with."""

    run: str = ""  # the folder
    round: NonNegativeInt = 0  # of its checkpoint
    sha256: str = ""  # of the checkpoint's weights and averages

    def __str__(self) -> str:
        return f"the weights of {self.run}, round {self.round:,}"


def choose(run: Path, checkpoint: str | int = "best") -> Start:
    """The weights of a checkpoint, 'best', 'last' or a round, of a run. UsageError if there are none."""
    files = RunFolder(run)
    files.check()
    checkpoints = Checkpoints(files.checkpoints)
    rounds = checkpoints.rounds()
    if not rounds:
        raise UsageError(f"{run} has no checkpoint to begin from yet; saddle train --run {quoted(run)} makes one")
    best = checkpoints.best() if checkpoint == "best" else None
    round_ = str(checkpoint if checkpoint not in ("best", "last") else rounds[-1] if best is None else best)
    if not round_.isdecimal() or int(round_) not in rounds:
        raise UsageError(f"no checkpoint '{round_}' in {run}; there are best, last, {str(rounds)[1:-1]}")
    try:
        return Start(str(run), int(round_), checkpoints.sha256(int(round_)))
    except Damaged as error:
        raise _unusable(Start(str(run), int(round_)), error) from error


def same(start: Start, run: Path) -> bool:
    """Does this folder hold these weights?"""
    checkpoints = Checkpoints(RunFolder(run).checkpoints)
    try:
        return start.round in checkpoints.rounds() and checkpoints.sha256(start.round) == start.sha256
    except Damaged:
        return False


def begin(trainer: Trainer, start: Start) -> str:
    """Put the weights that fit into the trainer's game and averages; what fits and what does not, in words.

    What does not fit keeps the weights that the seed gives. UsageError if nothing fits, or if the weights are no longer
    those that were chosen.
    """
    tensors = _opened(start)
    game, found = trainer.game, trainer.game.inherited(tensors["game"], tensors["averages"])
    theirs = found["game"]
    fit = fitting(game, theirs)
    lines = "\n  ".join(_told(game, theirs, fit))
    if not any(name in fit and p.ndim > 1 for name, p in game.named_parameters()):  # a bias alone is no start
        raise UsageError(
            f"no layer of this game fits {start}: its weights have other names or shapes. Choose the settings of that "
            f"run, for instance with --config {start.run}/recipe.yaml. What fits:\n  {lines}"
        )
    put(trainer, found)
    return f"begins with {start}\n  {lines}"


def put(trainer: Trainer, found: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Copy what fits into the game, and into its averages; other averages are the game's own weights."""
    _copy(trainer.game, fitting(trainer.game, found["game"]))
    trainer.averages.update(0.0)
    _copy(trainer.averages, fitting(trainer.averages, found["averages"]))


def fitting(module: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of the tensors that have the name and the shape of one of the module's.

    A buffer may tell of what lies beside it, as a count or a flag does: a module's own buffers come only with all else
    that it holds itself.
    """
    own = module.state_dict()
    fit = {name: tensors[name] for name, tensor in own.items() if name in tensors and _alike(tensor, tensors[name])}
    for prefix, part in module.named_modules():
        held = {name: f"{prefix}.{name}" if prefix else name for name in (*part._parameters, *part._buffers)}
        held = {name: full for name, full in held.items() if full in own}
        if not all(full in fit for full in held.values()):
            for name in part._buffers.keys() & held:
                fit.pop(held[name], None)
    return fit


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.is_floating_point() == other.is_floating_point()


@torch.no_grad()
def _copy(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    own = module.state_dict()
    for name, tensor in tensors.items():
        own[name].copy_(tensor)


def _told(game: nn.Module, theirs: Mapping[str, Tensor], fit: Mapping[str, Tensor]) -> Iterator[str]:
    """For each child of the game how many of its tensors fit, and which do not."""
    groups: dict[str, list[tuple[str, str, Tensor]]] = {}
    for name, tensor in game.state_dict().items():
        group, _, rest = name.partition(".")
        groups.setdefault(group if rest else "the game itself", []).append((name, rest or name, tensor))
    for group, held in groups.items():
        not_fit = [
            f"{short} {[*tensor.shape]} there {[*theirs[name].shape] if name in theirs else 'none'}"
            for name, short, tensor in held
            if name not in fit
        ]
        count = f"{len(held) - len(not_fit):,} of {len(held):,} tensors"
        yield f"{group}: {count}; not: {some(not_fit, 3)}" if not_fit else f"{group}: all {len(held):,} tensors"


def _opened(start: Start) -> dict[str, dict[str, Tensor]]:
    """The weights and averages that were chosen. UsageError for other ones, SaddleError for damaged ones."""
    checkpoints = Checkpoints(RunFolder(start.run).checkpoints)
    if start.round not in checkpoints.rounds():
        raise UsageError(
            f"this run begins with {start}, and there is no such checkpoint; name where that run lies with --from, or "
            "begin with other weights in another folder"
        )
    try:
        if (found := checkpoints.sha256(start.round)) != start.sha256:
            raise UsageError(
                f"this run begins with {start}, and they are others by now (SHA-256 {found}, and not {start.sha256}); "
                "bring them back, or begin with other ones in another folder, with --from"
            )
        return checkpoints.load(start.round).tensors
    except Damaged as error:
        raise _unusable(start, error) from error


def _unusable(start: Start, error: Damaged) -> SaddleError:
    return SaddleError(f"cannot begin with {start}: {error}; choose another one with --from-checkpoint")
