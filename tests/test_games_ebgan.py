"""EBGAN: energies, margin and the pull-away term."""

import pytest
import torch
from eights import BATCH, SMALL, normal
from playing import play
from torch import nn

from saddle.auxiliaries import PullAway
from saddle.base.errors import UsageError
from saddle.context import Context, Output
from saddle.games.ebgan import EBGAN
from saddle.losses import EnergyMargin
from saddle.nets import ebgan
from saddle.nets.mlp import MLP
from saddle.spec import DataSpec


def pull_away(features: torch.Tensor) -> torch.Tensor:
    x = torch.zeros(len(features), 1)
    return PullAway(weight=1).measure(Context(lambda x: x, x, x, fake_output=Output(x, features)))


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        (torch.ones(4, 3), 1.0),
        (torch.tensor([[1.0, 2.0], [-1.0, -2.0]]), 1.0),  # the square: not -1, as without it
        (torch.eye(4), 0.0),  # the diagonal left out: not 1/4, nor 1/7 as when codes are normalised over the batch
    ],
)
def test_pull_away_is_one_for_parallel_codes_and_zero_for_orthogonal_ones(rows, value):
    assert float(pull_away(rows)) == pytest.approx(value, abs=1e-6)


def test_pull_away_does_not_see_the_length_or_the_sign_of_a_code():
    codes = normal(5, 7)
    scales = torch.tensor([2.0, -1.0, 0.1, -30.0, 1.0])[:, None]
    assert torch.isclose(pull_away(codes), pull_away(codes * scales), atol=1e-6)


def test_pull_away_and_its_gradient_are_those_of_the_double_sum():
    codes = normal(5, 7).double().requires_grad_()
    unit = codes / codes.norm(dim=1, keepdim=True)
    pairs = sum((unit[i] @ unit[j]) ** 2 for i in range(5) for j in range(5) if i != j) / 20
    mine = pull_away(codes)
    assert torch.isclose(mine, pairs)
    (expected,), (found,) = (torch.autograd.grad(x, codes, retain_graph=True) for x in (pairs, mine))
    assert torch.allclose(found, expected)


def test_pull_away_sees_a_code_of_maps_as_one_row():
    codes = normal(3, 2, 4, 4)
    assert torch.isclose(pull_away(codes), pull_away(codes.flatten(1)))


def small_ebgan(**options) -> EBGAN:
    return EBGAN(SMALL, EBGAN.Options(**{"network": ebgan.ConvAutoencoder(4, 4), "z_dim": 4} | options))


def test_the_margin_holds_for_each_sample_and_not_for_the_mean_of_the_batch():
    fake, real = -torch.tensor([0.0, 30.0]), -torch.tensor([1.0, 3.0])  # logits are minus energies
    assert float(EnergyMargin(margin=10).discriminator(real, fake)) == 2 + 5  # of the mean it would be 2
    assert float(EnergyMargin(margin=10).generator(None, fake)) == 15


def test_fakes_beyond_the_margin_send_no_gradient_to_the_discriminator():
    fake = torch.tensor([-12.0, -4.0], requires_grad=True)
    EnergyMargin(margin=10).discriminator(torch.zeros(2), fake).backward()
    assert fake.grad.tolist() == [0, 0.5]


def test_a_perfect_autoencoder_pays_the_margin():
    assert float(EnergyMargin(margin=7).discriminator(torch.zeros(3), torch.zeros(3))) == 7
    assert float(EnergyMargin(margin=7).discriminator(torch.full((3,), -2.0), torch.zeros(3))) == 9


def test_the_margin_shrinks_in_a_straight_line_if_asked():
    loss = EnergyMargin(margin=10, end=4)
    assert [loss.at(progress).margin for progress in (0, 0.5, 1)] == [10, 7, 4]
    assert EnergyMargin(margin=10).at(0.5).margin == 10


def test_the_energy_is_the_norm_of_the_error_over_a_whole_sample():
    energy = ebgan.Energy(nn.Identity(), nn.Linear(1, 1))
    nn.init.zeros_(energy.head.weight)
    nn.init.zeros_(energy.head.bias)
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1)
    assert energy(x).logits.tolist() == [-5]
    assert energy(x).features is not None


def test_the_gradient_of_an_energy_reaches_a_fake_as_target_too():
    """With the target detached, an autoencoder that ignores its input would send nothing at all."""
    energy = ebgan.Energy(nn.Identity(), nn.Linear(1, 1))
    nn.init.zeros_(energy.head.weight)
    nn.init.zeros_(energy.head.bias)
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1).requires_grad_()
    (-energy(x).logits.sum()).backward()
    assert x.grad.flatten().tolist() == pytest.approx([0.6, 0.8])


def test_pull_away_is_the_generators_alone_and_no_step_of_its_own():
    judged, drawn = play(small_ebgan(), BATCH)
    assert (judged.players, list(judged.losses)) == (("discriminator",), ["adversarial"])
    assert (drawn.players, list(drawn.losses)) == (("generator",), ["adversarial", "pull_away"])


def test_pretraining_reconstructs_data_and_leaves_the_generator_alone():
    game = small_ebgan(pretraining=0.5)
    (move,) = play(game, BATCH)
    assert (move.players, list(move.losses)) == (("discriminator",), ["reconstruction"])
    game.progress = 0.5
    assert [move.players for move in play(game, BATCH)] == [("discriminator",), ("generator",)]


def test_dense_players_have_the_sizes_of_the_papers_grid():
    network = ebgan.DenseAutoencoder(width=400, depth=2, code=128)
    data = DataSpec.of((1, 28, 28))
    counts = [
        sum(p.numel() for p in net.parameters()) for net in (network.generator(100, data), network.discriminator(data))
    ]
    assert counts == [100 * 400 + 400 + 400 * 400 + 400 + 400 * 784 + 784, 784 * 128 + 128 + 128 * 784 + 784]


def test_an_energy_loss_refuses_a_discriminator_without_energies():
    with pytest.raises(UsageError, match="EnergyMargin wants a discriminator that gives energies; use ConvAutoencoder"):
        EBGAN(SMALL, EBGAN.Options(network=MLP(4, 1)))


def test_pull_away_refuses_a_batch_of_one():
    small_ebgan().check_batch(2)
    small_ebgan(auxiliaries=()).check_batch(1)
    with pytest.raises(UsageError, match="PullAway keeps the fakes of a batch apart, and here each is alone"):
        small_ebgan().check_batch(1)
