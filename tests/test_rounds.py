"""Properties of a round that every game in the folder has."""

import inspect
import re
import sys
from dataclasses import fields, replace
from typing import NamedTuple

import pytest
import torch
from small import GAMES, make_trainer, tiny_recipe
from torch import Tensor, nn

from saddle.runs import registry
from saddle.tasks import Move
from saddle.training import trainer
from saddle.training.checkpoint import State
from saddle.training.trainer import Trainer


def flat(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def states_differ(one: State, two: State) -> list[str]:
    """Names of the tensors in which two trainers' states are not the same to the last bit."""
    assert one.facts == two.facts
    return [
        f"{group}.{name}"
        for group, tensors in one.tensors.items()
        for name, tensor in tensors.items()
        if not torch.equal(tensor, two.tensors[group][name])
    ]


class Watching(Trainer):
    """Notes which players each move changed."""

    def make(self, moves: list[Move]) -> None:
        before = {name: flat(player) for name, player in self.game.players().items()}
        super().make(moves)
        changed = {name for name, player in self.game.players().items() if not torch.equal(before[name], flat(player))}
        self.moved.append((set(moves[0].players), changed, torch.is_grad_enabled()))


class Whole(NamedTuple):
    """A game's run without a break."""

    moved: list[tuple[set[str], set[str], bool]]  # whose moves they were, whom they changed, and whether gradients flow
    states: dict[int, State]  # after so many rounds
    losses: dict[int, dict[str, Tensor]]
    players: set[str]


@pytest.fixture(scope="module", params=GAMES)
def name(request) -> str:
    """One game after the other, so that its tests share one run, and only that one is kept."""
    return request.param


@pytest.fixture(scope="module")
def whole(name) -> Whole:
    trainer = make_trainer(name)
    trainer.__class__, trainer.moved = Watching, []
    run = Whole(trainer.moved, {}, {}, set(trainer.game.players()))
    while trainer.round < 3 or (trainer.round < 4 and not is_complete(run)):  # some move in the last stage alone
        trainer.play_round()
        run.states[trainer.round], run.losses[trainer.round] = trainer.state(copy=True), dict(trainer.losses)
    return run


def is_complete(run: Whole) -> bool:
    """Has each player moved?"""
    return set().union(*(changed for _, changed, _ in run.moved)) == run.players


def test_each_move_changes_exactly_its_players(whole):
    for players, changed, gradients in whole.moved:
        assert changed == players, f"the move of {players} changed {changed}"
        assert gradients
    assert is_complete(whole), "a player never moved"


def test_a_resumed_run_is_the_same_run(name, whole):
    resumed = make_trainer(name, seed=0)
    torch.manual_seed(99)  # whatever the random numbers were before
    resumed.load_state(whole.states[2])
    resumed.play_round()
    assert states_differ(whole.states[3], resumed.state()) == []


def test_measuring_the_pace_leaves_no_trace(name, whole, monkeypatch):
    monkeypatch.setattr(trainer, "WARMING", 0)
    monkeypatch.setattr(trainer, "TIMED", 1)  # a round leaves what many would leave
    measured = make_trainer(name)
    measured.measure_pace(seconds=0)
    measured.play_round()
    assert states_differ(measured.state(), whole.states[1]) == []


def test_the_pace_of_a_game_with_stages_is_measured_all_over_its_run(monkeypatch):
    """The rounds of the first stage may be the shortest: a run in minutes would take many times as long."""
    trainer = make_trainer("progan", rounds=100)
    asked, play = [], trainer.play_round
    monkeypatch.setattr(trainer, "play_round", lambda: (asked.append(trainer.course.progress(trainer.round)), play()))
    trainer.measure_pace(seconds=0)
    assert min(asked) < 0.1
    assert max(asked) > 0.9
    assert sum(0.2 < progress < 0.8 for progress in asked) > len(asked) / 2
    assert trainer.round == 0
    monkeypatch.setattr(trainer.course, "at_mark", lambda round_: True)
    assert trainer.raise_rounds(0.001) is None, "what one stage takes decides nothing"


def only_adversarial(options):
    """The options with every weight that is not the adversarial loss's set to zero."""
    weights = {f.name for f in fields(options) if f.name.endswith("_weight")} - {"adversarial_weight"}
    zero: dict[str, object] = dict.fromkeys(weights, 0.0)
    if getattr(options, "adversarial_weight", 1) == 0:  # it has a discriminator only if one is asked for
        zero |= {"adversarial_weight": 1.0, "patch_layers": 1}
    zero |= {slot: () for slot in ("penalties", "auxiliaries") if hasattr(options, slot)}
    return replace(options, **zero)


def test_the_adversarial_gradient_reaches_each_generator_parameter(name):
    trainer = make_trainer(name, options=only_adversarial(tiny_recipe(name).options))
    open_gates(trainer.game)
    reached: dict[str, bool] = {}
    eighths = [step / 8 for step in range(8)]  # a game that grows brings in its parameters one after another
    for trainer.game.progress in eighths:
        for move in trainer.game.round(trainer.deal()[0]):
            generators = [player for player in move.players if player in trainer.game.averaged]
            sum(move.losses.values()).backward(inputs=trainer.parameters(move))
            for player in generators:
                for path, p in trainer.game.get_submodule(player).named_parameters():
                    moves = p.grad is not None and bool(p.grad.abs().sum() > 0)
                    reached[f"{player}.{path}"] = moves or reached.get(f"{player}.{path}", False)
            trainer.game.zero_grad()
        if reached and all(reached.values()):
            break
    silent = [path for path, yes in reached.items() if not yes and not shifts_before_norm(trainer.game, path)]
    assert reached
    assert silent == []


@torch.no_grad()
def open_gates(game: nn.Module) -> None:
    """What starts at zero, such as the weight of an attention, keeps gradients from what lies before it."""
    for parameter in game.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)


def shifts_before_norm(game: nn.Module, path: str) -> bool:
    """A bias that a normalisation without statistics of its own takes out again has no gradient by construction."""
    owner, _, kind = path.rpartition(".")
    parent, _, index = owner.rpartition(".")
    if kind != "bias" or not index.isdigit():
        return False
    siblings = list(game.get_submodule(parent).children())
    after = siblings[int(index) + 1 : int(index) + 2]
    return bool(after) and isinstance(after[0], nn.InstanceNorm2d | nn.modules.batchnorm._BatchNorm)


def test_the_discriminators_step_sends_nothing_to_the_generator(name):
    trainer = make_trainer(name)
    for move in trainer.game.round(trainer.deal()[0]):
        if not set(move.players) & set(trainer.game.averaged):
            generators = trainer.game.players().keys() & set(trainer.game.averaged)
            others = [p for name in generators for p in trainer.game.get_submodule(name).parameters()]
            gradients = torch.autograd.grad(
                sum(move.losses.values()), others, allow_unused=True, retain_graph=True, materialize_grads=False
            )
            assert all(g is None for g in gradients), f"the fakes of {move.players} are not detached"
        else:
            sum(move.losses.values()).backward(inputs=trainer.parameters(move))


def test_every_loss_is_finite_and_logged_by_name(whole):
    assert all(whole.losses.values())
    assert all(torch.isfinite(loss) for losses in whole.losses.values() for loss in losses.values())
    assert all("/" in term for losses in whole.losses.values() for term in losses)


def test_bf16_plays_close_to_fp32(name, whole):
    half = make_trainer(name, precision="bf16")
    half.play_round()
    rough = {"tpgan": 0.2}.get(name, 0.1)  # norms of 16 values: of four seeds its perceptual loss was 0.86 to 1.03
    for term, loss in whole.losses[1].items():
        assert torch.isclose(half.losses[term].float(), loss, atol=0.1, rtol=rough), term


def test_the_docstring_cites_its_paper(name):
    kind = registry.load(name)
    text = inspect.getdoc(sys.modules[kind.__module__]) or ""
    assert re.search(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}|https://doi\.org/", text)
    assert re.search(r"\b(19|20)\d\d\b", text.splitlines()[0] + " ".join(text.splitlines()[1:3])), "no year"
    assert len(text.splitlines()) > 2, "what does the paper change?"


def test_every_setting_says_what_it_means(name):
    from saddle.base.remarks import meanings

    kind = registry.load(name)
    told = meanings(kind.Options)
    assert [f.name for f in fields(kind.Options) if not told.get(f.name)] == []
