"""A round asks the device for nothing: it would wait until all that it was told to do is done."""

import traceback
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from small import GAMES, make_trainer
from torch import Tensor
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from saddle import optim
from saddle.base import rng
from saddle.base.known import constant, drawn, known, put, table
from saddle.training.trainer import Trainer

READS = {  # operations whose result, or its size, is read from the device
    *("_local_scalar_dense", "_unique2", "equal", "is_nonzero", "masked_select", "nonzero", "unique_dim"),
}
SENDS = {torch.tensor, torch.as_tensor, torch.from_numpy}  # a list or an array becomes a tensor
ASKS = {Tensor.tolist, Tensor.numpy, Tensor.cpu}
CLIMBS = "it climbs until its samples are as good as the data, and has to look"
TEXTS = "it reads the captions, and asks whether a batch has two different ones"
WAITS = {  # games that have to, and what for
    "energy": CLIMBS,
    "gan-cls": TEXTS,
    "mgan": "each of its generators is given its own latents, however many these are",
    "pix2pixhd": "it counts the instances of a map, and remembers the features of each",
    "stackgan": TEXTS,
    "stackgan-v2": TEXTS,
}


class Watched(TorchDispatchMode):
    """Counts the lines of the package that read from the device or send it a new list."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: Counter[str] = Counter()
        self.looks = True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        at = args[1] if name in ("index", "index_put", "index_put_", "_index_put_impl_") else ()
        if name in READS or any(isinstance(i, Tensor) and i.dtype == torch.bool for i in at):
            self.see(name)
        return func(*args, **(kwargs or {}))

    def see(self, what: str) -> None:
        frames = traceback.extract_stack(limit=40)
        places = [f for f in frames if "/saddle/" in f.filename or "/torch/optim/" in f.filename]
        if self.looks and places and "/torch/optim/" not in places[-1].filename:  # its numbers of steps are ours
            self.lines[f"{what} in {places[-1].filename.rpartition('/saddle/')[2]}: {places[-1].line}"] += 1


class Asked(TorchFunctionMode):
    """Tells a Watched of calls that the dispatcher does not see; one_hot looks at its labels on a processor alone."""

    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self.watched = watched

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in ASKS | SENDS and not here():
            self.watched.see(func.__name__)
        if func is not one_hot:
            return func(*args, **(kwargs or {}))
        before, self.watched.looks = self.watched.looks, False
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.watched.looks = before


def here() -> bool:
    """`sent` lets the device take its list in turn, and `listed` takes only what is on this side."""
    return any(f.filename.endswith("base/known.py") for f in traceback.extract_stack(limit=8))


SCHEDULED = {  # games whose optimizers have another setting that changes, which torch takes as a number of ours
    "gan": "momentum",
    "r3gan": "betas",
}


class Made(torch.Generator):
    """Counts the random generators that are made."""

    count = 0

    def __new__(cls, *args: Any) -> "Made":
        Made.count += 1
        return super().__new__(cls, *args)


def third_round(name: str) -> tuple[Counter[str], set[str]]:
    """What is asked for in the third round of a run; data come from elsewhere, and losses are looked at in the log.

    And which numbers of ours its optimizers would be given by then on a device that records its steps.
    """
    trainer = make_trainer(name)
    trainer.check_losses = lambda: None  # type: ignore[method-assign]  # on a GPU only when the log is written
    trainer.watch.near = False  # as on a GPU
    trainer.rounds = 8
    trainer.play_round()
    trainer.play_round()  # what a device is asked once, it has been asked
    watched, batches = Watched(), trainer._batches
    assert batches

    def unwatched() -> Iterator[Any]:
        while True:
            watched.looks = False
            batch = next(batches)
            watched.looks = True
            yield batch

    trainer._batches = unwatched()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "Generator", Made)
        Made.count = 0
        with Asked(watched), watched:
            trainer.play_round()
    if Made.count:
        watched.lines["made a random generator"] = Made.count
    return watched.lines, changed(trainer)


def changed(trainer: Trainer) -> set[str]:
    """The names of the settings of its optimizers that a run changes, and are not tensors, where steps are recorded."""
    names = set()
    for player, of in trainer.steppers.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(optim, "recordable", lambda device: True)
            optimizer = trainer.game.optim(player).build(of.parameters())
        (group,) = optimizer.param_groups
        before = {setting: value for setting, value in group.items() if not isinstance(value, Tensor)}
        rate = group["lr"]
        now = trainer.game.optim(player).at(5, 0.7)
        optim.give(optimizer, now)
        names |= {setting for setting, value in before.items() if group[setting] != value}
        assert group["lr"] is rate, "who recorded a step reads this one"
        assert rate.item() == pytest.approx(now["lr"])
    return names


@pytest.mark.parametrize("name", GAMES)
def test_no_round_waits_for_the_device_but_where_the_paper_needs_a_value_here(name):
    """Nor does it make a random generator, or give an optimizer another number: both would be lost on a CUDA graph."""
    asked, given = third_round(name)
    assert bool(asked) == (name in WAITS), asked
    assert given == {SCHEDULED[name]} if name in SCHEDULED else not given


@pytest.mark.parametrize("kind", [optim.Adam, optim.SGD])
def test_a_learning_rate_in_a_tensor_makes_the_step_that_a_number_makes(kind, monkeypatch):
    def stepped() -> tuple[Tensor, Any]:
        how = kind(lr=0.125, schedule=optim.Linear(1.0, 0.5))
        x = torch.nn.Parameter(torch.arange(1.0, 4.0))
        optimizer = how.build([x])
        for step in range(3):
            optim.give(optimizer, how.at(step, step / 4))
            x.grad = x.detach().clone()
            optimizer.step()
        return x.detach(), optimizer.param_groups[0]["lr"]

    plain, number = stepped()
    monkeypatch.setattr(optim, "recordable", lambda device: True)
    recorded, tensor = stepped()
    assert isinstance(number, float)
    assert isinstance(tensor, Tensor)
    assert torch.allclose(plain, recorded, rtol=1e-6)
    assert not recorded.equal(torch.arange(1.0, 4.0))


def test_only_a_gpu_records_steps():
    assert optim.recordable(torch.device("cuda:1"))
    assert not optim.recordable(torch.device("cpu"))


def test_what_is_counted_is_what_waits():
    watched, x = Watched(), torch.arange(3.0)
    code = compile(
        "x.sum().item(); x.tolist(); bool(x[0] > 0); x[x > 1]; torch.tensor([1.0]); x.nonzero(); x + 1; one_hot(y)",
        "/saddle/example.py",
        "exec",
    )
    with Asked(watched), watched:
        exec(code, {"x": x, "torch": torch, "one_hot": one_hot, "y": torch.arange(3)})
    assert sum(watched.lines.values()) == 6


def test_a_number_is_asked_for_once_for_every_change(monkeypatch):
    count = torch.tensor(3)
    assert known(count) == 3
    monkeypatch.setattr(Tensor, "__int__", None)  # who asks now fails
    assert known(count) == 3
    put(count, 7)
    assert (known(count), count.tolist()) == (7, 7)
    monkeypatch.undo()
    count.fill_(8)
    assert known(count) == 8
    copied = deepcopy(count)
    copied.copy_(torch.tensor(1))
    assert (known(count), known(copied)) == (8, 1)
    holder = torch.nn.Module()
    holder.register_buffer("count", count)
    holder.load_state_dict({"count": torch.tensor(2)})
    assert known(holder.count) == 2
    with torch.inference_mode():
        assert known(torch.tensor(5)) == 5


def test_constants_that_are_first_needed_in_use_can_be_differentiated_through_later():
    like = torch.ones(3, dtype=torch.float64, requires_grad=True)
    with torch.inference_mode():
        first = constant((0.25, 0.5, 4.0), like)
    assert constant((0.25, 0.5, 4.0), like) is first
    (constant((0.25, 0.5, 4.0), like) * like).sum().backward()
    assert like.grad is not None
    assert like.grad.tolist() == [0.25, 0.5, 4.0]


def test_a_table_is_made_once_for_each_owner():
    class Owner:
        pass

    one, other, made = Owner(), Owner(), []

    def make() -> Tensor:
        made.append(None)
        return torch.ones(1)

    for owner in (one, one, other):
        table(owner, torch.device("cpu"), make)
    assert len(made) == 2


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_of_a_batch_know_the_numbers_that_are_drawn_for_each(parts):
    rng.seed("whole")
    whole = rng.rand(6)
    found = []
    for index in range(parts):
        rng.seed("whole")
        with rng.share(index, parts):
            found.append(drawn(rng.rand, 6 // parts))
    assert torch.cat(found).equal(whole)
