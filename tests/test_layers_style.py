"""Layers of ProGAN and StyleGAN2: closed forms."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate

from saddle.base.errors import UsageError
from saddle.layers.equalized import HE, EqualizedConv2d, EqualizedLinear
from saddle.layers.minibatch import MinibatchStd, minibatch_std
from saddle.layers.modulated import ModulatedConv2d, modulated_conv
from saddle.layers.pixel_norm import PixelNorm, pixel_norm
from saddle.layers.resample import blur, double, enlarge, halve, shrink

D = torch.float64


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=D, generator=torch.Generator().manual_seed(len(shape) + shape[0]))


@pytest.mark.parametrize(
    ("layer", "x"),
    [(EqualizedLinear(400, 300, HE), torch.eye(400)), (EqualizedConv2d(100, 90, 2, HE, stride=2, padding=0), None)],
    ids=["linear, where it is forgotten", "convolution"],
)
def test_equalized_weights_are_stored_with_std_1_and_count_gain_over_root_of_fan_in(layer, x):
    assert layer.weight.std().item() == pytest.approx(1, rel=0.02)
    x = torch.eye(400).view(400, 100, 2, 2) if x is None else x
    assert layer(x).std().item() == pytest.approx(HE / 400**0.5, rel=0.02)
    assert not layer.bias.any()


def test_a_learning_rate_multiplier_slows_the_step_and_not_the_start():
    torch.manual_seed(0)
    plain, slow = EqualizedLinear(256, 256, bias=1.0), EqualizedLinear(256, 256, lr_multiplier=0.01, bias=1.0)
    assert slow.weight.std().item() == pytest.approx(100, rel=0.02)
    x, moved = torch.eye(256), []
    for layer in (plain, slow):
        before = layer(x)
        assert before.mean().item() == pytest.approx(1, abs=0.01)
        assert before.std().item() == pytest.approx(1 / 16, rel=0.02)
        optim = torch.optim.Adam(layer.parameters(), lr=1e-3)
        before.sum().backward()
        optim.step()
        moved.append((layer(x) - before).mean().item())
    assert moved[1] == pytest.approx(moved[0] / 100, rel=0.01)


def test_pixel_norm_makes_the_mean_square_of_each_pixel_1():
    x = randn(3, 5, 2, 4) * 7
    assert torch.allclose(pixel_norm(x).square().mean(1), torch.ones(3, 2, 4, dtype=D))
    assert torch.equal(PixelNorm()(x), pixel_norm(x))
    assert torch.allclose(pixel_norm(10 * x), pixel_norm(x))


def test_equal_samples_have_the_root_of_epsilon_as_deviation_and_not_zero():
    same = torch.ones(4, 3, 2, 2, dtype=D)
    assert minibatch_std(same).tolist() == pytest.approx([1e-4] * 4)
    assert minibatch_std(same, eps=0.0).tolist() == [0] * 4
    assert minibatch_std(randn(4, 3, 2, 2), group=1).tolist() == pytest.approx([1e-4] * 4)


def test_the_deviation_is_the_populations_averaged_over_maps_and_pixels():
    x = torch.tensor([[[[0.0, 1.0]]], [[[2.0, 5.0]]]], dtype=D)  # deviations 1 and 2; a sample's would be √2 as large
    assert minibatch_std(x, eps=0.0).tolist() == pytest.approx([1.5, 1.5])
    assert torch.allclose(minibatch_std(50 * x), 50 * minibatch_std(x))


def test_groups_are_every_gth_sample():
    x = torch.tensor([0.0, 10.0, 2.0, 16.0], dtype=D).view(4, 1, 1, 1)  # groups (0, 2) and (10, 16)
    assert minibatch_std(x, group=2, eps=0.0).tolist() == pytest.approx([1, 3, 1, 3])


def test_the_deviation_is_one_more_map():
    x = randn(8, 3, 2, 2)
    out = MinibatchStd()(x)
    assert torch.equal(out[:, :3], x)
    assert torch.allclose(out[:, 3:], minibatch_std(x)[:, None, None, None].expand(8, 1, 2, 2))


@pytest.mark.parametrize("n", [6, 9, 1])
def test_a_batch_that_cannot_be_compared_in_groups_is_refused(n):
    with pytest.raises(UsageError, match="compares samples"):
        MinibatchStd(4).check(n)


def test_a_batch_smaller_than_a_group_is_one_group():
    MinibatchStd(4).check(3)
    assert len(minibatch_std(randn(3, 2, 2, 2))) == 3


def filtered(x: torch.Tensor, gain: float = 1.0) -> torch.Tensor:
    """By the definition: a full convolution of each map with the outer product of [1, 3, 3, 1] / 8."""
    taps = torch.tensor([1.0, 3, 3, 1], dtype=D) / 8
    return conv2d(x.flatten(0, 1)[:, None], (gain * taps[:, None] * taps)[None, None], padding=3).unflatten(
        0, x.shape[:2]
    )[:, :, 0]


def spread(x: torch.Tensor) -> torch.Tensor:
    """Zeros between the pixels."""
    out = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    out[:, :, ::2, ::2] = x
    return out


def test_doubling_and_halving_follow_their_definitions():
    x = randn(2, 3, 6, 4)
    assert torch.allclose(blur(x, padding=3), filtered(x))
    assert torch.allclose(double(x), filtered(spread(x), 4.0)[:, :, 1:13, 1:9])
    assert torch.allclose(halve(x), filtered(x)[:, :, 2:7:2, 2:5:2])


def test_a_flat_image_stays_flat_away_from_the_edges():
    flat = torch.ones(1, 2, 8, 8, dtype=D)
    for x, there in (
        (double(flat), slice(2, -2)),
        (halve(flat), slice(1, -1)),
        (enlarge(flat, 4), slice(None)),
        (shrink(flat, 4), slice(None)),
    ):
        assert torch.allclose(x[:, :, there, there], torch.ones((), dtype=D))


def test_enlarging_repeats_pixels_and_shrinking_takes_means():
    x = randn(2, 1, 4, 4)
    assert torch.equal(enlarge(x), interpolate(x, scale_factor=2))
    assert torch.equal(enlarge(x)[:, :, ::2, 1::2], x)
    assert torch.allclose(shrink(enlarge(x, 4), 4), x)


def by_hand(x, weight, style, demodulate=True):
    """One sample after the other, each with its own weights: Equations 1 and 3 to the letter."""
    out = []
    for image, s in zip(x, style, strict=True):
        w = weight * s[:, None, None]
        if demodulate:
            w = w / (w.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        out.append(conv2d(image[None], w, padding=1))
    return torch.cat(out)


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulated_convolution_is_a_loop_over_samples(demodulate):
    x, weight, style = randn(3, 4, 6, 5), randn(2, 4, 3, 3), randn(3, 4)
    assert torch.allclose(modulated_conv(x, weight, style, demodulate), by_hand(x, weight, style, demodulate))


def test_modulated_convolution_is_a_grouped_convolution():
    x, weight, style = randn(3, 4, 6, 5), randn(2, 4, 3, 3), randn(3, 4)
    own = weight * style[:, None, :, None, None]
    own = own / (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    grouped = conv2d(x.reshape(1, 12, 6, 5), own.flatten(0, 1), padding=1, groups=3).view(3, 2, 6, 5)
    assert torch.allclose(modulated_conv(x, weight, style), grouped)


def test_a_style_of_ones_is_the_plain_convolution_and_equal_styles_give_equal_weights():
    x, weight = randn(3, 4, 6, 5), randn(2, 4, 3, 3)
    assert torch.allclose(
        modulated_conv(x, weight, torch.ones(3, 4, dtype=D), demodulate=False), conv2d(x, weight, padding=1)
    )
    same = randn(1, 4).expand(3, 4)
    assert torch.allclose(modulated_conv(x, weight, same)[1:], modulated_conv(x[1:], weight, same[1:]))


def test_demodulation_comes_after_the_style_so_that_its_length_is_of_no_matter():
    x, weight, style = randn(3, 4, 6, 5), randn(2, 4, 3, 3), randn(3, 4)
    assert torch.allclose(modulated_conv(x, weight, 7 * style), modulated_conv(x, weight, style))


def test_demodulated_maps_of_white_noise_have_variance_1():
    torch.manual_seed(0)
    out = modulated_conv(torch.randn(64, 16, 12, 12), torch.randn(8, 16, 3, 3), torch.rand(64, 16) + 0.1)
    assert out[:, :, 1:-1, 1:-1].var().item() == pytest.approx(1, rel=0.03)


def test_modulated_convolution_doubles_by_zeros_weights_and_filter():
    x, weight = randn(2, 3, 5, 4), randn(2, 3, 3, 3)
    plain = conv2d(spread(x), weight.flip(2, 3), padding=2)[:, :, :11, :9]
    there = modulated_conv(x, weight, torch.ones(2, 3, dtype=D), demodulate=False, up=True)
    assert there.shape == (2, 2, 10, 8)
    assert torch.allclose(there, filtered(plain, 4.0)[:, :, 2:12, 2:10])


def test_modulated_convolutions_can_be_differentiated_twice():
    layer = ModulatedConv2d(2, 2, 3, w_dim=3, up=True).double()
    x, w = randn(2, 2, 2, 2).requires_grad_(), randn(2, 3).requires_grad_()
    assert torch.autograd.gradgradcheck(layer, (x, w))
    assert torch.autograd.gradgradcheck(lambda x: halve(double(x)), (x,))


def test_a_modulated_layer_starts_with_a_style_near_1():
    layer = ModulatedConv2d(8, 4, 3, w_dim=6)
    assert layer.style(torch.zeros(1, 6)).tolist() == [[1.0] * 8]
    assert isinstance(layer.weight, nn.Parameter)
    assert layer.weight.shape == (4, 8, 3, 3)
