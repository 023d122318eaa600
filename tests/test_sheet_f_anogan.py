"""f-AnoGAN: every line of its fact sheet, with what proves it."""

from functools import partial

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, count, kinds, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.f_anogan import FAnoGAN
from saddle.layers.norm import BatchNorm2d
from saddle.layers.search import Descent, find_latent
from saddle.losses import Wasserstein
from saddle.nets import f_anogan
from saddle.nets.resnet import Block
from saddle.optim import Adam, RMSprop
from saddle.penalties import GradientPenalty
from saddle.runs.recipe import Recipe
from saddle.spec import Condition, DataSpec
from saddle.tasks import Move
from saddle.views import Packing

SHEET = Sheet(
    "count.64-grey",
    "count.channels",
    "count.sizes",
    "nets.block-up",
    "nets.block-down",
    "nets.widths",
    "nets.layer-norm-in-the-critic",
    "nets.batch-norm-in-generator-and-encoder",
    "nets.ends",
    "init.he-but-for-shortcuts-and-the-first",
    "features.map-before-the-last-layer",
    "critic.each-sample-by-itself",
    "stage.first-wgan-gp",
    "stage.then-the-encoder-alone",
    "stage.share",
    "stage.generator-and-critic-are-fixed",
    "stage.batch-norm-of-the-encoder-learns-alone",
    "objective.izi-f",
    "objective.kappa",
    "objective.izi",
    "objective.ziz",
    "objective.means",
    "score.is-the-objective-of-each-image",
    "score.of-an-image-that-comes-back-is-0",
    "score.variants",
    "score.not-of-others",
    "score.z-distance",
    "map.residual",
    "use.no-buffer-changes",
    "use.no-search",
    "use.encoder-averaged",
    "search.from-the-code-beats-a-random-start",
    "tanh.on-the-code",
    "settings.papers",
    "settings.refused",
    "data.no-labels",
    "views.packs-refused",
    "recipe",
)
proves = SHEET.proves
SIDE = 16
DATA = DataSpec.of((1, SIDE, SIDE))
BATCH = {"image": images(4, 1, SIDE, SIDE)}
LATE = 0.9  # progress, in the encoder's stage


def small(data: DataSpec = DATA, **options) -> FAnoGAN:
    seed_all(0)
    torch.manual_seed(0)
    return FAnoGAN(data, FAnoGAN.Options(**{"z_dim": 6, "network": f_anogan.FAnoGAN(width=4)} | options))


def late(**options) -> FAnoGAN:
    game = small(**options)
    game.progress = LATE
    return game


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def counts(*shape: int) -> tuple[int, int, int]:
    with torch.device("meta"):
        game = FAnoGAN(DataSpec.of(shape))
    return count(game.generator), count(game.discriminator), count(game.encoder)


@proves("count.64-grey", "count.channels", "count.sizes")
def _parameters_are_those_of_the_authors_networks():
    assert counts(1, 64, 64) == (8_539_329, 7_490_689, 8_531_200)
    for channels in (2, 3):
        more = channels - 1
        assert counts(channels, 64, 64) == (8_539_329 + 577 * more, 7_490_689 + 576 * more, 8_531_200 + 576 * more)
    block = 4_983_808  # of 512 channels
    assert counts(1, 32, 32) == (8_539_329 - block, 7_490_689 - block, 8_531_200 - block)
    assert counts(1, 128, 128) == (8_539_329 + block, 7_490_689 + block, 8_531_200 + block)


def blocks(network: nn.Module) -> list[Block]:
    return [module for module in network.modules() if isinstance(module, Block)]


@proves("nets.block-up", "nets.block-down")
def _blocks_are_norm_relu_convolution_twice_beside_a_shortcut():
    """Up: the copies of each pixel before the first convolution, which widens. Down: means after the second."""
    for scale in ("up", "down"):
        block = Block(3, scale, nn.Identity, 5, bias=False)
        hidden = 5 if scale == "up" else 3
        assert (block.conv_1.weight.shape, block.conv_1.bias) == ((hidden, 3, 3, 3), None)
        assert (block.conv_2.weight.shape, block.conv_2.bias is not None) == ((5, hidden, 3, 3), True)
        assert block.shortcut.weight.shape == (5, 3, 1, 1)
        x = images(2, 3, 8, 8)
        if scale == "up":
            twice = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            expected = block.shortcut(twice) + block.conv_2(block.conv_1(twice.relu()).relu())
        else:
            halved = nn.AvgPool2d(2)
            expected = block.shortcut(halved(x)) + halved(block.conv_2(block.conv_1(x.relu()).relu()))
        torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)


@proves("nets.widths", "nets.ends", "features.map-before-the-last-layer", "tanh.on-the-code")
def _widths_double_up_to_eight_times_the_first():
    with torch.device("meta"):
        game = FAnoGAN(DataSpec.of((1, 64, 64)))
        x = torch.zeros(2, 1, 64, 64)
        assert game.features(x).shape == (2, 512, 4, 4)
        assert game.encoder(x).shape == (2, 128)
    for player, widths in (
        (game.generator, [(512, 512), (512, 256), (256, 128), (128, 64)]),
        (game.discriminator, [(64, 128), (128, 256), (256, 512), (512, 512)]),
        (game.encoder, [(64, 128), (128, 256), (256, 512), (512, 512)]),
    ):
        found = [(block.shortcut.in_channels, block.shortcut.out_channels) for block in blocks(player)]
        assert found == widths
    assert kinds(game.generator)[:2] == ["Linear", "Unflatten"]
    assert kinds(game.generator)[-4:] == ["BatchNorm2d", "ReLU", "Conv2d", "Tanh"]
    assert kinds(game.discriminator)[-2:] == ["Flatten", "Linear"]
    assert kinds(game.encoder)[-3:] == ["Flatten", "Linear", "Tanh"]


@proves("nets.layer-norm-in-the-critic", "nets.batch-norm-in-generator-and-encoder")
def _the_critic_norms_whole_maps_and_the_others_batches():
    game = small()
    for player, kind in (
        (game.generator, BatchNorm2d),
        (game.encoder, BatchNorm2d),
        (game.discriminator, nn.GroupNorm),
    ):
        norms = [m for m in player.modules() if isinstance(m, nn.GroupNorm | nn.modules.batchnorm._BatchNorm)]
        assert {type(norm) for norm in norms} == {kind}
    norm, x = f_anogan.layer_norm(3), images(2, 3, 4, 4) * 5 + 2
    flat = x.flatten(1)
    expected = (flat - flat.mean(1, keepdim=True)) / (flat.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x), expected.view_as(x))
    assert norm.weight.shape == norm.bias.shape == (3,)


@proves("init.he-but-for-shortcuts-and-the-first")
def _weights_begin_as_in_the_code():
    seed_all(0)
    torch.manual_seed(0)
    network = f_anogan.FAnoGAN(width=32)
    trunk = network.trunk(DataSpec.of((3, 16, 16)), BatchNorm2d)
    block = blocks(trunk)[0]
    for layer, variance in (
        (trunk[0], 2 / (9 * (3 + 32))),
        (block.shortcut, 2 / (32 + 64)),
        (block.conv_1, 4 / (9 * (32 + 32))),
        (block.conv_2, 4 / (9 * (32 + 64))),
    ):
        assert layer.weight.var().item() == pytest.approx(variance, rel=0.15)
    assert not block.conv_2.bias.any()


@proves("critic.each-sample-by-itself")
def _a_sample_is_judged_and_penalised_as_if_it_were_alone():
    game = small().double()
    x = BATCH["image"].double()
    together = game.discriminator(x).logits
    for i in range(4):
        torch.testing.assert_close(game.discriminator(x[i : i + 1]).logits, together[i : i + 1])
    game.discriminator.trunk = game.options.network.trunk(DATA, BatchNorm2d)
    reason = GradientPenalty().forbids(game)
    assert reason is not None
    assert "batch norm" in reason


@proves("stage.first-wgan-gp", "stage.share", "settings.papers", "use.encoder-averaged")
def _first_there_are_five_steps_of_the_critic_to_one_of_the_generator():
    o = FAnoGAN.Options()
    assert (o.z_dim, o.discriminator_steps, o.optim.lr, o.optim.betas) == (128, 5, 1e-4, (0.0, 0.9))
    assert (o.loss, o.penalties) == (Wasserstein(), (GradientPenalty(10.0),))
    assert (o.encoder, o.feature_weight, o.encoder_optim, o.encoder_share) == ("izi_f", 1.0, RMSprop(lr=5e-5), 0.5)
    moves = play(small(), BATCH)
    assert [move.players for move in moves] == [("discriminator",)] * 5 + [("generator",)]
    assert set(moves[0].losses) == {"adversarial", "gradient_penalty"}
    assert [small(encoder_share=0.25).has_staged(at) for at in (0.0, 0.74, 0.75, 1.0)] == [False, False, True, True]
    assert FAnoGAN.averaged == ("generator", "encoder")


@proves(
    "stage.then-the-encoder-alone",
    "stage.generator-and-critic-are-fixed",
    "stage.batch-norm-of-the-encoder-learns-alone",
)
def _in_its_stage_nothing_but_the_encoder_changes():
    game = late()
    before = {name: tensor.clone() for name, tensor in game.state_dict().items()}
    moves = play(game, BATCH)
    assert [move.players for move in moves] == [("encoder",)]
    changed = {name for name, tensor in game.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {name.partition(".")[0] for name in changed} == {"encoder"}
    assert any(name.endswith("running_mean") for name in changed)
    assert all(module.training for module in game.modules())


def losses(game: FAnoGAN) -> dict[str, Tensor]:
    (move,) = list(game.round(iter([BATCH])))
    assert isinstance(move, Move)
    return move.losses


def again_of(game: FAnoGAN) -> Tensor:
    """G(E(x)) as the encoder's stage sees it: the encoder in training, the generator in its state for use."""
    with torch.no_grad():
        z = game.encoder(BATCH["image"])
        game.generator.eval()
        return game.decode(z)


@proves("objective.izi-f", "objective.means", "objective.kappa", "objective.izi")
def _the_encoder_goes_down_pixels_and_kappa_times_features():
    game = late()
    found, x, again = losses(game), BATCH["image"], again_of(game)
    apart = game.features(again) - game.features(x)
    assert value(found["residual"]) == pytest.approx(float((x - again).square().mean()), rel=1e-4)
    assert value(found["feature"]) == pytest.approx(value(apart.square().mean()), rel=1e-4)
    assert value(losses(late(feature_weight=2.5))["feature"]) == pytest.approx(2.5 * value(found["feature"]), rel=1e-4)
    alone = losses(late(encoder="izi"))
    assert set(alone) == {"residual"}
    assert value(alone["residual"]) == pytest.approx(value(found["residual"]), rel=1e-4)


@proves("objective.ziz")
def _ziz_goes_from_latents_through_images_back_to_latents():
    game = late(encoder="ziz")
    seed_all("draw")
    found = losses(game)
    assert set(found) == {"code"}
    seed_all("draw")
    z = game.noise(4)
    game.generator.eval()
    expected = (game.encoder(game.decode(z)) - z).square().mean()
    assert value(found["code"]) == pytest.approx(value(expected), rel=1e-3)


@proves(
    "score.is-the-objective-of-each-image",
    "score.variants",
    "score.z-distance",
    "map.residual",
    "score.not-of-others",
    "use.no-buffer-changes",
)
def _the_score_is_the_encoders_own_expression():
    game = late(feature_weight=2.0).eval()
    before = {name: tensor.clone() for name, tensor in game.state_dict().items()}
    x = BATCH["image"]
    found = game.train().detect(x)  # as in the middle of training
    assert all(torch.equal(tensor, before[name]) for name, tensor in game.state_dict().items())
    game.eval()
    (move,) = list(game.round(iter([BATCH])))
    assert value(found.score.mean()) == pytest.approx(sum(map(value, move.losses.values())), rel=1e-4)
    torch.testing.assert_close(found.score, found.parts["residual"] + 2 * found.parts["feature"])
    torch.testing.assert_close(found.map, (x - found.normal).abs())
    distance = (game.encoder(x) - game.encoder(found.normal)).abs().mean(1)
    torch.testing.assert_close(found.parts["z_distance"], distance)
    for i in range(4):
        torch.testing.assert_close(game.detect(x[i : i + 1]).score[0], found.score[i], rtol=1e-4, atol=1e-5)
    for variant in ("izi", "ziz"):
        other = late(encoder=variant).eval().detect(x)
        assert set(other.parts) == {"residual", "z_distance"}
        assert torch.equal(other.score, other.parts["residual"])


@proves("score.of-an-image-that-comes-back-is-0")
def _an_image_that_comes_back_as_it_was_has_score_0():
    game = late().eval()
    image = game.decode(torch.full((1, 6), 0.5)).detach()
    game.encoder = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 6))
    nn.init.zeros_(game.encoder[1].weight)
    nn.init.constant_(game.encoder[1].bias, 0.5)
    found = game.detect(image)
    assert float(found.score) == float(found.parts["z_distance"]) == float(found.map.max()) == 0.0
    assert float(game.detect(-image).score) > 0


@proves("use.no-search")
def _steps_and_restarts_are_of_games_that_search():
    assert not {"steps", "restarts", "lr", "features"} & set(FAnoGAN.choices())


@proves("search.from-the-code-beats-a-random-start")
def _a_search_that_begins_at_the_code_comes_nearer():
    game = late(encoder="ziz", encoder_optim=Adam(lr=3e-3), z_dim=4)
    for p in game.generator.parameters():  # images that differ
        if p.ndim > 1:
            p.data *= 2
    play(game, {"image": images(32, 1, SIDE, SIDE)}, rounds=60)
    game.eval()
    with torch.no_grad():
        x = game.decode(game.noise(8).clamp(-0.9, 0.9))
        code, noise = game.encoder(x), game.noise(8)

    def squared(made: Tensor, image: Tensor) -> Tensor:
        return (made - image).square().mean((1, 2, 3))

    find = partial(find_latent, game.decode, squared, x)
    near, far = (find(z, Descent(steps=5, lr=0.02)).distance for z in (code, noise))
    assert near.mean() < 0.7 * far.mean()


@proves("settings.refused")
def _values_that_cannot_be_are_refused():
    for wrong in ({"encoder_share": 0.0}, {"encoder_share": 1.0}, {"feature_weight": -1.0}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            FAnoGAN.Options(**wrong)
    with pytest.raises(UsageError, match="width is at least 1"):
        f_anogan.FAnoGAN(width=0)
    with pytest.raises(UsageError, match="nearest sizes"):
        FAnoGAN(DataSpec.of((1, 63, 63)))


@proves("data.no-labels")
def _labels_are_refused():
    data = DataSpec.of((1, SIDE, SIDE), ("image", "label"), condition=Condition("class", ("good", "other")))
    small(data)
    with pytest.raises(UsageError, match="label"):
        small(data, conditional=True)


@proves("views.packs-refused")
def _packs_have_no_features_of_single_images():
    with pytest.raises(UsageError, match="features of one image"):
        small(views=(Packing(),))
    small(views=(Packing(),), encoder="izi")


@proves("recipe")
def _the_recipe_keeps_the_topology():
    o = Recipe.default("f-anogan").options
    assert (o.encoder, o.feature_weight, o.penalties) == ("izi_f", 1.0, (GradientPenalty(10.0),))
