"""pix2pixHD: every line of its fact sheet on clusters of looks and on use, with what proves it."""

import pytest
import torch
from playing import images, play
from sheets import Sheet
from test_sheet_pix2pixhd import SIDE, small, street
from torch import nn

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.games.pix2pixhd import Pix2PixHD

SHEET = Sheet(
    *("clusters.larger-than-a-64th", "clusters.one-code-an-object", "clusters.a-centre-at-random"),
    *("clusters.asked", "clusters.refused", "clusters.apart", "use.alone", "use.no-running-statistics"),
    *("use.numbers-are-needed", "edges.in-use"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def loud(game: Pix2PixHD) -> Pix2PixHD:
    """Weights that make a difference."""
    for p in (p for player in game.players().values() for p in player.parameters()):
        nn.init.normal_(p, std=0.3)
    return game


@proves("clusters.larger-than-a-64th", "clusters.one-code-an-object")
def _a_code_is_kept_of_each_object_that_is_larger_than_a_64th():
    """Of 1,024 pixels more than 16: two cars of 36 and 64, and not the third of exactly 16."""
    game, batch = small(), street(2)
    code = game.encoded(batch)
    game.remember(batch, code)
    assert game.kept.seen.tolist() == [2, 2, 4]
    cars = code[:, :, [18, 18], [2, 16]].movedim(1, 2).reshape(4, 3)
    assert torch.allclose(game.kept.vectors[2, :4], cars, atol=1e-6)
    play(game, batch)
    assert game.kept.seen.tolist() == [4, 4, 8]


def with_clusters(**options) -> Pix2PixHD:
    """Ten looks of a car, three of a road, none of the sky."""
    game = loud(small(**options))
    game.kept.vectors[2, :10] = images(10, 3)
    game.kept.vectors[1, :3] = images(3, 3)
    game.kept.seen.copy_(torch.tensor([0, 3, 10]))
    return game


def looks(game: Pix2PixHD, seed: int, **more) -> torch.Tensor:
    with rng.apart(seed):
        return game.imagined(street(1) | more)


@proves("clusters.a-centre-at-random")
def _where_nothing_is_asked_an_object_has_one_of_its_clusters_by_chance():
    game = with_clusters()
    centres = game.styles()
    assert [len(each) for each in centres] == [0, 3, 10]
    drawn = [looks(game, seed) for seed in range(60)]
    assert torch.equal(looks(game, 5), drawn[5])
    cars = torch.stack([x[0, :, 18, 2] for x in drawn])
    nearest = torch.cdist(cars, centres[2]).argmin(1)
    assert torch.equal(cars, centres[2][nearest])
    assert len(nearest.unique()) > 7
    assert not any(x[0, :, 10, 20].any() for x in drawn)  # a class that training never saw
    two = torch.stack([x[0, :, 18, 16] for x in drawn])
    assert not torch.equal(two, cars)


@proves("clusters.asked")
def _an_object_looks_as_the_cluster_that_was_asked_for():
    game, asked = with_clusters(), torch.full((1, SIDE, SIDE), -1)
    asked[street(1)["instances"] == 2001] = 4
    found = looks(game, 0, clusters=asked)
    assert torch.equal(found[0, :, 18, 16], game.styles()[2][4])
    assert torch.equal(found[0, :, 18, 2], looks(game, 0)[0, :, 18, 2])
    code = images(1, 3, SIDE, SIDE)
    assert torch.equal(looks(game, 0, code=code), code)


@proves("clusters.refused")
def _a_cluster_that_there_is_not_is_refused():
    for cluster, row, words in ((10, 18, "car has 10 clusters"), (3, 30, "road has 3"), (1, 10, "sky has 0")):
        asked = torch.full((1, SIDE, SIDE), -1)
        asked[0, row, 2] = cluster
        with pytest.raises(UsageError, match=words):
            looks(with_clusters(), 0, clusters=asked)


@proves("clusters.apart")
def _the_look_of_one_object_does_not_hang_on_another_one():
    """So that what is edited keeps the looks of all that is not."""
    game, batch = with_clusters(), street(1)
    gone = batch["instances"] == 2000
    batch["instances"][gone] = batch["a"][gone] = 1
    with rng.apart(3):
        without = game.imagined(batch)
    assert torch.equal(without[0, :, 18, 16], looks(game, 3)[0, :, 18, 16])


@proves("use.alone")
def _others_in_the_batch_change_nothing():
    game = with_clusters().eval()
    many, one = street(3), {key: x[:1] for key, x in street(3).items()}
    with rng.apart(0):
        together = game.translate(many, "b")
    with rng.apart(0):
        alone = game.translate(one, "b")
    assert torch.allclose(together[:1], alone, atol=1e-5)


@proves("use.no-running-statistics")
def _nothing_is_kept_but_codes_and_the_stage():
    game = small()
    play(game, street())
    assert sorted(name for name, _ in game.named_buffers()) == ["kept.seen", "kept.vectors", "stage"]
    before = {name: x.clone() for name, x in game.named_buffers()}
    game.translate(street(), "b")
    assert all(torch.equal(x, before[name]) for name, x in game.named_buffers())


@proves("use.numbers-are-needed")
def _a_map_without_the_numbers_of_its_objects_is_refused():
    with pytest.raises(UsageError, match="--instances FILE"):
        small().translate({"a": street()["a"]}, "b")
    assert small().beside == ("instances",)
    assert small(instances=False).beside == ()


@proves("edges.in-use")
def _two_cars_that_touch_are_drawn_otherwise_than_one():
    game, batch = loud(small()), street(1) | {"code": torch.zeros(1, 3, SIDE, SIDE)}
    one = batch | {"instances": batch["a"]}
    two = batch | {"instances": batch["a"] + 3 * (torch.arange(SIDE) // 19)}
    assert not torch.allclose(game.translate(one, "b"), game.translate(two, "b"), atol=1e-3)
