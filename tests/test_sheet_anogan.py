"""AnoGAN: every line of its fact sheet, with what proves it."""

from dataclasses import replace

import pytest
import torch
from playing import images, play
from seeding import seed_all
from sheets import Sheet, count, kinds
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.games.anogan import AnoGAN
from saddle.games.stylegan2 import StyleGAN2
from saddle.games.wgan_gp import WGANGP
from saddle.layers.search import Descent, Prior, find_latent
from saddle.nets.dcgan import DCGAN
from saddle.nets.stylegan2 import StyleGAN2 as Styled
from saddle.runs.recipe import Recipe
from saddle.spec import Condition, DataSpec
from saddle.tasks import BySearch, Finding
from saddle.tasks.searching import Surprise, search
from saddle.views import Packing

SHEET = Sheet(
    "closed.own-latent-has-score-0",
    "closed.lambda-0-and-1",
    "closed.lambda-weighs-the-two",
    "objective.sums",
    "objective.means-do-not-depend-on-sizes",
    "objective.score-at-the-last-step",
    "objective.features-are-the-last-map",
    "map.residual",
    "gradient.reaches-z-alone",
    "query.same-twice",
    "query.not-of-others",
    "query.begins-anew",
    "query.restarts-keep-the-best",
    "query.settings-in-use",
    "norm.features-in-the-state-for-use",
    "norm.no-buffer-changes",
    "prior.uniform-or-normal",
    "prior.kept",
    "count.rgb",
    "count.grey",
    "count.channels",
    "nets.as-in-the-code",
    "order.one-step-each-on-the-same-fakes",
    "adam.of-players-and-of-the-search",
    "steps.500",
    "batch.64",
    "from.any-run-that-samples",
    "from.without-features",
    "from.weights-of-another-run",
    "data.no-labels",
    "views.packs-refused",
    "settings.refused",
    "recipe",
)
proves = SHEET.proves
SMALL = DCGAN(width=8, kernel=5, biases=True)
DATA = DataSpec.of((1, 16, 16))


def small(**options) -> AnoGAN:
    seed_all(0)
    torch.manual_seed(0)
    given = {"network": SMALL, "z_dim": 6, "search_steps": 12, "search_lr": 0.05} | options
    game = AnoGAN(DATA, AnoGAN.Options(**given))
    for player in (game.generator, game.discriminator):  # DCGAN's first weights are too small to tell images apart
        for p in player.parameters():
            if p.ndim > 1:
                nn.init.normal_(p, 0, 0.1)
    return game.eval()


QUERY = images(3, 1, 16, 16)


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.own-latent-has-score-0")
def _an_image_of_the_generator_whose_search_begins_at_its_latent_has_score_0():
    game, surprise = small(), Surprise()
    z = game.noise(4)
    with torch.no_grad():
        x = game.decode(z)
        seen = game.features(x)
    found = find_latent(
        game.decode, lambda made, x: surprise.score(surprise.parts(game, made, x, seen)), x, z, game.descent
    )
    assert torch.equal(found.distance, torch.zeros(4))
    assert torch.equal(found.z, z)


@proves("closed.lambda-0-and-1", "closed.lambda-weighs-the-two")
def _the_score_is_the_residual_alone_the_features_alone_or_between():
    for weight in (0.0, 0.1, 1.0):
        found = small(feature_weight=weight).detect(QUERY)
        residual = found.parts["residual"]
        feature = found.parts.get("feature", torch.zeros(3))
        torch.testing.assert_close(found.score, (1 - weight) * residual + weight * feature)
        assert (found.score > 0).all()
    assert "feature" not in small(feature_weight=0.0).detect(QUERY).parts


@proves("objective.sums", "map.residual", "objective.score-at-the-last-step", "objective.features-are-the-last-map")
def _the_score_is_that_of_the_image_where_the_search_ended():
    game = small()
    found = game.detect(QUERY)
    assert found.normal is not None
    torch.testing.assert_close(found.parts["residual"], (QUERY - found.normal).abs().sum((1, 2, 3)))
    torch.testing.assert_close(found.map, (QUERY - found.normal).abs())
    features = game.features(QUERY)
    assert features.shape == (3, 16, 4, 4)
    torch.testing.assert_close(features, game.discriminator.trunk(QUERY))
    apart = (features - game.features(found.normal)).abs().sum((1, 2, 3))
    torch.testing.assert_close(found.parts["feature"], apart)
    longer = game.detect_with(QUERY, game.Use(steps=13))
    assert not torch.equal(longer.score, found.score)


@proves("objective.means-do-not-depend-on-sizes")
def _a_mean_is_the_sum_over_how_many_there_are():
    sums, means = Surprise(), Surprise(reduction="mean")
    x = images(2, 1, 8, 8)
    torch.testing.assert_close(sums.reduced(x), 64 * means.reduced(x))
    torch.testing.assert_close(means.reduced(x), means.reduced(x.repeat(1, 3, 2, 2)))


@proves("gradient.reaches-z-alone", "norm.features-in-the-state-for-use", "norm.no-buffer-changes")
def _a_search_in_the_middle_of_training_leaves_the_players_as_they_were():
    game = small().train()
    before = {name: value.clone() for name, value in game.state_dict().items()}
    in_training = game.detect(QUERY).score
    assert all(p.grad is None for p in game.parameters())
    assert all(torch.equal(value, before[name]) for name, value in game.state_dict().items())
    assert all(module.training for module in game.modules())
    assert torch.equal(game.eval().detect(QUERY).score, in_training)


@proves("query.same-twice", "query.not-of-others", "query.begins-anew")
def _a_query_has_its_score_whatever_was_asked_before_and_beside_it():
    game = small().double()
    x = QUERY.double()
    first, again = game.detect(x), game.detect(x)
    assert torch.equal(first.score, again.score)
    for i in range(3):
        alone = game.detect(x[i : i + 1])
        torch.testing.assert_close(alone.score[0], first.score[i], rtol=1e-7, atol=1e-7)
    twins = game.detect(torch.cat((x[:1], x[:1], x[1:])))
    torch.testing.assert_close(twins.score[0], twins.score[1], rtol=1e-9, atol=1e-9)


@proves("query.restarts-keep-the-best", "query.settings-in-use")
def _more_searches_are_never_worse():
    game = small()
    one, three = (game.detect_with(QUERY, game.Use(restarts=n)).score for n in (1, 3))
    assert (three <= one + 1e-4).all()
    assert (three < one - 1e-3).any()
    assert torch.equal(one, game.detect(QUERY).score)
    assert {"steps", "restarts", "lr", "features"} <= set(AnoGAN.choices())


@proves("prior.uniform-or-normal")
def _latents_are_drawn_from_the_chosen_prior():
    assert AnoGAN.Options().prior == "uniform"
    assert AnoGAN.Options().z_dim == 100
    z = small().noise(2000)
    assert z.abs().max() <= 1
    assert z.std() == pytest.approx(3**-0.5, abs=0.02)
    assert small(prior="normal").noise(2000).std() == pytest.approx(1, abs=0.03)


@proves("prior.kept")
def _no_latent_that_is_found_leaves_the_prior():
    game = small()
    found = search(game, QUERY * 3, lambda made, x: (made - x).abs().sum((1, 2, 3)), Descent(steps=30, lr=1.0))
    assert found.z.abs().max() <= 1


@proves("count.rgb", "count.grey", "count.channels")
def _parameters_are_those_of_the_code():
    for channels in (1, 2, 3):
        game = AnoGAN(DataSpec.of((channels, 64, 64)))
        wanted = 5_130_560 + 1_601 * channels, 4_311_745 + 1_600 * channels
        assert (count(game.generator), count(game.discriminator)) == wanted
    assert wanted == (5_135_363, 4_316_545)
    assert (5_130_560 + 1_601, 4_311_745 + 1_600) == (5_132_161, 4_313_345)


@proves("nets.as-in-the-code")
def _five_by_five_kernels_a_dense_beginning_and_a_bias_everywhere():
    game = AnoGAN(DataSpec.of((1, 64, 64)))
    assert kinds(game.generator)[:4] == ["Linear", "Unflatten", "BatchNorm2d", "ReLU"]
    assert kinds(game.generator)[-1] == "Tanh"
    for player in (game.generator, game.discriminator.trunk):
        convolutions = [m for m in player.modules() if isinstance(m, nn.modules.conv._ConvNd)]
        assert [c.kernel_size for c in convolutions] == [(5, 5)] * 4
        assert all(c.bias is not None for c in convolutions)
    assert {m.negative_slope for m in game.discriminator.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert game.discriminator.trunk(torch.zeros(1, 1, 64, 64)).shape == (1, 512, 4, 4)


@proves("order.one-step-each-on-the-same-fakes")
def _a_round_is_dcgans():
    moves = play(small().train(), {"image": images(4, 1, 16, 16)})
    assert [move.players for move in moves] == [("discriminator",), ("generator",)]
    assert AnoGAN.Options().fresh_fakes is False


@proves("adam.of-players-and-of-the-search", "steps.500", "batch.64")
def _the_settings_are_the_papers_and_its_codes():
    o = AnoGAN.Options()
    assert (o.optim.lr, o.optim.betas[0]) == (2e-4, 0.5)
    how = o.descent()
    assert (how.steps, how.lr, how.betas[0], how.restarts, how.settle) == (500, 1e-3, 0.5, 1, 0.0)
    assert o.surprise() == Surprise(0.1, "sum")
    assert Recipe.default("anogan", "folder:mine").plan.batch == 64


def wgan_gp() -> WGANGP:
    seed_all(0)
    torch.manual_seed(0)
    return WGANGP(DATA, WGANGP.Options(z_dim=6, network=DCGAN(width=4, critic=True))).eval()


@proves("from.any-run-that-samples")
def _what_another_game_cannot_draw_is_unusual():
    game = wgan_gp()
    by_search = BySearch.of(game)
    assert by_search is not game
    by_search.descent = replace(by_search.descent, steps=20, lr=0.05)
    drawn, other = by_search.detect(game.sample(4)), by_search.detect(images(4, 1, 16, 16))
    assert isinstance(drawn, Finding)
    assert drawn.score.max() < other.score.min()
    assert set(drawn.parts) == {"residual", "feature"}
    own = small()
    assert BySearch.of(own) is own


@proves("from.without-features")
def _a_discriminator_that_compares_samples_leaves_pixels_alone():
    styled = Styled(channel_max=8, w_dim=8, mapping_layers=2)
    game = BySearch(StyleGAN2(DATA, StyleGAN2.Options(z_dim=8, network=styled)).eval(), Descent(steps=2))
    with pytest.raises(UsageError, match=r"no features of single images; .*--features 0"):
        game.detect(QUERY)
    found = game.detect_with(QUERY, game.Use(features=0.0))
    assert set(found.parts) == {"residual"}


@proves("from.weights-of-another-run")
def _the_weights_of_a_run_with_the_same_networks_fit():
    theirs = wgan_gp()
    ours = small(network=theirs.options.network, prior="normal")
    ours.load_state_dict(theirs.state_dict())
    ours.detect(QUERY)
    assert torch.equal(ours.decode(torch.ones(1, 6)), theirs.decode(torch.ones(1, 6)))


@proves("data.no-labels")
def _labels_are_refused():
    data = DataSpec.of((1, 16, 16), ("image", "label"), condition=Condition("class", ("good", "other")))
    AnoGAN(data, AnoGAN.Options(network=SMALL))
    with pytest.raises(UsageError, match="label"):
        AnoGAN(data, AnoGAN.Options(network=SMALL, conditional=True))


@proves("views.packs-refused")
def _packs_have_no_features_of_single_images():
    with pytest.raises(UsageError, match="features of one image"):
        small(views=(Packing(),))
    small(views=(Packing(),), feature_weight=0.0)
    with pytest.raises(UsageError, match="compares those of a batch"):
        small(network=replace(SMALL, minibatch="stddev"))


@proves("settings.refused")
def _values_that_cannot_be_are_refused():
    for wrong in ({"feature_weight": 1.5}, {"feature_weight": -0.1}, {"search_steps": 0}, {"search_restarts": 0}):
        with pytest.raises(UsageError):
            AnoGAN.Options(**wrong)


@proves("recipe")
def _the_recipe_keeps_the_topology():
    o = Recipe.default("anogan").options
    assert (o.network.kernel, o.network.biases, o.prior, o.feature_weight) == (5, True, "uniform", 0.1)


def test_a_prior_of_one_number_is_kept_too():
    z: Tensor = Prior(torch.rand(50, 1))(torch.tensor([[9.0]]))
    assert float(z) <= 1
