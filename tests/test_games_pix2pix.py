"""pix2pix: what it takes and refuses, the moves of a round, and translations that depend on nothing but their image."""

import pytest
import torch
from playing import images, play
from seeding import seed_all
from torch import Tensor, nn

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.games.pix2pix import Pix2Pix
from saddle.losses import EnergyMargin
from saddle.penalties import R1
from saddle.spec import DataSpec, Field
from saddle.views import DiffAugment, InstanceNoise

SIDES = (16, 16)
COLOUR, GREY = Field("image", (3, *SIDES)), Field("image", (1, *SIDES))
MAP = Field("map", SIDES, ("sky", "ground", "house"), ((0, 0, 255), (0, 255, 0), (255, 0, 0)))
MASK = Field("mask", (1, *SIDES))
SMALL = {"width": 4, "patch_layers": 1}


def samples(field: Field, n: int = 4) -> Tensor:
    x = images(n, field.planes, *field.shape[-2:])
    return x.argmax(1) if field.kind == "map" else (x > 0).float() if field.kind == "mask" else x


def made(a: Field = COLOUR, b: Field = COLOUR, **options) -> Pix2Pix:
    seed_all(0)
    torch.manual_seed(0)
    return Pix2Pix(DataSpec({"a": a, "b": b}), Pix2Pix.Options(**SMALL | options))


def batch(a: Field = COLOUR, b: Field = COLOUR, n: int = 4) -> dict[str, Tensor]:
    return {"a": samples(a, n), "b": -samples(b, n) if b.kind == "image" else samples(b, n)}


def drawn(game: Pix2Pix, image: Tensor, key: object = 0) -> Tensor:
    with rng.apart("use", key):
        return game.translate({"a": image}, "b")


@pytest.mark.parametrize("a", [COLOUR, GREY, MAP, MASK], ids=["colour", "grey", "map", "mask"])
@pytest.mark.parametrize("b", [COLOUR, GREY, MASK], ids=["colour", "grey", "mask"])
def test_images_maps_and_masks_become_images_and_masks(a, b):
    game, given = made(a, b), batch(a, b)
    moves = play(game, given, rounds=2)
    assert all(torch.isfinite(loss) for move in moves for loss in move.losses.values())
    pictures = game.translate({"a": given["a"]}, "b")
    assert pictures.shape == (4, b.planes, *SIDES)
    assert float(pictures.abs().max()) <= 1


def test_a_map_is_seen_class_by_class_in_every_precision():
    game = made(MAP).double()
    assert game.planes(batch(MAP), "a").dtype == torch.float64
    assert game.translate(batch(MAP), "b").dtype == torch.float64


def test_one_fake_is_judged_twice_first_for_the_discriminator_and_once_it_has_moved_for_the_generator():
    game, calls = made(), []
    game.generator.register_forward_hook(lambda *_: calls.append("generator"))
    game.discriminator.register_forward_hook(lambda *_: calls.append("discriminator"))
    moves = play(game, batch())
    assert [move.players for move in moves] == [("discriminator",), ("generator",)]
    assert calls == ["generator", "discriminator", "discriminator", "discriminator"]
    assert set(moves[1].losses) == {"adversarial", "l1"}


def test_of_several_steps_of_the_discriminator_each_has_a_batch_and_the_last_ones_fake_is_the_generators():
    game, drawn_from = made(discriminator_steps=3), []

    def batches():
        for i in range(9):
            drawn_from.append(i)
            yield {key: x / (i + 1) for key, x in batch().items()}

    *turns, last = game.round(batches())
    assert [move.players for move in turns] == [("discriminator",)] * 3
    assert last.players == ("generator",)
    assert drawn_from == [0, 1, 2]
    assert last.losses["l1"].requires_grad


def test_l1_alone_the_adversary_alone_or_both():
    only_l1, only_adversary = made(adversarial_weight=0.0), made(l1_weight=0.0)
    assert set(only_l1.players()) == {"generator"}
    assert [(move.players, *move.losses) for move in play(only_l1, batch())] == [(("generator",), "l1")]
    assert [tuple(move.losses) for move in play(only_adversary, batch())] == [("adversarial",)] * 2
    _, one = made(dropout=0.0).round(iter([batch()]))
    _, half = made(dropout=0.0, adversarial_weight=0.5).round(iter([batch()]))
    assert float(half.losses["adversarial"].detach()) == pytest.approx(float(one.losses["adversarial"].detach()) / 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"adversarial_weight": 0.0, "l1_weight": 0.0}, "or l1_weight is above 0, or else nothing is learned"),
        ({"adversarial_weight": 0.0, "views": (InstanceNoise(),)}, "leave these out too"),
        ({"dropout": 1.0}, r"dropout is from 0 to below 1, not 1\.0"),
        ({"levels": 0}, "levels is from 1 to 1,000 or none, not 0"),
        ({"levels": 10**9}, "levels is from 1 to 1,000 or none, not 1000000000"),
        ({"patch_layers": -1}, "patch_layers is from 0 to 1,000, not -1"),
        ({"l1_weight": -1.0}, r"l1_weight is at least 0, not -1\.0"),
        ({"levels": 5}, r"sides must halve evenly, 5 times .*; the nearest sizes are 32×32"),
        ({"loss": EnergyMargin()}, "EnergyMargin wants a discriminator that gives energies"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        made(**options)


def test_data_that_it_cannot_learn_from_are_refused():
    with pytest.raises(UsageError, match=r"the wanted side \(b\) of these data is a label map; .* b-to-a"):
        made(b=MAP)
    with pytest.raises(UsageError, match=r"one size; these are a 16×16, photo 32×32; --data\.size"):
        made(b=Field("image", (3, 32, 32), title="photo"))
    with pytest.raises(UsageError, match="label maps and masks; b of these data is points"):
        made(b=Field("points", (16, 16)))
    unpaired = DataSpec.of((3, 16, 16), ("a", "b"), domains=(("a",), ("b",)))
    with pytest.raises(UsageError, match="learns from pairs, and a and b of these data do not belong together"):
        Pix2Pix(unpaired)
    with pytest.raises(UsageError, match="from 'a' to 'a' there is nothing to translate"):
        made().translate(batch(), "a")


@pytest.mark.parametrize(
    ("size", "levels"),
    [((256, 256), 8), ((512, 256), 8), ((1024, 1024), 8), ((64, 64), 6), ((96, 64), 5), ((28, 28), 2), ((8, 12), 2)],
)
def test_images_are_halved_until_the_shorter_side_has_few_pixels_but_no_oftener_than_the_papers(size, levels):
    spec = DataSpec.of((3, *size), ("a", "b"))
    with torch.device("meta"):
        game = Pix2Pix(spec, Pix2Pix.Options(patch_layers=0, width=8))
    assert len(game.generator.down) == levels
    assert game.multiple("a", "b") == game.smallest("a", "b") == 2**levels


@pytest.mark.parametrize(("side", "near"), [(200, "192×192"), (100, "96×96"), (501, "448×512|512×512")])
def test_a_size_that_does_not_halve_evenly_is_refused_with_those_that_do(side, near):
    with pytest.raises(
        UsageError, match=f"the U-Net cannot draw {side}×{side} images: .* nearest sizes are .*({near})"
    ):
        made(Field("image", (3, side, side)), Field("image", (3, side, side)))


def unlearned(game: Pix2Pix) -> Pix2Pix:
    """Weights so large that dropout and statistics show."""
    seed_all(1)
    for p in game.generator.parameters():
        nn.init.normal_(p, std=0.3)
    return game


@pytest.mark.parametrize("generator", ["unet", "resnet"])
def test_a_translation_never_depends_on_its_neighbours_in_the_batch(generator):
    game, given = unlearned(made(generator=generator, blocks=1)), samples(COLOUR, 3)
    together = drawn(game, given)
    assert torch.equal(together[:1], drawn(game, given[:1]))
    still = unlearned(made(generator=generator, blocks=1, dropout=0.0))
    alone = torch.cat([drawn(still, image) for image in given.split(1)])
    assert torch.equal(drawn(still, given), alone)
    assert torch.equal(drawn(still, given.flip(0)), alone.flip(0))


@pytest.mark.parametrize("generator", ["unet", "resnet"])
def test_a_translation_never_depends_on_statistics_of_the_past_or_on_the_mode(generator):
    game, given = unlearned(made(generator=generator, blocks=1)), samples(COLOUR, 2)
    assert not [name for name, _ in game.generator.named_buffers()]
    assert torch.equal(drawn(game.train(), given), drawn(game.eval(), given))


@pytest.mark.parametrize("generator", ["unet", "resnet"])
def test_dropout_is_noise_in_use_of_which_a_seed_gives_the_same_picture(generator):
    game, given = unlearned(made(generator=generator, blocks=1)).eval(), samples(COLOUR, 2)
    assert game.varies
    assert torch.equal(drawn(game, given, 1), drawn(game, given, 1))
    assert not torch.equal(drawn(game, given, 1), drawn(game, given, 2))
    same = drawn(game, given[:1].repeat(2, 1, 1, 1))
    assert not torch.equal(same[0], same[1])
    assert not made(generator=generator, blocks=1, dropout=0.0).varies


def test_it_translates_one_way_and_sizes_that_halve_evenly():
    game = made()
    assert game.ways == (("a", "b"),)
    assert game.way() == ("a", "b")
    assert game.network("a", "b") is None
    assert drawn(game, images(1, 3, 32, 48)).shape == (1, 3, 32, 48)


def test_a_residual_translator_with_instance_norm_and_no_noise_can_be_tiled():
    game = made(generator="resnet", norm="instance", dropout=0.0, blocks=1)
    assert isinstance(game.network("a", "b"), nn.Sequential)
    assert (game.multiple("a", "b"), game.smallest("a", "b")) == (4, 8)
    noisy = [made(generator="resnet", norm="instance", blocks=1), made(generator="resnet", dropout=0.0, blocks=1)]
    assert [each.network("a", "b") for each in noisy] == [None, None]


def test_views_show_the_given_and_the_other_image_changed_alike():
    shift = DiffAugment(colour=False, cutout=0.0, translation=0.5)
    game = made(views=(shift,))
    image = samples(COLOUR)
    a, b = game.seen(torch.cat((image, image), 1)).chunk(2, 1)
    assert torch.equal(a, b)
    assert not torch.equal(a, image)


def test_penalties_look_at_pairs():
    options = {"norm": "instance", "penalties": (R1(weight=1.0),)}
    game = made(**options)
    judged, _ = game.round(iter([batch()]))
    pairs = torch.cat((batch()["a"], batch()["b"]), 1).requires_grad_()
    (slope,) = torch.autograd.grad(game.score(pairs).mean((1, 2, 3)).sum(), pairs)
    expected = slope.flatten(1).square().sum(1).mean()
    assert float(judged.losses["r1"].detach()) == pytest.approx(float(expected) / 2, rel=1e-4)


def test_what_people_look_at_while_it_trains_are_colours_of_a_map():
    game = made(MAP)
    columns = game.shown(lambda n: {key: x[:n] for key, x in batch(MAP).items()})
    assert list(columns) == ["a", "as b", "b"]
    assert columns["a"].shape == columns["as b"].shape == (4, 3, *SIDES)
