"""Every game, small: its own recipe's settings on its own embedded data, four samples a batch, one thread."""

from dataclasses import replace
from typing import Any

import torch
from seeding import seed_all

from saddle.base.kinds import choices
from saddle.data import open_source
from saddle.data.stream import Stream
from saddle.optim import Optim
from saddle.runs import registry
from saddle.runs.recipe import Recipe
from saddle.training.plan import Plan
from saddle.training.trainer import Trainer

torch.set_num_threads(1)


def shipped(base: type) -> dict[str, Any]:
    """The kinds of a part that Saddle brings along, by name, without those that other tests define."""
    return {name: kind for name, kind in choices(base).items() if kind.__module__.startswith("saddle.")}


GAMES = registry.names()
TINY = [
    "--plan.rounds",
    "2",
    "--plan.batch",
    "4",
    "--plan.scores",
    "0",
    "--plan.pictures",
    "1",
    "--plan.precision",
    "fp32",
]

# pixels of images that are drawn, or cut, to the size that is asked for
CUT = {"photo": 40, **dict.fromkeys(("scenes", "rain", "shadows", "edges", "holes", "photos", "faces-turned"), 32)}


def tiny(*words: str) -> list[str]:
    """Words of a command with those of TINY that they do not give themselves."""
    pairs = zip(TINY[::2], TINY[1::2], strict=True)
    return [*(word for pair in pairs if pair[0] not in words for word in pair), *words]


def tiny_recipe(name: str, data: str | None = None, **plan: Any) -> Recipe:
    """The game's recipe, on its own data unless others are named, cut to a few rounds of four samples in fp32.

    Where images are drawn or cut to any size they are small.
    """
    recipe = Recipe.default(name, data)
    if side := CUT.get(recipe.data.source):
        recipe = replace(recipe, data=replace(recipe.data, size=side))
    settings = {"rounds": 4, "batch": 4, "pictures": 1, "scores": 0, "log_every": 1, "precision": "fp32"} | plan
    return replace(recipe, plan=Plan(**settings))


def make_trainer(
    name: str, options: Any = None, optim: Optim | None = None, device: str = "cpu", **plan: Any
) -> Trainer:
    """The game on its data, ready to play; `optim` for all players instead of their own."""
    recipe = tiny_recipe(name, **plan)
    source = open_source(recipe.data)
    seed_all(0, "weights")
    game = registry.load(name)(source.spec, options or recipe.options).to(device)
    if optim:
        game.optim = lambda player: optim
    stream = Stream(
        source.train,
        source.spec,
        recipe.plan.batch,
        recipe.plan.seed,
        device=device,
        micro_batches=recipe.plan.micro_batches,
    )
    return Trainer(game, stream, recipe.plan, recipe.plan.precision)
