"""SPADE: every line of its fact sheet on objective, order of moves and input, with what proves it."""

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, silence, value
from torch import Tensor, nn

from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.games._autoencoder import divergence
from saddle.games.spade import SPADE
from saddle.layers.instances import edges
from saddle.losses import Hinge
from saddle.optim import Adam, Constant
from saddle.perceptual import RandomVGG19
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("closed.hinge-at-0", "closed.kl-128", "objective.hinge", "objective.scales-are-a-mean"),
    *("objective.matching-has-no-factor", "objective.matching-weighs-10", "objective.matching-detaches-real"),
    *("objective.kl-is-summed-over-the-batch", "objective.kl-weighs-a-twentieth", "objective.kl-of-parts"),
    *("objective.perceptual-weighs-10", "objective.condition-is-seen", "order.generator-first"),
    *("order.fake-of-the-moved-generator", "order.new-style-for-the-judge"),
    *("order.no-gradient-for-the-generator", "order.fake-attached", "order.encoder-moves-with-the-generator"),
    *("order.one-batch-of-both", "adam.ttur", "schedule.constant", "batch.four", "norm.own-statistics"),
    *("norm.batch-in-use", "input.channels", "input.dont-care", "input.without-objects", "input.refuses-images"),
    *("input.refuses-drawn-maps", "input.refuses-no-photos"),
)
proves = SHEET.proves
SIDE = 16
NAMES, PALETTE = ("sky", "road", "don't care"), ((0, 0, 9), (9, 9, 9), (9, 0, 0))


def data(**more: Field) -> DataSpec:
    return DataSpec({"a": Field("map", (SIDE, SIDE), NAMES, PALETTE), "b": Field("image", (3, SIDE, SIDE))} | more)


TOWN = data(instances=Field("instances", (SIDE, SIDE)))


def town(n: int = 2) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    classes = torch.randint(3, (n, 4, 4), generator=generator).repeat_interleave(4, 1).repeat_interleave(4, 2)
    numbers = classes * 1000 + torch.randint(2, (n, SIDE, SIDE), generator=generator)
    return {"a": classes, "b": images(n, 3, SIDE, SIDE), "instances": numbers}


def small(spec: DataSpec = TOWN, **options) -> SPADE:
    seed_all(0)
    torch.manual_seed(0)
    tiny = {"width": 2, "hidden": 4, "encoder_width": 2, "discriminator_width": 2, "z_dim": 5, "patch_layers": 1}
    return SPADE(spec, SPADE.Options(**tiny | options))


def loud(game: SPADE) -> SPADE:
    """Weights that make a difference."""
    for p in (p for player in game.players().values() for p in player.parameters()):
        nn.init.normal_(p, std=0.3)
    return game


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.hinge-at-0", "objective.scales-are-a-mean")
def _the_hinge_of_logits_of_0_does_not_grow_with_the_scales():
    for scales in (1, 2, 3):
        game = small(scales=scales)
        for judge in game.discriminator:
            silence(judge[-1])
        drawn, judged = game.round(iter([town()]))
        assert value(judged.losses["adversarial"]) == 2
        assert value(drawn.losses["adversarial"]) == 0
    real = [[torch.full((1, 1, 3, 3), x)] for x in (3.0, 0.5)]
    fake = [[torch.full((1, 1, 3, 3), x)] for x in (-3.0, 1.0)]
    assert value(game.adversarial("discriminator", real, fake)) == (0 + 0.5 + 2) / 2
    assert value(game.adversarial("generator", real, fake)) == 1


@proves("objective.hinge")
def _the_loss_is_the_hinge():
    assert SPADE.Options().loss == Hinge()


@proves("closed.kl-128", "objective.kl-is-summed-over-the-batch", "objective.kl-weighs-a-twentieth")
def _the_divergence_of_means_of_1_is_128_an_image_and_all_images_are_added():
    assert divergence(torch.ones(3, 256), torch.zeros(3, 256)).tolist() == [128.0] * 3
    game = small(encoder=True, z_dim=256)
    game.encoder.forward = lambda x: (torch.ones(len(x), 256), torch.zeros(len(x), 256))
    assert SPADE.Options().kl_weight == 0.05
    for n in (1, 2, 4):
        assert value(game.style(images(n, 3, SIDE, SIDE))[1]) == pytest.approx(6.4 * n)


@proves("objective.kl-of-parts")
def _the_divergence_does_not_depend_on_how_a_batch_is_divided():
    """The losses of parts are averaged, so that each counts as often as there are parts."""
    game, x = loud(small(encoder=True)), images(4, 3, SIDE, SIDE)
    whole = value(game.style(x)[1])
    parts = []
    for place, part in enumerate(x.chunk(2)):
        with rng.share(place, 2):
            parts.append(value(game.style(part)[1]))
    assert sum(parts) / 2 == pytest.approx(whole, rel=1e-5)


@proves("objective.matching-has-no-factor", "objective.matching-weighs-10", "objective.matching-detaches-real")
def _matching_is_the_sum_over_maps_and_the_mean_over_scales():
    game, batch = loud(small(patch_layers=2)), town()
    assert SPADE.Options().matching_weight == 10.0
    move = next(game.round(iter([batch])))
    fake = []
    game.generator.register_forward_hook(lambda _, __, out: fake.append(out))
    seen = game.seen_of(batch)
    game.generator(seen, None)
    real, drawn = (game.discriminator(torch.cat((seen, x), 1)) for x in (batch["b"], fake[0]))
    apart = [
        (one - other).abs().mean()
        for r, d in zip(real, drawn, strict=True)
        for one, other in zip(r[:-1], d[:-1], strict=True)
    ]
    assert len(apart) == 2 * 3  # of three maps a scale, where pix2pixHD would take four thirds of it
    assert value(move.losses["matching"]) == pytest.approx(10 * value(sum(apart)) / 2, rel=1e-4)
    batch["b"].requires_grad_()
    move = next(loud(small()).round(iter([batch])))
    assert not torch.autograd.grad(move.losses["matching"], batch["b"])[0].any()


@proves("objective.perceptual-weighs-10")
def _a_feature_network_outside_the_game_weighs_10_where_there_is_one():
    assert (SPADE.Options().perceptual, SPADE.Options().perceptual_weight) == (None, 10.0)
    assert "perceptual" not in next(small().round(iter([town()]))).losses
    vgg = RandomVGG19(width=1)
    one, ten = (
        value(next(loud(small(perceptual=vgg, perceptual_weight=w)).round(iter([town()]))).losses["perceptual"])
        for w in (1.0, 10.0)
    )
    assert ten == pytest.approx(10 * one)
    assert one > 0


@proves("objective.condition-is-seen")
def _the_discriminator_sees_the_map_and_the_outlines():
    game, batch = loud(small()), town()
    assert game.discriminator[0][0].in_channels == 3 + 1 + 3
    seen = game.seen_of(batch)
    one, other = (game.score(torch.cat((m, batch["b"]), 1)) for m in (seen, seen.flip(0)))
    assert not torch.allclose(one, other, atol=1e-4)


@proves("order.generator-first", "order.fake-of-the-moved-generator", "order.no-gradient-for-the-generator")
def _the_discriminator_learns_from_what_the_generator_draws_after_its_step():
    game, batch = small(), town()
    fakes: list[Tensor] = []
    game.generator.register_forward_hook(lambda _, __, out: fakes.append(out))
    round_ = game.round(iter([batch]))
    assert next(round_).players == ("generator",)
    loud(game)
    judged = next(round_)
    assert judged.players == ("discriminator",)
    assert len(fakes) == 2
    assert not fakes[1].requires_grad
    assert torch.equal(fakes[1], game.generator(game.seen_of(batch)))
    assert not torch.allclose(fakes[0], fakes[1], atol=1e-2)
    weights = list(game.generator.parameters())
    assert torch.autograd.grad(judged.losses["adversarial"], weights, allow_unused=True) == (None,) * len(weights)
    with pytest.raises(StopIteration):
        next(round_)


@proves("order.new-style-for-the-judge")
def _it_is_drawn_in_another_style():
    game, codes = small(encoder=True), []
    game.generator.register_forward_pre_hook(lambda _, given: codes.append(given[1].detach()))
    list(game.round(iter([town()])))
    assert len(codes) == 2
    assert not torch.allclose(codes[0], codes[1], atol=1e-2)


@proves("order.fake-attached", "order.encoder-moves-with-the-generator")
def _without_other_losses_generator_and_encoder_learn_from_the_discriminator():
    game = loud(small(encoder=True, matching_weight=0.0, kl_weight=0.0))
    move = next(game.round(iter([town()])))
    assert move.players == ("generator", "encoder")
    assert list(move.losses) == ["adversarial"]
    layers = [game.generator.start, game.generator.last, game.generator.blocks[0].norm_0.shared[0], game.encoder.mean]
    assert all(x.any() for x in torch.autograd.grad(move.losses["adversarial"], [layer.weight for layer in layers]))


@proves("order.one-batch-of-both")
def _true_and_drawn_images_are_judged_together():
    game, seen, batch = small(), [], town(2)
    game.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    list(game.round(iter([batch])))
    assert [len(x) for x in seen] == [4, 4]
    assert all(torch.equal(x[2:, -3:], batch["b"]) for x in seen)


@proves("adam.ttur", "schedule.constant", "batch.four")
def _the_discriminator_learns_four_times_as_fast():
    game = small()
    rates = {name: game.optim(name) for name in ("generator", "encoder", "discriminator")}
    assert all(isinstance(optim, Adam) and optim.schedule == Constant() for optim in rates.values())
    assert {name: optim.lr for name, optim in rates.items()} == {
        "generator": 1e-4,
        "encoder": 1e-4,
        "discriminator": 4e-4,
    }
    assert {optim.betas for optim in rates.values()} == {(0.0, 0.9)}
    assert SPADE.batch == 4  # 32 on eight GPUs


@proves("norm.own-statistics")
def _by_default_an_image_has_its_own_statistics():
    """Those of batches are other ones in use, and below eight images differ much: the authors' advice."""
    assert SPADE.Options().norm == "instance"
    game = loud(small())
    assert [name for name, _ in game.generator.named_buffers() if "running" in name] == []
    seen = game.seen_of(town())
    assert torch.allclose(game.generator(seen)[1:], game.generator(seen[1:]), atol=1e-5)


@proves("norm.batch-in-use")
def _the_papers_norm_looks_at_no_other_image_in_use_either():
    game = loud(small(norm="batch"))
    play(game, town())
    game.eval()
    batch = town()
    one = {key: x[1:] for key, x in batch.items()}
    before = {name: x.clone() for name, x in game.named_buffers()}
    assert torch.allclose(game.translate(batch, "b")[1:], game.translate(one, "b"), atol=1e-3)
    assert all(torch.equal(x, before[name]) for name, x in game.named_buffers())


@proves("input.channels", "input.dont-care")
def _each_class_is_a_plane_also_that_of_which_nobody_knows_what_it_shows():
    game, batch = small(), town()
    seen = game.seen_of(batch)
    assert seen.shape[1] == game.generator.start.in_channels == 4
    assert torch.equal(seen[:, :3].argmax(1), batch["a"])
    assert torch.equal(seen[:, 3:], edges(batch["instances"]))
    assert (seen[:, 2] == (batch["a"] == 2)).all()


@proves("input.without-objects")
def _data_without_objects_have_no_outlines_and_objects_may_be_left_out():
    assert [small(spec).generator.start.in_channels for spec in (TOWN, data())] == [4, 3]
    assert small(instances=False).needs == ("a", "b")
    with pytest.raises(UsageError, match="asks for the numbers of objects, and these data have none"):
        small(data(), instances=True)


@proves("input.refuses-images")
def _images_are_for_other_games():
    with pytest.raises(UsageError, match=r"SPADE draws images from label maps.*pix2pix or pix2pixhd"):
        small(DataSpec.of((3, SIDE, SIDE), ("a", "b")))


@proves("input.refuses-drawn-maps")
def _maps_are_not_drawn():
    other = Field("map", (SIDE, SIDE), NAMES, PALETTE)
    with pytest.raises(UsageError, match="draws images and masks, and the wanted side"):
        small(data(b=other))


@proves("input.refuses-no-photos")
def _training_takes_photographs():
    with pytest.raises(UsageError, match="SPADE needs batches with a, b; this data has a"):
        small(DataSpec({"a": TOWN.fields["a"]}))
