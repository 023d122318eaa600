"""One image's way through a network, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..base import telling
from ..base.errors import UsageError
from ..show.pictures import to_uint8
from .local import Fork, Join, Norm, Span, crop, layers
from .moments import Moments
from .route import Plan, Route
from .shelf import Plane, Shelf

SMALLEST = 32


class Image:
    """The image as a source of bands of rows."""

    def __init__(self, image: Tensor | np.ndarray):
        self.image = image

    def rows(self, first: int, last: int) -> Tensor:
        """[C, last - first, W]"""
        rows = self.image[0, :, first:last]
        return rows if isinstance(rows, Tensor) else torch.from_numpy(np.array(rows))

    def drop(self, before: int | None = None) -> None:
        """Nothing to let go of: the image belongs to the caller."""


@dataclass
class State:
    """What there is at a position of the route: the current activation, then what each waiting fork holds."""

    at: int
    planes: list[Plane | Image]


@dataclass
class Part:
    """One tile's own part of what there is at a position, as of a state, and where each of them lies."""

    rows: list[Span]
    columns: list[Span]
    values: list[Tensor]  # each [1, C, h, w]


class Walk:
    """UsageError, with the reason, for a network that cannot be tiled exactly."""

    def __init__(self, network: nn.Module, image: Tensor | np.ndarray, tile: int, given: list[Moments] | None = None):
        if tile < SMALLEST:
            raise UsageError(f"a tile has a side of {SMALLEST} pixels or more, not {tile}")
        if image.ndim != 4 or image.shape[0] != 1:
            raise UsageError(f"tiles are of one image [1, C, H, W], not of {list(image.shape)}")
        like = next(network.parameters(), image if isinstance(image, Tensor) else torch.empty(0))
        self.dtype = like.dtype if like.is_floating_point() else torch.float32
        self.device, self.tile, self.image = like.device, tile, Image(image)
        self.route = Route(layers(network), *image.shape[1:])
        self.measures, self.moments = given is None, list[Moments]()  # of the input of each norm, in order
        if given is not None:
            self.route.check(given)
            for norm, moments in zip(self.route.norms, given, strict=True):
                self.settle(norm, moments)

    def settle(self, norm: int, moments: Moments) -> None:
        """These are the statistics of a norm."""
        step = self.route.steps[norm]
        assert isinstance(step, Norm)
        self.route.steps[norm] = step.having(moments.mean, moments.variance)
        self.moments.append(moments)

    def run(self, shelf: Shelf, out: Tensor | None) -> None:
        """Measure what is to be measured, and write the result, if there is a place for it.

        `out` is [1, C', H', W'].
        """
        route, kept = self.route, self.route.kept()
        stops = [norm for norm in route.norms if self.measures or norm in kept]
        stops += [route.end] if out is not None else []
        total = sum(len(route.cores(stop, 0, self.tile)) * len(route.cores(stop, 1, self.tile)) for stop in stops)
        ticks = telling.each("tiles", range(total), total)
        state = State(0, [self.image])
        try:
            for stop in stops:
                moments = Moments() if self.measures and stop < route.end else None
                state = self.go(state, stop, ticks, moments, shelf if stop in kept else None, out)
                if moments:
                    self.settle(stop, moments)
            next(ticks, None)
        finally:
            shelf.close()

    def go(
        self,
        state: State,
        to: int,
        ticks: Iterator[int],
        moments: Moments | None,
        shelf: Shelf | None,
        out: Tensor | None,
    ) -> State:
        """To a position: take the moments there, write the result out, or keep it on the shelf as the next state.

        `out` is [1, C', H', W'].
        """
        route, through = self.route, self.route.through(state.at, to)
        begun = route.forks[to][through:]
        taken = [state.planes[0], *state.planes[1 + through :]]
        new = [Plane(shelf, route.shapes[i][0], route.shapes[i][2]) for i in (to, *begun)] if shelf else []
        for part in self.parts(state.at, to, taken, release=bool(new)):
            next(ticks)
            if moments:
                moments.add(part.values[0])
            if out is not None and to == route.end:
                made = part.values[0][0]
                made = to_uint8(made) if out.dtype == torch.uint8 else made
                out[0, :, slice(*part.rows[0]), slice(*part.columns[0])] = made
            for i, plane in enumerate(new):
                plane.put(part.values[i], part.rows[i], part.columns[i])
        if not new:
            return state
        for old in taken:
            old.drop()
        return State(to, [new[0], *state.planes[1 : 1 + through], *new[1:]])

    def parts(self, start: int, to: int, taken: list[Plane | Image], release: bool) -> Iterator[Part]:
        """All tiles' parts at a position, row by row and from left to right, made from those at `start`.

        With `release`, what is taken is let go of as soon as no further tile needs it.
        """
        route, through = self.route, self.route.through(start, to)
        downs, acrosses = (
            [(core, route.plan(start, to, axis, core)) for core in route.cores(to, axis, self.tile)] for axis in (0, 1)
        )
        for k, (rows, down) in enumerate(downs):
            bands = [plane.rows(*span) for plane, span in zip(taken, down.wanted, strict=True)]
            for i, plane in enumerate(taken if release else []):
                plane.drop(before=min((later.wanted[i][0] for _, later in downs[k + 1 :]), default=None))
            for columns, across in acrosses:
                held = [self.take(band[None, :, :, slice(*s)]) for band, s in zip(bands, across.wanted, strict=True)]
                values = self.advance(held, start, to, down, across)
                yield Part([rows[0], *rows[1 + through :]], [columns[0], *columns[1 + through :]], values)

    def take(self, x: Tensor) -> Tensor:
        """A copy of x [1, C, h, w] as the network takes it, on its device → same shape."""
        x_ = x.to(self.device).to(self.dtype, copy=True, memory_format=torch.contiguous_format)
        return x_.div_(127.5).sub_(1) if x.dtype == torch.uint8 else x_

    def advance(self, held: list[Tensor], start: int, to: int, down: Plan, across: Plan) -> list[Tensor]:
        """One tile: the current activation and what the forks hold, from one position to another.

        Each is [1, C, h, w].
        """
        x, *waiting = held
        for i in range(start, to):
            step = self.route.steps[i]
            have, want = ((down.spans[at], across.spans[at]) for at in (i, i + 1))
            if isinstance(step, Fork):
                waiting.append(crop(x, have, (down.forks[i], across.forks[i])).clone())
                x = crop(x, have, want)
            elif isinstance(step, Join):
                x = x + waiting.pop()
            else:
                x = step.make(x, self.route.sides(i), have, want)
        return [x, *waiting]
