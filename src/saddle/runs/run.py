"""An opened run folder: the trained game with its averaged weights, ready for use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError, near, some
from ..base.folder import RunFolder
from ..base.precision import choose_device
from ..base.settings import change
from ..show.pictures import to_uint8, to_uint16
from ..spec import DataSpec, conditions
from ..spec.text import to_bytes
from ..tasks import Classification, Detection, Encoding, Finding, Game, Restoration, Synthesis, Traversal
from ..training.checkpoint import Checkpoints
from ..use import directions
from ..use.latents import slerp
from . import binding, judging, opening, scoring, translating
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
        """The samples that `sample` gives, at most 250 at a time: for more of them than memory holds.

        Nothing else may be drawn before the last portion is.
        """
        game, chosen = self.as_(Synthesis), self.use(Synthesis, use)
        for k, of in self._drawn(n, seed, label, texts):
            yield self._border(game.sample_with(k, of, chosen))

    @torch.no_grad()
    def together(
        self,
        n: int,
        seed: int = 0,
        label: conditions.Asked | None = None,
        texts: Sequence[str] = (),
        every_size: bool = False,
    ) -> Iterator[dict[str, Tensor]]:
        """All images of the latents of `sample`, at most 250 latents at a time, by their keys: a and b of a pair.

        With `every_size` by their sizes, such as 16x16, of a game that draws several; UsageError from another one.
        """
        game = self.as_(Synthesis)
        show = game.by_size if every_size else game.together
        for k, of in self._drawn(n, seed, label, texts):
            of = game.draw_label(k) if of is None else of
            yield {name: self._border(x) for name, x in show(game.noise(k, of), of).items()}

    def _drawn(
        self, n: int, seed: int, label: conditions.Asked | None, texts: Sequence[str]
    ) -> Iterator[tuple[int, Tensor | None]]:
        """Portions of n samples of a label, or of each text: how many, and their labels; all from the same noise."""
        if n < 1:
            raise UsageError(f"the number of samples is at least 1, not {n}")
        for of in map(self._labels, self.asked_by(texts) if texts else [label]):
            rng.seed(seed, "sample")
            for k in _portions(n):
                yield k, of(k)

    def asked_by(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts. UsageError if there are some and the game is not one that takes them."""
        condition = self.as_(Synthesis).condition
        if texts and (condition is None or condition.kind != "text"):
            raise UsageError(f"{self.recipe.game} on {self.recipe.data.source} cannot be asked by a text; leave it out")
        return texts

    def _labels(self, asked: conditions.Asked | None) -> Callable[[int], Tensor | None]:
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
        encoding, of = self.as_(Encoding), self._labels(label)
        return torch.cat([encoding.encode(x.to(self.device), of(len(x))).float().cpu() for x in images.split(AT_ONCE)])

    @torch.no_grad()
    def reconstruct(self, images: Tensor, label: conditions.Asked | None = None) -> Tensor:
        """Images float [N, C, H, W] in [-1, 1], as their codes remember them: uint8."""
        encoding, of = self.as_(Encoding), self._labels(label)
        parts = (encoding.reconstruct(x.to(self.device), of(len(x))) for x in images.split(AT_ONCE))
        return torch.cat([self._border(part) for part in parts])

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
    ) -> Tensor:
        """Samples on the way between two latents, row by row: [rows · steps, …] as `sample` gives them.

        A game that takes labels keeps one all along a row: `label`, or one drawn for each row. With `to`, it is the
        latent that stays, and the label, or what a text means to the game, that goes straight from one to the other.
        """
        walks = list(self.walks(rows, steps, seed, spherical, label, to))
        return torch.cat([next(iter(walk.values())) for walk in walks])

    @torch.no_grad()
    def walks(
        self,
        rows: int = 8,
        steps: int = 10,
        seed: int = 0,
        spherical: bool = True,
        label: conditions.Asked | None = None,
        to: conditions.Asked | None = None,
    ) -> Iterator[dict[str, Tensor]]:
        """Each row of `interpolate` by itself, [steps, …], with all images of its latents by their keys."""
        game, of = self.as_(Synthesis), self._labels(label)
        rng.seed(seed, "interpolate")
        labels = of(rows) if label is not None else game.draw_label(rows)
        a, b = (game.noise(rows, labels) for _ in range(2))
        t = torch.linspace(0, 1, steps, device=a.device, dtype=a.dtype)[:, None, None]
        if to is not None:
            way = torch.lerp(self._embedded(label), self._embedded(to), t[:, 0])  # [steps, E]
            along: list[tuple[Tensor, Tensor | None]] = [(z.expand(steps, -1), way) for z in a]
        else:
            path = (slerp if spherical else torch.lerp)(a, b, t).transpose(0, 1)  # [rows, steps, z]
            kept = [None if labels is None else labels[i].expand(steps, *labels.shape[1:]) for i in range(rows)]
            along = [*zip(path, kept, strict=True)]
        for z, row in along:
            yield {name: self._border(x) for name, x in game.together(z, row).items()}

    def _embedded(self, asked: conditions.Asked | None) -> Tensor:
        """A label as numbers [1, E], which has others between itself and a second one. UsageError if there are none."""
        if asked is None:
            raise UsageError("a way between two labels begins at one; give both")
        label = self._labels(asked)(1)
        numbers = None if label is None else self.as_(Synthesis).embed(label)
        if numbers is None:
            raise UsageError(f"{self.recipe.game} knows nothing between two labels; give one, which stays all along")
        return numbers

    @torch.no_grad()
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
        game, of = self.as_(Traversal), self._labels(label)
        sweeps = game.sweeps(steps, reach)
        names = tuple(codes) or tuple(sweeps)[:10]
        for name in names:
            if name not in sweeps:
                raise UsageError(f"no code '{name}'{near(name, sweeps)}; {self.recipe.game} has {some(sweeps)}")
        rng.seed(seed, "traverse")
        kept = game.draw_label(1) if label is None else of(1)
        z = game.noise(1, kept)
        return {name: self._border(directions.swept(game, z, kept, sweeps[name])) for name in names}

    def direction(self, add: str | int | None = None, subtract: str | int | None = None) -> Tensor:
        """What to add to a code, [K], for one class or label more and another less; see `directions.direction`."""
        names = (None if name is None else str(name) for name in (add, subtract))
        return directions.direction(self.as_(Encoding), self.source, *names)

    @torch.no_grad()
    def moved(self, images: Tensor, direction: Tensor, label: str | int | None = None) -> Tensor:
        """Images float [N, C, H, W] in [-1, 1], of a label if the game takes one, with [K] added to their codes: uint8.

        `direction` finds what to add.
        """
        of, codes = self._labels(label), self.encode(images, label) + direction
        parts = (
            self.as_(Encoding).decode(z.to(self.device, self.game.dtype), of(len(z))) for z in codes.split(AT_ONCE)
        )
        return torch.cat([self._border(part) for part in parts])

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
        of a map, as a path or whole numbers [H, W]. The same `seed` (0) gives the same results, image by image. Further
        the settings of a `use.translating.Way`. Threads may share a run. UsageError for what the game does not take.
        """
        return translating.translate(self, images, to, start, **how)

    @torch.no_grad()
    def restore(self, images: Tensor, **use: Any) -> Tensor:
        """Images float [N, C, h, w] in [-1, 1] as they were before: uint8 [N, C, H, W]. `use`: see the game's `Use`."""
        game, chosen = self.as_(Restoration), self.use(Restoration, use)
        key, made = game.needs[0], []
        for x in images.split(AT_ONCE):
            made.append(self.whole(game.restore_with({key: x.to(self.device, game.dtype)}, chosen)))
        return torch.cat(made)

    @torch.no_grad()
    def detect(self, images: Tensor, **use: Any) -> Finding:
        """How unusual images float [N, C, H, W] in [-1, 1] are: scores float [N] and maps float [N, 1, H, W]."""
        game, chosen = self.as_(Detection), self.use(Detection, use)
        parts = (game.detect_with(x.to(self.device, game.dtype), chosen) for x in images.split(AT_ONCE))
        found = [(part.score.float().cpu(), part.map.float().cpu()) for part in parts]
        scores, maps = (torch.cat(each) for each in zip(*found, strict=True))
        return Finding(scores, maps)

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
        """The run in plain numbers and words, as `saddle info --json` prints them."""
        facts, scores = self.state.facts, self.files.scores()
        return {
            "game": self.recipe.game,
            "data": self.recipe.data.source,
            "kind": type(self.game).described(),
            "status": self.files.status,
            **({"reason": reason} if (reason := self.files.failure()) else {}),
            "round": self.round,
            "rounds": self.state.fact("rounds"),
            "images": self.round * self.recipe.plan.batch,
            "seconds": facts.get("seconds"),
            "shape": list(self.spec.shape),
            "parameters": count_parameters(self.game),
            "checkpoints": self.checkpoints.rounds(),
            "best": self.checkpoints.best(),
            "scores": scores,
            "seconds_to": next((s["seconds_to"] for s in scores if "seconds_to" in s), {}),
            **({"began_with": str(self.recipe.start)} if self.recipe.start else {}),
            **({"trained_against": self.game.trained_against} if self.game.trained_against else {}),
        }

    def _border(self, x: Tensor) -> Tensor:
        return self.whole(x) if self.spec.is_image else self.spec.main.restored(x.float()).cpu()

    def whole(self, x: Tensor) -> Tensor:
        """Images in [-1, 1] as whole numbers: uint8, or uint16 if the run has been told to give 16 bits."""
        return to_uint16(x, *(self.recipe.data.range or ())) if self.bits == 16 else to_uint8(x).cpu()


def count_parameters(game: Game) -> dict[str, int]:
    counts = {name: sum(p.numel() for p in module.parameters()) for name, module in game.named_children()}
    return {name: n for name, n in counts.items() if n}


def _portions(n: int, most: int = DRAWN) -> list[int]:
    return [most] * (n // most) + ([n % most] if n % most else [])
