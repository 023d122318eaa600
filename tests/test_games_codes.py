"""bigan and bicogan: who sees which pairs, whose loss reaches whom, and what a code holds."""

import math

import pytest
import torch
from coding import LABEL, MNIST, Watched, X, counts, gradient, rounds_of, silent, small
from eights import BATCH, LABELLED
from playing import values
from torch.nn.functional import one_hot

from saddle.base.errors import UsageError
from saddle.games.bicogan import BiCoGAN
from saddle.games.bigan import BiGAN
from saddle.nets.ali import ALI
from saddle.nets.bigan import DensePairs
from saddle.spec import Condition, DataSpec
from saddle.use.directions import swept


def test_the_networks_have_the_parameters_of_the_papers():
    assert counts(BiGAN, MNIST) == [1_909_520, 1_906_738, 1_907_713]
    assert counts(BiCoGAN, MNIST) == [1_917_712, 1_916_988, 1_917_953]
    assert counts(BiCoGAN, MNIST, network=DensePairs())[:1] == [1_919_760]
    cifar = DataSpec.of((3, 32, 32))
    ali = counts(BiGAN, cifar, network=ALI(), stochastic=True, prior="normal", z_dim=64)
    assert ali == [981_152, 3_118_496, 2_611_009]


@pytest.mark.parametrize("shape", [(1, 6, 9), (1, 8, 8), (1, 28, 28), (3, 64, 48)])
def test_ali_draws_and_encodes_every_size_from_6_pixels_on(shape):
    network, data = ALI(width=2), DataSpec.of(shape)
    image = network.generator(4, data)(torch.randn(2, 4))
    assert image.shape == (2, *shape)
    assert network.encoder(8, data)(image).shape == (2, 8)
    assert network.discriminator(4, data)(image, torch.randn(2, 4)).shape == (2,)
    with pytest.raises(UsageError, match=r"ALI cannot draw 5×9 images"):
        network.generator(4, DataSpec.of((1, 5, 9)))


@pytest.mark.parametrize("kind", [BiGAN, BiCoGAN])
def test_the_joint_discriminator_sees_an_image_with_its_code_and_a_code_with_its_image(kind):
    """A pair of x and z, or of G(z) and E(x), would teach nothing."""
    game = small(kind, LABELLED).eval()
    game.discriminator = watched = Watched()
    rounds_of(game)
    (real, code), (fake, latent), *others = watched.seen
    assert torch.equal(real, X)
    assert torch.allclose(code[:, :3], game.encode(X)[:, :3], atol=1e-6)
    assert torch.allclose(fake, game.decode(latent), atol=1e-6)
    again = [part for pair in others for part in pair]  # after its step it is shown the same pairs
    assert all(torch.equal(a, b) for a, b in zip(again, (real, code, fake, latent), strict=True))


def test_encoder_and_generator_take_their_step_together_on_the_swapped_loss():
    game = small(BiGAN)
    moves = rounds_of(game)
    assert [move.players for move in moves] == [("discriminator",), ("encoder", "generator")]
    game = small(BiGAN)
    game.discriminator = Watched(
        lambda x, code: torch.where(torch.arange(6) > -1, 2.0, 0.0) * (x is X) - code.sum(1) * 0
    )
    judge, others = values(rounds_of(game))
    sp = torch.nn.functional.softplus
    assert judge == pytest.approx(float(sp(torch.tensor(-2.0)) + math.log(2)))  # D: real pairs high
    assert others == pytest.approx(float(sp(torch.tensor(2.0)) + math.log(2)))  # E, G: the labels swapped


def test_a_discriminator_that_knows_nothing_costs_log_2_for_each_kind_of_pair():
    game = small(BiGAN)
    game.discriminator = Watched()
    assert values(rounds_of(game)) == pytest.approx([2 * math.log(2)] * 2)


def test_exchanging_pairs_and_roles_leaves_the_discriminators_loss_unchanged():
    loss, real, fake = BiGAN.Options().loss, torch.randn(8), torch.randn(8)
    assert torch.isclose(loss.discriminator(real, fake), loss.discriminator(-fake, -real))


def test_both_pairs_are_detached_in_the_discriminators_step_and_neither_after_it():
    game = small(BiGAN)
    first, second = rounds_of(game)
    for player in (game.generator, game.encoder):
        assert silent(gradient(first.losses["adversarial"], player))
        assert not silent(gradient(second.losses["adversarial"], player))


def test_a_stochastic_encoder_gives_a_mean_and_a_deviation_and_draws():
    game = small(BiGAN, stochastic=True, prior="normal")
    assert game.encoder[-1].out_features == 6
    with torch.no_grad():
        for p in game.encoder[-1].parameters():
            p.zero_()
        game.encoder[-1].bias[3:] = math.log(0.5)
        code = torch.cat([game.infer({"image": X})[0] for _ in range(300)])
    assert code.std().item() == pytest.approx(0.5, abs=0.02)
    assert not game.encode(X).any()  # the mean


def test_the_prior_is_uniform_or_normal_and_the_sweep_as_wide():
    game = small(BiGAN)
    assert game.noise(500).abs().max() <= 1
    assert float(game.sweeps(3)["z0"].values.max()) == 1
    normal = small(BiGAN, prior="normal")
    assert normal.noise(500).abs().max() > 1
    assert float(normal.sweeps(3)["z0"].values.max()) == 3


def test_gamma_grows_with_the_epoch_and_is_capped():
    game = small(BiCoGAN, LABELLED, epoch=10)
    found = []
    for game.rounds in (0, 9, 10, 20, 30, 10_000_000):
        found.append(game.gamma())
    assert found == pytest.approx([5, 5, 6.4201, 8.2436, 10, 10], abs=1e-4)


def test_without_classes_bicogan_would_be_bigan():
    assert counts(BiCoGAN, MNIST)[1] - counts(BiGAN, MNIST)[1] == 10 * 1024 + 10  # what finds the class
    game = small(BiCoGAN, LABELLED)
    assert [set(move.losses) for move in rounds_of(game)] == [{"adversarial"}, {"adversarial", "label"}]


def test_the_label_loss_of_a_uniform_guess_is_gamma_log_k_of_the_true_label():
    game = small(BiCoGAN, LABELLED)
    with torch.no_grad():
        for p in game.encoder[-1].parameters():
            p.zero_()
    assert values(rounds_of(game))[2] == pytest.approx(5 * math.log(3))
    with torch.no_grad():
        game.encoder[-1].bias[3] = 100.0  # always the first class
    sure = rounds_of(game, BATCH | {"label": torch.zeros(6, dtype=torch.long)})[1]
    assert sure.losses["label"].item() == pytest.approx(0, abs=1e-6)


def test_a_constant_discriminator_leaves_the_label_alone_to_move_the_encoder():
    game = small(BiCoGAN, LABELLED)
    game.discriminator = Watched()
    losses = rounds_of(game)[1].losses
    assert silent(gradient(losses["adversarial"], game.encoder))
    weight = gradient(losses["label"], game.encoder[-1])[0]
    assert not weight[:3].any()  # E_z
    assert weight[3:].any()  # E_c


def test_the_discriminator_cannot_tell_pairs_by_how_soft_their_class_is():
    """A softmax on the one side and a one-hot vector on the other would give real pairs away."""
    game = small(BiCoGAN, LABELLED)
    game.discriminator = watched = Watched()
    rounds_of(game)
    for _, code in watched.seen:
        assert torch.allclose(code[:, 3:].detach().amax(1), torch.ones(6))
        assert torch.allclose(code[:, 3:].detach().sum(1), torch.ones(6))
    found, _ = game.infer(BATCH)
    assert not silent(gradient((found[:, 3:] * torch.randn(6, 3)).sum(), game.encoder))  # yet the gradient passes
    soft, _ = small(BiCoGAN, LABELLED, soft=True).infer(BATCH)
    assert soft[:, 3:].amax() < 0.99


def test_a_code_ends_in_its_class_which_a_label_replaces():
    game = small(BiCoGAN, LABELLED).eval()
    z = game.noise(6, LABEL)
    assert torch.equal(z[:, 3:], one_hot(LABEL, 3).float())
    other = (LABEL + 1) % 3
    assert torch.equal(game.decode(z, LABEL), game.decode(z))
    assert not torch.equal(game.decode(z, other), game.decode(z))
    assert game.encode(X).shape == (6, 6)
    assert torch.allclose(game.classify(X).exp(), game.encode(X)[:, 3:])
    assert torch.allclose(game.classify(X).exp().sum(1), torch.ones(6))


def columns(kind):
    told = Condition(kind, ("old", "happy"))
    return DataSpec.of((1, 8, 8), ("image", "label"), condition=told, distribution=((0.0, 1.0), (1.0, 0.0), (1.0, 1.0)))


@pytest.mark.parametrize(
    ("kind", "missed"),
    [("labels", 2 * math.log(2)), ("numbers", 2.0)],  # of each label log 2; squared distances, in deviations
)
def test_bicogan_finds_labels_and_numbers_as_it_finds_a_class(kind, missed):
    game = small(BiCoGAN, columns(kind))
    with torch.no_grad():
        for p in game.encoder[-1].parameters():
            p.zero_()
    label = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(2, 1) if kind == "numbers" else torch.ones(6, 2)
    batch = {"image": X, "label": label}
    assert rounds_of(game, batch)[1].losses["label"].item() == pytest.approx(5 * missed, rel=1e-5)
    code, _ = game.infer(batch)
    if kind == "labels":
        assert set(code[:, 3:].flatten().tolist()) <= {0.0, 1.0}  # decided, as the other side's are
    assert not silent(gradient((code[:, 3:] * torch.randn(6, 2)).sum(), game.encoder))
    mean = {"labels": 0.5, "numbers": 2 / 3}[kind]  # of the data's distribution
    assert torch.allclose(game.encode(X)[:, 3:], torch.full((6, 2), mean))


def test_columns_are_part_of_a_code_and_are_swept_as_far_as_the_data_go():
    game = small(BiCoGAN, columns("labels"))
    told = torch.tensor([[1.0, 0.0]]).expand(6, 2)
    assert torch.equal(game.noise(6, told)[:, 3:], told)
    assert {*map(tuple, game.noise(64)[:, 3:].tolist())} == {
        (0.0, 1.0),
        (1.0, 0.0),
        (1.0, 1.0),
    }  # by the data's distribution
    z = game.noise(6)
    assert torch.equal(game.decode(z, told), game.decode(torch.cat((z[:, :3], told), 1)))
    assert game.sample(6, told).shape == X.shape
    sweeps = game.sweeps(3)
    assert [*sweeps] == ["old", "happy", "z0", "z1", "z2"]
    assert sweeps["happy"].values.flatten().tolist() == [0, 0.5, 1]
    assert sweeps["happy"].slot == slice(4, 5)
    assert game.classifies == ()
    way = swept(game, game.noise(1, told[:1]), told[:1], sweeps["happy"])
    assert not torch.equal(way[0], way[-1])  # the label that it began with does not take its place


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: BiCoGAN.Options(epoch=0), "epoch is at least 1, not 0"),
        (lambda: DensePairs(generator_norms=3), "generator_norms is from 1 to 2, not 3"),
        (lambda: ALI(width=3), "width is even and at least 2, not 3"),
    ],
)
def test_settings_that_cannot_be_are_refused(build, message):
    with pytest.raises(UsageError, match=message):
        build()
