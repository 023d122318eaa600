"""bigan, bicogan, aae and vaegan: who sees which pairs, whose loss reaches whom, and what a code holds."""

import math

import pytest
import torch
from eights import BATCH, LABELLED, SMALL
from playing import play, values
from torch.nn.functional import one_hot

from saddle import rng
from saddle.errors import UsageError
from saddle.games.aae import AAE
from saddle.games.bicogan import BiCoGAN
from saddle.games.bigan import BiGAN
from saddle.games.vaegan import VAEGAN
from saddle.nets.ali import ALI
from saddle.nets.bigan import DensePairs
from saddle.run import count_parameters
from saddle.spec import Condition, DataSpec

MNIST = DataSpec((1, 28, 28), ("image", "label"), tuple("0123456789"))
X, LABEL = BATCH["image"], BATCH["label"]


def small(kind, data=SMALL, **options):
    torch.manual_seed(0)
    rng.seed(0)
    tiny = {"z_dim": 3, **({"network": DensePairs(width=6)} if kind in (BiGAN, BiCoGAN) else {"width": 6})}
    return kind(data, kind.Options(**tiny | options))


def counts(kind, data, **options):
    with torch.device("meta"):
        return [*count_parameters(kind(data, kind.Options(**options))).values()]


def gradient(loss, player):
    return torch.autograd.grad(loss, [*player.parameters()], allow_unused=True, retain_graph=True)


def silent(gradients):
    return all(g is None or not g.any() for g in gradients)


class Watched(torch.nn.Module):
    """Stands in for a discriminator of pairs: notes what it is shown, and answers with a function of it."""

    def __init__(self, answer=lambda x, code: x.flatten(1).sum(1) * 0 + code.sum(1) * 0):
        super().__init__()
        self.answer, self.seen = answer, []
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x, code):
        self.seen.append((x, code))
        return self.answer(x, code) + self.weight


def rounds_of(game, batch=BATCH):
    return list(game.round(iter([batch])))


def test_the_networks_have_the_parameters_of_the_papers():
    assert counts(BiGAN, MNIST) == [1_909_520, 1_906_738, 1_907_713]
    assert counts(BiCoGAN, MNIST) == [1_917_712, 1_916_988, 1_917_953]
    assert counts(BiCoGAN, MNIST, network=DensePairs())[:1] == [1_919_760]
    cifar = DataSpec((3, 32, 32))
    ali = counts(BiGAN, cifar, network=ALI(), stochastic=True, prior="normal", z_dim=64)
    assert ali == [981_152, 3_118_496, 2_611_009]
    assert counts(VAEGAN, DataSpec((3, 64, 64))) == [18_071_360, 4_693_155, 10_953_857]


@pytest.mark.parametrize(
    ("z_dim", "expected"),
    [
        (2, [1_788_002, 1_788_784, 1_005_001]),
        (8, [1_794_008, 1_794_784, 1_011_001]),
        (10, [1_796_010, 1_796_784, 1_013_001]),
        (15, [1_801_015, 1_801_784, 1_018_001]),
    ],
)
def test_aae_has_the_parameters_of_the_paper(z_dim, expected):
    assert counts(AAE, MNIST, z_dim=z_dim) == expected


@pytest.mark.parametrize("shape", [(1, 6, 9), (1, 8, 8), (1, 28, 28), (3, 64, 48)])
def test_ali_draws_and_encodes_every_size_from_6_pixels_on(shape):
    network, data = ALI(width=2), DataSpec(shape)
    image = network.generator(4, data)(torch.randn(2, 4))
    assert image.shape == (2, *shape)
    assert network.encoder(8, data)(image).shape == (2, 8)
    assert network.discriminator(4, data)(image, torch.randn(2, 4)).shape == (2,)
    with pytest.raises(UsageError, match=r"ALI cannot draw 5×9 images"):
        network.generator(4, DataSpec((1, 5, 9)))


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
    return DataSpec((1, 8, 8), ("image", "label"), condition=told, law=((0.0, 1.0), (1.0, 0.0), (1.0, 1.0)))


@pytest.mark.parametrize(
    ("kind", "missed"),
    [("labels", 2 * math.log(2)), ("numbers", (1 + 0.25) / 2)],  # of each label log 2; squared distances
)
def test_bicogan_finds_labels_and_numbers_as_it_finds_a_class(kind, missed):
    game = small(BiCoGAN, columns(kind))
    with torch.no_grad():
        for p in game.encoder[-1].parameters():
            p.zero_()
    label = torch.tensor([[0.0, 1.0], [0.5, 0.0]]).repeat(3, 1) if kind == "numbers" else torch.ones(6, 2)
    batch = {"image": X, "label": label}
    assert rounds_of(game, batch)[1].losses["label"].item() == pytest.approx(5 * missed, rel=1e-5)
    code, _ = game.infer(batch)
    assert set(code[:, 3:].flatten().tolist()) <= {0.0, 1.0}  # decided, as the other side's are
    assert not silent(gradient((code[:, 3:] * torch.randn(6, 2)).sum(), game.encoder))
    assert game.encode(X)[:, 3:].mean().item() == (0.5 if kind == "labels" else 0)


def test_columns_are_part_of_a_code_and_are_swept_as_far_as_the_data_go():
    game = small(BiCoGAN, columns("labels"))
    told = torch.tensor([[1.0, 0.0]]).expand(6, 2)
    assert torch.equal(game.noise(6, told)[:, 3:], told)
    assert {*map(tuple, game.noise(64)[:, 3:].tolist())} == {(0.0, 1.0), (1.0, 0.0), (1.0, 1.0)}  # by the data's law
    z = game.noise(6)
    assert torch.equal(game.decode(z, told), game.decode(torch.cat((z[:, :3], told), 1)))
    assert game.sample(6, told).shape == X.shape
    sweeps = game.sweeps(3)
    assert [*sweeps] == ["old", "happy", "z0", "z1", "z2"]
    assert sweeps["happy"].values.flatten().tolist() == [0, 0.5, 1]
    assert sweeps["happy"].place == slice(4, 5)
    assert game.classifies == ()


def test_the_phases_of_aae_move_who_they_say_by_optimizers_of_their_own():
    game = small(AAE)
    moves = rounds_of(game)
    told = [(move.players, move.optims, [*move.losses]) for move in moves]
    assert told == [
        (("encoder", "generator"), ("encoder", "generator"), ["reconstruction"]),
        (("discriminator",), ("discriminator",), ["adversarial"]),
        (("encoder",), ("regularisation",), ["adversarial"]),
    ]
    assert silent(gradient(moves[0].losses["reconstruction"], game.discriminator))
    assert silent(gradient(moves[1].losses["adversarial"], game.encoder))
    assert silent(gradient(moves[2].losses["adversarial"], game.generator))
    assert game.optim("regularisation").lr == game.optim("discriminator").lr == 0.1
    assert game.optim("encoder").lr == game.optim("generator").lr == 0.01


def test_draws_of_the_prior_are_what_is_real_to_aaes_discriminator():
    game = small(AAE, scale=5.0)
    shown = []
    game.judge = lambda z: shown.append(z) or z.sum(1)
    rounds_of(game)
    real, code, *_ = shown
    rng.seed(0)
    assert torch.equal(code, game.found(X)[0])
    assert real.shape == code.shape
    assert not torch.equal(real, code)
    assert game.prior(2000).std().item() == pytest.approx(5, abs=0.3)


def test_a_constant_judge_gives_aaes_encoder_no_gradient_and_costs_2_log_2():
    game = small(AAE)
    with torch.no_grad():
        for p in game.discriminator.style[-1].parameters():
            p.zero_()
    _, judge, encoder = rounds_of(game)
    assert judge.losses["adversarial"].item() == pytest.approx(2 * math.log(2))
    assert silent(gradient(encoder.losses["adversarial"], game.encoder))


def test_aae_compares_squares_and_draws_no_noise_in_its_encoder():
    """A well-known one has an absolute error and a reparametrised code."""
    game = small(AAE)
    first = rounds_of(game)[0].losses["reconstruction"]
    assert first.item() == pytest.approx(float((game.reconstruct(X) - X).square().mean()), rel=1e-5)
    assert torch.equal(game.encode(X), game.encode(X))


def test_the_style_of_a_supervised_aae_leaves_the_class_to_the_label():
    game = small(AAE, LABELLED, supervision="full").eval()
    assert game.needs == ("image", "label")
    assert game.encode(X, LABEL).shape == (6, 6)
    assert not torch.equal(game.reconstruct(X, LABEL), game.reconstruct(X, (LABEL + 1) % 3))
    with pytest.raises(UsageError, match="say which with --label: zero, one, two"):
        game.encode(X)
    with pytest.raises(UsageError, match="not taught classes"):
        game.classify(X)


def test_a_semi_supervised_aae_learns_classes_from_the_labels_that_are_known():
    game = small(AAE, LABELLED, supervision="semi")
    moves = rounds_of(game)
    assert [move.optims for move in moves][2:] == [("regularisation",), ("classification",)]
    assert set(moves[1].losses) == set(moves[2].losses) == {"adversarial", "classes"}
    unknown = torch.full((6,), -1)
    assert game.mistakes(X, unknown).item() == 0
    half = torch.where(torch.arange(6) < 3, LABEL, -1)
    by_hand = -game.classify(X)[torch.arange(3), LABEL[:3]].sum() / 6
    assert game.mistakes(X, half).item() == pytest.approx(float(by_hand), rel=1e-5)
    play(game, BATCH | {"label": unknown})
    assert game.sample(2, torch.tensor([0, 1])).shape == (2, 1, 8, 8)


def test_unknown_labels_suit_a_semi_supervised_aae_alone():
    few = DataSpec((1, 8, 8), ("image", "label"), ("zero", "one"), partial=True)
    assert small(AAE, few, supervision="semi").takes_unlabelled
    assert small(AAE, few).labels == ()
    for kind, options in ((AAE, {"supervision": "full"}), (BiCoGAN, {})):
        with pytest.raises(UsageError, match="needs the label of every sample"):
            small(kind, few, **options)


def test_the_losses_of_vaegan_reach_the_players_that_the_paper_says():
    game = small(VAEGAN)
    encoder, generator, discriminator = rounds_of(game)
    assert (encoder.players, set(encoder.losses)) == (("encoder",), {"prior", "reconstruction"})
    assert (generator.players, set(generator.losses)) == (("generator",), {"reconstruction", "adversarial"})
    assert (discriminator.players, set(discriminator.losses)) == (("discriminator",), {"adversarial"})
    for loss in generator.losses.values():
        assert silent(gradient(loss, game.encoder))  # no adversarial gradient
    for player in (game.encoder, game.generator):
        assert silent(gradient(discriminator.losses["adversarial"], player))
    assert not silent(gradient(encoder.losses["reconstruction"], game.encoder))


def test_the_layers_likelihood_is_half_the_squared_distance_summed_and_reaches_through_the_decoder():
    """A mean over the features would lose the scale of γ."""
    game = small(VAEGAN)
    a, b = torch.zeros(2, 3, 2, 2), torch.ones(2, 3, 2, 2)
    assert float(game.surprise(a, b)) == pytest.approx(12 / 2 + 12 / 2 * math.log(2 * math.pi))
    encoder, generator, _ = rounds_of(small(VAEGAN, reconstruction_weight=0.5))
    half, whole = (move.losses["reconstruction"].item() for move in (generator, encoder))
    assert half == pytest.approx(0.5 * whole, rel=1e-5)


def test_vaegans_discriminator_judges_images_reconstructions_and_samples():
    game = small(VAEGAN)
    with torch.no_grad():
        for p in game.discriminator.head[-1].parameters():
            p.zero_()
    _, generator, discriminator = rounds_of(game)
    assert discriminator.losses["adversarial"].item() == pytest.approx(3 * math.log(2))
    assert generator.losses["adversarial"].item() == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize(
    ("costs", "players"),
    [
        ([0.68, 0.68], ["encoder", "generator", "discriminator"]),
        ([0.32, 0.68], ["encoder", "generator"]),  # the discriminator is ahead
        ([0.68, 1.04], ["encoder", "discriminator"]),  # it is behind
        ([0.32, 1.04], ["encoder", "generator", "discriminator"]),  # one of them must play
    ],
)
def test_the_player_of_vaegan_that_is_far_ahead_sits_a_round_out(costs, players):
    game = small(VAEGAN)
    game.costs.copy_(torch.tensor(costs))
    assert [move.players[0] for move in rounds_of(game)] == players
    free = small(VAEGAN, margin=None)
    free.costs.copy_(torch.tensor(costs))
    assert len(rounds_of(free)) == 3


def test_vaegan_remembers_its_discriminators_costs_of_images_and_samples():
    game = small(VAEGAN)
    with torch.no_grad():
        for p in game.discriminator.head[-1].parameters():
            p.zero_()
    rounds_of(game)
    assert game.costs.tolist() == pytest.approx([math.log(2), math.log(2)])
    assert "costs" in game.state_dict()


def test_aae_learns_from_noisy_images_and_encodes_clean_ones():
    game, plain = small(AAE, input_noise=0.5), small(AAE)
    plain.load_state_dict(game.state_dict())
    image = torch.rand(4, *game.data.shape) * 2 - 1
    assert game.encode(image).equal(plain.encode(image))
    assert game.noisy(image).sub(image).std().item() == pytest.approx(0.5, rel=0.2)
    assert plain.noisy(image) is image


def test_vaegan_names_the_sizes_that_it_draws():
    with pytest.raises(UsageError, match=r"cannot draw 12×12 images: sides must be multiples of 8; .* 8×8 and 16×16"):
        VAEGAN(DataSpec((1, 12, 12)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: BiCoGAN.Options(epoch=0), "epoch at least 1, not 5.0, 0.25, 10.0 and 0"),
        (lambda: AAE.Options(scale=0), "scale above 0, not 1000 and 0"),
        (lambda: VAEGAN.Options(width=3), "an even number from 2 on"),
        (lambda: VAEGAN.Options(prior="uniform"), "and the prior normal"),
        (lambda: VAEGAN.Options(margin=-1.0), "or none to let both players step always"),
        (lambda: AAE.Options(input_noise=-0.1), "input_noise is at least 0"),
        (lambda: DensePairs(generator_norms=3), "in 1 or 2 layers, not 1024 and 3"),
        (lambda: ALI(width=3), "an even number of at least 2, for maxout halves it, not 3"),
    ],
)
def test_settings_that_cannot_be_are_refused(build, message):
    with pytest.raises(UsageError, match=message):
        build()
