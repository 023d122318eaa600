"""The rules of a game: who plays, the moves of one round, and what the trained game is for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..base.errors import UsageError, some
from ..base.settings import Settings
from ..data import places_with, sources_with
from ..optim import Adam, Optim
from ..spec import Batch, ConditionKind, DataSpec, Kind
from .form import Forms

Columns = Mapping[str, Tensor] | Sequence[tuple[str, Tensor]]  # samples by caption
Held = Callable[[int], Batch]
Weights = Mapping[str, Tensor]  # by name


class Move:
    """`players` take one step down the sum of `losses`, whose names go to the log.

    A loss that is None is left out. `forget` clears the players' optimizers first. `phase` is the optimizer that
    takes the step, of those in `Game.phases`, in place of the player's own.
    """

    def __init__(self, *players: str, forget: bool = False, phase: str | None = None, **losses: Tensor | None):
        self.players, self.forget = players, forget
        self.optims = (phase,) if phase else players
        self.losses = {name: loss for name, loss in losses.items() if loss is not None}


class Game(nn.Module, ABC):
    """Networks that play against each other. Every trainable child module is a player.

    A subclass builds its players in `__init__` and yields its moves in `round`. What must survive a restart is a
    parameter or a buffer; nothing else is saved. `rng` gives random numbers that many processes agree on.
    """

    needs: tuple[str, ...] = ("image",)  # keys of a batch; settings may change them
    averaged: ClassVar[tuple[str, ...]] = ("generator",)  # players with an averaged copy
    takes: ClassVar[tuple[Kind, ...]] = ("image",)  # kinds of samples that it learns, if its networks do
    phases: ClassVar[dict[str, str]] = {}  # further optimizers: of whom, where a player steps down loss after loss
    takes_conditions: ClassVar[tuple[ConditionKind, ...]] = ("class",)  # forms of the labels that it takes
    batch: ClassVar[int | None] = None  # samples of a round in the paper, where no recipe says; None: the plan's own
    takes_unlabelled: bool = False  # may some of these labels be unknown, -1?

    @dataclass(frozen=True)
    class Options(Settings):
        """Settings of the game; the defaults are the paper's."""

        needs_run: ClassVar[bool] = False  # does a training begin with another run in every case?

        optim: Optim = Adam()  # of all players

        def beside(self, game: str, options: Game.Options) -> Game.Options | None:
            """These settings for a run that begins with a run of such a game, and has its data; None: it has its own.

            UsageError for a game that it cannot begin with.
            """
            return None

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__()
        self.data, self.options = data, options or self.Options()
        self.check_data()
        # set by the trainer: rounds played, and their share of those first planned, 1 in all that are played beyond
        self.rounds, self.progress = 0, 0.0
        self.notes: dict[str, Tensor] = {}  # numbers to log beside the losses

    @abstractmethod
    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        """The moves of one round, in order. The trainer makes each move before asking for the next.

        With micro-batches, several rounds run in step: code after a `yield` runs once for each.
        """

    def check_data(self) -> None:
        """UsageError unless the data have what this game needs."""
        missing = [key for key in self.needs if key not in self.data.keys]
        if missing:
            offers = sources_with(self.needs)
            where = f": --data {some(offers, between=' or ')}" if offers else " with --data"
            what = f"These are {len(self.needs)} sets of images, keys {some(self.needs, between=' and ')}"
            own = some((f"--data {offer}" for offer in places_with(self.needs)), between=" or ")
            sets = "" if "image" in self.needs else f"{what}; your own are read with {own}. "
            raise UsageError(
                f"{type(self).__name__} needs batches with {some(self.needs)}; this data has {some(self.data.keys)}. "
                f"{sets}Choose data with {some(missing)} too{where}"
            )
        self.check_kind()
        if "label" in self.needs:
            self.check_labels()

    def check_kind(self) -> None:
        """UsageError unless the data are of a kind that this game learns."""
        if self.data.main.kind not in self.takes:
            raise UsageError(
                f"{type(self).__name__} needs images; this data has {self.data.main}; choose a game that learns these, "
                "such as gan --game.network MLP"
            )

    def check_labels(self, otherwise: str = "another game") -> None:
        """UsageError unless the data have labels of a form that this game takes, and all of them if it must.

        `otherwise` is what else could be chosen.
        """
        name, condition = type(self).__name__, self.data.condition
        if condition is None or condition.key != "label":
            raise UsageError(
                f"{name} needs the label of each sample, but these data have no labels; choose {otherwise}, or data "
                "with labels, such as a folder with --data.labels"
            )
        if condition.kind not in self.takes_conditions:
            forms = {"class": "a class", "labels": "several labels", "numbers": "numbers", "text": "a text"}
            raise UsageError(
                f"{name} takes {' or '.join(forms[kind] for kind in self.takes_conditions)} of each sample; these data "
                f"have {forms[condition.kind]}: {some(condition.names)}; choose {otherwise}, or other labels"
            )
        if self.data.partial and not self.takes_unlabelled:
            raise UsageError(
                f"{name} needs the label of every sample, and some of these are unknown; choose {otherwise}, data that "
                "are all labelled, or a game that learns from both, such as sgan"
            )

    def check_batch(self, n: int) -> None:
        """UsageError if n samples at a time, a process's part of a batch, are too few for this game."""

    def has_staged(self, progress: float) -> bool:
        """Has a stage begun at this progress that is not the run's first? From then on the run keeps its length.

        Schedules and losses of the settings need not be asked here.
        """
        return False

    def part(self, parts: int) -> tuple[int, float]:
        """Which of so many equal parts of the run this is, and the share of it, below 1, that is over.

        Rounds beyond the planned ones are at the end of the last part.
        """
        index, share = divmod(min(self.progress, math.nextafter(1, 0)) * parts, 1)
        return int(index), share

    def players(self) -> dict[str, nn.Module]:
        return {n: m for n, m in self.named_children() if any(p.requires_grad for p in m.parameters())}

    def optim(self, player: str) -> Optim:
        """The optimizer settings of one player, or of one of the `phases`: its own, as in TTUR, where there are some.

        They are the option with its name, such as `discriminator_optim`.
        """
        return getattr(self.options, f"{player}_optim", None) or self.options.optim

    def inherited(self, weights: Weights, averages: Weights) -> dict[str, Weights]:
        """What another run's "game" and "averages" are called here. UsageError for what it cannot begin with."""
        return {"game": weights, "averages": averages}

    def note(self, **values: Tensor) -> None:
        """Means to show and log beside the losses, such as D(real)."""
        self.notes.update({name: value.detach().float().mean() for name, value in values.items()})

    letters: ClassVar[dict[str, str]] = {}  # what stands in the formulas of its losses, with what it means

    def formulas(self, player: str) -> dict[str, str]:
        """The formula of each loss that a player goes down in some move, by the loss's name, with the settings' values.

        Each term is a mean over the samples of the batch. Of a move of several players those of all of them.
        """
        return {}

    def afterwards(self, player: str) -> str | None:
        """What a round does after a step of this player, beside moves, in words; None: nothing."""
        return None

    # What the rest of the house asks of a game; nobody asks what it is.

    purpose: ClassVar[str] = ""  # of a task: what it is for, with its commands

    # What a list of games says of it (runs/catalogue.py); plain values, for they are read without an import.
    in_short: ClassVar[str] = ""  # what it does, or what its paper changes: one sentence of at most 90 characters
    group: ClassVar[str] = ""  # what a person wants who chooses it: "draw", "paired", … as the list's headings have it
    start_here: ClassVar[bool] = False  # of its group, the game to begin with

    baseline: ClassVar[dict[str, Any]] = {}  # settings with which it is what others compare it with

    @dataclass(frozen=True)
    class Use(Settings):
        """What can be chosen when a trained game is used: options of its commands, keywords in Python."""

    @classmethod
    def choices(cls) -> tuple[str, ...]:
        """The names in `Use` that this game can follow."""
        return tuple(each.name for each in fields(cls.Use))

    @property
    def scores(self) -> tuple[str, ...]:
        """Metrics that measure it at the end beside those of its data; what cannot be had of these data is left out."""
        return ()

    @property
    def ready(self) -> bool:
        """Can it do by now what it is for? Until then no checkpoint is the best, whatever it scores."""
        return True

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        """Metrics on the way, in place of those of its data; None: the data's."""
        return None

    @property
    def headlines(self) -> tuple[str, ...]:
        """Metrics on the way where neither it nor its data name any; the first that can be had chooses the best."""
        return ()

    def shown(self, held: Held) -> Columns:
        """What to look at while it trains: columns of samples by their captions, or (caption, samples) one by one.

        `held(n)` gives the first n held-out samples, on the game's device. One column without a caption is a grid.
        """
        return {}

    def signs(self, held: Batch, trained: Batch) -> dict[str, Tensor]:
        """Numbers that tell whether it is well, of the averaged players: of a batch held out and of one trained on.

        `diversity`, `saturated` and `saturated_data`; `d_heldout`, `d_trained` and `d_made` of a player that judges.
        What a game does not have is left out.
        """
        return {}

    def forms(self) -> Forms:
        """What of it can be exported, by name, as a function of tensors, or why not, in one sentence."""
        return {}

    @property
    def trained_against(self) -> str | None:
        """A network outside the game in whose features its losses compare images, in words; None if there is none."""
        return None

    def refused(self) -> dict[str, str]:
        """Settings, or parts of them, that cannot be chosen with its others: why, in one sentence each."""
        return {}

    def unable(self) -> str | None:
        """Why, with its settings, it cannot do what its task says, in one sentence; None if it can."""
        return None

    def example(self) -> tuple[str, ...]:
        """Words behind the run in the command of its task, to show it at work: what it is given, or asked for."""
        return ("IMAGES",)

    def landscape(self, points: Tensor) -> Tensor | None:
        """The discriminator's output for points [N, 2], a number for each [N]; None if there is none to ask."""
        return None

    @classmethod
    def tasks(cls) -> list[type[Game]]:
        """What it is for: the classes that state a purpose, the more general ones first."""
        tasks: list[type[Game]] = []
        for kind in (kind for kind in cls.__mro__ if vars(kind).get("purpose")):
            index = next((i for i, task in enumerate(tasks) if issubclass(task, kind)), len(tasks))
            tasks.insert(index, kind)
        return tasks

    @classmethod
    def described(cls) -> str:
        """What it is for, in words."""
        return ", ".join(task.purpose for task in cls.tasks())

    @cached_property
    def _first(self) -> nn.Parameter:
        """That says which device and type: looking for it takes longer than a small network's layer."""
        return next(self.parameters())

    @property
    def device(self) -> torch.device:
        return self._first.device

    @property
    def dtype(self) -> torch.dtype:
        return self._first.dtype
