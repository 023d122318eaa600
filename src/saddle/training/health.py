"""What can go wrong while training, found early and said clearly."""

import math
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

import torch
import torch.distributed as td
from torch import nn

from ..base import dist
from ..base.errors import AGAIN, NO_MEMORY, SaddleError
from ..tasks import Game, Move
from .plan import Plan


class Interrupted(SaddleError):
    """The run was asked to stop, has saved, and goes on with the same command."""

    code = AGAIN


class OutOfMemory(SaddleError):
    """There is not enough of it for this batch."""


class Diverged(SaddleError):
    """A loss or weight is no longer a finite number; `rates` are the learning rates to lower, by setting."""

    def __init__(self, found: str, rates: Mapping[str, float] | None = None, precision: str = "fp32"):
        self.rates = dict(rates or {})
        exact = "" if precision in ("fp32", "fp64") else "--plan.precision fp32"
        now = " and ".join(f"{name} is {rate:g}" for name, rate in self.rates.items())
        lower = f"{now}; try a tenth of {'it' if len(self.rates) == 1 else 'them'}" if now else ""
        tried = " or ".join(filter(None, (lower, exact if lower or not exact else f"Try {exact}")))
        super().__init__(f"{found}. The last good checkpoint stays. {tried or 'Try other settings'} in another --run.")


class Signals:
    """Inside, the first signal asks for a stop at the end of the round; a second one leaves at once.

    They are SIGTERM, Ctrl-C, SIGUSR1, and the SIGHUP of a terminal that is closed: that often comes twice, so it never
    leaves at once. One that is ignored, as SIGHUP under nohup and Ctrl-C in a job of the background, stays ignored. The
    answer to the first one is given at once, by `say`: the round may take long.

    Under torchrun only the first one counts. torchrun hands on to its processes what they may have got themselves, as
    from Slurm, and kills those that take too long.
    """

    kinds = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)

    def __init__(self, say: Callable[[str], None] = lambda answer: None) -> None:
        self.received: str | None = None
        self.say, self.answer = say, "finishing the round, then saving"

    def __enter__(self) -> "Signals":
        self.before = {kind: signal.getsignal(kind) for kind in self.kinds}
        foreign = (signal.SIG_IGN, None)  # ignored, or of the host program in C, which could not be put back
        self.before = {kind: handler for kind, handler in self.before.items() if handler not in foreign}
        try:
            for kind in self.before:
                signal.signal(kind, self._receive)
        except ValueError:  # not the main thread: signals are the host program's business
            self.before = {}
        return self

    def __exit__(self, *error: object) -> None:
        for kind, handler in self.before.items():
            signal.signal(kind, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        launched = td.is_torchelastic_launched()
        for kind in self.before:  # a handler in Python would wait for the end of a long operation of torch
            signal.signal(kind, signal.SIG_IGN if launched or kind == signal.SIGHUP else signal.SIG_DFL)
        leaves = "" if launched else "; another Ctrl-C leaves at once, and the last checkpoint stays"
        self.say(self.answer + leaves)


def check_ownership(game: Game) -> None:
    """SaddleError if two players share a parameter."""
    owner: dict[nn.Parameter, str] = {}
    for name, player in game.players().items():
        for parameter in player.parameters():
            if owner.setdefault(parameter, name) != name:
                raise SaddleError(f"'{owner[parameter]}' and '{name}' share a parameter; make them one player")


class LossWatch:
    """Remembers the first loss term that was not finite, without making a GPU wait for it.

    `check` asks; on a processor that is done after every move, on a GPU now and then.
    """

    def __init__(self, device: torch.device):
        self.first = torch.tensor(-1, device=device)  # round · 2¹⁶ + index of the term
        self.near = device.type == "cpu"  # a number can be asked for at once; a GPU would have to wait for it
        self.terms: list[str] = []

    @torch.no_grad()
    def look(self, round_: int, move: Move) -> None:
        for name, loss in move.losses.items():
            term = f"{'+'.join(move.players)}/{name}"
            if term not in self.terms:
                self.terms.append(term)
            if self.near and math.isfinite(loss.item()):  # the usual case
                continue
            code = round_ * 65536 + self.terms.index(term)
            bad = ~torch.isfinite(loss.detach()) & (self.first < 0)
            self.first = torch.where(bad, code, self.first)

    def found(self, game: Game) -> tuple[str, list[str]] | None:
        """Round, players, loss term and first bad tensor in words, and who it is about; None if there is none.

        That is the player whose tensor it is, else those of the loss.
        """
        code = int(dist.largest(self.first))
        if code < 0:
            return None
        round_, term = code // 65536, self.terms[code % 65536]
        players, _, name = term.partition("/")
        bad = first_bad_tensor(game, players.split("+"))
        owner = bad.split(" ")[-1].partition(".")[0] if bad else ""
        return (
            f"round {round_}: the loss '{name}' of {players} is not finite; first bad tensor: "
            f"{bad or 'none in the weights, so it arose in the loss itself'}",
            [owner] if owner in game.players() else players.split("+"),
        )


class StepWatch:
    """Of steps, while it is on: how long each player's gradient is, and how far its weights move."""

    def __init__(self) -> None:
        self.on = False
        self.found: dict[str, torch.Tensor] = {}  # gradient/PLAYER, and update/PLAYER relative to the weights' length

    @contextmanager
    @torch.no_grad()
    def step(self, players: Mapping[str, list[nn.Parameter]]) -> Iterator[None]:
        """Around a step of these players, whose gradients are there."""
        if not self.on:
            yield
            return
        before = {name: [p.detach().clone() for p in weights] for name, weights in players.items()}
        for name, weights in players.items():
            self.found[f"gradient/{name}"] = _length([p.grad for p in weights if p.grad is not None])
        yield
        for name, weights in players.items():
            moved = torch._foreach_sub(list(weights), before[name])
            self.found[f"update/{name}"] = _length(moved) / _length(before[name]).clamp(min=1e-12)


def _length(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """The Euclidean norm of all their numbers together."""
    if not tensors:
        return torch.zeros(())
    return torch.stack([norm.float() for norm in torch._foreach_norm(list(tensors))]).norm()


def first_bad_tensor(game: Game, players: list[str]) -> str | None:
    """The first parameter or buffer, else the first gradient of `players`, that is not finite; their own come first.

    A bad weight of one player makes bad gradients in another: it is named before them.
    """
    tensors: list[tuple[str, str, torch.Tensor]] = [("weight ", *item) for item in game.named_parameters()]
    tensors += [("buffer ", *item) for item in game.named_buffers()]
    tensors.sort(key=lambda item: item[1].partition(".")[0] not in players)
    tensors += [("gradient of ", path, p.grad) for path, p in game.named_parameters() if p.grad is not None]
    return next((kind + path for kind, path, tensor in tensors if not torch.isfinite(tensor).all()), None)


@contextmanager
def memory_in_words(plan: Plan, shape: tuple[int, ...] = ()) -> Iterator[None]:
    """Inside, memory that runs out is OutOfMemory, which says what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError, TypeError, OverflowError) as error:
        if not _ran_out(error):
            raise
        each = f" of shape {'×'.join(map(str, shape))}" if shape else ""
        raise OutOfMemory(
            f"memory ran out with batches of {plan.batch} samples{each} in {plan.micro_batches} part(s); "
            f"try --plan.micro_batches {plan.micro_batches * 2}, a smaller --plan.batch or a smaller --data.size"
        ) from error


def _ran_out(error: BaseException) -> bool:
    """On a processor torch raises a RuntimeError, and a TypeError for more than 63 bits can count."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(words in str(error) for words in NO_MEMORY)
