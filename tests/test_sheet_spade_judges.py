"""SPADE: every line of its fact sheet on discriminator, encoder and weights, with what proves it."""

from itertools import pairwise

import pytest
import torch
from playing import images
from sheets import Sheet, bare, span, value
from test_sheet_spade_nets import a_map, is_spectral, judges, thin
from torch import nn
from torch.nn.functional import interpolate

from saddle.layers.spectral import before_norm
from saddle.nets.scales import Scales, matching
from saddle.nets.spade import SpadeGenerator, StyleEncoder, spade_judges

SHEET = Sheet(
    *("judge.layers", "judge.padding-2", "judge.field", "judge.map-sizes", "judge.spectral-and-no-bias"),
    *("judge.four-maps", "encoder.layers", "encoder.resizes", "encoder.small-crops", "encoder.spectral"),
    *("init.xavier", "init.before-the-spectral-norm", "spectral.sigma-is-1", "spectral.once-a-step"),
)
proves = SHEET.proves


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("judge.layers", "judge.padding-2")
def _a_discriminator_has_the_codes_layers():
    """Four layers as the code counts: 64, 128 and 256 with stride 2, 512 with 1; then the logits."""
    for judge in judges(39):
        convs = [m for m in judge if isinstance(m, nn.Conv2d)]
        assert [(c.out_channels, c.stride[0]) for c in convs] == [(64, 2), (128, 2), (256, 2), (512, 1), (1, 1)]
        assert {(c.kernel_size, c.padding) for c in convs} == {((4, 4), (2, 2))}
        names = ["Conv2d" if isinstance(m, nn.Conv2d) else type(m).__name__ for m in judge]
        norm = ["Conv2d", "InstanceNorm2d", "LeakyReLU"]
        assert names == ["Conv2d", "LeakyReLU", *norm * 3, "Conv2d"]


@proves("judge.field")
def _a_patch_has_70_pixels():
    judge = Scales((1, 256, 256), 1, 3, 1)[0]
    assert span(bare(judge), 256) == [70, 70]


@proves("judge.map-sizes")
def _logits_have_the_published_sizes():
    for side, found in ((256, (35, 19)), (512, (67, 35))):
        maps = spade_judges((3, side, side), 2, 3, 2)(torch.zeros(1, 3, side, side))
        assert tuple(each[-1].shape[-1] for each in maps) == found


@proves("judge.spectral-and-no-bias")
def _convolutions_before_a_norm_are_spectrally_normed_and_have_no_bias():
    for judge in judges(39):
        for layer, after in pairwise([*judge, nn.Identity()]):
            if isinstance(layer, nn.Conv2d):
                normed = isinstance(after, nn.InstanceNorm2d)
                assert (is_spectral(layer), layer.bias is None) == (normed, normed)


@proves("judge.four-maps")
def _four_maps_of_each_discriminator_are_matched_and_logits_are_none_of_them():
    maps = spade_judges((3, 64, 64), 2, 3, 2)(torch.zeros(1, 3, 64, 64))
    assert [[x.shape[1] for x in each] for each in maps] == [[2, 4, 8, 16, 1]] * 2
    ten, logits = [[x + 1 for x in each] for each in maps], [[*each[:-1], each[-1] + 9] for each in maps]
    assert value(matching(maps, ten, scaled=False)) == pytest.approx(4)
    assert value(matching(maps, logits, scaled=False)) == 0


@proves("encoder.layers")
def _the_encoder_has_six_convolutions_of_256_pixels():
    with torch.device("meta"):
        encoder = StyleEncoder((3, 256, 256))
    convs = [m for m in encoder.layers if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [64, 128, 256, 512, 512, 512]
    assert {(c.kernel_size, c.stride, c.padding, c.bias) for c in convs} == {((3, 3), (2, 2), (1, 1), None)}
    assert encoder.mean.weight.shape == encoder.log_variance.weight.shape == (256, 512 * 4 * 4)


@proves("encoder.resizes")
def _an_image_of_another_size_is_brought_to_the_trainings():
    torch.manual_seed(0)
    encoder = StyleEncoder((3, 32, 32), z_dim=5, width=2)
    x = images(1, 3, 48, 80)
    brought = interpolate(x, (32, 32), mode="bilinear", antialias=True)
    assert torch.allclose(encoder(x)[0], encoder(brought)[0], atol=1e-6)


@proves("encoder.small-crops")
def _an_image_below_256_pixels_is_seen_at_its_own_size():
    """The code leaves out a layer and enlarges the image nevertheless, so that nothing fits."""
    for shape in ((64, 64), (128, 96), (40, 72), (4, 4), (9, 33)):
        encoder = StyleEncoder((3, *shape), z_dim=5, width=2)
        seen = encoder.layers(torch.zeros(1, 3, *shape))
        assert 4 <= min(seen.shape[2:]) <= 7
        assert [each.shape for each in encoder(images(2, 3, *shape))] == [(2, 5), (2, 5)]


@proves("encoder.spectral")
def _all_its_convolutions_are_spectrally_normed_and_its_heads_are_not():
    encoder = StyleEncoder((3, 32, 32), z_dim=5, width=2)
    assert all(is_spectral(m) for m in encoder.layers if isinstance(m, nn.Conv2d))
    assert not any(is_spectral(head) for head in (encoder.mean, encoder.log_variance))


@proves("init.xavier", "init.before-the-spectral-norm")
def _weights_begin_with_a_fiftieth_of_xaviers_also_those_under_a_spectral_norm():
    """After the norm an initialisation would write into a computed tensor, and change nothing."""
    torch.manual_seed(0)
    network = SpadeGenerator(3, 3, (16, 16), 2, width=8, hidden=32)
    judge = spade_judges((6, 32, 32), 1, 3, 16)
    encoder = StyleEncoder((3, 32, 32), z_dim=64, width=16)
    layers = [network.blocks[0].conv_0, network.blocks[0].norm_0.scale, network.blocks[3].conv_s, judge[0][5]]
    layers += [encoder.layers[3], encoder.mean]
    for layer in layers:
        weight = before_norm(layer)
        inputs, outputs = weight[0].numel(), weight.transpose(0, 1)[0].numel()
        assert float(weight.detach().std()) == pytest.approx(0.02 * (2 / (inputs + outputs)) ** 0.5, rel=0.15)
    biases = [p for n, p in [*network.named_parameters(), *judge.named_parameters()] if n.endswith("bias")]
    assert not any(bias.any() for bias in biases)


@proves("spectral.sigma-is-1")
def _the_largest_singular_value_is_about_1():
    network = thin()
    with torch.no_grad():
        for _ in range(60):  # each step of the weights is followed by one power iteration
            for block in network.blocks:
                before_norm(block.conv_0).mul_(1.001)
            network(a_map())
    for block in network.blocks:
        assert value(torch.linalg.matrix_norm(block.conv_0.weight.flatten(1), 2)) == pytest.approx(1, abs=0.02)


@proves("spectral.once-a-step")
def _drawing_again_from_the_same_weights_does_not_move_the_norm():
    """In the code a second look advances it twice a step."""
    network = thin().train()
    network(a_map())
    before = {name: value.clone() for name, value in network.named_buffers()}
    network(a_map())
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
