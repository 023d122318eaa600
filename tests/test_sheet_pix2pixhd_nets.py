"""pix2pixHD: every line of its fact sheet on networks, outlines and codes of objects, with what proves it."""

import pytest
import torch
from playing import images
from seeding import seed_all
from sheets import Sheet, bare, count, kinds, span
from torch import nn

from saddle.base.errors import UsageError
from saddle.games.pix2pixhd import Pix2PixHD
from saddle.layers.clusters import Kept, k_means
from saddle.layers.instances import edges, objects
from saddle.nets.scales import Scales, coarser
from saddle.nets.translator import Enhancer, translator
from saddle.spec import DataSpec, Field

SHEET = Sheet(
    *("closed.average-of-a-constant", "closed.edges-of-a-square", "closed.edges-at-both-sides", "field.patch"),
    *("size.patch-maps", "count.global", "count.global-channels", "count.global-3-halvings", "count.enhancer"),
    *("count.encoder", "count.judges", "count.judge-channels", "global.layers", "global.deconvolution"),
    *("enhancer.layers", "enhancer.sums-maps", "enhancer.own-path-zeroed", "enhancer.without-the-coarse-head"),
    *("enhancer.coarse-input-is-averaged", "enhancer.keeps-the-coarse-weights", "judge.layers", "judge.padding"),
    *("judge.first-sees-the-whole", "judge.likes", "encoder.layers", "encoder.constant-number", "encoder.permuted"),
    *("encoder.mean-by-loop", "encoder.one-number-two-classes", "clusters.of-a-class", "clusters.at-most-10"),
    *("clusters.every-time-the-same", "clusters.newest", "init.normal", "sizes.multiples-of-16-and-32"),
)
proves = SHEET.proves


def coarse(channels: int = 36, halvings: int = 4, blocks: int = 9, side: int = 64) -> nn.Sequential:
    with torch.device("meta"):
        return translator((channels, side, side), blocks, outputs=3, halvings=halvings)


def town(side: int = 64, classes: int = 35, b: int = 3) -> DataSpec:
    """Label maps of so many classes, images, and numbers of objects."""
    names, palette = tuple(f"c{i}" for i in range(classes)), tuple((i, i, i) for i in range(classes))
    of = {"a": Field("map", (side, side), names, palette), "b": Field("image", (b, side, side))}
    return DataSpec(of | {"instances": Field("instances", (side, side))})


def papers(**options) -> Pix2PixHD:
    with torch.device("meta"):
        return Pix2PixHD(town(), Pix2PixHD.Options(**options))


def small(**options) -> Pix2PixHD:
    seed_all(0)
    tiny = {"width": 4, "blocks": 1, "enhancer_blocks": 1, "halvings": 2, "encoder_width": 2, "discriminator_width": 2}
    return Pix2PixHD(town(32, 3), Pix2PixHD.Options(**tiny | options))


@pytest.mark.parametrize("line", SHEET.lines)
def test_a_line_of_the_sheet_holds(line):
    SHEET.proofs[line]()


def test_no_line_of_the_sheet_is_left_out():
    assert set(SHEET.proofs) == set(SHEET.lines)


@proves("closed.average-of-a-constant")
def _the_halves_of_a_constant_are_constant_up_to_the_edge():
    assert torch.allclose(coarser(torch.full((1, 2, 33, 31), 0.7)), torch.full((1, 2, 17, 16), 0.7), atol=1e-6)


@proves("closed.edges-of-a-square")
def _a_square_of_4_in_8_has_an_outline_of_28_pixels():
    numbers = torch.zeros(1, 8, 8, dtype=torch.int64)
    numbers[0, 2:6, 2:6] = 7
    outline = edges(numbers)
    assert outline.shape == (1, 1, 8, 8)
    assert int(outline.sum()) == 28
    assert int(outline[0, 0, 2:6, 2:6].sum()) == 12
    assert outline[0, 0, 1, 1] == 0  # no corner of the diagonal


@proves("closed.edges-at-both-sides")
def _two_halves_have_an_outline_of_two_columns_and_none_at_the_border():
    numbers = torch.arange(6)[None, None].expand(1, 4, 6) // 3
    assert edges(numbers)[0, 0].tolist() == [[0, 0, 1, 1, 0, 0]] * 4


@proves("field.patch")
def _a_patch_has_70_pixels():
    assert span(bare(Scales((1, 128, 128), 1, 3, 1)[0]), 128) == [70, 70]


@proves("size.patch-maps")
def _maps_have_the_papers_sizes():
    with torch.device("meta"):
        judges = Scales((3, 1024, 1024), 3, 3, 4)
        for side, sizes in {256: (35, 19, 11), 512: (67, 35, 19), 1024: (131, 67, 35)}.items():
            maps = judges(torch.empty(1, 3, side, side))
            assert tuple(of[-1].shape for of in maps) == tuple((1, 1, size, size) for size in sizes)


@proves("count.global", "count.global-channels")
def _the_global_generators_parameters():
    assert (count(coarse()), count(coarse(39)), count(coarse(3))) == (182_546_755, 182_556_163, 182_443_267)
    for channels in (1, 12, 184):
        assert count(coarse(channels)) == 182_433_859 + 3_136 * channels
    assert count(papers(enhancer=False).generator) == 182_556_163
    assert count(papers(enhancer=False, features=0).generator) == 182_546_755


@proves("count.global-3-halvings")
def _with_the_three_halvings_of_the_authors_class():
    assert count(coarse(halvings=3)) == 45_696_835


@proves("count.enhancer")
def _both_generators_parameters():
    """The head of the global generator is not asked once there is an enhancer, and the paper's count is without it."""
    body, head = count(coarse()[:-3]), count(coarse()[-3:])
    with torch.device("meta"):
        enhancer, more = Enhancer(36, 3, 32, 3), Enhancer(39, 3, 32, 3)
    assert (body, count(enhancer.down), count(enhancer.up), head) == (182_537_344, 74_976, 244_739, 9_411)
    assert body + count(enhancer) == 182_857_059
    assert count(coarse(39)[:-3]) + count(more) == 182_871_171
    game = papers(features=0)
    assert count(game.generator) - head + count(game.enhancer) == 182_857_059


@proves("count.encoder")
def _the_encoders_parameters():
    assert count(papers().encoder) == 788_803


@proves("count.judges", "count.judge-channels")
def _the_discriminators_parameters():
    with torch.device("meta"):
        judges = {n: count(Scales((39, 64, 64), n, 3, 64)) for n in (1, 2, 3)}
        for channels in (3, 6, 39):
            assert count(Scales((channels, 64, 64), 2, 3, 64)) == 2 * (2_761_665 + 1_024 * channels)
    assert judges == {1: 2_801_601, 2: 5_603_202, 3: 8_404_803}
    assert count(papers().discriminator) == 8_404_803
    assert count(papers(enhancer=False).discriminator) == 5_603_202


@proves("global.layers", "global.deconvolution")
def _the_global_generators_layers_stand_in_the_papers_order():
    net, whole = coarse(), ["Conv2d", "InstanceNorm2d", "ReLU"]
    block = ["ReflectionPad2d", *whole, "ReflectionPad2d", "Conv2d", "InstanceNorm2d"]
    up, end = ["ConvTranspose2d", "InstanceNorm2d", "ReLU"], ["ReflectionPad2d", "Conv2d", "Tanh"]
    assert kinds(net) == ["ReflectionPad2d", *whole * 5, *block * 9, *up * 4, *end]
    convolutions = [m for m in net if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [64, 128, 256, 512, 1024, 3]
    assert [(m.kernel_size[0], m.stride[0], m.padding[0]) for m in convolutions] == [
        (7, 1, 0),
        *[(3, 2, 1)] * 4,
        (7, 1, 0),
    ]
    ups = [m for m in net if isinstance(m, nn.ConvTranspose2d)]
    assert [m.out_channels for m in ups] == [512, 256, 128, 64]
    assert {(m.kernel_size[0], m.stride[0], m.padding[0], m.output_padding[0]) for m in ups} == {(3, 2, 1, 1)}


@proves("enhancer.layers")
def _the_enhancers_layers_stand_in_the_papers_order():
    with torch.device("meta"):
        net = Enhancer(36, 3, 32, 3)
    whole = ["Conv2d", "InstanceNorm2d", "ReLU"]
    block = ["ReflectionPad2d", *whole, "ReflectionPad2d", "Conv2d", "InstanceNorm2d"]
    assert kinds(net.down) == ["ReflectionPad2d", *whole * 2]
    assert kinds(net.up) == [
        *block * 3,
        "ConvTranspose2d",
        "InstanceNorm2d",
        "ReLU",
        "ReflectionPad2d",
        "Conv2d",
        "Tanh",
    ]
    assert [m.out_channels for m in net.down if isinstance(m, nn.Conv2d)] == [32, 64]


@proves("enhancer.sums-maps", "enhancer.own-path-zeroed")
def _with_its_own_path_at_0_the_enhancer_draws_from_the_coarse_maps_alone():
    seed_all(0)
    net, x, maps = Enhancer(4, 1, 2, 3), images(2, 4, 16, 16), images(2, 4, 8, 8)
    assert torch.equal(net(x, maps), net.up(net.down(x) + maps))
    for p in net.down.parameters():
        nn.init.zeros_(p)
    assert torch.equal(net(x, maps), net.up(maps))


@proves("enhancer.without-the-coarse-head", "enhancer.coarse-input-is-averaged")
def _the_global_generator_sees_means_of_the_input_and_hands_on_its_last_maps():
    game, x = small(features=0), images(1, 4, 32, 32)
    given = []
    game.enhancer.register_forward_pre_hook(lambda _, both: given.extend(both))
    drawn = game.draw(x, None)
    assert drawn.shape == (1, 3, 32, 32)
    assert torch.equal(given[0], x)
    assert torch.equal(game.generator[-3:](given[1]), game.generator(coarser(x)))


@proves("enhancer.keeps-the-coarse-weights")
def _what_the_global_generator_learned_alone_stays_where_it_is():
    """The authors' code loads its weights into a network of another name, and must match them."""
    game = small(features=0)
    x = images(1, 4, 32, 32)
    game.stage.fill_(1)
    alone = game.draw(x, None)
    before = [p.clone() for p in game.generator.parameters()]
    game.stage.fill_(0)
    game.draw(x, None)
    assert all(map(torch.equal, before, game.generator.parameters()))
    assert alone.shape == (1, 3, 16, 16)


@proves("judge.layers", "judge.padding")
def _the_discriminators_layers_stand_in_the_papers_order():
    with torch.device("meta"):
        judges = Scales((39, 64, 64), 2, 3, 64)
    whole = ["Conv2d", "InstanceNorm2d", "LeakyReLU"]
    for judge in judges:
        assert kinds(judge) == ["Conv2d", "LeakyReLU", *3 * whole, "Conv2d"]
        convolutions = [m for m in judge if isinstance(m, nn.Conv2d)]
        assert [m.out_channels for m in convolutions] == [64, 128, 256, 512, 1]
        assert [m.stride[0] for m in convolutions] == [2, 2, 2, 1, 1]
        assert {(m.kernel_size, m.padding) for m in convolutions} == {((4, 4), (2, 2))}
        assert not any(m.affine for m in judge if isinstance(m, nn.InstanceNorm2d))
        assert {m.negative_slope for m in judge if isinstance(m, nn.LeakyReLU)} == {0.2}


@proves("judge.first-sees-the-whole", "judge.likes")
def _each_next_discriminator_sees_an_image_of_half_the_size():
    seed_all(0)
    judges, x = Scales((3, 32, 32), 3, 1, 2), images(2, 3, 32, 32)
    maps = judges(x)
    for judge, seen, of in zip(judges, (x, coarser(x), coarser(coarser(x))), maps, strict=True):
        assert torch.equal(of[-1], judge(seen))
        assert [m.shape[1] for m in of] == [2, 4, 1]
    assert torch.equal(judges(coarser(x), first=1)[0][-1], maps[1][-1])
    assert not torch.equal(judges[0](x), judges[1](x))  # alike in layers, not in weights


@proves("encoder.layers")
def _the_encoder_is_a_translator_without_blocks():
    net = papers().encoder
    assert [m.out_channels for m in net if isinstance(m, nn.Conv2d)] == [16, 32, 64, 128, 256, 3]
    assert [m.out_channels for m in net if isinstance(m, nn.ConvTranspose2d)] == [128, 64, 32, 16]
    assert kinds(net)[-1] == "Tanh"


def told(game: Pix2PixHD, numbers: torch.Tensor, classes: torch.Tensor | None = None) -> torch.Tensor:
    """The code of two images."""
    classes = torch.zeros(2, 32, 32, dtype=torch.int64) if classes is None else classes
    return game.encoded({"a": classes, "b": images(2, 3, 32, 32), "instances": numbers})


@proves("encoder.constant-number")
def _an_image_of_one_object_has_one_code():
    code = told(small(), torch.full((2, 32, 32), 26_001))
    assert torch.equal(code, code[..., :1, :1].expand_as(code))
    assert not torch.allclose(code[0], code[1])


@proves("encoder.permuted")
def _other_numbers_for_the_same_objects_change_nothing():
    game, numbers = small(), torch.randint(0, 5, (2, 32, 32), generator=torch.Generator().manual_seed(0))
    other = torch.tensor([3, 26_000, 7, 11_001, 4])
    assert torch.allclose(told(game, numbers), told(game, other[numbers]), atol=1e-6)


@proves("encoder.mean-by-loop")
def _a_code_is_the_mean_over_its_object_in_its_own_image():
    game, numbers = small(), torch.randint(0, 5, (2, 32, 32), generator=torch.Generator().manual_seed(0))
    code, every = told(game, numbers), game.encoder(images(2, 3, 32, 32))
    for i in (0, 1):
        for number in range(5):
            inside = numbers[i] == number
            mean = every[i][:, inside].mean(1, keepdim=True)
            assert torch.allclose(code[i][:, inside], mean.expand(-1, int(inside.sum())), atol=1e-6)


@proves("encoder.one-number-two-classes")
def _what_is_no_object_has_a_code_for_each_class():
    """Where files have the number 0 for all that is no object, sky and road are two things."""
    classes = (torch.arange(32) // 16).expand(2, 32, 32)
    there = objects(torch.zeros(2, 32, 32, dtype=torch.int64), classes, 3)
    assert (there.image.tolist(), there.kind.tolist()) == ([0, 0, 1, 1], [0, 1, 0, 1])
    code = told(small(), torch.zeros(2, 32, 32, dtype=torch.int64), classes)
    assert not torch.allclose(code[..., 0], code[..., -1])
    assert torch.equal(code[..., 0], code[..., 15])


@proves("clusters.of-a-class", "clusters.at-most-10")
def _clusters_are_those_of_the_codes_and_at_most_10_of_a_class():
    """Three heaps, of which the largest comes first; as many clusters as codes, where these are fewer than 10."""
    heaps = torch.tensor([[0.9, 0.0, 0.0], [0.0, 0.9, 0.0], [-0.9, 0.0, 0.5]]).repeat_interleave(
        torch.tensor([5, 8, 3]), 0
    )
    found = k_means(heaps + 1e-3 * images(16, 3), 3)
    assert torch.allclose(found.float(), heaps[[5, 0, 15]], atol=2e-3)
    assert torch.allclose(k_means(heaps, 10).float(), heaps[[5, 0, 15]])  # of three different codes
    assert len(k_means(images(40, 3), 10)) == 10
    assert len(k_means(images(4, 3), 10)) == 4
    assert len(k_means(images(0, 3), 10)) == 0


@proves("clusters.every-time-the-same")
def _the_same_codes_have_the_same_clusters_whatever_was_drawn_before():
    points = images(60, 3)
    first = k_means(points, 10)
    torch.manual_seed(5)
    seed_all(7)
    assert torch.equal(first, k_means(points, 10))


@proves("clusters.newest")
def _the_newest_codes_of_each_class_are_kept():
    kept = Kept(2, 3, 1)
    kept.add(torch.arange(4.0).view(1, 4, 1), torch.tensor([[0, 1, 0, -1]]))
    assert kept.seen.tolist() == [2, 1]
    kept.add(torch.tensor([10.0, 11, 12, 13, 14]).view(1, 5, 1), torch.zeros(1, 5, dtype=torch.int64))
    assert sorted(kept.vectors[0].flatten().tolist()) == [12, 13, 14]
    kept.add(torch.tensor([[[20.0]]]), torch.tensor([[0]]))
    assert sorted(kept.vectors[0].flatten().tolist()) == [13, 14, 20]
    assert kept.centres(1, 10).tolist() == [[1.0]]


@proves("init.normal")
def _weights_start_with_a_deviation_of_02():
    seed_all(0)
    game = Pix2PixHD(town(32, 3), Pix2PixHD.Options(width=16, halvings=3, blocks=1))
    for module in game.modules():
        if isinstance(module, nn.modules.conv._ConvNd):
            assert not module.bias.any()
            if module.weight.numel() > 10_000:
                assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.05)


@proves("sizes.multiples-of-16-and-32")
def _sides_are_multiples_of_16_and_with_the_enhancer_of_32():
    assert (papers(enhancer=False).multiple("a", "b"), papers().multiple("a", "b")) == (16, 32)
    for side, enhancer, near in ((72, False, "64×64 and 80×80"), (80, True, "64×64 and 96×96")):
        with pytest.raises(UsageError, match=f"pix2pixHD cannot draw {side}×{side} images.*{near}"):
            Pix2PixHD(town(side), Pix2PixHD.Options(enhancer=enhancer))
