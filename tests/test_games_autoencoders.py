"""aae and vaegan: who sees which pairs, whose loss reaches whom, and what a code holds."""

import math

import pytest
import torch
from coding import LABEL, MNIST, X, counts, gradient, rounds_of, silent, small
from eights import BATCH, LABELLED
from playing import play
from seeding import seed_all

from saddle.base.errors import UsageError
from saddle.games.aae import AAE
from saddle.games.bicogan import BiCoGAN
from saddle.games.vaegan import VAEGAN
from saddle.spec import DataSpec


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
    game.score = lambda z: shown.append(z) or z.sum(1)
    rounds_of(game)
    real, code, *_ = shown
    seed_all(0)
    assert torch.equal(code, game.encoded(X)[0])
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
    few = DataSpec.of((1, 8, 8), ("image", "label"), ("zero", "one"), partial=True)
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


def test_vaegan_has_the_parameters_of_the_authors_code():
    assert counts(VAEGAN, DataSpec.of((3, 64, 64))) == [18_071_360, 4_693_155, 10_953_857]


def test_vaegan_names_the_sizes_that_it_draws():
    with pytest.raises(UsageError, match=r"cannot draw 12×12 images: sides must be multiples of 8; .* 8×8 and 16×16"):
        VAEGAN(DataSpec.of((1, 12, 12)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: AAE.Options(scale=0), "scale is above 0, not 0"),
        (lambda: VAEGAN.Options(width=3), "width is even and at least 2, not 3"),
        (lambda: VAEGAN.Options(prior="uniform"), "leave prior normal, not uniform"),
        (lambda: VAEGAN.Options(margin=-1.0), "margin is at least 0 or none, not -1.0"),
        (lambda: AAE.Options(input_noise=-0.1), "input_noise is at least 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(build, message):
    with pytest.raises(UsageError, match=message):
        build()
