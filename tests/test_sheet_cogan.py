"""Every check and every known mistake of the fact sheet of CoGAN and of its users, line by line."""

import math

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, count, kinds, silence, value
from torch import nn

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.games.cogan import CoGAN
from saddle.layers.norm import BatchNorm2d
from saddle.losses import Hinge, NonSaturating, RelativisticAverage
from saddle.nets.cogan import Discriminators, Generators
from saddle.optim import Adam
from saddle.penalties import R1
from saddle.runs import scoring
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("count.generators", "count.discriminators", "count.with-classes", "count.shared-once", "count.by-formula"),
    *(
        "closed.judge-at-0",
        "closed.drawn-at-0",
        "closed.both-domains-are-one-batch",
        "closed.two-classes-are-one-logit",
    ),
    *(
        "net.generator-layers",
        "net.sizes-at-28",
        "net.sizes-of-others",
        "net.sees-0-to-1",
        "net.draws-0-to-1",
        "net.small-refused",
    ),
    *("net.judge-layers", "net.judge-bends-once", "norm.not-affine", "norm.biases-are-kept", "init.xavier-and-biases"),
    *("adam", "latent.normal-100", "order.judges-first", "order.fresh-latents", "order.fakes-detached-for-the-judges"),
    *("order.fakes-attached-for-the-generators", "share.first-of-the-generators", "share.last-of-the-judges"),
    *("share.gradient-reaches-the-other", "share.one-player-each", "share.nothing", "share.bounds"),
    *("pairs.same-latent", "pairs.decode-is-the-first", "pairs.channels-of-each-domain", "use.no-batch"),
    *("adapt.class-weight", "adapt.only-the-first-domain", "adapt.features-in-the-judges-step", "adapt.off-by-default"),
    *("adapt.classifies-the-other", "adapt.wants-labels", "data.two-domains-of-one-size", "parts.penalties-by-domain"),
    *("parts.relativistic",),
)
proves = SHEET.proves
GREY, COLOUR = Field("image", (1, 16, 16)), Field("image", (3, 16, 16))
LABEL = Field("class", (), ("x", "y", "z"))
BATCH = {"a": images(4, 1, 16, 16), "b": -images(4, 1, 16, 16)}
SMALL = {"z_dim": 5, "width": 2, "discriminator_width": 2}
PAPER = {"a": (1, 28, 28), "b": (1, 28, 28)}


def domains(a: Field = GREY, b: Field = GREY, label: bool = False) -> DataSpec:
    known = {"label_a": LABEL} if label else {}
    keys = (("a", "label_a"), ("b",)) if label else (("a",), ("b",))
    return DataSpec({"a": a, **known, "b": b}, domains=keys)


def small(data: DataSpec | None = None, **options) -> CoGAN:
    seed_all(0)
    torch.manual_seed(0)
    return CoGAN(data or domains(), CoGAN.Options(**SMALL | options))


def paper(shared: int = 4, judges: int = 3, classes: int = 0, shapes=PAPER) -> tuple[Generators, Discriminators]:
    with torch.device("meta"):
        return Generators(100, shapes, 128, shared), Discriminators(shapes, 20, judges, classes)


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("count.generators", "count.discriminators", "count.with-classes")
def _parameters():
    assert [*map(count, paper())] == [7_842_694, 427_593]
    assert count(paper(classes=10)[1]) == 432_603


@proves("count.shared-once")
def _what_is_shared_counts_once():
    alone = [count(each) for each in paper(0, 0)]
    generators, judges = paper()
    assert alone[0] == 2 * (count(generators.shared) + count(generators.own["a"]))
    assert alone[1] == 2 * (count(judges.shared) + count(judges.own["a"]))
    tied = {name: p for name, p in generators.named_parameters() if name.startswith("shared")}
    assert sum(p.numel() for p in tied.values()) == 7_842_694 - 2 * (128 * 36 + 1)


@proves("count.by-formula")
def _other_sizes_and_channels_change_the_first_kernels_and_the_outer_layers_alone():
    for side, first, rest in ((32, 4, 5), (64, 8, 13)):
        generators, judges = paper(shapes={"a": (3, side, side), "b": (1, side, side)})
        assert count(generators) == 7_842_694 + 100 * 1024 * (first**2 - 16) + 2 * (128 * 36 + 1)
        assert count(judges) == 427_593 + 50 * 500 * (rest**2 - 16) + 2 * 20 * 25


@proves("closed.judge-at-0", "closed.drawn-at-0", "closed.both-domains-are-one-batch")
def _logits_of_0_cost_a_coin_toss_and_two_domains_no_more_than_one():
    game = small()
    silence(game.discriminator)
    judged, drawn = game.round(iter([BATCH]))
    assert value(judged.losses["adversarial"]) == pytest.approx(2 * math.log(2))
    assert value(drawn.losses["adversarial"]) == pytest.approx(math.log(2))
    assert game.options.loss == NonSaturating()


@proves("closed.two-classes-are-one-logit")
def _the_cross_entropy_of_two_classes_is_that_of_the_difference_of_their_logits():
    judges = small().discriminator
    found = judges(BATCH["a"], "a")
    two = judges.shared[-1](found.features[..., None, None]).flatten(1)
    wanted = nn.functional.cross_entropy(two, torch.ones(4, dtype=torch.long))
    assert value(nn.functional.softplus(-found.logits).mean()) == pytest.approx(value(wanted), rel=1e-5)


RISING = ["ConvTranspose2d", "BatchNorm2d", "PReLU"]


@proves("net.generator-layers", "net.sizes-at-28")
def _the_generators_layers():
    generators, _ = paper()
    assert kinds(generators) == [*4 * RISING, "ConvTranspose2d", "Sigmoid", "ConvTranspose2d", "Sigmoid"]
    layers = [m for m in generators.modules() if isinstance(m, nn.ConvTranspose2d)]
    shapes = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0], m.padding[0]) for m in layers]
    rising = [(1024, 512, 3, 2, 1), (512, 256, 3, 2, 1), (256, 128, 3, 2, 1)]
    assert shapes == [(100, 1024, 4, 1, 0), *rising, *2 * [(128, 1, 6, 1, 1)]]
    x, sides = torch.empty(2, 100, 1, 1, device="meta"), []
    for layer in [*generators.shared, generators.own["a"]]:
        sides.append((x := layer(x)).shape[-1])
    assert sides == [4, 7, 13, 25, 28]
    assert all(m.output_padding == (0, 0) for m in layers)


@proves("net.sizes-of-others")
def _every_size_from_16_on_is_drawn_and_judged_and_sides_need_not_be_equal():
    for height, width in ((16, 16), (17, 30), (32, 32), (33, 64)):
        shapes = {"a": (1, height, width), "b": (3, height, width)}
        drawn = Generators(5, shapes, 2, 4)(torch.randn(3, 5))
        judges = Discriminators(shapes, 2, 3)
        assert {key: tuple(x.shape[1:]) for key, x in drawn.items()} == shapes
        assert all(judges(x, key).logits.shape == (3,) for key, x in drawn.items())


@proves("net.draws-0-to-1", "net.sees-0-to-1")
def _inside_of_the_networks_images_lie_between_0_and_1():
    """Outside they lie in [-1, 1]: a sigmoid's 0 and 1."""
    game, z = small(), torch.randn(4, 5)
    with torch.no_grad():
        drawn, raw = game.together(z)["a"], game.generator.own["a"](game.generator.shared(z[:, :, None, None]))
        assert 0 <= float(raw.min()) < float(raw.max()) <= 1
        assert torch.allclose((drawn + 1) / 2, raw, atol=1e-6)
        seen = []
        handle = game.discriminator.own["a"][0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        game.judge("a", drawn)
        handle.remove()
    assert torch.allclose(seen[0], raw, atol=1e-6)


@proves("net.small-refused")
def _images_too_small_for_two_convolutions_are_refused():
    with pytest.raises(UsageError, match=r"16×16 or more, not 12×16"):
        small(DataSpec.of((1, 12, 16), ("a", "b")))


@proves("net.judge-layers", "net.judge-bends-once")
def _the_judges_layers():
    _, judges = paper()
    assert kinds(judges) == [*2 * ["Conv2d", "MaxPool2d"], "Conv2d", "MaxPool2d", "Conv2d", "PReLU", "Conv2d"]
    shapes = [(m.in_channels, m.out_channels, m.kernel_size[0]) for m in judges.modules() if isinstance(m, nn.Conv2d)]
    assert shapes == [*2 * [(1, 20, 5)], (20, 50, 5), (50, 500, 4), (500, 2, 1)]
    assert kinds(judges.own["a"]) + kinds(judges.shared) == [*2 * ["Conv2d", "MaxPool2d"], "Conv2d", "PReLU", "Conv2d"]


@proves("norm.not-affine", "norm.biases-are-kept")
def _norms_have_no_weights_and_convolutions_before_them_have_biases():
    game = small()
    norms = [m for m in game.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == 4
    assert not any(m.affine for m in norms)
    assert {type(m) for m in norms} == {BatchNorm2d}
    assert all(m.bias is not None for m in game.modules() if isinstance(m, nn.modules.conv._ConvNd))


@proves("init.xavier-and-biases")
def _weights_are_uniform_with_a_gain_of_root_2_and_biases_a_tenth():
    seed_all(0)
    for network in (Generators(50, PAPER, 16, 4), Discriminators(PAPER, 20, 3, 10)):
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
                assert bool((module.bias == 0.1).all())
                fan = sum(nn.init._calculate_fan_in_and_fan_out(module.weight))
                bound = 2**0.5 * (6 / fan) ** 0.5
                assert float(module.weight.detach().abs().max()) <= bound
                if module.weight.numel() > 5000:
                    assert float(module.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.05)


@proves("adam", "latent.normal-100")
def _constants_are_those_of_the_authors():
    o = CoGAN.Options()
    assert isinstance(o.optim, Adam)
    assert (o.optim.lr, o.optim.betas, o.optim.weight_decay) == (2e-4, (0.5, 0.999), 5e-4)
    assert (o.z_dim, o.shared, o.discriminator_shared, o.width, o.discriminator_width) == (100, 4, 3, 128, 20)
    z = small(z_dim=100).noise(500)
    assert z.shape == (500, 100)
    assert (float(z.mean()), float(z.std())) == pytest.approx((0, 1), abs=0.02)


@proves("order.judges-first", "order.fresh-latents", "share.one-player-each")
def _the_judges_move_and_then_the_generators_with_new_latents():
    game, drawn = small(), []
    noise = game.noise
    game.noise = lambda n: drawn.append(noise(n)) or drawn[-1]
    assert [move.players for move in play(game, BATCH)] == [("discriminator",), ("generator",)]
    assert [*game.players()] == ["generator", "discriminator"]
    assert len(drawn) == 2
    assert not torch.equal(*drawn)


@proves("order.fakes-detached-for-the-judges", "order.fakes-attached-for-the-generators")
def _fakes_carry_a_gradient_in_the_generators_step_alone():
    game = small()
    weights = [*game.generator.parameters()]
    judged, drawn = game.round(iter([BATCH]))
    assert torch.autograd.grad(judged.losses["adversarial"], weights, allow_unused=True) == (None,) * len(weights)
    grads = torch.autograd.grad(drawn.losses["adversarial"], [p for p in weights if p.ndim > 1])
    assert all(grad.any() for grad in grads)


@proves("share.first-of-the-generators", "share.last-of-the-judges")
def _the_first_layers_of_the_generators_and_the_last_of_the_judges_are_common():
    for shared in range(5):
        generators = small(shared=shared).generator
        assert (len(generators.shared), *map(len, generators.own.values())) == (shared, 5 - shared, 5 - shared)
    for shared in range(4):
        judges = small(discriminator_shared=shared).discriminator
        assert (len(judges.shared), *map(len, judges.own.values())) == (shared, 4 - shared, 4 - shared)
    assert isinstance(generators.own["a"][-1][-1], nn.Sigmoid)


@proves("share.gradient-reaches-the-other")
def _what_one_domain_teaches_changes_the_other():
    game, z = small().eval(), torch.randn(4, 5)
    before = game.together(z)["b"].detach()
    optim = torch.optim.SGD(game.generator.parameters(), 0.1)
    game.together(z)["a"].square().sum().backward()
    assert all(p.grad is None for p in game.generator.own["b"].parameters())
    optim.step()
    assert not torch.allclose(game.together(z)["b"], before)


@proves("share.nothing")
def _without_shared_layers_the_domains_know_nothing_of_each_other():
    """The wrong way: two GANs, and one latent draws two things that have nothing to do with each other."""
    game = small(shared=0, discriminator_shared=0)
    mine, others = ([*game.generator.own[key].parameters()] for key in "ab")
    image = game.together(torch.randn(4, 5))["a"]
    assert torch.autograd.grad(image.sum(), others, allow_unused=True, retain_graph=True) == (None,) * len(others)
    assert all(grad is not None for grad in torch.autograd.grad(image.sum(), mine, allow_unused=True))
    assert not {*mine} & {*others}


@proves("share.bounds")
def _the_last_layer_of_a_generator_and_the_first_of_a_judge_are_never_common():
    for wrong in ({"shared": 5}, {"shared": -1}, {"discriminator_shared": 4}):
        with pytest.raises(
            UsageError, match=r"^(shared is from 0 to 4|discriminator_shared is from 0 to 3), not (5|-1|4)$"
        ):
            CoGAN.Options(**wrong)
    with pytest.raises(UsageError, match="discriminator_width is even and at least 2, not 5"):
        CoGAN.Options(discriminator_width=5)


@proves("pairs.same-latent", "pairs.decode-is-the-first", "pairs.channels-of-each-domain")
def _one_latent_shows_an_image_of_each_domain_with_its_own_channels():
    game, z = small(domains(GREY, COLOUR)), torch.randn(4, 5)
    game.eval()
    pair = game.together(z)
    assert {key: tuple(x.shape) for key, x in pair.items()} == {"a": (4, 1, 16, 16), "b": (4, 3, 16, 16)}
    assert torch.equal(game.decode(z), pair["a"])
    assert game.sample(3).shape == (3, 1, 16, 16)
    moves = play(game, BATCH | {"b": images(4, 3, 16, 16)}, rounds=2)
    assert all(math.isfinite(value(loss)) for move in moves for loss in move.losses.values())
    assert [title for title, _ in game.shown(lambda n: BATCH)] == ["a", "b"]
    assert scoring.defaults(small(), open_source(DataOptions(source="digits-inverted", size=16)), final=False) == [
        "fid",
        "swd",
    ]


@proves("use.no-batch")
def _in_use_a_sample_depends_on_its_latent_alone_and_no_statistic_moves():
    game, z = small().eval(), torch.randn(4, 5)
    before = {name: buffer.clone() for name, buffer in game.named_buffers()}
    assert torch.allclose(game.decode(z)[:1], game.decode(z[:1]), atol=1e-6)
    assert all(torch.equal(buffer, before[name]) for name, buffer in game.named_buffers())


def adapting(**options) -> tuple[CoGAN, dict[str, torch.Tensor]]:
    weights = {"class_weight": 10.0, "feature_weight": 0.01} | options
    return small(domains(label=True), **weights), BATCH | {"label_a": torch.tensor([0, 1, 2, 0])}


@proves("adapt.class-weight", "adapt.only-the-first-domain")
def _the_judges_learn_to_name_what_is_labelled_with_the_papers_weight():
    game, batch = adapting()
    nn.init.zeros_(game.discriminator.classes.weight)
    losses = next(game.round(iter([batch]))).losses
    assert value(losses["classes"]) == pytest.approx(10 * math.log(3))
    others = [*game.discriminator.own["b"].parameters()]
    assert torch.autograd.grad(losses["classes"], others, allow_unused=True) == (None,) * len(others)


@proves("adapt.features-in-the-judges-step")
def _features_of_a_pair_are_drawn_together_where_the_judges_move():
    game, batch = adapting()
    fakes = []
    draw = game.draw
    game.draw = lambda z: fakes.append(draw(z)) or fakes[-1]
    judged, drawn = game.round(iter([batch]))
    one, other = (game.discriminator(fakes[0][key], key).features for key in "ab")
    assert value(judged.losses["features"]) == pytest.approx(0.01 * float((one - other).square().sum() / 4), rel=1e-5)
    assert [*drawn.losses] == ["adversarial"]


@proves("adapt.off-by-default")
def _without_weights_there_is_no_class_head_and_no_label_is_asked_for():
    game = small()
    assert game.needs == ("a", "b")
    assert game.discriminator.classes is None
    assert [*next(game.round(iter([BATCH]))).losses] == ["adversarial"]


@proves("adapt.classifies-the-other")
def _images_of_both_domains_can_be_named():
    game, _ = adapting()
    for key in "ab":
        assert torch.allclose(game.classify(BATCH[key], key).exp().sum(1), torch.ones(4))
    with pytest.raises(UsageError, match=r"game\.class_weight 10"):
        small().classify(BATCH["b"])


@proves("adapt.wants-labels")
def _without_labels_adaptation_is_refused_with_what_would_have_some():
    with pytest.raises(
        UsageError, match=r"--data\.labels true.*--data\.labels folders; or choose game\.class_weight 0"
    ):
        small(class_weight=10.0)


@proves("data.two-domains-of-one-size")
def _domains_of_two_sizes_and_a_third_one_are_refused():
    three = DataSpec.of((1, 16, 16), ("a", "b", "c"), domains=(("a",), ("b",), ("c",)))
    for data in (domains(b=Field("image", (1, 16, 20))), three):
        with pytest.raises(UsageError, match="images of two domains, a and b, of one size"):
            small(data)


@proves("parts.penalties-by-domain")
def _a_penalty_is_paid_for_each_domain():
    game = small(penalties=(R1(10.0),))
    assert {*next(game.round(iter([BATCH]))).losses} == {"adversarial", "r1_a", "r1_b"}


@proves("parts.relativistic")
def _a_relativistic_loss_sees_the_images_of_both_domains_in_both_steps():
    for loss in (RelativisticAverage(), Hinge()):
        moves = play(small(loss=loss), BATCH)
        assert all(math.isfinite(value(each.losses["adversarial"])) for each in moves)
