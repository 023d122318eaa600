"""The one training loop. It knows moves, players and batches, and nothing of any paper."""

import itertools
import time
from collections.abc import Collection, Iterator
from dataclasses import fields, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from ..base import dist, rng, telling
from ..base.precision import Precision
from ..layers.layout import likes_channels_last
from ..optim import Optim, give
from ..spec import Batch
from ..tasks import Game, Move
from .averages import Averages, decay
from .checkpoint import Damaged, State, load_weights
from .course import Course, moved
from .health import Diverged, LossWatch, StepWatch, check_ownership
from .plan import Plan

LONGEST = 10.0  # seconds in which the pace is measured
WARMING, TIMED = 2, 3  # rounds before it is, and the fewest that it is the median of
PLACES = 10  # of a run with stages, at which it is


class Stream(Protocol):
    """Data as the trainer sees it: an endless sequence of global batches, addressed by number."""

    def batches(self, start: int) -> Iterator[list[Batch]]:
        """From global batch `start` on, this process's micro-batches of each."""


class Trainer:
    """Plays rounds. Everything that a round depends on is in `state`, the plan and the data."""

    def __init__(self, game: Game, stream: Stream, plan: Plan, precision: Precision = "fp32"):
        check_ownership(game)
        dist.share_state(game)
        self.game, self.stream, self.plan, self.precision = game.train(), stream, plan, precision
        if precision == "fp64":
            game.double()
        self.channels_last = likes_channels_last(game) if plan.channels_last is None else plan.channels_last
        if self.channels_last and game.data.is_image:
            game.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averages = Averages(game)
        if plan.compile:
            for player in game.players().values():
                player.compile()
        self.steppers = game.players() | {phase: game.players()[name] for phase, name in game.phases.items()}
        self.optims = {name: game.optim(name).build(player.parameters()) for name, player in self.steppers.items()}
        self.weights = {n: [p for p in player.parameters() if p.requires_grad] for n, player in game.players().items()}
        self.device, self.dtype = game.device, game.dtype
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16")
        self.watch = LossWatch(self.device)
        self.steps = StepWatch()
        self.waited = 0.0  # seconds for data, since the last log line
        self.losses: dict[str, Tensor] = {}  # the last value of every loss term, of this process
        self.round = self.batches_drawn = 0
        self.course = Course(plan)
        self._batches: Iterator[list[Batch]] | None = None

    @property
    def images(self) -> int:
        return self.round * self.plan.batch

    @property
    def rounds(self) -> int | None:
        """Of the whole run; None until the pace is measured."""
        return self.course.rounds

    @rounds.setter
    def rounds(self, rounds: int | None) -> None:
        self.course.rounds = rounds

    def play_round(self) -> None:
        """One round: the micro-batches' rounds in step, one backward for each, then one step for all."""
        self.game.rounds, self.game.progress = self.round, self.course.progress(self.round)
        for name, optim in self.optims.items():
            give(optim, self.game.optim(name).at(self.round, self.game.progress))
        hands = [self.game.round(hand) for hand in self.deal()]
        for turn in itertools.count():
            moves = [self.consider(hand, turn, i) for i, hand in enumerate(hands)]
            if moves[0] is None:
                break
            self.make(moves)  # type: ignore[arg-type]  # rounds in step end together
        plan = self.plan
        self.round += 1
        self.averages.update(decay(self.images, plan.batch, plan.ema_images, plan.ema_ramp))

    def deal(self) -> list[Iterator[Batch]]:
        """One iterator of batches for each micro-batch; all draw from the same global batches."""
        if self._batches is None:
            self._batches = self.stream.batches(self.batches_drawn)
        drawn: list[list[Batch]] = []

        def hand(i: int) -> Iterator[Batch]:
            for n in itertools.count():
                if n == len(drawn):
                    began = time.perf_counter()
                    drawn.append(next(self._batches))  # type: ignore[arg-type]
                    self.batches_drawn += 1
                    self.waited += time.perf_counter() - began
                yield {key: self.prepare(value) for key, value in drawn[n][i].items()}

        return [hand(i) for i in range(self.plan.micro_batches)]

    def prepare(self, x: Tensor) -> Tensor:
        """A batch's tensor on the game's device, in its precision and memory layout.  Any shape → same shape"""
        if not x.is_floating_point():
            return x.to(self.device)
        x = x.to(self.device, self.dtype)
        return x.contiguous(memory_format=torch.channels_last) if self.channels_last and x.ndim == 4 else x

    def consider(self, hand: Iterator[Move], turn: int, micro: int) -> Move | None:
        """The next move of one micro-batch, with its gradients added to the players'."""
        part, parts = micro * dist.world() + dist.rank(), self.plan.micro_batches * dist.world()
        # a resumed run is the same run
        with rng.share(part, parts), rng.stepping(self.plan.seed, self.round, turn):
            with self.autocast:
                move = next(hand, None)
            if move:
                first, *others = move.losses.values()
                total = sum(others, first)
                if self.plan.micro_batches > 1:
                    total = total / self.plan.micro_batches
                total.backward(inputs=self.parameters(move))  # the other players' gradients stay untouched
        return move

    def make(self, moves: list[Move]) -> None:
        """One step of the players of a move, from the gradients of all micro-batches and processes."""
        move = moves[0]
        dist.average_gradients(self.parameters(move))
        for each in moves:
            self.watch.look(self.round, each)
        if self.device.type == "cpu":
            self.check_losses()
        with self.steps.step({name: self.weights[name] for name in move.players} if self.steps.on else {}):
            for name in move.optims:
                if move.forget:
                    self.optims[name].state.clear()
                self.optims[name].step()
        for name in move.optims:
            self.optims[name].zero_grad()
        for name in move.losses:
            of_parts = [each.losses[name].detach().reshape(()) for each in moves]
            mean = torch.stack(of_parts).mean() if len(of_parts) > 1 else of_parts[0]
            self.losses[f"{'+'.join(move.players)}/{name}"] = mean

    def parameters(self, move: Move) -> list[nn.Parameter]:
        return [p for name in move.players for p in self.weights[name]]

    def measure_pace(self, seconds: float | None = None) -> float:
        """Seconds that a round takes: the median of rounds that are then taken back.

        They are played for so many `seconds`: a thirtieth of the plan's minutes and at most 10, unless told otherwise.
        Of a game with stages, such as one that grows, they come from ten places of the run: the mean of their medians.
        """
        seconds = min(2 * (self.plan.limit or 2), LONGEST) if seconds is None else seconds
        before = self.state(copy=True)
        self.rounds = self.rounds or 1_000_000
        telling.now("measuring how long a round takes")
        count, begun = (PLACES if self.game.has_staged(1.0) else 1), self.round
        ahead = max(self.rounds - begun, 0) if count > 1 else 0
        paces = []
        for place in range(count):
            self.round = begun + ahead * (2 * place + 1) // (2 * count)
            paces.append(self._pace_here(seconds / count))
        self.load_state(before)
        for optim in self.optims.values():
            optim.zero_grad()
        self.losses = {}
        return sum(paces) / count

    def _pace_here(self, seconds: float) -> float:
        """The median of TIMED rounds or more from here on, after those of WARMING, which are not counted."""
        paces: list[float] = []
        while len(paces) < WARMING + TIMED or sum(paces) < seconds:
            started = time.perf_counter()
            self.play_round()
            self.wait()
            pace = torch.tensor(time.perf_counter() - started, device=self.device)
            paces.append(float(dist.largest(pace)))  # so that all processes stop after the same round
        return sorted(paces[WARMING:])[len(paces[WARMING:]) // 2]

    def wait(self) -> None:
        """Until the device has played what it was given."""
        float(sum(loss.float().sum() for loss in self.losses.values()))

    def fix_rounds(self) -> float | None:
        """Turn the plan's budget into rounds. The pace, in seconds a round, if it had to be measured."""
        if self.rounds is not None:
            return None
        pace = self.measure_pace()
        self.rounds = self.plan.rounds_at(pace)
        return pace

    def raise_rounds(self, seconds: float) -> float | None:
        """At a mark of the run's first fifth, make it longer if rounds now take less time than was planned with.

        `seconds` were spent in rounds so far. Returns the new pace, in seconds a round, if there are more rounds now.

        The time is this machine's, so two runs may decide differently. A run that is resumed is still the same run:
        what was decided is in `state`, and after a measurement, whatever it decides, the session saves before the next
        round, so that no round is played again under another decision. All processes decide alike.
        """
        if self.game.has_staged(1.0) or not self.course.at_mark(self.round):
            return None  # what the rounds of one stage take says nothing of the others
        seconds = float(dist.largest(torch.tensor(seconds, device=self.device)))
        pace = self.course.pace(self.round, seconds)
        if self.has_moved() or not self.course.raise_rounds(self.round, seconds, pace):
            return None
        return pace

    def at_rest(self) -> list[str]:
        """The players, or phases, whose learning rate is 0 from the end of progress on."""
        end = self.course.end
        return [name for name in self.optims if not self.game.optim(name).at(end, 1.0)["lr"] > 0]

    def has_moved(self) -> bool:
        """Has progress changed a schedule, or begun a stage? What was scheduled over the old length then stays."""
        progress = self.course.progress(self.round)
        optims = [self.game.optim(name) for name in self.optims]
        return moved([self.game.options, *optims], self.round, progress) or self.game.has_staged(progress)

    def rates(self, players: Collection[str]) -> dict[str, float]:
        """The learning rates of players or phases by setting, such as {"game.optim.lr": 0.1}; none for no player."""
        options = self.game.options
        values = {each.name: getattr(options, each.name) for each in fields(options)}
        chosen = {setting: value for setting, value in values.items() if isinstance(value, Optim)}
        found = {}
        for name in self.optims:
            if name in players or self.game.phases.get(name) in players:
                of = self.game.optim(name)
                own = [setting for setting, value in chosen.items() if value is of]
                own += [s for s, value in chosen.items() if replace(value, schedule=of.schedule) == of]  # of a stage
                found[f"game.{next(iter(own), 'optim')}.lr"] = of.lr
        return found

    def check_losses(self) -> None:
        """Diverged if a loss was not finite, on any process."""
        if found := self.watch.found(self.game):
            told, players = found
            raise Diverged(told, self.rates(players), self.precision)

    def check(self) -> None:
        """Diverged if a loss was, or anything in the state is, not finite."""
        self.check_losses()
        for group, tensors in self.state().tensors.items():
            for name, tensor in tensors.items():
                if not torch.isfinite(tensor).all():
                    told = f"round {self.round}: {name} ({group}) is not finite"
                    raise Diverged(
                        told, self.rates({name.partition(".")[0]}) or self.rates(self.optims), self.precision
                    )

    def state(self, copy: bool = False) -> State:
        """Everything that the rest of the run depends on."""
        optims = {
            f"{name}.{path}.{key}": value
            for name, player in self.steppers.items()
            for path, parameter in player.named_parameters()
            for key, value in self.optims[name].state.get(parameter, {}).items()
            if isinstance(value, Tensor)
        }
        groups = {"game": self.game.state_dict(), "averages": self.averages.state_dict(), "optimizers": optims}
        if copy:
            groups = {group: {k: t.clone() for k, t in tensors.items()} for group, tensors in groups.items()}
        facts = {"round": self.round, "rounds": self.rounds, "batches_drawn": self.batches_drawn}
        return State(groups, facts | self.course.facts())

    def load_state(self, state: State) -> None:
        """Go on from here. Damaged if the state is another game's."""
        if missing := {"game", "averages", "optimizers"} - state.tensors.keys():
            raise Damaged(f"{min(missing)}.safetensors is missing")
        load_weights(self.game, state.tensors["game"], "game")
        load_weights(self.averages, state.tensors["averages"], "averages")
        self._load_optims(state.tensors["optimizers"])
        self.round, self.batches_drawn = state.fact("round"), state.fact("batches_drawn")
        state.fact("rounds")
        self.course.load(state.facts)
        self._batches = None

    def _load_optims(self, tensors: dict[str, Tensor]) -> None:
        """State by the names of players and parameters. Damaged if it is of another optimizer's parameters."""
        states: dict[str, dict[int, dict[str, Tensor]]] = {name: {} for name in self.optims}
        owners = {
            f"{name}.{path}": (name, index, parameter)
            for name, player in self.steppers.items()
            for index, (path, parameter) in enumerate(player.named_parameters())
        }
        for full, tensor in tensors.items():
            path, _, key = full.rpartition(".")
            name, index, parameter = owners.get(path, ("", 0, None))
            if parameter is None or tensor.shape not in (parameter.shape, ()):
                raise Damaged(f"optimizers.safetensors is of other networks: {full} has no place here")
            if tensor.shape == parameter.shape:  # a moment: in the parameter's own memory layout, for fused steps
                tensor = torch.empty_like(parameter).copy_(tensor)
            states[name].setdefault(index, {})[key] = tensor
        for name, optim in self.optims.items():
            optim.load_state_dict({"state": states[name], "param_groups": optim.state_dict()["param_groups"]})
