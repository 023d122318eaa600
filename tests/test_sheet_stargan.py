"""StarGAN: every line of its fact sheet on networks, objective and order, with what proves it."""

import math

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, bare, count, span, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games._attributes import Attributes
from saddle.games.stargan import StarGAN
from saddle.layers.norm import BatchOfOneNorm2d
from saddle.nets.stargan import LabelledTranslator, NamingCritic, halvings_of
from saddle.optim import Adam
from saddle.penalties import GradientPenalty
from saddle.spec import Condition, DataSpec
from saddle.tasks import Move

SHEET = Sheet(
    *("count.generator", "count.both-collections", "count.critic", "field.critic", "size.map", "size.refused"),
    *("objective.critic", "objective.generator", "objective.weights", "objective.classes-of-real-for-the-critic"),
    *("objective.classes-of-fakes-for-the-generator", "objective.binary-is-summed", "objective.class-is-one-of"),
    *("objective.groups-beside-free-labels", "closed.identity-returns", "objective.returns-from-the-fake"),
    *("penalty.linear-critic", "penalty.mean-of-map", "penalty.between-real-and-fake", "order.five-critic-steps"),
    *("order.same-images-and-labels", "order.detached", "order.adversary-reaches-the-generator"),
    *("order.new-batch-each-step", "net.layers", "net.no-biases", "net.zero-padding", "net.default-init"),
    *("net.label-dies-under-reflection", "norm.no-running-statistics", "use.training-mode-changes-nothing"),
    *("adam", "schedule.to-0", "batch.16", "mask.critic-names-no-mask"),
)
proves = SHEET.proves
HAIR = ("black", "blond")
CONDITION = Condition("labels", (*HAIR, "male", "young"), groups=(HAIR,))
ROWS = ((1.0, 0.0, 1.0, 0.0), (0.0, 1.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0))
DATA = DataSpec.of((3, 16, 16), ("image", "label"), condition=CONDITION, distribution=ROWS)
BATCH = {"image": images(4, 3, 16, 16), "label": torch.tensor([*ROWS, ROWS[1]])}
NAN = torch.nan


def small(data: DataSpec = DATA, **options) -> StarGAN:
    seed_all(0)
    torch.manual_seed(0)
    return StarGAN(data, StarGAN.Options(**{"blocks": 1, "width": 4, "discriminator_steps": 1} | options))


def moves(game: StarGAN, batch: dict[str, Tensor] = BATCH) -> list[Move]:
    return list(game.round(iter([batch] * game.options.discriminator_steps)))


def net(size: int, **options) -> LabelledTranslator:
    with torch.device("meta"):
        return LabelledTranslator(3, size, **options)


def critic(side: int, labels: int, halvings: int) -> NamingCritic:
    with torch.device("meta"):
        return NamingCritic((3, side, side), labels, halvings)


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("count.generator")
def _the_generators_parameters():
    assert [count(net(k)) for k in (5, 8)] == [8_430_528, 8_439_936]
    assert all(count(net(k)) == 8_414_848 + 3_136 * k for k in (1, 7, 20))


@proves("count.both-collections", "mask.critic-names-no-mask")
def _two_collections_of_5_and_8_labels_and_the_mask_are_15_planes():
    names = tuple(f"label {i}" for i in range(13))
    data = DataSpec.of((3, 128, 128), ("image", "label"), condition=Condition("labels", names))
    with torch.device("meta"):
        game = StarGAN(data, StarGAN.Options(label_sets=f"{','.join(names[:5])};{','.join(names[5:])}"))
    assert count(game.generator) == 8_461_888
    assert count(game.discriminator) == 44_827_584


@proves("count.critic")
def _the_critics_parameters():
    assert [count(critic(128, k, 6)) for k in (5, 8, 13)] == [44_762_048, 44_786_624, 44_827_584]
    assert count(critic(256, 5, 6)) == 44_884_928
    for side, halvings, base, each in ((128, 6, 44_721_088, 8_192), (256, 6, 44_721_088, 32_768)):
        assert count(critic(side, 3, halvings)) == base + 3 * each
    for side, halvings, base, each in ((64, 5, 11_155_392, 4_096), (32, 4, 2_761_152, 2_048)):
        assert count(critic(side, 3, halvings)) == base + 3 * each
    assert [count(critic(64, 5, 5)), count(critic(32, 5, 4)), count(critic(64, 5, 6))] == [
        11_175_872,
        2_771_392,
        44_731_328,
    ]


@proves("field.critic")
def _a_patch_of_the_critic_has_318_pixels():
    trunk = NamingCritic((1, 448, 448), 1, 6, 1)
    assert span(bare(nn.Sequential(trunk.trunk, trunk.source)), 448) == [318, 318]


@proves("size.map")
def _the_critic_ends_in_a_map_of_2_pixels_and_says_each_label_once():
    assert [halvings_of(side, side) for side in (256, 128, 64, 32, 16)] == [6, 6, 5, 4, 3]
    verdict = NamingCritic((3, 128, 128), 5, 6, 1)(images(2, 3, 128, 128))
    assert (verdict.logits.shape, verdict.classes.shape) == ((2, 1, 2, 2), (2, 5))
    assert NamingCritic((3, 16, 32), 5, 3, 1)(images(2, 3, 16, 32)).classes.shape == (2, 5)


@proves("size.refused")
def _sizes_that_do_not_halve_are_refused():
    for shape, says in (((3, 30, 32), "multiples of 4"), ((3, 36, 36), "halve evenly"), ((3, 4, 4), "8 or more")):
        with pytest.raises(UsageError, match=says):
            small(DataSpec.of(shape, ("image", "label"), condition=CONDITION))
    with pytest.raises(UsageError, match=r"5 times .*the nearest sizes are 32×32"):
        small(halvings=5)
    for name, wrong in {"halvings": 0, "width": 0, "class_weight": -1, "reconstruction_weight": -1}.items():
        with pytest.raises(UsageError, match=f"^{name} is (at least|from) .*, not {wrong}$"):
            StarGAN.Options(**{name: wrong})


@proves("objective.critic", "objective.classes-of-real-for-the-critic")
def _the_critic_pays_for_scores_and_for_the_names_of_real_images():
    game = small()
    move = next(game.round(iter([BATCH])))
    seed_all(0)
    part, new = game.set_of(BATCH["label"]), game.draw(4)
    fake = game.generator(BATCH["image"], game.attributes.vector(new, part)).detach()
    (real, names), (made, _) = game.judge(BATCH["image"]), game.judge(fake)
    assert value(move.losses["adversarial"]) == pytest.approx(value(made.mean() - real.mean()), abs=1e-6)
    wanted = game.attributes.losses(names, BATCH["label"]).mean()
    assert value(move.losses["classes"]) == pytest.approx(value(wanted))
    assert set(move.losses) == {"adversarial", "classes", "gradient_penalty"}


@proves("objective.generator", "objective.classes-of-fakes-for-the-generator")
def _the_generator_pays_for_scores_for_the_names_of_its_images_and_for_what_does_not_return():
    game = small()
    seen = watched(game)
    _, move = moves(game)
    (x, told), (fake, back) = seen[:2]
    verdict = game.judge(game.generator(x, told))
    assert value(move.losses["adversarial"]) == pytest.approx(-value(verdict.logits.mean()), abs=1e-6)
    wanted = game.attributes.losses(verdict.classes, told).mean()
    assert value(move.losses["classes"]) == pytest.approx(value(wanted), rel=1e-5)
    assert torch.equal(back, BATCH["label"])
    change = (game.generator(fake, back) - x).abs().mean()
    assert value(move.losses["reconstruction"]) == pytest.approx(10 * value(change), rel=1e-5)


def watched(game: StarGAN) -> list[tuple[Tensor, Tensor]]:
    """What the generator is given, call by call."""
    seen: list[tuple[Tensor, Tensor]] = []
    game.generator.register_forward_hook(lambda module, given, made: seen.append((given[0], given[1])))
    return seen


@proves("objective.weights")
def _weights_are_the_papers():
    o = StarGAN.Options()
    assert (o.class_weight, o.reconstruction_weight, o.penalties) == (1.0, 10.0, (GradientPenalty(weight=10.0),))
    assert (o.blocks, o.width, o.discriminator_steps) == (6, 64, 5)


@proves("objective.binary-is-summed")
def _binary_labels_are_summed_over_labels_and_a_mean_over_images():
    attributes = Attributes.of(Condition("labels", ("a", "b", "c")))
    logits, label = torch.zeros(2, 3), torch.tensor([[1.0, 0, 1], [0, 0, 1]])
    assert torch.allclose(attributes.losses(logits, label), torch.full((2, 1), 3 * math.log(2)))


@proves("objective.class-is-one-of")
def _classes_are_told_apart_by_their_cross_entropy():
    attributes = Attributes.of(Condition("class", ("a", "b", "c")))
    logits, label = images(4, 3), torch.tensor([0, 2, 1, -1])
    paid = attributes.losses(logits, attributes.columns(label))[:, 0]
    assert torch.allclose(paid, nn.functional.cross_entropy(logits, label, ignore_index=-1, reduction="none"))


@proves("objective.groups-beside-free-labels")
def _labels_that_exclude_each_other_are_one_choice_and_the_others_are_yes_or_no():
    logits = images(4, 4)
    paid = Attributes.of(CONDITION).losses(logits, BATCH["label"])[:, 0]
    choice = nn.functional.cross_entropy(logits[:, :2], BATCH["label"][:, :2].argmax(1), reduction="none")
    binary = nn.functional.binary_cross_entropy_with_logits(logits[:, 2:], BATCH["label"][:, 2:], reduction="none")
    assert torch.allclose(paid, choice + binary.sum(1))


class Same(nn.Module):
    """Changes nothing."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, x, label):
        return self.one * x


@proves("closed.identity-returns")
def _who_changes_nothing_returns():
    game = small()
    game.generator = Same()
    assert value(moves(game)[1].losses["reconstruction"]) == 0


class Linear(nn.Module):
    """⟨w, x⟩, said by every patch of a map of so many."""

    def __init__(self, w: Tensor, patches: int = 1):
        super().__init__()
        self.w, self.patches = nn.Parameter(w), patches

    def forward(self, x):
        score = (x * self.w).flatten(1).sum(1)
        return score.view(-1, 1, 1, 1).expand(-1, 1, self.patches, self.patches), score[:, None].expand(-1, 4)


@proves("penalty.linear-critic", "penalty.mean-of-map")
def _the_gradient_is_that_of_the_maps_mean_and_of_a_whole_image():
    """The code's is that of the sum: four times as long for a map of 2×2. Others take the norm pixel by pixel."""
    w = 0.1 * images(1, 3, 16, 16)
    for patches in (1, 2):
        game = small()
        game.discriminator = Linear(w, patches)
        penalty = value(moves(game)[0].losses["gradient_penalty"])
        assert penalty == pytest.approx(10 * (float(w.norm()) - 1) ** 2, rel=1e-5)


@proves("penalty.between-real-and-fake")
def _the_gradient_is_taken_between_an_image_and_its_translation_at_a_place_of_its_own():
    game, places = small(), []
    inner = game.discriminator.forward
    game.discriminator.forward = lambda x: places.append(x) or inner(x)  # type: ignore[method-assign]
    next(game.round(iter([BATCH])))
    real, fake, between = places[:3]
    share = ((between - fake) / (real - fake)).flatten(1)
    assert torch.allclose(share, share[:, :1].expand_as(share), atol=1e-3)
    assert share[:, 0].min() > 0
    assert share[:, 0].max() < 1
    assert share[:, 0].std() > 0.01


@proves("order.five-critic-steps", "order.new-batch-each-step")
def _the_critic_moves_five_times_with_images_of_its_own():
    game = small(discriminator_steps=5)
    seen = watched(game)
    batches = [BATCH | {"image": BATCH["image"] * (i + 1) / 5} for i in range(5)]
    made = list(game.round(iter(batches)))
    assert [move.players for move in made] == [("discriminator",)] * 5 + [("generator",)]
    assert all(torch.equal(x, batch["image"]) for (x, _), batch in zip(seen, batches, strict=False))


@proves("order.same-images-and-labels")
def _the_generator_moves_with_the_images_and_labels_of_the_critics_last_step():
    game = small(discriminator_steps=2)
    seen = watched(game)
    assert len(moves(game)) == 3
    assert len(seen) == 3, "two translations, of which the last is the generator's, and its way back"
    assert torch.equal(seen[2][1], BATCH["label"])


@proves("order.detached")
def _the_critics_step_sends_nothing_to_the_generator():
    game = small()
    loss = sum(next(game.round(iter([BATCH]))).losses.values())
    gradients = torch.autograd.grad(loss, [*game.generator.parameters()], allow_unused=True)
    assert all(g is None for g in gradients)


@proves("objective.returns-from-the-fake")
def _both_ways_of_an_image_learn_from_what_came_back():
    """The loss flows through the fake too: the generator is asked twice, and each answer has a part in it."""
    game = small()
    made = []
    game.generator.register_forward_hook(lambda _, given, out: made.append(out))
    _, drawn = moves(game)
    gradients = torch.autograd.grad(drawn.losses["reconstruction"], made[-2:])
    assert all(gradient.any() for gradient in gradients)


@proves("order.adversary-reaches-the-generator")
def _the_critics_score_reaches_every_weight_of_the_generator():
    game = small(class_weight=0.0, reconstruction_weight=0.0)
    _, move = moves(game)
    sum(move.losses.values()).backward()
    assert all(p.grad is not None and p.grad.any() for p in game.generator.parameters())


@proves("net.layers")
def _the_layers_are_the_papers():
    game = small(DataSpec.of((3, 128, 128), ("image", "label"), condition=CONDITION), width=1)
    layers = [m for m in game.generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    shapes = [(type(m).__name__.removeprefix("Strided"), m.kernel_size[0], m.stride[0], m.out_channels) for m in layers]
    block = 2 * [("Conv2d", 3, 1, 4)]
    down, up = [("Conv2d", 4, 2, 2), ("Conv2d", 4, 2, 4)], [("ConvTranspose2d", 4, 2, 2), ("ConvTranspose2d", 4, 2, 1)]
    assert shapes == [("Conv2d", 7, 1, 1), *down, *block, *up, ("Conv2d", 7, 1, 3)]
    convolutions = [m for m in game.discriminator.trunk if isinstance(m, nn.Conv2d)]
    assert [(m.kernel_size[0], m.stride[0], m.padding[0], m.out_channels) for m in convolutions] == [
        (4, 2, 1, 2**level) for level in range(6)
    ]
    slopes = {m.negative_slope for m in game.discriminator.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.01}


@proves("net.no-biases")
def _the_generator_and_the_critics_heads_have_no_biases():
    game = small()
    heads = [game.discriminator.source, game.discriminator.names[0]]
    layers = [m for m in game.generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert all(m.bias is None for m in [*layers, *heads])
    assert all(m.bias is not None for m in game.discriminator.trunk if isinstance(m, nn.Conv2d))


@proves("net.zero-padding")
def _maps_are_padded_with_zeros():
    assert {m.padding_mode for m in net(4).modules() if isinstance(m, nn.Conv2d)} == {"zeros"}


@proves("net.default-init")
def _weights_begin_as_torch_has_them():
    layer = NamingCritic((3, 32, 32), 5, 4).trunk[2]
    bound = (layer.in_channels * 16) ** -0.5
    assert float(layer.weight.detach().abs().max()) == pytest.approx(bound, rel=0.01)


@proves("net.label-dies-under-reflection")
def _a_label_comes_in_at_the_borders_alone():
    """Constant planes are what instance norm takes away. With reflected borders nothing of them is left."""
    torch.manual_seed(0)
    effects = {}
    for mode in ("zeros", "reflect"):
        generator = LabelledTranslator(3, 4, 1, 8).double()
        generator.net[0].padding_mode = mode
        if mode == "reflect":
            generator.net[0]._reversed_padding_repeated_twice = [3] * 4
        x = images(2, 3, 16, 16).double()
        first = nn.Sequential(*[*generator.net][:2])
        planes = [torch.full((2, 4, 16, 16), on, dtype=torch.float64) for on in (0.0, 1.0)]
        off, on = (first(torch.cat((x, plane), 1)) for plane in planes)
        effects[mode] = value((on - off).abs().max())
    assert effects["zeros"] > 0.1
    assert effects["reflect"] < 1e-3


@proves("norm.no-running-statistics", "use.training-mode-changes-nothing")
def _a_translation_is_the_same_in_training_and_in_use_and_leaves_nothing_behind():
    """The code's norm keeps running statistics, and is never asked to use them: eval() changes what it draws."""
    game = small()
    assert not [*game.generator.buffers()]
    assert all(m.affine for m in game.generator.modules() if isinstance(m, BatchOfOneNorm2d))
    before = game.train().translate(BATCH, "image")
    play(game.train(), BATCH)
    trained = game.train().translate(BATCH, "image")
    assert torch.equal(game.eval().translate(BATCH, "image"), trained)
    assert not torch.equal(before, trained)


@proves("adam")
def _the_optimizers_settings():
    optim = StarGAN.Options().optim
    assert isinstance(optim, Adam)
    assert (optim.lr, optim.betas) == (1e-4, (0.5, 0.999))


@proves("schedule.to-0")
def _the_rate_is_constant_for_half_the_run_and_then_falls_to_nothing():
    """The code takes a thousandth of what the paper says off, and ends at 99.9 % of the rate it began with."""
    optim = StarGAN.Options().optim
    assert [optim.at(0, p)["lr"] for p in (0.0, 0.5, 0.75, 1.0)] == pytest.approx([1e-4, 1e-4, 5e-5, 0.0])


@proves("batch.16")
def _a_batch_has_16_images():
    assert StarGAN.batch == 16
