"""Spectral norm, self-attention, and what a label changes."""

from dataclasses import replace

import pytest
import torch
from small import shipped
from torch import nn
from torch.nn.functional import batch_norm, relu

from saddle.base.errors import UsageError
from saddle.layers.attention import SelfAttention
from saddle.layers.conditional import ClassBatchNorm2d, Projection, VectorBatchNorm2d
from saddle.layers.norm import BatchNorm2d, accumulating
from saddle.layers.spectral import SpectralNorm, spectral_norm
from saddle.nets.network import Network
from saddle.spec import DataSpec

LAYERS = [
    (lambda: nn.Linear(5, 7), torch.randn(2, 5)),
    (lambda: nn.Conv2d(3, 6, 3), torch.randn(2, 3, 4, 4)),
    (lambda: nn.ConvTranspose2d(3, 6, 4, 2, 1), torch.randn(2, 3, 4, 4)),
    (lambda: nn.Embedding(6, 4), torch.tensor([1, 5])),
]
each_layer = pytest.mark.parametrize(("build", "x"), LAYERS, ids=["linear", "conv", "transposed", "embedding"])


def normed(layer: nn.Module) -> tuple[nn.Module, SpectralNorm, nn.Parameter]:
    torch.manual_seed(0)
    layer = spectral_norm(layer.double())
    held = layer.parametrizations.weight
    return layer, held[0], held.original


def converge(layer: nn.Module, x: torch.Tensor, times: int = 400) -> None:
    for norm in [m for m in layer.modules() if isinstance(m, SpectralNorm)]:
        norm.double()
    x = x.double() if x.is_floating_point() else x
    for _ in range(times):
        for norm in [m for m in layer.modules() if isinstance(m, SpectralNorm)]:
            norm.seen.add_(1)  # as if the weights had moved
        layer(x)


def as_matrix(layer: nn.Module, weight: torch.Tensor) -> torch.Tensor:
    """A row for each output."""
    transposed = isinstance(layer, nn.modules.conv._ConvTransposeNd)
    return (weight.transpose(0, 1) if transposed else weight).flatten(1)


@each_layer
def test_sigma_becomes_the_largest_singular_value(build, x):
    layer, norm, weight = normed(build())
    converge(layer, x)
    top = torch.linalg.matrix_norm(as_matrix(layer, weight), 2)
    assert norm.sigma(weight).item() == pytest.approx(top.item(), abs=1e-10)
    assert torch.linalg.matrix_norm(as_matrix(layer, layer.weight), 2).item() == pytest.approx(1.0, abs=1e-10)


@each_layer
def test_sigma_of_a_layer_is_the_lipschitz_constant(build, x):
    torch.manual_seed(0)
    layer = spectral_norm(build().double(), lipschitz=2.5)
    converge(layer, x)
    assert torch.linalg.matrix_norm(as_matrix(layer, layer.weight), 2).item() == pytest.approx(2.5, abs=1e-10)


@pytest.mark.parametrize("network", [n for n in shipped(Network).values() if "lipschitz" in n.__dataclass_fields__])
def test_every_layer_of_a_networks_discriminator_has_its_lipschitz_constant(network):
    fields = network.__dataclass_fields__
    small = network(width=4, lipschitz=3.0, **({"spectral": True} if "spectral" in fields else {}))
    data = DataSpec.of((3, 32, 32))
    norms = [m for m in small.discriminator(data).modules() if isinstance(m, SpectralNorm)]
    assert norms
    assert {norm.lipschitz for norm in norms} == {3.0}
    with pytest.raises(UsageError, match="lipschitz is above 0, not 0"):
        replace(small, lipschitz=0.0)


def test_a_layer_without_a_lipschitz_constant_is_refused():
    with pytest.raises(UsageError, match="lipschitz, the K of spectral norm, is greater than 0, not 0"):
        spectral_norm(nn.Linear(2, 2), lipschitz=0.0)


def test_a_transposed_convolution_has_its_outputs_on_axis_one():
    _, norm, weight = normed(nn.ConvTranspose2d(3, 6, 4))
    assert weight.shape[:2] == (3, 6)
    assert norm.u.shape == (6,)


@each_layer
def test_use_leaves_u_bitwise_unchanged(build, x):
    """Some implementations iterate in use too, so that the same input gives other outputs every time."""
    layer, norm, weight = normed(build())
    layer.eval()
    before = norm.u.clone()
    with torch.no_grad():
        weight.mul_(2).add_(1)
    layer(x.double() if x.is_floating_point() else x)
    assert torch.equal(norm.u, before)


def test_the_iteration_takes_place_once_a_step_however_often_the_layer_is_used():
    """So that real and fake, and the parts of a batch, meet the same function."""
    layer, norm, weight = normed(nn.Linear(5, 7))
    seen = []
    for _ in range(3):
        weights = [layer.weight.detach() for _ in range(3)]
        assert all(torch.equal(weights[0], each) for each in weights)
        seen.append(norm.u.clone())
        with torch.no_grad():
            weight.add_(0.1 * torch.randn_like(weight))
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])


def test_the_scale_of_the_weights_does_not_matter():
    layer, _, weight = normed(nn.Linear(5, 7))
    before = layer.weight.detach().clone()
    layer.eval()
    before = layer.weight.detach()
    with torch.no_grad():
        weight.mul_(8)
    assert torch.allclose(layer.weight, before, atol=1e-14)


def test_the_gradient_passes_through_sigma():
    """A σ taken for a constant would leave the gradient along W, which changes nothing."""
    layer, _, weight = normed(nn.Linear(5, 7))
    converge(layer, torch.randn(2, 5))
    direction = torch.randn(7, 5, dtype=torch.float64)
    (found,) = torch.autograd.grad((layer.weight * direction).sum(), weight)
    exact = weight / torch.linalg.matrix_norm(weight, 2)
    (wanted,) = torch.autograd.grad((exact * direction).sum(), weight)
    assert torch.allclose(found, wanted, atol=1e-8)
    assert abs((found * weight).sum().item()) < 1e-8


def test_penalties_differentiate_through_it_twice():
    layer, _, weight = normed(nn.Linear(5, 1, bias=False))
    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    (found,) = torch.autograd.grad(gradient.square().sum(), weight)
    exact = weight / weight.norm()  # a single row's σ is its length
    y = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad((y @ exact.T).square().sum(), y, create_graph=True)
    (wanted,) = torch.autograd.grad(gradient.square().sum(), weight)
    assert torch.allclose(found, wanted, atol=1e-10)


def test_a_network_of_normalised_layers_is_1_lipschitz():
    torch.manual_seed(0)
    net = spectral_norm(nn.Sequential(nn.Linear(6, 9), nn.LeakyReLU(0.1), nn.Linear(9, 9), nn.ReLU(), nn.Linear(9, 1)))
    net.double()
    converge(net, torch.randn(2, 6), times=500)
    net.eval()
    x, y = 5 * torch.randn(2, 500, 6, dtype=torch.float64)
    ratio = (net(x) - net(y)).norm(dim=1) / (x - y).norm(dim=1)
    assert ratio.max() <= 1 + 1e-9


def test_sigma_is_computed_in_full_precision_under_autocast():
    torch.manual_seed(0)
    layer = spectral_norm(nn.Linear(64, 64)).eval()
    plain = layer.weight.detach()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer.weight, plain)


def test_an_averaged_u_need_not_have_length_one():
    layer, norm, _ = normed(nn.Linear(5, 7))
    layer.eval()
    before = layer.weight.detach()
    norm.u.mul_(0.5)
    assert torch.allclose(layer.weight, before, atol=1e-14)


def test_what_is_initialised_after_wrapping_changes_nothing():
    """So networks are initialised first: the wrapped weight is computed, and writing into it is lost."""
    layer, norm, weight = normed(nn.Linear(5, 7))
    with torch.no_grad():
        nn.init.zeros_(layer.weight)
    assert weight.any()
    assert layer.weight.any()
    assert norm in layer.modules()


@pytest.mark.parametrize(("channels", "parameters"), [(64, 5_121), (128, 20_481), (256, 81_921)])
def test_attention_has_the_published_number_of_parameters(channels, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in SelfAttention(channels).parameters()) == parameters


def attention(channels: int = 8, gamma: float = 1.0) -> SelfAttention:
    torch.manual_seed(0)
    block = SelfAttention(channels)
    nn.init.constant_(block.gamma, gamma)
    return block


def test_attention_begins_as_the_identity():
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(SelfAttention(8)(x), x)
    assert not torch.equal(attention()(x), x)


def test_attention_sums_to_one_over_the_keys():
    """A softmax over the queries would make each key, not each place, share out one."""
    rows = attention().attention(torch.randn(2, 8, 4, 6))
    assert rows.shape == (2, 24, 6)
    assert torch.allclose(rows.sum(2), torch.ones(2, 24))
    assert not torch.allclose(rows.sum(1), rows.sum(1).mean().expand(2, 6), atol=1e-3)


def test_equal_places_are_attended_to_equally():
    rows = attention().attention(torch.ones(1, 8, 4, 4))
    assert torch.allclose(rows, torch.full((1, 16, 4), 0.25))


def test_attention_does_not_know_where_a_place_is():
    """Exchanging whole 2×2 pools of the input exchanges the same places of the output, and changes nothing else."""
    block, x = attention(), torch.randn(1, 8, 4, 4)
    swapped = torch.cat((x[:, :, 2:], x[:, :, :2]), dim=2)
    y = block(x)
    assert torch.allclose(block(swapped), torch.cat((y[:, :, 2:], y[:, :, :2]), dim=2), atol=1e-6)


def test_batch_norm_by_class_begins_as_batch_norm_and_scales_each_sample_by_its_own_class():
    x, label = torch.randn(4, 3, 5, 5), torch.tensor([0, 1, 1, 0])
    layer, plain = ClassBatchNorm2d(3, classes=2), batch_norm(x, None, None, training=True)
    assert torch.allclose(layer(x, label), plain, atol=1e-6)
    with torch.no_grad():
        layer.scale[1], layer.shift[1] = 2.0, 3.0
    out = layer(x, label)
    assert torch.allclose(out[[1, 2]], 2 * plain[[1, 2]] + 3, atol=1e-5)
    assert torch.allclose(out[[0, 3]], plain[[0, 3]], atol=1e-6)


def test_batch_norm_by_class_has_the_statistics_of_all_classes_together():
    x, label = torch.randn(4, 3, 5, 5) + torch.arange(4.0)[:, None, None, None], torch.tensor([0, 0, 1, 1])
    out = ClassBatchNorm2d(3, classes=2)(x, label)
    assert torch.allclose(out.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert out[label == 0].mean() < -0.2  # with the statistics of its own class it would be 0


def test_without_classes_it_is_plain_batch_norm():
    x, layer = torch.randn(4, 3, 5, 5), ClassBatchNorm2d(3)
    assert torch.allclose(layer(x), BatchNorm2d(3)(x), atol=1e-6)
    assert sum(p.numel() for p in layer.parameters()) == 6


def test_batch_norm_by_a_vector_of_zero_weights_is_plain_batch_norm():
    """The scale is 1 + A c: without the 1 a layer whose A is small would be silent."""
    x, layer = torch.randn(4, 3, 5, 5), VectorBatchNorm2d(3, 7)
    for linear in (layer.scale, layer.shift):
        nn.init.zeros_(linear.weight)
    assert torch.allclose(layer(x, torch.randn(4, 7)), BatchNorm2d(3)(x), atol=1e-6)


def test_the_logits_of_two_classes_differ_by_the_features_along_their_vectors():
    head, h = Projection(5, classes=3), torch.randn(4, 5)
    one, two = torch.full((4,), 1), torch.full((4,), 2)
    v = head.embedding.weight
    assert torch.allclose(head(h, one) - head(h, two), h @ (v[1] - v[2]), atol=1e-6)


def test_projection_with_empty_vectors_is_the_unconditional_head_and_exchanged_vectors_exchange_logits():
    head, h, label = Projection(5, classes=2), torch.randn(4, 5), torch.tensor([0, 1, 0, 1])
    before = head(h, label)
    with torch.no_grad():
        head.embedding.weight.copy_(head.embedding.weight.flip(0))
    assert torch.allclose(head(h, 1 - label), before)
    nn.init.zeros_(head.embedding.weight)
    assert torch.equal(head(h, label), head(h))


def test_accumulated_statistics_are_the_plain_mean_over_the_batches_and_nothing_else_trains():
    torch.manual_seed(0)
    net = nn.Sequential(spectral_norm(nn.Conv2d(2, 2, 1)), BatchNorm2d(2), nn.Dropout(0.5)).eval()
    batches = [torch.randn(8, 2, 3, 3) * k + k for k in (1, 2, 3)]
    u = net[0].parametrizations.weight[0].u.clone()
    with accumulating(net), torch.no_grad():
        for x in batches:
            net(x)
        maps = [net[0](x).transpose(0, 1).flatten(1) for x in batches]
    assert torch.allclose(net[1].running_mean, torch.stack([m.mean(1) for m in maps]).mean(0), atol=1e-6)
    assert torch.allclose(net[1].running_var, torch.stack([m.var(1) for m in maps]).mean(0), rtol=1e-5)
    assert (net[1].momentum, net[1].training, net[2].training) == (0.1, False, False)
    assert torch.equal(net[0].parametrizations.weight[0].u, u)
    assert relu(net(batches[0])).isfinite().all()
