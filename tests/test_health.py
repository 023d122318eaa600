"""What goes wrong in training is found early and named; signals ask, and insist."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from small import make_trainer
from torch import Tensor, nn

from saddle.base.errors import SaddleError
from saddle.spec import Batch, DataSpec
from saddle.tasks import Move, Synthesis
from saddle.training.health import (
    Diverged,
    Interrupted,
    OutOfMemory,
    Signals,
    check_ownership,
    first_bad_tensor,
    memory_in_words,
)
from saddle.training.plan import Plan
from saddle.training.trainer import Trainer

POINTS = DataSpec.of((2,), ("image",))


class Toy(Synthesis):
    """Two linear players. `trouble` is what goes wrong in round 3."""

    takes = ("points",)

    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        trouble: str = ""
        at: int = 3

    options: Options

    def __init__(self, data: DataSpec = POINTS, options: Options | None = None):
        super().__init__(data, options)
        self.generator, self.discriminator = nn.Linear(self.options.z_dim, 2), nn.Linear(2, 1)
        self.register_buffer("seen", torch.zeros(()))

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        trouble = self.options.trouble if self.rounds == self.options.at else ""
        real = next(batches)["image"]
        fake = self.decode(self.noise(len(real)))
        loss = self.discriminator(fake.detach()).mean() - self.discriminator(real).mean()
        yield Move("discriminator", adversarial=loss * (torch.nan if trouble == "nan" else 1), penalty=loss.square())
        if trouble == "weight":
            with torch.no_grad():
                self.generator.bias[1] = torch.inf
        if trouble == "buffer":
            self.seen.fill_(torch.nan)
        loss = -self.discriminator(self.decode(self.noise(len(real)))).mean()
        if trouble == "gradient":
            loss = loss + _steep(self.generator.weight.mean())
        yield Move("generator", adversarial=loss)


class _Steep(torch.autograd.Function):
    """The value 0 with a gradient that overflows."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x * 0

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient * torch.inf


_steep = _Steep.apply


class Ones:
    def batches(self, start: int) -> Iterator[list[Batch]]:
        while True:
            yield [{"image": torch.ones(4, 2)}]


def trainer_in(trouble: str, at: int = 3) -> Trainer:
    torch.manual_seed(0)
    return Trainer(Toy(options=Toy.Options(trouble=trouble, at=at)), Ones(), Plan(rounds=6, batch=4))


def play(trainer: Trainer) -> None:
    while trainer.round < trainer.rounds:
        trainer.play_round()


def test_a_loss_that_is_nan_is_named_with_its_round_player_term_and_tensor():
    with pytest.raises(Diverged) as caught:
        play(trainer_in("nan"))
    said = str(caught.value)
    assert said.startswith(
        "round 3: the loss 'adversarial' of discriminator is not finite; first bad tensor: "
        "gradient of discriminator.weight. The last good checkpoint stays. "
        "game.optim.lr is 0.0002; try a tenth of it in another --run."
    )
    assert caught.value.code == 1
    assert caught.value.rates == {"game.optim.lr": 0.0002}


def test_who_computes_exactly_already_is_not_advised_to():
    trainer = trainer_in("nan")
    trainer.precision = "bf16"
    with pytest.raises(Diverged, match=r"a tenth of it or --plan\.precision fp32 in another --run"):
        play(trainer)


def test_the_rate_to_lower_is_that_of_the_player_whose_tensor_is_bad_by_its_own_setting():
    trainer = make_trainer("aae")
    assert trainer.rates(["discriminator"]).keys() == {"game.adversarial_optim.lr"}
    assert trainer.rates(["encoder"]).keys() == {"game.optim.lr", "game.adversarial_optim.lr"}


def test_a_weight_that_overflowed_is_named_before_the_gradients_it_spoils():
    with pytest.raises(Diverged, match=r"round 3: .* of generator .* first bad tensor: weight generator\.bias\."):
        play(trainer_in("weight"))


def test_a_gradient_that_overflows_is_named_in_the_next_round():
    with pytest.raises(Diverged, match=r"round 4: .* first bad tensor: weight generator\.weight"):
        play(trainer_in("gradient"))


@pytest.mark.parametrize(
    ("trouble", "named"), [("gradient", r"generator\.weight \(game\)"), ("buffer", r"seen \(game\)")]
)
def test_what_is_not_finite_is_never_saved(trouble, named):
    """In the last round, when no loss will show it any more."""
    trainer = trainer_in(trouble, at=5)
    play(trainer)
    with pytest.raises(Diverged, match=rf"round 6: {named} is not finite\. The last good checkpoint stays"):
        trainer.check()


def test_an_optimizer_whose_second_moment_overflowed_is_not_saved():
    """Its player would never move again, and no loss would say so."""
    trainer = trainer_in("")
    trainer.play_round()
    trainer.check()
    trainer.optims["generator"].state[trainer.game.generator.bias]["exp_avg_sq"].fill_(torch.inf)
    with pytest.raises(Diverged, match=r"generator\.bias\.exp_avg_sq \(optimizers\) is not finite"):
        trainer.check()


def test_buffers_of_the_game_itself_are_looked_at():
    game = Toy()
    assert first_bad_tensor(game, ["generator"]) is None
    game.seen.fill_(torch.inf)
    assert first_bad_tensor(game, ["generator"]) == "buffer seen"


def test_two_players_that_share_a_parameter_are_refused_by_name():
    game = Toy()
    game.twin = nn.Linear(2, 1)
    game.twin.weight = game.discriminator.weight
    with pytest.raises(SaddleError, match="'discriminator' and 'twin' share a parameter"):
        check_ownership(game)


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_memory_that_ran_out_is_one_line_with_what_to_lower(error):
    with pytest.raises(OutOfMemory) as caught, memory_in_words(Plan(batch=64, micro_batches=2), (1, 32, 32)):
        raise error
    assert str(caught.value) == (
        "memory ran out with batches of 64 samples of shape 1×32×32 in 2 part(s); "
        "try --plan.micro_batches 4, a smaller --plan.batch or a smaller --data.size"
    )


def test_a_processor_that_cannot_allocate_is_out_of_memory_too():
    with (
        pytest.raises(OutOfMemory, match="memory ran out with batches of 64 samples in 1 part"),
        memory_in_words(Plan()),
    ):
        torch.empty(1 << 60, dtype=torch.uint8)


def test_other_errors_are_left_as_they_are():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), memory_in_words(Plan()):
        torch.ones(2, 3) @ torch.ones(2, 3)


@pytest.mark.parametrize("kind", Signals.kinds, ids=lambda kind: kind.name)
def test_a_first_signal_asks_and_is_remembered_by_name(kind):
    before = signal.getsignal(kind)
    with Signals() as signals:
        assert signals.received is None
        signal.raise_signal(kind)
        assert signals.received == kind.name
    assert signal.getsignal(kind) == before


def after_two_signals(first: signal.Signals, second: signal.Signals) -> int:
    """How a process ends that gets both."""
    child = os.fork()
    if not child:
        with Signals():
            signal.raise_signal(first)
            signal.raise_signal(second)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("kind", [kind for kind in Signals.kinds if kind != signal.SIGHUP], ids=lambda kind: kind.name)
def test_a_second_signal_leaves_at_once(kind):
    assert after_two_signals(signal.SIGTERM, kind) == -kind
    assert after_two_signals(signal.SIGHUP, kind) == -kind


def test_a_terminal_that_is_closed_may_say_so_twice():
    assert after_two_signals(signal.SIGHUP, signal.SIGHUP) == after_two_signals(signal.SIGINT, signal.SIGHUP) == 0


@pytest.mark.parametrize("kind", Signals.kinds, ids=lambda kind: kind.name)
def test_what_is_ignored_at_the_beginning_stays_ignored(kind):
    before = signal.signal(kind, signal.SIG_IGN)
    try:
        with Signals() as signals:
            signal.raise_signal(kind)
            assert signals.received is None
        assert signal.getsignal(kind) is signal.SIG_IGN
    finally:
        signal.signal(kind, before)


def test_outside_the_main_thread_signals_stay_the_host_programs_business():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with Signals() as signals:
            seen.append(signals.received)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupted_run_asks_to_be_tried_again():
    assert Interrupted.code == os.EX_TEMPFAIL == 75
