"""Two processes, or micro-batches, make the step of one: the same weights to 1e-12 in float64, whatever the game."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small import GAMES, make_trainer
from torch import Tensor, nn

from saddle.base import dist, rng
from saddle.context import Context
from saddle.layers.minibatch import MinibatchStd
from saddle.optim import SGD
from saddle.penalties import GradientPenalty
from saddle.training.trainer import Trainer

ROUNDING = {
    "ganilla": 1e-11,  # its last norms see few pixels, and divide by spreads that may be small
    "tpgan": 1e-9,  # its losses are sums over pixels, and its weights take steps a thousand times as long
}
BY_SGD = {"rounds": 2, "precision": "fp64", "optim": SGD(lr=1e-3)}  # Adam would blow rounding up to a full step
each_game = pytest.mark.parametrize("name", GAMES, scope="module")  # one after the other: its tests share one run
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory) -> Path:
    """The states that two processes end with, for all games in one go."""
    folder = tmp_path_factory.mktemp("ranks")
    here = Path(__file__).parent
    done = subprocess.run([*TORCHRUN, str(here / "rank.py"), str(folder), *GAMES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def one(name) -> nn.Module:
    """The game after two rounds of one process with whole batches."""
    return played(make_trainer(name, **BY_SGD))


def played(trainer: Trainer) -> nn.Module:
    while trainer.round < trainer.rounds:
        trainer.play_round()
    return trainer.game


def largest_gap(game: nn.Module, other: dict[str, Tensor]) -> float:
    return max(float((t.double() - other[k].double()).abs().max()) for k, t in game.state_dict().items())


@each_game
def test_two_ranks_make_the_step_of_one(name, two_ranks, one):
    first, second = (load_file(two_ranks / f"{name}.{rank}.safetensors") for rank in (0, 1))
    assert [key for key in first if not torch.equal(first[key], second[key])] == [], "the ranks disagree"
    assert largest_gap(one, first) < ROUNDING.get(name, 1e-12)


def _mixes_samples(module: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm | MinibatchStd) for m in module.modules())


@each_game
def test_micro_batches_leave_the_step_unchanged(name, one):
    """Where nothing in the networks looks at a whole micro-batch, as batch norm does."""
    gap = largest_gap(one, played(make_trainer(name, micro_batches=2, **BY_SGD)).state_dict())
    if _mixes_samples(one):
        assert gap > 0
    else:
        assert gap < ROUNDING.get(name, 1e-12)


def test_whole_batch_numbers_do_not_depend_on_the_division():
    def drawn(index: int, count: int) -> torch.Tensor:
        with rng.share(index, count):
            rng.seed(3, "x")
            return torch.cat([rng.randn(12 // count, 5), rng.rand(12 // count, 5)], 1)

    whole = drawn(0, 1)
    for count in (2, 3, 4):
        assert torch.equal(torch.cat([drawn(i, count) for i in range(count)]), whole)


def test_dropout_draws_apart_for_every_share():
    def drawn(index: int) -> torch.Tensor:
        with rng.share(index, 2):
            rng.seed(0)
            return torch.rand(8)

    assert not torch.equal(drawn(0), drawn(1))


def test_a_lazy_penalty_is_averaged_over_processes_too(tmp_path):
    """Its round has gradients where others have none: the ranks must still agree which parameters they send."""
    from lazy_rank import play_lazily

    done = subprocess.run(
        [*TORCHRUN, str(Path(__file__).parent / "lazy_rank.py"), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one = play_lazily()
    for rank in (0, 1):
        two = load_file(tmp_path / f"{rank}.safetensors")
        assert max((two[k] - t).abs().max() for k, t in one.items()) < 1e-12


def test_gradients_without_a_group_stay_as_they_are():
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    before = layer.weight.grad.clone()
    dist.average_gradients(list(layer.parameters()))
    assert torch.equal(layer.weight.grad, before)


def test_a_lazy_penalty_counts_in_every_third_round_three_times():
    penalty = GradientPenalty(every=3)
    x = torch.randn(4, 2)
    values = [penalty(r, Context(lambda x: x @ torch.tensor([3.0, 4.0]), x, x)) for r in range(6)]
    assert [v is None for v in values] == [False, True, True] * 2
    assert torch.isclose(values[0], torch.tensor(3 * 160.0))
