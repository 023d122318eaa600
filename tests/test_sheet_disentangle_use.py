"""Disentangle: every line of its fact sheet on two encoders and on use, with what proves it."""

import pytest
import torch
from playing import images, play
from sheets import Sheet, kinds, value
from test_sheet_disentangle import BATCH, CONDITION, LABEL, SMALLEST, coloured, found_by_a_probe, moves, small, two
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.disentangle import Disentangle
from saddle.layers.conditional import VectorInstanceNorm2d
from saddle.layers.norm import BatchNorm2d
from saddle.nets.disentangle import TwoEncoders, levels_of
from saddle.penalties import R1, GradientPenalty
from saddle.spec import DataSpec

SHEET = Sheet(
    *("two.one-colour-is-a-statistic", "two.layers", "two.content-has-no-statistics"),
    *("two.adain-brings-statistics", "two.few-numbers", "two.consistency", "two.consistency-teaches-the-drawing"),
    *("two.discriminator-sees-exchanges", "two.adversary-reaches-the-coder", "two.off-by-default", "use.style"),
    *("use.label", "use.label-before-style", "use.as-it-is", "use.code", "use.alone", "use.any-size"),
    *("sizes.refused", "settings.refused"),
)
proves = SHEET.proves
NAN = torch.nan


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("two.one-colour-is-a-statistic")
def _a_colour_that_is_the_same_in_all_of_an_image_is_taken_out_by_instance_norm():
    """Where a map sees all channels alike: then nobody has to take it out."""
    game = two(SMALLEST, removal="confusion", removal_weight=1.0)
    for module in game.coder.inner.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.mean(1, keepdim=True).expand_as(module.weight).clone()
    assert found_by_a_probe(game, coloured()) < 0.75


@proves("two.layers", "two.few-numbers")
def _two_encoders_of_three_halvings_and_a_way_back():
    net = TwoEncoders(3, 8, 3, 4)
    assert kinds(net.inner) == 3 * ["Conv2d", "InstanceNorm2d", "ReLU"]
    assert kinds(net.outer) == [*3 * ["Conv2d", "ReLU"], "AdaptiveAvgPool2d", "Flatten", "Linear"]
    x = images(2, 3, 32, 32)
    assert (net.content(x).shape, net.attributes(x).shape) == ((2, 16, 4, 4), (2, 8))
    assert net.draw(net.content(x), net.attributes(x)).shape == x.shape
    assert [levels_of("two-encoders", side, side) for side in (256, 32, 16)] == [3, 3, 2]
    assert two().coder.attributes(BATCH["image"]).shape == (4, 8)


@proves("two.content-has-no-statistics")
def _brightness_and_contrast_are_no_part_of_the_content():
    net, x = TwoEncoders(3, 8, 1, 4), images(2, 3, 16, 16).double()
    net = net.double()
    maps = net.inner[:2](x)
    assert torch.allclose(maps.mean((2, 3)), torch.zeros(2, 4).double(), atol=1e-6)
    assert torch.allclose(maps.var((2, 3), correction=0), torch.ones(2, 4).double(), atol=1e-3)
    inside = [net.inner[:2](each)[..., 1:-1, 1:-1] for each in (x, 0.2 * x)]
    assert torch.allclose(*inside, atol=0.02)


@proves("two.adain-brings-statistics")
def _a_style_says_each_maps_mean_and_deviation():
    norm = VectorInstanceNorm2d(3, 2)
    style = images(4, 2)
    y = norm(images(4, 3, 8, 8), style)
    assert torch.allclose(y.mean((2, 3)), norm.shift(style), atol=1e-5)
    assert torch.allclose(y.std((2, 3), correction=0), (1 + norm.scale(style)).abs(), atol=1e-3)


@proves("two.consistency-teaches-the-drawing")
def _what_is_found_again_teaches_what_was_drawn():
    for game in (small(consistency_weight=1.0), two(consistency_weight=1.0)):  # content alone, and attributes too
        loss = moves(game)["coder"].losses["consistency"]
        assert all(g.any() for g in torch.autograd.grad(loss, [*game.coder.up.parameters()]))


@proves("two.consistency")
def _what_is_drawn_of_exchanged_parts_gives_them_back():
    game = two(consistency_weight=2.0)
    losses = moves(game)["coder"].losses
    content, new = game.coder.content(BATCH["image"]), game.coder.attributes(BATCH["image"].roll(-1, 0))
    mixed = game.coder.draw(content, new)
    far = (game.coder.content(mixed) - content).abs().mean() + (game.coder.attributes(mixed) - new).abs().mean()
    assert value(losses["consistency"]) == pytest.approx(2 * value(far), rel=1e-4)


@proves("two.discriminator-sees-exchanges")
def _the_discriminator_sees_images_and_drawings_of_exchanged_parts():
    game = two(adversarial_weight=1.0, discriminator_steps=2)
    batches = [BATCH, {"image": -BATCH["image"], "label": LABEL}]
    seen: list[Tensor] = []
    game.discriminator.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    made = list(game.round(iter(batches)))
    assert [move.players[0] for move in made] == ["judge", "discriminator", "discriminator", "coder"]
    for step, x in enumerate((BATCH["image"], -BATCH["image"])):
        with torch.no_grad():
            mixed = game.coder.draw(game.coder.content(x), game.coder.attributes(x.roll(-1, 0)))
        assert torch.equal(seen[2 * step], x)
        assert torch.allclose(seen[2 * step + 1], mixed)
    assert not any(x.requires_grad for x in seen[:4])
    assert seen[-1].requires_grad


@proves("two.adversary-reaches-the-coder")
def _the_discriminators_score_reaches_every_weight_of_the_coder_but_biases_before_a_norm():
    game = two(adversarial_weight=1.0, removal_weight=0.0, reconstruction_weight=0.0)
    moves(game)["coder"].losses["adversarial"].backward()
    assert [name for name, p in game.coder.named_parameters() if p.grad is None or not p.grad.any()] == []


@proves("two.off-by-default")
def _there_is_no_discriminator_of_images_unless_it_has_a_weight():
    assert set(two().players()) == {"coder", "judge"}
    assert set(small().players()) == {"coder", "judge", "reader"}
    assert set(small(patch_layers=1, adversarial_weight=0.1).players()) == {"coder", "judge", "reader", "discriminator"}
    with pytest.raises(UsageError, match="adversarial_weight 0 leaves the discriminator of images out"):
        two(penalties=(R1(),))
    with pytest.raises(UsageError, match=r"batch norm .* mixes the samples"):
        two(adversarial_weight=1.0, penalties=(GradientPenalty(),))


@proves("use.style")
def _an_image_is_drawn_with_the_attributes_of_another():
    x, style = BATCH["image"], images(4, 3, 32, 24)
    game = two().eval()
    drawn = game.translate({"image": x, "style": style}, "image")
    assert torch.equal(drawn, game.coder.draw(game.coder.content(x), game.coder.attributes(style)))
    assert game.styled
    assert game.asked is None
    fader = small().eval()
    said = fader.read(style).exp()
    told = fader.attributes.filled(torch.full((4, 4), NAN), said.log())
    drawn = fader.translate({"image": x, "style": style}, "image")
    assert torch.equal(drawn, fader.coder.draw(fader.coder.content(x), told))


def told(label: list[float], likely: list[float], style: list[float] | None = None) -> list[float]:
    """What a fader is told where the reader believes this of an image, and that of a style."""
    game, batch = small().eval(), {"image": BATCH["image"][:1], "label": torch.tensor([label])}
    seen: list[Tensor] = []
    game.coder.draw = lambda content, attributes: seen.append(attributes) or content
    chances = {0: likely, 1: style}
    batch |= {"style": torch.ones(1, 3, 16, 16)} if style else {}
    game.read = lambda x: torch.tensor([chances[int((x == 1).all())]]).log()  # type: ignore[method-assign]
    game.translate(batch, "image")
    return seen[0][0].tolist()


@proves("use.label")
def _labels_that_are_asked_for_change_and_the_others_stay():
    assert told([NAN, 1.0, NAN, NAN], [0.8, 0.1, 0.1, 0.9]) == [0, 1, 0, 1]
    assert told([NAN, NAN, NAN, 0.0], [0.8, 0.1, 0.1, 0.9]) == [1, 0, 0, 0]
    assert small().asked == CONDITION


@proves("use.label-before-style")
def _a_label_comes_before_the_style_and_the_style_before_the_image():
    assert told([NAN, NAN, NAN, 0.0], [0.8, 0.1, 0.1, 0.9], [0.1, 0.1, 0.8, 0.9]) == [0, 0, 1, 0]


@proves("use.as-it-is")
def _nothing_asked_for_is_the_image_drawn_again():
    assert told([NAN] * 4, [0.8, 0.1, 0.1, 0.9]) == [1, 0, 0, 1]
    game = two().eval()
    x = BATCH["image"]
    again = game.coder.draw(game.coder.content(x), game.coder.attributes(x))
    assert torch.equal(game.translate({"image": x}, "image"), again)


@proves("use.code")
def _the_content_is_the_code_for_probes():
    for game in (small().eval(), two().eval()):
        code = game.code(BATCH, "image")
        assert torch.equal(code, game.coder.content(BATCH["image"]))
        assert not code.requires_grad


@proves("use.alone")
def _a_drawing_does_not_depend_on_the_other_images_and_leaves_nothing_behind():
    for game in (small().eval(), two().eval()):
        play(game.train(), BATCH)
        game.eval()
        before = {name: buffer.clone() for name, buffer in game.named_buffers()}
        together = game.translate({"image": BATCH["image"]}, "image")
        for i in range(4):
            alone = game.translate({"image": BATCH["image"][i : i + 1]}, "image")
            assert torch.allclose(alone, together[i : i + 1], atol=1e-5)
        assert all(torch.equal(before[name], buffer) for name, buffer in game.named_buffers())


@proves("use.any-size")
def _images_of_another_size_are_drawn_at_their_own():
    x = images(1, 3, 24, 40)
    for game in (small().eval(), two().eval()):
        assert game.translate({"image": x}, "image").shape == x.shape
        assert (game.multiple("image", "image"), game.smallest("image", "image")) == (4, 8)
        smallest = images(1, 3, 8, 8)
        assert game.translate({"image": smallest}, "image").shape == smallest.shape


@proves("sizes.refused")
def _sizes_that_do_not_halve_are_refused():
    with pytest.raises(UsageError, match="halve evenly"):
        small(DataSpec.of((3, 18, 16), ("image", "label"), condition=CONDITION))
    with pytest.raises(UsageError, match=r"4 times .* the nearest sizes are 32×32"):
        small(levels=4)
    with pytest.raises(UsageError, match="3 layers wants images of 24 pixels a side"):
        small(adversarial_weight=1.0)


@proves("settings.refused")
def _settings_out_of_range_are_refused():
    for name, wrong in {"removal_weight": -1, "levels": 0, "attribute_dim": 0, "width": 0, "patch_layers": 0}.items():
        with pytest.raises(UsageError, match=f"^{name} is (at least|from) [01].*, not {wrong}$"):
            Disentangle.Options(**{name: wrong})
    assert any(isinstance(m, BatchNorm2d) for m in small().judge.modules())
