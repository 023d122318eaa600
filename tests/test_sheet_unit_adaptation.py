"""UNIT for adaptation: every line of its fact sheet, with what proves it."""

import math
from math import log

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, count, kinds, silence, value
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.unit_adaptation import UNITAdaptation, squares, surprise
from saddle.layers.norm import BatchNorm2d
from saddle.losses import NonSaturating, RelativisticPairing
from saddle.nets.unit_adaptation import Codes, CoupledAutoencoders, CoupledJudges, Shift, placed
from saddle.optim import Adam
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("closed.two-classes-at-0", "closed.kl", "closed.squares", "count.autoencoders", "count.judges"),
    *("objective.weights", "objective.optim", "objective.reconstructions-are-fakes", "objective.halved-for-judges"),
    *(
        "objective.classes-of-a",
        "objective.features-in-the-judges-step",
        "objective.features-of-one-image",
        "objective.no-cycle",
        "objective.terms",
    ),
    *("net.coordinates", "net.layers", "net.norm-without-scale", "net.deviation", "net.judge", "net.dropout"),
    *("init.judges", "shared.all-but-the-ends", "shared.one-player", "order.judges-first", "order.noise"),
    *("order.fakes-detached", "data.labels", "data.inverted", "data.size", "use.mean", "use.code", "use.classify"),
    *("use.size", "use.no-batch", "relativistic", "settings.refused"),
)
proves = SHEET.proves
NAMES = tuple("0123456789")


def data(a: int = 1, b: int = 1, side: int = 32) -> DataSpec:
    shown = {key: Field("image", (c, side, side)) for key, c in (("a", a), ("b", b))}
    fields = {"a": shown["a"], "label_a": Field("class", (), NAMES), "b": shown["b"]}
    return DataSpec(fields, domains=(("a", "label_a"), ("b",)))


BATCH = {"a": images(4, 1, 32, 32), "b": -images(4, 1, 32, 32) / 2, "label_a": torch.arange(4)}


def small(spec: DataSpec | None = None, **options) -> UNITAdaptation:
    seed_all(0)
    return UNITAdaptation(spec or data(), UNITAdaptation.Options(**{"width": 2, "judge_width": 2} | options))


def losses_of(game: UNITAdaptation) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    seed_all("round")
    judged, made = game.round(iter([BATCH]))
    return judged.losses, made.losses


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.two-classes-at-0")
def _a_judge_that_knows_nothing_costs_2_log_2_and_names_10_classes():
    game = small()
    silence(game.judges)
    judged, made = losses_of(game)
    assert value(judged["adversarial"]) == pytest.approx(2 * log(2))
    assert value(made["adversarial"]) == pytest.approx(2 * log(2))  # reconstructions and translations, log 2 each
    assert value(judged["classes"]) == pytest.approx(10 * log(10))
    assert value(judged["features"]) == 0


@proves("closed.kl")
def _a_code_of_mean_2_and_deviation_1_costs_5_a_number():
    ones = torch.ones(3, 4, 1, 1)
    assert value(surprise(Codes(2 * ones, ones))) == pytest.approx(4 * 5)
    assert value(surprise(Codes(0 * ones, math.e * ones))) == pytest.approx(4 * (math.e**2 - 2), rel=1e-5)


@proves("closed.squares")
def _distances_are_summed_over_an_image_and_meaned_over_the_batch():
    assert value(squares(torch.full((5, 2, 3, 3), 2.0))) == 4 * 18


@proves("count.autoencoders", "count.judges")
def _the_networks_parameters():
    with torch.device("meta"):
        assert count(CoupledAutoencoders((3, 1))) == 22_606_468
        assert count(CoupledJudges((3, 1), 10)) == 4_332_812


@proves("objective.weights", "objective.optim")
def _constants_are_those_of_the_authors_code():
    o = UNITAdaptation.Options()
    assert (o.adversarial_weight, o.reconstruction_weight, o.kl_weight) == (1.0, 1e-3, 2 * 1e-4)
    assert (o.class_weight, o.feature_weight, o.width, o.judge_width) == (10.0, 1e-4, 96, 64)
    assert (UNITAdaptation.batch, o.loss) == (64, NonSaturating())
    assert o.optim == Adam(lr=2e-4, betas=(0.5, 0.999), weight_decay=5e-4)


class Numbers(nn.Module):
    """A judge whose logit is the mean of an image, which sees it and its classes as it is."""

    def forward(self, x: Tensor, domain: str) -> Tensor:
        return x.flatten(1).mean(1)

    def features(self, x: Tensor, domain: str) -> Tensor:
        return x

    def classify(self, x: Tensor, domain: str) -> Tensor:
        return x.flatten(1)[:, :10]


def drawn(a: float, b: float) -> tuple[dict[str, Tensor], dict[str, Tensor], Codes]:
    """Reconstructions of the one number and translations of the other."""
    again, moved = ({key: torch.full((4, 1, 32, 32), x, requires_grad=True) for key in "ab"} for x in (a, b))
    return again, moved, Codes(torch.ones(8, 2, 1, 1), torch.ones(8, 2, 1, 1))


def judged_by_numbers(a: float, b: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    game = small(inverted=False)
    game.judges, game.drawn = Numbers(), lambda images: drawn(a, b)
    return losses_of(game)


@proves("objective.reconstructions-are-fakes", "objective.halved-for-judges")
def _reconstructions_and_translations_are_fakes_half_each_for_the_judges():
    judged, made = judged_by_numbers(2.0, -3.0)
    real = sum(math.log1p(math.exp(-float(x.mean()))) for key in "ab" for x in BATCH[key]) / 8
    fake = (math.log1p(math.exp(2.0)) + math.log1p(math.exp(-3.0))) / 2
    assert value(judged["adversarial"]) == pytest.approx(real + fake, rel=1e-5)
    deceived = math.log1p(math.exp(-2.0)) + math.log1p(math.exp(3.0))
    assert value(made["adversarial"]) == pytest.approx(deceived, rel=1e-5)


@proves("objective.features-in-the-judges-step")
def _the_judges_pay_for_what_they_see_differently_in_both_directions():
    judged, made = judged_by_numbers(2.0, -3.0)
    assert value(judged["features"]) == pytest.approx(1e-4 * 2 * 25 * 32 * 32, rel=1e-5)
    assert "features" not in made


@proves("objective.features-of-one-image")
def _a_translation_is_compared_with_the_reconstruction_of_the_image_that_it_is_made_of():
    """Each as the judges see it in the domain in which it is drawn: b ten times as bright."""
    game = small()
    game.judges = Numbers()
    game.judges.features = lambda x, domain: x if domain == "a" else 10 * x
    again, moved = (
        {key: torch.full((2, 1, 1, 1), x) for key, x in of.items()}
        for of in ({"a": 1.0, "b": 2.0}, {"a": 5.0, "b": 11.0})
    )
    assert value(game.unlike(again, moved)) == (11 * 10 - 1) ** 2 + (5 - 2 * 10) ** 2


@proves("objective.classes-of-a")
def _the_judges_name_the_first_domains_classes_alone():
    judged, made = judged_by_numbers(0.0, 0.0)
    expected = nn.functional.cross_entropy(BATCH["a"].flatten(1)[:, :10], BATCH["label_a"])
    assert value(judged["classes"]) == pytest.approx(10 * value(expected), rel=1e-5)
    assert "classes" not in made


@proves("objective.no-cycle", "objective.terms")
def _the_autoencoders_have_no_cycle():
    judged, made = losses_of(small())
    assert set(judged) == {"adversarial", "classes", "features"}
    assert set(made) == {"adversarial", "reconstruction", "kl"}
    _, made = judged_by_numbers(0.5, 0.0)
    expected = 1e-3 * sum(value(squares(0.5 - BATCH[key])) for key in "ab")
    assert value(made["reconstruction"]) == pytest.approx(expected, rel=1e-5)
    assert value(made["kl"]) == pytest.approx(2e-4 * 2 * 2)


@proves("net.coordinates")
def _two_more_channels_say_row_and_column():
    x = placed(images(2, 3, 32, 32))
    assert x.shape == (2, 5, 32, 32)
    assert x[1, 3, :, 7].tolist() == x[0, 4, 9].tolist() == [(i - 16) / 16 for i in range(32)]


@proves("net.layers", "net.norm-without-scale")
def _layers_stand_in_the_order_of_the_authors_code():
    layer = ["BatchNorm2d", "Shift", "LeakyReLU"]
    with torch.device("meta"):
        whole = CoupledAutoencoders((3, 1))
    assert kinds(whole.first_a) == ["Conv2d", *layer]
    assert kinds(whole.encode) == 3 * ["Conv2d", *layer]
    assert kinds(whole.decode) == 3 * ["ConvTranspose2d", *layer]
    assert kinds(whole.last_b) == ["ConvTranspose2d", *layer, "Conv2d", "Tanh"]
    convolutions = [m for m in whole.modules() if isinstance(m, nn.modules.conv._ConvNd)]
    sizes = [(m.out_channels, m.kernel_size[0], m.stride[0]) for m in convolutions]
    ends = 2 * [(96, 5, 2)], [(96, 4, 2), (3, 1, 1), (96, 4, 2), (1, 1, 1)]
    middle = [(192, 5, 2), (384, 8, 1), (768, 1, 1), (768, 1, 1), (768, 1, 1), (768, 4, 1), (384, 4, 2), (192, 4, 2)]
    assert sizes == [*ends[0], *middle, *ends[1]]
    assert all(not m.affine for m in whole.modules() if isinstance(m, BatchNorm2d))
    shift = Shift(3)
    assert torch.equal(shift(torch.zeros(1, 3, 2, 2))[0, :, 0, 0], shift.bias)


@proves("net.deviation")
def _a_deviation_is_learned_and_above_0():
    nets = CoupledAutoencoders((1, 1), 2)
    nn.init.constant_(nets.deviation.bias, -5.0)
    std = nets.codes(a=BATCH["a"]).std
    assert std.shape == (4, 16, 1, 1)
    assert float(std.detach().min()) > 0
    assert float(std.detach().max()) < 0.1


@proves("net.judge", "net.dropout")
def _a_judge_halves_four_times_and_drops_units_for_logits_and_classes_alone():
    judges = CoupledJudges((3, 1), 10)
    assert kinds(judges.first_a) == ["Conv2d", "ReLU", "MaxPool2d"]
    assert [layer[0].out_channels for layer in judges.layers] == [128, 256, 512]
    assert [dropout.keep for dropout in judges.dropouts] == [1 - p for p in (0.1, 0.3, 0.5, 0.5)]
    x = images(2, 1, 32, 32)
    assert judges.features(x, "b").shape == (2, 512, 2, 2)
    assert torch.equal(judges.features(x, "b"), judges.eval().features(x, "b"))
    assert torch.equal(judges.eval()(x, "b"), judges(x, "b"))
    assert not torch.equal(judges.train()(x, "b"), judges(x, "b"))
    assert judges.classify(x, "b").shape == (2, 10)


@proves("init.judges")
def _judges_start_with_biases_of_a_tenth():
    judges = CoupledJudges((1, 1), 10, 8)
    biases = [p for name, p in judges.named_parameters() if name.endswith("bias")]
    assert all(torch.equal(p, torch.full_like(p, 0.1)) for p in biases)


@proves("shared.all-but-the-ends", "shared.one-player")
def _all_layers_but_the_ends_are_both_domains():
    game = small()
    assert [*game.players()] == ["autoencoders", "judges"]
    loss = game.autoencoders.draw(game.autoencoders.codes(a=BATCH["a"]).mean)[0].square().sum()
    loss.backward()
    learned = {n.partition(".")[0] for n, p in game.autoencoders.named_parameters() if p.grad is not None}
    assert learned == {"first_a", "encode", "mean", "decode", "last_a"}


@proves("order.judges-first", "order.noise")
def _the_judges_move_and_then_the_autoencoders_each_with_codes_of_its_own():
    game, codes = small(), []
    draw = game.autoencoders.draw
    game.autoencoders.draw = lambda code: codes.append(code.detach()) or draw(code)
    moves = play(game, BATCH)
    assert [move.players for move in moves] == [("judges",), ("autoencoders",)]
    assert all(math.isfinite(value(loss)) for move in moves for loss in move.losses.values())
    assert len(codes) == 2
    assert not torch.equal(*codes)


@proves("order.fakes-detached")
def _the_judges_step_sends_nothing_to_the_autoencoders():
    game = small()
    judged, _ = losses_of(game)
    weights = [*game.autoencoders.parameters()]
    assert torch.autograd.grad(sum(judged.values()), weights, allow_unused=True) == (None,) * len(weights)


@proves("data.labels")
def _data_without_labels_of_the_first_domain_are_refused():
    with pytest.raises(UsageError, match=r"UNIT for adaptation learns from the classes .* choose unit, which needs no"):
        small(DataSpec.of((1, 32, 32), keys=("a", "b")))


@proves("data.inverted")
def _half_of_the_second_domains_images_are_dealt_inverted():
    seed_all(0)
    x = images(400, 1, 2, 2)
    dealt = small().dealt(x)
    same = (dealt == x).flatten(1).all(1)
    assert torch.equal(dealt[~same], -x[~same])
    assert 150 < int(same.sum()) < 250
    assert torch.equal(small(inverted=False).dealt(x), x)


@proves("data.size")
def _other_sizes_are_refused():
    with pytest.raises(UsageError, match=r"images of 32×32 pixels, not of 16×16; give --data\.size 32"):
        small(data(side=16))


@proves("use.mean", "use.code", "use.size")
def _a_translation_is_drawn_from_the_mean():
    game = small(data(1, 3)).eval()
    code = game.code({"a": BATCH["a"]}, "a")
    assert code.shape == (4, 16, 1, 1)
    assert torch.equal(game.translate({"a": BATCH["a"]}, "b"), game.autoencoders.draw(code)[1])
    assert game.translate({"b": images(2, 3, 32, 32)}, "a").shape == (2, 1, 32, 32)
    assert game.sized
    assert game.ways == (("a", "b"), ("b", "a"))


@proves("use.classify")
def _the_judges_name_classes_of_the_second_domain():
    named = small().eval().classify(BATCH["b"])
    assert named.shape == (4, 10)
    assert torch.allclose(named.exp().sum(1), torch.ones(4))


@proves("use.no-batch")
def _in_use_others_in_the_batch_change_nothing():
    game = small().double().eval()
    x = BATCH["a"].double()
    together, alone = (game.translate({"a": x[:n]}, "b")[:1] for n in (4, 1))
    assert torch.allclose(together, alone, atol=1e-9)


@proves("relativistic")
def _a_loss_of_pairs_finds_an_image_for_each_fake():
    game = small(loss=RelativisticPairing())
    silence(game.judges)
    judged, made = losses_of(game)
    assert value(judged["adversarial"]) == pytest.approx(log(2))
    assert value(made["adversarial"]) == pytest.approx(2 * log(2))


@proves("settings.refused")
def _settings_that_cannot_be_are_refused():
    for wrong in ({"class_weight": -1.0}, {"width": 0}, {"kl_weight": math.nan}):
        with pytest.raises(UsageError, match="is at least"):
            UNITAdaptation.Options(**wrong)
