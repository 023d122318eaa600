"""Searching: an image is as normal as the nearest one that a generator can draw is near."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError, some
from ..base.ranges import PositiveFloat, PositiveInt, Share
from ..base.settings import Settings
from ..layers.search import Descent, Distance, Found, Prior, at_rest, find_latent, nearest
from ..spec import Batch
from .detection import Detection, Finding
from .form import Form
from .game import Move
from .synthesis import Synthesis

DRAWS = 1000  # of a prior, which show where its latents lie
NUMBERS = 2**22  # of all of these together, at most

Reduction = Literal["sum", "mean"]


def search(
    game: Synthesis, image: Tensor, distance: Distance, how: Descent, seed: int = 0, label: Tensor | None = None
) -> Found:
    """The latents whose samples are nearest to images [N, …], as `decode` takes them, and how far these are, [N].

    Every image is searched for from the same `how.restarts` latents, which the seed draws: what comes of it depends on
    no other image. Networks are in their state for use, and nothing of them changes. Labels [N, …] are one for all.
    UsageError where a label is missing, and for a game through whose samples no gradient reaches a latent.
    """
    with at_rest(game):
        starts, prior = _starts(game, how.restarts, seed, label)

        def generate(z: Tensor) -> Tensor:
            return game.decode(z, label)

        check_reached(game, starts[:1], None if label is None else label[:1])
        every = (start.expand(len(image), *start.shape) for start in starts)
        return nearest(find_latent(generate, distance, image, z, how, prior) for z in every)


@torch.enable_grad()
def check_reached(game: Synthesis, z: Tensor, label: Tensor | None = None) -> None:
    """UsageError where no gradient reaches latents [N, …] from what they draw with labels [N, …], if any."""
    if not game.decode(z.detach().clone().requires_grad_(), label).requires_grad:
        raise UsageError(
            f"{type(game).__name__} finds its samples by a search of its own, through which no gradient reaches a "
            "latent; choose a run with a generator"
        )


def check_told(game: Synthesis, label: Tensor | None) -> None:
    """UsageError where a game that draws by label was given no labels [N, …] of the images."""
    with rng.apart("told"):
        if label is not None or game.draw_label(1) is None:
            return
    condition = game.condition
    names = f": {some(condition.names)}" if condition and condition.names else ""
    raise UsageError(
        f"{type(game).__name__} draws what it is asked for, so it has to know what the images show; give a label or a "
        f"text{names}"
    )


@torch.no_grad()
def _starts(game: Synthesis, restarts: int, seed: int, label: Tensor | None) -> tuple[Tensor, Prior]:
    """Where searches begin, [restarts, …], and where their latents may go."""
    check_told(game, label)
    with rng.apart(seed, "search"):
        width = game.noise(1, None if label is None else label[:1]).shape[1]
    if not width:
        raise UsageError(
            f"{type(game).__name__} draws one image of each label, from no latent (z_dim 0), so there is none to search"
        )
    with rng.apart(seed, "search"):
        n = max(restarts, min(DRAWS, NUMBERS // width), 16)
        of = None if label is None else label[:1].expand(n, *label.shape[1:])
        draws = game.searched(game.noise(n, of), of)
    return draws[:restarts], Prior(draws)


@dataclass(frozen=True)
class Surprise(Settings):
    """A(x) = (1 - λ) R(x) + λ D(x): what the generator cannot draw of an image. Schlegl et al., 2017, Eq. 6.

    R is |x - G(z)|, D |f(x) - f(G(z))| of the discriminator's features f, each over all that an image has of them. With
    sums, as in the paper, λ depends on how many pixels and features there are; with means it does not.
    """

    weight: Share = 0.1  # λ
    reduction: Reduction = "sum"

    def parts(self, game: Synthesis, made: Tensor, image: Tensor, seen: Tensor | None) -> dict[str, Tensor]:
        """R and, unless λ is 0, D by name, [N] each, of images made for true ones, both [N, C, H, W].

        `seen` are the features of the true ones.
        """
        parts = {"residual": self.reduced(made - image)}
        if self.weight and seen is not None:
            parts["feature"] = self.reduced(game.features(made) - seen)  # type: ignore[operator]
        return parts

    def score(self, parts: dict[str, Tensor]) -> Tensor:
        """[N]"""
        return (1 - self.weight) * parts["residual"] + (self.weight * parts["feature"] if self.weight else 0)

    def reduced(self, x: Tensor) -> Tensor:
        """The sum, or the mean, of absolute values of each row: x [N, …] → [N]."""
        rows = x.abs().flatten(1)
        return rows.sum(1) if self.reduction == "sum" else rows.mean(1)


class Searching(Detection):
    """Detection by a search for the nearest image that a game of Synthesis draws."""

    @dataclass(frozen=True)
    class Use(Detection.Use):
        steps: PositiveInt | None = None  # of a game that searches: steps of each search; by default the run's own
        restarts: PositiveInt | None = None  # likewise: searches of each image, of which the best counts
        lr: PositiveFloat | None = None  # likewise: learning rate of the search
        features: Share | None = None  # likewise: λ, share of the discriminator's features in the score, 0 to 1

    surprise: Surprise
    descent: Descent

    @property
    @abstractmethod
    def sampler(self) -> Synthesis:
        """Who draws."""

    @property
    def early_scores(self) -> tuple[str, ...] | None:
        """None of its task: a search of all held-out images takes too long on the way."""
        return None

    def detect(self, image: Tensor) -> Finding:
        return self.searched_for(image, self.descent, self.surprise)

    def detect_with(self, image: Tensor, use: Detection.Use) -> Finding:
        chosen = {name: getattr(use, name) for name in ("steps", "restarts", "lr", "features")}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        surprise = replace(self.surprise, weight=chosen.pop("features", self.surprise.weight))
        return self.searched_for(image, replace(self.descent, **chosen), surprise)

    def _found(self) -> Form | str:
        return (
            "it searches every image's nearest sample by many steps of gradient descent, which no file of layers holds"
        )

    def searched_for(self, image: Tensor, how: Descent, surprise: Surprise) -> Finding:
        """Search down A(x) for the nearest image to each of [N, C, H, W].

        The score is A(x) at the last step, the map is |x - G(z)|.
        """
        game = self.sampler
        with torch.no_grad(), at_rest(game):
            seen = game.features(image) if surprise.weight else None
        if surprise.weight and seen is None:
            raise UsageError(
                f"{type(game).__name__} has no features of single images; compare pixels alone: --features 0"
            )

        def distance(made: Tensor, image: Tensor) -> Tensor:
            return surprise.score(surprise.parts(game, made, image, seen))

        found = search(game, image, distance, how)
        with torch.no_grad(), at_rest(game):
            made = game.decode(found.z)
            parts = surprise.parts(game, made, image, seen)
        return Finding(surprise.score(parts), (image - made).abs().mean(1, keepdim=True), parts, made)


class BySearch(Searching):
    """Any game of Synthesis as a detection: what it cannot draw is unusual. It is not for training."""

    def __init__(self, game: Synthesis, descent: Descent | None = None, surprise: Surprise | None = None):
        super().__init__(game.data)
        self.game = game
        self.descent, self.surprise = descent or Descent(), surprise or Surprise()

    @classmethod
    def of(cls, game: Synthesis) -> Searching:
        """The game itself, with its own settings, if it searches."""
        return game if isinstance(game, Searching) else cls(game)

    @property
    def sampler(self) -> Synthesis:
        return self.game

    def round(self, batches: Iterator[Batch]) -> Iterator[Move]:
        return self.game.round(batches)
