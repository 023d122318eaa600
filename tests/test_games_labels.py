"""cgan and sgan: what the label decides, and what it must not; what else is acgan's is in test_games_acgan.py."""

import math
from dataclasses import replace

import pytest
import torch
from playing import images, play, values
from seeding import seed_all
from torch import nn

from saddle.auxiliaries import FeatureMatching
from saddle.base.errors import UsageError
from saddle.context import Context, Output
from saddle.games.acgan import ACGAN
from saddle.games.cgan import CGAN
from saddle.games.sgan import SGAN
from saddle.losses import NonSaturating, RelativisticPairing
from saddle.nets import acgan
from saddle.nets.conditional import Beside, ClassOutput, Concatenation, Standardised
from saddle.nets.dcgan import DCGAN
from saddle.nets.ebgan import ConvAutoencoder
from saddle.nets.improved import Improved
from saddle.nets.mlp import MLP
from saddle.nets.sngan import SNResNet
from saddle.spec import Condition, DataSpec

TEN = tuple("0123456789")
DIGITS = DataSpec.of((1, 16, 16), ("image", "label"), TEN)
COLUMNS = DataSpec.of(
    (1, 16, 16), ("image", "label"), condition=Condition("numbers", ("x", "y")), distribution=((0.0, 1.0), (1.0, 0.5))
)
LABEL = torch.tensor([3, 1, 4, 1, 5, 9])
BATCH = {"image": images(6, 1, 16, 16), "label": LABEL}
NETWORKS = {
    CGAN: Concatenation(DCGAN(width=4)),
    ACGAN: acgan.ACGAN(width=2, generator_width=4),
    SGAN: Improved(width=4, generator_width=4),
}
LN2, LN10 = math.log(2), math.log(10)


def small(kind, data=DIGITS, **options):
    torch.manual_seed(0)
    seed_all(0)
    return kind(data, kind.Options(**{"network": NETWORKS[kind], "z_dim": 4} | options))


def silenced(module: nn.Module) -> None:
    for p in module.parameters():
        nn.init.zeros_(p)


def lost(move) -> dict[str, float]:
    return {name: float(loss.detach()) for name, loss in move.losses.items()}


# cgan


def test_a_discriminator_that_knows_nothing_pays_2_ln_2_and_the_generator_ln_2():
    game = small(CGAN)
    silenced(game.discriminator.head)
    first, second = game.round(iter([BATCH]))
    assert lost(first) == pytest.approx({"adversarial": 2 * LN2})
    assert lost(second) == pytest.approx({"adversarial": LN2})
    assert isinstance(CGAN.Options().loss, NonSaturating), "squared errors of probabilities would be LSGAN"


@pytest.mark.parametrize("separate_heads", [False, True])
def test_a_fake_is_judged_by_the_label_that_it_was_asked_for(separate_heads):
    game, asked, judged = small(CGAN, separate_heads=separate_heads), [], []
    game.generator.register_forward_pre_hook(lambda _, given: asked.append(given[1]))
    game.discriminator.register_forward_pre_hook(lambda _, given: judged.append(given[1]))
    play(game, BATCH)
    assert len(asked) == 2
    assert len(judged) == 3
    assert all(torch.equal(label, LABEL) for label in asked + judged)


def test_a_single_head_refuses_mismatched_pairs_and_fakes_half_and_half(monkeypatch):
    """-log D(x, y) - ½ log(1 - D(x, ŷ)) - ½ log(1 - D(G(z, y), y)), as in Algorithm 1 of GAN-CLS."""
    game, judged = small(CGAN, mismatched=True), []
    a, b, c = 1.0, -0.5, 0.25

    def discriminate(x, label, weights=None):
        kind = c if x is not BATCH["image"] else a if torch.equal(label, LABEL) else b
        judged.append((kind, label))
        return Output(torch.full((6,), kind), x)

    monkeypatch.setattr(game, "discriminate", discriminate)
    first, second = game.round(iter([BATCH]))
    price = math.log(1 + math.exp(-a)) + (math.log(1 + math.exp(b)) + math.log(1 + math.exp(c))) / 2
    assert lost(first) == pytest.approx({"adversarial": price})
    assert lost(second) == pytest.approx({"adversarial": math.log(1 + math.exp(-c))})
    assert [kind for kind, _ in judged] == [a, c, b, c]
    assert (judged[2][1] != LABEL).all(), "no sample's own label is a mismatch"
    assert float(game.notes["d_wrong"]) == pytest.approx(1 / (1 + math.exp(-b)))


def test_where_all_labels_are_the_same_there_is_no_mismatch():
    game, same = small(CGAN, mismatched=True), BATCH | {"label": torch.full((6,), 7)}
    assert game.unreal_logits(game.context(same["image"], same["image"], None, same["label"], False)).shape == (6,)
    assert game.unreal_logits(game.context(same["image"], same["image"], None, LABEL, False)).shape == (12,)


@pytest.mark.parametrize(
    ("beside", "reason"),
    [
        ({"conditional": False}, "mismatched tells a sample from what its label says"),
        ({"separate_heads": True}, "mismatched is for a single head"),
        ({"loss": RelativisticPairing()}, "choose a loss that is not relativistic"),
        ({"unroll": 1}, "leave unroll at 0"),
    ],
)
def test_mismatched_pairs_are_refused_where_they_have_no_place(beside, reason):
    with pytest.raises(UsageError, match=reason):
        CGAN.Options(mismatched=True, **beside)


def test_separate_heads_that_know_nothing_pay_6_ln_2_and_the_generator_2_ln_2(monkeypatch):
    """Three pairs, two questions each: real and matching, real and mismatched, fake."""
    game = small(CGAN, separate_heads=True)
    silenced(game.discriminator.judge.head)
    silenced(game.discriminator.second)
    monkeypatch.setattr(game, "draw_label", lambda n: (LABEL + 1) % 10)
    first, second = game.round(iter([BATCH]))
    assert lost(first) == pytest.approx({"adversarial": 2 * LN2, "match": 4 * LN2})
    assert lost(second) == pytest.approx({"adversarial": LN2, "match": LN2})


def test_a_real_sample_under_its_own_label_is_no_mismatch(monkeypatch):
    game = small(CGAN, separate_heads=True)
    silenced(game.discriminator.second)
    monkeypatch.setattr(game, "draw_label", lambda n: LABEL.clone())
    assert lost(next(game.round(iter([BATCH]))))["match"] == pytest.approx(2 * LN2)


def test_the_mismatched_image_is_still_real(monkeypatch):
    game = small(CGAN, separate_heads=True)
    monkeypatch.setattr(game, "draw_label", lambda n: (LABEL + 1) % 10)
    features = game.discriminate(BATCH["image"], LABEL).features.detach()
    real, fake = (torch.zeros(6, requires_grad=True) for _ in range(2))
    context = Context(abs, BATCH["image"], BATCH["image"], Output(real, features), Output(fake, features), label=LABEL)
    game.match("discriminator", context).backward()
    assert (real.grad < 0).all(), "a step downhill makes them more real"
    assert fake.grad is None


def test_a_match_head_without_the_label_pays_at_least_2_ln_2_for_a_pair_and_its_mismatch():
    game = small(CGAN, separate_heads=True)
    first = game.discriminator.second.layers[0]
    nn.init.zeros_(first.weight[:, -10:].detach())
    features = game.discriminate(BATCH["image"], LABEL).features
    right, wrong = game.matches(features, LABEL), game.matches(features, (LABEL + 1) % 10)
    assert torch.equal(right, wrong)
    pay = nn.functional.softplus(-right) + nn.functional.softplus(wrong)
    assert pay.min() >= 2 * LN2 - 1e-6


def test_whether_it_is_real_is_asked_without_the_label():
    game = small(CGAN, separate_heads=True).eval()
    x = BATCH["image"]
    assert torch.equal(game.discriminate(x, LABEL).logits, game.discriminate(x, (LABEL + 1) % 10).logits)


@pytest.mark.parametrize("separate_heads", [False, True])
def test_one_network_plays_with_classes_and_with_columns(separate_heads):
    game = small(CGAN, COLUMNS, separate_heads=separate_heads)
    label = torch.tensor([[0.0, 1.0], [1.0, 0.5], [0.2, 0.3]] * 2)
    moves = play(game, {"image": BATCH["image"], "label": label}, rounds=2)
    assert all(map(math.isfinite, values(moves)))
    game.eval()
    z = game.noise(6)
    assert not torch.allclose(game.decode(z, label), game.decode(z, 1 - label))
    assert game.sample(3).shape == (3, 1, 16, 16)


def test_numbers_are_taken_in_deviations_from_their_mean_in_the_data():
    """Beside a z that varies by 1, one that varies by .1 would hardly count."""
    standardised = Standardised(COLUMNS)
    assert standardised(torch.tensor(COLUMNS.distribution)).tolist() == [[-1, 1], [1, -1]]
    label = torch.randn(5, 2)
    assert torch.allclose(standardised.restored(standardised(label)), label)
    still = Standardised(replace(COLUMNS, distribution=((0.0, 1.0), (1.0, 1.0))))  # one number never varies
    assert still(torch.tensor([[0.5, 3.0]])).tolist() == [[0, 2]]
    labels = Standardised(DataSpec.of((1, 16, 16), ("image", "label"), condition=Condition("labels", ("x", "y"))))
    assert labels(torch.tensor([[0.0, 1.0]])).tolist() == [[0, 1]]
    assert Standardised(DIGITS)(torch.tensor([2])).tolist() == [[0, 0, 1, 0, 0, 0, 0, 0, 0, 0]]
    far = torch.nn.Linear(3, 1, bias=False)
    seen = Beside(far, COLUMNS)(torch.zeros(2, 1), torch.tensor(COLUMNS.distribution))
    assert torch.allclose(seen, far(torch.tensor([[0.0, -1, 1], [0, 1, -1]])))


def test_separate_heads_go_with_a_network_of_another_kind():
    game = small(CGAN, network=SNResNet(width=2), separate_heads=True)
    assert all(map(math.isfinite, values(play(game, BATCH))))


def test_noise_of_the_paper_fills_the_unit_cube_unless_it_is_to_be_normal():
    for kind in (CGAN, SGAN):
        z = small(kind).noise(2000)
        assert 0 <= z.min() < 0.01
        assert 0.99 < z.max() <= 1
        normal = small(kind, prior="normal").noise(2000)
        assert float(normal.mean()) == pytest.approx(0, abs=0.05)
        assert float(normal.std()) == pytest.approx(1, abs=0.05)


# sgan


def test_a_classifier_that_knows_nothing_pays_ln_10_and_half_of_ln_11_and_ln_1_1():
    game = small(SGAN)
    game.discriminator.head = nn.Linear(8, 10)
    silenced(game.discriminator.head)
    move = next(game.round(iter([BATCH])))
    assert lost(move) == pytest.approx({"classes": LN10, "adversarial": (math.log(1.1) + math.log(11)) / 2})


def test_an_unlabelled_image_has_no_class_to_learn_but_teaches_what_is_real():
    game = small(SGAN)
    logits = torch.randn(6, 10, requires_grad=True)
    label = torch.tensor([3, -1, -1, 2, -1, -1])
    loss = game.class_loss(logits, label)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(logits[[0, 3]], label[[0, 3]]))
    loss.backward()
    assert logits.grad.any(1).tolist() == [True, False, False, True, False, False]
    move = next(game.round(iter([BATCH | {"label": torch.full((6,), -1)}])))
    assert lost(move)["classes"] == 0
    assert lost(move)["adversarial"] > 0


def test_fakes_have_no_part_in_the_class_loss():
    """Nor has a sigmoid head of its own any: what is real and what is shown are read off the same ten numbers."""
    one, two = small(SGAN), small(SGAN)
    nn.init.normal_(next(two.generator.parameters()))
    losses = []
    for game in (one, two):
        game.discriminator.eval()
        losses.append(lost(next(game.round(iter([BATCH])))))
    assert losses[0]["classes"] == losses[1]["classes"]
    assert losses[0]["adversarial"] != losses[1]["adversarial"]


def matching(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """What sgan's generator pays for images that a discriminator sees so."""
    game, z = small(SGAN), torch.zeros(6, 1)
    outputs = [ClassOutput(torch.zeros(6), features, torch.zeros(6, 10)) for features in (real, fake)]
    context = game.context(BATCH["image"], BATCH["image"], *outputs, z)
    return FeatureMatching(absolute=True).measure(context)


def test_the_generator_matches_means_and_no_pairs():
    """Squared differences of samples that happen to be neighbours would not be 0 for another order of the batch."""
    features = torch.randn(6, 8)
    assert float(matching(features, features[[5, 0, 3, 1, 2, 4]])) == pytest.approx(0, abs=1e-6)
    assert float(matching(features, features + torch.arange(8.0))) == pytest.approx(3.5)


def test_the_generator_learns_from_the_features_or_from_the_logits():
    moves = play(small(SGAN), BATCH)
    assert [(move.players, set(move.losses)) for move in moves] == [
        (("discriminator",), {"classes", "adversarial"}),
        (("generator",), {"feature_matching"}),
    ]
    *_, move = play(small(SGAN, feature_matching=False), BATCH)
    assert set(move.losses) == {"adversarial"}


def test_the_baseline_learns_from_the_labelled_images_alone():
    label = torch.tensor([3, -1, -1, 2, -1, -1])
    plain = DCGAN(width=4, critic=True)  # weight norm would set its scales by all images of the first batch
    games = [small(SGAN, supervised=True, network=plain) for _ in range(2)]
    before = [p.clone() for p in games[0].generator.parameters()]
    other = BATCH["image"].clone()
    other[label < 0] = 0
    made = [play(game, {"image": x, "label": label}) for game, x in zip(games, (BATCH["image"], other), strict=True)]
    assert [(move.players, set(move.losses)) for move in made[0]] == [(("discriminator",), {"classes"})]
    assert values(made[0]) == values(made[1])
    assert all(torch.equal(a, b) for a, b in zip(before, games[0].generator.parameters(), strict=True))
    pairs = zip(*(game.discriminator.parameters() for game in games), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), "the images without labels had an influence"


def test_the_baseline_is_the_same_classifier():
    shapes = [[p.shape for p in small(SGAN, supervised=s).discriminator.parameters()] for s in (True, False)]
    assert shapes[0] == shapes[1]


def test_data_with_few_labels_are_welcome_to_sgan_and_refused_by_cgan_and_acgan():
    few = replace(DIGITS, partial=True)
    assert all(map(math.isfinite, values(play(small(SGAN, few), BATCH))))
    for kind in (CGAN, ACGAN):
        with pytest.raises(UsageError, match=f"{kind.__name__} needs the label of every sample"):
            small(kind, few)


@pytest.mark.parametrize("kind", [ACGAN, SGAN])
def test_columns_are_no_classes(kind):
    with pytest.raises(UsageError, match=f"{kind.__name__} takes a class"):
        small(kind, COLUMNS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda: ACGAN.Options(conditional=False), "acgan is conditional"),
        (lambda: ACGAN.Options(generator_class_weight=-1), "generator_class_weight is at least 0, not -1"),
        (lambda: CGAN.Options(conditional=False, separate_heads=True), "leave conditional true"),
        (lambda: CGAN.Options(match_weight=-0.5), "match_weight is at least 0, not -0.5"),
        (lambda: SGAN.Options(adversarial_weight=-1), "adversarial_weight is at least 0"),
        (lambda: SGAN.Options(network=ConvAutoencoder()), "ConvAutoencoder gives energies"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        options()


def test_a_network_without_labels_is_refused_with_a_way_out():
    with pytest.raises(UsageError, match=r"MLP takes no labels; .*Concatenation"):
        small(CGAN, network=MLP(8, 1))
