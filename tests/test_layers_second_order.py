"""Layers made for gradient penalties: torch's functions to the last derivative, without its detours."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import conv2d, conv_transpose2d

from saddle.layers import convolution
from saddle.layers.activation import leaky_relu
from saddle.layers.convolution import Conv2d
from saddle.layers.resample import double, halve

SHAPES = [(1, 3, 1, 2, 6), (2, 4, 1, 1, 6), (2, 3, 1, 2, 6), (2, 3, 1, 1, 5), (1, 1, 0, 1, 4)]  # stride, …, size


def twins(stride: int, kernel: int, padding: int, groups: int) -> tuple[Conv2d, nn.Conv2d]:
    ours, torchs = (kind(4, 6, kernel, stride, padding, groups=groups).double() for kind in (Conv2d, nn.Conv2d))
    torchs.load_state_dict(ours.state_dict())
    return ours, torchs


def images(*shape: int) -> Tensor:
    x = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return x.requires_grad_()


def penalty_gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    (gradient,) = torch.autograd.grad(layer(x).sin().sum(), x, create_graph=True)
    return list(torch.autograd.grad(gradient.square().sum(), [*layer.parameters()]))


@pytest.mark.parametrize(("stride", "kernel", "padding", "groups", "size"), SHAPES)
def test_the_convolution_is_torchs_to_the_second_derivative(stride, kernel, padding, groups, size):
    ours, torchs = twins(stride, kernel, padding, groups)
    x = images(2, 4, size, size)
    assert torch.equal(ours(x), torchs(x))
    for mine, theirs in zip(penalty_gradients(ours, x), penalty_gradients(torchs, x), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-10, atol=1e-10)


def test_the_weights_gradient_can_itself_be_differentiated():
    """As unrolling a discriminator's steps does."""
    layer = twins(1, 3, 1, 2)[0]
    x = images(2, 4, 3, 3)

    def call(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional_call(layer, {"weight": weight, "bias": bias}, x)

    assert torch.autograd.gradgradcheck(call, (x, layer.weight, layer.bias))


def test_an_input_gradient_computes_no_weight_gradients(monkeypatch):
    network = nn.Sequential(Conv2d(4, 4, 3, padding=1), Conv2d(4, 4, 1)).double()
    x, computed = images(2, 4, 5, 5), []
    weight_gradient = convolution.conv2d_weight
    monkeypatch.setattr(convolution, "conv2d_weight", lambda *a: computed.append(1) or weight_gradient(*a))
    torch.autograd.grad(network(x).sum(), x, create_graph=True)
    assert computed == []
    network(x).sum().backward(inputs=[network[1].weight])
    assert computed == [1]


def test_a_convolution_notices_that_its_input_was_changed_before_the_backward_pass():
    x = torch.ones(1, 4, 3, 3)
    y = Conv2d(4, 6, 1)(x)
    x.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_under_autocast_the_convolution_is_in_half_precision_and_its_weights_gradient_is_not():
    layer = Conv2d(4, 6, 3, padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(torch.randn(2, 4, 5, 5))
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16
    assert layer.weight.grad.dtype == layer.bias.grad.dtype == torch.float32


def test_leaky_relu_is_torchs_and_its_second_derivative_is_nothing_instead_of_zeros():
    x, slope = images(3, 5), 0.2
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    for activate in (lambda x: leaky_relu(x, slope), lambda x: nn.functional.leaky_relu(x, slope)):
        y = activate(x * scale)
        assert torch.equal(y, torch.where(x > 0, 2 * x, 2 * slope * x))
        (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        assert torch.allclose(first, 8 * x * torch.where(x > 0, 1.0, slope**2))
        (second,) = torch.autograd.grad(first.sum(), x)
        assert torch.allclose(second, 8 * torch.where(x > 0, 1.0, slope**2).double())

    sends: list[bool] = []
    for activate in (leaky_relu, nn.functional.leaky_relu):
        h = x * 1
        (gradient,) = torch.autograd.grad(activate(h * scale).sum(), h, create_graph=True)
        h = x * 1
        before = h + 0
        (gradient,) = torch.autograd.grad(activate(before + 0).sum(), before, create_graph=True)
        (sent,) = torch.autograd.grad(gradient.sum(), x, allow_unused=True) if gradient.requires_grad else (None,)
        sends.append(sent is not None)
    assert sends == [False, True]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 6)])
def test_resampling_is_the_convolution_with_1_3_3_1_and_zeros_beyond_the_edge(height, width):
    x, kernel = images(2, 3, height, width), torch.tensor([1.0, 3.0, 3.0, 1.0]).double() / 8
    both = torch.outer(kernel, kernel).expand(3, 1, 4, 4)
    assert torch.allclose(halve(x), conv2d(x, both, stride=2, padding=1, groups=3))
    assert torch.allclose(double(x), conv_transpose2d(x, 4 * both, stride=2, padding=1, groups=3))
    last = x.detach().contiguous(memory_format=torch.channels_last)
    assert torch.allclose(halve(last), halve(x))
    assert halve(last).is_contiguous(memory_format=torch.channels_last)


def test_resampling_keeps_what_is_constant_away_from_the_edge():
    x = torch.full((1, 2, 8, 8), 3.0)
    assert torch.equal(double(x)[:, :, 1:-1, 1:-1], torch.full((1, 2, 14, 14), 3.0))
    assert torch.equal(halve(x)[:, :, 1:-1, 1:-1], torch.full((1, 2, 2, 2), 3.0))
