"""UNIT: every line of its fact sheet on networks, with what proves it."""

import pytest
import torch
from playing import images
from seeding import seed_all
from sheets import Sheet, bare, count, kinds, span
from torch import nn

from saddle.nets.translator import Residual
from saddle.nets.unit import Autoencoders, Judges, code_judge, halved

SHEET = Sheet(
    *("count.autoencoders", "count.parts", "count.normed", "count.judges", "count.judge-parts", "count.none-shared"),
    *("count.same-whatever-is-shared", "field.judge", "size.judge", "net.encoder", "net.decoder", "net.slope"),
    *("net.norm", "net.normed", "net.padded-with-0", "net.block", "net.code", "judge.shared", "judge.plain"),
    *("judge.no-norm", "judge.scales", "judge.blur", "judge.blur-keeps-flat", "judge.patches", "codes.position"),
    *("init.normal", "init.biases"),
)
proves = SHEET.proves


def nets(**options) -> Autoencoders:
    with torch.device("meta"):
        return Autoencoders((3, 3), (256, 256), **options)


def judges(*options) -> Judges:
    with torch.device("meta"):
        return Judges((3, 3), *options)


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def convolutions(network: nn.Module) -> list[nn.modules.conv._ConvNd]:
    return [m for m in network.modules() if isinstance(m, nn.modules.conv._ConvNd)]


@proves("count.autoencoders", "count.normed")
def _the_autoencoders_parameters():
    assert count(nets()) == count(nets(normed=True)) == 18_017_286


@proves("count.parts")
def _the_parameters_of_their_parts():
    whole = nets()
    assert count(whole.encode_a) == count(whole.encode_b) == 3_918_976
    assert count(whole.decode_a) == count(whole.decode_b) == 3_909_507
    assert count(whole.encode_both) == count(whole.decode_both) == 1_180_160


@proves("count.none-shared", "count.same-whatever-is-shared")
def _a_block_that_is_not_shared_is_there_twice():
    assert [count(nets(shared=n)) for n in range(5)] == [20_377_606 - n * 2 * 1_180_160 for n in range(5)]
    for n in range(5):
        assert count(nets(shared=n).encoder("a")) == 3_918_976 + 1_180_160


@proves("count.judges")
def _the_judges_parameters():
    counts = {("shared", 6): 25_240_065, ("scales", 4): 9_308_934, ("apart", 4): 3_102_978, ("apart", 6): 50_298_114}
    assert {options: count(judges(*options)) for options in counts} == counts


@proves("count.judge-parts")
def _the_parameters_of_the_judges_parts():
    whole = judges("shared", 6)
    assert (count(whole.a), count(whole.b), count(whole.both)) == (83_328, 83_328, 25_073_409)


@proves("field.judge")
def _a_patch_of_four_halvings_has_31_pixels_and_of_six_131_with_a_first_kernel_of_7():
    """Kernels of 3: 1 + 2 (1 + 2 + 4 + 8); the first one of 7: 4 more."""
    plain = bare(Judges((1, 1), "apart", 4, 1).a[0])
    assert span(plain, 128) == [31, 31]
    whole = Judges((1, 1), "shared", 6, 1)
    assert span(bare(nn.Sequential(whole.a[0], whole.both)), 512) == [131, 131]


@proves("size.judge", "judge.patches")
def _maps_have_half_the_size_for_each_layer_rounded_up():
    for kind, layers in (("shared", 6), ("scales", 4), ("apart", 2)):
        whole = Judges((1, 3), kind, layers, 1)
        for height, width in ((64, 64), (33, 50), (20, 8)):
            sizes = whole.patches(height, width)
            assert whole(images(2, 1, height, width), "a").shape == (2, sum(sizes))
            assert whole(images(2, 3, height, width), "b").shape == (2, sum(sizes))
    assert Judges((1, 1), "scales", 4, 1).patches(256, 256) == [256, 64, 16]


@proves("net.encoder", "net.decoder", "net.slope")
def _layers_stand_in_the_order_of_the_authors_code():
    block = ["Conv2d", "InstanceNorm2d", "ReLU", "Conv2d", "InstanceNorm2d"]
    whole = nets()
    assert kinds(whole.encode_a) == [*3 * ["Conv2d", "LeakyReLU"], *3 * block]
    assert kinds(whole.decode_a) == [*3 * block, *2 * ["ConvTranspose2d", "LeakyReLU"], "Conv2d", "Tanh"]
    down, up = convolutions(whole.encode_a)[:3], convolutions(whole.decode_a)[-3:]
    shapes = [[(m.out_channels, m.kernel_size[0], m.stride[0]) for m in each] for each in (down, up)]
    assert shapes == [[(64, 7, 1), (128, 3, 2), (256, 3, 2)], [(128, 3, 2), (64, 3, 2), (3, 1, 1)]]
    assert {m.negative_slope for m in whole.modules() if isinstance(m, nn.LeakyReLU)} == {0.01}


@proves("net.norm")
def _norms_are_in_residual_blocks_alone_and_have_no_weights():
    whole = nets()
    norms = [(name, m) for name, m in whole.named_modules() if isinstance(m, nn.modules.batchnorm._NormBase)]
    assert {(type(m), m.affine, m.track_running_stats) for _, m in norms} == {(nn.InstanceNorm2d, False, False)}
    assert all(".body." in name for name, _ in norms)
    assert all(m.bias is not None for m in convolutions(whole))


@proves("net.normed")
def _in_the_other_form_all_layers_but_the_first_and_the_last_are_normed():
    block = ["Conv2d", "InstanceNorm2d", "ReLU", "Conv2d", "InstanceNorm2d"]
    whole = nets(normed=True)
    assert kinds(whole.encode_b) == ["Conv2d", "LeakyReLU", *2 * ["Conv2d", "InstanceNorm2d", "ReLU"], *3 * block]
    assert kinds(whole.decode_b)[-8:] == [*2 * ["ConvTranspose2d", "InstanceNorm2d", "ReLU"], "Conv2d", "Tanh"]


@proves("net.padded-with-0")
def _edges_are_padded_with_0():
    whole = nets()
    assert not any(isinstance(m, nn.ReflectionPad2d) for m in whole.modules())
    padded = [m for m in convolutions(whole) if isinstance(m, nn.Conv2d)]
    assert all(m.padding[0] == m.kernel_size[0] // 2 and m.padding_mode == "zeros" for m in padded)


@proves("net.block")
def _a_block_is_added_to_its_input():
    seed_all(0)
    block, x = Residual(2, reflected=False), images(1, 2, 4, 4)
    assert torch.equal(block(x), x + block.body(x))
    assert count(Residual(256, reflected=False)) == 1_180_160


@proves("net.code")
def _a_code_has_256_maps_of_a_quarter_of_the_size():
    with torch.device("meta"):
        assert nets().encoder("a")(torch.empty(1, 3, 256, 64)).shape == (1, 256, 64, 16)
        assert nets().decoder("b")(torch.empty(1, 256, 64, 16)).shape == (1, 3, 256, 64)


@proves("judge.shared")
def _two_layers_are_each_domains_own_and_the_rest_is_both_domains():
    whole = judges()
    assert kinds(whole.a) == kinds(whole.b) == 2 * ["Conv2d", "LeakyReLU"]
    assert kinds(whole.both) == [*4 * ["Conv2d", "LeakyReLU"], "Conv2d"]
    layers = [*convolutions(whole.a), *convolutions(whole.both)]
    assert [m.kernel_size[0] for m in layers] == [7, 3, 3, 3, 3, 3, 1]
    assert [m.out_channels for m in layers] == [64, 128, 256, 512, 1024, 2048, 1]


@proves("judge.plain")
def _a_judge_apart_has_kernels_of_3():
    layers = convolutions(judges("apart", 4).a)
    assert [(m.kernel_size[0], m.stride[0]) for m in layers] == [*4 * [(3, 2)], (1, 1)]


@proves("judge.no-norm")
def _judges_have_no_norm():
    for kind in ("shared", "scales", "apart"):
        assert not any("Norm" in type(m).__name__ for m in judges(kind, 4).modules())


@proves("judge.scales")
def _each_scale_has_a_judge_of_its_own_that_sees_a_half_of_the_last():
    whole, x = Judges((1, 1), "scales", 2, 1), images(1, 1, 16, 16)
    parts = whole(x, "a").split(whole.patches(16, 16), 1)
    for scale, (network, part) in enumerate(zip(whole.a, parts, strict=True)):
        seen = x
        for _ in range(scale):
            seen = halved(seen)
        assert torch.equal(network(seen).flatten(1), part)


@proves("judge.blur")
def _a_pixel_is_spread_as_a_normal_distribution_of_08_pixels():
    x = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    x[0, 0, 2, 2] = 1
    side = torch.exp(torch.tensor(-1 / (2 * 0.8**2), dtype=torch.float64))
    middle = 1 / (1 + 2 * side)
    assert halved(x)[0, 0, 1, 1] == pytest.approx(float(middle**2), rel=1e-6)
    x = torch.zeros(1, 2, 5, 5, dtype=torch.float64)
    x[0, 1, 1, 2] = 1
    assert halved(x)[0, 1, 1, 1] == pytest.approx(float(middle**2 * side), rel=1e-6)
    assert not halved(x)[0, 0].any()


@proves("judge.blur-keeps-flat")
def _flat_images_of_any_shape_stay_flat():
    """The authors' code cuts wide images to squares here."""
    x = torch.full((2, 3, 9, 14), 0.7)
    assert torch.allclose(halved(x), torch.full((2, 3, 5, 7), 0.7))


@proves("codes.position")
def _the_judge_of_codes_looks_at_each_position_by_itself():
    judge, code = code_judge(8), images(1, 8, 3, 3)
    assert judge(code).shape == (1, 1, 3, 3)
    other = code.clone()
    other[:, :, 0, 0] += 1
    changed = judge(code) != judge(other)
    assert changed.flatten().tolist() == [True] + 8 * [False]


@proves("init.normal", "init.biases")
def _weights_start_with_a_deviation_of_02_and_biases_as_torch_has_them():
    seed_all(0)
    for network in (Autoencoders((1, 1), (8, 8), 32, 1), Judges((1, 1), "apart", 3, 32)):
        for m in convolutions(network):
            assert m.bias.any()
            if m.weight.numel() > 10_000:
                assert float(m.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
                assert float(m.bias.detach().abs().max()) <= 0.06
