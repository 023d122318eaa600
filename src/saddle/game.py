"""The rules of a game: who plays, the moves of one round, and what the trained game is for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from . import conditions, rng
from .errors import UsageError, some
from .optim import Adam, Optim
from .spec import Batch, Condition, DataSpec, Kind


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

    needs: ClassVar[tuple[str, ...]] = ("image",)  # keys of a batch
    averaged: ClassVar[tuple[str, ...]] = ("generator",)  # players with an averaged copy
    takes_points: ClassVar[bool] = False  # may a sample be a vector?
    phases: ClassVar[dict[str, str]] = {}  # further optimizers: of whom, where a player steps down loss after loss
    takes_conditions: ClassVar[tuple[Kind, ...]] = ("class",)  # forms of the labels that it needs, if it needs them
    takes_unlabelled: ClassVar[bool] = False  # may some of these labels be unknown, -1?

    @dataclass(frozen=True)
    class Options:
        """Settings of the game; the defaults are the paper's."""

        optim: Optim = Adam()  # of all players

    def __init__(self, data: DataSpec, options: Options | None = None):
        super().__init__()
        self.data, self.options = data, options or self.Options()
        self.check_data()
        self.rounds, self.progress = 0, 0.0  # set by the trainer: rounds played, and their share of all
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
            raise UsageError(
                f"{type(self).__name__} needs batches with {', '.join(self.needs)}; "
                f"this data has {', '.join(self.data.keys)}, so {', '.join(missing)} is missing"
            )
        if not (self.data.is_image or self.takes_points):
            raise UsageError(f"{type(self).__name__} needs images; this data has points of shape {self.data.shape}")
        if "label" in self.needs:
            self.check_labels()

    def check_labels(self, otherwise: str = "another game") -> None:
        """UsageError unless the data have labels of a form that this game takes, and all of them if it must.

        `otherwise` is what else could be chosen.
        """
        name, told = type(self).__name__, self.data.condition
        if told is None or told.key != "label" or "label" not in self.data.keys:
            raise UsageError(
                f"{name} is told the label of each sample, but these data have no labels; choose {otherwise}, or data "
                "with labels, such as a folder with --data.labels"
            )
        if told.kind not in self.takes_conditions:
            forms = {"class": "a class", "labels": "several labels", "numbers": "numbers", "text": "a text"}
            raise UsageError(
                f"{name} takes {' or '.join(forms[kind] for kind in self.takes_conditions)} of each sample; these data "
                f"have {forms[told.kind]}: {some(told.names)}; choose {otherwise}, or other labels"
            )
        if self.data.partial and not self.takes_unlabelled:
            raise UsageError(
                f"{name} needs the label of every sample, and some of these are unknown; choose {otherwise}, data that "
                "are all labelled, or a game that learns from both, such as sgan"
            )

    def check_batch(self, n: int) -> None:
        """UsageError if n samples at a time, a process's part of a batch, are too few for this game."""

    def players(self) -> dict[str, nn.Module]:
        return {n: m for n, m in self.named_children() if any(p.requires_grad for p in m.parameters())}

    def optim(self, player: str) -> Optim:
        """The optimizer settings of one player, or of one of the `phases`: its own, as in TTUR, where there are some.

        They are the option with its name, such as `discriminator_optim`.
        """
        return getattr(self.options, f"{player}_optim", None) or self.options.optim

    def note(self, **values: Tensor) -> None:
        """Means to show and log beside the losses, such as D(real)."""
        self.notes.update({name: value.detach().float().mean() for name, value in values.items()})

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


class Synthesis(Game):
    """A game whose generator turns noise into samples."""

    any_words: bool = False  # of one that is asked by a text: does it understand words that the data do not have?

    @dataclass(frozen=True)
    class Options(Game.Options):
        z_dim: int = 100  # length of the latent z

        def __post_init__(self) -> None:
            if self.z_dim < 1:
                raise UsageError(f"z_dim is at least 1, not {self.z_dim}")

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes that a sample can be asked to be, in order; empty if it cannot be asked for one."""
        return ()

    @property
    def condition(self) -> Condition | None:
        """What a sample can be asked to show; None if it cannot be asked. `label` is such a condition everywhere."""
        return Condition("class", self.labels) if self.labels else None

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        """z, standard normal, and whatever else the generator takes, for labels [n, …] if given.  [n, z_dim]"""
        return rng.randn(n, self.options.z_dim, device=self.device).to(self.dtype)  # type: ignore[attr-defined]

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The samples of given latents (and labels [N, …]), [N, C, H, W] in [-1, 1] or [N, D]."""
        return self.generator(z)  # type: ignore[operator]

    def embed(self, label: Tensor) -> Tensor | None:
        """Labels [N, …] as numbers [N, E] that `decode` takes in their place, with others between them.

        None where there are no others. Columns are such numbers already.
        """
        return label if label.is_floating_point() else None

    def draw_label(self, n: int) -> Tensor | None:
        """Labels [n, …] for samples that were not asked to be anything, by the law of the data that it was told.

        None where the generator needs no label, or deals codes of its own.
        """
        told = self.data.condition
        if told is None or told.key not in self.needs or self.condition != told:
            return None
        label = conditions.pick(self.data, rng.rand(n, device=self.device))
        return label.to(self.dtype) if label.is_floating_point() else label

    @torch.no_grad()
    def sample(self, n: int, label: Tensor | None = None, truncation: float | None = None) -> Tensor:
        """n new samples, [n, C, H, W] in [-1, 1] or [n, D], of labels [n, …] if given.

        `truncation` trades variety for fidelity; UsageError from a game that cannot.
        """
        label = self.draw_label(n) if label is None else label
        if truncation is not None:
            return self.truncated(n, label, truncation)
        return self.decode(self.noise(n, label), label)

    def truncated(self, n: int, label: Tensor | None, truncation: float) -> Tensor:
        """n new samples of less variety, as `sample` gives them; what the number means is the game's."""
        raise UsageError(f"{type(self).__name__} cannot truncate: its samples come from all of its noise; leave it out")

    def landscape(self, points: Tensor) -> Tensor | None:
        """What the discriminator makes of points [N, 2], a number for each [N]; None if there is none to ask."""
        return None


class Sweep(NamedTuple):
    """One code, which takes its values one after the other while the rest of the latent stays."""

    place: slice | None  # in the latent; None: beside it, the label
    values: Tensor  # [steps, numbers in that place], or labels int64 [steps]


class Traversal(Synthesis):
    """A game whose latents are made of codes that can be looked at one by one."""

    @dataclass(frozen=True)
    class Options(Synthesis.Options):
        pass

    reach: ClassVar[float] = 3.0  # how far from 0 a number of the latent is swept
    told_beside: ClassVar[bool] = True  # is what a sample shall show told beside the latent, and not part of it?

    def sweeps(self, steps: int, reach: float | None = None) -> dict[str, Sweep]:
        """Every code by its name, in `steps` even steps from -reach to reach, by default as far as latents lie.

        Of a game that takes a class, "label" comes first: all of them.
        """
        label = {"label": Sweep(None, torch.arange(len(self.labels), device=self.device))} if self.labels else {}
        values = torch.linspace(-1, 1, steps, device=self.device, dtype=self.dtype)[:, None]
        values = values * (self.reach if reach is None else reach)
        return label | {f"z{i}": Sweep(slice(i, i + 1), values) for i in range(self.options.z_dim)}  # type: ignore[attr-defined]


class Sizes(Synthesis):
    """A game that draws every sample at several sizes."""

    @abstractmethod
    def images(self, z: Tensor, label: Tensor | None = None) -> list[Tensor]:
        """What it draws of given latents (and labels), the smallest first, each [N, C, h, w] in [-1, 1]."""


class Translation(Game):
    """A game that turns one image into another."""

    @abstractmethod
    def translate(self, batch: Batch) -> Batch:
        """For every domain of `batch` its image in the other: key = the domain it now looks like."""


class Encoding(Game):
    """A game that finds the code of an image, from which the image can be made again."""

    @property
    def encodes_with_label(self) -> bool:
        """Must `encode` be told what an image shows?"""
        return False

    @abstractmethod
    def encode(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Codes [N, K] of images [N, C, H, W] in [-1, 1], of labels int64 [N] where the game takes them."""

    @abstractmethod
    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The images of codes, [N, C, H, W] in [-1, 1]."""

    @torch.no_grad()
    def reconstruct(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Images as their codes remember them."""
        return self.decode(self.encode(image, label), label)


class Density(Game):
    """A game that says how likely an image is."""

    @abstractmethod
    def bound(self, batch: Batch, draws: int = 1) -> Tensor:
        """A lower bound of log p(x) in nats, on average over its random numbers.  [N]"""


class Classification(Game):
    """A game that learned to tell the classes of its data apart."""

    @property
    def classifies(self) -> tuple[str, ...]:
        """Names of the classes that it tells apart; empty if its settings had it learn none."""
        return self.data.classes

    @abstractmethod
    def classify(self, image: Tensor) -> Tensor:
        """log p(class | image), [N, K] over `classifies`, of images [N, C, H, W] in [-1, 1]."""
