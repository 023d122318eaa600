"""An opened run folder: the trained game with its averaged weights, ready for use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import fields
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError
from ..base.folder import RunFolder
from ..base.precision import choose_device
from ..base.settings import change
from ..show.pictures import to_uint8, to_uint16
from ..spec import DataSpec, conditions
from ..spec.text import to_bytes
from ..tasks import BySearch, Classification, Encoding, Game, Synthesis
from ..training.checkpoint import Checkpoints
from ..use import directions
from . import binding, calibrating, calibration, finding, informing, judging, opening, restoring, scoring, translating
from . import latents as latents_of
from .calibration import Calibration, Threshold
from .latents import Inverted
from .recipe import Recipe

T = TypeVar("T", bound=Game)

DRAWN = 250  # samples at a time: the bits of a larger number depend on it
AT_ONCE = 64  # images at a time: who reads them from files takes as many, and gets the same bits

if TYPE_CHECKING:
    from ..data.source import Source
    from ..metrics.score import Score


class Run:
    """What `saddle train` left in a folder. `checkpoint` is 'best', 'last' or a round.

    'best' is the checkpoint with the best score, or the last one where nothing was scored.
    """

    bits = 8  # of the images that it gives; 16, if its data have them, gives uint16 in the range of the data

    def __init__(
        self,
        folder: str | Path,
        checkpoint: str | int = "best",
        device: str = "auto",
        data: Mapping[str, Any] | None = None,
    ):
        self.folder, self.files = Path(folder), RunFolder(folder)
        self.files.check()
        kept = Recipe.read(self.files.recipe)
        self.recipe = kept.change(data or {})
        if differences := self.recipe.adapted(kept).differences(kept):
            raise UsageError(f"data may have moved, but a run's settings stay: {'; '.join(differences)}")
        self.device = choose_device(device)
        self.checkpoints = Checkpoints(self.files.checkpoints)
        self.round, self.state, game = opening.opened(self.checkpoints, checkpoint, self.recipe, self.folder)
        self.game = game.to(self.device)

    @property
    def spec(self) -> DataSpec:
        """What the data offered, remembered by the checkpoint: the data themselves are not needed for use."""
        return self.game.data

    @cached_property
    def source(self) -> Source:
        """The data. UsageError for other ones than the run was made of."""
        binding.check_own(self.state.facts, self.folder)
        source = binding.open_data(self.recipe, self.files.places())
        binding.check_data(source, self.state.facts, "name the place where they lie now with --data")
        return source

    def as_(self, task: type[T]) -> T:
        """The game as one of this task. UsageError if it is for something else, or its settings keep it from it."""
        if not isinstance(self.game, task):
            other = task.purpose.partition(" (")[0]  # without its commands
            raise UsageError(f"{self.recipe.game} is not for {other}; it is for {type(self.game).described()}")
        if reason := task.unable(self.game):  # as this task asks: it may do well what another says
            raise UsageError(f"{self.recipe.game}: {reason}")
        return self.game

    def by_search(self) -> Run:
        """This run for detection, whatever it is for: an image is as unusual as the nearest sample is far."""
        other = copy(self)
        other.game = BySearch.of(self.as_(Synthesis))
        return other

    def use(self, task: type[Game], given: Mapping[str, Any]) -> Any:
        """What was chosen for the use of this game's task, by name; what is None or left out has its default.

        UsageError, with what there is to choose, for a name that this game does not know, and for a wrong value.
        """
        chosen = {name: value for name, value in given.items() if value is not None}
        kind = type(self.as_(task)).Use
        for name in chosen:
            if name not in {each.name for each in fields(kind)}:
                there = ", ".join(type(self.game).choices()) or "none"
                raise UsageError(f"{self.recipe.game} has no '{name}' to choose; there are {there}")
        return change(kind(), chosen)

    def sample(
        self,
        n: int,
        seed: int = 0,
        label: conditions.Asked | None = None,
        texts: Sequence[str] = (),
        **use: Any,
    ) -> Tensor:
        """n samples: images uint8 [n, C, H, W]; points float [n, D] or signals [n, C, T] in the data's own units.

        They are of a label if the game takes one: the name or the number of a class, what the columns are to be
        (numbers, or the names of those that are on), or a text; of several `texts` each gets n samples, one text after
        the other, all from the same noise.
        `use` is what the game's `Use` lets choose: `truncation` trades variety for fidelity; a game that learned one
        image draws any `size`, height and width, or begins with that image at a coarse `scale` (0 is the coarsest,
        where everything is new). The same seed gives the same samples.
        """
        parts = self.portions(n, seed, label, texts, **use)
        first = next(parts)
        made = first.new_empty(n * (len(texts) or 1), *first.shape[1:])
        place = 0
        for part in chain([first], parts):
            made[place : place + len(part)] = part
            place += len(part)
        return made

    @torch.no_grad()
    def portions(
        self,
        n: int,
        seed: int = 0,
        label: conditions.Asked | None = None,
        texts: Sequence[str] = (),
        **use: Any,
    ) -> Iterator[Tensor]:
        """The samples that `sample` gives, at most 250 at a time, [n, …]: for more of them than memory holds.

        Nothing else may be drawn before the last portion is.
        """
        game, chosen = self.as_(Synthesis), self.use(Synthesis, use)
        for k, of in self._drawn(n, seed, label, texts):
            yield self.border(game.sample_with(k, of, chosen))

    @torch.no_grad()
    def together(
        self,
        n: int,
        seed: int = 0,
        label: conditions.Asked | None = None,
        texts: Sequence[str] = (),
        every_size: bool = False,
    ) -> Iterator[dict[str, Tensor]]:
        """All images of the latents of `sample`, at most 250 latents at a time, each [n, C, H, W], by key: a and b of a
        pair.

        With `every_size` by their sizes, such as 16x16, of a game that draws several; UsageError from another one.
        """
        game = self.as_(Synthesis)
        show = game.by_size if every_size else game.together
        for k, of in self._drawn(n, seed, label, texts):
            of = game.draw_label(k) if of is None else of
            yield {name: self.border(x) for name, x in show(game.noise(k, of), of).items()}

    def _drawn(
        self, n: int, seed: int, label: conditions.Asked | None, texts: Sequence[str]
    ) -> Iterator[tuple[int, Tensor | None]]:
        """Portions of n samples of a label, or of each text: how many, and their labels; all from the same noise."""
        if n < 1:
            raise UsageError(f"the number of samples is at least 1, not {n}")
        for of in map(self.labels, self.asked_by(texts) if texts else [label]):
            rng.seed(seed, "sample")
            for k in _portions(n):
                yield k, of(k)

    def asked_by(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts. UsageError if there are some and the game is not one that takes them."""
        condition = self.as_(Synthesis).condition
        if texts and (condition is None or condition.kind != "text"):
            raise UsageError(f"{self.recipe.game} on {self.recipe.data.source} cannot be asked by a text; leave it out")
        return texts

    def labels(self, asked: conditions.Asked | None) -> Callable[[int], Tensor | None]:
        """n ↦ n labels [n, …] as asked for, or None. UsageError for what the game does not know."""
        if asked is None:
            return lambda n: None
        condition = self.as_(Synthesis).condition
        if condition is None:
            raise UsageError(f"{self.recipe.game} cannot be asked for a label; it works without one")
        text = to_bytes([str(asked)], condition, self.as_(Synthesis).any_words)[0] if condition.kind == "text" else None
        label = (conditions.read(condition, asked) if text is None else text).to(self.device)
        label = label.to(self.as_(Synthesis).dtype) if label.is_floating_point() else label
        return lambda n: label.expand(n, *label.shape)

    @torch.no_grad()
    def encode(self, images: Tensor, label: conditions.Asked | None = None) -> Tensor:
        """Images float [N, C, H, W] in [-1, 1], of a label if the game takes one → codes float [N, K]."""
        encoding, of = self.as_(Encoding), self.labels(label)
        return torch.cat([encoding.encode(x.to(self.device), of(len(x))).float().cpu() for x in images.split(AT_ONCE)])

    def pooled(self, images: Tensor) -> Tensor:
        """Images float [N, C, H, W] in [-1, 1] → the discriminator's features, of each map its mean: float [N, K]."""
        try:
            game = self.as_(Synthesis)
        except UsageError as error:
            raise UsageError(f"a discriminator's features are of runs that draw samples; {error}") from None
        return torch.cat([game.pooled(x.to(self.device, game.dtype)).float().cpu() for x in images.split(AT_ONCE)])

    @torch.no_grad()
    def reconstruct(self, images: Tensor, label: conditions.Asked | None = None) -> Tensor:
        """Images float [N, C, H, W] in [-1, 1] → uint8 [N, C, H, W], decoded from their codes."""
        encoding, of = self.as_(Encoding), self.labels(label)
        parts = (encoding.reconstruct(x.to(self.device), of(len(x))) for x in images.split(AT_ONCE))
        return torch.cat([self.border(part) for part in parts])

    @torch.no_grad()
    def classify(self, images: Tensor) -> Tensor:
        """Images float [N, C, H, W] in [-1, 1] → log p(class | image), float [N, K] over `game.classifies`."""
        game = self.as_(Classification)
        return torch.cat([game.classify(x.to(self.device)).float().cpu() for x in images.split(AT_ONCE)])

    @torch.no_grad()
    def interpolate(
        self,
        rows: int = 8,
        steps: int = 10,
        seed: int = 0,
        spherical: bool = True,
        label: conditions.Asked | None = None,
        to: conditions.Asked | None = None,
        latents: Tensor | None = None,
    ) -> Tensor:
        """Samples on the way between two latents, row by row: [rows · steps, …] as `sample` gives them.

        A game that takes labels keeps one all along a row: `label`, or one drawn for each row. With `to`, it is the
        latent that stays, and the label, or what a text means to the game, that goes straight from one to the other.
        Of given `latents` there is a row from each to the next.
        """
        walks = list(self.walks(rows, steps, seed, spherical, label, to, latents))
        return torch.cat([next(iter(walk.values())) for walk in walks])

    def walks(
        self,
        rows: int = 8,
        steps: int = 10,
        seed: int = 0,
        spherical: bool = True,
        label: conditions.Asked | None = None,
        to: conditions.Asked | None = None,
        latents: Tensor | None = None,
    ) -> Iterator[dict[str, Tensor]]:
        """Each row of `interpolate` by itself, [steps, …], with all images of its latents [rows, …] by key."""
        return latents_of.walks(self, rows, steps, seed, spherical, label, to, latents)

    def invert(
        self, images: Tensor, label: conditions.Asked | None = None, by: str = "search", seed: int = 0, **how: Any
    ) -> Inverted:
        """The latents whose samples are nearest to images float [N, C, H, W] in [-1, 1], of a label if the game takes
        one, with these samples and their PSNR; by "search", or by the "encoder" of a run that has one. `how`: steps,
        restarts and lr of the search.

        They are float [N, z] or, of a game with styles, these; `decode` and `interpolate` take them.
        """
        return latents_of.invert(self, images, label, by, seed, **how)

    def decode(self, latents: Tensor, label: conditions.Asked | None = None) -> Tensor:
        """The samples uint8 [N, C, H, W] or float [N, …] of latents float [N, …], of a label if the game takes one.

        They look as `sample` gives them.
        """
        return torch.cat([next(iter(part.values())) for part in latents_of.shown(self, latents, label)])

    def traverse(
        self,
        codes: Sequence[str] = (),
        steps: int = 10,
        reach: float | None = None,
        seed: int = 0,
        label: str | int | None = None,
    ) -> dict[str, Tensor]:
        """For each of these codes images uint8 [steps, C, H, W], in which it alone changes, from -reach to reach.

        All start from one latent, which the seed draws. Without names, the first ten codes. The code "label" of a
        game that takes a class is swept through all of them; all others keep `label`, or one that is drawn.
        """
        return latents_of.traverse(self, codes, steps, reach, seed, label)

    def direction(self, add: str | int | None = None, subtract: str | int | None = None) -> Tensor:
        """What to add to a code, [K], for one class or label more and another less; see `directions.direction`."""
        names = (None if name is None else str(name) for name in (add, subtract))
        return directions.direction(self.as_(Encoding), self.source, *names)

    @torch.no_grad()
    def moved(self, images: Tensor, direction: Tensor, label: str | int | None = None) -> Tensor:
        """Images float [N, C, H, W] in [-1, 1] with `direction` [K] added to their codes: uint8 [N, C, H, W].

        They are of a label if the game takes one. `Run.direction` finds what to add.
        """
        of, codes = self.labels(label), self.encode(images, label) + direction
        parts = (
            self.as_(Encoding).decode(z.to(self.device, self.game.dtype), of(len(z))) for z in codes.split(AT_ONCE)
        )
        return torch.cat([self.border(part) for part in parts])

    @torch.no_grad()
    def translate(self, images: Any, to: str | None = None, start: str | None = None, **how: Any) -> Any:
        """Images of the domain `start` as images of the domain `to`: its last one, from the first other, by default.

        A float tensor [N, C, H, W] in [-1, 1] gives uint8 [N, …]. An array uint8 or uint16 [H, W], [H, W, C] or
        [N, H, W, C], a picture of Pillow's, a path, or a list of these gives the like, at its own size, depth and
        opacity; a path gives a picture. `to` may also say what a result is to show, such as "blond,-male"; "all", or a
        list of these, gives a dictionary of results by their titles.

        `how`, each for all images or in a list for each: `labels`, what results are to show: a name, a mapping such as
        {"male": 0}, or columns with NaN for what stays; `style`, an image of the domain `to` that they are to look
        like, as a path, a picture, an array or planes float [K, h, w] in [-1, 1]; `mask`, white in a picture, a path or
        an array, 1 in a tensor: where a run that fills holes is to fill one; `instances`, a number for every object
        of a map, as a path or whole numbers [H, W]. `clusters`, such as {12: 3}, are looks of objects by number.
        The same `seed` (0) gives the same results, image by image. Further the settings of a `use.translating.Way`.
        Threads may share a run. UsageError for what the game does not take.
        """
        return translating.translate(self, images, to, start, **how)

    @torch.no_grad()
    def restore(self, images: Any, **how: Any) -> Any:
        """Images as they were before, of as many times their size as the run enlarges; given as for `translate`.

        `how` are `landmarks` [K, 2] of each image, where the game looks at them, a `seed` (0), the settings of a
        `use.restoring.How`, and what the game's `Use` lets choose. UsageError for what the game does not take.
        """
        return restoring.restore(self, images, **how)

    @torch.no_grad()
    def detect(self, images: Any, threshold: Threshold = None, **use: Any) -> Any:
        """How unusual images are, and where; `use` is what the game's `Use` lets choose.

        A float tensor [N, C, H, W] in [-1, 1] gives a `tasks.Finding` of them all. An array uint8 or uint16 [H, W],
        [H, W, C] or [N, H, W, C], a picture of Pillow's, a path, or a list of these gives a `use.detecting.Found` of
        each, with its map at its own size. Both have verdicts where there is a `threshold`: a number, "auto" (the
        calibrated one) or "none"; None: the calibrated one if there is one. UsageError where it is of other weights.
        """
        return finding.detect(self, images, threshold, **use)

    @property
    def calibration(self) -> Calibration | None:
        """What good images taught it, None if it is not calibrated. UsageError if that was with other weights."""
        return calibration.known(self)

    @torch.no_grad()
    def calibrate(
        self, images: Any, false_alarms: float = 0.01, defects: Any = None, best: str | None = None, **use: Any
    ) -> Calibration:
        """Find, from good images that the run has never seen, the score above which an image is anomalous.

        The threshold is the conformal quantile: of further good images at most the share `false_alarms` is above it.
        With `defects` too, best="f1" takes the one with the largest F1. It is kept in the run's folder. Images are as
        `detect` takes them. UsageError for too few, and for those that the run was trained on or is scored by.
        """
        return calibrating.calibrate(self, images, false_alarms, defects, best, **use)

    def evaluate(
        self,
        metrics: list[str] | None = None,
        n: int | None = None,
        extractor: str | None = None,
        weights: str | Path | Sequence[str | Path] | None = None,
        seed: int = 0,
        judge: str | Path | None = None,
    ) -> dict[str, Score]:
        """Scores of n samples (by default as many as the plan or the data ask for) against the held-out part.

        `weights` are files of the extractor or of lpips; `judge` is "digits" or a run that classifies.
        """
        n = n or self.recipe.plan.samples
        who = judge and judging.judge(judge, self.device, lambda: Run(judge, device=str(self.device)))
        return scoring.score(self.game, self.source, metrics, n, extractor, weights, seed, judge=who or None)

    def info(self) -> dict[str, Any]:
        """The run in plain numbers and words, as `saddle info RUN --json` prints them."""
        return informing.info(self)

    def border(self, x: Tensor) -> Tensor:
        """Samples [N, …] as they leave the run, in the same shape: images as integers, others in the data's units."""
        return self.whole(x) if self.spec.is_image else self.spec.main.restored(x.float()).cpu()

    def whole(self, x: Tensor) -> Tensor:
        """Images in [-1, 1], any shape → whole numbers, same shape: uint8, or uint16 of a run of 16 bits."""
        return to_uint16(x, *(self.recipe.data.range or ())) if self.bits == 16 else to_uint8(x).cpu()


def _portions(n: int, most: int = DRAWN) -> list[int]:
    return [most] * (n // most) + ([n % most] if n % most else [])
