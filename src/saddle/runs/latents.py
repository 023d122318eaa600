"""Latents of a run: ways between them, what given ones show, and those of given images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from ..base import rng
from ..base.errors import UsageError, near, some
from ..base.files import quoted
from ..metrics.psnr import psnr
from ..spec import conditions
from ..tasks import Encoding, Synthesis, Traversal
from ..tasks.searching import check_told
from ..use import directions, inverting
from ..use.latents import slerp
from .translations import at_a_time

if TYPE_CHECKING:
    from .run import Run

WAYS = ("search", "encoder")  # to an image's latent


class Inverted(NamedTuple):
    """The latents of images, and what these show."""

    latents: Tensor  # float [N, …], as `decode` takes them
    images: Tensor  # uint8 [N, C, H, W]
    psnr: Tensor  # decibels between an image and what its latent shows  [N]


def invert(
    run: Run, images: Tensor, label: conditions.Asked | None = None, by: str = "search", seed: int = 0, **how: Any
) -> Inverted:
    """See `Run.invert`; images [N, C, H, W]."""
    if by not in WAYS:
        raise UsageError(f"no way '{by}' from an image to its latent; there is {some(WAYS)}")
    game, of = run.as_(Synthesis), run.labels(label)
    if not run.spec.is_image:
        raise UsageError(f"{run.recipe.game} was trained on {run.spec.main} here; there are no images to invert")
    known = [each.name for each in fields(inverting.DEFAULT)] if by == "search" else []
    if unknown := [name for name in how if name not in known]:
        there = f"there are {some(known)}" if known else "it looks once; leave it out, or choose --by search"
        raise UsageError(f"{'a search' if known else 'an encoder'} has no '{unknown[0]}' to choose; {there}")
    found = []
    for x in images.split(at_a_time(run.spec.shape)):
        x, told = x.to(run.device, game.dtype), of(len(x))
        found.append(inverting.inverted(game, x, told, seed, **how) if known else _looked(run, x, told))
    latents, made, decibels = (torch.cat([each[k].cpu() for each in found]) for k in range(3))
    return Inverted(latents.float(), run.whole(made), decibels)


@torch.no_grad()
def _looked(run: Run, image: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """As `inverting.inverted`, in one look of the run's encoder. UsageError where it has none."""
    game = run.as_(Synthesis)
    check_told(game, label)
    if Encoding not in type(game).tasks():
        raise UsageError(
            f"{run.recipe.game} has no encoder. Train one for it, and then name its run: "
            f"saddle train encoder --from {quoted(run.folder)}"
        )
    latents = game.searched(run.as_(Encoding).encode(image, label), label)
    made = game.decode(latents, label)
    return latents, made, psnr(made, image)


@torch.no_grad()
def shown(run: Run, latents: Tensor, label: conditions.Asked | None = None) -> Iterator[dict[str, Tensor]]:
    """What latents [N, …] show, of a label if the game takes one: each image batch is [N, C, H, W], by its key."""
    game, of = run.as_(Synthesis), run.labels(label)
    check(run, latents, of(1))
    for z in latents.split(at_a_time(run.spec.shape) if run.spec.is_image else len(latents)):
        given = of(len(z))
        if given is None:
            with rng.apart("latents"):
                given = game.draw_label(len(z))
        yield {name: run.border(x) for name, x in game.together(z.to(run.device, game.dtype), given).items()}


@torch.no_grad()
def check(run: Run, latents: Tensor, label: Tensor | None = None) -> None:
    """UsageError unless the run's game can decode these latents [N, …], with labels [N, …] if it takes them."""
    game = run.as_(Synthesis)
    with rng.apart("shapes"):
        label = game.draw_label(1) if label is None else label
        z = game.noise(1, label)
        shapes = {tuple(each.shape[1:]) for each in (z, game.searched(z, label))}
    if tuple(latents.shape[1:]) not in shapes:
        wanted = " or ".join(f"[N, {', '.join(map(str, shape))}]" for shape in sorted(shapes, key=len))
        raise UsageError(
            f"these latents are an array of {[*latents.shape]}; {run.recipe.game} takes {wanted}, such as "
            "saddle invert writes for this run"
        )
    if not (latents.isfinite().all() and len(latents)):
        raise UsageError(f"these {len(latents)} latents are none, or hold numbers that are not finite")


@torch.no_grad()
def walks(
    run: Run,
    rows: int,
    steps: int,
    seed: int,
    spherical: bool,
    label: conditions.Asked | None,
    to: conditions.Asked | None,
    latents: Tensor | None = None,
) -> Iterator[dict[str, Tensor]]:
    """See `Run.walks`. Between given latents [rows, …] there is a walk from each to the next, each [steps, …]."""
    game, of = run.as_(Synthesis), run.labels(label)
    rng.seed(seed, "interpolate")
    if latents is not None:
        if len(latents) < 2:
            raise UsageError(f"a walk leads from one latent to the next, and there is {len(latents)}; give two or more")
        if to is not None:
            raise UsageError("walks between given latents keep their label; give one, or leave the latents out")
        check(run, latents, of(1))
        latents, rows = latents.to(run.device, game.dtype), len(latents) - 1
    labels = of(rows) if label is not None else game.draw_label(rows)
    a, b = (latents[:-1], latents[1:]) if latents is not None else (game.noise(rows, labels) for _ in range(2))
    t = torch.linspace(0, 1, steps, device=a.device, dtype=a.dtype).view(-1, *[1] * a.ndim)
    if to is not None:
        way = torch.lerp(_embedded(run, label), _embedded(run, to), t[:, 0])  # [steps, E]
        along: list[tuple[Tensor, Tensor | None]] = [(z.expand(steps, -1), way) for z in a]
    else:
        round_ = spherical and a.ndim == 2  # styles are not as long as normal noise is
        path = (slerp if round_ else torch.lerp)(a, b, t).transpose(0, 1)  # [rows, steps, …]
        kept = [None if labels is None else labels[i].expand(steps, *labels.shape[1:]) for i in range(rows)]
        along = [*zip(path, kept, strict=True)]
    for z, row in along:
        yield {name: run.border(x) for name, x in game.together(z, row).items()}


@torch.no_grad()
def traverse(
    run: Run, codes: Sequence[str], steps: int, reach: float | None, seed: int, label: str | int | None
) -> dict[str, Tensor]:
    """See `Run.traverse`."""
    game, of = run.as_(Traversal), run.labels(label)
    sweeps = game.sweeps(steps, reach)
    names = tuple(codes) or tuple(sweeps)[:10]
    for name in names:
        if name not in sweeps:
            raise UsageError(f"no code '{name}'{near(name, sweeps)}; {run.recipe.game} has {some(sweeps)}")
    rng.seed(seed, "traverse")
    kept = game.draw_label(1) if label is None else of(1)
    z = game.noise(1, kept)
    return {name: run.border(directions.swept(game, z, kept, sweeps[name])) for name in names}


def _embedded(run: Run, asked: conditions.Asked | None) -> Tensor:
    """A label as numbers [1, E], which has others between itself and a second one. UsageError if there are none."""
    if asked is None:
        raise UsageError("a way between two labels begins at one; give both")
    label = run.labels(asked)(1)
    numbers = None if label is None else run.as_(Synthesis).embed(label)
    if numbers is None:
        raise UsageError(f"{run.recipe.game} knows nothing between two labels; give one, which stays all along")
    return numbers
