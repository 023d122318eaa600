"""Disentangle: every line of its fact sheet on networks, objective and order, with what proves it."""

import math

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, count, kinds, silence, value
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from saddle.base.errors import UsageError
from saddle.games._attributes import Attributes
from saddle.games.disentangle import RAMPS, Disentangle, at_rest
from saddle.layers.dropout import Dropout
from saddle.layers.reversal import reversed_gradient
from saddle.nets.disentangle import Fader, judge_of_content, judge_of_patches, levels_of
from saddle.optim import ClippedAdam, Constant, Logistic
from saddle.spec import Condition, DataSpec
from saddle.tasks import Move

SHEET = Sheet(
    *("count.fader", "count.judge-of-content", "count.judge-of-patches", "fader.content-at-256", "fader.layers"),
    *("fader.attributes-at-every-layer", "fader.first-layer-without-norm", "fader.decoder-without-biases"),
    *("judge.layers", "judge.learns-from-content-in-use", "judge.at-rest-in-the-coders-step"),
    *("order.judge-first", "order.no-gradient-of-the-coder-in-the-judges-step"),
    *("order.content-attached-for-the-coder", "objective.squared-distance", "objective.flipped"),
    *("objective.weights", "flip.random-other-class", "flip.opposite", "ramp.fader", "ramp.dann", "ramp.drit"),
    *("ramp.own", "weight.of-each-way", "adam", "clip.at-5", "batch.32", "reversal.forward-is-identity"),
    *("reversal.gradient-is-minus-lambda", "reversal.in-the-game", "confusion.minimum-is-log-k"),
    *("confusion.half-is-log-2", "weight-0.leaves-content-alone", "weight-0.label-is-found"),
    "flipped.inverts-where-it-is-overdone",
)
proves = SHEET.proves
CONDITION = Condition("labels", ("red", "green", "blue", "inverted"), groups=(("red", "green", "blue"),))
DATA = DataSpec.of((3, 16, 16), ("image", "label"), condition=CONDITION)
CLASSES = DataSpec.of((3, 16, 16), ("image", "label"), ("a", "b"))
LABEL = torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]])
BATCH = {"image": images(4, 3, 16, 16), "label": LABEL}


def small(data: DataSpec = DATA, **options) -> Disentangle:
    seed_all(0)
    torch.manual_seed(0)
    return Disentangle(data, Disentangle.Options(**{"width": 4} | options))


def two(data: DataSpec = DATA, **options) -> Disentangle:
    return small(data, **{"network": "two-encoders", "patch_layers": 1} | options)


def moves(game: Disentangle, batch: dict[str, Tensor] = BATCH) -> dict[str, Move]:
    return {move.players[0]: move for move in game.round(iter([batch] * 8))}


def meta(build, *args, **options) -> nn.Module:
    with torch.device("meta"):
        return build(*args, **options)


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("count.fader")
def _the_faders_parameters():
    assert count(meta(Fader, 3, 2, 6, 32)) == 14_000_512
    with torch.device("meta"):
        game = Disentangle(DataSpec.of((3, 256, 256), ("image", "label"), ("without", "with")))
    assert (count(game.coder), count(game.judge)) == (14_000_512, 8_655_362)


@proves("count.judge-of-content")
def _the_parameters_of_the_judge_of_content():
    assert count(meta(judge_of_content, (512, 4, 4), 2)) == 8_655_362


@proves("count.judge-of-patches")
def _the_parameters_of_the_discriminator_of_images():
    judge = meta(judge_of_patches, (3, 256, 256), 3, 32)
    assert count(judge) == 695_137
    assert judge_of_patches((3, 64, 64), 3, 2)(images(2, 3, 64, 64)).shape == (2, 1, 6, 6)


@proves("fader.content-at-256")
def _content_of_256_pixels_has_512_maps_of_4():
    assert meta(Fader, 3, 2, 6, 32).content(torch.empty(1, 3, 256, 256, device="meta")).shape == (1, 512, 4, 4)
    assert [levels_of("fader", side, side) for side in (256, 128, 64, 32, 16)] == [6, 5, 4, 3, 2]


@proves("fader.layers", "fader.first-layer-without-norm", "fader.decoder-without-biases")
def _the_faders_layers_are_the_codes():
    fader = meta(Fader, 3, 2, 3, 32)
    later = ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert kinds(fader.down) == ["Conv2d", "LeakyReLU", *later, *later]
    assert kinds(fader.up) == [*2 * ["ConvTranspose2d", "BatchNorm2d", "ReLU"], "ConvTranspose2d", "Tanh"]
    assert {m.negative_slope for m in fader.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}
    layers = [m for m in fader.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert {(m.kernel_size, m.stride, m.padding) for m in layers} == {((4, 4), (2, 2), (1, 1))}
    assert [m.bias is None for m in layers] == 3 * [False] + 3 * [True]
    assert [m.out_channels for m in layers[:3]] == [32, 64, 128]


@proves("fader.attributes-at-every-layer")
def _attributes_are_planes_beside_the_input_of_every_layer_on_the_way_up():
    fader = Fader(3, 2, 3, 4)
    assert [layer[0].in_channels for layer in fader.up] == [16 + 2, 8 + 2, 4 + 2]
    seen: list[Tensor] = []
    for layer in fader.up:
        layer.register_forward_hook(lambda module, given, made: seen.append(given[0][:, -2:]))
    fader.draw(torch.zeros(2, 16, 2, 2), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    for planes in seen:
        assert torch.equal(planes, torch.eye(2)[:, :, None, None].expand_as(planes))


@proves("judge.layers")
def _the_judge_goes_down_to_one_pixel_and_drops_three_in_ten():
    judge = judge_of_content((512, 4, 4), 2)
    down = ["Conv2d", "BatchNorm2d", "LeakyReLU", "Dropout"]
    assert kinds(judge) == [*down, *down, "Flatten", "Linear", "LeakyReLU", "Linear"]
    assert {m.keep for m in judge.modules() if isinstance(m, Dropout)} == {0.7}
    assert judge_of_content((4, 6, 3), 5)(images(2, 4, 6, 3)).shape == (2, 5)


@proves("judge.learns-from-content-in-use", "order.no-gradient-of-the-coder-in-the-judges-step")
def _the_judge_learns_from_content_that_leaves_no_trace_in_the_coder():
    game = small()
    before = {name: buffer.clone() for name, buffer in game.coder.named_buffers()}
    seen: list[Tensor] = []
    game.judge.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    move = next(game.round(iter([BATCH])))
    with at_rest(game.coder):
        assert torch.equal(seen[0], game.coder.content(BATCH["image"]))
    assert game.coder.training
    assert all(torch.equal(before[name], buffer) for name, buffer in game.coder.named_buffers())
    gradients = torch.autograd.grad(move.losses["labels"], [*game.coder.parameters()], allow_unused=True)
    assert all(g is None for g in gradients)


@proves("judge.at-rest-in-the-coders-step")
def _nothing_of_the_judge_is_dropped_while_the_coder_moves():
    game = small(removal_weight=1.0, ramp=Constant())
    modes: list[bool] = []
    game.judge.register_forward_pre_hook(lambda module, given: modes.append(module.training))
    moves(game)
    assert modes == [True, False]
    assert game.judge.training


@proves("order.judge-first")
def _the_judge_moves_before_the_coder():
    assert [move.players for move in small().round(iter([BATCH]))] == [("judge",), ("reader",), ("coder",)]
    assert [move.players for move in two().round(iter([BATCH]))] == [("judge",), ("coder",)]
    seen = [move.players[0] for move in two(adversarial_weight=1.0).round(iter([BATCH]))]
    assert seen == ["judge", "discriminator", "coder"]


@proves("order.content-attached-for-the-coder")
def _labels_are_taken_out_by_the_encoder():
    for removal in RAMPS:
        game = small(removal=removal, removal_weight=1.0, ramp=Constant(), reconstruction_weight=0.0)
        loss = moves(game)["coder"].losses["content"]
        gradients = torch.autograd.grad(loss, [*game.coder.down.parameters()])
        assert gradients[0].any()


@proves("objective.squared-distance")
def _a_drawing_is_as_far_as_the_mean_square_of_its_pixels():
    game = small()
    made: list[Tensor] = []
    game.coder.up[-1].register_forward_hook(lambda module, given, image: made.append(image))
    loss = moves(game)["coder"].losses["reconstruction"]
    assert value(loss) == pytest.approx(value((made[0] - BATCH["image"]).square().mean()), rel=1e-5)
    game = small(distance="absolute", reconstruction_weight=10.0)
    game.coder.up[-1].register_forward_hook(lambda module, given, image: made.append(image))
    loss = moves(game)["coder"].losses["reconstruction"]
    assert value(loss) == pytest.approx(10 * value((made[1] - BATCH["image"]).abs().mean()), rel=1e-5)


@proves("objective.flipped")
def _the_coder_makes_the_judge_say_what_is_not_so():
    game = small(CLASSES, removal_weight=0.5, ramp=Constant())
    batch = {"image": BATCH["image"], "label": torch.tensor([0, 1, 1, 0])}
    said: list[Tensor] = []
    game.judge.register_forward_hook(lambda module, given, logits: said.append(logits))
    loss = moves(game, batch)["coder"].losses["content"]
    assert value(loss) == pytest.approx(0.5 * value(cross_entropy(said[1], 1 - batch["label"])), rel=1e-5)


@proves("objective.weights")
def _weights_are_the_papers():
    o = Disentangle.Options()
    assert (o.network, o.removal, small().removal_weight, o.reconstruction_weight) == ("fader", "flipped", 1e-4, 1.0)
    assert (o.distance, o.consistency_weight, o.adversarial_weight, o.width) == ("squared", 0.0, 0.0, 32)


@proves("flip.random-other-class")
def _another_class_is_each_of_the_others_as_often():
    seed_all(0)
    attributes = Attributes.of(Condition("class", ("a", "b", "c")))
    shares = attributes.others(torch.eye(3)[[1]].expand(3000, 3)).mean(0)
    assert shares[1] == 0
    assert torch.allclose(shares[[0, 2]], torch.full((2,), 0.5), atol=0.03)


@proves("flip.opposite")
def _the_opposite_of_on_is_off_and_of_one_of_two_the_other():
    flipped = Attributes.of(CONDITION).others(LABEL)
    assert torch.equal(flipped[:, 3], 1 - LABEL[:, 3])
    assert torch.equal(flipped[:, :3].sum(1), torch.ones(4))
    assert not (flipped[:, :3] * LABEL[:, :3]).any()
    assert Attributes.of(Condition("class", ("a", "b"))).others(torch.eye(2)).tolist() == [[0, 1], [1, 0]]


@proves("ramp.fader")
def _the_faders_weight_grows_for_500_000_of_1_562_500_steps():
    """1,000 epochs of 50,000 images in batches of 32."""
    ramp = RAMPS["flipped"]
    assert [ramp(0, p) for p in (0.0, 0.16, 0.32, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert pytest.approx(0.32) == 500_000 / (1000 * 50_000 / 32)


@proves("ramp.dann")
def _danns_weight_follows_a_logistic_curve():
    ramp = RAMPS["reversal"]
    assert ramp == Logistic(10.0)
    assert [ramp(0, p) for p in (0.0, 0.1, 1.0)] == pytest.approx([0.0, math.tanh(0.5), 2 / (1 + math.exp(-10)) - 1])


@proves("ramp.drit")
def _drits_weight_is_constant():
    assert RAMPS["confusion"](0, 0.0) == 1.0


@proves("weight.of-each-way")
def _each_way_has_the_weight_of_its_own_paper_at_the_end_of_its_ramp():
    for removal, expected in {"flipped": 1e-4, "reversal": 2 / (1 + math.exp(-10)) - 1, "confusion": 1.0}.items():
        game, whole = small(removal=removal), small(removal=removal, removal_weight=1.0, ramp=Constant())
        game.progress = 1.0
        (found, full) = (_push(each) for each in (game, whole))
        assert torch.allclose(found, expected * full, rtol=1e-4, atol=0)
    assert "content" not in moves(small(removal="reversal", removal_weight=0.0))["coder"].losses


def _push(game: Disentangle) -> Tensor:
    """The gradient of what the encoder pays for labels, at its content."""
    seed_all(1)
    content = game.coder.content(BATCH["image"]).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(game.removed(content, LABEL), content)
    return gradient


@proves("ramp.own")
def _a_ramp_of_ones_own_takes_the_place_of_the_papers():
    for progress, expected in ((0.0, 0.0), (0.16, 0.5), (1.0, 1.0)):
        game, whole = small(CLASSES, removal_weight=1.0), small(CLASSES, removal_weight=1.0, ramp=Constant())
        game.progress = whole.progress = progress
        batch = {"image": BATCH["image"], "label": torch.tensor([0, 1, 1, 0])}
        found, full = (value(moves(each, batch)["coder"].losses["content"]) for each in (game, whole))
        assert found == pytest.approx(expected * full, rel=1e-4)


@proves("adam", "clip.at-5")
def _the_optimizers_settings_and_the_longest_gradient():
    optim = Disentangle.Options().optim
    assert isinstance(optim, ClippedAdam)
    assert (optim.lr, optim.betas, optim.clip) == (2e-4, (0.5, 0.999), 5.0)
    p, q = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    built = optim.build([p, q])
    p.grad, q.grad = torch.tensor([30.0, 0.0]), torch.tensor([40.0])
    built.step()
    assert torch.allclose(torch.cat((p.grad, q.grad)), torch.tensor([3.0, 0.0, 4.0]))
    p.grad, q.grad = torch.tensor([0.3, 0.0]), torch.tensor([0.4])
    built.step()
    assert torch.allclose(torch.cat((p.grad, q.grad)), torch.tensor([0.3, 0.0, 0.4]))
    with pytest.raises(UsageError, match="clip is above 0, not 0"):
        ClippedAdam(clip=0.0)


@proves("batch.32")
def _a_batch_has_32_images():
    assert Disentangle.batch == 32


@proves("reversal.forward-is-identity", "reversal.gradient-is-minus-lambda")
def _a_reversal_changes_nothing_but_gradients():
    x = images(3, 5).requires_grad_()
    y = reversed_gradient(x, 0.3)
    assert torch.equal(x, y)
    g = images(3, 5) + 1
    (y * g).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, -0.3 * g)


@proves("reversal.in-the-game")
def _the_encoders_gradient_is_minus_lambda_times_the_judges():
    game = small(removal="reversal", removal_weight=0.25, ramp=Constant())
    content = game.coder.content(BATCH["image"]).detach().requires_grad_()
    with at_rest(game.judge):
        (plain,) = torch.autograd.grad(game.named(game.judge(content), LABEL), content)
    (turned,) = torch.autograd.grad(game.removed(content, LABEL), content)
    assert torch.allclose(turned, -0.25 * plain, atol=1e-9)


@proves("confusion.minimum-is-log-k", "confusion.half-is-log-2")
def _a_judge_that_says_nothing_is_the_least_that_the_encoder_pays():
    game = small(removal="confusion", removal_weight=1.0)
    silence(game.judge)
    least = value(game.removed(game.coder.content(BATCH["image"]), LABEL))
    assert least == pytest.approx(math.log(3) + math.log(2))
    attributes = game.attributes
    for _ in range(5):
        logits = torch.randn(4, 4)
        assert (attributes.losses(logits, attributes.evenly(LABEL)) >= least - 1e-6).all()


@proves("weight-0.leaves-content-alone")
def _without_a_weight_content_is_left_alone():
    assert "content" not in moves(small(removal_weight=0.0))["coder"].losses


def coloured(n: int = 32) -> dict[str, Tensor]:
    """Noise in one of two colours, which is its label."""
    label = torch.arange(n) % 2
    colour = torch.eye(3)[label][:, :, None, None]
    return {"image": (images(n, 1, 8, 8) + 1) * colour - 1, "label": label}


def found_by_a_probe(game: Disentangle, batch: dict[str, Tensor]) -> float:
    """What share of labels a judge that is trained anew finds in the content."""
    torch.manual_seed(1)
    content = game.eval().code(batch, "image").flatten(1)
    probe = nn.Linear(content.shape[1], 2)
    optim = torch.optim.Adam(probe.parameters(), lr=0.05)
    for _ in range(60):
        optim.zero_grad()
        cross_entropy(probe(content), batch["label"]).backward()
        optim.step()
    fresh = coloured(64)
    said = probe(game.code(fresh, "image").flatten(1)).argmax(1)
    return float((said == fresh["label"]).float().mean())


SMALLEST = DataSpec.of((3, 8, 8), ("image", "label"), ("a", "b"))


@proves("weight-0.label-is-found")
def _a_probe_finds_labels_that_nobody_takes_out():
    game = small(SMALLEST, removal_weight=0.0)
    play(game, coloured(), 10)
    assert found_by_a_probe(game, coloured()) > 0.9


@proves("flipped.inverts-where-it-is-overdone")
def _a_judge_that_is_always_wrong_knows_all_and_one_that_is_confused_knows_nothing():
    """The least that a flipped label leaves to pay is 0, where the content says the opposite of what is so."""
    attributes = Attributes.of(Condition("class", ("a", "b")))
    label = torch.eye(2)[[0, 1, 1]]
    wrong = 20 * (1 - label) - 10
    assert attributes.losses(wrong, attributes.others(label)).max() < 1e-6
    assert attributes.losses(wrong, attributes.evenly(label)).min() > math.log(2)
    assert (wrong.argmax(1) != label.argmax(1)).all()
