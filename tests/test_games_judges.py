"""Every player that judges, in whatever game: how often it moves, what it is shown, and what it pays.

One small instance of each game serves all checks of a round; a second one goes on from where it was.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, ClassVar

import pytest
import torch
from small import GAMES, make_trainer, tiny_recipe
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.cli.describe import run as describe_command
from saddle.games._adversarial import Adversarial
from saddle.games._two_player import TwoPlayer
from saddle.games.began import BEGAN
from saddle.layers.minibatch import MinibatchStd
from saddle.optim import SGD
from saddle.penalties import R1, Drift, HistoricalAveraging, LeCam, Orthogonal, Penalty
from saddle.runs import registry
from saddle.runs.describe import describe
from saddle.spec import Batch, DataSpec
from saddle.tasks import Move
from saddle.training.trainer import Trainer
from saddle.views import ADA, InstanceNoise, Packing, Shown, View

JUDGING = [name for name in GAMES if issubclass(registry.load(name), Adversarial)]
OWN_ROUNDS = [name for name in JUDGING if not issubclass(registry.load(name), TwoPlayer)]
STEADY = {"vaegan": {"margin": None}, "wgan": {"warm_up": False}, "ebgan": {"pretraining": 0.0}}  # all steps are taken
SETTINGS = {"discriminator_steps", "views", "penalties"}


@dataclass(frozen=True)
class Curtain(View):
    """Nothing at all, once it is drawn; and it counts what it is told of."""

    def build(self, data: DataSpec) -> Shown:
        return Drawn()


class Drawn(Shown):
    def __init__(self) -> None:
        super().__init__()
        self.hides = False
        self.register_buffer("told", torch.tensor(0))

    def forward(self, x: Tensor, progress: float) -> Tensor:
        return 0 * x if self.hides else x

    def adapt(self, real_logits: Tensor) -> None:
        assert not real_logits.requires_grad
        self.told += len(real_logits)


def cures(name: str) -> dict[str, Any]:
    """The steps, the views and the penalties that go with a game, of those that leave the most to go wrong."""
    refused = make_game(name).refused()
    gradient = R1(weight=0.1) if "game.penalties R1" not in refused else Drift(weight=0.1)
    views = InstanceNoise(), *([] if "game.views DiffAugment" in refused else [ADA(p=0.5)]), Curtain()
    return {"discriminator_steps": 2, "views": views, "penalties": (gradient, LeCam())} | STEADY.get(name, {})


@cache
def make_game(name: str) -> Any:
    return make_trainer(name).game


@cache
def cured(name: str) -> Trainer:
    """The game in the middle of its run."""
    options = replace(tiny_recipe(name).options, **cures(name))
    trainer = make_trainer(name, options, SGD(lr=1e-3), precision="fp64")
    trainer.rounds, trainer.round = 4, 2
    trainer.game.rounds, trainer.game.progress = 2, 0.5
    return trainer


@dataclass
class Watched:
    """One round, of which no step was taken."""

    moves: list[Move]
    drawn: int
    reached: list[dict[str, bool]]  # of each move, by penalty: is it finite, and does it move who judges?


@cache
def watched(name: str) -> Watched:
    trainer, drawn = cured(name), itertools.count()

    def batches() -> Iterator[Batch]:
        for batch in trainer.deal()[0]:
            next(drawn)
            yield batch

    moves, reached = [], []
    for move in trainer.game.round(batches()):
        moves.append(move)
        reached.append(reaching(trainer, move) if judges(trainer.game) & set(move.players) else {})
    return Watched(moves, next(drawn), reached)


def judges(game: Adversarial) -> set[str]:
    return {duel.discriminator.split(".")[0] for duel in game.duels}


def reaching(trainer: Trainer, move: Move) -> dict[str, bool]:
    penalty = trainer.game.options.penalties[0].name
    found = {}
    for duel in trainer.game.duels:
        loss = move.losses.get(f"{penalty}_{duel.name}" if duel.name else penalty)
        weights = [p for p in trainer.game.get_submodule(duel.discriminator).parameters() if p.requires_grad]
        if loss is not None:
            grads = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
            moved = any(grad is not None and bool(grad.any()) for grad in grads)
            found[duel.discriminator] = bool(loss.isfinite()) and moved
    return found


@pytest.mark.parametrize("name", GAMES)
def test_a_game_with_a_player_that_judges_has_the_three_settings(name):
    game = make_game(name)
    if not isinstance(game, Adversarial):
        assert not any("discriminator" in player or "judge" in player for player in game.players())
        return
    assert judges(game) <= set(game.players())
    assert SETTINGS <= {field.name for field in fields(game.Options)}
    assert all(reason.endswith((".", "")) and len(reason.split()) > 6 for reason in game.refused().values())


@pytest.mark.parametrize("name", JUDGING)
def test_two_steps_are_two_moves_on_batches_of_their_own(name):
    game, made = cured(name).game, watched(name)
    turns = [move for move in made.moves if judges(game) & set(move.players)]
    once = [move for move in make_game_moves(name) if judges(game) & set(move.players)]
    assert len(turns) == 2
    assert {player for move in turns for player in move.players} == {p for move in once for p in move.players}
    assert made.drawn == 2 or game.data.single


@cache
def make_game_moves(name: str) -> list[Move]:
    trainer = make_trainer(name)
    trainer.game.progress = 0.5
    return list(trainer.game.round(trainer.deal()[0]))


@pytest.mark.parametrize("name", JUDGING)
def test_a_penalty_is_paid_by_each_player_that_judges_in_each_of_its_steps(name):
    game, made = cured(name).game, watched(name)
    told = [int(view.told) for view in game.views if isinstance(view, Drawn)]
    playing = {duel.discriminator for duel, n in zip(game.duels, told, strict=True) if n}
    paid = [each for each in made.reached if each]
    assert len(paid) == 2
    assert all(each == dict.fromkeys(playing, True) for each in paid)


@pytest.mark.parametrize("name", JUDGING)
def test_views_learn_from_every_real_sample_once_a_step(name):
    game, _ = cured(name).game, watched(name)
    told = {int(view.told) for view in game.views if isinstance(view, Drawn)} - {0}
    assert told == {2 * 4}


def mixes(module: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm | MinibatchStd) for m in module.modules())


@pytest.mark.parametrize("name", JUDGING)
def test_a_cured_run_goes_on_as_it_was_in_however_many_parts(name):
    """Batch norm sees micro-batches as they are: with it, the second run has one too."""
    first = cured(name)
    watched(name)
    before, parts = first.state(copy=True), 1 if mixes(first.game) else 2
    second = make_trainer(name, first.game.options, SGD(lr=1e-3), precision="fp64", micro_batches=parts)
    second.load_state(before)
    for trainer in (first, second):
        trainer.play_round()
    one, two = first.game.state_dict(), second.game.state_dict()
    assert one.keys() == two.keys()
    assert max(float((one[key].double() - two[key].double()).abs().max()) for key in one) < (
        1e-11 if parts > 1 else 1e-300
    )
    behind_the_curtain(second)


def behind_the_curtain(trainer: Trainer) -> None:
    """Nothing of a real sample, and nothing of a fake, passes by the views to those that judge."""
    game = trainer.game
    for view in game.views:
        view.hides = True
    game.options.__dict__["penalties"] = ()  # this instance's own
    real: list[Tensor] = []

    def batches() -> Iterator[Batch]:
        for batch in trainer.deal()[0]:
            key = "a" if "a" in batch else "image"
            real.append(batch[key].requires_grad_())
            yield batch

    for move in game.round(batches()):
        adversarial = [loss for loss_name, loss in move.losses.items() if is_adversarial(loss_name, game)]
        if not adversarial:
            continue
        total = torch.stack([loss.flatten()[0] for loss in adversarial]).sum()
        makers = [game.get_submodule(duel.generator) for duel in game.duels if duel.generator]
        watched_ones = [p for maker in makers for p in maker.parameters() if p.requires_grad]
        if judges(game) & set(move.players):
            watched_ones = [x for x in real if x.requires_grad]
        elif not any(hasattr(each, "grad_fn") for each in adversarial):
            continue
        grads = torch.autograd.grad(total, watched_ones, retain_graph=True, allow_unused=True)
        assert not any(grad is not None and bool(grad.any()) for grad in grads), move.players


def is_adversarial(loss: str, game: Adversarial) -> bool:
    names = {f"adversarial_{duel.name}" for duel in game.duels} | {duel.name for duel in game.duels}
    return loss in names | {"adversarial"}
