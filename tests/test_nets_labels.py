"""Networks that are told what a sample shows: the papers' sizes, where the label comes in, and second heads."""

import math

import pytest
import torch
from playing import images
from seeding import seed_all
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.acgan import ACGAN
from saddle.games.cgan import CGAN
from saddle.games.sgan import SGAN
from saddle.layers.spectral import spectral_norm
from saddle.nets import acgan
from saddle.nets.acgan import ClassResNet
from saddle.nets.conditional import ClassDiscriminator, Concatenation, features_shape, match_head
from saddle.nets.dcgan import DCGAN
from saddle.nets.ebgan import ConvAutoencoder
from saddle.nets.maxout import ConditionalMaxout
from saddle.nets.mlp import MLP
from saddle.nets.resnet import ResNet
from saddle.nets.sngan import SNResNet
from saddle.spec import Condition, DataSpec

TEN = tuple("0123456789")
SMALL = DataSpec.of((1, 8, 8), ("image", "label"), ("a", "b", "c"))
COLUMNS = DataSpec.of((1, 8, 8), ("image", "label"), condition=Condition("numbers", ("x", "y", "z")))
TOLD = [Concatenation(DCGAN(width=4)), Concatenation(MLP(8, 1)), ConditionalMaxout()]
by_network = pytest.mark.parametrize("network", TOLD, ids=lambda n: f"{type(n).__name__}-{len(repr(n))}")


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def built(network, data=SMALL):
    torch.manual_seed(0)
    seed_all(0)
    return network.generator(5, data).eval(), network.discriminator(data).eval()


def digits(channels: int, side: int) -> DataSpec:
    return DataSpec.of((channels, side, side), ("image", "label"), TEN)


@pytest.mark.parametrize(
    ("game", "data", "options", "generator", "discriminator"),
    [
        (CGAN, digits(1, 28), {}, 2_413_984, 1_224_351),
        (ACGAN, digits(3, 32), {"network": ClassResNet(), "z_dim": 128}, 1_218_307, 1_055_115),
        (SGAN, digits(3, 32), {}, 4_933_382, 1_406_804),
    ],
)
def test_the_papers_networks_have_the_parameters_of_their_layer_lists(game, data, options, generator, discriminator):
    with torch.device("meta"):
        players = game(data, game.Options(**options)).players()
    assert count(players["generator"]) == generator
    assert count(players["discriminator"]) == discriminator


def test_acgans_layers_are_the_papers_for_cifar_10():
    with torch.device("meta"):
        game = ACGAN(digits(3, 32))
    ups = [(m.in_channels, m.out_channels) for m in game.generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    convs = [m for m in game.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert ups == [(384, 192), (192, 96), (96, 3)]
    assert [m.out_channels for m in convs] == [16, 32, 64, 128, 256, 512]
    assert [m.stride[0] for m in convs] == [2, 1, 2, 1, 2, 1]
    first = next(m for m in game.generator.modules() if isinstance(m, nn.Linear))
    assert (first.in_features, first.out_features) == (110, 384 * 16)


@by_network
def test_with_the_labels_weights_zeroed_the_label_says_nothing(network):
    """And the network is its unconditional twin. Not so if the label came in anywhere else."""
    generator, discriminator = built(network)
    z, x, labels = torch.randn(4, 5), images(4, 1, 8, 8), (torch.zeros(4, dtype=torch.int64), torch.full((4,), 2))
    assert not torch.allclose(*(generator(z, label) for label in labels))
    if not isinstance(network, Concatenation):
        return
    plain_generator, plain = built(network.network, SMALL.unconditional())
    for mine, twin, size in ((generator, plain_generator, 5), (discriminator, plain, 1)):
        weights = dict(zip((n for n, _ in twin.named_parameters()), mine.parameters(), strict=True))
        own = dict(twin.named_parameters())
        for name, weight in weights.items():
            if weight.shape == own[name].shape:
                own[name].data.copy_(weight)
                continue
            axis = next(i for i, (a, b) in enumerate(zip(weight.shape, own[name].shape, strict=True)) if a != b)
            kept = own[name].shape[axis]
            weight.data.narrow(axis, kept, weight.shape[axis] - kept).zero_()
            own[name].data.copy_(weight.data.narrow(axis, 0, kept))
        assert size
    for label in labels:
        torch.testing.assert_close(generator(z, label), plain_generator(z))
        torch.testing.assert_close(discriminator(x, label).logits, plain(x).logits)


@by_network
def test_the_label_stands_beside_z_and_is_not_multiplied_with_it(network):
    """With z · embedding(y), the mistake of two well-known collections, nothing would be left of y where z is 0."""
    generator, _ = built(network)
    z = torch.zeros(3, 5)
    one, two, _ = generator(z, torch.arange(3))
    assert not torch.allclose(one, two)


@by_network
def test_a_class_is_a_one_hot_row_and_no_embedding(network):
    for told in (SMALL, COLUMNS):
        generator, discriminator = built(network, told)
        assert not any(isinstance(m, nn.Embedding) for m in (*generator.modules(), *discriminator.modules()))
        z, x, label = torch.randn(3, 5), images(3, 1, 8, 8), torch.arange(3)
        assert torch.equal(generator(z, label), generator(z, torch.eye(3)))
        assert torch.equal(discriminator(x, label).logits, discriminator(x, torch.eye(3)).logits)


@by_network
def test_rows_that_change_places_take_their_results_along(network):
    generator, discriminator = built(network)
    z, x, label, order = torch.randn(4, 5), images(4, 1, 8, 8), torch.tensor([0, 2, 1, 1]), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(generator(z, label)[order], generator(z[order], label[order]))
    torch.testing.assert_close(discriminator(x, label).logits[order], discriminator(x[order], label[order]).logits)


@by_network
def test_without_labels_the_network_is_told_nothing(network):
    generator, discriminator = built(network, SMALL.unconditional())
    fake = generator(torch.randn(2, 5))
    assert fake.shape == (2, 1, 8, 8)
    assert discriminator(fake).logits.shape == (2,)


def test_points_have_the_label_as_further_numbers():
    data = DataSpec.of((2,), ("image", "label"), ("a", "b"))
    generator, discriminator = built(Concatenation(MLP(8, 1)), data)
    fake = generator(torch.randn(3, 5), torch.tensor([0, 1, 1]))
    assert fake.shape == (3, 2)
    assert discriminator(fake, torch.tensor([0, 1, 1])).logits.shape == (3,)


@pytest.mark.parametrize("judge", [DCGAN(width=4), MLP(8, 1), SNResNet(width=2), ResNet(width=4)], ids=str)
def test_any_trunk_takes_a_second_head_and_looking_at_its_shape_leaves_no_trace(judge):
    discriminator = judge.discriminator(SMALL.unconditional())
    before = {name: tensor.clone() for name, tensor in discriminator.state_dict().items()}
    shape = features_shape(discriminator, SMALL)
    assert all(torch.equal(before[name], tensor) for name, tensor in discriminator.state_dict().items())
    assert discriminator.training
    features = discriminator(images(3, 1, 8, 8)).features
    assert features.shape[1:] == shape
    head = match_head(shape, SMALL)
    assert head(features, torch.arange(3)).shape == (3, 1)
    assert not torch.allclose(head(features, torch.arange(3)), head(features, torch.zeros(3, dtype=torch.int64)))


def test_features_shape_knows_spectrally_normalised_trunks():
    discriminator = spectral_norm(DCGAN(width=4).discriminator(SMALL.unconditional()))
    assert features_shape(discriminator, SMALL) == (4, 4, 4)


def classifier(head: nn.Module) -> ClassDiscriminator:
    return ClassDiscriminator(nn.Flatten(), head)


def test_ten_logits_of_zero_are_real_with_ten_elevenths():
    head = nn.Linear(4, 10)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    output = classifier(head)(torch.randn(3, 1, 2, 2))
    assert output.logits.sigmoid().tolist() == pytest.approx([10 / 11] * 3)
    assert output.logits.tolist() == pytest.approx([math.log(10)] * 3)


def test_the_fake_classs_logit_is_fixed_at_zero():
    output = classifier(nn.Linear(4, 10))(torch.randn(5, 1, 2, 2).double().float())
    eleven = torch.cat((output.classes, torch.zeros(5, 1)), 1).double().softmax(1)
    torch.testing.assert_close(output.logits.double().sigmoid(), 1 - eleven[:, -1], atol=1e-6, rtol=0)
    assert output.classes.shape == (5, 10)


def test_a_number_added_to_all_class_logits_changes_real_but_no_class():
    head = nn.Linear(4, 10)
    x = torch.randn(3, 1, 2, 2)
    before = classifier(head)(x)
    head.bias.data += 2
    after = classifier(head)(x)
    torch.testing.assert_close(after.logits, before.logits + 2)
    torch.testing.assert_close(after.classes.softmax(1), before.classes.softmax(1))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Concatenation(SNResNet()), "SNResNet takes labels by itself; choose it without Concatenation"),
        (lambda: Concatenation(ConvAutoencoder()), "ConvAutoencoder judges by how well it draws its input"),
        (lambda: ConditionalMaxout(keep=0), "keep is above 0 and up to 1, not 0"),
        (lambda: acgan.ACGAN(width=0), "width is at least 1, not 0"),
        (lambda: acgan.ACGAN().generator(8, digits(1, 20)), "multiples of 8, from 16 on; the nearest sizes are"),
        (lambda: ClassResNet(0), "width is at least 1, not 0"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_reason(build, message):
    with pytest.raises(UsageError, match=message):
        build()
