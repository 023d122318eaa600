"""Whatever is no data is called bad: noise, plain grey, shuffled pixels and one image again and again."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from saddle.data import DataOptions, open_source
from saddle.metrics import Score, evaluate
from saddle.metrics.names import chosen, metric_names

N = 150
RECIPES = json.loads((Path(__file__).parents[1] / "docs/scores.json").read_text("utf-8")).values()
WORSE = {"fid": max, "kid": max, "coverage": min}
NO_DATA = ["noise", "grey", "shuffled", "one image"]


def drawn(name: str, train: Tensor) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    if name == "noise":
        return torch.rand(N, *train.shape[1:], generator=chance) * 2 - 1
    if name == "grey":
        return torch.zeros(N, *train.shape[1:])
    if name == "one image":
        return train[:1].expand(N, -1, -1, -1)
    return torch.stack([x.flatten()[torch.randperm(x.numel(), generator=chance)].view(x.shape) for x in train[:N]])


@pytest.fixture(scope="module")
def scores() -> dict[str, dict[str, Score]]:
    source = open_source(DataOptions(source="digits"))
    train, real = source.train.take(slice(400))["image"], source.heldout.take(slice(None))["image"]
    names = [*WORSE, "swd", "swd_floor"]
    images = {name: drawn(name, train) for name in NO_DATA}
    return {
        name: evaluate(lambda k, x=x: x[:k], real, names, "digits", n=N, batch=N, train=train)
        for name, x in images.items()
    }


@pytest.mark.parametrize("name", NO_DATA)
def test_what_is_no_data_is_worse_than_the_worst_accepted_recipe(
    name: str, scores: dict[str, dict[str, Score]]
) -> None:
    for score, worst in WORSE.items():
        accepted = worst(recipe["scores"][score]["value"] for recipe in RECIPES if score in recipe["scores"])
        value = scores[name][score].value
        assert worst(value, accepted) == value != accepted, score
    assert scores[name]["swd"].value > 3 * scores[name]["swd_floor"].value  # recipes are held to 1.5


def test_what_may_take_it_for_good_says_so_where_it_is_told_and_copying_has_no_arrow() -> None:
    metrics = chosen(metric_names())
    assert {name for name, metric in metrics.items() if metric.caveat} == {
        *("precision", "density", "class_precision", "inception_score"),
    }
    grey = torch.zeros(64, 1, 8, 8)
    real = torch.rand(100, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = evaluate(lambda k: grey[:k], real, ["precision"], "pixels", n=64)["precision"]
    assert found.value == 1, "grey lies between all"
    assert "one image again and again" in str(found)
    assert (metrics["copying"].better, metrics["copying"].chooses) == ("none", False)
