"""Layers that look at more than one sample, and weight norm: closed forms and the mistakes that others made."""

import pytest
import torch
from torch import nn

from saddle.layers.discrimination import MinibatchDiscrimination
from saddle.layers.virtual import REFERENCE, Virtual, VirtualBatchNorm
from saddle.layers.weight_norm import WeightNorm


def ready(layer: MinibatchDiscrimination) -> MinibatchDiscrimination:
    layer.ready.fill_(True)
    return layer


def test_equal_rows_are_as_close_as_their_number_less_one():
    """The mistake would be to count a sample as close to itself: 6 instead of 5 for each of 6 equal rows."""
    layer = ready(MinibatchDiscrimination(4, kernels=7, dims=3))
    features = torch.randn(1, 4).repeat(6, 1)
    out = layer(features)
    assert out.shape == (6, 4 + 7)
    assert torch.equal(out[:, :4], features)
    assert torch.allclose(out[:, 4:], torch.full((6, 7), 5.0) + layer.bias)


def test_rows_far_apart_are_not_close():
    layer = ready(MinibatchDiscrimination(4, kernels=7, dims=3))
    far = 1000.0 * torch.arange(5.0).view(-1, 1) * torch.randn(1, 4)
    assert torch.allclose(layer(far)[:, 4:], layer.bias.expand(5, 7), atol=1e-6)


def test_closeness_is_the_papers_sum():
    """o(x_i)_b = Σ_j exp(-‖M_ib - M_jb‖₁), with T normalised over the features."""
    layer = ready(MinibatchDiscrimination(4, kernels=2, dims=3).double())
    features = torch.randn(3, 4).double()
    t = layer.theta / layer.theta.square().sum(0).sqrt()
    m = torch.einsum("na,abc->nbc", features, t)
    for i, b in ((0, 0), (1, 1), (2, 0)):
        by_hand = sum(torch.exp(-(m[i, b] - m[j, b]).abs().sum()) for j in range(3) if j != i)
        assert torch.isclose(layer(features)[i, 4 + b], by_hand + layer.bias[b])


def test_the_first_batch_scales_distances_and_centres():
    """Half the mean distance to the nearest other is 1; the mean of what is appended is 0."""
    torch.manual_seed(0)
    layer, features = MinibatchDiscrimination(6, kernels=4, dims=5), 30 * torch.randn(16, 6)
    first = layer(features)
    distance = layer._distance(features)
    distance.diagonal(dim1=0, dim2=1).fill_(torch.inf)
    assert torch.allclose(distance.amin(1).mean(0), torch.full((4,), 2.0))
    assert torch.allclose(first[:, 6:].mean(0), torch.zeros(4), atol=1e-5)
    before = layer.log_scale.clone()
    layer(torch.randn(16, 6))
    assert torch.equal(before, layer.log_scale)  # once


def test_one_sample_alone_is_close_to_nothing():
    layer = MinibatchDiscrimination(3, kernels=2)
    assert torch.allclose(layer(torch.randn(1, 3))[:, 3:], layer.bias)


def norm_of(x: torch.Tensor, channels: int) -> tuple[nn.Module, torch.Tensor]:
    layers = Virtual(nn.Sequential(VirtualBatchNorm(channels).double()), x.shape[1:]).double()
    return layers, layers(x)


def test_virtual_batch_norm_blends_reference_and_sample():
    """mean = (n μ_ref + x) / (n + 1), the mean square likewise."""
    torch.manual_seed(0)
    first = torch.randn(REFERENCE, 3).double()
    layers, _ = norm_of(first, 3)
    x = 5 * torch.randn(2, 3).double()
    mean = (REFERENCE * first.mean(0) + x) / (REFERENCE + 1)
    square = (REFERENCE * first.square().mean(0) + x.square()) / (REFERENCE + 1)
    assert torch.allclose(layers(x), (x - mean) / (square - mean.square() + 1e-5).sqrt())


def test_virtual_batch_norm_of_maps_uses_all_their_pixels():
    torch.manual_seed(0)
    first, x = torch.randn(REFERENCE, 2, 3, 3).double(), torch.randn(1, 2, 3, 3).double() + 1
    layers, _ = norm_of(first, 2)
    mean = (REFERENCE * first.mean((0, 2, 3)) + x.mean((0, 2, 3))) / (REFERENCE + 1)
    square = (REFERENCE * first.square().mean((0, 2, 3)) + x.square().mean((0, 2, 3))) / (REFERENCE + 1)
    by_hand = (x - mean.view(1, 2, 1, 1)) / (square - mean.square() + 1e-5).sqrt().view(1, 2, 1, 1)
    assert torch.allclose(layers(x), by_hand)


def test_a_samples_virtual_norm_does_not_depend_on_its_batch():
    layers, _ = norm_of(torch.randn(8, 3).double(), 3)
    x = torch.randn(5, 3).double()
    assert torch.allclose(layers(x)[2:3], layers(x[2:3]))


def test_the_reference_stays_the_first_batch():
    """The mistake would be to take a new reference with every second call, as one library does."""
    first, second = torch.randn(8, 3).double(), torch.randn(8, 3).double()
    layers, once = norm_of(first, 3)
    for _ in range(3):
        layers(second)
    assert torch.equal(layers.reference[:8], first)
    assert torch.equal(layers.reference[8:16], first)  # repeated to the reference's size
    assert torch.allclose(layers(first), once)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (nn.Linear(4, 3, bias=False), torch.randn(50, 4)),
        (nn.Conv2d(2, 3, 3, bias=False), torch.randn(10, 2, 6, 6)),
        (nn.ConvTranspose2d(2, 3, 4, 2, bias=False), torch.randn(10, 2, 6, 6)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_the_first_batch_gives_weight_norm_mean_0_and_the_std_asked_for(layer, x):
    normed = WeightNorm(layer, std=0.1)
    out = normed(5 * x + 2).transpose(0, 1).flatten(1)
    assert torch.allclose(out.mean(1), torch.zeros(3), atol=1e-5)
    assert torch.allclose(out.std(1, correction=0), torch.full((3,), 0.1), rtol=1e-4)


def test_weight_norm_is_g_v_over_the_norm_of_v():
    for layer, axes in ((nn.Linear(4, 3, bias=False), 1), (nn.ConvTranspose2d(4, 3, 2, bias=False), (0, 2, 3))):
        normed = WeightNorm(layer, learn_scale=True).eval()
        normed.scale.data = torch.tensor([1.0, 2.0, 3.0])
        x = torch.randn(5, *([4] if isinstance(layer, nn.Linear) else [4, 3, 3]))
        shape = [-1, 1] if isinstance(layer, nn.Linear) else [1, -1, 1, 1]
        by_hand = layer.weight / layer.weight.square().sum(axes, keepdim=True).sqrt() * normed.scale.view(shape)
        layer_by_hand = type(layer)(4, 3, *([] if isinstance(layer, nn.Linear) else [2]), bias=False)
        layer_by_hand.weight.data = by_hand.data
        assert torch.allclose(normed(x), layer_by_hand(x), atol=1e-5)


def test_only_a_scale_that_shall_learn_is_a_parameter():
    fixed, learnt = (WeightNorm(nn.Linear(2, 3, bias=False), learn_scale=learn) for learn in (False, True))
    assert {name for name, _ in learnt.named_parameters()} - {n for n, _ in fixed.named_parameters()} == {"scale"}


def test_weight_norm_wants_a_layer_without_bias():
    with pytest.raises(ValueError, match="its own bias"):
        WeightNorm(nn.Linear(2, 3))
