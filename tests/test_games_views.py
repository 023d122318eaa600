"""Unrolling, feature matching, Improved-GAN and MGAN: sizes, closed forms and moves."""

import math
from dataclasses import replace

import pytest
import torch
from playing import images, play
from seeding import seed_all
from torch import nn

from saddle.auxiliaries import FeatureMatching
from saddle.base import rng
from saddle.base.errors import UsageError
from saddle.context import Context, Output
from saddle.games._two_player import TwoPlayer
from saddle.games.improved_gan import ImprovedGAN
from saddle.games.mgan import MGAN
from saddle.losses import NonSaturating
from saddle.nets import mgan
from saddle.nets.dcgan import DCGAN
from saddle.nets.improved import Improved, LogSumExp
from saddle.nets.mlp import MLP
from saddle.spec import DataSpec
from saddle.views import Packing

CIFAR, POINTS = DataSpec.of((3, 32, 32)), DataSpec.of((2,))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_networks_have_the_papers_parameter_counts():
    with torch.device("meta"):
        assert count(Improved().generator(100, CIFAR)) == 4_933_382
        assert count(Improved().discriminator(CIFAR)) == 1_406_804
        assert count(mgan.generator(100, 10, CIFAR)) == 12_544_131
        assert count(mgan.discriminator(10, CIFAR)) == 4_198_411


def test_the_defaults_of_the_games_are_the_papers_networks():
    with torch.device("meta"):
        game = MGAN(CIFAR)
        assert (count(game.generator), count(game.discriminator)) == (12_544_131, 4_198_411)
        improved = ImprovedGAN(CIFAR)
        assert count(improved.generator) == 4_933_382
        compared = 192 * 100 * 5 + 100 * 5 + 100 + 100 * 10  # theta, scales, biases; and 100 more inputs of the head
        assert count(improved.discriminator) == 1_406_804 + compared


@pytest.mark.parametrize("network", [Improved(width=4, generator_width=4), Improved(8, 4, 3, "virtual", "stddev")])
def test_an_improved_network_draws_and_judges_other_sizes(network):
    for shape in ((1, 16, 24), (3, 32, 32)):
        data = DataSpec.of(shape)
        fake = network.generator(5, data)(torch.randn(4, 5))
        assert fake.shape == (4, *shape)
        assert network.discriminator(data)(fake).logits.shape == (4,)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28)])
def test_an_improved_network_says_which_sizes_it_draws(shape):
    with pytest.raises(UsageError, match="multiples of 8, from 16 on"):
        Improved().generator(5, DataSpec.of(shape))
    with pytest.raises(UsageError, match="draws images"):
        Improved().discriminator(POINTS)


def test_the_logit_of_classes_is_their_softmax_against_a_further_one_of_0():
    """D = Z / (Z + 1): ten logits of 0 give 10 / 11."""
    assert torch.isclose(LogSumExp()(torch.zeros(1, 10)).sigmoid(), torch.tensor([10 / 11])).all()


@pytest.mark.parametrize("network", [DCGAN(width=4), MLP(width=8)])
@pytest.mark.parametrize(("minibatch", "norm"), [("stddev", "batch"), ("discrimination", "virtual"), ("none", "none")])
def test_networks_offer_comparison_and_norms(network, minibatch, norm):
    network, data = replace(network, minibatch=minibatch, norm=norm), DataSpec.of((2, 8, 8))
    fake = network.generator(5, data)(torch.randn(4, 5))
    assert network.discriminator(data)(fake).logits.shape == (4,)
    kinds = {
        type(m).__name__ for part in (network.generator(5, data), network.discriminator(data)) for m in part.modules()
    }
    assert ("VirtualBatchNorm" in kinds) == (norm == "virtual")
    assert ({"BatchNorm1d", "BatchNorm2d"} & kinds != set()) == (norm == "batch")
    assert ({"MinibatchDiscrimination", "MinibatchStd"} & kinds != set()) == (minibatch != "none")


def test_a_discriminator_that_compares_sees_a_collapsed_batch():
    """The same fake gets another logit among copies of itself than among others."""
    torch.manual_seed(0)
    for minibatch in ("stddev", "discrimination"):
        judge = MLP(width=16, minibatch=minibatch).discriminator(POINTS)
        varied = torch.randn(8, 2)
        judge(varied)
        judge.eval()
        alone, among = judge(varied[:1].repeat(8, 1)).logits[0], judge(varied).logits[0]
        assert not torch.isclose(alone, among)


def matched(real: torch.Tensor, fake: torch.Tensor, **settings) -> float:
    none = torch.zeros(0)
    outputs = {"real_output": Output(none, real), "fake_output": Output(none, fake)}
    return float(FeatureMatching(**settings)(Context(score=lambda x: x, real=real, fake=fake, **outputs)))


def test_feature_matching_is_the_distance_of_the_means():
    real, fake = torch.tensor([[1.0, 0.0], [3.0, 2.0]]), torch.tensor([[0.0, 0.0], [0.0, 6.0]])
    assert matched(real, fake) == 2.0**2 + 2.0**2
    assert matched(real, fake, weight=0.5) == 4
    assert matched(real, fake, absolute=True) == 2.0


def test_feature_matching_of_medians_does_not_see_one_odd_sample():
    real, fake = torch.tensor([[1.0, 0.0], [3.0, 2.0], [2.0, 9.0]]), torch.tensor([[0.0, 0.0], [0.0, 6.0]])
    assert matched(real, fake, statistic="median") == 2.0**2 + (2.0 - 3.0) ** 2  # medians (2, 2) and (0, 3)
    odd = torch.cat((real[:2], torch.tensor([[2e6, 9e6]])))
    assert matched(odd, fake, statistic="median", absolute=True) == (3.0 + 1.0) / 2
    assert matched(real, real.flip(0), statistic="median") == 0


def test_feature_matching_does_not_pair_samples():
    """The mistake would be the distance of each fake from some real sample, as one library has it."""
    features = torch.randn(6, 4)
    assert matched(features, features[torch.randperm(6)]) == pytest.approx(0, abs=1e-10)


def test_feature_matching_can_stand_in_for_the_adversarial_loss():
    o = TwoPlayer.Options(network=MLP(8, 1), z_dim=2)
    game = TwoPlayer(POINTS, replace(o, auxiliaries=(FeatureMatching(),), adversarial_weight=0.0))
    moves = play(game, {"image": torch.randn(4, 2)})
    assert [list(move.losses) for move in moves] == [["adversarial"], ["feature_matching"]]


def lookahead(unroll: int, unroll_lr: float = 0.1, **settings) -> TwoPlayer:
    torch.manual_seed(0)
    o = TwoPlayer.Options(network=MLP(6, 1), z_dim=2, unroll=unroll, unroll_lr=unroll_lr, **settings)
    return TwoPlayer(POINTS, o).double()


def test_the_look_ahead_goes_down_the_discriminators_loss():
    game, real, fake = lookahead(1), torch.randn(8, 2).double(), torch.randn(8, 2).double()
    weights = game.look_ahead(real, fake, None)
    loss = NonSaturating().discriminator(game.discriminate(real).logits, game.discriminate(fake).logits)
    for name, p in game.discriminator.named_parameters():
        (gradient,) = torch.autograd.grad(loss, p, retain_graph=True)
        assert torch.allclose(weights[name], p - 0.1 * gradient)


def test_gradients_flow_through_the_look_ahead():
    """The generator's gradient is that of finite differences through both steps; without them it is another."""
    game, real = lookahead(2, 1.0), torch.randn(5, 2).double()

    def loss(fake: torch.Tensor) -> torch.Tensor:
        return NonSaturating().generator(None, game.discriminate(fake, None, game.look_ahead(real, fake, None)).logits)

    fake = torch.randn(3, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(loss, fake)
    (through,) = torch.autograd.grad(loss(fake), fake)
    fixed = {name: w.detach() for name, w in game.look_ahead(real, fake, None).items()}
    (past,) = torch.autograd.grad(NonSaturating().generator(None, game.discriminate(fake, None, fixed).logits), fake)
    assert (through - past).abs().max() > 1e-4


def test_the_look_ahead_leaves_the_discriminator_where_it_is():
    batch = {"image": torch.randn(4, 2).double()}
    ahead, plain = lookahead(3), lookahead(0)
    for game in (ahead, plain):
        play(game, batch)
    for p, q in zip(ahead.discriminator.parameters(), plain.discriminator.parameters(), strict=True):
        assert torch.equal(p, q)
    differs = [
        not torch.equal(p, q) for p, q in zip(ahead.generator.parameters(), plain.generator.parameters(), strict=True)
    ]
    assert any(differs)


def test_an_unrolled_step_works_in_half_precision_and_with_batch_norm():
    game = TwoPlayer(
        DataSpec.of((1, 8, 8)), TwoPlayer.Options(network=DCGAN(4), z_dim=2, unroll=2, views=(Packing(2),))
    )
    with torch.autocast("cpu", torch.bfloat16):
        moves = play(game, {"image": images(4, 1, 8, 8)})
    assert all(torch.isfinite(loss) for move in moves for loss in move.losses.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"unroll": -1}, "unroll is at least 0, not -1"), ({"unroll_lr": 0.0}, "unroll_lr is above 0, not 0.0")],
)
def test_unroll_out_of_range_is_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        TwoPlayer.Options(**settings)


SMALL = MGAN.Options(z_dim=3, generators=4, latents=4, width=8)


def test_every_latent_goes_to_all_generators():
    game, batch = MGAN(POINTS, SMALL), {"image": torch.randn(8, 2)}
    seen = []
    game.generator.register_forward_hook(lambda module, args, out: seen.append(args[0]))
    play(game, batch)
    (z,) = seen  # and the generators answer for the fakes just judged
    latents, who = z[:, :3].view(4, 4, 3), z[:, 3:].view(4, 4, 4)
    assert torch.equal(latents, latents[:1].expand(4, -1, -1))
    assert torch.equal(who, torch.eye(4).unsqueeze(1).expand(-1, 4, -1))


def test_each_fake_comes_from_its_generator():
    for data in (POINTS, DataSpec.of((1, 8, 8))):
        game = MGAN(data, SMALL).eval()
        z = game.noise(12)
        whole = game.decode(z)
        for row in range(12):
            stem = game.generator.stems[int(z[row, 3:].argmax())]
            assert torch.allclose(game.generator.trunk(stem(z[row : row + 1, :3])), whole[row : row + 1], atol=1e-5)


def test_samples_come_from_all_generators_alike():
    seed_all(0)
    who = MGAN(POINTS, SMALL).noise(4000)[:, 3:]
    assert torch.equal(who.sum(1), torch.ones(4000))
    assert torch.allclose(who.mean(0), torch.full((4,), 0.25), atol=0.03)


def test_generators_alike_cannot_be_told_apart():
    """Equal first layers make equal fakes, and the best guess then costs log K."""
    game = MGAN(POINTS, SMALL)
    for stem in game.generator.stems:
        stem.load_state_dict(game.generator.stems[0].state_dict())
    fake = game.decode(game.noise(2, origin=torch.arange(4).repeat_interleave(2)))
    assert torch.allclose(fake[:2], fake[2:4])
    nn.init.zeros_(game.discriminator.origin.weight)
    nn.init.zeros_(game.discriminator.origin.bias)
    moves = play(game, {"image": torch.randn(4, 2)})
    assert float(moves[0].losses["confusion"].detach()) == pytest.approx(math.log(4))


def test_the_weight_of_diversity_is_the_generators_alone():
    torch.manual_seed(0)
    moves = play(MGAN(POINTS, replace(SMALL, diversity_weight=0.0)), {"image": torch.randn(4, 2)})
    assert moves[1].losses["confusion"] == 0
    assert moves[0].losses["confusion"] > 0


def test_latents_are_divided_among_the_parts_of_a_batch():
    game = MGAN(POINTS, SMALL)
    with rng.share(1, 2):
        assert game.latents() == 2
    with rng.share(0, 3), pytest.raises(UsageError, match="4 latents do not divide evenly among the 3 parts"):
        game.latents()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MGAN.Options(generators=0), "generators is from 1 to 1,000, not 0"),
        (lambda: MGAN(DataSpec.of((1, 28, 28))), "multiples of 8; the nearest sizes are 24×24 and 32×32"),
        (lambda: Improved(width=0), "width is at least 1, not 0"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()
