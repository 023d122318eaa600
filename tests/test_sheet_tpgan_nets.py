"""TP-GAN's networks, its parts and its distances: lines of its fact sheet, with what proves them."""

import math
from functools import cache

import pytest
import torch
from playing import images
from sheets import Sheet, count, kinds
from torch import nn

from saddle.base.errors import UsageError
from saddle.layers.dropout import Dropout
from saddle.layers.norm import BatchNorm2d
from saddle.layers.symmetry import asymmetry, summed, variation, with_edges
from saddle.nets.tpgan import Decoder, Encoder, Generator, Residual, check, identity_head, local_discriminator
from saddle.nets.tpgan_parts import (
    SIZES,
    Rotator,
    Rotators,
    check_landmarks,
    corners,
    cut,
    cut_parts,
    frontal_parts,
    fused,
    looks_left,
    mirrored,
    points,
    sides,
)

SHEET = Sheet(
    "count.encoder",
    "count.decoder",
    "count.rotators",
    "count.local-discriminator",
    "count.identity-head",
    "count.generator-without-head",
    "count.width-by-formula",
    "nets.residual",
    "nets.encoder-sees-the-mirror-image",
    "nets.encoder-kernels-and-outputs",
    "nets.maxout",
    "nets.decoder-initial-maps",
    "nets.decoder-images-fed-upward",
    "nets.decoder-kernels",
    "nets.last-layers",
    "nets.right-eye-sees-the-left",
    "nets.rotator-halves-and-doubles-three-times",
    "nets.discriminator-map-of-4",
    "nets.norm-constants",
    "init.truncated-normal-and-biases",
    "head.dropout",
    "parts.sizes-and-places",
    "parts.of-64-pixels",
    "parts.paste-and-crop-returns-the-patch",
    "parts.max-fusion",
    "parts.negative-features-are-lost",
    "parts.cut-at-landmarks",
    "parts.mirrored",
    "loss.symmetric-image",
    "loss.asymmetry-is-a-sum",
    "loss.edges",
    "loss.variation-of-a-step",
    "size.refused",
    "landmarks.refused",
)
proves = SHEET.proves
SIDE = (32, 32)


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


def whole(width: int = 64) -> tuple[Encoder, Decoder, Rotators]:
    with torch.device("meta"):
        networks = Encoder(3, (128, 128), width), Decoder(3, (128, 128), width, 100, width + 3), Rotators(3, width)
    return networks


@proves("count.encoder", "count.decoder", "count.rotators", "count.generator-without-head")
@cache
def _the_generator_has_the_papers_parameters():
    encoder, decoder, rotators = whole()
    assert (count(encoder), count(decoder)) == (39_420_672, 49_197_818)
    each = {"left eye": 17_199_043, "right eye": 17_200_771, "nose": 17_199_043, "mouth": 17_199_043}
    assert {name: count(rotator) for name, rotator in rotators.items()} == each
    assert count(encoder) + count(decoder) + count(rotators) == 157_416_390


@proves("count.local-discriminator", "count.identity-head")
@cache
def _the_discriminator_and_the_head_have_the_papers_parameters():
    with torch.device("meta"):
        assert count(local_discriminator((3, 128, 128), 64)) == 13_357_441
        assert count(identity_head(256, 340)) == 87_380


@proves("count.width-by-formula")
def _parameters_of_any_width_are_those_of_the_formula():
    def conv(n: int, m: int, k: int = 3) -> int:
        return n * m * k * k + m

    def res(n: int, k: int = 3) -> int:
        return 2 * (conv(n, n, k) + 2 * n)

    def normed(n: int, m: int, k: int = 3) -> int:
        return conv(n, m, k) + 2 * m

    for w in (8, 16, 64):
        encoder = conv(6, w, 7) + res(w, 7) + normed(w, w, 5) + res(w, 5) + 64 * 8 * w * 8 * w + 8 * w
        encoder += sum(normed(n * w, 2 * n * w) for n in (1, 2, 4)) + res(2 * w) + res(4 * w) + 4 * res(8 * w)
        rotator = conv(3, w) + res(w) + 2 * sum(normed(2 * n * w, n * w) for n in (1, 2, 4)) + conv(w, 3)
        rotator += sum(normed(n * w, 2 * n * w) + res(2 * n * w) + res(n * w) for n in (1, 2, 4)) + res(8 * w)
        found, _, rotators = whole(w)
        assert count(found) == encoder
        assert count(rotators) == 4 * rotator + 27 * w


@proves("nets.residual")
def _a_residual_is_two_convolutions_with_norms_then_what_bends_the_sum():
    block = Residual(4, 5)
    assert kinds(block) == ["Conv2d", "BatchNorm2d", "LeakyReLU", "Conv2d", "BatchNorm2d"]
    for p in block.body[-1].parameters():
        nn.init.zeros_(p)
    x = images(2, 4, 8, 8)
    assert torch.equal(block(x), torch.where(x > 0, x, 0.2 * x))
    assert Residual(4, 2)(x).shape == x.shape


@proves("nets.encoder-sees-the-mirror-image", "nets.encoder-kernels-and-outputs", "nets.maxout")
@cache
def _the_encoder_sees_both_and_gives_five_maps_and_a_code():
    net, seen, full = Encoder(3, SIDE, 8).eval(), [], []
    net.steps[0][0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net.code.register_forward_hook(lambda _, __, y: full.append(y))
    x = images(2, 3, *SIDE)
    maps, code = net(x)
    assert torch.equal(seen[0], torch.cat((x, x.flip(3)), 1))
    assert [m.shape[1:] for m in maps] == [(8, 32, 32), (8, 16, 16), (16, 8, 8), (32, 4, 4), (64, 2, 2)]
    assert torch.equal(code, torch.maximum(full[0][:, :32], full[0][:, 32:]))
    kernels = [m.kernel_size[0] for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [7] * 3 + [5] * 3 + [3] * (3 + 3 + 9)
    assert sum(m.stride == (2, 2) for m in net.modules() if isinstance(m, nn.Conv2d)) == 4


@proves("nets.decoder-initial-maps", "nets.decoder-kernels", "nets.last-layers")
@cache
def _the_decoder_draws_from_maps_of_its_own_and_chooses_with_growing_kernels():
    _, net, _ = whole()
    assert (net.initial.in_features, net.initial.out_features) == (356, 8 * 8 * 64)
    grown = [m for m in net.larger.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [(m.out_channels, m.stride[0], m.kernel_size[0]) for m in grown] == [(32, 4, 3), (16, 2, 3), (8, 2, 3)]
    chosen = [next(m for m in block.modules() if isinstance(m, nn.Conv2d)) for block in net.select]
    assert [(m.in_channels, m.kernel_size[0]) for m in chosen] == [(256, 3), (166, 3), (86, 5), (78, 7)]
    assert [m.kernel_size[0] for m in net.lowest.modules() if isinstance(m, nn.Conv2d)] == [2] * 6
    last = [m for m in net.last.modules() if isinstance(m, nn.Conv2d)]
    assert [m.kernel_size[0] for m in last] == [5, 5, 5, 3, 3, 3, 3]
    assert [m.out_channels for m in last] == [212, 212, 64, 64, 64, 32, 3]


@proves("nets.decoder-images-fed-upward")
def _each_smaller_image_is_seen_by_what_draws_the_next():
    net, seen = Generator(3, SIDE, 8, 4, 0).eval(), []
    for layer in (net.decoder.refine[2], net.decoder.last):
        layer.register_forward_pre_hook(lambda _, given: seen.append(given[0][:, -3:]))
    frontal, code = net(images(2, 3, *SIDE), torch.zeros(2, 4))
    assert [x.shape[2] for x in frontal] == [32, 16, 8]
    for x, given in zip((frontal.quarter, frontal.half), seen, strict=True):
        assert torch.allclose(given, nn.functional.interpolate(x, scale_factor=2, mode="bilinear"))
    assert all(x.abs().max() <= 1 for x in frontal)
    assert code.shape == (2, 32)


@proves("nets.right-eye-sees-the-left", "nets.rotator-halves-and-doubles-three-times")
@cache
def _rotators_see_their_part_and_that_of_the_right_eye_both():
    nets, seen = Rotators(3, 8).eval(), {}
    for name, net in nets.items():
        net.down[0][0].register_forward_pre_hook(lambda _, given, name=name: seen.update({name: given[0]}))
    parts = {name: images(2, 3, *size) for name, size in sides((64, 64)).items()}
    parts["left eye"] = -parts["left eye"]
    maps, made = nets(parts)
    assert torch.equal(seen.pop("right eye"), torch.cat((parts["right eye"], parts["left eye"]), 1))
    assert all(torch.equal(x, parts[name]) for name, x in seen.items())
    for name, x in parts.items():
        assert (maps[name].shape, made[name].shape) == ((2, 8, *x.shape[2:]), x.shape)
    convolutions = [m for m in nets["nose"].modules() if isinstance(m, nn.Conv2d)]
    assert sum(m.stride == (2, 2) for m in convolutions) == 3
    assert sum(isinstance(m, nn.ConvTranspose2d) for m in Rotator(3, 3, 8).modules()) == 3


@proves("nets.discriminator-map-of-4")
def _a_face_of_128_pixels_is_judged_at_4_times_4_places():
    for side, places in ((128, 4), (64, 2), (32, 1)):
        net = local_discriminator((3, side, side), 4)
        assert net(torch.zeros(2, 3, side, side)).shape == (2, 1, places, places)
    assert sum(isinstance(m, Residual) for m in net) == 2
    assert (net[-1].kernel_size, net[-1].out_channels) == ((1, 1), 1)


@proves("nets.norm-constants", "init.truncated-normal-and-biases")
@cache
def _norms_and_first_weights_are_those_of_the_code():
    torch.manual_seed(0)
    net = Encoder(3, SIDE, 16)
    assert {(m.eps, m.momentum, m.affine) for m in net.modules() if isinstance(m, BatchNorm2d)} == {(1e-5, 0.1, True)}
    weights = torch.cat([m.weight.flatten() for m in net.modules() if isinstance(m, nn.Conv2d)])
    assert weights.abs().max() <= 0.04
    assert float(weights.detach().std()) == pytest.approx(
        0.02 * 0.88, rel=0.01
    )  # of a normal distribution cut off at two
    assert all((m.bias == 0).all() for m in net.modules() if isinstance(m, nn.Conv2d))
    assert (net.code.bias == 0.1).all()
    assert float(net.code.weight.detach().std()) == pytest.approx(0.02, rel=0.02)
    assert net.code.weight.abs().max() > 0.06


@proves("head.dropout")
def _three_of_ten_numbers_of_the_code_are_shown_to_the_head_in_training_and_all_in_use():
    head = identity_head(1000, 2)
    assert isinstance(head[0], Dropout)
    x = torch.ones(8, 1000)
    kept = head[0](x)
    assert sorted(kept.unique().tolist()) == pytest.approx([0, 1 / 0.3])
    assert float((kept > 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(head.eval()[0](x), x)


@proves("parts.sizes-and-places", "parts.of-64-pixels")
@cache
def _parts_lie_where_the_code_has_them_and_scale_with_the_image():
    """Of 128 pixels the authors pad by y - h / 2 - 1 and x - w / 2 - 1."""
    places = {"left eye": (44, 41), "right eye": (86, 41), "nose": (64, 65), "mouth": (65, 89)}
    assert sides((128, 128)) == SIZES
    for name, (x, y) in places.items():
        assert corners((128, 128))[name] == (y - SIZES[name][0] // 2 - 1, x - SIZES[name][1] // 2 - 1)
    for side in (32, 48, 64, 96, 128, 160):
        for name, (rows, columns) in sides((side, side)).items():
            top, left = corners((side, side))[name]
            assert rows % 8 == columns % 8 == 0
            assert min(top, left, side - top - rows, side - left - columns) >= 0
        (_, left), (_, right) = (corners((side, side))[f"{which} eye"] for which in ("left", "right"))
        assert abs(left + right + sides((side, side))["left eye"][1] - side) <= 1, "eyes lie symmetrically"


@proves("parts.paste-and-crop-returns-the-patch")
def _what_is_put_into_a_face_is_cut_out_of_it_again():
    size = (64, 64)
    parts = {name: images(2, 3, *side).abs() for name, side in sides(size).items()}
    for name, part in parts.items():
        assert torch.equal(frontal_parts(fused({name: part}, size))[name], part)


@proves("parts.max-fusion", "parts.negative-features-are-lost")
@cache
def _parts_that_do_not_overlap_add_up_and_what_is_below_0_is_lost():
    size = (128, 128)
    apart = {name: images(1, 2, *sides(size)[name]) for name in ("left eye", "mouth")}
    alone = [fused({name: part.abs()}, size) for name, part in apart.items()]
    assert torch.equal(fused({name: part.abs() for name, part in apart.items()}, size), alone[0] + alone[1])
    both = fused(apart, size)
    assert torch.equal(frontal_parts(both)["mouth"], apart["mouth"].clamp(min=0))
    eyes = {name: images(1, 2, *sides(size)[name]).abs() for name in ("left eye", "nose")}
    top, left = corners(size)["nose"]
    assert torch.equal(fused(eyes, size), torch.maximum(*(fused({k: x}, size) for k, x in eyes.items())))
    assert fused(eyes, size)[..., top, left].shape == (1, 2)


@proves("parts.cut-at-landmarks")
def _parts_are_cut_about_their_points():
    x = torch.arange(64.0).expand(1, 1, 64, 64) + 100 * torch.arange(64.0)[:, None]
    at = torch.tensor([[20.0, 20, 44, 20, 32, 36, 24, 48, 40, 48]])
    landmarks = (2 * at + 1) / 64 - 1
    assert torch.allclose(points(landmarks, (64, 64)).flatten(1), at, atol=1e-4)
    parts = cut_parts(x, landmarks)
    middles = {"left eye": (20, 20), "right eye": (44, 20), "nose": (32, 36), "mouth": (32, 48)}
    for name, (column, row) in middles.items():
        rows, columns = sides((64, 64))[name]
        assert parts[name].shape == (1, 1, rows, columns)
        assert float(parts[name][0, 0, rows // 2, columns // 2]) == 100 * row + column
    edge = cut(x, torch.tensor([[1.0, 62.0]]), (8, 8))
    assert edge[0, 0].tolist()[-1] == [6300, 6300, 6300, 6300, 6301, 6302, 6303, 6304], "outside is as the edge is"


@proves("parts.mirrored")
def _landmarks_of_the_mirror_image_are_those_of_the_image_mirrored():
    landmarks = torch.tensor([[-0.5, -0.3, 0.4, -0.3, 0.2, 0.1, -0.3, 0.5, 0.4, 0.6]])
    other = mirrored(landmarks)
    assert other.tolist() == [pytest.approx([-0.4, -0.3, 0.5, -0.3, -0.2, 0.1, -0.4, 0.6, 0.3, 0.5])]
    assert torch.equal(mirrored(other), landmarks)
    assert (bool(looks_left(landmarks)), bool(looks_left(other))) == (False, True)
    x = images(1, 3, 64, 64)
    middle = torch.round(points(landmarks, (64, 64))[:, 2])
    across = torch.stack((63 - middle[:, 0], middle[:, 1]), 1)
    assert torch.allclose(points(other, (64, 64))[:, 2], across, atol=0.5)
    assert torch.equal(cut(x, middle, (1, 1)), cut(x.flip(3), across, (1, 1)))


@proves("loss.symmetric-image", "loss.asymmetry-is-a-sum")
@cache
def _a_symmetric_image_costs_nothing_and_the_right_half_alone_learns():
    half = images(2, 3, 6, 4)
    x = torch.cat((half, half.flip(3)), 3).requires_grad_()
    assert float(asymmetry(x)) == 0
    x = torch.cat((half, half.flip(3) + 0.5), 3).requires_grad_()
    loss = asymmetry(x)
    assert float(loss.detach()) == pytest.approx(6 * 4 * 0.5)
    (slope,) = torch.autograd.grad(loss, x)
    assert not slope[..., :4].any()
    assert (slope[..., 4:] != 0).all()


@proves("loss.edges")
def _beside_every_channel_lie_its_own_edges():
    x = torch.zeros(1, 2, 5, 5)
    x[0, 1, 2, 2] = 1
    seen = with_edges(x)
    assert torch.equal(seen[:, :2], x)
    assert not seen[:, 2].any()
    assert seen[0, 3, 1:4, 1:4].tolist() == [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
    assert float(seen[:, 3].sum()) == 0


@proves("loss.variation-of-a-step")
def _a_step_of_height_1_costs_its_length_in_every_channel():
    x = torch.zeros(4, 3, 10, 8)
    x[..., 5:] = 1
    assert float(variation(x)) == 10 * 3
    assert float(variation(x.transpose(2, 3))) == 10 * 3
    assert float(summed(x)) == 10 * 3


@proves("size.refused")
def _sizes_that_cannot_be_halved_four_times_are_refused():
    for size in ((24, 24), (16, 16), (64, 40)):
        with pytest.raises(UsageError, match="sides must be multiples of 16, and 32 or more"):
            check(size)
    check((32, 48))


@proves("landmarks.refused")
def _landmarks_outside_of_the_image_and_missing_ones_are_refused():
    good = torch.zeros(3, 10)
    assert check_landmarks(good, 3) is good
    for wrong in (1.5, -1.01, math.nan):
        bad = good.clone()
        bad[1, 5] = wrong
        with pytest.raises(UsageError, match=r"1 of 3 faces have some. The first: of face 2 the nose, whose y is"):
            check_landmarks(bad, 3)
    with pytest.raises(UsageError, match="TPGAN needs landmarks beside the images: five points of each face"):
        check_landmarks(None, 3)
    with pytest.raises(UsageError, match=r"of 2 images are of shape \[2, 10\], not \[3, 10\]"):
        check_landmarks(good, 2)
