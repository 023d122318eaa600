"""Rounds without the trainer: the shortest driver, for tests that look inside one game; and rounds that go wrong."""

import itertools

import torch
from seeding import seed_all

from saddle.spec import Batch
from saddle.tasks import Game, Move
from saddle.training.trainer import Trainer


def play(game: Game, batch: Batch, rounds: int = 1) -> list[Move]:
    """The moves made, all on the same batch."""
    optims = {name: game.optim(name).build(player.parameters()) for name, player in game.players().items()}
    made = []
    for game.rounds in range(rounds):
        seed_all("round", game.rounds)
        for move in game.round(itertools.repeat(batch)):
            parameters = [p for name in move.players for p in game.get_submodule(name).parameters()]
            sum(move.losses.values()).backward(inputs=parameters)
            for name in move.players:
                optims[name].step()
                optims[name].zero_grad()
            made.append(move)
    return made


def values(moves: list[Move]) -> list[float]:
    return [float(loss.detach()) for move in moves for loss in move.losses.values()]


def images(n: int, *shape: int) -> torch.Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def in_round(round_: int, happens, monkeypatch) -> None:
    """Have something happen within a round, once."""
    play = Trainer.play_round

    def playing(self):
        play(self)
        if self.round == round_:
            monkeypatch.setattr(Trainer, "play_round", play)
            happens()

    monkeypatch.setattr(Trainer, "play_round", playing)
