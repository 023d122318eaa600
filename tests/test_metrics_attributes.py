"""The captions' checker: what a picture shows, and how much of it was asked for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from seeding import seed_all
from torch import Tensor

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.data import DataOptions, Source, open_source
from saddle.layers.resample import shrink
from saddle.metrics import evaluate
from saddle.metrics.attributes import METRICS, asked, share_right, shown
from saddle.runs import scoring
from saddle.spec.grammar import ATTRIBUTES, COMBINATIONS, render
from saddle.tasks import Sizes, Synthesis

SOURCE = open_source(DataOptions(source="captions"))
CHANCE = np.mean([1 / len(names) for names in ATTRIBUTES.values()])


class Oracle(Synthesis):
    """A game that draws what it is told to, by the renderer; shuffled, what its neighbour in the batch was told."""

    needs = ("image", "caption")
    shuffled = False

    def round(self, batches):
        yield

    def noise(self, n: int, label: Tensor | None = None) -> Tensor:
        return rng.rand(n, 3)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        wanted = asked(label).numpy()
        images = render(np.roll(wanted, 1, 0) if self.shuffled else wanted, z.numpy(), *self.data.shape[1:])
        return torch.from_numpy(images) / 127.5 - 1

    device, dtype = torch.device("cpu"), torch.float32
    condition = property(lambda self: self.data.condition)


def scores(source: Source = SOURCE, shuffled: bool = False, n: int = 1000) -> dict[str, float]:
    game = Oracle(source.spec)
    game.shuffled = shuffled
    found = scoring.score(game, source, n=n)
    return {name: score.value for name, score in found.items()}


@pytest.mark.parametrize("size", [12, 16, 32, 64, (20, 33)])
def test_the_checker_reads_rendered_pictures_without_a_mistake(size: int | tuple[int, int]) -> None:
    source = open_source(DataOptions(source="captions", size=size))
    for split in (source.train, source.heldout):
        batch = split.take(slice(240))
        assert torch.equal(shown(batch["image"]), asked(batch["caption"]))


def test_it_reads_them_through_noise() -> None:
    batch = SOURCE.train.take(slice(300))
    noise = torch.randn(batch["image"].shape, generator=torch.Generator().manual_seed(0))
    assert share_right(shown(batch["image"] + 0.15 * noise), asked(batch["caption"]))[0] > 0.99


@pytest.mark.parametrize(
    "picture",
    [
        -torch.ones(1, 3, 32, 32),
        torch.ones(1, 3, 32, 32),
        torch.full((1, 3, 32, 32), torch.nan),
        torch.zeros(1, 3, 32, 32),
    ],
    ids=["black", "white", "nan", "grey"],
)
def test_a_picture_without_a_shape_shows_nothing(picture: Tensor) -> None:
    assert (shown(picture) == -1).all()


def test_noise_shows_nothing() -> None:
    seed_all(0)
    assert (shown(rng.rand(50, 3, 32, 32) * 2 - 1) == -1).all()


def test_an_oracle_scores_one() -> None:
    assert scores(n=500) == dict.fromkeys(SOURCE.judged.final, 1.0)


def test_shuffled_captions_score_chance() -> None:
    found = scores(shuffled=True)
    for attribute, names in ATTRIBUTES.items():
        assert found[f"attribute_{attribute}"] == pytest.approx(1 / len(names), abs=0.06)
    assert found["attributes"] == pytest.approx(CHANCE, abs=0.03)
    assert found["attributes_held_out"] == pytest.approx(CHANCE, abs=0.04)
    assert found["attributes_all"] < 0.05


def test_the_error_is_that_of_so_many_samples() -> None:
    game = Oracle(SOURCE.spec)
    game.shuffled = True
    score = scoring.score(game, SOURCE, ["attribute_colour"], n=400)["attribute_colour"]
    assert score.uncertainty == pytest.approx((score.value * (1 - score.value) / 400) ** 0.5)
    assert score.fingerprint["samples"] == 400


def test_samples_that_show_nothing_are_all_wrong() -> None:
    label = SOURCE.train.take(slice(20))["caption"]
    names = [name for name in SOURCE.judged.final if "held_out" not in name]
    black = evaluate(lambda k: (-torch.ones(k, 3, 16, 16), label[:k]), None, names, None, n=20)
    assert {score.value for score in black.values()} == {0.0}


def test_the_captions_are_judged_by_all_of_their_metrics() -> None:
    assert {*SOURCE.judged.final, "attributes_smallest"} == METRICS.keys()


def test_held_out_captions_are_asked_of_the_held_out_part_alone() -> None:
    drawn = []

    class Watched(Oracle):
        def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
            drawn.append(asked(label))
            return super().decode(z, label)

    scoring.score(Watched(SOURCE.spec), SOURCE, ["attributes_held_out"], n=200)
    kept = {tuple(row) for row in asked(SOURCE.heldout.take(slice(24))["caption"]).tolist()}
    assert {tuple(row) for row in torch.cat(drawn).tolist()} == kept
    assert len(kept) == 24 < len(COMBINATIONS)


def test_the_smallest_images_have_a_score_of_their_own() -> None:
    """A tree that draws the right things at its largest size alone would not be seen otherwise."""

    class Tree(Oracle, Sizes):
        honest = True

        def images(self, z: Tensor, label: Tensor | None = None) -> list[Tensor]:
            drawn = self.decode(z, label)
            return [shrink(drawn if self.honest else drawn.roll(1, 0), 2), drawn]

    tree = Tree(SOURCE.spec)
    assert scoring.defaults(tree, SOURCE, final=True)[-1] == "attributes_smallest"
    for tree.honest, expected in ((True, 1.0), (False, CHANCE)):
        found = scoring.score(tree, SOURCE, ["attributes", "attributes_smallest"], n=500)
        assert found["attributes"].value == 1.0
        assert found["attributes_smallest"].value == pytest.approx(expected, abs=0.06)
    with pytest.raises(UsageError, match="needs a game that draws the data 'captions' at several sizes"):
        scoring.score(Oracle(SOURCE.spec), SOURCE, ["attributes_smallest"], n=20)


def test_a_game_without_captions_has_no_such_scores() -> None:
    class Untold(Oracle):
        needs = ("image",)

    assert scoring.defaults(Untold(SOURCE.spec), SOURCE, final=True) == []
    with pytest.raises(UsageError, match="'attributes_held_out' needs a game that is given captions"):
        scoring.score(Untold(SOURCE.spec), SOURCE, ["attributes_held_out"])


def test_grey_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match=r"reads images \[N, 3, H, W\], not \[2, 1, 8, 8\]"):
        shown(torch.zeros(2, 1, 8, 8))


def test_captions_outside_the_grammar_are_refused() -> None:
    with pytest.raises(UsageError, match="names 0 of the sizes"):
        evaluate(lambda k: (torch.zeros(k, 3, 8, 8), torch.full((k, 3), 97)), None, ["attributes"], None, n=2)


def test_captions_of_which_none_is_held_out_are_scored_beside_those_of_the_training() -> None:
    other = replace(SOURCE, heldout=None)
    assert "attributes" in scoring.defaults(Oracle(SOURCE.spec), other, final=True)


def test_samples_without_captions_are_refused() -> None:
    for drawn in (torch.zeros(2, 3, 8, 8), (torch.zeros(2, 3, 8, 8), torch.zeros(2, dtype=torch.int64))):
        with pytest.raises(UsageError, match="needs samples drawn for captions"):
            evaluate(lambda k, drawn=drawn: drawn, None, ["attributes"], None, n=2)
