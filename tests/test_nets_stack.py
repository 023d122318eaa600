"""The networks that draw what a text says: GAN-CLS, StackGAN and StackGAN++."""

import pytest
import torch
from torch import nn

from saddle.base.errors import UsageError
from saddle.nets import gan_cls, stackgan, stackgan_v2
from saddle.spec import DataSpec


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def colours(side: int) -> DataSpec:
    return DataSpec.of((3, side, side))


COUNTS = {
    "gan-cls generator": (lambda: gan_cls.Generator(100, 1024, colours(64)), 18_909_699),
    "gan-cls discriminator": (lambda: gan_cls.Discriminator(1024, colours(64)), 4_032_321),
    "conditioning augmentation": (lambda: stackgan.Augmentation(1024), 262_400),
    "stage I": (lambda: stackgan.StageI(100, 1024, colours(64)), 10_301_248),
    "stage I's discriminator": (lambda: stackgan.Discriminator(colours(64), alone=False), 5_715_713),
    "stage II": (lambda: stackgan.StageII(1024, 3), 26_290_080),
    "stage II's discriminator": (lambda: stackgan.Discriminator(colours(256)), 71_269_122),
    "stage I for COCO": (lambda: stackgan.StageI(100, 1024, colours(64), width=96), 20_020_832),
    "its discriminator": (lambda: stackgan.Discriminator(colours(64), width=96, alone=False), 12_407_425),
    "stage II for COCO": (lambda: stackgan.StageII(1024, 3, width=96, blocks=2), 37_130_480),
    "its discriminator for COCO": (lambda: stackgan.Discriminator(colours(256), width=96), 159_889_538),
    "gated augmentation": (lambda: stackgan_v2.Augmentation(1024), 524_800),
    "root of the tree": (lambda: stackgan_v2.Tree(100, 1024, colours(64)).root, 20_074_240),
    "second branch": (lambda: stackgan_v2.Tree(100, 1024, colours(64)).branches[0], 480_384),
    "third branch": (lambda: stackgan_v2.Tree(100, 1024, colours(64)).branches[1], 157_248),
    "painters": (lambda: stackgan_v2.Tree(100, 1024, colours(64)).painters, 1_728 + 864 + 432),
    "tree": (lambda: stackgan_v2.Tree(100, 1024, colours(64)), 21_239_696),
    "tree's discriminator at 64": (lambda: stackgan.Discriminator(colours(64)), 5_723_906),
    "tree's discriminator at 128": (lambda: stackgan.Discriminator(colours(128)), 18_834_178),
    "tree without texts": (lambda: stackgan_v2.Tree(100, 0, colours(64)), 16_472_208),
    "without texts at 64": (lambda: stackgan.Discriminator(colours(64), condition=0), 2_765_569),
    "without texts at 128": (lambda: stackgan.Discriminator(colours(128), condition=0), 15_875_841),
    "without texts at 256": (lambda: stackgan.Discriminator(colours(256), condition=0), 68_310_785),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_networks_have_the_references_parameters(name: str):
    build, parameters = COUNTS[name]
    with torch.device("meta"):
        assert count(build()) == parameters


def test_the_papers_sizes_go_through_both_stages():
    with torch.device("meta"):
        text, noise = torch.empty(2, 1024), torch.empty(2, 128)
        small = stackgan.StageI(100, 1024, colours(64))(torch.empty(2, 228), text).images[0]
        large = stackgan.StageII(1024, 3)(noise, text, small).images[0]
        tree = stackgan_v2.Tree(100, 1024, colours(64))(torch.empty(2, 228), text).images
    assert small.shape == (2, 3, 64, 64)
    assert large.shape == (2, 3, 256, 256)
    assert [image.shape[-1] for image in tree] == [64, 128, 256]


@pytest.mark.parametrize("factor", [2, 4])
def test_stage_two_draws_at_the_asked_size(factor: int):
    stage = stackgan.StageII(5, 1, 3, width=2, factor=factor, blocks=1)
    image = stage(torch.randn(2, 3), torch.randn(2, 5), torch.rand(2, 1, 8, 16)).images[0]
    assert image.shape == (2, 1, 8 * factor, 16 * factor)


def test_nothing_bends_between_the_last_two_convolutions_of_gan_cls():
    kinds = [
        type(layer).__name__.removeprefix("Strided")
        for layer in gan_cls.Discriminator(6, colours(64), width=2).features
    ]
    conv, norm, bend = "Conv2d", "BatchNorm2d", "LeakyReLU"
    assert kinds == [conv, bend, conv, norm, bend, conv, norm, conv, norm, "Residual"]


@pytest.mark.parametrize("side", [8, 16, 24, 64])
def test_gan_cls_draws_and_judges_other_sizes(side: int):
    text = torch.randn(3, 6)
    image = gan_cls.Generator(4, 6, colours(side), width=2, read=3)(torch.randn(3, 4), text)
    assert image.shape == (3, 3, side, side)
    assert gan_cls.Discriminator(6, colours(side), width=2, read=3)(image, text).shape == (3,)


@pytest.mark.parametrize("augmentation", [stackgan.Augmentation(4, 8), stackgan_v2.Augmentation(4, 8)])
def test_the_law_of_a_code_may_be_narrow_and_on_either_side(augmentation: nn.Module):
    """A ReLU on mean and log σ² would keep μ ≥ 0 and σ ≥ 1."""
    torch.manual_seed(0)
    _, mean, log_var = augmentation(torch.randn(100, 4), torch.zeros(100, 8))
    assert mean.min() < 0 < mean.max()
    assert log_var.min() < 0 < log_var.max()


@pytest.mark.parametrize("kind", [stackgan.Augmentation, stackgan_v2.Augmentation])
def test_a_code_has_the_law_that_is_given_back(kind: type):
    torch.manual_seed(0)
    augmentation = kind(4, 2)
    text = torch.randn(1, 4).expand(20_000, -1)
    c, mean, log_var = augmentation(text, torch.randn(20_000, 2))
    assert torch.allclose(c.mean(0), mean[0], atol=0.03)
    assert torch.allclose(c.std(0), (log_var[0] / 2).exp(), rtol=0.03)


def test_leaving_branches_out_leaves_the_coarser_images_as_they_are():
    torch.manual_seed(0)
    whole = stackgan_v2.Tree(5, 6, colours(8), branches=3, condition=4, width=8)
    part = stackgan_v2.Tree(5, 6, colours(8), branches=2, condition=4, width=8)
    part.load_state_dict({name: whole.state_dict()[name] for name in part.state_dict()})
    noise, text = torch.randn(3, 9), torch.randn(3, 6)
    for coarse, same in zip(part(noise, text).images, whole(noise, text).images, strict=False):
        assert torch.equal(coarse, same)


def test_a_tree_of_five_branches_has_five_that_all_matter():
    """The reference gives the fourth and the fifth the same name."""
    tree = stackgan_v2.Tree(5, 0, colours(8), branches=5, width=16, blocks=1)
    images = tree(torch.randn(2, 5)).images
    assert [image.shape[-1] for image in images] == [8, 16, 32, 64, 128]
    images[-1].square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tree.branches.parameters())


def test_each_branch_is_told_the_code_again():
    tree = stackgan_v2.Tree(5, 0, colours(8), branches=2, width=8)
    h = torch.randn(2, 8, 8, 8)
    one, other = (tree.branches[0](h, c) for c in (torch.zeros(2, 5), torch.ones(2, 5).cumsum(0)))
    assert not torch.equal(one, other)


def test_the_generators_heed_the_text_and_the_noise():
    torch.manual_seed(0)
    generators = {
        gan_cls.Generator(4, 6, colours(8), width=4, read=3): 4,
        stackgan.StageI(4, 6, colours(8), condition=3, width=4): 7,
        stackgan_v2.Tree(4, 6, colours(8), branches=1, condition=3, width=4): 7,
    }
    for generator, numbers in generators.items():
        draw = generator.eval()
        noise, text = torch.randn(2, numbers), torch.randn(2, 6)
        images = [draw(*given) for given in ((noise, text), (noise, text.flip(0)), (noise.flip(0), text))]
        first, reread, redrawn = (x if isinstance(x, torch.Tensor) else x.images[-1] for x in images)
        assert not torch.allclose(first, reread, atol=1e-7)
        assert not torch.allclose(first, redrawn, atol=1e-7)


@pytest.mark.parametrize(
    ("factor", "shape", "said"),
    [
        (4, (3, 30, 30), r"cannot draw 30×30 images: a 4th of its sides must halve .* sizes are 32×32"),
        (2, (3, 8, 8), r"half its sides must halve evenly .* 16×16"),
        (1, (3, 9, 9), r"its sides must halve evenly .* 8×8"),
        (4, (2,), "draws images"),
    ],
)
def test_sizes_that_no_stage_can_draw_are_refused_with_the_nearest(factor: int, shape: tuple[int, ...], said: str):
    with pytest.raises(UsageError, match=said):
        stackgan.smaller("StackGAN", DataSpec.of(shape), factor)


@pytest.mark.parametrize(("shape", "factor"), [((3, 32, 32), 4), ((3, 32, 48), 2), ((1, 56, 56), 2)])
def test_sizes_that_a_stage_can_draw_are_left_alone(shape: tuple[int, int, int], factor: int):
    small = stackgan.smaller("StackGAN", DataSpec.of(shape), factor).shape
    assert small == (shape[0], shape[1] // factor, shape[2] // factor)


@pytest.mark.parametrize("network", [stackgan.StageI, stackgan.StageII])
def test_texts_of_few_numbers_speak_as_loudly_as_those_of_1024(network: type):
    """With N(0, 0.02) everywhere, the means of codes of 32 numbers begin six times smaller than in the paper."""

    def loudness(text_dim: int) -> float:
        torch.manual_seed(0)
        first = (text_dim, 3) if network is stackgan.StageII else (16, text_dim, colours(32))
        net = network(*first, width=4)
        return float(net.augmentation.law[0](torch.randn(256, text_dim)).std().detach())

    assert loudness(32) == pytest.approx(loudness(1024), rel=0.1) == pytest.approx(0.64, rel=0.1)
