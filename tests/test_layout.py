"""The memory layout of images: the one that suits the layers, and on a run's way always the same."""

from pathlib import Path

import pytest
import torch
from torch import nn

import saddle
from saddle.base.errors import UsageError
from saddle.layers.layout import likes_channels_last
from saddle.runs import registry
from saddle.runs.recipe import Recipe
from saddle.runs.run import Run
from saddle.spec import DataSpec
from saddle.training.plan import Plan
from saddle.training.trainer import Trainer

SMALL = {"game.width": 4, "game.blocks": 1, "plan.batch": 2, "plan.scores": 0, "plan.pictures": 0, "plan.save_every": 1}
SMALL |= {"plan.precision": "fp32", "plan.samples": 64, "game.optim.schedule": "Constant"}


class Nothing:
    def batches(self, start):
        return iter(())


def is_last(game: str, spec: DataSpec, layout: bool | None) -> bool:
    """Do its networks lie in channels-last, as it is trained?"""
    options = registry.load(game).Options
    trainer = Trainer(registry.load(game)(spec, options()), Nothing(), Plan(channels_last=layout), "fp32")
    kernels = [p for p in trainer.game.parameters() if p.ndim == 4 and min(p.shape[1], p.shape[2]) > 1]
    return all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)


def test_instance_norm_does_not_like_channels_last_and_other_layers_do():
    assert not likes_channels_last(nn.Sequential(nn.Conv2d(3, 3, 3), nn.Sequential(nn.InstanceNorm2d(3))))
    assert likes_channels_last(nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.GroupNorm(1, 3)))


@pytest.mark.parametrize(("layout", "last"), [(None, True), (True, True), (False, False)])
def test_a_plan_can_choose_the_layout_and_by_default_convolutions_get_channels_last(layout, last):
    assert is_last("dcgan", DataSpec.of((1, 8, 8)), layout) == last


def test_a_run_of_an_older_recipe_keeps_its_layout_to_the_bit(tmp_path: Path, monkeypatch):
    """A recipe that says nothing leaves the layout open; before it could be, recipes of runs had channels-last."""
    monkeypatch.setattr("saddle.metrics.reading.STEPS", 2)  # of who reads the translated digits for the scores
    config = tmp_path / "own.yaml"
    config.write_text("game: {name: cyclegan, patch_layers: 1}\ndata: digits-inverted\n")
    old = SMALL | {"plan.channels_last": True}

    def train(name: str, rounds: int, settings: dict[str, object]) -> Run:
        return saddle.train(config=config, run=tmp_path / name, rounds=rounds, settings=settings, quiet=True)

    train("old", 1, old)
    resumed, whole, new = train("old", 2, SMALL), train("whole", 2, old), train("new", 2, SMALL)
    states = [run.game.state_dict() for run in (resumed, whole, new)]
    assert all(torch.equal(x, states[1][name]) for name, x in states[0].items())
    assert not all(torch.equal(x, states[1][name]) for name, x in states[2].items())  # the layout shows in the bits
    assert Recipe.read(tmp_path / "old").plan.channels_last is True
    assert Recipe.read(tmp_path / "new").plan.channels_last is None
    with pytest.raises(UsageError, match=r"plan.channels_last is false, there true"):
        train("old", 2, SMALL | {"plan.channels_last": False})
