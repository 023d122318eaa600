"""Every game, small: its recipe on its embedded data, with narrow networks, four samples a batch, one thread."""

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from seeding import seed_all

from saddle.base.kinds import choices
from saddle.data import DataOptions, Source, open_source
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
    "--plan.samples",
    "64",
]

# Pixels of images that are drawn, or cut, to the size that is asked for.
CUT = {"photo": 40, **dict.fromkeys(("scenes", "rain", "shadows", "edges", "holes", "photos", "faces-turned"), 32)}
CUT |= {"illustrations": 64}

# Settings of games whose rounds would take long: what is asked of every game does not depend on its width.
NARROW: dict[str, dict[str, Any]] = {
    **{name: {"game.width": 4} for name in ("cogan", "cyclegan", "disentangle", "esrgan", "ganilla")},
    **{name: {"game.width": 4} for name in ("gln", "infogan")},
    **{name: {"game.width": 4} for name in ("lapgan", "nicegan", "pan", "pix2pix", "st-cgan", "stargan", "unit")},
    "aae": {"game.width": 64},
    "dtn": {"game.width": 8},
    "energy": {"game.network.width": 4},
    "pix2pixhd": {"game.width": 4, "game.encoder_width": 4, "game.discriminator_width": 4},
    "r3gan": {"game.network.width": 64},
    "sagan": {"game.network.width": 4},
    "singan": {"game.width": 4, "game.widest": 4},
    "sngan": {"game.network.width": 4},
    "spade": {"game.width": 4, "game.hidden": 8, "game.encoder_width": 4, "game.discriminator_width": 4},
    "stylegan2": {"game.network.channel_base": 128, "game.network.channel_max": 16},
    "unit-adaptation": {"game.width": 4, "game.judge_width": 4},
}
SMALLER = {"cyclegan": 16, "nicegan": 24, "stargan": 16, "unit": 16}  # pixels of their own data, likewise


def tiny(*words: str) -> list[str]:
    """Words of a command with those of TINY that they do not give themselves."""
    pairs = zip(TINY[::2], TINY[1::2], strict=True)
    return [*(word for pair in pairs if pair[0] not in words for word in pair), *words]


@cache
def opened(data: DataOptions) -> Source:
    """A source that is opened once: nobody changes what it holds."""
    return open_source(data)


@cache
def _recipe(name: str, data: str | None) -> Recipe:
    """The game's recipe where its networks are narrow, and where images are drawn or cut to any size they are small."""
    recipe = Recipe.default(name, data).change(NARROW.get(name, {}))
    side = CUT.get(recipe.data.source) or (None if data else SMALLER.get(name))
    return replace(recipe, data=replace(recipe.data, size=side)) if side else recipe


def tiny_recipe(name: str, data: str | None = None, **plan: Any) -> Recipe:
    """The game's recipe, on its own data unless others are named, cut to a few rounds of four samples in fp32."""
    settings = {"rounds": 4, "batch": 4, "pictures": 1, "scores": 0, "log_every": 1, "precision": "fp32"}
    settings |= {"samples": 64} | plan
    return replace(_recipe(name, data), plan=Plan(**settings))


def make_trainer(
    name: str, options: Any = None, optim: Optim | None = None, device: str = "cpu", **plan: Any
) -> Trainer:
    """The game on its data, ready to play; `optim` for all players instead of their own."""
    recipe = tiny_recipe(name, **plan)
    source = opened(recipe.data)
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
