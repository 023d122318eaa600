"""ST-CGAN: every line of its fact sheet on objective, order and networks, with what proves it."""

import math
from itertools import pairwise

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, bare, count, kinds, silence, span, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.st_cgan import STCGAN
from saddle.losses import NonSaturating
from saddle.nets.patch import halving_discriminator
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("closed.silent-judges", "objective.absolute-distances", "objective.weights"),
    *("objective.without-lambda-1-the-remover-has-its-adversary-alone", "objective.judges-see-the-image-too"),
    *("objective.no-double-sigmoid", "stack.remover-sees-the-found-mask"),
    *("stack.gradient-flows-into-the-detector", "gradient.every-weight-by-the-adversaries-alone"),
    *("gradient.none-of-the-generators-in-the-judges-step", "order.judges-first", "order.same-fakes-judged-anew"),
    *("players.one-optimizer-each", "count.detector-and-remover", "count.judges", "count.channels"),
    *("nets.unshared", "nets.skips-everywhere", "nets.no-biases", "nets.no-dropout"),
    *("nets.judge-halves-five-times", "field.judge", "size.judge-maps", "size.smallest"),
)
proves = SHEET.proves
SIDES = (32, 32)


def data(*keys: str, channels: int = 3) -> DataSpec:
    image = Field("image", (channels, *SIDES))
    fields = {"a": image, "b": image, "mask": Field("mask", (1, *SIDES))}
    return DataSpec({key: fields[key] for key in keys or fields})


BATCH = {"a": images(4, 3, *SIDES), "b": -images(4, 3, *SIDES), "mask": (images(4, 1, *SIDES) > 0).float()}


def small(*keys: str, **options) -> STCGAN:
    seed_all(0)
    torch.manual_seed(0)
    return STCGAN(data(*keys), STCGAN.Options(**{"width": 4} | options))


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.silent-judges", "objective.no-double-sigmoid")
def _of_judges_whose_weights_are_0_and_of_judges_who_are_right():
    """A sigmoid within the network and another one in the loss would keep it above .31 for true images."""
    game = small()
    silence(game.discriminator)
    judged, drawn = game.round(iter([BATCH]))
    for domain in ("mask", "b"):
        assert value(judged.losses[f"adversarial_{domain}"]) == pytest.approx(2 * math.log(2))
        assert value(drawn.losses[f"adversarial_{domain}"]) == pytest.approx(0.1 * math.log(2))
    assert isinstance(game.discriminator["b"][-1], nn.Conv2d)
    assert value(NonSaturating().discriminator(torch.full((3,), 20.0), torch.full((3,), -20.0))) < 1e-6


@proves("objective.absolute-distances", "objective.weights")
def _both_distances_are_means_of_absolute_values_and_their_weights_are_the_papers():
    o = STCGAN.Options()
    assert (o.removal_weight, o.adversarial_weights) == (5.0, (0.1, 0.1))
    game = small()
    with torch.no_grad():
        made = game.draw(BATCH["a"])
    _, drawn = game.round(iter([BATCH]))
    off = (made["mask"] - (2 * BATCH["mask"] - 1)).abs().mean()
    assert value(drawn.losses["detection"]) == pytest.approx(float(off), rel=1e-5)
    wrong = 5 * (made["b"] - BATCH["b"]).abs().mean()
    assert value(drawn.losses["removal"]) == pytest.approx(float(wrong), rel=1e-5)
    _, half = small(adversarial_weights=(0.05, 0.2)).round(iter([BATCH]))
    for domain, factor in (("mask", 0.5), ("b", 2.0)):
        expected = factor * value(drawn.losses[f"adversarial_{domain}"])
        assert value(half.losses[f"adversarial_{domain}"]) == pytest.approx(expected, rel=1e-4)


def slopes(loss: Tensor, player: nn.Module) -> list[Tensor | None]:
    return [*torch.autograd.grad(loss, list(player.parameters()), retain_graph=True, allow_unused=True)]


@proves("objective.without-lambda-1-the-remover-has-its-adversary-alone")
def _without_the_distance_the_remover_learns_from_its_discriminator_alone():
    game = small(removal_weight=0.0)
    _, drawn = game.round(iter([BATCH]))
    remover = game.generator["b"]
    for name, loss in drawn.losses.items():
        found = any(slope is not None and bool(slope.any()) for slope in slopes(loss, remover))
        assert found == (name == "adversarial_b")


@proves("objective.judges-see-the-image-too")
def _a_mask_of_another_image_is_judged_otherwise():
    game, mask = small(), 2 * BATCH["mask"] - 1
    assert [net[0].in_channels for net in game.discriminator.values()] == [4, 7]
    one = game.score("mask", torch.cat((BATCH["a"], mask), 1))
    assert not torch.allclose(one, game.score("mask", torch.cat((BATCH["a"].flip(0), mask), 1)), atol=1e-5)
    every = torch.cat((BATCH["a"], mask, BATCH["b"]), 1)
    other = torch.cat((BATCH["a"], -mask, BATCH["b"]), 1)
    assert not torch.allclose(game.score("b", every), game.score("b", other), atol=1e-5)


@proves("stack.remover-sees-the-found-mask")
def _the_remover_is_shown_the_mask_that_was_found_and_not_the_true_one():
    game, seen, found = small(), [], []
    game.generator["mask"].register_forward_hook(lambda _, __, x: found.append(x))
    game.generator["b"].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    play(game, BATCH)
    assert len(seen) == len(found) == 1
    assert torch.equal(seen[0], torch.cat((BATCH["a"], found[0]), 1))


@proves("stack.gradient-flows-into-the-detector")
def _what_is_wrong_with_the_image_teaches_the_detector():
    game = small()
    _, drawn = game.round(iter([BATCH]))
    for name in ("removal", "adversarial_b"):
        assert all(slope is not None and slope.any() for slope in slopes(drawn.losses[name], game.generator["mask"]))


@proves("gradient.every-weight-by-the-adversaries-alone", "order.judges-first", "order.same-fakes-judged-anew")
def _the_adversaries_alone_teach_every_weight_of_both_generators():
    """Well-known code detaches the fakes in the generators' step: then only distances are learned."""
    game, made = small(), []
    game.generator["b"].register_forward_hook(lambda _, __, x: made.append(x))
    round_ = game.round(iter([BATCH]))
    assert next(round_).players == ("discriminator",)
    with torch.no_grad():
        for p in game.discriminator.parameters():
            p.mul_(1.5)
    drawn = next(round_)
    assert drawn.players == ("generator",)
    assert len(made) == 1
    for domain in ("mask", "b"):
        found = slopes(drawn.losses[f"adversarial_{domain}"], game.generator[domain])
        assert all(slope is not None and slope.any() for slope in found)
    with torch.no_grad():
        fakes = game.draw(BATCH["a"])
        logits = game.score("b", torch.cat((BATCH["a"], fakes["mask"], fakes["b"]), 1))
    expected = 0.1 * nn.functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    assert value(drawn.losses["adversarial_b"]) == pytest.approx(float(expected), rel=1e-5)


@proves("gradient.none-of-the-generators-in-the-judges-step")
def _the_judges_step_sends_nothing_to_the_generators():
    game = small()
    judged = next(game.round(iter([BATCH])))
    assert set(judged.losses) == {"adversarial_mask", "adversarial_b"}
    assert set(slopes(sum(judged.losses.values()), game.generator)) == {None}


@proves("players.one-optimizer-each")
def _both_generators_are_one_player_and_both_discriminators_another():
    assert set(small().players()) == {"generator", "discriminator"}


def whole(channels: int = 3, side: int = 256) -> STCGAN:
    image, mask = Field("image", (channels, side, side)), Field("mask", (1, side, side))
    with torch.device("meta"):
        return STCGAN(DataSpec({"a": image, "mask": mask, "b": image}))


@proves("count.detector-and-remover", "count.judges")
def _the_networks_have_the_papers_parameters():
    game = whole()
    assert {key: count(net) for key, net in game.generator.items()} == {"mask": 54_409_856, "b": 54_414_976}
    assert {key: count(net) for key, net in game.discriminator.items()} == {"mask": 2_766_592, "b": 2_769_664}


@proves("count.channels")
def _parameters_for_other_channels():
    game = whole(1)
    inner = 54_409_856 - 4 * 1_024  # of 3 + 1 channels, each 1,024 on the way in or out
    assert count(game.generator["mask"]) == inner + (1 + 1) * 1_024
    assert count(game.generator["b"]) == inner + (2 + 1) * 1_024
    assert count(game.discriminator["mask"]) == 2_762_496 + 1_024 * 2
    assert count(game.discriminator["b"]) == 2_762_496 + 1_024 * 3


@proves("nets.unshared", "nets.skips-everywhere")
def _no_layer_is_used_twice_and_every_map_is_shown_again():
    """Well-known code applies one layer three times in the middle, another leaves out two of three skips there."""
    game = small()
    for net in game.generator.values():
        calls: list[nn.Module] = []
        layers = [m for m in net.modules() if isinstance(m, nn.modules.conv._ConvNd)]
        for layer in layers:
            layer.register_forward_hook(lambda m, *_, calls=calls: calls.append(m))
        net(torch.zeros(2, net.down[0][0].in_channels, *SIDES))
        assert calls == layers
        assert len({id(layer) for layer in layers}) == 2 * game.levels
        downs = [next(m for m in step if isinstance(m, nn.Conv2d)).out_channels for step in net.down]
        ups = [step[1] for step in net.up]
        shown = [up.in_channels - before.out_channels for before, up in pairwise(ups)]
        assert shown == downs[-2::-1]


@proves("nets.no-biases", "nets.no-dropout")
def _no_convolution_has_a_bias_and_nothing_is_dropped():
    for net in (*whole().generator.values(), *whole().discriminator.values()):
        assert not any(m.bias is not None for m in net.modules() if isinstance(m, nn.modules.conv._ConvNd))
        assert "Dropout" not in kinds(net)
    assert not small().varies


@proves("nets.judge-halves-five-times")
def _a_judges_layers_are_the_papers():
    net = whole().discriminator["b"]
    inner = ["Conv2d", "BatchOfOneNorm2d", "LeakyReLU"]
    assert kinds(net) == ["Conv2d", "LeakyReLU", *3 * inner, "Conv2d"]
    convolutions = [m for m in net if isinstance(m, nn.Conv2d)]
    assert [conv.out_channels for conv in convolutions] == [64, 128, 256, 512, 1]
    assert {(conv.kernel_size, conv.stride, conv.padding) for conv in convolutions} == {((4, 4), (2, 2), (1, 1))}


@proves("field.judge")
def _a_patch_has_94_pixels():
    assert span(bare(halving_discriminator((1, 256, 256), 1)), 256) == [94, 94]


@proves("size.judge-maps")
def _maps_have_the_papers_sizes():
    for side, expected in ((256, 8), (64, 2), (32, 1)):
        with torch.device("meta"):
            logits = halving_discriminator((4, side, side))(torch.empty(1, 4, side, side))
        assert logits.shape == (1, 1, expected, expected)


@proves("size.smallest")
def _images_that_cannot_be_halved_five_times_are_refused():
    image, mask = Field("image", (3, 16, 32)), Field("mask", (1, 16, 32))
    with pytest.raises(UsageError, match="halves five times wants images of 32×32 or more, not 16×32"):
        STCGAN(DataSpec({"a": image, "mask": mask, "b": image}))
