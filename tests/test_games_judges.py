"""Every player that judges, in whatever game: how often it moves, what it is shown, and what it pays.

One small instance of each game serves all checks of a round; a second one goes on from where it was.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, ClassVar

import pytest
import torch
from small import GAMES, make_trainer, tiny_recipe
from torch import Tensor

from saddle.base.errors import UsageError
from saddle.games._adversarial import Adversarial
from saddle.games._two_player import TwoPlayer
from saddle.games.began import BEGAN
from saddle.optim import SGD
from saddle.penalties import R1, Drift, HistoricalAveraging, LeCam, Orthogonal
from saddle.runs import registry
from saddle.runs.describe import describe
from saddle.spec import Batch, DataSpec
from saddle.tasks import Move
from saddle.training.trainer import Trainer
from saddle.views import ADA, InstanceNoise, Packing, Shown, View

JUDGING = [name for name in GAMES if issubclass(registry.load(name), Adversarial)]
OWN_ROUNDS = [name for name in JUDGING if not issubclass(registry.load(name), TwoPlayer)]
STEADY = {  # all players are there, and take all steps
    "disentangle": {"adversarial_weight": 1.0, "patch_layers": 1},
    "ebgan": {"pretraining": 0.0},
    "esrgan": {"pretraining": 0.0},
    "f-anogan": {"encoder_share": 0.25},
    "srgan": {"pretraining": 0.0},
    "vaegan": {"margin": None},
    "wgan": {"warm_up": False},
}
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
    """Two steps, and the views and penalties that go with a game, of those that leave the most to go wrong."""
    refused = plain(name).game.refused()
    gradient = R1(weight=0.1) if "game.penalties R1" not in refused else Drift(weight=0.1)
    views = InstanceNoise(), *([] if "game.views DiffAugment" in refused else [ADA(p=0.5)]), Curtain()
    return {"discriminator_steps": 2, "views": views, "penalties": (gradient, LeCam())} | STEADY.get(name, {})


@cache
def plain(name: str) -> Trainer:
    return make_trainer(name, replace(tiny_recipe(name).options, **STEADY.get(name, {})))


@cache
def cured(name: str) -> Trainer:
    """The game in the middle of its run."""
    trainer = make_trainer(name, replace(tiny_recipe(name).options, **cures(name)))
    trainer.rounds, trainer.round = 4, 2
    trainer.game.rounds, trainer.game.progress = 2, 0.5
    return trainer


@dataclass
class Watched:
    """One round, of which no step was taken."""

    moves: list[Move]
    drawn: int
    reached: list[dict[str, bool]]  # of each move, by player that judges: is its penalty finite, and does it move it?
    told: list[int]  # real samples that each player's views learnt from


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
    told = [int(view.told) for view in trainer.game.views if isinstance(view, Drawn)]
    return Watched(moves, next(drawn), reached, told)


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
            known = [grad for grad in grads if grad is not None]
            if known:  # else it is the penalty of another stage
                found[duel.discriminator] = bool(loss.isfinite()) and any(bool(grad.any()) for grad in known)
    return found


@pytest.mark.parametrize("name", GAMES)
def test_a_game_with_a_player_that_judges_has_the_three_settings(name):
    game = plain(name).game
    if not isinstance(game, Adversarial):
        assert not any("discriminator" in player or "judge" in player for player in game.players())
        return
    assert judges(game) <= set(game.players())
    assert {field.name for field in fields(game.Options)} >= SETTINGS
    assert all(len(reason.split()) > 6 for reason in game.refused().values())


@pytest.mark.parametrize("name", JUDGING)
def test_two_steps_are_two_moves_on_batches_of_their_own(name):
    game, made = cured(name).game, watched(name)
    turns = [move for move in made.moves if judges(game) & set(move.players)]
    assert len(turns) == 2
    assert all(judges(game) <= set(move.players) for move in turns)
    assert made.drawn == (4 if name == "simgan" else 2) or game.data.single  # whose refiner draws for both its steps


@pytest.mark.parametrize("name", JUDGING)
def test_a_penalty_is_paid_by_each_player_that_judges_in_each_of_its_steps(name):
    game, made = cured(name).game, watched(name)
    playing = {duel.discriminator for duel, n in zip(game.duels, made.told, strict=True) if n}
    paid = [each for each in made.reached if each]
    assert len(paid) == 2
    assert all(each == dict.fromkeys(playing, True) for each in paid)


@pytest.mark.parametrize("name", JUDGING)
def test_views_learn_from_every_real_sample_once_a_step(name):
    assert set(watched(name).told) - {0} == {2 * 4}


@pytest.mark.parametrize("name", JUDGING)
def test_a_cured_run_that_is_resumed_is_the_same_run(name):
    first = cured(name)
    watched(name)
    second = make_trainer(name, first.game.options)
    second.load_state(first.state(copy=True))
    for trainer in (first, second):
        trainer.play_round()
    one, two = first.game.state_dict(), second.game.state_dict()
    assert one.keys() == two.keys()
    assert [key for key in one if not torch.equal(one[key], two[key])] == []


@pytest.mark.parametrize("name", JUDGING)
def test_nothing_of_a_sample_passes_by_the_views(name):
    """Behind a curtain the losses of those that judge do not depend on real samples, nor the others' on their own."""
    trainer = cured(name)
    game, real = trainer.game, []
    options, game.options = game.options, replace(game.options, penalties=())
    hide(game, True)

    def batches() -> Iterator[Batch]:
        for batch in trainer.deal()[0]:
            key = next(key for key in ("image", "a", "b") if key in batch and batch[key].is_floating_point())
            real.append(batch[key].requires_grad_())
            yield batch

    for move in game.round(batches()):
        losses = [loss for what, loss in move.losses.items() if is_adversarial(what, game) and loss.requires_grad]
        makers = [game.get_submodule(duel.generator) for duel in game.duels if duel.generator]
        judging = bool(judges(game) & set(move.players))
        inputs = list(real) if judging else [p for maker in makers for p in maker.parameters() if p.requires_grad]
        for loss in losses:
            grads = torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True)
            assert not any(grad is not None and bool(grad.any()) for grad in grads), move.players
    hide(game, False)
    game.options = options


def hide(game: Adversarial, hides: bool) -> None:
    for view in game.views:
        if isinstance(view, Drawn):
            view.hides = hides


def is_adversarial(loss: str, game: Adversarial) -> bool:
    return loss in {"adversarial", *(f"adversarial_{duel.name}" for duel in game.duels), *(d.name for d in game.duels)}


@pytest.mark.parametrize("name", [name for name in OWN_ROUNDS if name in ("aae", "cyclegan", "lapgan", "singan")])
def test_micro_batches_leave_the_steps_of_a_cured_game_unchanged(name):
    """Where no network looks at a whole micro-batch."""
    games = []
    for parts in (1, 2):
        trainer = make_trainer(
            name, cured(name).game.options, SGD(lr=1e-3), precision="fp64", micro_batches=parts, rounds=2
        )
        trainer.play_round()
        games.append(dict(trainer.game.named_parameters()))
    one, two = games
    assert max(float((one[name] - two[name]).abs().max().detach()) for name in one) < 1e-12


@pytest.mark.parametrize("name", JUDGING)
def test_packs_are_judged_or_refused_in_the_sentence_that_describe_shows(name):
    refused = plain(name).game.refused().get("game.views Packing")
    changed = {"views": (Packing(2),)} | STEADY.get(name, {}) | ({} if refused else {"penalties": (Drift(),)})
    options = replace(tiny_recipe(name).options, **changed)
    if refused:
        with pytest.raises(UsageError, match=f"^{re.escape(refused)}$"):
            make_trainer(name, options)
        return
    trainer = make_trainer(name, options)
    trainer.game.check_batch(4)
    with pytest.raises(UsageError, match="do not divide evenly"):
        trainer.game.check_batch(3)
    trainer.rounds, trainer.round = 4, 2
    trainer.play_round()
    assert all(loss.isfinite() for loss in trainer.losses.values())
    assert any("drift" in loss for loss in trainer.losses)


class Unseen(BEGAN):
    forbidden: ClassVar[dict[str, str]] = {
        "views": "this game's discriminator reads sums of pixels, which views would not keep"
    }


def test_what_a_papers_form_has_no_room_for_is_refused_in_its_sentence():
    data = DataSpec.of((3, 16, 16))
    small = {"width": 4, "z_dim": 4}
    assert Unseen(data, Unseen.Options(**small)).refused()["game.views"] == Unseen.forbidden["views"]
    with pytest.raises(UsageError, match="reads sums of pixels"):
        Unseen(data, Unseen.Options(**small, views=(InstanceNoise(),)))


def test_describe_says_what_a_game_refuses_and_why(capsys):
    from saddle.cli import main

    told = describe(tiny_recipe("infogan"))["refused"]
    assert told["game.views Packing"].startswith("Packing judges several samples as one, which have no common code")
    assert "batch norm" in told["game.penalties R1"]
    assert "game.views InstanceNoise" not in told
    assert main(["describe", "infogan"]) == 0
    assert " ".join(told["game.penalties R1"].split()[:6]) in " ".join(capsys.readouterr().out.split())


def test_what_the_one_generator_of_several_sizes_owes_it_owes_once():
    trainer = make_trainer("stackgan-v2", replace(tiny_recipe("stackgan-v2").options, penalties=(Orthogonal(),)))
    trainer.game.progress = 0.5
    *_, last = trainer.game.round(trainer.deal()[0])
    assert sum("orthogonal" in loss for loss in last.losses) == 1


def test_each_player_that_judges_has_a_memory_of_its_own():
    options = replace(tiny_recipe("lapgan").options, penalties=(LeCam(), HistoricalAveraging()))
    game = make_trainer("lapgan", options).game
    sizes = [len(game.memories[2 * k + 1].get_submodule("discriminator").mean) for k in range(len(game.duels))]
    assert sizes == [sum(p.numel() for p in network.parameters()) for network in game.discriminator]
